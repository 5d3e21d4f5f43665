"""How much a test does: all where a change or a fault is judged, a part of it while one works."""

from hypothesis import settings

# `dev` is drawn anew each time, and often; the other profiles are judged by.
_EXAMPLES = settings().max_examples
_WORKING = settings.get_current_profile_name() == "dev"


def sized(all_of_it: int, a_part: int) -> int:
    """How many examples, points or attempts: a part of them in the profile `dev`."""
    return a_part if _WORKING else all_of_it


# For properties of which one example takes long, or which are asked of each schedule: a quarter of
# the examples while one works, and all of them where a change is judged (profile `ci`) and beyond.
costly = settings(max_examples=_EXAMPLES if _EXAMPLES >= 100 else -(-_EXAMPLES // 4))
