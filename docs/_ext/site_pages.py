"""Writes a page for each schedule and operation of the catalogue, and the gallery of all."""

import inspect
import shutil
import textwrap
from pathlib import Path
from typing import Any

import epochal
from site_catalogue import OPERATIONS, PAPERS, PRODUCT, SCHEDULES, Entry
from sphinx.application import Sphinx

PRODUCT_TEXT = """\
    α(t) = a(t) * b(t)      a * b
    α(t) = a(t) * 0.5       a * 0.5
    α(t) = a(t) + 0.1       a + 0.1

The product of two schedules, and a schedule scaled or lifted by a number that is 0 or above;
mirrored too. A function stands where a schedule stands. `(a * b) * (1 - f) + f` keeps a floor f
under both.
"""


# The libraries whose arguments docs/migration.md compares.
MIGRATION = {"PyTorch", "Transformers", "timm", "Megatron"}


def picture(entry: Entry) -> str:
    return f"```{{picture}}\n:run: {entry.run}\n{entry.example}\n```\n"


def page(entry: Entry, described: str) -> str:
    parts = [f"# {entry.name}\n", picture(entry), described]
    if entry.elsewhere:
        rows = "".join(f"| {library} | {name} |\n" for library, name in entry.elsewhere.items())
        parts.append(f"## Elsewhere\n\n| library | its name there |\n| --- | --- |\n{rows}")
        if MIGRATION & set(entry.elsewhere):
            parts.append("[Argument by argument](../migration.md)\n")
    if entry.papers:
        parts.append("## Source\n\n" + "".join(f"* {PAPERS[name]}\n" for name in entry.papers))
    return "\n".join(parts)


def directive(kind: str, target: str, *options: str) -> str:
    lines = "".join(f"   {option}\n" for option in options)
    return f"```{{eval-rst}}\n.. {kind}:: {target}\n{lines}```\n"


def formula(entry: Entry) -> str:
    """The first paragraph of the docstring that stands indented."""
    made = getattr(epochal, entry.name, None) or getattr(epochal.Schedule, entry.name, None)
    text = PRODUCT_TEXT if entry is PRODUCT else inspect.getdoc(made) or ""
    for paragraph in text.split("\n\n"):
        if paragraph.startswith("    "):
            return f"```text\n{textwrap.dedent(paragraph)}\n```\n"
    raise ValueError(f"the docstring of {entry.name} has no formula")


def gallery() -> str:
    groups = {"schedules": SCHEDULES, "operations": [*OPERATIONS, PRODUCT]}
    parts = ["# Gallery\n", "Each picture is drawn by `curve.to_svg()` when this site is built.\n"]
    for folder, entries in groups.items():
        parts.append(f"## {folder.capitalize()}\n")
        parts += [
            f"### [{e.name}]({folder}/{e.name}.md)\n\n{picture(e)}\n{formula(e)}" for e in entries
        ]
        names = "\n".join(f"{folder}/{e.name}" for e in entries)
        parts.append(f"```{{toctree}}\n:hidden:\n\n{names}\n```\n")
    return "\n".join(parts)


def write(app: Sphinx) -> None:
    source = Path(app.srcdir)
    pages = {
        f"schedules/{e.name}": page(e, directive("autoclass", f"epochal.{e.name}"))
        for e in SCHEDULES
    }
    for entry in OPERATIONS:
        described = directive("automethod", f"epochal.Schedule.{entry.name}", ":no-index:")
        pages[f"operations/{entry.name}"] = page(entry, described)
    text = PRODUCT_TEXT.split("\n\n")[1]
    pages[f"operations/{PRODUCT.name}"] = page(PRODUCT, f"{formula(PRODUCT)}\n{text}")
    pages["gallery"] = gallery()
    for folder in ("schedules", "operations"):
        shutil.rmtree(source / folder, ignore_errors=True)
        (source / folder).mkdir()
    for name, content in pages.items():
        (source / f"{name}.md").write_text(content, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True}
