"""The scale schedule ratio for PyTorch's own schedulers.

What has to change is planned first, then rehearsed on copies, and only then written: a scheduler
that cannot be scaled is left as it was.
"""

from __future__ import annotations

import copy
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor
from torch.optim.lr_scheduler import (
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LinearLR,
    LRScheduler,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    SequentialLR,
    StepLR,
)

from epochal._core import EpochalError, Run, ScheduleError, Time, Timestamp
from epochal.functions import State
from epochal.schedules import ExponentialScheduler, LinearScheduler

__all__ = ["scale_scheduler"]

# Attributes of a scheduler, or settings of a group.
Values: TypeAlias = dict[str, Any]
# The attributes to change in each part of a scheduler.
Plan: TypeAlias = dict[LRScheduler, Values]


def scale_scheduler(scheduler: LRScheduler, ratio: float) -> None:
    """Makes one of PyTorch's own schedulers σ times as long, in place.

    From now on it gives what a new scheduler with scaled arguments gives after as many steps, the
    current learning rate included. Each length is multiplied by the count rule: `step_size`,
    `milestones`, `total_iters`, `T_max`, `T_0`, `step_size_up`, `step_size_down`, `total_steps`.
    A gamma that holds for one step becomes gamma^(1/σ): that of `ExponentialLR`, and of `CyclicLR`
    with `mode="exp_range"`. `SequentialLR` and `ChainedScheduler` are scaled with all that they
    hold; `MultiStepLR`, whose milestones are lengths, too.

    Args:
        scheduler: a scheduler of `torch.optim.lr_scheduler`, in any state.
        ratio: σ, finite and above zero. 1 changes nothing and goes with every scheduler.

    A scheduler that has made steps makes them again, on a copy, from the `initial_lr` of each
    group. This takes twice as long as the steps themselves took it.

    Raises, before anything changes: `ScheduleError` for a length that would become 0 or is no
    whole number, for a stage of `SequentialLR` that would vanish, for a scheduler that could not
    have made so many steps, or whose learning rate something else has changed, and for one whose
    lengths are not known: functions (`LambdaLR`, `MultiplicativeLR`), metrics
    (`ReduceLROnPlateau`), subclasses. `TypeError` for what is no scheduler or no number.

    >>> import torch
    >>> from epochal.torch import scale_scheduler
    >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    >>> scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=30)
    >>> scale_scheduler(scheduler, 0.5)
    >>> scheduler.step_size
    15
    """
    if not isinstance(scheduler, LRScheduler):
        raise TypeError(f"scheduler must be one of torch.optim.lr_scheduler, not {scheduler!r}")
    # Every schedule checks the ratio that it is called with.
    LinearScheduler()(_AT_BATCH_1, ssr=ratio)
    if ratio == 1:
        return
    plan = dict(_plan(scheduler, ratio))
    name = type(scheduler).__name__
    old = _rehearse(scheduler, dict.fromkeys(plan, {}), name)
    new = _rehearse(scheduler, plan, f"{name} × {ratio}")
    for values, changes in list(_changes(scheduler, old, new)):
        for key, value in changes.items():
            if isinstance(values[key], Tensor):
                values[key].copy_(value)
            else:
                values[key] = value


# What to change


def _plan(scheduler: LRScheduler, ratio: float, place: str = "") -> Iterator[tuple[Any, Values]]:
    """The changes to a scheduler and to all that it holds."""
    name = place + type(scheduler).__name__
    if (rule := _RULES.get(type(scheduler))) is None:
        # A subclass may have lengths of its own, or use those it inherits in another way.
        advice = (
            "set scale_schedule_ratio in its Run"
            if isinstance(getattr(scheduler, "run", None), Run)
            else "its lengths are not known. Scale them by hand, or bind a schedule of epochal"
        )
        raise ScheduleError(f"{name} cannot be scaled: {advice}")
    yield scheduler, rule(scheduler, _Factor(ratio, name))
    for i, child in enumerate(_children(scheduler)):
        yield from _plan(child, ratio, f"{name}: schedulers[{i}]: ")


def _children(scheduler: LRScheduler) -> list[LRScheduler]:
    return list(getattr(scheduler, "_schedulers", ()))


