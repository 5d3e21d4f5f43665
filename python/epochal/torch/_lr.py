"""The scheduler that writes what curves give into an optimizer, by the contract of PyTorch's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from copy import copy
from typing import TYPE_CHECKING, Any

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from epochal._core import EpochalError, Run, ScheduleError, Timestamp
from epochal._follow import unwrapped
from epochal._shown import shown
from epochal._warning import warn
from epochal.torch._fields import Field, Fields, Look, number
from epochal.torch._groups import whole_or_not
from epochal.torch._loads import tell_of_loads
from epochal.torch._state import Saved, curves_apart, described_as, differences
from epochal.torch._time import Steps, Ticks, is_constant

if TYPE_CHECKING:
    from epochal._clock import Clock
    from epochal._core import Curve
    from epochal.view import Difference

__all__ = ["EpochalLR"]

# The optimizer keeps here what its last scheduler writes, so that the next one, at a time when that
# may be forgotten, sees what was set by hand. It is no part of the optimizer's state or copies.
_LAST = "_last_epochal_fields"


class EpochalLR(LambdaLR):
    """Schedules that are bound to an optimizer; `bind` makes it.

    It is stepped once after each step of the optimizer. A step evaluates each schedule once, and
    then writes learning rates and other fields: Python floats, or in place where they are tensors.
    Bases are read from the groups at that moment, so groups may come and go; a new group without
    an `initial_lr` keeps its `lr` as such.

    Attributes:
        last_epoch: the number of the current batch. (PyTorch's name: its schedulers count epochs.)

    It warns once of each sign that the rates will not be what the schedule says: a rate that was
    set for a new stage is not its base; somebody else writes what it wrote; `step()` is called once
    an epoch, or several times for each step of the optimizer; its clock stands still while the
    optimizer makes steps; the optimizer's state was loaded, and its own was not.

    Without a clock `SequentialLR` works: each of its schedulers starts anew at its milestone, with
    a base rate of `initial_lr`. If it also holds one of PyTorch's that goes by the current rates,
    load the optimizer's state last.
    """

    def __init__(self, optimizer: Optimizer, time: Steps | Ticks, fields: Sequence[Field]) -> None:
        self._time = time
        self._fields = Fields(fields)
        self._factor = 1.0
        # The state that was loaded last, if any was.
        self._loaded: Saved | None = None
        # What the next step is to warn of.
        self._doubt: str | None = None
        groups = optimizer.param_groups
        # What can fail does so before the base class changes anything in the optimizer.
        look = self._fields.look(groups)
        self._first_alphas = self._alphas(time.now(0))
        time.check()
        last: Fields | None = getattr(unwrapped(optimizer), _LAST, None)
        if last is not None:
            self._fields.check_bases(look, last.lrs_by_hand(groups))
        with whole_or_not(groups):
            super().__init__(optimizer, lambda epoch: 1.0)
        setattr(unwrapped(optimizer), _LAST, self._fields)

    def _initial_step(self) -> None:
        # Called by the base class, and by `SequentialLR` once more.
        self._watch(new=True)
        self._loaded = self._doubt = None
        self._put(self._fields.look(self.optimizer.param_groups), self._first_alphas)
        self.last_epoch = self._time.first()
        self._step_count = 1

    def _watch(self, new: bool = False) -> None:
        """Begins to count the steps of the optimizer, and to be told of loads."""
        self._time.guard.watch(self.optimizer, new)
        tell_of_loads(self.optimizer, self)
        if self.clock is not None:
            self.clock._tell_of_loads(self)

    # What a step does

    def _alphas(self, moment: Any) -> list[float]:
        return [read(moment) for read in self._time.readers()]

    def _put(self, look: Look, alphas: list[float], factor: float | None = None) -> None:
        groups, factor = self.optimizer.param_groups, self._factor if factor is None else factor
        self._fields.put(groups, look, self._time.readers(), alphas, factor)

    def step(self, epoch: int | None = None) -> None:
        """Goes to the next batch, or to the batch of the number `epoch`; with a clock to its time.

        Everything is computed before anything changes. A jump is as good as a step, and nothing
        warns of it.

        Never raises `TypeError`. Raises `UnitError` if a schedule reads samples, tokens or seconds
        that the clock was not told, and `ScheduleError` for an `epoch` that is not valid, or
        beside a clock, and for a clock that was not restored with the scheduler.
        """
        try:
            batch, moment = self._time.next(self.last_epoch, epoch)
            groups, writer = self.optimizer.param_groups, self._fields.writer
            if writer is None or not writer.write(groups, moment, self._factor) or self._doubt:
                # There are other groups now, or somebody else has written to them.
                look, alphas = self._fields.look(groups), self._alphas(moment)
                doubt, self._doubt = self._doubt, None
                if epoch is None:
                    self._fields.check_untouched(groups)
                    if doubt is not None:
                        warn(doubt)
                self._put(look, alphas)
            self.last_epoch = batch
            self._step_count += 1
        except TypeError as error:
            # DeepSpeed takes a TypeError for a sign that `step` wants other arguments.
            raise ScheduleError(f"the scheduler cannot step: {error}") from error

    def _update_lr(self, epoch: int | None = None) -> None:
        # `SequentialLR` calls this at its milestones.
        self.step(epoch)

    # What others read

    @property
    def run(self) -> Run:
        """The facts of the run."""
        return self._time.run

    @property
    def clock(self) -> Clock | None:
        """The clock that it reads, or None if it counts its steps."""
        return self._time.clock

    @property
    def curves(self) -> list[Curve]:
        """The curve of the learning rate of each group."""
        look = self._fields.look(self.optimizer.param_groups)
        return [self._time.curves[seen.entry.curve] for seen in look if seen.entry.is_rate]

    @property
    def curve(self) -> Curve:
        """The curve of all learning rates; where groups have curves of their own, see `curves`."""
        given = self._fields.fields[0].curves.given
        if list(given) != [None]:
            raise AttributeError("each group has a curve of its own: see scheduler.curves")
        return self._time.curves[given[None]]

    @property
    def factor(self) -> float:
        """Multiplies all learning rates from now on, 1.0 by default: a cut by hand.

        It is a part of the state. Other fields do not change. Assigning raises `ScheduleError` for
        what is no finite number, 0 or above.

        >>> import torch
        >>> from epochal.torch import bind
        >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
        >>> scheduler = bind(LinearScheduler(), optimizer, "4ba")
        >>> scheduler.factor = 0.5
        >>> optimizer.param_groups[0]["lr"]
        0.25
        """
        return self._factor

    @factor.setter
    def factor(self, factor: float) -> None:
        new = number("factor", factor, least=0.0)
        self._write(new)
        self._factor = new

    def _write(self, factor: float | None = None) -> None:
        """Writes the values of the current batch anew, or raises and writes nothing."""
        if self.last_epoch >= 0:  # In `SequentialLR` its turn may not have come.
            look = self._fields.look(self.optimizer.param_groups)
            self._put(look, self._alphas(self._time.now(self.last_epoch)), factor)

    def get_lr(self) -> list[float | Tensor]:
        """The learning rates of the current batch. May be called at any time; changes nothing."""
        return self._rates(self._alphas(self._time.now(self.last_epoch)))

    def rates_at(self, timestamp: Timestamp) -> list[float | Tensor]:
        """The learning rates of another time. Changes nothing."""
        if not isinstance(timestamp, Timestamp):
            raise TypeError(f"timestamp must be a Timestamp, not {shown(timestamp)}")
        return self._rates(self._time.at(timestamp))

    def _rates(self, alphas: list[float]) -> list[float | Tensor]:
        look = self._fields.look(self.optimizer.param_groups)
        return look.lrs(look.products(alphas, self._factor))

    @property
    def _last_lr(self) -> list[float | Tensor]:  # type: ignore[override]  # nobody assigns it
        # What the base class gives as `get_last_lr()`; it is made only for who reads it.
        return self._fields.last_lrs()

    @property
    def base_lrs(self) -> list[float | Tensor]:
        """The `initial_lr` of each group, or its `lr` until it has one.

        May be assigned, and then the learning rates are right at once. Assigning raises
        `ScheduleError` for what is no finite number.
        """
        groups, lr = self.optimizer.param_groups, self._fields.fields[0]
        bases = [lr.base(i, groups, lr.value(i, group)) for i, group in enumerate(groups)]
        return [
            base.clone() if isinstance(base, Tensor) else number(f"the base of group {i}", base)
            for i, base in enumerate(bases)
        ]

    @base_lrs.setter
    def base_lrs(self, bases: list[float | Tensor]) -> None:
        groups = self.optimizer.param_groups
        known = isinstance(bases, (list, tuple))
        if not known or len(bases) != len(groups):
            raise ScheduleError(
                f"base_lrs must be a list, one for each of {len(groups)} groups, not {shown(bases)}"
            )
        pairs = list(zip(groups, bases, strict=True))
        numbers = [number("each of base_lrs", base) for _, base in pairs]
        with whole_or_not(groups):
            for (group, base), plain in zip(pairs, numbers, strict=True):
                group["initial_lr"] = base if isinstance(base, Tensor) else plain
            # Assigned by the base class too, before there is a batch.
            if "last_epoch" in vars(self):
                self._write()

    @property
    def lr_lambdas(self) -> list[Callable[[int], float]]:
        """For each group a function from the number of a batch to α; with a clock, to α now."""
        time = self._time

        def function(read: Callable[[Any], float]) -> Callable[[int], float]:
            return lambda epoch: read(time.now(epoch))

        look, readers = self._fields.look(self.optimizer.param_groups), time.readers()
        return [function(readers[seen.entry.curve]) for seen in look if seen.entry.is_rate]

    @lr_lambdas.setter
    def lr_lambdas(self, functions: list[Callable[[int], float]]) -> None:
        pass  # The base class assigns, but the schedule decides.

    def metrics(self) -> dict[str, int | float]:
        """The rates, the factor and the time as plain numbers under stable names, for a logger.

        * "lr/head", "weight_decay/head": what was written last for each field and group, which the
          next step of the optimizer trains with. A group without a `name`, or with one that
          another has too, is called by its index: "lr/0".
        * "factor": what multiplies all learning rates.
        * "clock/batch", "clock/token" and so on: when that step begins. With a clock all its
          counters, "clock/second" with its fraction; without, those that the run tells.

        Changes nothing, and does not wait for a device.

        >>> import torch
        >>> from epochal.torch import bind
        >>> head = {"params": [torch.zeros(1, requires_grad=True)], "name": "head"}
        >>> optimizer = torch.optim.SGD([head], lr=0.5)
        >>> scheduler = bind(LinearScheduler(), optimizer, Run("4ba", tokens_per_batch=1000))
        >>> optimizer.step()
        >>> scheduler.step()
        >>> scheduler.metrics()
        {'lr/head': 0.375, 'factor': 1.0, 'clock/batch': 1, 'clock/token': 1000}
        """
        counted = self._time.counters(max(self.last_epoch, 0))
        time = {f"clock/{name}": value for name, value in counted.items()}
        return {**self._fields.named(), "factor": self._factor, **time}

    def __repr__(self) -> str:
        shown = {**self._descriptions(), **self._fields.last()}
        texts = [f"{name}: {text}" for name, text in shown.items()]
        return f"<EpochalLR at batch {self.last_epoch}; {'; '.join(texts)}>"

    # State

    def _descriptions(self) -> dict[str, str]:
        """What decides on the values, in words."""
        described = {}
        for field in self._fields.fields:
            described[described_as(field.name)] = field.curves.describe(
                lambda curve: repr(self._time.curves[curve].schedule)
            )
        return {**described, "run": repr(self.run)}

    def state_dict(self) -> dict[str, Any]:
        """The state as plain numbers, strings, lists and dicts, which `torch.load` takes.

        `schedule`, `run` and those of `fields` are descriptions, for a reader and for the warning
        at a load under others. Bases are the optimizer's state, not the scheduler's.
        """
        last, described = self._fields.last(), self._descriptions()
        state: dict[str, Any] = {
            "last_epoch": self.last_epoch,
            "_step_count": self._step_count,
            "_last_lr": last.pop("lr"),
            "factor": self._factor,
            **self._time.state_dict(),
            "schedule": described["schedule"],
            "run": described["run"],
        }
        if len(self._fields.fields) > 1:
            state["fields"] = {
                field.name: {
                    "schedule": described[described_as(field.name)],
                    "values": last.get(field.name, []),
                }
                for field in self._fields.fields[1:]
            }
        return state

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Goes to the batch of a saved state; the learning rates are right at once.

        The states of the optimizer and the clock may be loaded before or after. Only `last_epoch`
        is required, and unknown entries are left aside, so the state of a `LambdaLR` will do. With
        a clock, a state without a `timestamp` leaves the time to the clock.

        Warns (`UserWarning`), and goes on from the same batch, if the state was saved under
        another schedule or run, or with a clock where there is none now; if its rates are not
        those of now; and if the optimizer has loaded other bases than those that were bound.
        Raises `StateError` naming the entry that is not valid, and then nothing is loaded.

        >>> import torch
        >>> from epochal.torch import bind
        >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
        >>> scheduler = bind(LinearScheduler(), optimizer, "4ba")
        >>> scheduler.load_state_dict({"last_epoch": 3})
        >>> optimizer.param_groups[0]["lr"]
        0.125
        """
        saved = Saved.read(state_dict)
        batch, groups = max(saved.last_epoch, 0), self.optimizer.param_groups
        moment, changes = self._time.saved(state_dict, batch)
        look, alphas = self._fields.look(groups), self._alphas(moment)
        factor = self._factor if saved.factor is None else saved.factor
        if saved.descriptions:
            changes = [
                *differences(saved.descriptions, self._descriptions()),
                *(difference.headline(of) for of, difference in self._apart(saved, look).items()),
                *changes,
            ]
        if saved.values and saved.last_epoch >= 0:
            values = look.by_field(look.products(alphas, factor))
            for name, was in saved.values.items():
                now = values.get(name, [])
                # Groups may have been added since.
                if was[: len(now)] != now[: len(was)]:
                    changes.append(f"{name} at batch {batch} was {was}, now it is {now}")
            changes += self._fields.changed_bases(groups, look)
        if changes:
            warn(f"this is not what the loaded state was saved under: {'; '.join(changes)}")
        if saved.last_epoch >= 0:
            self._put(look, alphas, factor)
        self._factor = factor
        self.last_epoch = saved.last_epoch
        self._step_count = saved.step_count
        self._time.load(saved.last_epoch, moment)
        self._loaded, self._doubt = saved, None

    def _is_loaded(self) -> bool:
        """Whether a state was loaded, and no step has been made since."""
        return self._loaded is not None and self._loaded.last_epoch == self.last_epoch

    def _goes_on_after_load(self, trained: bool) -> bool:
        """Whether it is to write anew in place of values that the optimizer has just loaded: all
        but those of another scheduler, in `SequentialLR`, whose turn it is. Changes no group.

        `trained`: whether the optimizer was new before, and has made steps now.
        """
        if self.last_epoch < 0:
            return False
        groups = self.optimizer.param_groups
        if self._is_loaded():
            assert self._loaded is not None
            saved = self._loaded.values.get("lr")
            now = self._fields.lrs_in(groups)
            if saved is None or saved[: len(now)] == now[: len(saved)]:
                return True
            self._doubt = (
                f"the learning rates that were trained with were those that the optimizer has "
                f"loaded, {now}, but the scheduler's state was saved with {saved}: load states "
                "that were saved together"
            )
            return False
        if self._loaded is not None or not self.last_epoch == 0 == self._time.first():
            return self._fields.are_untouched()
        changes: list[str] = []
        with suppress(EpochalError):  # the next step will raise it
            changes = self._fields.changed_bases(groups, self._fields.look(groups))
        differ = changes or self._fields.lrs_in(groups) != self._fields.last()["lr"]
        if differ or (trained and not all(map(is_constant, self._time.curves))):
            missing = "scheduler" if self.clock is None else "clock"
            self._doubt = "; ".join(
                [
                    "the optimizer's state was loaded after the scheduler was bound, but the "
                    f"{missing}'s was not, so that the schedule begins anew: load the {missing}'s "
                    "state too, or for a new stage bind after the load, with base_lr= its rates",
                    *changes,
                ]
            )
        return False

    def _write_after_load(self) -> None:
        """Writes anew in place of what the optimizer has loaded."""
        groups = self.optimizer.param_groups
        with suppress(EpochalError):  # the next step will raise it
            look = self._fields.look(groups)
            changes = self._fields.changed_bases(groups, look) if self._is_loaded() else []
            self._put(look, self._alphas(self._time.now(self.last_epoch)))
            if changes:
                warn(f"this is not what was bound: {'; '.join(changes)}")

    def _write_after_load_of_clock(self) -> None:
        """Goes to the time that its clock has loaded."""
        if self._time.is_behind():  # the next step will tell
            return
        self.last_epoch, self._doubt = self._time.first(), None
        with suppress(EpochalError):  # likewise
            self._write()

    def apart(self, state_dict: Mapping[str, Any]) -> dict[str, Difference]:
        """How the curves under which a state was saved differ from those of now.

        A `Difference` as of `epochal.diff` for each field that has another schedule or run, "lr"
        first: that of the group where it is largest, as "lr/head" if groups have schedules of their
        own. Fields that hold functions are left out, and what cannot be read.

        >>> import torch
        >>> from epochal.torch import bind
        >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
        >>> state = bind(LinearScheduler(), optimizer, "4ba").state_dict()
        >>> bind(LinearScheduler(), optimizer, "8ba").apart(state)["lr"].headline()
        'α differs most at 4 ba: 0 and 0.5'
        """
        saved = Saved.read(state_dict)
        return self._apart(saved, self._fields.look(self.optimizer.param_groups))

    def _apart(self, saved: Saved, look: Look) -> dict[str, Difference]:
        groups, curves = self.optimizer.param_groups, self._time.curves
        return curves_apart(saved.descriptions, self._descriptions(), look, groups, curves)

    def __setstate__(self, state: dict[str, Any]) -> None:
        # A copy knows for itself what it wrote, and counts the steps of its optimizer anew.
        fields, time = copy(state["_fields"]), copy(state["_time"])
        time.guard = copy(time.guard)
        vars(self).update(state, _fields=fields, _time=time)
        self._watch()

    def _scaled(self, ratio: float) -> dict[str, Any]:
        """The attributes of one that is σ times as long. It must have no clock."""
        assert isinstance(self._time, Steps)
        time = self._time.scaled(ratio)
        return {"_time": time, "_first_alphas": [read(0) for read in time.readers()]}
