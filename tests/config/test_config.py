"""Schedules as text and as mappings: round trips, what llm-foundry writes, and what is refused."""

import contextlib
import hashlib
import json
import tomllib
from collections import UserDict, UserList
from typing import Any

import epochal
import pytest
import yaml
from catalogue import least
from epochal import (
    ConstantScheduler,
    ConstantWithWarmupScheduler,
    CosineAnnealingScheduler,
    CosineAnnealingWarmRestartsScheduler,
    CosineAnnealingWithWarmupScheduler,
    EpochalError,
    InverseSquareRootWithWarmupScheduler,
    LinearScheduler,
    LinearWithWarmupScheduler,
    MultiStepScheduler,
    OneCycleScheduler,
    PiecewiseScheduler,
    Run,
    Schedule,
    ScheduleError,
    Time,
    TimeParseError,
    WSDScheduler,
    from_config,
    parse,
)
from hypothesis import given
from hypothesis import strategies as st
from strategies import any_time_strings
from tree_examples import LEAVES, trees

# Round trips


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


@given(trees())
def test_mappings_are_read_back(schedule: Schedule) -> None:
    config = schedule.to_config()
    for through in (
        config,
        json.loads(json.dumps(config, allow_nan=False)),
        yaml.safe_load(yaml.safe_dump(config)),
    ):
        again = from_config(through)
        assert again == schedule
        assert type(again) is type(schedule)
        assert repr(again) == repr(schedule)


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


# Mappings


LLM_FOUNDRY = {
    """
    name: cosine_with_warmup
    t_warmup: 100ba
    alpha_f: 0.1
    """: CosineAnnealingWithWarmupScheduler("100ba", alpha_f=0.1),
    """
    name: cosine_with_warmup
    t_warmup: 0.02dur
    t_max: 1dur
    alpha_f: 1e-1
    scale_warmup: true
    """: CosineAnnealingWithWarmupScheduler("0.02dur", "1dur", 0.1, True),
    """
    name: linear_decay_with_warmup
    t_warmup: 0.06dur
    alpha_f: 0.02
    """: LinearWithWarmupScheduler("0.06dur", alpha_f=0.02),
    """
    name: constant_with_warmup
    alpha: 1.0
    t_warmup: 50ba
    """: ConstantWithWarmupScheduler("50ba"),
    """
    name: inv_sqrt_with_warmup
    t_warmup: 2000ba
    t_scale: 1000ba
    t_cooldown: 500ba
    t_max: 100000ba
    alpha_f_decay: 0.1
    alpha_f_cooldown: 0.0
    """: InverseSquareRootWithWarmupScheduler("2000ba", "1000ba", "500ba", "100000ba", 0.1),
    """
    name: cosine_restarts_with_warmup
    t_warmup: 10ba
    t_0: 50ba
    t_mult: 2
    alpha_f: 0.1
    scale_warmup: true
    """: CosineAnnealingWarmRestartsScheduler("50ba", 2.0, 0.1).after_warmup("10ba", scale=True),
}


@pytest.mark.parametrize(("block", "expected"), LLM_FOUNDRY.items())
def test_blocks_of_llm_foundry_load_as_they_are(block: str, expected: Schedule) -> None:
    assert from_config(yaml.safe_load(block)) == expected


def test_what_is_written_is_short_and_plain() -> None:
    assert CosineAnnealingWithWarmupScheduler("100ba", alpha_f=0.1).to_config() == {
        "name": "cosine_with_warmup",
        "t_warmup": "100ba",
        "alpha_f": 0.1,
    }
    assert OneCycleScheduler().to_config() == {"name": "one_cycle"}
    tree = (LinearScheduler() * ConstantScheduler(0.5) * 2 + 0.1).until("5ba", WSDScheduler("3ep"))
    assert tree.to_config() == {
        "name": "until",
        "of": {
            "name": "lift",
            "of": {
                "name": "scale",
                "of": {
                    "name": "product",
                    "factors": [{"name": "linear"}, {"name": "constant", "alpha": 0.5}],
                },
                "by": 2.0,
            },
            "by": 0.1,
        },
        "t": "5ba",
        "then": {"name": "wsd", "t_warmup": "3ep"},
    }
    points = PiecewiseScheduler([("0ba", 1), ("0.5dur", 0.25)], ["rex"])
    assert points.to_config() == {
        "name": "piecewise",
        "points": [["0ba", 1.0], ["0.5dur", 0.25]],
        "shape": ["rex"],
    }


