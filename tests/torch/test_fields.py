"""Groups with schedules of their own, and other fields than the learning rate."""

from typing import Any

import pytest
import torch
from epochal import (
    Clock,
    ConstantScheduler,
    LinearScheduler,
    Run,
    ScheduleError,
    StepScheduler,
    UnitError,
)
from epochal._functions import State
from epochal.torch import bind
from optimizers import (
    RUN,
    STEPS,
    field,
    lrs,
    named,
    parameter,
    settings,
    sgd,
    train_step,
)
from torch.optim import SGD, AdamW

RISE, FALL, HALVE = LinearScheduler(0.0, 1.0), LinearScheduler(), StepScheduler("4ba", 0.5)


# Groups


MAPPINGS: list[Any] = [
    {0: RISE, 1: FALL, 2: HALVE},
    {"body": RISE, "head": FALL, "rest": HALVE},
    {None: HALVE, "head": FALL, 0: RISE},
]


@pytest.mark.parametrize("schedules", MAPPINGS)
@pytest.mark.parametrize("tensors", [False, True])
def test_each_group_has_the_rates_of_its_schedule(schedules: Any, tensors: bool) -> None:
    bases: list[Any] = [0.5, 0.25, 0.125]
    given = [torch.tensor(base, dtype=torch.float64) if tensors else base for base in bases]
    optimizer = named(body=given[0], head=given[1], rest=given[2])
    scheduler = bind(schedules, optimizer, RUN)
    curves = [schedule.resolve(RUN) for schedule in (RISE, FALL, HALVE)]
    assert scheduler.curves == curves
    assert [function(5) for function in scheduler.lr_lambdas] == [curve(5) for curve in curves]
    for k in range(STEPS + 2):
        expected = [base * curve(k) for base, curve in zip(bases, curves, strict=True)]
        assert lrs(optimizer) == scheduler.get_last_lr() == scheduler.get_lr() == expected
        train_step(optimizer, k)
        scheduler.step()


def test_groups_that_come_find_their_schedule() -> None:
    optimizer = named(body=1.0)
    scheduler = bind({"body": FALL, None: RISE}, optimizer, "8ba")
    train_step(optimizer, 0)
    optimizer.add_param_group({"params": [parameter()], "lr": 0.5, "name": "head"})
    optimizer.add_param_group({"params": [parameter()], "lr": 0.25, "name": "body"})
    scheduler.step()
    assert lrs(optimizer) == [7 / 8, 0.5 * (1 / 8), 0.25 * (7 / 8)]
    # Names move with their groups.
    del optimizer.param_groups[0]
    train_step(optimizer, 1)
    scheduler.step()
    assert lrs(optimizer) == [0.5 * (2 / 8), 0.25 * (6 / 8)]


def test_a_group_that_comes_without_a_schedule() -> None:
    optimizer = named(body=1.0)
    scheduler = bind({"body": FALL}, optimizer, "8ba")
    train_step(optimizer, 0)
    optimizer.add_param_group({"params": [parameter()], "name": "head"})
    before, state = settings(optimizer), scheduler.state_dict()
    with pytest.raises(ScheduleError, match="group 1 has no schedule: name it by .* None for the"):
        scheduler.step()
    assert settings(optimizer) == before
    assert scheduler.state_dict() == state


def test_the_curve_is_that_of_all_groups_or_none() -> None:
    assert bind(FALL, named(a=1.0, b=1.0), RUN).curve == FALL.resolve(RUN)
    assert bind({None: FALL}, named(a=1.0), RUN).curve == FALL.resolve(RUN)
    scheduler = bind({0: FALL, 1: FALL}, named(a=1.0, b=1.0), RUN)
    assert not hasattr(scheduler, "curve")
    assert scheduler.curves == [FALL.resolve(RUN)] * 2


