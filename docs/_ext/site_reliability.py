"""Adds the figures of reliability.json, which `make trust` writes, to the page of that name.

Each campaign tells by its own docstring what it measures.
"""

import json
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx


def expected(figure: dict[str, Any]) -> str:
    """What a figure has to come to, in words."""
    least, most = figure.get("at_least"), figure.get("at_most")
    if most == 0:
        return "0"
    bounds = {"at least": least, "at most": most}
    return ", ".join(f"{word} {bound:,}" for word, bound in bounds.items() if bound is not None)


def section(name: str, campaign: dict[str, Any]) -> str:
    rows = "".join(
        f"| {figure['what']} | {figure['value']:,} | {expected(figure)} |\n"
        for figure in campaign["figures"]
    )
    heading = f"## {name.capitalize()}\n\n{campaign['about']}\n"
    return f"{heading}\n| | measured | expected |\n| --- | ---: | ---: |\n{rows}"


def pages(report: dict[str, Any]) -> str:
    machine = report["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine.items())
    minutes = round(sum(c["seconds"] for c in report["campaigns"].values()) / 60)
    parts = [f"Measured in {minutes} minutes on {versions}.\n"]
    parts += [section(name, campaign) for name, campaign in report["campaigns"].items()]
    return "\n".join(parts)


def add(app: Sphinx, name: str, source: list[str]) -> None:
    if name == "reliability":
        path = Path(app.srcdir) / "reliability.json"
        app.env.note_dependency(str(path))
        source[0] += pages(json.loads(path.read_text(encoding="utf-8")))


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("source-read", add)
    return {"parallel_read_safe": True}
