"""The picture of the README is what its lines draw."""

import re
from pathlib import Path

from epochal import Run, parse

ROOT = Path(__file__).parents[2]


def test_picture_of_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    match = re.search(r"^schedule = (.+)$\n^run = Run\((.+)\)$", readme, re.M)
    assert match
    assert match[2] == '"15Btok", tokens_per_batch=500_000'
    curve = parse(match[1]).resolve(Run("15Btok", tokens_per_batch=500_000))
    path = ROOT / "docs" / "_static" / "wsd.svg"
    drawn = curve.to_svg(width=640, height=220)
    assert path.read_text(encoding="utf-8") == drawn + "\n", f"write {path} anew"