@pytest.mark.parametrize(
    ("schedule", "error", "text"),
    [
        ({0: FALL}, ScheduleError, "group 1 has no schedule: .* give None for the rest"),
        (
            {"body": FALL, 2: RISE, None: RISE},
            ScheduleError,
            "names group 2, but the last one is 1",
        ),
        ({"haed": FALL, None: RISE}, ScheduleError, r"group 'haed', but .* are 'body', 'head'$"),
        ({0: FALL, "body": RISE, 1: RISE}, ScheduleError, "one group twice, by 0 and by 'body'"),
        ({-1: FALL, None: RISE}, ScheduleError, "not by -1"),
        ({True: FALL, None: RISE}, ScheduleError, "not by True"),
        ({1.0: FALL, None: RISE}, ScheduleError, "not by 1.0"),
        ({}, ScheduleError, "schedule is empty"),
        ({0: FALL, 1: "1dur"}, TypeError, "schedule must be .*'1dur'"),
        ({0: FALL, 1: LinearScheduler(t_max="9tok")}, UnitError, "tokens_per_batch"),
        ([FALL, RISE], TypeError, r"not a list of 2: give the product a \* b .* {0: a, 1: b}"),
        ((FALL,), TypeError, "not a list of 1"),
    ],
)
def test_groups_that_do_not_fit(schedule: Any, error: type[Exception], text: str) -> None:
    optimizer = named(body=1.0, head=torch.tensor(0.5))
    attributes, before = set(vars(optimizer)), settings(optimizer)
    with pytest.raises(error, match=text):
        bind(schedule, optimizer, "8ba")
    assert set(vars(optimizer)) == attributes
    assert settings(optimizer) == before


def test_a_name_where_no_group_has_one() -> None:
    with pytest.raises(ScheduleError, match="names group 'head', but no group has a 'name'$"):
        bind({"head": FALL, None: RISE}, torch.optim.SGD([parameter()], lr=0.5), "8ba")


def test_one_evaluation_a_schedule() -> None:
    calls: list[str] = []

    def one(state: State) -> float:
        calls.append("one")
        return 1.0

    def other(state: State) -> float:
        calls.append("other")
        return 0.5

    optimizer = sgd(*[0.1] * 6)
    schedules: dict[Any, Any] = {0: one, 1: other, None: one}
    scheduler = bind(schedules, optimizer, RUN, fields={"momentum": other, "weight_decay": one})
    for k in range(3):
        assert sorted(calls) == ["one", "other"]
        calls.clear()
        train_step(optimizer, k)
        scheduler.step()


# Fields


def test_fields_follow_their_schedules() -> None:
    optimizer = named(body=0.5, head=0.25)
    optimizer.param_groups[1]["weight_decay"] = 0.01
    scheduler = bind(
        HALVE, optimizer, RUN, fields={"weight_decay": FALL, "momentum": {"head": RISE}}
    )
    halve, fall, rise = (schedule.resolve(RUN) for schedule in (HALVE, FALL, RISE))
    for k in range(STEPS + 2):
        assert lrs(optimizer) == [0.5 * halve(k), 0.25 * halve(k)]
        assert field(optimizer, "weight_decay") == [0.1 * fall(k), 0.01 * fall(k)]
        # A group that the mapping leaves out is left alone.
        assert field(optimizer, "momentum") == [0.9, 0.9 * rise(k)]
        train_step(optimizer, k)
        scheduler.step()
    assert field(optimizer, "initial_weight_decay") == [0.1, 0.01]
    assert "initial_momentum" not in optimizer.param_groups[0]
    assert optimizer.param_groups[1]["initial_momentum"] == 0.9


def test_elements_of_a_tuple() -> None:
    optimizer = AdamW([parameter()], lr=0.5, betas=(0.8, 0.999))
    optimizer.add_param_group({"params": [parameter()], "betas": [0.5, 0.25]})
    fields: dict[str, Any] = {"betas[1]": FALL, "betas[0]": RISE}
    scheduler = bind(FALL, optimizer, "8ba", fields=fields)
    for k in range(9):
        assert field(optimizer, "betas") == [
            (0.8 * (k / 8), 0.999 * ((8 - k) / 8)),
            [0.5 * (k / 8), 0.25 * ((8 - k) / 8)],
        ]
        train_step(optimizer, k)
        scheduler.step()
    assert optimizer.param_groups[0]["initial_betas[1]"] == 0.999
    # Others may put another tuple there; the element that no schedule has is theirs.
    scheduler = bind(FALL, optimizer, "8ba", fields={"betas[0]": ConstantScheduler(0.5)})
    optimizer.param_groups[0]["betas"] = (0.4, 0.75)
    train_step(optimizer, 0)
    scheduler.step()
    assert field(optimizer, "betas")[0] == (0.4, 0.75)


