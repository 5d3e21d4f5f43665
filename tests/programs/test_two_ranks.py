"""The example that trains in two processes, and what they are told."""

import re
from pathlib import Path

import pytest
from epochal import CosineAnnealingWithWarmupScheduler, Run
from processes import forked, ranks, torchrun

EXAMPLE = Path(__file__).parents[2] / "examples" / "two_ranks.py"
TOLD = Path(__file__).with_name("told.py")
DURATION = 200_000
MOST_TOKENS = 32 * 64  # of a batch, of one process


@pytest.mark.parametrize("world", [1, 2])
def test_two_ranks(world: int) -> None:
    argument = f"--duration={DURATION}tok"
    done = forked(EXAMPLE, argument) if world == 1 else ranks(world, EXAMPLE, argument)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    head, *lines, last = done.stdout.splitlines()
    assert head.split() == ["batch", "samples", "tokens", "rate", "loss"]
    rows = [[float(number) for number in line.split()] for line in lines]
    # Only one of the ranks prints.
    assert len(rows) == 13

    batches, samples, tokens, rates, losses = zip(*rows, strict=True)
    # Of all ranks: the last batch of an epoch is smaller than the others.
    assert (batches[0], samples[0]) == (1, 32 * world)
    assert 0.9 * 32 * world * batches[-1] < samples[-1] <= 32 * world * batches[-1]
    assert list(tokens) == sorted(set(tokens))
    assert DURATION <= tokens[-1] < DURATION + world * MOST_TOKENS
    assert losses[-1] < losses[0]

    # A row tells the tokens after its batch, and the rate of the batch itself: that of fewer.
    curve = CosineAnnealingWithWarmupScheduler("0.1dur").resolve(Run(f"{DURATION}tok"))
    for after, rate in zip(tokens, rates, strict=True):
        possible = 0.1 * curve.grid(max(0, after - world * MOST_TOKENS), after)
        assert possible.min() - 1e-5 < rate < possible.max() + 1e-5

    match = re.fullmatch(r"([\d.]+) % of 450 test images are right, trained by (\d)", last)
    assert match
    assert float(match[1]) > 80
    assert int(match[2]) == world


def test_ranks_are_told_what_torchrun_tells() -> None:
    """So that a program which runs on the ranks of the tests runs under torchrun."""
    by_torchrun, here = torchrun(2, TOLD), ranks(2, TOLD)
    assert by_torchrun.returncode == here.returncode == 0, by_torchrun.stderr + here.stderr
    assert len(here.stdout.splitlines()) == 2
    assert sorted(here.stdout.splitlines()) == sorted(by_torchrun.stdout.splitlines())
