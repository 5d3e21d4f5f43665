"""Every point of vectors/composer.jsonl, by each of the three ways to evaluate a schedule."""

from datetime import timedelta
from types import SimpleNamespace

import epochal
import numpy as np
import pytest
from epochal import EpochalError, Time, Timestamp
from golden import ComposerCase, composer_cases

CASES = composer_cases()
NAMES = sorted({case.scheduler for case in CASES})

every_scheduler = pytest.mark.parametrize("name", NAMES)


def cases_of(name: str) -> list[ComposerCase]:
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
        complaints += case.complaints(case.one_by_one())
    assert_none(complaints)


@every_scheduler
def test_clock_arrays(name: str) -> None:
    complaints: list[str] = []
    for case in cases_of(name):
        values = case.in_an_array()
        assert values.dtype == np.float64
        complaints += case.complaints(values.tolist())
        for (b, _), alone, value in zip(
            case.points, case.one_by_one(), values.tolist(), strict=True
        ):
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
