"""The gate that compares counts of instructions."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
from catalogue import EXAMPLES
from epochal import _core

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def gate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gate", ROOT / "benchmarks" / "gate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("count", "wrong", "cheaper"),
    [
        (1000, [], []),
        (1050, [], []),
        (1051, ["linear: 1,051 instructions, 1,050 allowed (+5.1% of 1,000)"], []),
        (951, [], []),
        (950, [], ["linear: 950 instructions (-5.0% of 1,000)"]),
    ],
)
def test_five_percent(gate: ModuleType, count: int, wrong: list[str], cheaper: list[str]) -> None:
    assert gate.compare({"linear": 1000}, {"linear": count}) == (wrong, cheaper)


def test_a_curve_on_one_side_only_is_wrong(gate: ModuleType) -> None:
    wrong, cheaper = gate.compare({"old": 1000}, {"new": 1000})
    assert wrong == [
        "old: in instructions.txt, but not counted",
        "new: 1,000 instructions, but no count in instructions.txt",
    ]
    assert cheaper == []


def test_what_is_written_is_read(
    gate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "COUNTS", tmp_path / "instructions.txt")
    counts = {"warmup, cosine": 1_234_567, "multi-step of 100, shuffled by a long name": 8}
    gate.write("rustc 1.0, a machine", counts)
    assert gate.read() == ("rustc 1.0, a machine", counts)


CORE = ROOT / "rust" / "epochal-core"
KERNELS = (CORE / "examples" / "kernels.rs").read_text("utf-8")
# By the function that makes it, and by the name that it prints.
NODES = dict(
    re.findall(
        r'^    (\w+) -> \w+,\s+"(\w+)"',
        (CORE / "src" / "schedule" / "nodes.rs").read_text("utf-8"),
        flags=re.MULTILINE,
    )
)


def test_every_curve_has_a_count(gate: ModuleType) -> None:
    cases = re.findall(r'^ *\(?"([a-z0-9 /.,-]+)",', KERNELS, flags=re.MULTILINE)
    _, counts = gate.read()
    assert list(counts) == cases


def test_every_node_has_a_kernel() -> None:
    """One that is added to the core is counted too."""
    assert not [name for name in NODES if f"Schedule::{name}(" not in KERNELS]


def test_every_node_is_in_the_catalogue() -> None:
    """On its own, or in the tree that an example stands for."""
    texts = " ".join(map(_core.expanded, EXAMPLES.values()))

    def is_there(name: str) -> bool:
        written = f"{name}Scheduler(" if name[0].isupper() else f".{name}("
        return name in EXAMPLES or written in texts

    assert not [name for name in NODES.values() if not is_there(name)]
