"""Docstrings as they are: formulas stand indented, and names in single backquotes are code."""

import re
from typing import Any

from sphinx.application import Sphinx

SECTION = re.compile(r"[A-Z][\w ]*:")  # "Args:", which napoleon reads


def with_formulas(lines: list[str]) -> list[str]:
    """An indented paragraph outside of the sections becomes a block of its own."""
    out: list[str] = []
    section = inside = False
    for before, line in zip(["", *lines], lines, strict=False):
        indented = line.startswith("    ")
        if line and not indented:
            section, inside = bool(SECTION.fullmatch(line)), False
        elif indented and not before and not section and not inside:
            out += [".. code-block:: text", "    :class: formula", ""]
            inside = True
        out.append(line)
    return out


def process(
    app: Sphinx, what: str, name: str, value: object, options: object, lines: list[str]
) -> None:
    lines[:] = with_formulas(lines)


def setup(app: Sphinx) -> dict[str, Any]:
    # Before napoleon, whose sections are then indented too.
    app.connect("autodoc-process-docstring", process, priority=400)
    return {"parallel_read_safe": True}
