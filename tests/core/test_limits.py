"""Trees as large as they may be, and larger ones: each is refused in words where it is built.

So nothing that walks a tree can meet one that is too deep for the stack or too large for memory.
"""

import copy
import gc
import pickle
import textwrap
from collections.abc import Callable

import epochal
import numpy as np
import pytest
from catalogue import EXAMPLES, OPERATIONS, every_example
from epochal import (
    FunctionSchedule,
    LinearScheduler,
    MultiStepScheduler,
    PiecewiseScheduler,
    Run,
    Schedule,
    ScheduleError,
    from_config,
    parse,
)
from processes import python, python_path

LEVELS, PARTS = 64, 2000
LEAF = LinearScheduler()
RUN = Run("1000ba", batches_per_epoch=10, samples_per_batch=4, tokens_per_batch=8)

Step = Callable[[Schedule], Schedule]
# Each makes a larger tree of a tree.
DEEPER: dict[str, Step] = {
    "after_warmup": lambda a: a.after_warmup("1ba"),
    "until": lambda a: a.until("999ba", LEAF),
    "cooldown": lambda a: a.cooldown("999ba"),
    "clip": lambda a: a.clip(0.1),
    "repeat": lambda a: a.repeat("900ba"),
    "advance": lambda a: a.advance("1ba"),
    "delay": lambda a: a.delay("1ba"),
    "scale": lambda a: a * 0.99,
    "lift": lambda a: a + 0.001,
    # A product of a product is one product, so it grows in width.
    "product": lambda a: a * LEAF,
}
every_step = pytest.mark.parametrize("operation", DEEPER)


def flat(state: object) -> float:
    return 1.0


def largest(step: Step) -> tuple[Schedule, ScheduleError]:
    """The last one that can be built, and the answer to the next."""
    schedule: Schedule = LEAF
    for _ in range(PARTS + 1):
        try:
            schedule = step(schedule)
        except ScheduleError as error:
            return schedule, error
    raise AssertionError("a tree of any size can be built")


def test_every_operation_is_tried() -> None:
    assert DEEPER.keys() == OPERATIONS.keys()


@every_step
def test_a_tree_that_is_too_large_is_refused_where_it_is_built(operation: str) -> None:
    _, error = largest(DEEPER[operation])
    assert str(error) in (
        f"a schedule must be nested at most {LEVELS} levels deep, not {LEVELS + 1}",
        f"a schedule must be made of at most {PARTS} parts, not {PARTS + 1}",
    )


@every_step
def test_the_largest_tree_can_do_all_that_a_small_one_can(operation: str) -> None:
    schedule, _ = largest(DEEPER[operation])
    for again in (
        eval(repr(schedule), vars(epochal)),
        parse(repr(schedule)),
        from_config(schedule.to_config()),
        pickle.loads(pickle.dumps(schedule)),
        copy.deepcopy(schedule),
    ):
        assert again == schedule
        assert hash(again) == hash(schedule)
        assert again.fingerprint() == schedule.fingerprint()
    curve = schedule.resolve(RUN)
    values = curve.grid()
    assert np.isfinite(values).all()
    assert [curve.at_batch(k).hex() for k in range(0, 1000, 90)] == [
        value.hex() for value in values[::90].tolist()
    ]
    assert pickle.loads(pickle.dumps(curve)) == curve
    assert curve.describe().rows
    assert curve.minimum() <= curve.mean() <= curve.maximum()
    assert curve.to_svg().startswith("<svg")
    assert str(epochal.diff(curve, curve)) == "the two curves are the same"
    epochal.lint(schedule, RUN)
    del schedule, curve, again
    gc.collect()


