"""From schedules and a run to a scheduler: what `bind` is given, checked and resolved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from torch.optim import Optimizer

from epochal._clock import Clock
from epochal._core import Curve, Run, Schedule, ScheduleError, Time
from epochal._functions import as_schedule
from epochal._shown import shown
from epochal.torch._fields import Field, number
from epochal.torch._groups import ByGroup, schedules
from epochal.torch._lr import EpochalLR
from epochal.torch._time import Steps, Ticks, check_steps

if TYPE_CHECKING:
    from epochal._types import AnySchedule, Number, TimeLike

    # One for all groups, or a mapping from groups, each by its index or name, None for the rest.
    ForGroups: TypeAlias = AnySchedule | Mapping[Any, AnySchedule]
    # One for all groups, or one for each.
    Base: TypeAlias = Number | Sequence[Number]

__all__ = ["bind", "lr_lambda"]


def bind(
    schedule: ForGroups,
    optimizer: Optimizer,
    run: Run | TimeLike | Clock,
    *,
    fields: Mapping[str, ForGroups] | None = None,
    base: Mapping[str, Base] | None = None,
    base_lr: Base | None = None,
) -> EpochalLR:
    """Binds a schedule to an optimizer, and sets its learning rates to those of the next step.

        lr = initial_lr * α(k)        in each group, from the k-th `step()` on
        lr = initial_lr * α(clock)    with a clock, at each `step()`

    Args:
        schedule: a schedule, or a function `f(state, ssr=1.0)` or `f(state)`, for all groups; or a
            mapping from groups to such, `{0: a, "head": b, None: c}`: a group by its index or by
            its `name`, and None for all the rest.
        optimizer: any `torch.optim.Optimizer`. The base rate of a group is its `initial_lr`;
            where there is none, its `lr` becomes that.
        run: the facts of the run, or its length, such as "90ep". Batch k is in epoch
            k // `batches_per_epoch`; samples and tokens come from the rates of the run. Or a
            `Clock`, ticked before each `step()`: the schedule then follows what was really
            trained, any number of samples, tokens and seconds in a batch.
        fields: schedules for other numbers of the groups, `{"weight_decay": a, "betas[0]": b}`,
            each for all groups or a mapping. Groups that a mapping leaves out are left alone. A
            field is base × α too; its base is kept in the group, as `initial_weight_decay`.
        base: bases of the learning rate and of fields in place of those that groups have, a number
            or one a group: `{"weight_decay": 0.1}`. A number also makes a field that groups do not
            have, such as a threshold for the program to read.
        base_lr: short for `base={"lr": base_lr}`: the learning rates of a new stage. An optimizer's
            state that is loaded later brings the bases of then, which is warned of: load it before.

    Raises, before anything changes in the optimizer: `UnitError` if a schedule reads a clock that
    the run does not tell, such as `tok` without `tokens_per_batch`, or `sec` and `iter`;
    `ScheduleError` for a schedule that does not fit the run, and for groups, fields and bases that
    do not fit the optimizer; `TypeError` for other types, lists of schedules among them. With a
    clock, the first `step()` after a batch raises `UnitError` if a schedule reads samples, tokens
    or seconds that were not counted.

    >>> import torch
    >>> from epochal.torch import bind
    >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    >>> scheduler = bind(LinearScheduler(), optimizer, "4ba")
    >>> for _ in range(6):
    ...     print(scheduler.get_last_lr())
    ...     optimizer.step()
    ...     scheduler.step()
    [0.5]
    [0.375]
    [0.25]
    [0.125]
    [0.0]
    [0.0]

    The same in tokens, in batches of any size, and weight decay that falls with the rate:

    >>> clock = Clock(Run("4Ktok"))
    >>> optimizer = torch.optim.AdamW([torch.zeros(1, requires_grad=True)], lr=0.5)
    >>> linear = LinearScheduler()
    >>> scheduler = bind(linear, optimizer, clock, fields={"weight_decay": linear})
    >>> for tokens in (1000, 500, 2500):
    ...     optimizer.step()
    ...     clock.tick(tokens=tokens)
    ...     scheduler.step()
    ...     print(optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["weight_decay"])
    0.375 0.0075
    0.3125 0.00625
    0.0 0.0
    """
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer must be a torch.optim.Optimizer, not {shown(optimizer)}")
    clock = run if isinstance(run, Clock) else None
    facts = _as_run(run) if clock is None else clock.run
    curves: list[Curve] = []
    followed = {"lr": _for_groups("schedule", schedule, facts, curves)}
    for name, given in _mapping("fields", fields).items():
        if name == "lr":
            raise ScheduleError("fields cannot hold 'lr': its schedule is the first argument")
        followed[name] = _for_groups(f"fields[{name!r}]", given, facts, curves)
    bases = dict(_mapping("base", base))
    if base_lr is not None:
        if "lr" in bases:
            raise ScheduleError("base_lr and base['lr'] are the same: give one of them")
        bases["lr"] = base_lr
    for name in bases:
        if name not in followed:
            raise ScheduleError(
                f"base holds {name!r}, for which there is no schedule: fields must have one too"
            )
    groups = optimizer.param_groups
    made = [_field(name, by, bases.get(name), groups) for name, by in followed.items()]
    time = Steps(curves, facts) if clock is None else Ticks(curves, clock)
    return EpochalLR(optimizer, time, made)


def lr_lambda(schedule: AnySchedule, run: Run | TimeLike) -> Callable[[int], float]:
    """α as a function of the number of a step, for those who make a `LambdaLR` of their own.

    It can be pickled. Raises `UnitError` if the schedule reads a clock that the run does not tell.

    >>> from epochal.torch import lr_lambda
    >>> f = lr_lambda(LinearScheduler(), "4ba")
    >>> f(0), f(1), f(4)
    (1.0, 0.75, 0.0)
    """
    curve = as_schedule(schedule).resolve(_as_run(run))
    check_steps([curve])
    curve.at_batch(0)
    # What a function reads is known only now.
    check_steps([curve])
    return curve.at_batch


def _as_run(run: Any) -> Run:
    if isinstance(run, Time | str):
        return Run(run)
    if not isinstance(run, Run):
        raise TypeError(f"run must be a Run, a length such as '90ep', or a Clock, not {shown(run)}")
    return run


def _mapping(name: str, given: Any) -> Mapping[Any, Any]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise TypeError(f"{name} must be a mapping from the names of fields, not {shown(given)}")
    for key in given:
        if not isinstance(key, str):
            raise TypeError(
                f"{name} must be a mapping from the names of fields, not from {shown(key)}"
            )
    return given


def _for_groups(what: str, given: Any, run: Run, curves: list[Curve]) -> ByGroup[int]:
    """For each group the number of its curve; curves that are not there yet are added."""

    def curve(schedule: Schedule) -> int:
        found = schedule.resolve(run)
        if found not in curves:
            curves.append(found)
        return curves.index(found)

    if isinstance(given, Sequence) and not isinstance(given, str):
        raise TypeError(
            f"{what} must be one schedule, or a mapping from groups, not a list of {len(given)}: "
            "give the product a * b if they are to multiply, or {0: a, 1: b} for one a group"
        )
    found = schedules(what, given)
    of_groups = found if isinstance(found, dict) else {None: found}
    if not of_groups:
        raise ScheduleError(f"{what} is empty: give None a schedule for all groups")
    return ByGroup(what, {key: curve(schedule) for key, schedule in of_groups.items()})


def _field(name: str, curves: ByGroup[int], base: Any, groups: list[dict[str, Any]]) -> Field:
    curves.check(groups)
    if base is None:
        return Field(name, curves)
    least = 0.0 if name == "lr" else float("-inf")
    if not isinstance(base, Sequence) or isinstance(base, str):
        made = number(f"base of {name!r}", base, least)
        return Field(name, curves, [made] * len(groups), made)
    if len(base) != len(groups):
        raise ScheduleError(
            f"base of {name!r} must be a number, or one for each of {len(groups)} groups, not "
            f"{shown(base)}"
        )
    return Field(name, curves, [number(f"base of {name!r}", value, least) for value in base])
