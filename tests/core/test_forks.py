"""Processes that fork, as DataLoader's workers do."""

import os

import first_uses
import pytest
from processes import python

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks on this system")


@forks
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("copies", [0, 30])
@pytest.mark.parametrize("use", [use.__name__ for use in first_uses.USES])
def test_a_fork_during_a_first_use_leaves_the_child_no_lock(use: str, copies: int) -> None:
    # Here all has been used. Who watches what the tests reach sees that this one reaches a fork.
    child = os.fork()
    if child == 0:
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    done = python(first_uses.__file__, use, str(copies))
    assert done.returncode == 0, done.stderr
    told = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    assert len(told) == copies + 1
    for well, hung, children in told:
        assert (well, hung) == (children, 0)
        assert children > 0


@forks
def test_a_fork_loads_no_numpy() -> None:
    done = python("-c", "import os, sys, epochal; os.fork(); assert 'numpy' not in sys.modules")
    assert (done.returncode, done.stderr) == (0, "")