def test_other_mappings_and_lists_than_dicts_and_lists() -> None:
    """Hydra's configurations are such."""
    config = UserDict(
        name="product",
        factors=UserList(
            [
                UserDict(name="linear"),
                UserDict(name="multi_step", milestones=UserList(["3ba", "5ba"])),
            ]
        ),
    )
    assert from_config(config) == LinearScheduler() * MultiStepScheduler(["3ba", "5ba"])


def test_toml() -> None:
    document = """
        [scheduler]
        name = "clip"
        low = 0.1
        of = { name = "linear" }
    """
    assert from_config(tomllib.loads(document)["scheduler"]) == LinearScheduler().clip(0.1)


def test_schedules_and_text_may_stand_for_mappings() -> None:
    expected = LinearScheduler().until("5ba", ConstantScheduler(0.5))
    assert from_config(expected) is expected
    assert from_config(repr(expected)) == expected
    for then in ("Constant(0.5)", ConstantScheduler(0.5), {"name": "constant", "alpha": "5e-1"}):
        config = {"name": "until", "of": "Linear()", "t": Time("5ba"), "then": then}
        assert from_config(config) == expected


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "a schedule's mapping needs a 'name', e.g. 'linear'; it has nothing"),
        ({"alpha_f": 0.1}, "it has 'alpha_f'"),
        ({"name": "cosine_with_wramup"}, "did you mean 'cosine_with_warmup'?"),
        ({"name": "cosine"}, "did you mean 'cosine_annealing'?"),
        ({"name": None}, "there is no schedule None"),
        ({"name": ["linear"]}, "there is no schedule ['linear']"),
        ({"name": "linear", "alpha": 0.1}, "'linear' has no argument 'alpha'"),
        ({"name": "linear", True: 0.1}, "'linear' has no argument True"),
        ({"name": "cosine_with_warmup"}, "'cosine_with_warmup' needs t_warmup"),
        ({"name": "cosine_annealing", "min_lr": 0.1}, "alpha_f (relative to the base rate)"),
        ({"name": "linear", "start_factor": 0.1}, "alpha_i, or warmup_start of a warmup"),
        ({"name": "linear", "alpha_f": -1}, "alpha_f must be finite and zero or above"),
        ({"name": "until", "t": "5ba", "then": {"name": "linear"}}, "'until' needs of"),
        ({"name": "product", "factors": []}, "factors must be at least two schedules, not 0"),
        ({"name": "product", "factors": ["Linear()"]}, "at least two schedules, not 1"),
        ({"name": "ending", "of": "Linear()"}, "there is no schedule 'ending'"),
        ({"name": "clip", "of": {"nam": "linear"}}, "needs a 'name'"),
    ],
)
def test_mappings_that_are_refused(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        from_config(config)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (5, "a schedule must be a mapping with a 'name', or text, not 5"),
        ([{"name": "linear"}], "a schedule must be a mapping"),
        ({"name": "clip", "of": 5}, "a schedule must be a mapping"),
        ({"name": "product", "factors": "Linear()"}, "factors must be a list of schedules"),
        ({"name": "product", "factors": {"name": "linear"}}, "factors must be"),
        ({"name": "linear", "t_max": 5}, "t_max must be a time with a unit"),
        ({"name": "linear", "alpha_f": "much"}, "alpha_f must be a number, not 'much'"),
        ({"name": "linear", "alpha_f": {}}, "alpha_f must be a number"),
    ],
)
def test_mappings_of_wrong_types(config: Any, message: str) -> None:
    with pytest.raises(TypeError) as caught:
        from_config(config)
    assert message in str(caught.value)


def test_a_mapping_in_itself_is_refused() -> None:
    config: dict[str, Any] = {"name": "clip"}
    config["of"] = config
    with pytest.raises(ScheduleError, match="nested too deep"):
        from_config(config)


def test_a_mapping_is_not_changed() -> None:
    config = {"name": "clip", "of": {"name": "linear"}, "low": "1e-1"}
    before = json.dumps(config)
    from_config(config)
    assert json.dumps(config) == before


# Functions


