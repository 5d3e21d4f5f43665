"""Damaged, truncated and foreign checkpoints, and what came of resuming from them.

Each is refused with an error in words, and then model, optimizers and schedulers are as they were;
or it is loaded, and then a checkpoint that is saved at once holds what the undamaged one holds. The
same of the states of a scheduler, a clock and a plateau. Beside that, two processes write one file
while others read it: it is always a whole one.
"""

import io
import multiprocessing
import pickle
import random
import sys
import tempfile
import time
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import torch._dynamo  # optimizers import it when they are made
from damage import at, everything, same, structure, with_scheduler
from epochal import Clock, CosineAnnealingScheduler, EpochalError, Run, StateError, Trainer
from epochal.torch import Plateau, bind
from epochal.trainer import _files as files
from figures import Figure, tell
from torch.optim import SGD, AdamW
from torch.optim.lr_scheduler import ChainedScheduler, StepLR
from training import make_trainer, model

SEED = 1
# What stands in the place of something else.
WRONG: list[Any] = [
    *(None, True, 5, -1, 2**70, 0.5, float("nan"), float("inf"), "text", "", b"bytes"),
    *([], [None], {}, {"a": 1}, (), (1, 2)),
    *(torch.zeros(2), torch.zeros(0), torch.zeros((), dtype=torch.int64)),
]
# What only its own class knows: the settings and the state of one of PyTorch's optimizers or
# schedulers, beside those that are numbers of groups or change with each step.
FOREIGN = {
    *("amsgrad", "decoupled_weight_decay", "foreach", "maximize", "capturable", "differentiable"),
    *("fused", "nesterov", "state"),
}
# Entries of a state without which it is one of another moment, or another scheduler's.
OPTIONAL = {"counted_sample", "_step_count", "factor", "_last_lr"}


class Tally:
    """What came of each kind of damage."""

    def __init__(self) -> None:
        self.tried: Counter[str] = Counter()
        self.refused = self.equal = 0
        self.wrong: list[str] = []

    def note(self, kind: str, what: str | None, place: object) -> None:
        self.tried[kind] += 1
        self.refused += what is None
        if what == "equal":
            self.equal += 1
        elif what is not None:
            self.wrong.append(f"{kind}: {place}: {what}")


# Resuming


class Bench:
    """A checkpoint, and a training to resume from what has been made of it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "damaged.pt"
        whole = folder / "whole.pt"
        trainer = with_scheduler(max_duration="5ba")
        trainer.fit()
        trainer.save_checkpoint(whole)
        self.data, self.state = whole.read_bytes(), torch.load(whole)
        self.again = folder / "again.pt"

    def outcome(self) -> str | None:
        """None if it was refused as a whole, "equal" if it was loaded; else what was wrong."""
        parts = model()
        sgd = SGD(parts[0].parameters(), lr=0.5, momentum=0.9)
        optimizers = [sgd, AdamW(parts[3].parameters())]
        chained = ChainedScheduler([StepLR(sgd, 1), StepLR(sgd, 3)])
        before = everything((parts, optimizers, [chained]))
        try:
            trainer = make_trainer(
                model=parts,
                optimizers=optimizers,
                schedulers=[chained, CosineAnnealingScheduler()],
                max_duration="5ba",
                resume=self.path,
                seed=None,
            )
        except StateError as error:
            if str(self.path) not in str(error):
                return f"an error without the path: {error}"
            return None if same(before, everything((parts, optimizers, [chained]))) else "changed"
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return self.compared(trainer)

    def compared(self, trainer: Trainer) -> str:
        trainer.save_checkpoint(self.again)
        state = torch.load(self.again)
        state["epochal"] = self.state["epochal"]
        different = [part for part in self.state if not same(state[part], self.state[part])]
        return f"another {' and '.join(different)}" if different else "equal"

    def with_bytes(self, data: bytes) -> str | None:
        self.path.write_bytes(data)
        return self.outcome()

    def with_state(self, state: Any) -> str | None:
        torch.save(state, self.path)
        return self.outcome()


# Damage to the file


def lengths(data: bytes, step: int) -> Iterator[int]:
    """Of each class: at the beginning and the end, in each header, and all over."""
    yield from {
        *range(0, 64, step),
        *range(0, len(data), 40 * step),
        *range(len(data) - 200, len(data), step),
    }
    yield from sorted(place for place in set(structure(data)) if place % (5 * step) == 0)


def flipped(data: bytes, places: random.Random) -> bytes:
    """Some bits, or a block of bytes, of the content or of what describes it."""
    damaged = bytearray(data)
    where = sorted(set(structure(data))) if places.random() < 0.5 else range(len(data))
    place = places.choice(where)
    kind = places.randrange(4)
    if kind == 0:
        damaged[place] ^= 1 << places.randrange(8)
    elif kind == 1:
        damaged[place] ^= 0xFF
    elif kind == 2:
        size = places.choice((2, 16, 512))
        damaged[place : place + size] = bytes(len(damaged[place : place + size]))
    else:
        size = places.choice((1, 7, 64, 4096))
        del damaged[place : place + size]
    return bytes(damaged)


def entries(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(parts: list[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w", method) as archive:
        warnings.simplefilter("ignore")  # two of one name
        for name, content in parts:
            archive.writestr(name, content)
    return file.getvalue()


def rezipped(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Entries left out, made shorter, renamed, swapped and doubled; other bytes around the file."""
    parts = entries(data)
    names = list(parts)
    for name in names:
        others = [(other, content) for other, content in parts.items() if other != name]
        yield f"without {name}", zipped(others)
        yield f"empty {name}", zipped([*others, (name, b"")])
        yield f"shorter {name}", zipped([*others, (name, parts[name][:-1])])
        yield f"renamed {name}", zipped([*others, (f"{name}x", parts[name])])
        yield f"doubled {name}", zipped([*parts.items(), (name, b"x")])
        for other in names:
            if len(parts[other]) != len(parts[name]):
                swapped = {**parts, name: parts[other], other: parts[name]}
                yield f"swapped {name} and {other}", zipped(list(swapped.items()))
    yield "packed", zipped(list(parts.items()), zipfile.ZIP_DEFLATED)
    yield "bytes before", b"x" * 100 + data
    yield "bytes after", data + b"x" * 100
    yield "twice", data + data
    yield "nothing", b""
    yield "zeros", bytes(len(data))
    yield "text", b"learning rate\n" * 1000


