"""The scale schedule ratio for PyTorch's own schedulers: planned, rehearsed on copies, written."""

from __future__ import annotations

import copy
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor
from torch.optim import lr_scheduler
from torch.optim.lr_scheduler import ChainedScheduler, LRScheduler, SequentialLR

from epochal._core import EpochalError, ScheduleError, Time, Timestamp
from epochal._functions import State
from epochal._shown import shown
from epochal.schedules import ExponentialScheduler, LinearScheduler
from epochal.torch._lr import EpochalLR

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
    with `mode="exp_range"`. `SequentialLR` and `ChainedScheduler` are scaled with all they hold.

    Args:
        scheduler: a scheduler of `torch.optim.lr_scheduler`, new or after any number of steps.
        ratio: σ, finite and above zero. 1 changes nothing, and takes any scheduler.

    The steps that it has made are made again, from `initial_lr`, on copies. They take their time.

    Raises, before anything changes: `ScheduleError` for a length that is no whole number or would
    become 0; for a stage of `SequentialLR` that would vanish; for a scheduler that is shorter than
    the steps made, or whose learning rate something else has changed; and for those whose lengths
    are not known: `LambdaLR`, `MultiplicativeLR`, `ReduceLROnPlateau`, subclasses. `TypeError` for
    what is no scheduler or no number.

    >>> import torch
    >>> from epochal.torch import scale_scheduler
    >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    >>> scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=30)
    >>> scale_scheduler(scheduler, 0.5)
    >>> scheduler.step_size
    15
    """
    if not isinstance(scheduler, LRScheduler):
        raise TypeError(
            f"scheduler must be one of torch.optim.lr_scheduler, not {shown(scheduler)}"
        )
    # Every schedule checks the ratio that it is called with.
    LinearScheduler()(_AT_BATCH_1, ssr=ratio)
    if ratio == 1:
        return
    plan = _plan(scheduler, ratio)
    name = type(scheduler).__name__
    old = _rehearse(scheduler, {part: {} for part in plan}, name)
    new = _rehearse(scheduler, plan, f"{name} × {ratio}")
    for values, changes in list(_changes(scheduler, old, new)):
        for key, value in changes.items():
            if isinstance(values[key], Tensor):
                values[key].copy_(value)
            else:
                values[key] = value
    for part in plan:
        if isinstance(part, EpochalLR):
            part._watch()


# What to change


def _plan(scheduler: LRScheduler, ratio: float, place: str = "") -> Plan:
    """The changes in a scheduler and in all that it holds."""
    name = place + type(scheduler).__name__
    # A subclass may have lengths of its own, or use those that it inherits in another way.
    if (rule := _RULES.get(type(scheduler))) is None:
        advice = "its lengths are not known. Scale them by hand, or bind a schedule of epochal"
        raise ScheduleError(f"{name} cannot be scaled: {advice}")
    plan = {scheduler: rule(scheduler, _Factor(ratio, name))}
    for i, child in enumerate(_children(scheduler)):
        plan |= _plan(child, ratio, f"{name}: schedulers[{i}]: ")
    return plan


def _children(scheduler: LRScheduler) -> list[LRScheduler]:
    return list(getattr(scheduler, "_schedulers", ()))


class _Factor:
    """The ratio, with words for what it cannot do to the scheduler of this name."""

    def __init__(self, ratio: float, name: str) -> None:
        self.ratio = ratio
        self.name = name

    def length(self, attribute: str, length: Any) -> int:
        scaled = self.product(attribute, length, self.ratio)
        if scaled == 0 and length != 0:
            raise self.refusal(f"{attribute} {length} × {self.ratio} would be 0")
        return scaled

    def product(self, attribute: str, length: Any, factor: float) -> int:
        # By the count rule. PyTorch takes floats too, such as T_max=100.0.
        whole = int(length) if isinstance(length, float) and length.is_integer() else length
        try:
            return int((Time(whole, "ba") * factor).value)
        except (EpochalError, TypeError) as error:
            raise self.refusal(f"{attribute} {length} × {factor}: {error}") from error

    def gamma(self, gamma: Any) -> float:
        """gamma^(1/σ): after one batch, what an exponential schedule that is scaled has left."""
        try:
            return ExponentialScheduler(gamma, "1ba")(_AT_BATCH_1, ssr=self.ratio)
        except (EpochalError, TypeError) as error:
            raise self.refusal(f"gamma {gamma} for {self.ratio} times as long: {error}") from error

    def refusal(self, message: str) -> ScheduleError:
        return ScheduleError(f"{self.name}: {message}")


_AT_BATCH_1 = State(Timestamp(batch=1), Time("1ba"))


def _length(attribute: str, scheduler: Any, factor: _Factor) -> Values:
    return {attribute: factor.length(attribute, getattr(scheduler, attribute))}


def _multi_step(scheduler: Any, factor: _Factor) -> Values:
    milestones = scheduler.milestones.elements()
    return {"milestones": Counter(factor.length("milestones", m) for m in milestones)}


def _sequential(scheduler: Any, factor: _Factor) -> Values:
    old = scheduler._milestones
    new = [factor.length("milestones", milestone) for milestone in old]
    for i in range(1, len(new)):
        if new[i - 1] == new[i] and old[i - 1] != old[i]:
            both = f"milestones {old[i - 1]} and {old[i]} × {factor.ratio} would both be {new[i]}"
            raise factor.refusal(f"{both}, with no step left for schedulers[{i}]")
    return {"_milestones": new}


def _cyclic(scheduler: Any, factor: _Factor) -> Values:
    def sizes(up: int, down: int) -> Values:
        return {"total_size": float(up + down), "step_ratio": up / (up + down)}

    # The ratio is a quotient of two counts; the count rule finds the first of them again.
    up = factor.product("total_size", scheduler.total_size, scheduler.step_ratio)
    down = int(scheduler.total_size) - up
    if sizes(up, down)["step_ratio"] != scheduler.step_ratio:
        raise factor.refusal("step_size_up and step_size_down must be whole numbers")
    new = sizes(factor.length("step_size_up", up), factor.length("step_size_down", down))
    if scheduler.scale_mode == "iterations":
        if scheduler._scale_fn_custom is not None:
            raise factor.refusal("a scale_fn of iterations cannot be scaled, but by hand")
        gamma = factor.gamma(scheduler.gamma)
        new.update(gamma=gamma, _scale_fn_ref=partial(scheduler._exp_range_scale_fn, gamma))
    return new


def _one_cycle(scheduler: Any, factor: _Factor) -> Values:
    old: list[Values] = scheduler._schedule_phases

    def phases(total: int, pct_start: float) -> list[Values]:
        middle = [2 * pct_start * total - 2] if len(old) == 3 else []
        ends = [pct_start * total - 1, *middle, total - 1]
        return [{**phase, "end_step": end} for phase, end in zip(old, ends, strict=True)]

    # The scheduler keeps the ends of its phases, but not pct_start. The shortest number that gives
    # these ends is what was written; if it was computed instead, it may be off by some ulp.
    total = scheduler.total_steps
    quotient = (old[0]["end_step"] + 1) / total
    candidates = [float(f"{quotient:.{digits}g}") for digits in range(1, 18)]
    pct_start = next((pct for pct in candidates if phases(total, pct) == old), None)
    if pct_start is None:
        raise factor.refusal("its phases are not those of any pct_start")
    steps = factor.length("total_steps", total)
    new = phases(steps, pct_start)
    if new[0]["end_step"] == 0:  # PyTorch divides by it.
        raise factor.refusal(f"of total_steps {steps} the first phase would have the length 0")
    return {"total_steps": steps, "_schedule_phases": new}


def _bound(scheduler: EpochalLR, factor: _Factor) -> Values:
    if scheduler.clock is not None:
        raise factor.refusal("the clock tells its time: set scale_schedule_ratio in its Run")
    try:
        return scheduler._scaled(factor.ratio)
    except EpochalError as error:
        raise factor.refusal(f"{error}") from error


_RULES: dict[type[LRScheduler], Callable[[Any, _Factor], Values]] = {
    lr_scheduler.StepLR: partial(_length, "step_size"),
    lr_scheduler.MultiStepLR: _multi_step,
    lr_scheduler.ConstantLR: partial(_length, "total_iters"),
    lr_scheduler.LinearLR: partial(_length, "total_iters"),
    lr_scheduler.ExponentialLR: lambda scheduler, factor: {"gamma": factor.gamma(scheduler.gamma)},
    lr_scheduler.PolynomialLR: partial(_length, "total_iters"),
    lr_scheduler.CosineAnnealingLR: partial(_length, "T_max"),
    lr_scheduler.CosineAnnealingWarmRestarts: partial(_length, "T_0"),
    lr_scheduler.CyclicLR: _cyclic,
    lr_scheduler.OneCycleLR: _one_cycle,
    EpochalLR: _bound,
    SequentialLR: _sequential,
    ChainedScheduler: lambda scheduler, factor: {},
}


# Where it leads


class _StandIn:
    """All of an optimizer that schedulers use. It makes no steps; they would warn of that."""

    step = None

    def __init__(self, param_groups: list[Values]) -> None:
        self.param_groups = param_groups

    def register_step_pre_hook(self, hook: Callable[..., None]) -> None:
        """Steps that are not made have no hooks."""

    register_step_post_hook = register_step_pre_hook


class _Outcome(NamedTuple):
    """Copies of a scheduler and all that it holds, and of the groups of its optimizer."""

    parts: dict[LRScheduler, LRScheduler]
    groups: list[Values]


def _rehearse(scheduler: Any, plan: Plan, name: str) -> _Outcome:
    """Where the scheduler would be after all its steps, had it been made with these changes."""
    outcome = _Outcome({}, [_start(group) for group in scheduler.optimizer.param_groups])
    optimizer: Any = _StandIn(outcome.groups)

    def fresh(part: Any) -> LRScheduler:
        copies = [fresh(child) for child in _children(part)]
        new: LRScheduler
        if isinstance(part, SequentialLR):
            new = SequentialLR(optimizer, copies, plan[part].get("_milestones", part._milestones))
        elif isinstance(part, ChainedScheduler):
            new = ChainedScheduler(copies, optimizer)
        else:
            # The initial step is what a constructor does after it has kept its arguments.
            new = copy.copy(part)
            vars(new).update(plan[part], optimizer=optimizer, last_epoch=-1)
            new._initial_step()
        outcome.parts[part] = new
        return new

    steps = _steps(scheduler)
    try:
        with warnings.catch_warnings(action="ignore"):
            new: Any = fresh(scheduler)
            for _ in range(steps):
                new.step()
            # Only warm restarts may be between two steps: `step(1.5)`.
            if fraction := getattr(scheduler, "T_cur", 0) % 1:
                new.step(steps + fraction)
    except Exception as error:
        raise ScheduleError(f"{name} cannot make the {steps} steps made: {error}") from error
    return outcome


def _steps(scheduler: Any) -> int:
    if isinstance(scheduler, ChainedScheduler):  # It does not count them itself.
        return _steps(scheduler._schedulers[0])
    return int(scheduler.last_epoch)


def _start(group: Values) -> Values:
    """A copy of a group with the learning rate from which its scheduler has started."""
    start = {key: v.clone() if isinstance(v, Tensor) else v for key, v in group.items()}
    lr, first = group["lr"], float(group["initial_lr"] if "initial_lr" in group else group["lr"])
    return {**start, "lr": torch.full_like(lr, first) if isinstance(lr, Tensor) else first}


def _changes(scheduler: Any, old: _Outcome, new: _Outcome) -> Iterator[tuple[Values, Values]]:
    """Attributes of schedulers and settings of groups, each with what is to be written to them.

    What scaling does not change, stays. So several schedulers of one optimizer can be scaled one
    after the other, as long as they have made no steps.
    """

    def check(what: str, now: Any, expected: Any, tolerance: float = 0) -> None:
        if now != expected and not abs(now - expected) <= tolerance:
            made = f"{type(scheduler).__name__}: {max(_steps(scheduler), 0)} steps"
            advice = "scale a scheduler as a whole, best before its first step"
            raise ScheduleError(f"{made} lead to {what} {expected}, but it is {now}: {advice}")

    for part, was in old.parts.items():
        if not isinstance(part, ChainedScheduler):
            check(f"last_epoch of {type(part).__name__}", part.last_epoch, was.last_epoch)
        yield vars(part), _differences(vars(was), vars(new.parts[part]))
    for i, group in enumerate(scheduler.optimizer.param_groups):
        changes = _differences(old.groups[i], new.groups[i])
        if "lr" in changes:
            now, expected = float(group["lr"]), float(old.groups[i]["lr"])
            # After `step(epoch)` it is off by rounding; what others do to it is more.
            scale = abs(expected) + abs(float(group.get("initial_lr", 0)))
            check(f"lr of group {i}", now, expected, 1e-6 * scale)
        yield group, changes


def _differences(old: Values, new: Values) -> Values:
    def same(a: Any, b: Any) -> bool:
        return a is b or (torch.equal(a, b) if isinstance(a, Tensor) else bool(a == b))

    fixed = ("optimizer", "_schedulers", "params")
    return {k: v for k, v in new.items() if k not in fixed and not same(old.get(k), v)}