def test_the_largest_trees_fit_a_small_stack() -> None:
    """Of half a megabyte; nearly every thread has more."""
    program = """
        import pickle, threading
        from test_limits import DEEPER, RUN, largest

        def walk():
            # A product is wide, not deep.
            for step in [step for name, step in DEEPER.items() if name != "product"]:
                schedule, _ = largest(step)
                assert pickle.loads(pickle.dumps(schedule)) == schedule
                curve = schedule.resolve(RUN)
                hash(curve), repr(curve), curve.grid(), curve.describe(), curve.mean()
                curve.maximum(), curve.largest_jump(), curve.next_change(1), curve.first_below(0.1)
            print("done")

        threading.stack_size(512 * 1024)
        thread = threading.Thread(target=walk)
        thread.start()
        thread.join()
    """
    done = python("-c", textwrap.dedent(program), PYTHONPATH=python_path(__file__))
    assert done.stdout == "done\n", (done.returncode, done.stderr)


@pytest.mark.parametrize("leaf", [LEAF, FunctionSchedule(flat)], ids=["schedules", "functions"])
def test_a_product_of_thousands_is_refused_in_words(leaf: Schedule) -> None:
    """And one of nearly as many as there may be is a value like others."""
    product = leaf
    for _ in range(PARTS - 2):
        product = product * leaf
    assert product.resolve(RUN).at_batch(0) == 1.0
    assert pickle.loads(pickle.dumps(product)) == product
    for one, other in ((product, leaf), (leaf, product), (product, product)):
        with pytest.raises(ScheduleError, match=f"made of at most {PARTS} parts, not "):
            one * other


def test_functions_that_multiply_beyond_all_floats() -> None:
    product: Schedule = FunctionSchedule(lambda state: 1e3)
    for _ in range(7):
        product = product * product
    curve = product.resolve(RUN)
    with pytest.raises(ScheduleError, match="α must stay finite"):
        curve.at_batch(0)


def test_a_tree_that_holds_another_twice_does_not_outgrow_all_memory() -> None:
    """Its parts are few, but printed and resolved it has two to the power of its levels."""
    schedule, error = largest(lambda tree: tree.until("5ba", tree))
    assert str(error) == f"a schedule must be made of at most {PARTS} parts, not 2047"
    assert schedule.resolve(RUN).at_batch(3) == LEAF.resolve(RUN).at_batch(3)


@every_example
def test_every_example_may_be_nested_in_all_the_others(name: str) -> None:
    schedule = EXAMPLES[name]
    for step in DEEPER.values():
        schedule = step(schedule)
    assert parse(repr(schedule)) == schedule


def test_a_table_of_many_rows_is_one_part() -> None:
    """What is long is no tree that is large."""
    count = 10 * PARTS
    tables: list[Schedule] = [
        PiecewiseScheduler([(f"{n}ba", 1 / (1 + n % 7)) for n in range(count)]),
        MultiStepScheduler([f"{n}ba" for n in range(1, count)], 1.0 - 1e-6),
    ]
    for schedule in tables:
        assert pickle.loads(pickle.dumps(schedule)) == schedule
        assert parse(repr(schedule)) == schedule
        curve = schedule.resolve(Run(f"{count}ba"))
        at = np.array([0, 1, count // 2, count - 1])
        assert curve(at).tolist() == [curve(t) for t in at.tolist()]


def test_a_message_does_not_repeat_a_large_schedule() -> None:
    product: Schedule = LEAF
    for _ in range(PARTS - 2):
        product = product * LEAF
    calls: list[Callable[[], object]] = [
        lambda: product.replace(gamma=0.5),
        lambda: product.replace(alpha_f=0.5),
        lambda: product.resolve(None),  # type: ignore[arg-type]
        lambda: product * "5ba",  # type: ignore[operator]
        lambda: product.until("5ba", None),  # type: ignore[arg-type]
        lambda: Run(product),  # type: ignore[arg-type]
        lambda: parse(repr(product) + " * Step()"),
    ]
    for call in calls:
        with pytest.raises((ScheduleError, TypeError)) as refusal:
            call()
        assert len(str(refusal.value)) < 1000