class _Factor:
    """The ratio, with the words for what it cannot do to a scheduler of this name."""

    def __init__(self, ratio: float, name: str) -> None:
        self.ratio = ratio
        self.name = name

    def length(self, attribute: str, length: Any) -> int:
        # PyTorch takes floats too, such as T_max=100.0.
        whole = int(length) if isinstance(length, float) and length.is_integer() else length
        try:
            scaled = (Time(whole, "ba") * self.ratio).value
        except (TypeError, EpochalError) as error:
            raise self.refusal(f"{attribute} cannot be scaled by {self.ratio}: {error}") from error
        if scaled == 0 and whole != 0:
            raise self.refusal(f"{attribute} {length} × {self.ratio} would be 0")
        return int(scaled)

    def gamma(self, gamma: Any) -> float:
        """gamma^(1/σ): an exponential schedule that loses gamma in one batch, σ times as long."""
        try:
            return ExponentialScheduler(gamma, "1ba")(_AT_BATCH_1, ssr=self.ratio)
        except (TypeError, EpochalError) as error:
            raise self.refusal(f"gamma cannot be scaled by {self.ratio}: {error}") from error

    def refusal(self, message: str) -> ScheduleError:
        return ScheduleError(f"{self.name}: {message}")


_AT_BATCH_1 = State(Timestamp(batch=1), Time("1ba"))


def _length(attribute: str) -> Callable[[Any, _Factor], Values]:
    def rule(scheduler: Any, factor: _Factor) -> Values:
        return {attribute: factor.length(attribute, getattr(scheduler, attribute))}

    return rule


def _multi_step(scheduler: Any, factor: _Factor) -> Values:
    milestones = scheduler.milestones.elements()
    return {"milestones": Counter(factor.length("milestones", m) for m in milestones)}


def _exponential(scheduler: Any, factor: _Factor) -> Values:
    return {"gamma": factor.gamma(scheduler.gamma)}


def _sequential(scheduler: Any, factor: _Factor) -> Values:
    old = scheduler._milestones
    new = [factor.length("milestones", milestone) for milestone in old]
    for i in range(1, len(new)):
        if new[i - 1] == new[i] and old[i - 1] != old[i]:
            both = f"milestones {old[i - 1]} and {old[i]} × {factor.ratio} would both be {new[i]}"
            raise factor.refusal(f"{both}, and nothing would be left of schedulers[{i}]")
    return {"_milestones": new}


def _cyclic(scheduler: Any, factor: _Factor) -> Values:
    def sizes(up: int, down: int) -> Values:
        return {"total_size": float(up + down), "step_ratio": up / (up + down)}

    factor.length("total_size", scheduler.total_size)
    total = int(scheduler.total_size)
    # The ratio was a quotient of two counts, and the count rule finds the first of them again.
    up = int((Time(total, "ba") * scheduler.step_ratio).value)
    if any(getattr(scheduler, key) != size for key, size in sizes(up, total - up).items()):
        raise factor.refusal("step_size_up and step_size_down must be whole numbers")
    changes = sizes(factor.length("step_size_up", up), factor.length("step_size_down", total - up))
    if scheduler.scale_mode == "iterations":
        if scheduler._scale_fn_custom is not None:
            raise factor.refusal("cannot scale a scale_fn of iterations: scale it by hand")
        gamma = factor.gamma(scheduler.gamma)
        function = partial(CyclicLR._exp_range_scale_fn, gamma)
        changes.update(gamma=gamma, _scale_fn_ref=function)
    return changes


def _one_cycle(scheduler: Any, factor: _Factor) -> Values:
    old: list[dict[str, Any]] = scheduler._schedule_phases

    def phases(total: int, pct_start: float) -> list[dict[str, Any]]:
        first = float(pct_start * total) - 1
        middle = [float(2 * pct_start * total) - 2][: len(old) - 2]
        ends = [first, *middle, total - 1]
        return [{**phase, "end_step": end} for phase, end in zip(old, ends, strict=True)]

    # The scheduler keeps where its phases end, not pct_start. Several floats may give the same
    # ends. The shortest is what has been written, unless it was computed: then it may be off by
    # an ulp.
    total = scheduler.total_steps
    quotient = (old[0]["end_step"] + 1) / total
    for digits in range(1, 18):
        pct_start = float(f"{quotient:.{digits}g}")
        if phases(total, pct_start) == old:
            break
    else:
        raise factor.refusal("its phases are not those of a pct_start")
    steps = factor.length("total_steps", total)
    return {"total_steps": steps, "_schedule_phases": phases(steps, pct_start)}


