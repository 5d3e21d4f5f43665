"""Every block of docs/frameworks.md is run by a test."""

import re
from pathlib import Path

from frameworks import page

SOURCES = Path(__file__).parent.glob("**/*.py")


def test_every_block_is_run() -> None:
    text = "\n".join(path.read_text() for path in SOURCES if path.name != "test_page.py")
    unnamed = [heading for heading in page.blocks() if f'"{heading}"' not in text]
    assert unnamed == []


def test_every_row_leads_to_lines() -> None:
    """And the page counts its rows right."""
    text = page.PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[([\w ]+)\]\(#", text, re.M)
    assert f"All {len(rows)} rows are right" in text
    assert [row for row in rows if not any(name.startswith(row) for name in page.blocks())] == []


def test_no_block_is_overlooked() -> None:
    """A heading has one block at most, and no block is out of the reach of the tests."""
    text = page.PAGE.read_text(encoding="utf-8")
    assert len(re.findall("^```python$", text, re.M)) == len(page.blocks())
