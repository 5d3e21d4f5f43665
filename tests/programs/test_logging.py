"""The recipes of docs/logging.md, each with what the logger has got in the end."""

import warnings
from pathlib import Path
from typing import Any

import pytest
from epochal import CosineAnnealingWithWarmupScheduler, Run
from pages import ROOT, blocks, sections

SECTIONS = sections((ROOT / "docs" / "logging.md").read_text(encoding="utf-8"))
CURVE = CosineAnnealingWithWarmupScheduler("5ba", alpha_f=0.1).resolve(
    Run("20ba", tokens_per_batch=1000)
)
RATES = [3e-4 * CURVE.at_batch(batch) for batch in range(20)]


def run_section(name: str) -> dict[str, Any]:
    """Its names, after the first lines of the page and its own."""
    namespace: dict[str, Any] = {"__name__": "page"}
    for part in ("", name):
        for _, code in blocks(SECTIONS[part]):
            exec(code, namespace)
    return namespace


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_tensorboard(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    pytest.importorskip("matplotlib", reason="matplotlib is not installed").use("agg")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own
        run_section("TensorBoard")
        reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
        events = reader.EventAccumulator(str(tmp_path / "runs"))
        events.Reload()
    assert sorted(events.Tags()["scalars"]) == [
        "clock/batch",
        "clock/token",
        "factor",
        "loss",
        "lr/0",
    ]
    rates = events.Scalars("lr/0")
    assert [rate.step for rate in rates] == list(range(20))
    assert [rate.value for rate in rates] == pytest.approx(RATES, rel=1e-6)  # float32
    assert [token.value for token in events.Scalars("clock/token")] == [
        1000 * batch for batch in range(20)
    ]
    assert events.Tags()["images"] == ["schedule"]


def test_weights_and_biases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    wandb = pytest.importorskip("wandb", reason="wandb is not installed")
    rows: list[dict[str, Any]] = []
    log = wandb.Run.log

    def noted(run: Any, data: dict[str, Any]) -> None:
        rows.append(data)
        log(run, data)

    monkeypatch.setattr(wandb.Run, "log", noted)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own
        run_section("Weights & Biases")
    assert [row["lr/0"] for row in rows] == RATES
    assert [row["clock/token"] for row in rows] == [1000 * batch for batch in range(20)]
    assert list((tmp_path / "wandb").glob("offline-run-*/*.wandb"))
    # What it has understood.
    shown = capfd.readouterr().err
    for name in ("lr/0", "factor", "clock/batch", "clock/token", "loss"):
        assert f" {name} " in shown


def test_the_trainer() -> None:
    history = run_section("With the Trainer")["history"]
    # After each step those of the next one.
    assert [metrics["lr/0"] for metrics in history] == [
        *RATES[1:],
        3e-4 * CURVE.at_batch(20),
    ]
    assert [metrics["clock/batch"] for metrics in history] == list(range(1, 21))


def test_all_recipes_are_run() -> None:
    assert list(SECTIONS) == ["", "TensorBoard", "Weights & Biases", "With the Trainer"]
