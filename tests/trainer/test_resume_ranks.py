"""A training on two ranks, resumed."""

from pathlib import Path

from processes import ranks
from sizes import some

PROGRAM = Path(__file__).with_name("resume_on_ranks.py")


def test_two_ranks(tmp_path: Path) -> None:
    done = ranks(2, PROGRAM, str(tmp_path), *map(str, some(range(1, 9), 8)))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("resumed") == 2
