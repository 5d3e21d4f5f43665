"""Runs pytest in forks of a process that has imported all but epochal, each with a package."""

import contextlib
import importlib
import os
import resource
import select
import signal
import site
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seeded.faults import ROOT

INSTALLED = Path(next(path for path in site.getsitepackages() if (Path(path) / "epochal").is_dir()))
# What the tests import, but for the package and what they share.
WARM = ("torch.optim", "hypothesis.stateful", "hypothesis.extra.numpy", "mpmath", "pytest")
MEMORY = 12 << 30
BROKEN = 70  # the status of a process that did not come to its tests


def warm() -> None:
    """Imports what every test needs, once."""
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    os.environ["MPLBACKEND"] = "agg"
    sys.dont_write_bytecode = True
    for name in WARM:
        importlib.import_module(name)
    assert "epochal" not in sys.modules
    os.chdir(ROOT)


def package(folder: Path, changed: dict[str, bytes], library: Path | None = None) -> Path:
    """The installed package in another folder, some files of it changed; the rest are links."""
    for file in (INSTALLED / "epochal").glob("**/*"):
        place = folder / file.relative_to(INSTALLED)
        name = str(file.relative_to(INSTALLED))
        if file.is_dir() and file.name != "__pycache__":
            place.mkdir(parents=True, exist_ok=True)
        elif "__pycache__" in file.parent.parts:
            continue
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            if name in changed:
                place.write_bytes(changed[name])
            else:
                is_library = file.name.startswith("_core.") and file.suffix != ".pyi"
                place.symlink_to(library if library and is_library else file)
    return folder


@dataclass
class Job:
    """A process, and what it came to: its status, or none where it had to be ended."""

    work: Callable[[], int]
    output: Path
    seconds: float
    status: int | None = None
    took: float = 0.0
    pid: int = field(default=0, repr=False)
    pidfd: int = field(default=0, repr=False)
    began: float = field(default=0.0, repr=False)

    def begin(self) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        self.began = time.monotonic()
        self.pid = os.fork()
        if self.pid:
            self.pidfd = os.pidfd_open(self.pid)
            return
        status = BROKEN
        try:
            os.setsid()
            output = os.open(self.output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(output, 1)
            os.dup2(output, 2)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            status = self.work()
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def left(self) -> float:
        return self.began + self.seconds - time.monotonic()

    def end(self) -> None:
        """It has ended, or it has had its time."""
        ready, _, _ = select.select([self.pidfd], [], [], 0)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)  # and whatever it started
        _, status = os.waitpid(self.pid, 0)
        os.close(self.pidfd)
        self.took = time.monotonic() - self.began
        self.status = os.waitstatus_to_exitcode(status) if ready else None

    def failed(self) -> bool:
        """Whether a test failed, could not be collected, crashed or hung.

        0 says that none did, 5 that there was none.
        """
        if self.status in (4, BROKEN):
            raise RuntimeError(self.output.read_text()[-3000:])
        return self.status not in (0, 5)


def run(jobs: Iterator[Job], workers: int) -> Iterator[Job]:
    """So many at once, each as it ends."""
    running: list[Job] = []
    while True:
        while len(running) < workers and (job := next(jobs, None)):
            job.begin()
            running.append(job)
        if not running:
            return
        wait = max(0.0, min(job.left() for job in running))
        ready, _, _ = select.select([job.pidfd for job in running], [], [], wait)
        for job in [*running]:
            if job.pidfd in ready or job.left() <= 0:
                running.remove(job)
                job.end()
                yield job


def pytest(
    folder: Path, files: list[str], flags: list[str], plugins: list[Any], **more: str
) -> int:
    """In this process, with the package of a folder. The status is pytest's."""
    os.environ.update(more, PYTHONPATH=str(folder))
    sys.path.insert(0, str(folder))
    # What the program that measures has on its path is none of the tests' business.
    sys.path[:] = [path for path in sys.path if not path.startswith(str(ROOT / "tests"))]
    import pytest

    # pytest cannot rewrite the assertions of what is warm, and need not.
    quiet = "ignore:Module already imported so cannot be rewritten"
    flags = ["-q", "-n0", "-p", "no:cacheprovider", "-W", quiet, *flags]
    return int(pytest.main([*files, *flags], plugins=plugins))