def test_elements_that_are_tensors() -> None:
    beta = torch.tensor(0.5)
    optimizer = SGD([parameter()], lr=0.5)
    optimizer.param_groups[0]["betas"] = (beta, 0.25)
    fields: dict[str, Any] = {"betas[0]": FALL, "betas[1]": RISE}
    scheduler = bind(FALL, optimizer, "8ba", fields=fields)
    for k in range(4):
        now = optimizer.param_groups[0]["betas"]
        assert now[0] is beta
        assert now == (torch.tensor(0.5 * ((8 - k) / 8)), 0.25 * (k / 8))
        optimizer.step()
        scheduler.step()


def test_fields_by_a_clock() -> None:
    clock, optimizer = Clock(Run("1000tok")), named(a=1.0)
    scheduler = bind(RISE, optimizer, clock, fields={"weight_decay": FALL})
    for tokens in (100, 300, 50):
        train_step(optimizer, 0)
        clock.tick(tokens=tokens)
        scheduler.step()
        done = clock.timestamp.token.value
        assert lrs(optimizer) == [RISE.resolve("1000tok")(done)]
        assert field(optimizer, "weight_decay") == [0.1 * ((1000 - done) / 1000)]
    optimizer = named(a=1.0)
    scheduler = bind(RISE, optimizer, Clock(Run("8ba")), fields={"momentum": StepScheduler("9tok")})
    train_step(optimizer, 0)
    assert scheduler.clock is not None
    scheduler.clock.tick()
    with pytest.raises(UnitError, match="StepScheduler.* cannot step: the clock 'tok' has not"):
        scheduler.step()


def test_fields_that_the_program_reads() -> None:
    """A base makes a field that the groups do not have, in new groups too."""
    optimizer = named(a=1.0)
    base = {"clip_norm": 2.0, "weight_decay": 0.5}
    fields: dict[str, Any] = {"clip_norm": FALL, "weight_decay": FALL}
    scheduler = bind(FALL, optimizer, "8ba", fields=fields, base=base)
    assert field(optimizer, "clip_norm") == [2.0]
    assert field(optimizer, "weight_decay") == [0.5]
    train_step(optimizer, 0)
    optimizer.add_param_group({"params": [parameter()]})
    scheduler.step()
    assert field(optimizer, "clip_norm") == [2.0 * (7 / 8)] * 2
    assert field(optimizer, "weight_decay") == [0.5 * (7 / 8), 0.1 * (7 / 8)]
    # One a group.
    optimizer = named(a=1.0, b=1.0)
    bind(FALL, optimizer, "8ba", fields={"weight_decay": FALL}, base={"weight_decay": [0.25, 0.0]})
    assert field(optimizer, "weight_decay") == field(optimizer, "initial_weight_decay")
    assert field(optimizer, "weight_decay") == [0.25, 0.0]


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        ({"fields": {"lr": FALL}}, ScheduleError, "'lr'.* first argument"),
        ({"fields": {"clip_norm": FALL}}, ScheduleError, "no 'clip_norm', .*base={'clip_norm': "),
        (
            {"fields": {"betas[0]": FALL}},
            ScheduleError,
            "group 0 has no .betas.0.': its 'betas' is",
        ),
        ({"fields": {"pair": FALL}}, ScheduleError, r"'pair' of group 0 .* not \(0.5, 0.5\)"),
        ({"fields": {"pair[2]": FALL}}, ScheduleError, r"long enough"),
        ({"fields": {"pair[-1]": FALL}}, ScheduleError, "like 'betas.0.', not 'pair.-1.'"),
        ({"fields": {"pair[": FALL}}, ScheduleError, "like 'betas.0.', not"),
        ({"fields": {"nesterov": FALL}}, ScheduleError, "'nesterov' of group 0 .* not False"),
        ({"fields": {"foreach": FALL}}, ScheduleError, "no 'foreach'"),
        ({"fields": {"params": FALL}}, ScheduleError, "'params' of group 0 must be a finite"),
        ({"fields": {"momentum": [FALL, FALL]}}, TypeError, r"fields\['momentum'\].* not a list"),
        (
            {"fields": {"momentum": {"a": FALL, "b": 5}}},
            TypeError,
            r"fields\['momentum'\] must be .*5",
        ),
        (
            {"fields": {"momentum": {"c": FALL}}},
            ScheduleError,
            r"fields\['momentum'\] names .* 'c'",
        ),
        ({"fields": {"momentum": {}}}, ScheduleError, r"fields\['momentum'\] is empty"),
        ({"fields": {0: FALL}}, TypeError, "fields must be .* not from 0"),
        ({"fields": FALL}, TypeError, "fields must be a mapping"),
        ({"base": {"momentum": 0.5}}, ScheduleError, "base holds 'momentum'.* no schedule"),
        ({"base": {"lr": [1.0]}}, ScheduleError, "base of 'lr' .* each of 2 groups"),
        ({"base": {"lr": -1.0}}, ScheduleError, "base of 'lr' .* 0 or above, not -1.0"),
        ({"base": {"lr": "0.1"}}, ScheduleError, "base of 'lr' .* not '0.1'"),
        ({"base": 0.1}, TypeError, "base must be a mapping"),
        ({"base_lr": float("nan")}, ScheduleError, "base of 'lr' .* not nan"),
        ({"base_lr": True}, ScheduleError, "base of 'lr' .* not True"),
        ({"base_lr": 0.1, "base": {"lr": 0.1}}, ScheduleError, "base_lr and base"),
    ],
)
def test_fields_that_do_not_fit(given: dict[str, Any], error: type[Exception], text: str) -> None:
    optimizer = named(a=1.0, b=torch.tensor(0.5))
    optimizer.param_groups[0]["pair"] = (0.5, 0.5)
    attributes, before = set(vars(optimizer)), settings(optimizer)
    with pytest.raises(error, match=text):
        bind(FALL, optimizer, "8ba", **given)
    assert set(vars(optimizer)) == attributes
    assert settings(optimizer) == before


