"""Habits of the house: what the package may not import, compute or depend on."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "python" / "epochal"
SOURCES = sorted(PACKAGE.glob("**/*.py"))
REFERENCE = sorted((ROOT / "tests" / "reference").glob("*.py"))


def test_there_are_sources() -> None:
    assert {"__init__.py", "schedules.py"} <= {path.name for path in SOURCES}
    assert {"time.py", "schedules.py"} <= {path.name for path in REFERENCE}


@pytest.mark.parametrize("heavy", ["torch", "numpy"])
def test_import_is_light(heavy: str) -> None:
    """A fresh interpreter, outside of the repository: the installed package is what is imported."""
    code = f"""
import sys, epochal
curve = epochal.LinearScheduler().resolve(epochal.Run("10ba"))
assert curve(5) == 0.5
assert {heavy!r} not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd="/")


def test_the_core_has_no_dependency() -> None:
    manifest = tomllib.loads((ROOT / "rust" / "epochal-core" / "Cargo.toml").read_text())
    assert manifest["dependencies"] == {}
    assert "build-dependencies" not in manifest
    assert "target" not in manifest


def test_the_core_does_not_name_python() -> None:
    for path in (ROOT / "rust" / "epochal-core" / "src").glob("**/*.rs"):
        code = re.sub(r"//.*", "", path.read_text())
        assert not re.search(r"\b(pyo3|numpy)\b", code), path


def computes(tree: ast.AST) -> list[str]:
    """The arithmetic that belongs into the core: `math`, `**` and `pow`."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name in ("math", "cmath")]
        elif isinstance(node, ast.ImportFrom) and node.module in ("math", "cmath"):
            found.append(node.module)
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Pow):
            found.append("**")
        elif "pow" in (getattr(node, "id", ""), getattr(node, "attr", "")):
            found.append("pow")
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_the_package_computes_nothing(path: Path) -> None:
    assert computes(ast.parse(path.read_text())) == []


@pytest.mark.parametrize(
    "code",
    ["import math", "from math import sin", "x ** 2", "x **= 2", "pow(x, 2)", "torch.pow(x, 2)"],
)
def test_computing_would_be_found(code: str) -> None:
    assert computes(ast.parse(code))


@pytest.mark.parametrize("path", REFERENCE, ids=lambda path: path.name)
def test_the_reference_stands_alone(path: Path) -> None:
    """The standard library and itself; nothing of the package that it judges."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names = [node.module or ""]
        for name in names:
            top = name.split(".")[0]
            assert top == "reference" or top in sys.stdlib_module_names
