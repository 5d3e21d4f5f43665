"""Examples in the README, in pages and docstrings run; everything public has a docstring."""

import doctest
import importlib
import inspect
import io
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import epochal
import pytest
from pages import ROOT, blocks

# Pages whose lines want frameworks or loggers have tests of their own.
ELSEWHERE = {"frameworks.md", "logging.md"}


def has_examples(page: Path) -> bool:
    return page.name not in ELSEWHERE and any(blocks(page.read_text(encoding="utf-8")))


PAGES = [ROOT / "README.md", *sorted(filter(has_examples, (ROOT / "docs").glob("*.md")))]

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


# Pages


def run_session(code: str, namespace: dict[str, Any], page: Path, line: int) -> None:
    """A block with prompts: its output is compared too."""
    report = io.StringIO()
    test = doctest.DocTestParser().get_doctest(code, namespace, page.name, str(page), line)
    # A DocTest copies its namespace; blocks share theirs.
    test.globs = namespace
    outcome = doctest.DocTestRunner(optionflags=FLAGS, verbose=False).run(
        test, out=report.write, clear_globs=False
    )
    assert outcome.attempted > 0, f"{page.name}: no example in the block at line {line}"
    assert outcome.failed == 0, report.getvalue()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "plot" in page.read_text(encoding="utf-8"):
        pytest.importorskip("matplotlib").use("agg")
    # A block may write files.
    monkeypatch.chdir(tmp_path)
    # Classes that a block defines are looked up by name, by pickle for one.
    module = ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", module)
    namespace = module.__dict__
    ran = 0
    for line, code in blocks(page.read_text(encoding="utf-8")):
        if re.search(r"^>>> ", code, re.M):
            run_session(code, namespace, page, line)
        else:
            # Leading newlines, so that a traceback shows the line of the page.
            exec(compile("\n" * line + code, str(page), "exec"), namespace)
        ran += 1
    assert ran > 0


def test_pages_are_found() -> None:
    names = {page.name for page in PAGES}
    assert {"README.md", "start.md", "which.md", "units.md", "scale.md", "seeing.md"} <= names
    assert {"loop.md", "trainer.md", "arrays.md", "schedules.md", "resuming.md"} <= names


def in_a_shell(block: str) -> str:
    """The commands of a console block, each with what it prints in a terminal of 90 columns."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    shown = ""
    for command in re.findall(r"^\$ (.*)$", block, re.M):
        done = subprocess.run(
            command,
            shell=True,
            capture_output=True,
            encoding="utf-8",
            check=False,
            env=os.environ | {"PATH": path, "COLUMNS": "90", "PYTHONIOENCODING": "utf-8"},
        )
        shown += f"$ {command}\n{done.stdout}{done.stderr}"
    return shown


CONSOLES = [
    pytest.param(code, id=f"{page.name}:{line}")
    for page in PAGES
    for line, code in blocks(page.read_text(encoding="utf-8"), "console")
]


@pytest.mark.parametrize("block", CONSOLES)
def test_console(block: str) -> None:
    assert in_a_shell(block) == block


def test_blocks_are_found() -> None:
    text = "a\n```python\nb = 1\n```\nc\n```text\nd\n```\n  ```python\n  e = 2\n  ```\n"
    assert list(blocks(text)) == [(2, "b = 1\n"), (9, "e = 2\n")]


# Docstrings


# They import frameworks; tests/frameworks/test_docstrings.py runs their examples.
WITH_FRAMEWORKS = {"epochal.torch.lightning", "epochal.torch.transformers"}


def modules() -> list[ModuleType]:
    """The package and all its modules, private ones and the native one too."""
    names = {info.name for info in pkgutil.walk_packages(epochal.__path__, "epochal.")}
    assert names > WITH_FRAMEWORKS
    return [importlib.import_module(name) for name in ["epochal", *sorted(names - WITH_FRAMEWORKS)]]


def own(value: object) -> bool:
    return str(getattr(value, "__module__", "")).partition(".")[0] == "epochal"


def members(owner: type) -> Iterator[tuple[str, Any]]:
    """Methods and properties that a class itself defines, native ones too."""
    for name, value in vars(owner).items():
        plain = value.__func__ if isinstance(value, (classmethod, staticmethod)) else value
        if (
            inspect.isroutine(plain)
            or inspect.isdatadescriptor(plain)
            or inspect.isgetsetdescriptor(plain)
        ):
            yield name, plain


def objects() -> dict[str, Any]:
    """Everything public that may carry a docstring, by its full name, each once."""
    found: dict[str, Any] = {}
    seen: set[int] = set()
    for module in modules():
        found[module.__name__] = module
        names = getattr(module, "__all__", None) or [n for n in vars(module) if n[0] != "_"]
        for name in names:
            value = getattr(module, name)
            if not (inspect.isclass(value) or inspect.isroutine(value)) or not own(value):
                continue
            if id(value) in seen:
                continue
            seen.add(id(value))
            found[f"{module.__name__}.{name}"] = value
            if inspect.isclass(value):
                for member, plain in members(value):
                    found[f"{module.__name__}.{name}.{member}"] = plain
    return found


def examples() -> Iterator[doctest.DocTest]:
    """The docstrings that hold examples; each sees the public names of the package."""
    finder = doctest.DocTestFinder(recurse=False, exclude_empty=True)
    public = {name: getattr(epochal, name) for name in epochal.__all__} | {"epochal": epochal}
    for name, value in objects().items():
        # Without a module, the finder takes native objects too.
        for test in finder.find(value, name, module=False, globs=dict(public)):
            if test.examples:
                yield test


EXAMPLES = list(examples())


@pytest.mark.parametrize("test", EXAMPLES, ids=lambda test: test.name)
def test_docstring(test: doctest.DocTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    report = io.StringIO()
    runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
    outcome = runner.run(test, out=report.write)
    assert outcome.failed == 0, report.getvalue()
    assert outcome.attempted > 0


def test_examples_are_found() -> None:
    """In the Python part and in the native one, so that neither drops out unnoticed."""
    names = [test.name for test in EXAMPLES]
    for name in ("Time", "Timestamp", "Run", "Curve", "CosineAnnealingWithWarmupScheduler"):
        assert any(re.search(rf"\.{name}\b", found) for found in names), name


# Everything public is documented


PUBLIC = [name for name in epochal.__all__ if callable(getattr(epochal, name))]


@pytest.mark.parametrize("name", PUBLIC)
def test_docstrings_of_public_names(name: str) -> None:
    # `__doc__` of a class is its own: it is not inherited.
    assert inspect.cleandoc(getattr(epochal, name).__doc__ or ""), name


def test_docstrings_begin_with_a_sentence() -> None:
    """No signature that a class is given for want of another one."""
    first = {
        name: inspect.cleandoc(value.__doc__ or "").partition("\n\n")[0]
        for name, value in objects().items()
        if inspect.isclass(value)
    }
    assert [name for name, text in first.items() if not text.endswith(".")] == []


@pytest.mark.parametrize("name", PUBLIC)
def test_docstrings_of_public_members(name: str) -> None:
    value = getattr(epochal, name)
    if not inspect.isclass(value):
        return
    bare = [
        member
        for member, plain in members(value)
        if not member.startswith("_") and not inspect.getdoc(plain)
    ]
    assert not bare, f"{name}: {bare}"


def test_all_names_exist_and_are_sorted_out() -> None:
    assert len(set(epochal.__all__)) == len(epochal.__all__)
    assert set(epochal.__all__) <= set(dir(epochal))
    assert len(PUBLIC) > 20