def foreign() -> Iterator[tuple[str, Any]]:
    """What is no checkpoint of this training."""
    yield "weights", model().state_dict()
    yield "optimizer", SGD(model().parameters(), lr=0.1).state_dict()
    for value in WRONG:
        yield f"a {type(value).__name__}", value
    for changes in ({"max_duration": "9ba"}, {"schedulers": None}, {"model": model(1)}):
        trainer = make_trainer(**changes)
        with tempfile.TemporaryDirectory() as folder:
            trainer.save_checkpoint(Path(folder) / "other.pt")
            yield f"another training: {[*changes]}", torch.load(Path(folder) / "other.pt")


# Damage to the content


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths to all that is within, but for long lists of numbers."""
    items: Any = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list | tuple) and len(value) < 20:
        items = enumerate(value)
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


def at_path(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def with_change(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """A copy in which something else stands at a path; `...` stands for nothing."""
    if not path:
        return new
    key, *rest = path
    if isinstance(value, dict):
        changed = type(value)(value)
        at(
            key, value=... if new is ... and not rest else with_change(value[key], tuple(rest), new)
        )(changed)
        return changed
    items = list(value)
    if new is ... and not rest:
        del items[key]
    else:
        items[key] = with_change(items[key], tuple(rest), new)
    return type(value)(items)


def could_be(new: Any, old: Any) -> bool:
    """Whether nothing tells that it has not been there: another number, or another text."""
    numbers = (int, float)
    if isinstance(new, torch.Tensor) and new.ndim == 0:
        new = new.item()
    if isinstance(old, bool) or old is None:
        return new is None or isinstance(new, bool)
    if isinstance(old, numbers) and isinstance(new, numbers) and not isinstance(new, bool):
        return True
    if isinstance(old, (list, tuple)) and isinstance(new, type(old)) and len(old) == len(new):
        return all(map(could_be, new, old))
    if isinstance(old, torch.Tensor) and isinstance(new, torch.Tensor):
        return old.shape == new.shape and old.dtype == new.dtype
    return isinstance(old, str) and isinstance(new, str)


def may_change(path: tuple[Any, ...], new: Any) -> bool:
    """Whether a part is optional, may be a number or nothing, or is a class's own."""
    if new is ...:
        return path[-1] in OPTIONAL or path[:-1] == ("last", "lr")
    if path in (("last", "loss"), ("last", "eval_loss")) or path[-2:] == ("python", 2):
        return new is None or could_be(new, 0.0)
    if path == ("last", "lr"):
        return isinstance(new, list) and not new
    return path[0] == "optimizers" and path[-1] == "state" and isinstance(new, dict)


def is_foreign(path: tuple[Any, ...]) -> bool:
    """Whether only a class of PyTorch's knows what must be there."""
    return path[0] == "optimizers" and not FOREIGN.isdisjoint(path) and path[-1] != "state"


def contents(state: Any) -> Iterator[tuple[str, tuple[Any, ...], Any]]:
    for path in places(state):
        if is_foreign(path):
            continue
        old = at_path(state, path)
        if not may_change(path, ...):
            yield "missing entries", path, ...
        for new in WRONG:
            if not (could_be(new, old) or may_change(path, new)):
                yield "entries of a wrong type", path, new


# States of a scheduler, a clock, a plateau


class Stateful:
    """Something that loads states, its state after some steps, and what it writes into."""

    def __init__(self, make: Callable[[], tuple[Any, Any]]) -> None:
        self.make = make
        self.state = make()[0].state_dict()

    def outcome(self, state: Any) -> str | None:
        into, groups = self.make()
        before = repr((into.state_dict(), groups))
        try:
            into.load_state_dict(state)
        except (EpochalError, TypeError):
            return None if repr((into.state_dict(), groups)) == before else "changed"
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return "equal" if repr((into.state_dict(), groups)) == before else "another state"


