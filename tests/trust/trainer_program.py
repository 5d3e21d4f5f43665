"""Trainings that are interrupted, stopped, killed and resumed, also under changed settings."""

import random
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from catalogue import OPERATIONS
from epochal import (
    CosineAnnealingWithWarmupScheduler,
    Curve,
    LinearScheduler,
    Run,
    Schedule,
    StepScheduler,
    Trainer,
    WSDScheduler,
)
from interruption import KINDS, Failure, Result, assert_equal
from program import Program, same
from torch.optim import SGD
from training import BATCHES, History, make_trainer, model

SCHEDULES: list[Schedule] = [
    LinearScheduler(1.0, 0.5),
    CosineAnnealingWithWarmupScheduler("0.2dur", alpha_f=0.1),
    StepScheduler("2ba", 0.5),
    WSDScheduler("1ba", "2ba"),
    *OPERATIONS.values(),
]
LENGTHS = ["9ba", "4ep", "14ba", "6ep"]
RATIOS = [1.0, 1.0, 0.5, 1.5]
BASES = [0.5, 0.25, 0.1]
MOST_BATCHES = 60
# What a straight line down to 0 may be off; rates lie between 0 and 1.
ROUNDING = 1e-15


class Killed(BaseException):
    pass


class TrainerProgram(Program):
    """Each line of training ends in some way; after it the rates of all its batches are checked."""

    OPERATIONS = ("interrupt", "interrupt", "stop", "kill", "kill", "change", "extend")
    STEPS = 8

    def __init__(self, rng: random.Random) -> None:
        super().__init__(rng)
        self.folder = Path(tempfile.mkdtemp())
        self.batches = 0
        self.number = 0
        self.settings = self.draw()
        # The model: α of each batch, and which one is next.
        self.alpha = self.alphas(self.settings)
        self.next = 0
        self.is_line = False
        self.trainer = self.new()

    def run(self) -> None:
        try:
            super().run()
        finally:
            self.steps = self.batches
            shutil.rmtree(self.folder)

    def draw(self) -> dict[str, Any]:
        return {
            "schedulers": self.rng.choice(SCHEDULES),
            "max_duration": self.rng.choice(LENGTHS),
            "scale_schedule_ratio": self.rng.choice(RATIOS),
            "lr": self.rng.choice(BASES),
        }

    def new(self, **changes: Any) -> Trainer:
        settings = dict(self.settings)
        net = model()
        optimizer = SGD(net.parameters(), lr=settings.pop("lr"), momentum=0.9)
        self.history, self.end = History(), -1
        self.raises: type[BaseException] | None = None
        arguments: dict[str, Any] = {
            "model": net,
            "optimizers": optimizer,
            "callbacks": [self.history, self.at_batch],
            "save_folder": self.folder / str(self.number),
            "save_interval": "2ba",
            **settings,
            **changes,
        }
        return make_trainer(**arguments)

    def run_of(self, settings: dict[str, Any]) -> Run:
        return Run(
            settings["max_duration"],
            batches_per_epoch=BATCHES,
            scale_schedule_ratio=settings["scale_schedule_ratio"],
        )

    def alphas(self, settings: dict[str, Any]) -> Callable[[int], float]:
        curve: Curve = settings["schedulers"].resolve(self.run_of(settings))
        return curve.at_batch

    # How a line of training ends

    def at_batch(self, trainer: Trainer) -> None:
        if trainer.clock.timestamp.batch == self.end:
            if self.raises is None:
                trainer.stop()
            else:
                raise self.raises

    def train(self, raises: type[BaseException] | None) -> None:
        """Up to some batch, or to the end of the run."""
        self.end, self.raises = self.next + self.rng.randint(1, 5), raises
        with suppress(Killed, KeyboardInterrupt, Failure):
            self.trainer.fit()
        batches = [batch for batch, _, _ in self.history.rows]
        same(batches, list(range(self.next, self.next + len(batches))), "the batches")
        for batch, rate in zip(batches, self.history.rates, strict=True):
            self.check_rate(rate, batch)
        done = int(self.trainer.clock.timestamp.batch)
        same(done, self.next + len(batches), "the clock")
        last = self.run_of(self.settings).batches
        same(done, max(self.next, min(self.end, last)), "where it ended")
        self.next = done
        self.batches += len(batches)
        self.history.rows.clear()

    def check_rate(self, rate: float, batch: int) -> None:
        expected = self.settings["lr"] * self.alpha(batch)
        # A straight line is computed in another way.
        if not (self.is_line and abs(rate - expected) <= ROUNDING):
            same(rate, expected, f"the rate of batch {batch}")

    def interrupt(self) -> None:
        """Another `fit()` goes on."""
        self.train(self.rng.choice([KeyboardInterrupt, Failure]))

    def stop(self) -> None:
        self.train(None)

    def kill(self) -> None:
        """The process is gone; another one goes on from the newest checkpoint."""
        self.train(Killed)
        self.resume()

    def resume(self, **changes: Any) -> None:
        self.trainer = self.new(**{"resume": True, **changes})
        here = int(self.trainer.clock.timestamp.batch)
        if "on_change" not in changes:
            same(here, max([0, *self.checkpoints()]), "the batch of the newest checkpoint")
        if not self.checkpoints():
            # From the start, or from a checkpoint in another folder.
            self.alpha, self.is_line = self.alphas(self.settings), False
        self.next = here

    def checkpoints(self) -> dict[int, Path]:
        paths = (self.folder / str(self.number)).glob("ba*.pt")
        return {int(path.stem.removeprefix("ba")): path for path in paths}

    def extend(self) -> None:
        """A longer run, of the same schedule; what was passed stays passed."""
        self.changed({**self.settings, "max_duration": f"{self.next + 9}ba"}, "keep")

    def change(self) -> None:
        self.changed(self.draw(), self.rng.choice(["keep", "restart", "cooldown"]))

    def changed(self, settings: dict[str, Any], how: str) -> None:
        self.train(Killed)
        checkpoints = self.checkpoints()
        if not checkpoints or self.next > MOST_BATCHES:
            return
        newest, path = max(checkpoints.items())
        before, then = self.alpha, self.settings
        if how != "restart" and self.run_of(settings).batches <= newest:
            settings["max_duration"] = f"{2 * newest + 3}ba"
        self.settings = settings
        self.number += 1
        self.resume(resume=path, on_change=how)
        restarts = how == "restart" and settings != then
        same(self.next, 0 if restarts else newest, "the batch after a change")
        if settings == then:
            return
        self.alpha, self.is_line = self.alphas(settings), how == "cooldown"
        if self.is_line:
            first, end = before(newest), self.run_of(settings).batches
            self.alpha = lambda batch: first * ((end - batch) / (end - newest))

    # The model

    def check(self) -> None:
        (group,) = self.trainer.optimizers[0].param_groups
        if self.next < self.run_of(self.settings).batches:
            self.check_rate(group["lr"], self.next)


class InterruptedProgram:
    """A training that is interrupted at a dozen random places is the one that was left alone."""

    # What each kind comes to.
    alone: ClassVar[dict[str, Result]] = {}

    def __init__(self, rng: random.Random) -> None:
        self.rng, self.steps, self.log = rng, 0, [""]

    def run(self) -> None:
        kind = self.rng.choice(KINDS)
        with tempfile.TemporaryDirectory() as folder:
            alone = self.alone.get(kind) or Result(kind, Path(folder) / "alone")
            self.alone[kind] = alone
            places = self.rng.sample(alone.passed, self.rng.randint(1, 20))
            at = {place: self.rng.choice([KeyboardInterrupt, Failure]) for place in places}
            self.log = [f"{kind} at {sorted(at)}"]
            result = Result(kind, Path(folder) / "interrupted", at)
            assert_equal(alone, result)
            self.steps = sum(row[0][0] == "batch_end" for row in result.rows)
