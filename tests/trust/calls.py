"""Bad and odd calls to every public name, and what came of them.

Each call gets valid arguments with one or two of them replaced by a hostile value, or hostile
values alone, or too many. It may return, and then what it returned or wrote is finite; or raise an
`EpochalError`, a `TypeError`, what DOCUMENTED says, or what the value itself raised, and then
receiver, arguments and `out` arrays are as they were. All else is wrong: a panic, a crash, a hang
of 20 seconds, another error, a state half applied.

    python tests/trust/calls.py --call "Curve.grid" 7     repeats one call, in this process
"""

import contextlib
import numbers
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from multiprocessing.sharedctypes import RawArray
from pathlib import Path
from random import Random
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import bad_values
import hostile
import torch
import torch._dynamo  # optimizers import it when they are made
from bad_values import Stops, draw
from epochal import EpochalError
from figures import Figure, tell
from hostile import SabotageError
from public_names import Target, targets
from states import not_finite, state_of

SEED = 1
CALLS, SHORT_CALLS = 1_000_000, 8_000
WORKERS = 2
HANG_SECONDS = 20
# A grid of 2^53 points is no mistake, and has no place.
BYTES = 3 << 30
# What takes so many times as long as others is called as many times less often.
SLOW = {
    "Trainer": 8,
    "EpochalLR.apart": 8,
    "EpochalLR.load_state_dict": 4,
    "Curve.to": 4,
    "to_": 4,
    "repr_svg": 4,
    "Curve.plot": 100,
    "plot": 100,
    "compare": 100,
    "diff": 10,
    "lint": 4,
}
# Errors of other classes that the documentation tells of, or Python does.
SETTING = "Python's own, for a property without a setter"
PATH = "a path that cannot be opened"
DOCUMENTED: list[tuple[str, type[BaseException], str]] = [
    (" =", AttributeError, SETTING),
    ("Schedule.__setattr__", AttributeError, SETTING),
    ("EpochalLR.curve", AttributeError, "groups have curves of their own"),
    ("__ne__ (asked)", ValueError, "by Python, of what the other side answers"),
    ("(asked)", NotImplementedError, "by PyTorch, as the other side, for some tensors"),
    ("TimeUnit()", ValueError, "Python's own, for an enum"),
    ("Plateau()", ValueError, "PyTorch's, for its own arguments"),
    ("Trainer()", OSError, PATH),
    ("Trainer.save_checkpoint", OSError, PATH),
    ("Trainer.save_checkpoint", ValueError, "a path with a zero byte, by Python"),
    ("to_csv", OSError, PATH),
    ("to_csv", ValueError, "a path with a zero byte or half a surrogate, by Python"),
    ("Curve.grid", MemoryError, "more points than there is memory"),
]


def is_documented(name: str, error: BaseException) -> bool:
    if isinstance(error, (EpochalError, TypeError, SabotageError)):
        return True
    return any(word in name and isinstance(error, kind) for word, kind, _ in DOCUMENTED)


def is_its_own(error: BaseException) -> bool:
    """Whether the value raised it that was given."""
    own = {bad_values.__file__, hostile.__file__, numbers.__file__}
    return any(frame.filename in own for frame in traceback.extract_tb(error.__traceback__))


# A call


def arguments(target: Target, random: Random) -> tuple[list[Any], dict[str, Any]]:
    named = target.good(random)
    kind = random.randrange(20)
    if kind == 0:
        return [draw(random) for _ in range(random.randrange(1, 5))], named
    if kind == 1:
        return [], {**named, "no_such_argument": draw(random)}
    if kind == 2:
        return [], {name: draw(random) for name in target.names}
    if target.names:
        for name in random.choices(target.names, k=random.choice((1, 1, 1, 2))):
            named[name] = draw(random)
    given = 0
    while given < target.positional and target.names[given] in named:
        given += 1
    count = given if not target.any_keyword and len(target.names) == 1 else random.randint(0, given)
    return [named.pop(name) for name in target.names[:count]], named


def call(target: Target, random: Random) -> tuple[str, str] | None:
    """What was wrong with it, and more of that, if anything was."""
    made = target.make(random)
    given, named = arguments(target, random)
    watched = [*made.watched, *given, *named.values()]
    before = [state_of(value) for value in watched]
    try:
        result = made.call(*given, **named)
    except (Exception, Stops) as error:
        found = None
        if not (isinstance(error, Stops) or is_documented(target.name, error) or is_its_own(error)):
            last = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(last.filename).name}:{last.lineno}"
            found = "other errors", f"{type(error).__name__} at {place}: {error!s:.120}"
        for value, was in zip(watched, before, strict=True):
            if state_of(value) != was:
                return "half-applied states", f"{type(value).__name__} after {type(error).__name__}"
        return found
    except BaseException as error:
        return "panics", f"{type(error).__name__}: {error}"
    if not_finite([result, *map(state_of, watched)]) and not not_finite(before):
        return "values that are not finite", f"{result!r:.120}"
    return None


