"""Every point of vectors/composer.jsonl, by each of the three ways to evaluate a schedule."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import epochal
import numpy as np
import pytest
from epochal import Curve, EpochalError, Run, Schedule, Time, Timestamp

VECTORS = Path(__file__).parents[1] / "vectors" / "composer.jsonl"

# Composer computes 1 - t/T; near the end of a curve a power below 1 makes the lost digits visible.
TOLERANCE = 1e-15
TOLERANCE_SMALL_POWER = 2e-14


@dataclass(frozen=True)
class Case:
    """One line of the file."""

    line: int
    scheduler: str
    args: dict[str, Any]
    max_duration: str
    dataloader_len: int
    samples_per_batch: int
    tokens_per_sample: int
    ratio: float
    points: tuple[tuple[int, float], ...]

    @property
    def tokens_per_batch(self) -> int:
        return self.samples_per_batch * self.tokens_per_sample

    @property
    def tolerance(self) -> float:
        return TOLERANCE_SMALL_POWER if self.args.get("power", 1.0) < 1 else TOLERANCE

    def schedule(self) -> Schedule:
        schedule = getattr(epochal, self.scheduler)(**self.args)
        assert isinstance(schedule, Schedule)
        return schedule

    def run(self) -> Run:
        return Run(
            self.max_duration,
            batches_per_epoch=self.dataloader_len,
            samples_per_batch=self.samples_per_batch,
            tokens_per_batch=self.tokens_per_batch,
            scale_schedule_ratio=self.ratio,
        )

    def curve(self) -> Curve:
        return self.schedule().resolve(self.run())

    def scaled_max_duration(self) -> str:
        """What Composer's state holds: the decimal product, which the file promises to be whole."""
        time = Time(self.max_duration)
        scaled = Fraction(int(time)) * Fraction(str(self.ratio))
        assert scaled.denominator == 1, f"line {self.line}: not a whole count"
        return f"{scaled.numerator}{time.unit.value}"

    def complaints(self, values: list[float]) -> Iterator[str]:
        assert len(values) == len(self.points)
        for (batch, want), got in zip(self.points, values, strict=True):
            # Written so that a NaN is a complaint.
            if not abs(got - want) <= self.tolerance:
                yield (
                    f"line {self.line}: {self.scheduler}({self.args}) of {self.max_duration}"
                    f" x {self.ratio} at batch {batch}: {got!r}, not {want!r}"
                )


def read(path: Path) -> list[Case]:
    cases = []
    for line, text in enumerate(path.read_text(encoding="ascii").splitlines(), start=1):
        raw = json.loads(text)
        cases.append(
            Case(
                line=line,
                scheduler=raw["scheduler"],
                args=raw["args"],
                max_duration=raw["max_duration"],
                dataloader_len=raw["dataloader_len"],
                samples_per_batch=raw["samples_per_batch"],
                tokens_per_sample=raw["tokens_per_sample"],
                ratio=raw["scale_schedule_ratio"],
                points=tuple((b, float.fromhex(alpha)) for b, alpha in raw["batch_alpha"]),
            )
        )
    return cases


CASES = read(VECTORS)
NAMES = sorted({case.scheduler for case in CASES})

every_scheduler = pytest.mark.parametrize("name", NAMES)


def cases_of(name: str) -> list[Case]:
    return [case for case in CASES if case.scheduler == name]


def assert_none(complaints: list[str]) -> None:
    shown = "\n".join(complaints[:20])
    assert not complaints, f"{len(complaints)} complaints, the first of them:\n{shown}"


def test_the_file_is_whole() -> None:
    assert len(CASES) == 2000
    assert sum(len(case.points) for case in CASES) == 21_634
    assert len(NAMES) == 13
    assert set(NAMES) <= set(epochal.__all__)


def test_no_configuration_is_refused() -> None:
    """Composer accepts some configurations that epochal refuses; the file holds none of these.

    Such are a run of length 0, a warmup longer than t_max, a value that is not finite. So the
    tests below may resolve every line, and none of them skips one.
    """
    refused = []
    for case in CASES:
        try:
            case.curve()
        except EpochalError as error:
            refused.append(f"line {case.line}: {error}")
    assert_none(refused)


@every_scheduler
def test_timestamps_one_by_one(name: str) -> None:
    complaints: list[str] = []
    for case in cases_of(name):
        curve, run = case.curve(), case.run()
        complaints += case.complaints([curve(run.at_batch(batch)) for batch, _ in case.points])
    assert_none(complaints)


@every_scheduler
def test_clock_arrays(name: str) -> None:
    complaints: list[str] = []
    for case in cases_of(name):
        curve, run = case.curve(), case.run()
        batch = np.array([b for b, _ in case.points], dtype=np.int64)
        clocks = {
            "ep": batch // case.dataloader_len,
            "ba": batch,
            "sp": batch * case.samples_per_batch,
            "tok": batch * case.tokens_per_batch,
        }
        values = curve(clocks)
        assert values.dtype == np.float64
        complaints += case.complaints(values.tolist())
        for (b, _), value in zip(case.points, values.tolist(), strict=True):
            alone = curve(run.at_batch(b))
            if alone.hex() != value.hex():
                complaints.append(f"line {case.line}: batch {b}: {value!r} in an array, {alone!r}")
    assert_none(complaints)


@every_scheduler
def test_composer_calling_form(name: str) -> None:
    """schedule(state, ssr), with a state of plain numbers and one of this library's types."""
    complaints: list[str] = []
    for case in cases_of(name):
        schedule, curve, run = case.schedule(), case.curve(), case.run()
        duration = case.scaled_max_duration()
        values = []
        for batch, _ in case.points:
            sample = batch * case.samples_per_batch
            counters = SimpleNamespace(
                iteration=0,
                epoch=batch // case.dataloader_len,
                batch=batch,
                sample=sample,
                token=sample * case.tokens_per_sample,
                total_wct=timedelta(0),
            )
            plain = SimpleNamespace(
                timestamp=counters, max_duration=duration, dataloader_len=case.dataloader_len
            )
            timestamp = run.at_batch(batch)
            assert isinstance(timestamp, Timestamp)
            own = SimpleNamespace(
                timestamp=timestamp,
                max_duration=Time(duration),
                dataloader_len=Time(case.dataloader_len, "ba"),
            )
            value = schedule(plain, case.ratio)
            values.append(value)
            for other in (schedule(own, ssr=case.ratio), curve(timestamp)):
                if other.hex() != value.hex():
                    complaints.append(f"line {case.line}: batch {batch}: {value!r} or {other!r}")
        complaints += case.complaints(values)
    assert_none(complaints)
