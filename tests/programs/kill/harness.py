"""Kills trainings with SIGKILL at random moments, resumes them, and compares all with a training
that was left alone: each loss and each learning rate, and all that the last checkpoint holds.

Prints what it did. Fails, with status 1, if a checkpoint cannot be read or a number differs.
`--self-test` also breaks the package on purpose, and fails if that is not found.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Forked processes start fast, but there must be no threads before the fork.
os.environ["OMP_NUM_THREADS"] = "1"

import torch
import torch._dynamo  # optimizers import it when they are made
from epochal import CosineAnnealingWithWarmupScheduler, Trainer
from epochal.trainer import _feed
from epochal.trainer import _files as files
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)

SAMPLES = 410  # 25 batches of 16 and one of 10
DURATION = "1800sp"  # 4 epochs and a part of the fifth
LIVES = 4  # at least, of a training


# The training, in a process of its own


def train(folder: Path, duration: str, fault: str | None) -> None:
    """From the newest checkpoint in the folder to the end."""
    if fault is not None:
        setattr(*FAULTS[fault])
    torch.manual_seed(1)
    data = TensorDataset(torch.randn(SAMPLES, 8), torch.randint(3, (SAMPLES,)))
    model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 3))
    log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(training: Trainer) -> None:
        assert training.loss is not None
        batch = int(training.clock.timestamp.batch) - 1
        numbers = [*training.lr, training.loss]
        os.write(log, f"{batch} {' '.join(number.hex() for number in numbers)}\n".encode())

    Trainer(
        model=model,
        train_dataloader=DataLoader(data, batch_size=16, shuffle=True),
        optimizers=torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9),
        max_duration=duration,
        schedulers=CosineAnnealingWithWarmupScheduler("300sp"),
        loss_fn=nn.functional.cross_entropy,
        save_folder=folder,
        save_interval="3ba",
        resume=True,
        progress_bar=False,
        callbacks=note,
        seed=2,
    ).fit()


def written_in_place(state: Any, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    torch.save(state, path)
    data = path.read_bytes()
    with path.open("wb", buffering=0) as file:
        for part in range(0, len(data), 4096):
            file.write(data[part : part + 4096])
            time.sleep(0.0005)


# What is replaced, and by what. Each process has its own copy of the package.
FAULTS: dict[str, tuple[object, str, Callable[..., None]]] = {
    "files written in place": (files, "save", written_in_place),
    "no random state": (_feed, "set_random_state", lambda state, loader: None),
    "no momentum": (torch.optim.SGD, "load_state_dict", lambda self, state: None),
}


# The process that kills


@dataclass
class Counts:
    runs: int = 0
    kills: int = 0
    in_a_save: int = 0
    resumes: int = 0
    batches: int = 0
    checkpoints: int = 0
    unreadable: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        return [*self.unreadable, *self.differences]


def start(folder: Path, duration: str, fault: str | None = None) -> int:
    """Forks a process that trains."""
    if process := os.fork():
        return process
    try:
        train(folder, duration, fault)
    except BaseException as error:
        # The parent says it, once for all.
        (folder / "error").write_text(f"{type(error).__name__}: {error}")
        os._exit(1)
    os._exit(0)


def wait(process: int) -> int:
    """How it ended: its exit status, or the negative number of the signal that killed it."""
    _, status = os.waitpid(process, 0)
    return os.waitstatus_to_exitcode(status)


def batch_of(path: Path) -> int:
    return int(path.stem.removeprefix("ba"))


def checkpoints_of(folder: Path) -> list[Path]:
    return sorted(folder.glob("ba*.pt"), key=batch_of)


def differences_of(name: str, one: Any, other: Any) -> list[str]:
    """Where two states differ; seconds always do."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        found = [
            differences_of(f"{name}.{key}", one[key], other[key])
            for key in one
            if not str(key).endswith("_wct")
        ]
    elif isinstance(one, list | tuple) and type(one) is type(other) and len(one) == len(other):
        found = [
            differences_of(f"{name}[{i}]", *pair)
            for i, pair in enumerate(zip(one, other, strict=True))
        ]
    elif isinstance(one, Tensor) and isinstance(other, Tensor):
        return [] if torch.equal(one, other) else [f"{name} is another tensor"]
    else:
        return [] if one == other else [f"{name} is {other}, and was {one}"]
    return [difference for each in found for difference in each]


def state_at_the_end(folder: Path) -> Any:
    return torch.load(checkpoints_of(folder)[-1])