_RULES: dict[type[LRScheduler], Callable[[Any, _Factor], Values]] = {
    StepLR: _length("step_size"),
    MultiStepLR: _multi_step,
    ConstantLR: _length("total_iters"),
    LinearLR: _length("total_iters"),
    ExponentialLR: _exponential,
    PolynomialLR: _length("total_iters"),
    CosineAnnealingLR: _length("T_max"),
    CosineAnnealingWarmRestarts: _length("T_0"),
    CyclicLR: _cyclic,
    OneCycleLR: _one_cycle,
    SequentialLR: _sequential,
    ChainedScheduler: lambda scheduler, factor: {},
}


# Where it leads


class _Outcome(NamedTuple):
    """Copies of the parts of a scheduler, and of the groups of its optimizer."""

    parts: dict[LRScheduler, LRScheduler]
    groups: list[Values]


def _rehearse(scheduler: LRScheduler, plan: Plan, name: str) -> _Outcome:
    """Where the scheduler would be after all its steps, had it been made with these changes."""
    outcome = _Outcome({}, [_start(group) for group in scheduler.optimizer.param_groups])
    # All that schedulers need of an optimizer. That it makes no steps, they warn of.
    optimizer = SimpleNamespace(param_groups=outcome.groups, step=None)

    def fresh(part: LRScheduler) -> LRScheduler:
        copies = [fresh(child) for child in _children(part)]
        new: Any
        if isinstance(part, SequentialLR):
            new = SequentialLR(optimizer, copies, plan[part].get("_milestones", part._milestones))
        elif isinstance(part, ChainedScheduler):
            new = ChainedScheduler(copies, optimizer)
        else:
            # What depends on the length, a constructor does last, in its initial step.
            new = copy.copy(part)
            vars(new).update(plan[part], optimizer=optimizer, last_epoch=-1)
            new._initial_step()
        outcome.parts[part] = new
        return new

    steps = _steps(scheduler)
    # Warm restarts can be stepped to an epoch between two others.
    fraction = getattr(scheduler, "T_cur", 0) % 1
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            new = fresh(scheduler)
            for _ in range(steps):
                new.step()
            if fraction:
                new.step(steps + fraction)
    except Exception as error:
        raise ScheduleError(f"{name} cannot have made {steps} steps: {error}") from error
    return outcome


def _steps(scheduler: Any) -> int:
    if isinstance(scheduler, ChainedScheduler):  # which does not count
        return _steps(scheduler._schedulers[0])
    return int(scheduler.last_epoch)


def _start(group: Values) -> Values:
    """A copy of a group, with the learning rate from which its scheduler started."""
    start = {k: v.clone() if isinstance(v, Tensor) else v for k, v in group.items()}
    lr, initial_lr = group["lr"], float(group.get("initial_lr", group["lr"]))
    start["lr"] = torch.full_like(lr, initial_lr) if isinstance(lr, Tensor) else initial_lr
    return start


def _changes(
    scheduler: LRScheduler, old: _Outcome, new: _Outcome
) -> Iterator[tuple[Values, Values]]:
    """Attributes and settings of groups, each with what is to be written to them.

    What scaling does not change stays as it is. So several schedulers of one optimizer can be
    scaled one after the other before training.
    """
    name, steps = type(scheduler).__name__, max(_steps(scheduler), 0)
    hint = "scale a scheduler as a whole, best before its first step"
    for part in new.parts:
        found, expected = (getattr(each, "last_epoch", None) for each in (part, old.parts[part]))
        if found != expected:
            what = f"last_epoch of {type(part).__name__} is {found} instead of {expected}"
            raise ScheduleError(f"{name}: after {steps} steps {what}; {hint}")
        yield vars(part), _differences(vars(old.parts[part]), vars(new.parts[part]))
    groups = scheduler.optimizer.param_groups
    for i, (group, before, after) in enumerate(zip(groups, old.groups, new.groups, strict=True)):
        changes = _differences(before, after)
        if "lr" in changes:
            found, expected = float(group["lr"]), float(before["lr"])
            scale = max(abs(expected), abs(float(group["initial_lr"])))
            # A scheduler that was sent to an epoch is off by rounding; others are so by more.
            if not abs(found - expected) <= 1e-6 * scale:
                what = f"lr of group {i} is {found} instead of {expected}"
                raise ScheduleError(f"{name}: after {steps} steps {what}; {hint}")
        yield group, changes


def _differences(old: Values, new: Values) -> Values:
    return {
        key: value
        for key, value in new.items()
        if key not in ("optimizer", "_schedulers", "params") and not _same(old[key], value)
    }


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return torch.equal(a, b)
    return a is b or bool(a == b)
