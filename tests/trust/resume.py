"""Trainings with a bound schedule that are resumed, in every order in which states can be loaded.

Every class of schedule, every operation and functions x optimizer x learning rate as a float or a
tensor x with and without a clock x order of loads x step of the checkpoint. A combination is
different if a rate or another field of any further step, or a weight at the end, has not the bits
that it has in a training that was never stopped; a warning counts too.
"""

import itertools
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from catalogue import FULL, OPERATIONS, full, least
from configs import by_tokens, stretched
from epochal import Clock, CosineAnnealingWithWarmupScheduler, LinearScheduler
from epochal.torch import EpochalLR, bind
from figures import Figure, at_once, tell
from optimizers import (
    RUN,
    STEPS,
    adamw,
    field,
    lrs,
    parameter,
    sgd,
    through_a_file,
    tick,
    train_step,
    weights,
)
from torch.optim import Optimizer

SCHEDULES: dict[str, Any] = {
    **{name: full(name) for name in FULL},
    **{f"{name} by its defaults": least(name) for name in FULL},
    **OPERATIONS,
    "function": stretched,
    "function of tokens": by_tokens,
    "tokens": LinearScheduler(t_max="2000tok"),
    "one a group": {0: CosineAnnealingWithWarmupScheduler("5ba"), None: LinearScheduler()},
}
BASES = (0.1, 0.03)
# An optimizer, and a field of its groups that follows the schedule as well.
OPTIMIZERS: dict[str, tuple[Callable[..., Optimizer], str]] = {
    "SGD": (sgd, "momentum"),
    "AdamW": (adamw, "weight_decay"),
}
CHECKPOINTS = (0, 1, 7, 16, STEPS)

BIND, GROUP = "bind", "add a group"
# The state of a scheduler is loaded once there is one.
WITHOUT_CLOCK = [
    (BIND, "optimizer", "scheduler"),
    (BIND, "scheduler", "optimizer"),
    ("optimizer", BIND, "scheduler"),
    (BIND, "scheduler", GROUP, "optimizer"),
]
WITH_CLOCK = [
    order
    for order in itertools.permutations([BIND, "optimizer", "scheduler", "clock"])
    if order.index(BIND) < order.index("scheduler")
]


@dataclass
class Program:
    optimizer: Optimizer
    clock: Clock | None
    schedule: Any
    field: str
    scheduler: EpochalLR | None = None

    def bind(self) -> None:
        run, fields = self.clock or RUN, {self.field: self.schedule}
        self.scheduler = bind(self.schedule, self.optimizer, run, fields=fields)

    def states(self) -> dict[str, Any]:
        parts = {"optimizer": self.optimizer, "scheduler": self.scheduler, "clock": self.clock}
        states = {name: part.state_dict() for name, part in parts.items() if part is not None}
        saved: dict[str, Any] = through_a_file({**states, "weights": weights(self.optimizer)})
        return saved

    def values(self) -> list[str]:
        found = [*lrs(self.optimizer), *field(self.optimizer, self.field)]
        return [float(value).hex() for value in found]

    def train(self, k: int) -> None:
        assert self.scheduler is not None
        train_step(self.optimizer, k)
        if self.clock is not None:
            tick(self.clock, k)
        self.scheduler.step()


@dataclass(frozen=True)
class Case:
    """What is trained."""

    name: str
    optimizer: str
    tensors: bool
    clock: bool

    def program(self, groups: int = len(BASES)) -> Program:
        make, other = OPTIMIZERS[self.optimizer]
        bases = [torch.tensor(base) if self.tensors else base for base in BASES[:groups]]
        clock = Clock(RUN) if self.clock else None
        return Program(make(*bases), clock, SCHEDULES[self.name], other)

    @cached_property
    def alone(self) -> tuple[list[list[str]], dict[int, dict[str, Any]], list[torch.Tensor]]:
        """The values of all steps, the states before some of them, the weights at the end."""
        program = self.program()
        program.bind()
        values, saved = [], {}
        for k in range(STEPS + 2):
            values.append(program.values())
            if k in CHECKPOINTS:
                saved[k] = program.states()
            program.train(k)
        return values, saved, weights(program.optimizer)

    def resumed(self, saved: dict[str, Any], order: Sequence[str]) -> Program:
        """A program that has started anew, and loads what was saved."""
        saved = deepcopy(saved)  # an optimizer goes on in the tensors that it has loaded
        program = self.program(groups=1 if GROUP in order else len(BASES))
        if program.clock is not None:
            tick(program.clock, 2)
        for event in order:
            if event == BIND:
                program.bind()
            elif event == GROUP:
                program.optimizer.add_param_group({"params": [parameter()], "lr": 0.9})
            else:
                getattr(program, event).load_state_dict(saved[event])
        for group, weight in zip(program.optimizer.param_groups, saved["weights"], strict=True):
            group["params"][0].data.copy_(weight)
        return program

    def difference(self, start: int, order: Sequence[str]) -> str | None:
        values, saved, final = self.alone
        program = self.resumed(saved[start], order)
        for k in range(start, STEPS + 2):
            if program.values() != values[k]:
                return f"step {k}: {program.values()}, not {values[k]}"
            program.train(k)
        if not all(map(torch.equal, final, weights(program.optimizer))):
            return "the weights at the end"
        return None


def cases(short: bool) -> Iterator[Case]:
    names = list(SCHEDULES)[::9] if short else list(SCHEDULES)
    optimizers = list(OPTIMIZERS)[:1] if short else list(OPTIMIZERS)
    for name, optimizer, tensors, clock in itertools.product(
        names, optimizers, (False, True), (False, True)
    ):
        yield Case(name, optimizer, tensors, clock)


def faults(case: Case, short: bool) -> list[str | None]:
    """What is different of it, in each order of loads and from each checkpoint."""
    warnings.simplefilter("error")
    torch.set_num_threads(1)
    found: list[str | None] = []
    for order, start in itertools.product(
        WITH_CLOCK if case.clock else WITHOUT_CLOCK, (7,) if short else CHECKPOINTS
    ):
        try:
            fault = case.difference(start, order)
        except (Exception, Warning) as error:
            fault = repr(error)
        found.append(fault and f"{case}, {order}, from step {start}: {fault}")
    return found


def measure(short: bool) -> list[Figure]:
    found: list[str | None] = []
    with at_once(short) as processes:
        for case_faults in processes.map(faults, cases(short), itertools.repeat(short)):
            found += case_faults
            for fault in filter(None, case_faults):
                print(fault, file=sys.stderr, flush=True)
    return [
        Figure("schedules, operations and functions that are resumed", len(SCHEDULES)),
        Figure("resumed trainings", len(found), at_least=10_000),
        Figure(
            "of them different from one that was never stopped",
            len(list(filter(None, found))),
            at_most=0,
        ),
    ]


if __name__ == "__main__":
    tell(measure)
