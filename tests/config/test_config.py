"""Schedules as mappings: round trips, what llm-foundry writes, and what is refused."""

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
    WSDScheduler,
    from_config,
    parse,
)
from hypothesis import given
from strategies import any_time_strings
from tree_examples import LEAVES, trees


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


# As others write them


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
    """
    name: cosine_restarts_with_warmup
    t_warmup: 10ba
    t_0: 50ba
    """: CosineAnnealingWarmRestartsScheduler("50ba").after_warmup("10ba", scale=False),
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


def test_some_of_many_owners_are_named() -> None:
    schedule: Schedule = LinearScheduler()
    for alpha_f in (0.1, 0.2, 0.3):
        schedule = schedule * LinearScheduler(alpha_f=alpha_f)
    with pytest.raises(ScheduleError, match=r"alpha_f=0\.2, .* and 1 more: replace it in one"):
        schedule.replace(t_max="5ba")
    schedule = schedule * LinearScheduler(alpha_f=0.4)
    with pytest.raises(
        ScheduleError, match=r"alpha_f=0\.2, .* and 2 more: replace it in one"
    ) as error:
        schedule.replace(t_max="5ba")
    assert "alpha_f=0.3" not in str(error.value)


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
