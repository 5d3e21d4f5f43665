"""The catalogue of the tests has one of each: what is added without an example is named here."""

import copy
import pickle

import epochal
import pytest
import trees
from catalogue import EXAMPLES, FULL, OPERATIONS, every_example
from configs import NAMES
from epochal import Run, Schedule, _core, from_config, parse

# Whose values do not repeat what a test of values has: enough to see that it is the same curve.
RUN = Run("10ba", batches_per_epoch=2, scale_schedule_ratio=1.5)


def test_every_class_has_an_example() -> None:
    classes = {name for name in epochal.__all__ if name.endswith("Scheduler")}
    assert FULL.keys() == classes
    assert set(NAMES) == classes


def test_every_operation_has_an_example() -> None:
    """An operation is a method, or an operator, whose result a mapping names."""
    assert OPERATIONS.keys() == _core.operations().keys()


def test_random_trees_have_every_operation() -> None:
    with_number = {"times_number": "scale", "plus_number": "lift"}
    assert {with_number.get(name, name) for name in trees.OPERATIONS} == OPERATIONS.keys()


@every_example
def test_the_example_is_of_its_name_with_every_argument_given(name: str) -> None:
    """Other than the default, so that an argument which gets lost is seen."""
    schedule = EXAMPLES[name]
    arguments = {key: value for key, value in schedule.to_config().items() if key != "name"}
    if name in FULL:
        assert type(schedule).__name__ == name
        assert arguments.keys() == FULL[name].keys()
    else:
        assert schedule.to_config()["name"] == name
        assert arguments.keys() == _core.operations()[name].keys()


@every_example
def test_an_example_is_a_value(name: str) -> None:
    """However it is written or copied, it is the same schedule and prints the same."""
    schedule = EXAMPLES[name]
    for again in (
        eval(repr(schedule), vars(epochal)),
        parse(repr(schedule)),
        from_config(schedule.to_config()),
        pickle.loads(pickle.dumps(schedule)),
        copy.copy(schedule),
        copy.deepcopy(schedule),
    ):
        assert again == schedule
        assert hash(again) == hash(schedule)
        assert type(again) is type(schedule)
        assert repr(again) == repr(schedule)
        assert again.fingerprint() == schedule.fingerprint()
        assert again.resolve(RUN) == schedule.resolve(RUN)


@every_example
def test_an_example_cannot_be_changed(name: str) -> None:
    schedule = copy.copy(EXAMPLES[name])
    before = repr(schedule)
    for key in (*FULL.get(name, ()), "new", "resolve"):
        with pytest.raises(AttributeError):
            setattr(schedule, key, 1)
        with pytest.raises(AttributeError):
            delattr(schedule, key)
    assert repr(schedule) == before
    assert not hasattr(schedule, "no_such_argument")


def test_no_two_examples_are_equal() -> None:
    """Also where they are of one shape: a schedule is equal only to its own kind."""
    examples: list[Schedule] = list(EXAMPLES.values())
    assert len(set(examples)) == len(examples)
    assert all(a != b for i, a in enumerate(examples) for b in examples[:i])
