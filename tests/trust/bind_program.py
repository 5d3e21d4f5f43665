"""Bound schedules that are stepped, saved, loaded, copied, cut and meddled with."""

import copy
import pickle
import random
import warnings
from dataclasses import dataclass, field
from typing import Any

import torch
from catalogue import FULL, OPERATIONS, full, least
from epochal import Clock, Curve, FunctionSchedule, Schedule
from epochal.torch import Plateau, bind
from optimizers import RUN, adamw, lrs, parameter, sgd, through_a_file, tick, train_step
from optimizers import field as values_of
from program import Program, same
from torch.optim.lr_scheduler import ReduceLROnPlateau

MOST_GROUPS = 4
FIELDS = {"SGD": "momentum", "AdamW": "weight_decay"}


def by_samples(state: Any, ssr: float = 1.0) -> float:
    return 1 / (1 + int(state.timestamp.sample))


SCHEDULES: list[Schedule] = [
    *map(full, FULL),
    *map(least, FULL),
    *OPERATIONS.values(),
    FunctionSchedule(by_samples),
]


@dataclass
class Model:
    """lr = base × (α × factor), another field base × α, of the batch that was gone to last."""

    bases: list[float]
    field_bases: list[float]
    batch: int = 0
    factor: float = 1.0
    # What groups hold that have not been written since: their rate, and their field.
    untouched: dict[int, tuple[float, float]] = field(default_factory=dict)
    # Somebody else has written a rate, of which the next step may warn.
    meddled: bool = False

    def written(self) -> None:
        self.untouched, self.meddled = {}, False


