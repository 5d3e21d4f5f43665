"""Schedules as text: it is read back, and what is no schedule is refused."""

import contextlib

import epochal
import pytest
from epochal import (
    CosineAnnealingScheduler,
    EpochalError,
    LinearScheduler,
    MultiStepScheduler,
    PiecewiseScheduler,
    Schedule,
    ScheduleError,
    Time,
    TimeParseError,
    from_config,
    parse,
)
from hypothesis import given
from hypothesis import strategies as st
from tree_examples import LEAVES, trees


@given(trees())
def test_text_is_read_back(schedule: Schedule) -> None:
    again = parse(repr(schedule))
    assert again == schedule
    assert type(again) is type(schedule)
    assert repr(again) == repr(schedule)


@given(trees())
def test_text_without_scheduler_is_read_too(schedule: Schedule) -> None:
    short = repr(schedule).replace("Scheduler(", "(")
    assert short != repr(schedule)
    assert parse(short) == schedule


def test_every_class_is_among_the_trees() -> None:
    classes = {name for name in epochal.__all__ if name.endswith("Scheduler")}
    assert {type(leaf).__name__ for leaf in LEAVES} == classes


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: type(leaf).__name__)
def test_every_name_of_a_schedule_is_understood(leaf: Schedule) -> None:
    config = leaf.to_config()
    stem = type(leaf).__name__.removesuffix("Scheduler")
    for name in (config["name"], stem, type(leaf).__name__):
        assert from_config(config | {"name": name}) == leaf


def test_what_text_may_hold() -> None:
    cosine = CosineAnnealingScheduler("5ba", 0.5)
    for text in (
        "CosineAnnealing('5ba', 0.5)",
        " epochal.CosineAnnealingScheduler(alpha_f=0.5, t_max=Time('5ba'))\n",
        "CosineAnnealing(\n    Time(5, 'ba'),  # a comment\n    .5)",
        "cosine_annealing('5' 'ba', alpha_f=5e-1)",
    ):
        assert parse(text) == cosine
    assert parse("2 * Linear() * Linear() + 1") == LinearScheduler() * 2 * LinearScheduler() + 1
    assert parse("(1 + Linear()) * 3") == (LinearScheduler() + 1) * 3
    assert parse("Linear() * (Linear() * Linear())") == parse("Linear() * Linear() * Linear()")
    assert parse("MultiStep(('3ba', '5ep'))") == MultiStepScheduler(["3ba", "5ep"])
    assert parse("Piecewise([['0ba', 1], ('5ba', 0)])") == PiecewiseScheduler(
        [("0ba", 1.0), ("5ba", 0.0)]
    )


def test_a_product_of_many_factors_and_a_table_of_many_points() -> None:
    product = LinearScheduler() * LinearScheduler()
    for _ in range(1500):
        product = product * LinearScheduler()
    assert parse(repr(product)) == product
    table = PiecewiseScheduler([(Time(n, "ba"), n / 7) for n in range(5000)])
    assert parse(repr(table)) == table
    assert from_config(table.to_config()) == table


# Text that is refused


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is not the text of a schedule: invalid syntax"),
        ("Linear(", "'(' was never closed"),
        ("Linear()\0", "null bytes"),
        ("5", "the text of a schedule is expected"),
        ("'5ba'", "the text of a schedule is expected"),
        ("Linear", "'Linear' needs its arguments, or empty brackets: 'Linear()'"),
        ("linear", "'linear()'"),
        ("Linaer()", "there is no schedule 'Linaer': did you mean 'Linear'?"),
        ("CosineAnnealingLR()", "did you mean 'CosineAnnealing"),
        ("Linear().untl('5ba', Linear())", "there is no operation 'untl': did you mean 'until'?"),
        ("Linear().scale(0.5)", "there is no operation 'scale'"),
        ("Linear().resolve('5ba')", "there is no operation 'resolve'"),
        ("Linear(alpha_e=0.5)", "'linear' has no argument 'alpha_e': did you mean 'alpha_"),
        ("CosineAnnealing(T_max='5ba')", "has no argument 'T_max': here it is called t_max"),
        ("CosineAnnealing(eta_min=0.1)", "alpha_f (relative to the base rate)"),
        ("LinearWithWarmup(num_warmup_steps='5ba')", "here it is called t_warmup"),
        ("Linear(1, 0, '5ba', 4)", "'linear' takes 3 arguments, not 4"),
        ("Linear(1, alpha_i=1)", "'linear' is given alpha_i twice"),
        ("MultiStepWithWarmup()", "'multi_step_with_warmup' needs t_warmup and milestones"),
        ("Linear().until()", "'until' needs t and then"),
        ("Linear() + Linear()", "'Linear() + Linear()' cannot be in the text"),
        ("Linear() - 1", "'Linear() - 1' cannot be in the text"),
        ("2 * 3 * Linear()", "'2 * 3' cannot be in the text"),
        ("'a' * 1000000000 * Linear()", '* 1000000000" cannot be in the text'),
        ("Linear() * True", "'Linear() * True' cannot be in the text"),
        ("Linear(**{})", "arguments are written out"),
        ("Linear(*[1])", "'*[1]' cannot be in the text"),
        ("Linear(alpha_i={})", "'{}' cannot be in the text"),
        ("Linear(alpha_i=2**9)", "'2**9' cannot be in the text"),
        ("(lambda: Linear())()", "cannot be in the text"),
        ("Linear() if 1 else Linear()", "cannot be in the text"),
        ("__import__('os').system('true')", "there is no schedule '__import__'"),
        ("'5ba'.upper()", "'.upper' must follow a schedule, not \"'5ba'\""),
        ("FunctionSchedule(f)", "'FunctionSchedule' holds a Python function"),
        ("f'{1}'", "cannot be in the text"),
        ("Linear(alpha_i=1j)", "'1j' cannot be in the text"),
    ],
)
def test_text_that_is_refused(text: str, message: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        parse(text)
    assert message in str(caught.value)


def test_arguments_are_refused_as_everywhere() -> None:
    with pytest.raises(TypeError, match="t_max must be a time with a unit"):
        parse("Linear(t_max=5)")
    with pytest.raises(TimeParseError, match="5epp"):
        parse("Linear(t_max='5epp')")
    with pytest.raises(TimeParseError, match="5epp"):
        from_config({"name": "linear", "t_max": "5epp"})
    with pytest.raises(ScheduleError, match="alpha_i must be finite and zero or above, not -1"):
        parse("Linear(-1)")
    with pytest.raises(ScheduleError, match=r"\(1e999\)|alpha_i must be finite"):
        parse("Linear(1e999)")
    for wrong in (5, None, b"Linear()", LinearScheduler()):
        with pytest.raises(TypeError, match="a schedule's text must be a string"):
            parse(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "Linear()" + ".clip()" * 100,
        "Linear()" + ".clip()" * 5000,
        "(" * 500 + "Linear()" + ")" * 500,
        "Linear(" * 500 + ")" * 500,
        "[" * 100_000,
        "-" * 100_000 + "1",
    ],
)
def test_text_that_is_nested_too_deep(text: str) -> None:
    with pytest.raises(ScheduleError):
        parse(text)


@given(st.text("Linear()*+.clip'5ba,=[]10 \\\n#\"Tuntil", max_size=40) | st.text(max_size=20))
def test_no_text_breaks_it(text: str) -> None:
    with contextlib.suppress(EpochalError, TypeError):
        parse(text)
