"""Runs the lines of docs/frameworks.md: what the page shows is what is tested."""

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "frameworks.md"
FIRST = "The first lines"


def blocks() -> dict[str, str]:
    """The lines under each heading of the page, by the heading."""
    found: dict[str, str] = {}
    text = PAGE.read_text(encoding="utf-8")
    for match in re.finditer(r"^#+ (.+)\n(?:(?!^#).*\n)*?```python\n([^`]*)```$", text, re.M):
        # Leading newlines, so that a traceback shows the line of the page.
        found[match[1]] = "\n" * text.count("\n", 0, match.start(2)) + match[2]
    return found


def run(heading: str, **names: Any) -> dict[str, Any]:
    """Runs the lines under a heading, after the first ones of the page, with these names.

    Returns all names that there are then.
    """
    module = sys.modules["page"] = ModuleType("page")  # where pickle looks for classes
    found = blocks()
    exec(compile(found[FIRST], PAGE, "exec"), module.__dict__)
    module.__dict__.update(names)
    exec(compile(found[heading], PAGE, "exec"), module.__dict__)
    return module.__dict__