def a_clock() -> tuple[Any, Any]:
    clock = Clock(Run("9ba", tokens_per_batch=5))
    clock.tick(samples=3, seconds=0.5)
    clock.count(samples=2)
    return clock, None


def a_scheduler(clock: bool) -> tuple[Any, Any]:
    optimizer = AdamW(model().parameters(), lr=0.5)
    run = a_clock()[0] if clock else Run("9ba")
    scheduler = bind(
        CosineAnnealingScheduler(),
        optimizer,
        run,
        fields={"weight_decay": CosineAnnealingScheduler()},
    )
    optimizer.step()
    if not clock:
        scheduler.step()
    return scheduler, [
        {k: v for k, v in g.items() if k != "params"} for g in optimizer.param_groups
    ]


def a_plateau() -> tuple[Any, Any]:
    plateau = Plateau(a_scheduler(False)[0], patience=1)
    for metric in (2.0, 1.0, 3.0):
        plateau.step(metric)
    return plateau, None


STATEFUL: dict[str, Callable[[], tuple[Any, Any]]] = {
    "Clock": a_clock,
    "EpochalLR": lambda: a_scheduler(False),
    "EpochalLR with a clock": lambda: a_scheduler(True),
    "Plateau": a_plateau,
}


# Two writers


def write(path: Path, number: int, times: int) -> None:
    for _ in range(times):
        files.save({"number": number, "values": torch.full((20_000,), number)}, path)


def writers(folder: Path, times: int, tally: Tally) -> int:
    """How often a file was read while two processes wrote it."""
    path = folder / "shared.pt"
    write(path, 0, 1)
    context = multiprocessing.get_context("fork")
    both = [context.Process(target=write, args=(path, number, times)) for number in (1, 2)]
    for writer in both:
        writer.start()
    reads = 0
    while any(writer.is_alive() for writer in both):
        reads += 1
        try:
            state = files.load(path)
        except Exception as error:
            tally.wrong.append(f"two writers: {error}")
            continue
        if not bool((state["values"] == state["number"]).all()):
            tally.wrong.append("two writers: a file of both")
    left = sorted(file.name for file in folder.iterdir() if file.name.startswith(".epochal"))
    if left or any(writer.exitcode for writer in both):
        tally.wrong.append(f"two writers: {[w.exitcode for w in both]}, left {left}")
    return reads


def measure(short: bool) -> list[Figure]:
    warnings.simplefilter("ignore")
    step, flips, times = (16, 100, 20) if short else (1, 4000, 600)
    tally, chosen = Tally(), random.Random(SEED)
    begin = time.monotonic()

    def told(what: str) -> None:
        print(f"{what}: {time.monotonic() - begin:.0f} seconds", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name))
        if bench.with_bytes(bench.data) != "equal":
            raise AssertionError("the undamaged checkpoint is not loaded as it was saved")
        for length in lengths(bench.data, step):
            tally.note("truncated files", bench.with_bytes(bench.data[:length]), length)
        told("truncated")
        for number in range(flips):
            tally.note("damaged bytes", bench.with_bytes(flipped(bench.data, chosen)), number)
        told("flipped")
        for number, (what, data) in enumerate(rezipped(bench.data)):
            if number % step == 0:
                tally.note("archives put together wrongly", bench.with_bytes(data), what)
        for what, content in foreign():
            tally.note("foreign files", bench.with_state(content), what)
        tally.note("foreign files", bench.with_bytes(pickle.dumps(bench.state)), "a pickle")
        told("foreign")
        for number, (kind, path, new) in enumerate(contents(bench.state)):
            if number % (2 * step) == 0 or not short:
                outcome = bench.with_state(with_change(bench.state, path, new))
                tally.note(kind, outcome, (path, new))
        told("contents")
        for what, make in STATEFUL.items():
            stateful = Stateful(make)
            for kind, path, new in contents(stateful.state):
                changed = with_change(stateful.state, path, new)
                tally.note(f"states: {kind}", stateful.outcome(changed), (what, path, new))
        told("states")
        reads = writers(Path(name), times, tally)
    for wrong, count in Counter(wrong[:400] for wrong in tally.wrong).items():
        print(f"{count} × {wrong}", file=sys.stderr)
    return [
        *(Figure(kind, count) for kind, count in tally.tried.items()),
        Figure("damaged checkpoints and states", sum(tally.tried.values()), at_least=9_000),
        Figure("of them refused as a whole, in words", tally.refused),
        Figure("of them loaded, equal to the original", tally.equal),
        Figure("reads of a file while two processes write it", reads, at_least=500),
        Figure("of all of them anything else", len(tally.wrong), at_most=0),
    ]


if __name__ == "__main__":
    torch.set_num_threads(1)
    tell(measure)