def the_call(target: Target, number: int) -> tuple[str, str] | None:
    random = Random(f"{SEED} {target.name} {number}")
    try:
        return call(target, random)
    finally:
        if "plot" in target.name or "compare" in target.name:
            from matplotlib import pyplot

            pyplot.close("all")


# Many calls


def plan(calls: int) -> list[tuple[Target, int]]:
    """How often each target is called."""
    found = targets()
    parts = [
        1 / next((times for word, times in SLOW.items() if target.name.startswith(word)), 1)
        for target in found
    ]
    each = calls / sum(parts)
    return [(target, int(each * part) + 1) for target, part in zip(found, parts, strict=True)]


class Worker:
    """A process that makes a part of the calls. Where one kills it or hangs, the next goes on."""

    def __init__(self, number: int, todo: list[tuple[Target, int]], folder: Path) -> None:
        self.todo, self.folder = todo, folder / f"worker-{number}"
        self.folder.mkdir()
        self.findings = folder / f"findings-{number}"
        # The target, the number of the call, and how many have been made.
        self.at = RawArray("q", 3)
        self.seen, self.seen_at = -1, 0.0
        self.process = 0
        self.start()

    def start(self) -> None:
        self.seen_at = time.monotonic()
        self.process = os.fork()
        if not self.process:
            try:
                self.work()
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)

    def work(self) -> None:
        os.chdir(self.folder)
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        with open("/proc/self/statm") as file:
            used = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + BYTES, used + BYTES))
        warnings.simplefilter("ignore")
        log = os.open(self.findings, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        first = self.at[1]
        for place in range(self.at[0], len(self.todo)):
            target, times = self.todo[place]
            self.at[0] = place
            for number in range(first, times):
                self.at[1] = number
                found = the_call(target, number)
                if found is not None:
                    line = "\t".join([found[0], target.name, str(number), found[1]])
                    line = line.replace("\n", " ").encode(errors="backslashreplace").decode()
                    os.write(log, f"{line}\n".encode())
                self.at[2] += 1
            first = 0

    def look(self) -> tuple[str, str] | None:
        """Goes on after a call that has killed the process or hung, and says so."""
        ended, status = os.waitpid(self.process, os.WNOHANG)
        if ended and status == 0:
            self.process = 0
            return None
        if not ended and self.at[2] != self.seen:
            self.seen, self.seen_at = self.at[2], time.monotonic()
        if not ended and time.monotonic() - self.seen_at < HANG_SECONDS:
            return None
        what = "crashes"
        if not ended:
            what = "hangs"
            os.kill(self.process, signal.SIGKILL)
            _, status = os.waitpid(self.process, 0)
        name = self.todo[self.at[0]][0].name
        where = f"{name} {self.at[1]}: status {os.waitstatus_to_exitcode(status)}"
        self.at[1] += 1
        self.start()
        return what, where


def lines(path: Path) -> Iterator[list[str]]:
    if path.exists():
        for line in path.read_text(errors="replace").splitlines():
            yield line.split("\t", 3)


WRONG = {
    "panics": "panics",
    "crashes": "crashes of the process",
    "hangs": f"hangs of {HANG_SECONDS} seconds",
    "other errors": "errors of a class that is not documented",
    "values that are not finite": "values returned or written that are not finite",
    "half-applied states": "states half applied after an error",
}


def measure(short: bool) -> list[Figure]:
    todo = plan(SHORT_CALLS if short else CALLS)
    found: Counter[str] = Counter()
    examples: dict[tuple[str, str, str], str] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        workers = [Worker(n, todo[n::WORKERS], folder) for n in range(WORKERS)]
        told = time.monotonic()
        while any(worker.process for worker in workers):
            time.sleep(0.2)
            for worker in workers:
                if worker.process and (wrong := worker.look()):
                    found[wrong[0]] += 1
                    print(*wrong, file=sys.stderr, flush=True)
            if time.monotonic() - told > 30:
                told = time.monotonic()
                calls = sum(worker.at[2] for worker in workers)
                print(f"{calls:,} calls", file=sys.stderr, flush=True)
        calls = sum(worker.at[2] for worker in workers)
        for worker in workers:
            for what, target, number, more in lines(worker.findings):
                found[what] += 1
                examples.setdefault((what, target, more[:40]), f"{number}: {more}")
    for (what, target, _), example in examples.items():
        print(f"{what}: {target} {example}", file=sys.stderr)
    return [
        Figure("bad and odd calls", calls, at_least=CALLS),
        Figure("public names, with their methods, properties and operators", len(todo)),
        *(Figure(words, found[what], at_most=0) for what, words in WRONG.items()),
    ]


def repeat(name: str, number: int) -> None:
    target = next(target for target in targets() if target.name == name)
    random = Random(f"{SEED} {name} {number}")
    target.make(random)
    for value in arguments(target, random):
        with contextlib.suppress(Exception):
            print(f"{value!r:.1000}")
    warnings.simplefilter("ignore")
    print(the_call(target, number))


if __name__ == "__main__":
    os.environ["MPLBACKEND"] = "Agg"
    torch.set_num_threads(1)
    if sys.argv[1:2] == ["--call"]:
        repeat(sys.argv[2], int(sys.argv[3]))
    else:
        tell(measure)
