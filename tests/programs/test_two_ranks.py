"""The example that trains in two processes, alone and under torchrun."""

import re
from pathlib import Path

import pytest
from epochal import CosineAnnealingWithWarmupScheduler, Run
from processes import forked, torchrun

EXAMPLE = Path(__file__).parents[2] / "examples" / "two_ranks.py"
DURATION = 200_000
MOST_TOKENS = 32 * 64  # of a batch, of one process


@pytest.mark.parametrize("world", [1, 2])
def test_two_ranks(world: int) -> None:
    argument = f"--duration={DURATION}tok"
    done = forked(EXAMPLE, argument) if world == 1 else torchrun(world, EXAMPLE, argument)
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
