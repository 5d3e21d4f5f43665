"""The demo on a short setting: its table, its figure, and the same numbers every time."""

import re
import runpy
from dataclasses import dataclass
from pathlib import Path

import pytest
from epochal import CosineAnnealingWithWarmupScheduler, Run
from matplotlib.figure import Figure
from processes import forked

DEMO = Path(__file__).parents[2] / "examples" / "digits.py"
EPOCHS = 2
BATCHES_PER_EPOCH = 42  # of 32 images, of 1,347; the last and smaller batch is dropped


@dataclass(frozen=True)
class Row:
    """One line of the printed table; the seconds are left out."""

    schedule: str
    ratio: float
    epochs: float
    steps: int
    mean: float
    lowest: float
    highest: float


def arguments(folder: Path) -> list[str]:
    """The figure is to make its own folder."""
    return [f"--epochs={EPOCHS}", "--seeds=2", f"--out={folder}/new/digits.png"]


def rows_of(stdout: str) -> list[Row]:
    rows = []
    for line in stdout.splitlines():
        if re.match(r"(cosine|constant) +[\d.]+ ", line):
            word, *rest = re.findall(r"[\w.]*\w", line)
            ratio, epochs, steps, _, mean, lowest, highest = map(float, rest)
            rows.append(Row(word, ratio, epochs, int(steps), mean, lowest, highest))
    return rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def demo(folder: Path) -> tuple[str, list[Row]]:
    """What it prints, and the rows of its table."""
    done = forked(DEMO, *arguments(folder))
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    return done.stdout, rows_of(done.stdout)


def test_table(demo: tuple[str, list[Row]]) -> None:
    _, rows = demo
    assert [(row.schedule, row.ratio) for row in rows] == [
        (schedule, ratio) for schedule in ("cosine", "constant") for ratio in (1.0, 0.5, 0.25)
    ]
    for row in rows:
        assert row.epochs == EPOCHS * row.ratio
        # Half an epoch, the shortest run, is 21 batches: a run stops where its duration says.
        assert row.steps == EPOCHS * row.ratio * BATCHES_PER_EPOCH
        assert 0 <= row.lowest <= row.mean <= row.highest <= 100


def test_what_was_trained_is_described(demo: tuple[str, list[Row]]) -> None:
    stdout, _ = demo
    for ratio in (1.0, 0.5, 0.25):
        run = Run(f"{EPOCHS}ep", batches_per_epoch=BATCHES_PER_EPOCH, scale_schedule_ratio=ratio)
        curve = CosineAnnealingWithWarmupScheduler("2ep", scale_warmup=True).resolve(run)
        assert f"{curve.describe(0.3)}\n" in stdout


def test_something_is_learnt(demo: tuple[str, list[Row]]) -> None:
    """Ten classes: chance is 10 %."""
    _, rows = demo
    longest = [row for row in rows if row.ratio == 1.0]
    assert all(row.lowest > 50 for row in longest), longest


def test_figure(demo: tuple[str, list[Row]], folder: Path) -> None:
    stdout, _ = demo
    assert "new/digits.png" in stdout
    data = (folder / "new" / "digits.png").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert data[12:16] == b"IHDR"
    width, height = (int.from_bytes(data[i : i + 4]) for i in (16, 20))
    assert width >= 1000
    assert height >= 400


def test_the_same_again(
    demo: tuple[str, list[Row]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In this process, whatever has been done in it; the figure is not drawn a second time."""
    monkeypatch.setattr(Figure, "savefig", lambda *args, **kwargs: None)
    runpy.run_path(str(DEMO))["main"](arguments(tmp_path))
    assert rows_of(capsys.readouterr().out) == demo[1]