def half(state: Any) -> float:
    return 0.5


@pytest.mark.parametrize("operation", ["to_config", "fingerprint"])
def test_functions_are_refused(operation: str) -> None:
    class Own(LinearScheduler):
        def __call__(self, state: Any, ssr: Any = 1.0) -> float:
            return 0.5

    for schedule in (epochal.FunctionSchedule(half), half * LinearScheduler(), Own()):
        with pytest.raises(ScheduleError, match="Python function"):
            getattr(schedule, operation)()


# Runs


def test_runs() -> None:
    for run in (
        Run("90ep"),
        Run("90ep", batches_per_epoch=100, scale_schedule_ratio=0.5),
        Run("15Ttok", tokens_per_batch=2**22, samples_per_batch=1024),
    ):
        config = run.to_config()
        assert Run.from_config(json.loads(json.dumps(config))) == run
        assert Run.from_config(UserDict(config)) == run
    assert Run("90ep", batches_per_epoch=100).to_config() == {
        "max_duration": "90ep",
        "batches_per_epoch": 100,
    }


def test_runs_that_are_refused() -> None:
    cases: list[tuple[Any, str]] = [
        ({}, "a run's mapping needs 'max_duration'"),
        ({"max_duration": "5ba", "batch_per_epoch": 3}, "did you mean 'batches_per_epoch'?"),
        ({"max_duration": "5ba", 3: 3}, "a run has no argument 3"),
    ]
    for config, message in cases:
        with pytest.raises(ScheduleError) as caught:
            Run.from_config(config)
        assert message in str(caught.value)
    for wrong in ("5ba", None, [("max_duration", "5ba")]):
        with pytest.raises(TypeError, match="a run must be a mapping"):
            Run.from_config(wrong)  # type: ignore[arg-type]


# Other arguments


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: type(leaf).__name__)
def test_an_argument_is_replaced(leaf: Schedule) -> None:
    base = least(type(leaf).__name__)
    arguments = {name: value for name, value in leaf.to_config().items() if name != "name"}
    assert arguments
    assert base.replace(**arguments) == leaf
    assert type(base.replace(**arguments)) is type(leaf)
    assert leaf.replace() == leaf


def test_arguments_are_replaced_within() -> None:
    cosine = CosineAnnealingScheduler()
    tree = (half * cosine.clip(0.1)).until("5ba", WSDScheduler("3ba"))
    assert tree.replace(low=0.2, t="7ba", t_warmup="1ba") == (half * cosine.clip(0.2)).until(
        "7ba", WSDScheduler("1ba")
    )
    assert tree.replace(then=cosine).replace(low=0) == (half * cosine.clip()).until("5ba", cosine)
    # Its own argument, not that of what is within.
    assert cosine.cooldown("5ba").replace(alpha_f=0.5) == cosine.cooldown("5ba", alpha_f=0.5)
    with pytest.raises(ScheduleError, match="'alpha_ii': did you mean 'alpha_i'"):
        LinearScheduler().cooldown("5ba").replace(alpha_ii=1.0)
    # All at once: 0.9 alone would be above the old bound.
    assert cosine.clip(0.1, 0.5).replace(low=0.9, high=1.0) == cosine.clip(0.9, 1.0)


