"""How much a test does: all where a change or a fault is judged, a part of it while one works."""

import os
import random
from collections.abc import Iterable
from typing import TypeVar

from hypothesis import settings

T = TypeVar("T")

# `dev` is drawn anew each time, and often; the other profiles are judged by.
_EXAMPLES = settings().max_examples
_WORKING = settings.get_current_profile_name() == "dev"
# Not the global one, whose states are tested. The workers of one run draw alike: they must have the
# same tests.
_RANDOM = random.Random(os.environ.get("PYTEST_XDIST_TESTRUNUID"))


def sized(all_of_it: T, a_part: T) -> T:
    """How many examples, points or attempts: a part of them in the profile `dev`."""
    return a_part if _WORKING else all_of_it


def some(cases: Iterable[T], share: int = 2) -> list[T]:
    """All; in the profile `dev` every second or nth of them, from another one on each time."""
    cases = list(cases)
    return cases[_RANDOM.randrange(share) :: share] if _WORKING else cases


# For properties of which one example takes long, or which are asked of each schedule: a quarter of
# the examples while one works, and all of them where a change is judged (profile `ci`) and beyond.
costly = settings(max_examples=_EXAMPLES if _EXAMPLES >= 100 else -(-_EXAMPLES // 4))