# Bases


@pytest.mark.parametrize("base", [0.1, [0.1, 0.1], (0.1, torch.tensor(0.1, dtype=torch.float64))])
def test_the_rates_of_a_new_stage(base: Any) -> None:
    optimizer = sgd(1.0, torch.tensor(1.0, dtype=torch.float64))
    first = bind(FALL, optimizer, "4ba")
    for k in range(4):
        train_step(optimizer, k)
        first.step()
    assert lrs(optimizer) == [0.0, 0.0]
    second = bind(FALL, optimizer, "4ba", base_lr=base)
    assert lrs(optimizer) == [0.1, 0.1]
    assert [float(base) for base in second.base_lrs] == [0.1, 0.1]
    train_step(optimizer, 4)
    second.step()
    assert lrs(optimizer) == [0.1 * 0.75, 0.1 * 0.75]
    # Only once: from now on the groups have their bases.
    optimizer.param_groups[0]["initial_lr"] = 0.5
    train_step(optimizer, 5)
    second.step()
    assert lrs(optimizer) == [0.25, 0.05]


def test_bind_leaves_the_groups_alone_when_it_fails() -> None:
    optimizer = sgd(0.1, torch.tensor([0.1, 0.2]))
    before = settings(optimizer)
    with pytest.raises(ScheduleError, match="'lr' of group 1, a tensor, must hold one float, not"):
        bind(ConstantScheduler(0.5), optimizer, "10ba")
    for group, was in zip(optimizer.param_groups, before, strict=True):
        assert group.keys() == {*was, "params"}
    optimizer.param_groups[1]["lr"] = 0.2
    assert bind(ConstantScheduler(0.5), optimizer, "10ba").get_last_lr() == [0.05, 0.1]


def test_a_base_class_that_fails() -> None:
    """PyTorch replaces `step`, which must be a method for that."""
    optimizer = sgd(0.1)
    optimizer.step = lambda: None  # type: ignore[method-assign,assignment,misc]
    before = settings(optimizer)
    with pytest.raises(AttributeError):
        bind(FALL, optimizer, "8ba")
    assert settings(optimizer) == before
