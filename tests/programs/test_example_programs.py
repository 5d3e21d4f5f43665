"""The smaller example programs, run as a user runs them."""

import os
import re
import runpy
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from epochal import ConstantWithWarmupScheduler
from processes import Fork, forked
from sizes import sized

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(name: str, *arguments: str) -> list[str]:
    """What an example prints."""
    done = forked(EXAMPLES / name, *arguments)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    return done.stdout.splitlines()


def test_curves(tmp_path: Path) -> None:
    picture = tmp_path / "new" / "curves.png"
    head, *rows, last = run("curves.py", "--points=20000", f"--out={picture}")
    assert head.split() == ["schedule", "mean", "rate", "last", "tenth", "end"]
    rates = {row[:20].strip(): [float(number) for number in row[20:].split()] for row in rows}
    assert len(rates) == 5
    for mean, last_tenth, end in rates.values():
        assert end < last_tenth < mean < 3e-4
    # The mean of a line from the peak to 0 is half the peak; of a cosine to a tenth, 0.55 of it.
    # Points and the warmup of 0.2 % of the run make up the rest.
    assert rates["linear to 0"][0] == pytest.approx(1.5e-4, rel=2e-3)
    assert rates["cosine to a tenth"][0] == pytest.approx(0.55 * 3e-4, rel=2e-3)
    assert rates["cosine to a tenth"][2] == 3e-5
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert str(picture) in last


@pytest.fixture
def sigterm() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("sigterm")
def test_preemption(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ended twice by the signal, the training prints what it prints alone.

    That is in this process: the others are started as a user starts them.
    """
    main = runpy.run_path(str(EXAMPLES / "preemption.py"))["main"]
    main(["--duration=3ep", f"--folder={tmp_path / 'alone'}"])
    alone = capsys.readouterr().out.splitlines()
    assert len(alone) > 5
    arguments = ["--duration=3ep", f"--folder={tmp_path / 'ended'}"]
    out, err = tmp_path / "out", tmp_path / "err"
    os.mkfifo(out)
    lines: list[str] = []
    for _ in range(2):
        program = Fork(EXAMPLES / "preemption.py", *arguments, out=out, err=err)
        with out.open() as printed:
            for line in printed:
                if line.startswith("step"):
                    program.send_signal(signal.SIGTERM)
                lines.append(line.rstrip())
        assert program.wait() == 0, err.read_text()
        assert lines[-1].startswith("ended by a signal after step")
    lines += run("preemption.py", *arguments)
    assert sum(line.startswith("resumed at step") for line in lines) == 2
    assert [line for line in lines if line.startswith(("step", "done"))] == alone


def test_cooldown() -> None:
    every = sized(100_000, 40_000)
    head, *rows = run("cooldown.py", f"--every={every}tok")
    assert head.split() == ["branch", "end", "loss", "there", "cooled"]
    table = [row.split() for row in rows]
    assert [row[:2] for row in table] == [
        [f"{count * every}tok", f"{count * every * 6 // 5}tok"] for count in (1, 2, 3)
    ]
    stable, cooled = ([float(row[column]) for row in table] for column in (2, 3))
    # Chance is a loss of about 4.6. A cooldown is worth more than the tokens that it costs.
    assert all(after < before - 0.02 for before, after in zip(stable, cooled, strict=True))
    assert cooled == sorted(cooled, reverse=True)
    assert cooled[-1] < 2.5


def test_the_cooldown_begins_where_the_stable_rate_is() -> None:
    schedule = ConstantWithWarmupScheduler("20Ktok")
    curve = schedule.cooldown("100Ktok", t_max="120Ktok", shape="1-sqrt").resolve("120Ktok")
    assert curve(100_000) == schedule.resolve("300Ktok")(100_000) == 1.0
    assert curve(120_000) == 0.0


def test_vision_transformer() -> None:
    lines = run("vision_transformer.py", f"--duration={sized(6, 4)}ep")
    groups = [line for line in lines if line.startswith("layer")]
    assert len(groups) == 2 * 6
    # A fifth less for each layer below the head, which has the base rate.
    peaks = {row[:18].strip(): float(row[18:].split()[1]) for row in groups}
    assert peaks["layer 5"] == 3e-3
    assert peaks["layer 4"] == pytest.approx(0.8 * 3e-3, rel=1e-3)
    assert peaks["layer 0"] == pytest.approx(0.8**5 * 3e-3, rel=5e-3)
    decays = {row[:18].strip(): float(row[18:].split()[2]) for row in groups}
    assert {value for name, value in decays.items() if name.endswith("no decay")} == {0.0}
    assert {value for name, value in decays.items() if not name.endswith("decay")} == {0.04}

    epochs = [line for line in lines if line.startswith("epoch")]
    numbers = [re.findall(r"(?:rate|decay) ([\d.e-]+)", line) for line in epochs]
    rates, reached = zip(*numbers, strict=True)
    assert list(map(float, rates)) == sorted(map(float, rates), reverse=True)
    assert list(map(float, reached)) == sorted(map(float, reached))
    assert float(reached[-1]) == 0.4
    # Ten classes: chance is 10 %.
    assert float(lines[-1].split()[0]) > sized(50, 30)
