"""Hypothesis profiles: `dev` draws anew each time; `ci` (--hypothesis-profile=ci) always the same,
so that a change is judged by what it changes; `quick` too, but a few; `long` draws more, and
`trust` as many as a campaign of tests/trust asks for."""

import gc
import os
import signal
from importlib import metadata
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

pytest.register_assert_rewrite(
    "cases", "cli", "configs", "curves", "reference.parity", "strategies", "trees"
)

# The tensors of the tests are too small to gain from more, and the cores have a worker each. It is
# read when PyTorch and NumPy are imported, in the processes that a test starts too.
os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("quick", deadline=None, max_examples=10, derandomize=True)
# Now and then what is drawn at random is mostly refused, or slow, and nothing is wrong.
DRAWN: Any = {"deadline": None, "suppress_health_check": list(HealthCheck)}
settings.register_profile("dev", max_examples=8, **DRAWN)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("long", max_examples=500, print_blob=True, **DRAWN)
settings.register_profile(
    "trust",
    database=None,
    max_examples=int(os.environ.get("TRUST_EXAMPLES", "1000")),
    phases=[Phase.explicit, Phase.generate],
    print_blob=True,
    **DRAWN,
)
settings.load_profile("dev")


def pytest_configure(config: pytest.Config) -> None:
    # A shell ignores Ctrl-C for what it starts in the background, and its programs do too.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # In older versions `SequentialLR` gives the stage that it begins an epoch, of which that warns.
    if torch_version() < (2, 13):
        config.addinivalue_line("filterwarnings", "ignore:The epoch parameter in:UserWarning")


def pytest_collection_finish() -> None:
    # A million objects that live to the end: garbage is looked for among the others.
    gc.collect()
    gc.freeze()


def torch_version() -> tuple[int, int]:
    try:
        major, minor, *_ = metadata.version("torch").split(".")
    except metadata.PackageNotFoundError:
        return 999, 0
    return int(major), int(minor)
