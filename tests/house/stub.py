"""Writes the docstrings of the binary into the stub, so that an editor shows them: `make stub`.

A test sees to it that both are the same.
"""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent
from typing import Any

from epochal import _core

STUB = Path(__file__).parents[2] / "python" / "epochal" / "_core.pyi"

Definition = ast.ClassDef | ast.FunctionDef


def public(body: list[ast.stmt], owner: Any = _core) -> Iterator[tuple[Definition, Any]]:
    """The classes, methods and functions of a stub, each with the object that it describes."""
    for node in body:
        if isinstance(node, Definition) and not node.name.startswith("_"):
            described = inspect.getattr_static(owner, node.name)
            yield node, getattr(described, "__func__", described)
            if isinstance(node, ast.ClassDef):
                yield from public(node.body, getattr(owner, node.name))


def docstrings(stub: str) -> dict[str, tuple[str | None, str | None]]:
    """What the stub says of each public name, and what the binary says."""
    found = {}
    for node, described in public(ast.parse(stub).body):
        name = getattr(described, "__qualname__", node.name)
        found[f"{node.lineno}: {name}"] = ast.get_docstring(node), inspect.getdoc(described)
    return found


def with_docstrings(stub: str) -> str:
    """The stub with the binary's docstrings in place of its own."""
    lines = stub.splitlines()
    for node, described in reversed(list(public(ast.parse(stub).body))):
        text = inspect.getdoc(described)
        if text is None:
            continue
        assert '"""' not in text, node.name
        assert "\\" not in text, node.name
        text = f'"""{text}"""' if "\n" not in text else f'"""{text}\n"""'
        new = indent(text, " " * (node.col_offset + 4)).splitlines()
        first = node.body[0]
        value = first.value if isinstance(first, ast.Expr) else None
        if ast.get_docstring(node) is not None:
            lines[first.lineno - 1 : first.end_lineno] = new
        elif isinstance(value, ast.Constant):  # an ellipsis on the line of the colon
            lines[first.lineno - 1] = lines[first.lineno - 1].removesuffix(" ...")
            lines[first.lineno : first.lineno] = new
        else:
            decorators = getattr(first, "decorator_list", [])
            start = min([first.lineno, *(decorator.lineno for decorator in decorators)])
            lines[start - 1 : start - 1] = new
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    STUB.write_text(with_docstrings(STUB.read_text()))
