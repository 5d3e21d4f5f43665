"""Hypothesis profiles: `dev` for every day, `ci` (--hypothesis-profile=ci) for the long run."""

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("reference.parity", "strategies")

settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, max_examples=500, print_blob=True)
settings.load_profile("dev")