class Run:
    """One training that is killed again and again, until it has reached its end."""

    def __init__(self, folder: Path, counts: Counts, duration: str, fault: str | None) -> None:
        self.folder, self.counts, self.duration, self.fault = folder, counts, duration, fault
        self.read: dict[Path, tuple[int, int]] = {}
        # The temporary files of processes that were killed before.
        self.unfinished: set[Path] = set()

    def live(self, seconds: float) -> bool:
        """Trains for so long, or to the end, and says whether it is there."""
        self.counts.resumes += bool(checkpoints_of(self.folder))
        process = start(self.folder, self.duration, self.fault)
        time.sleep(seconds)
        os.kill(process, signal.SIGKILL)
        ended = wait(process)
        if ended == -signal.SIGKILL:
            self.counts.kills += 1
            unfinished = set(self.folder.glob(".*.tmp"))
            self.counts.in_a_save += bool(unfinished - self.unfinished)
            self.unfinished = unfinished
        elif ended:
            raise SystemExit(f"cannot resume: {(self.folder / 'error').read_text()}")
        self.check()
        return ended == 0

    def check(self) -> None:
        """Reads each checkpoint that is new since the last time."""
        for path in checkpoints_of(self.folder):
            about = path.stat()
            if self.read.get(path) == (about.st_mtime_ns, about.st_size):
                continue
            self.read[path] = (about.st_mtime_ns, about.st_size)
            self.counts.checkpoints += 1
            problem = "it is of another batch"
            try:
                whole = int(torch.load(path)["clock"]["batch"]) == batch_of(path)
            except Exception as error:
                whole = False
                problem = str(error).partition("\n")[0]
            if not whole:
                self.counts.unreadable.append(f"{path.name}: {problem}")
                path.unlink()  # to go on with the one before

    def compare(self, expected: dict[int, str], state: Any) -> None:
        """With the lines of the other's log, and with what it had at the end."""
        lines = read_log(self.folder)
        self.counts.batches += len(lines)
        for batch, numbers in lines:
            if expected.get(batch) != numbers:
                was = expected.get(batch)
                self.counts.differences.append(f"batch {batch}: {numbers}, and was {was}")
        for batch in expected.keys() - dict(lines).keys():
            self.counts.differences.append(f"batch {batch} was never trained")
        self.counts.differences += differences_of("end", state, state_at_the_end(self.folder))


def read_log(folder: Path) -> list[tuple[int, str]]:
    lines = (folder / "log").read_text().splitlines() if (folder / "log").exists() else []
    return [(int(batch), numbers) for batch, _, numbers in (line.partition(" ") for line in lines)]


class Harness:
    """A training that was left alone, and others that are not."""

    def __init__(
        self, folder: Path, seed: int, duration: str = DURATION, lives: int = LIVES
    ) -> None:
        self.folder, self.duration, self.lives = folder, duration, lives
        self.moments = random.Random(seed)
        # The first is slower than the others.
        self.seconds = min(self.alone() for _ in range(3))

    def alone(self) -> float:
        """Trains to the end, and says how long it took."""
        begin = time.perf_counter()
        folder = self.new_folder()
        if wait(start(folder, self.duration)):
            raise SystemExit((folder / "error").read_text())
        seconds = time.perf_counter() - begin
        self.expected = dict(read_log(folder))
        self.state = state_at_the_end(folder)
        return seconds

    def new_folder(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self.folder))

    def kill(self, kills: int, fault: str | None = None) -> Counts:
        """Whole trainings, until so many kills have hit, or a fault is found."""
        begin = time.perf_counter()
        counts = Counts()
        while counts.kills < kills and not (fault and counts.problems):
            counts.runs += 1
            run = Run(self.new_folder(), counts, self.duration, fault)
            longest = self.seconds / self.lives
            while not run.live(self.moments.uniform(0, longest)):
                longest *= 1.02  # so that it ends, however busy the machine is
            run.compare(self.expected, self.state)
        print(
            f"{counts.kills} kills, {counts.in_a_save} of them during a save\n"
            f"{counts.runs} runs of {len(self.expected)} batches, {counts.resumes} resumes, "
            f"{counts.batches} batches trained\n"
            f"{counts.checkpoints} checkpoints read, {len(counts.unreadable)} unreadable\n"
            f"{len(counts.differences)} differences in losses, learning rates and the states at "
            f"the end\n{time.perf_counter() - begin:.0f} seconds",
            flush=True,
        )
        return counts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="how many must have hit")
    parser.add_argument("--duration", default=DURATION, help="of a training")
    parser.add_argument("--lives", type=int, default=LIVES, help="of a training, at least")
    parser.add_argument("--seed", type=int, default=None, help="of the moments")
    parser.add_argument("--self-test", action="store_true", help="find faults, too")
    given = parser.parse_args()
    seed = random.randrange(10**6) if given.seed is None else given.seed
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        harness = Harness(Path(folder), seed, given.duration, given.lives)
        counts = harness.kill(given.kills)
        for problem in counts.problems[:5]:
            print(problem[:300], file=sys.stderr)
        missed = []
        for fault in FAULTS if given.self_test else ():
            print(f"\nwith a fault: {fault}")
            if not harness.kill(10 * given.kills, fault).problems:
                missed.append(fault)
                print(f"not found: {fault}", file=sys.stderr)
    return 1 if counts.problems or missed else 0


if __name__ == "__main__":
    sys.exit(main())