class BindProgram(Program):
    OPERATIONS = (
        *("train",) * 10,
        *("skip", "save", "save", "load_here", "load_anew", "load_anew", "replace_by_a_copy"),
        *("cut", "plateau_step", "plateau_step", "add_group", "meddle", "new_bases", "look"),
        *("jump",),
    )
    STEPS = 60

    def __init__(self, rng: random.Random) -> None:
        super().__init__(rng)
        self.schedule = rng.choice(SCHEDULES)
        self.curve: Curve = self.schedule.resolve(RUN)
        self.tensors = rng.random() < 0.4
        self.make = rng.choice([sgd, adamw])
        self.has_clock = rng.random() < 0.5
        self.bases = [self.held(0.1), self.held(0.03)]
        self.new(self.bases)
        self.bind()
        self.new_plateau()
        (of_field,) = {group[self.initial] for group in self.optimizer.param_groups}
        self.model = Model(list(self.bases), [of_field] * 2)
        self.saved = [self.snapshot()]

    # The objects

    def number(self, value: float) -> Any:
        return torch.tensor(value) if self.tensors else value

    def held(self, value: float) -> float:
        """As a group holds it: a tensor rounds it."""
        return torch.tensor(value).item() if self.tensors else value

    def new(self, bases: list[float]) -> None:
        self.optimizer = self.make(*map(self.number, bases))
        self.field = FIELDS[type(self.optimizer).__name__]
        self.initial = f"initial_{self.field}"
        self.clock = Clock(RUN) if self.has_clock else None
        self.has_trained = False

    def bind(self) -> None:
        run, fields = self.clock or RUN, {self.field: self.schedule}
        self.scheduler = bind(self.schedule, self.optimizer, run, fields=fields)

    def new_plateau(self) -> None:
        arguments: dict[str, Any] = {"factor": 0.5, "patience": 1, "eps": 0.0}
        self.plateau = Plateau(self.scheduler, **arguments)
        self.other = sgd(1.0)
        self.peer = ReduceLROnPlateau(self.other, **arguments)

    def snapshot(self) -> tuple[dict[str, Any], Model]:
        parts: dict[str, Any] = {
            "optimizer": self.optimizer,
            "scheduler": self.scheduler,
            "clock": self.clock,
        }
        states = {name: part.state_dict() for name, part in parts.items() if part is not None}
        return through_a_file(states), copy.deepcopy(self.model)

    # Operations

    def train(self) -> None:
        self.has_trained = True
        train_step(self.optimizer, self.model.batch)
        if self.clock is not None:
            tick(self.clock, self.model.batch)
        with warnings.catch_warnings():
            if self.model.meddled:
                warnings.filterwarnings("ignore", "somebody else has changed")
            self.scheduler.step()
        self.model.batch += 1
        self.model.written()

    def skip(self) -> None:
        """A step that a GradScaler does not have the optimizer make; the first one is made."""
        if not self.has_trained:
            self.train()
        if self.clock is not None:
            self.clock.count(tokens=50)
        else:
            with warnings.catch_warnings():
                if self.model.meddled:
                    warnings.filterwarnings("ignore", "somebody else has changed")
                self.scheduler.step()
            self.model.batch += 1
            self.model.written()
        self.train()

    def jump(self) -> None:
        if self.clock is None:
            self.model.batch = self.rng.randrange(40)
            self.scheduler.step(self.model.batch)
            self.model.written()

    def save(self) -> None:
        if not self.model.untouched:
            self.saved.append(self.snapshot())

    def load_here(self) -> None:
        states, model = self.rng.choice(self.saved)
        if len(model.bases) == len(self.model.bases):
            self.load(states, model, list(states))

    def load_anew(self) -> None:
        """A program that has started anew, and loads in any order."""
        states, model = self.rng.choice(self.saved)
        first = self.rng.randint(1, len(model.bases))
        self.new(self.bases[:1] * first)
        order = self.rng.sample(list(states), len(states))
        # A scheduler is there before its state is loaded, and groups before the optimizer's.
        at = self.rng.randint(0, order.index("scheduler"))
        if self.clock is not None:
            tick(self.clock, 2)
        before, after = order[:at], order[at:]
        if "optimizer" in before:
            self.add_groups(len(model.bases) - first)
        for name in before:
            getattr(self, name).load_state_dict(copy.deepcopy(states[name]))
        self.bind()
        if "optimizer" in after:
            self.add_groups(len(model.bases) - first)
        self.load(states, model, after)
        self.new_plateau()

    def add_groups(self, count: int) -> None:
        for _ in range(count):
            group = {"params": [parameter()], "lr": self.number(self.bases[0])}
            self.optimizer.add_param_group(group)

    def load(self, states: dict[str, Any], model: Model, names: list[str]) -> None:
        with warnings.catch_warnings():
            # Bases that have changed since are told of.
            for told in ("this is not what was bound", "this is not what the loaded state"):
                warnings.filterwarnings("ignore", told)
            for name in self.rng.sample(names, len(names)):
                getattr(self, name).load_state_dict(copy.deepcopy(states[name]))
        self.model = copy.deepcopy(model)

    def replace_by_a_copy(self) -> None:
        if self.rng.random() < 0.5:
            self.scheduler, self.plateau = copy.deepcopy((self.scheduler, self.plateau))
        else:
            self.scheduler = pickle.loads(pickle.dumps(self.scheduler))
            self.new_plateau()
        self.optimizer, self.clock = self.scheduler.optimizer, self.scheduler.clock

    def cut(self) -> None:
        self.model.factor = self.rng.choice([0.1, 0.5, 1.0, 0.0, 2.0, self.rng.random()])
        self.scheduler.factor = self.model.factor
        self.model.written()

    def plateau_step(self) -> None:
        metric = self.rng.choice([1.0, 2.0, 0.5, float("nan"), self.rng.random()])
        self.peer.step(metric)
        (group,) = self.other.param_groups
        cut, group["lr"] = group["lr"] < 1.0, 1.0
        self.plateau.step(metric)
        # A cut that changes nothing is left out.
        if cut and self.model.factor * max(self.model.bases) > 0:
            self.model.factor *= 0.5
            self.model.written()

    def add_group(self) -> None:
        if len(self.model.bases) < MOST_GROUPS:
            lr = self.held(self.rng.choice([0.5, 0.25, 0.01]))
            self.optimizer.add_param_group({"params": [parameter()], "lr": self.number(lr)})
            of_field = self.optimizer.defaults[self.field]
            self.model.untouched[len(self.model.bases)] = lr, of_field
            self.model.bases.append(lr)
            self.model.field_bases.append(of_field)

    def meddle(self) -> None:
        """Somebody else writes a rate, which is overwritten at the next step."""
        i = self.rng.randrange(len(self.model.bases))
        if i not in self.model.untouched:
            group, lr = self.optimizer.param_groups[i], self.held(self.rng.random())
            self.model.untouched[i] = lr, group[self.field]
            self.model.meddled = True
            group["lr"] = self.number(lr)

    def new_bases(self) -> None:
        bases = [self.rng.choice([0.5, 0.25, self.rng.random()]) for _ in self.model.bases]
        self.scheduler.base_lrs = [*bases]
        self.model.bases = bases
        self.model.written()

    def look(self) -> None:
        """Changes nothing."""
        expected = [float(lr) for lr in self.scheduler.get_lr()]
        same(expected, [lr for lr, _ in self.expected()], "get_lr()")
        repr(self.scheduler), self.scheduler.metrics(), self.scheduler.state_dict()
        self.scheduler.rates_at(RUN.at_batch(5))

    # The model

    def expected(self) -> list[tuple[float, float]]:
        """Of each group, its rate and its field."""
        model, curve = self.model, self.curve
        alpha = curve.at_batch(model.batch) if self.clock is None else curve(self.clock)
        return [
            (self.held(base * (alpha * model.factor)), of_field * alpha)
            for base, of_field in zip(model.bases, model.field_bases, strict=True)
        ]

    def check(self) -> None:
        expected = self.expected()
        for i, held in self.model.untouched.items():
            expected[i] = held
        rates = map(float, lrs(self.optimizer))
        same(list(zip(rates, values_of(self.optimizer, self.field), strict=True)), expected, "lr")
        same(self.scheduler.last_epoch, self.model.batch, "last_epoch")
        same(self.scheduler.factor, self.model.factor, "factor")
