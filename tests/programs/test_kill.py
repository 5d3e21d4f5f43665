"""Trainings that are killed at random moments; `make kill` does it more often."""

import re
from pathlib import Path

from processes import forked
from sizes import sized

HARNESS = Path(__file__).parent / "kill" / "harness.py"


def number(words: str, text: str) -> int:
    found = re.search(rf"(\d+) {words}", text)
    assert found, text
    return int(found[1])


def test_killed_trainings_end_like_others() -> None:
    """And what is broken on purpose is found: files that are written in place, random numbers or
    momentum that are not restored."""
    kills, samples, lives = sized((12, 1800, 4), (5, 900, 3))
    faults = sized(["--self-test"], [])
    done = forked(
        HARNESS, f"--kills={kills}", f"--duration={samples}sp", f"--lives={lives}", *faults
    )
    assert done.returncode == 0, done.stdout + done.stderr
    right, *faulty = done.stdout.split("with a fault")
    assert number("kills", right) >= kills
    assert number("resumes", right) > 0
    assert number("checkpoints read", right) >= -(-samples // 48)  # as many as a run writes
    assert number("unreadable", right) == 0
    assert number("differences", right) == 0
    # Batches after the last checkpoint are trained once more.
    assert number("batches trained", right) > number("runs", right) * number("batches,", right)
    assert len(faulty) == 3 * len(faults)
    for text in faulty:
        assert number("unreadable", text) + number("differences", text) > 0
