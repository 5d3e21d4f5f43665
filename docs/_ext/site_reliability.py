"""The figures of docs/reliability.json, which `make trust` writes: the directive `reliability`.

Each campaign tells by its own docstring what it measures.
"""

import json
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


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


class Reliability(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        path = Path(self.env.srcdir) / "reliability.json"
        self.env.note_dependency(str(path))
        report = json.loads(path.read_text(encoding="utf-8"))
        found: list[nodes.Node] = self.parse_text_to_nodes(
            pages(report), allow_section_headings=True
        )
        return found


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("reliability", Reliability)
    return {"parallel_read_safe": True}
