"""Habits of the house: what the package may not import, compute or depend on."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import epochal
import pytest
from processes import forked

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "python" / "epochal"
SOURCES = sorted(PACKAGE.glob("**/*.py"))
REFERENCE = sorted((ROOT / "tests" / "support" / "reference").glob("*.py"))


def test_there_are_sources() -> None:
    assert {"__init__.py", "_tails.py"} <= {path.name for path in SOURCES}
    assert {"time.py", "schedules.py"} <= {path.name for path in REFERENCE}


def in_a_fresh_interpreter(code: str) -> None:
    """Outside of the repository: the installed package is what is imported."""
    subprocess.run([sys.executable, "-c", code], check=True, cwd="/")


@pytest.mark.parametrize("heavy", ["torch", "numpy"])
def test_import_is_light(heavy: str) -> None:
    in_a_fresh_interpreter(f"""
import sys, epochal
curve = epochal.LinearScheduler().resolve(epochal.Run("10ba"))
assert curve(5) == 0.5
assert {heavy!r} not in sys.modules
""")


# One law of imports: values <- torch <- trainer


LAYERS = ("values", "torch", "trainer")


def layer(module: str) -> str:
    """The layer of a module of the package; what lies at its top are the values."""
    part = module.partition(".")[2].partition(".")[0]
    part = epochal._LAZY.get(part, "." + part).partition(".")[2]
    return part if part in LAYERS else "values"


def imports_upward(code: str, module: str) -> list[str]:
    """What a module of the package imports from the layers above its own."""
    names = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: a relative import"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    own = [name for name in names if name.split(".")[0] == "epochal"]
    return [name for name in own if LAYERS.index(layer(name)) > LAYERS.index(layer(module))]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_downward(path: Path) -> None:
    if path == PACKAGE / "__init__.py":  # the front door, which shows all layers
        return
    module = ".".join(("epochal", *path.relative_to(PACKAGE).with_suffix("").parts))
    assert imports_upward(path.read_text(), module) == []


@pytest.mark.parametrize(
    ("module", "code"),
    [
        ("epochal._clock", "import epochal.torch"),
        ("epochal._clock", "from epochal import torch"),
        ("epochal.torch._lr", "from epochal import LossError"),
        ("epochal._clock", "def f():\n    from epochal.trainer._batches import split"),
        ("epochal.torch._lr", "from epochal.trainer import Trainer"),
    ],
)
def test_an_import_upward_would_be_found(module: str, code: str) -> None:
    assert imports_upward(code, module)
    assert not imports_upward(code, "epochal.trainer._trainer")


def test_names_that_need_torch_are_left_out_where_there_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert not epochal._has_torch()
    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.setattr(sys, "meta_path", [])
    assert not epochal._has_torch()


def test_names_that_need_torch_are_shown(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    in_a_fresh_interpreter("""
import sys, pydoc, epochal
assert {"Trainer", "LossError", "torch"} <= set(dir(epochal))
assert {"Trainer", "LossError"} <= set(epochal.__all__)
assert "torch" not in sys.modules
assert "class Trainer(" in pydoc.plain(pydoc.render_doc(epochal))
from epochal import *
assert Trainer is epochal.Trainer and LossError is epochal.LossError
assert "torch" not in globals()
""")
    # Where it is imported before, as it is here.
    assert "torch" in sys.modules
    assert epochal._has_torch()
    program = tmp_path / "program.py"
    program.write_text("""
import torch, epochal
assert {"Trainer", "LossError", "torch"} <= set(dir(epochal))
assert {"Trainer", "LossError"} <= set(epochal.__all__)
""")
    done = forked(program)
    assert done.returncode == 0, done.stderr


def test_names_that_need_torch_are_not_shown_without_it() -> None:
    in_a_fresh_interpreter("""
import sys
sys.modules["torch"] = None
from epochal import *
import pydoc, epochal
assert not {"Trainer", "LossError", "torch"} & set(dir(epochal))
assert "class Clock(" in pydoc.plain(pydoc.render_doc(epochal))
for name in ("Trainer", "LossError", "torch"):
    try:
        getattr(epochal, name)
    except ModuleNotFoundError as error:
        assert f"epochal.{name} needs PyTorch, which is not installed: pip install" in str(error)
        assert error.name == "torch"
    else:
        raise AssertionError(name)
""")


def test_the_core_has_no_dependency() -> None:
    manifest = tomllib.loads((ROOT / "rust" / "epochal-core" / "Cargo.toml").read_text())
    assert manifest["dependencies"] == {}
    assert "build-dependencies" not in manifest
    assert "target" not in manifest


def test_the_core_does_not_name_python() -> None:
    for path in (ROOT / "rust" / "epochal-core" / "src").glob("**/*.rs"):
        code = re.sub(r"//.*", "", path.read_text())
        assert not re.search(r"\b(pyo3|numpy)\b", code), path


CORE = sorted((ROOT / "rust" / "epochal-core" / "src").glob("**/*.rs"))

RUST_TEXT = re.compile(r"""//[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])'""", re.DOTALL)

PYTHONS_WORDS = re.compile(
    r"Scheduler\b|2\*\*63|__\w+__|\bRun\('|\bTimestamp\("
    r"|\b(?:True|False|None|dict|[Dd]atetime|timedelta|TypeError|ValueError|Python|pip"
    r"|Run\.convert|a Timestamp)\b"
)


def pythons_words(rust: str) -> list[str]:
    """What only a Python programmer understands in the strings and the comments of Rust code."""
    return [word for text in RUST_TEXT.findall(rust) for word in PYTHONS_WORDS.findall(text)]


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.name)
def test_the_core_does_not_speak_python(path: Path) -> None:
    assert pythons_words(path.read_text()) == []


@pytest.mark.parametrize(
    "rust",
    [
        """"counts lie within ±(2**63 - 1), a fraction of the run is a finite float\"""",
        """"cannot {verb} '{self}' {and} '{other}': their units differ; Run.convert converts\"""",
        """"this curve reads {}: give a Timestamp, or a mapping\"""",
        """f.write_str("Timestamp(")?;""",
        """write!(f, "Run('{}'", self.max_duration)?;""",
        """write!(f, "datetime.timedelta(seconds={seconds}")?;""",
        """Argument::Flag(flag) => write!(f, "{}", if *flag { "True" } else { "False" }),""",
        """format!("{}Scheduler", self.name())""",
        "/// Prints Python that rebuilds the run.",
        "let quote = '\"'; // Python's order",
    ],
)
def test_a_core_that_speaks_python_would_be_found(rust: str) -> None:
    assert pythons_words(rust)
    assert not pythons_words("let none = None; // nothing is known of 'Schedule' here, or of Run")


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


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
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