@pytest.mark.parametrize(
    ("schedule", "field", "message"),
    [
        (LinearScheduler(), "alpha_e", "has no argument 'alpha_e': did you mean 'alpha_"),
        (LinearScheduler(), "eta_min", "alpha_f (relative to the base rate)"),
        (LinearScheduler().clip(), "hihg", "did you mean 'high'?"),
        (LinearScheduler() * CosineAnnealingScheduler(), "t_max", "t_max is an argument of Linear"),
        (LinearScheduler() * LinearScheduler(), "t_max", "replace it in one of them"),
        (epochal.FunctionSchedule(half), "units", "has no argument 'units': it has none"),
    ],
)
def test_arguments_that_cannot_be_replaced(schedule: Schedule, field: str, message: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        schedule.replace(**{field: "1ba"})
    assert message in str(caught.value)


def test_replaced_values_are_checked() -> None:
    with pytest.raises(ScheduleError, match="alpha_f must be finite"):
        LinearScheduler().clip().replace(alpha_f=-1)


# Fingerprints


@given(trees(), trees())
def test_fingerprints_are_equal_where_schedules_are(one: Schedule, other: Schedule) -> None:
    assert (one.fingerprint() == other.fingerprint()) == (one == other)
    assert from_config(one.to_config()).fingerprint() == one.fingerprint()
    assert len(one.fingerprint()) == 16
    assert int(one.fingerprint(), 16) >= 0


# They stand in the names of runs and the keys of caches.
FIXED = {
    "CosineAnnealingWithWarmup('100ba')": (
        "CosineAnnealingScheduler(t_max='1dur', alpha_f=0.0).after_warmup('100ba')",
        "a2b41fe1f1bbac2f",
    ),
    "CosineAnnealing().after_warmup('100ba')": (
        "CosineAnnealingScheduler(t_max='1dur', alpha_f=0.0).after_warmup('100ba')",
        "a2b41fe1f1bbac2f",
    ),
    "(Linear(0.1, 1e-9, '15Ttok') * 0.3 + 1e22).clip(1e-7)": (
        "(LinearScheduler(alpha_i=0.1, alpha_f=1e-9, t_max='15000000000000tok') * 0.3 + 1e22)"
        ".clip(low=1e-7)",
        "596356fd2603ecbb",
    ),
    "MultiStep(['1h', '0.3dur']).until('7sp', Step('3iter'), True) * Linear()": (
        "MultiStepScheduler(milestones=['3600sec', '0.3dur'], gamma=0.1)"
        ".until('7sp', StepScheduler(step_size='3iter', gamma=0.1), carry=True)"
        " * LinearScheduler(alpha_i=1.0, alpha_f=0.0, t_max='1dur')",
        "b25df3fba6080151",
    ),
    "WSD('5ba')": (
        "ConstantScheduler(alpha=1.0, t_max='1dur')"
        ".ending('0.1dur', '1dur', 0.0, 'linear', False).after_warmup('5ba')",
        "1d3a6314704593ff",
    ),
}


@pytest.mark.parametrize(("text", "fixed"), FIXED.items())
def test_fingerprints_never_change(text: str, fixed: tuple[str, str]) -> None:
    hashed, fingerprint = fixed
    assert hashlib.sha256(hashed.encode()).hexdigest()[:16] == fingerprint
    assert parse(text).fingerprint() == fingerprint


# The schema


def test_the_schema_is_one() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(epochal.config_schema())


def validator() -> Any:
    jsonschema = pytest.importorskip("jsonschema")
    return jsonschema.Draft202012Validator(epochal.config_schema())


VALIDATOR = validator()


@given(trees())
def test_the_schema_takes_what_is_written(schedule: Schedule) -> None:
    VALIDATOR.validate(schedule.to_config())


@pytest.mark.parametrize("block", LLM_FOUNDRY)
def test_the_schema_takes_blocks_of_llm_foundry(block: str) -> None:
    VALIDATOR.validate(yaml.safe_load(block.replace("1e-1", "0.1")))


@pytest.mark.parametrize(
    "config",
    [
        {},
        5,
        {"name": "cosine"},
        {"name": "linear", "alpha_e": 1},
        {"name": "linear", "alpha_f": -1},
        {"name": "linear", "alpha_f": "much"},
        {"name": "linear", "t_max": 5},
        {"name": "linear", "t_max": "5"},
        {"name": "linear", "t_max": "5epp"},
        {"name": "cosine_with_warmup"},
        {"name": "cosine_with_warmup", "t_warmup": "5ba", "warmup_shape": "cubic"},
        {"name": "clip", "of": {"name": "linear", "t_max": 5}},
        {"name": "piecewise", "points": [["5ba"]]},
        {"name": "product", "factors": {"name": "linear"}},
        {"name": "multi_step", "milestones": "5ba"},
    ],
)
def test_the_schema_refuses_what_is_refused(config: Any) -> None:
    assert not VALIDATOR.is_valid(config)
    with pytest.raises((EpochalError, TypeError)):
        from_config(config)


@given(any_time_strings())
def test_the_schema_takes_every_time(text: str) -> None:
    try:
        schedule = LinearScheduler(t_max=text)
    except EpochalError:
        return
    assert VALIDATOR.is_valid({"name": "linear", "t_max": text})
    assert VALIDATOR.is_valid(schedule.to_config())
