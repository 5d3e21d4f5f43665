"""Processes that fork, as DataLoader's workers do."""

import os

import first_uses
import pytest
from processes import python


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks on this system")
def test_a_fork_during_a_first_use_leaves_the_child_no_lock() -> None:
    done = python(first_uses.__file__)
    assert done.returncode == 0, done.stderr
    well, hung, children = map(int, done.stdout.split())
    assert (well, hung) == (children, 0)
    assert children > 0
