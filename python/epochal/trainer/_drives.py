"""What is given to drive the optimizers of a Trainer, sorted and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import mul
from typing import Any, NamedTuple, TypeAlias

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from epochal._core import Schedule, ScheduleError
from epochal._shown import shown
from epochal.torch import EpochalLR
from epochal.torch import _groups as groups
from epochal.trainer import _arguments as arguments

__all__ = ["Drive", "OfGroups", "like", "parts", "sort"]

# A schedule of all groups, or schedules of some of them, by number or name.
OfGroups: TypeAlias = Schedule | dict[Any, Schedule]


class Drive(NamedTuple):
    """What an optimizer is driven with: its learning rates, and other fields of its groups."""

    optimizer: Optimizer
    schedule: OfGroups
    fields: dict[str, OfGroups]


def parts(of_groups: OfGroups) -> list[Schedule]:
    """The schedules of all groups."""
    return list(of_groups.values()) if isinstance(of_groups, dict) else [of_groups]


def like(of_groups: OfGroups, schedules: Sequence[Schedule]) -> OfGroups:
    """The same groups with other schedules."""
    if isinstance(of_groups, dict):
        return dict(zip(of_groups, schedules, strict=True))
    (schedule,) = schedules
    return schedule


def sort(
    given: Any, fields: Any, optimizers: Sequence[Optimizer]
) -> tuple[list[LRScheduler], list[Drive]]:
    """The PyTorch schedulers, and what the schedules drive.

    Args:
        given: a scheduler, a schedule or a function `f(state, ssr=1.0)`; a mapping of groups to
            schedules; a list; None; or a mapping of optimizers to these. Schedules in a list
            multiply, and without a mapping drive each optimizer that has no PyTorch scheduler.
        fields: a mapping of other fields of the groups to schedules, or of optimizers to these.
        optimizers: at least one.

    Raises `ScheduleError` and `TypeError` for what cannot be combined.
    """
    schedulers: list[LRScheduler] = []
    of_optimizers = _by_optimizer("schedulers", given, optimizers)
    if of_optimizers is None:
        schedules = _schedules_among(given, optimizers, schedulers)
        driven = [scheduler.optimizer for scheduler in schedulers]
        free = [optimizer for optimizer in optimizers if optimizer not in driven]
        if len(schedules) == len(free) > 1:
            raise ScheduleError(
                f"schedulers lists {len(schedules)} schedules for {len(free)} optimizers, which "
                "may mean one for each: give schedulers={optimizer: schedule}, or the product "
                "a * b for all of them"
            )
        found = [(optimizer, schedules) for optimizer in free]
    else:
        found = [(o, _schedules_among(of_optimizers.get(o), [o], schedulers)) for o in optimizers]
    driven = [optimizer for optimizer, schedules in found if schedules]
    fields_of = _by_optimizer("fields", fields, optimizers)
    if fields and any(optimizer not in driven for optimizer in fields_of or optimizers):
        raise ScheduleError(
            "fields are driven together with the learning rates: give each of their optimizers a "
            "schedule in schedulers, such as ConstantScheduler()"
        )
    drives = [
        Drive(o, _product(schedules), _fields(fields if fields_of is None else fields_of.get(o)))
        for o, schedules in found
        if schedules
    ]
    return schedulers, drives


def _by_optimizer(
    name: str, given: Any, optimizers: Sequence[Optimizer]
) -> dict[Optimizer, Any] | None:
    """What is given for each optimizer, if it is given so."""
    if not isinstance(given, Mapping) or not any(isinstance(key, Optimizer) for key in given):
        return None
    for key in given:
        if key not in optimizers:
            words = type(key).__name__ if isinstance(key, Optimizer) else repr(key)
            raise ScheduleError(f"{name} has the key {words}, which is not among optimizers")
    return dict(given)


def _schedules_among(
    given: Any, optimizers: Sequence[Optimizer], schedulers: list[LRScheduler]
) -> list[OfGroups]:
    """The schedules that are given for some optimizers; the PyTorch schedulers are added to
    others."""
    schedules: list[OfGroups] = []
    own: list[Optimizer] = []
    for part in arguments.listed(given):
        if isinstance(part, LRScheduler):
            _check(part, optimizers, schedulers)
            schedulers.append(part)
            own.append(part.optimizer)
        else:
            schedules.append(
                groups.schedules("schedulers, if not of torch.optim.lr_scheduler,", part)
            )
    if schedules and all(optimizer in own for optimizer in optimizers):
        raise ScheduleError(
            f"{schedules[0]!r} and {type(schedulers[-1]).__name__} are for one optimizer, but the "
            "product of an epochal schedule and a PyTorch scheduler is not defined: give "
            "schedules of one kind"
        )
    return schedules


def _check(
    scheduler: LRScheduler, optimizers: Sequence[Optimizer], others: Sequence[LRScheduler]
) -> None:
    name = type(scheduler).__name__
    if isinstance(scheduler, EpochalLR):
        raise ScheduleError(
            f"schedulers holds {shown(scheduler)}, which is bound to an optimizer: give the "
            "schedule itself, which the Trainer binds"
        )
    if isinstance(scheduler, ReduceLROnPlateau):
        raise ScheduleError(f"{name} wants a metric at each step, which the Trainer does not have")
    if scheduler.optimizer not in optimizers:
        raise ScheduleError(f"{name} drives an optimizer that is not among optimizers")
    if scheduler in others:
        raise ScheduleError(f"schedulers holds the same {name} twice: it would be stepped twice")


def _product(schedules: Sequence[OfGroups]) -> OfGroups:
    if len(schedules) == 1:
        return schedules[0]
    factors = [schedule for schedule in schedules if isinstance(schedule, Schedule)]
    if len(factors) < len(schedules):
        raise ScheduleError(
            "schedulers lists schedules of groups, and a list is a product, which is not defined "
            "for them: multiply the schedules of each group"
        )
    return reduce(mul, factors)


def _fields(given: Any) -> dict[str, OfGroups]:
    if given is None:
        return {}
    arguments.check_type("fields", given, Mapping, "a mapping of fields to schedules")
    return {field: groups.schedules(f"fields[{field!r}]", part) for field, part in given.items()}
