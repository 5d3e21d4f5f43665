"""The stub carries the docstrings of the binary."""

import pytest
from stub import STUB, docstrings, with_docstrings

DOCSTRINGS = docstrings(STUB.read_text())


@pytest.mark.parametrize("name", DOCSTRINGS)
def test_every_public_name_has_its_docstring_in_the_stub(name: str) -> None:
    in_the_stub, in_the_binary = DOCSTRINGS[name]
    assert in_the_binary, f"{name} has no docstring"
    assert in_the_stub == in_the_binary, "make stub writes it"


def test_there_are_names_in_the_stub() -> None:
    names = {name.partition(": ")[2] for name in DOCSTRINGS}
    assert {"Time", "Schedule.until", "Timestamp.to_next_batch", "evaluate", "tick"} <= names


def test_what_was_written_is_not_changed_again() -> None:
    """Docstrings that are written anew, in place of other ones or of none."""
    stub = STUB.read_text()
    assert with_docstrings(stub) == stub
    for old in ["The curve of this schedule in a run", "A value and a unit"]:
        assert with_docstrings(stub.replace(old, "Something else")) == stub
