"""Hypothesis profiles: `dev` draws anew each time; `ci` (--hypothesis-profile=ci) always the same,
so that a change is judged by what it changes; `long` draws more."""

from importlib import metadata

import pytest
from hypothesis import settings

pytest.register_assert_rewrite(
    "cli", "configs", "curves", "reference.parity", "strategies", "trees"
)

settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("long", deadline=None, max_examples=500, print_blob=True)
settings.load_profile("dev")


def pytest_configure(config: pytest.Config) -> None:
    # In older versions `SequentialLR` gives the stage that it begins an epoch, of which that warns.
    if torch_version() < (2, 13):
        config.addinivalue_line("filterwarnings", "ignore:The epoch parameter in:UserWarning")


def torch_version() -> tuple[int, int]:
    try:
        major, minor, *_ = metadata.version("torch").split(".")
    except metadata.PackageNotFoundError:
        return 999, 0
    return int(major), int(minor)
