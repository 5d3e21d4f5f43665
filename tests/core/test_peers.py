"""Every curve of vectors/peers.jsonl: what other libraries compute, in one expression each."""

from fractions import Fraction

import epochal
import numpy as np
import pytest
from epochal import PiecewiseScheduler, parse
from golden import peer_cases
from reference import run as reference_run
from reference.time import parse as parse_time
from strategies import COUNT_UNITS
from trees import Tree

CASES = peer_cases()


def test_all_are_there() -> None:
    assert sum(map(len, CASES.values())) == 510
    assert sum(len(case.values) for cases in CASES.values() for case in cases) == 80_784


@pytest.mark.parametrize("name", CASES)
def test_values(name: str) -> None:
    for case in CASES[name]:
        values = case.in_an_array().tolist()
        complaints = list(case.complaints(values))
        assert not complaints, f"{len(complaints)} complaints, the first of them: {complaints[0]}"
        assert values == case.one_by_one(), f"line {case.line}: {case.expression}"


@pytest.mark.parametrize("name", CASES)
def test_the_reference_gives_them_too(name: str) -> None:
    """At a few batches of each, the first and the last among them."""
    for case in CASES[name]:
        run, last = reference_run.Run(parse_time(case.run)), len(case.values) - 1
        for batch in sorted({0, 1, last, *range(7 + case.line % 5, last, 1 + last // 8)}):
            exact = Tree(case.expression).alpha(run, dict.fromkeys(COUNT_UNITS, Fraction(batch)))
            error = abs(float(exact) - case.values[batch])
            assert error <= case.tolerance, f"line {case.line}: batch {batch}: off by {error}"


def test_points_are_numpys_interpolation() -> None:
    generator = np.random.default_rng(7)
    for count in (1, 2, 5, 1000):
        times = np.unique(generator.integers(0, 100_000, count))
        values = generator.random(len(times))
        points = [(f"{time}ba", value) for time, value in zip(times, values, strict=True)]
        curve = PiecewiseScheduler(points).resolve("100Kba")
        batches = generator.integers(0, 120_000, 10_000)
        # Both round a few times; the values are below 1.
        expected = np.interp(batches, times, values)
        np.testing.assert_allclose(curve(batches), expected, rtol=0, atol=4 * np.finfo(float).eps)
        assert curve(times).tolist() == values.tolist()


def test_expressions_name_the_package() -> None:
    # `parse` takes the class names as they are.
    assert parse("WSDScheduler('5ba')") == epochal.WSDScheduler("5ba")
