"""Starts programs in processes of their own, one or several as torchrun does."""

import multiprocessing
import os
import runpy
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from subprocess import CompletedProcess
from tempfile import TemporaryDirectory
from types import MappingProxyType

# So that ranks that wait for each other fail, and do not hang.
SECONDS = 120

# To import PyTorch, and what its optimizers import when the first is made, takes seconds. One
# process has done so and has nothing else; programs run in forks of it.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["torch._dynamo", "sklearn.datasets"])


def torchrun(processes: int, program: Path, *arguments: str) -> CompletedProcess[str]:
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    return python(*launcher, str(program), *arguments)


def python(*arguments: str, **environment: str) -> CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": python_path(), **environment},
    )


def python_path(*files: str) -> str:
    """Where another process finds what the tests share, and what stands beside these files."""
    ours = (str(Path(file).parent) for file in (*files, __file__))
    return os.pathsep.join([*filter(None, [os.environ.get("PYTHONPATH")]), *ours])


def forked(program: Path, *arguments: str) -> CompletedProcess[str]:
    """What `python program arguments` does, where PyTorch has been imported."""
    return _forked([{}], program, *arguments)


def ranks(world: int, program: Path, *arguments: str) -> CompletedProcess[str]:
    """What `torchrun` does: with the output of all ranks, and the exit code of one that failed."""
    from torch.distributed import TCPStore  # type: ignore[attr-defined]

    # Here, as torchrun has it: a rank that brought it would have to find a port that is free.
    store = TCPStore(
        "localhost", 0, is_master=True, wait_for_workers=False, timeout=timedelta(seconds=SECONDS)
    )
    everywhere = {
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": str(store.port),
        "TORCHELASTIC_USE_AGENT_STORE": "True",
        "TORCHELASTIC_RUN_ID": "tests",
        "WORLD_SIZE": str(world),
    }
    of_each = [{**everywhere, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(world)]
    return _forked(of_each, program, *arguments)


def _forked(
    environments: list[dict[str, str]], program: Path, *arguments: str
) -> CompletedProcess[str]:
    with TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        programs = [
            Fork(program, *arguments, out=out, err=err, environment=environment)
            for environment in environments
        ]
        codes = [each.wait() for each in programs]
        return CompletedProcess(
            [str(program), *arguments],
            next(filter(None, codes), 0),
            out.read_text(),
            err.read_text(),
        )


class Fork:
    """A program that has been started, and appends what it prints to these files."""

    def __init__(
        self,
        program: Path,
        *arguments: str,
        out: Path,
        err: Path,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        command = [str(program), *arguments]
        self._process = FORKS.Process(target=_run, args=(command, (out, err), dict(environment)))
        self._process.start()

    def send_signal(self, number: int) -> None:
        assert self._process.pid
        os.kill(self._process.pid, number)

    def wait(self) -> int:
        """The exit code; negative where a signal has ended it."""
        self._process.join(SECONDS)
        if self._process.exitcode is None:
            self._process.kill()
            self._process.join()
        assert self._process.exitcode is not None
        return self._process.exitcode


def _run(command: list[str], output: tuple[Path, Path], environment: dict[str, str]) -> None:
    for stream, path in enumerate(output, start=1):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(file, stream)
    sys.stdout, sys.stderr = (os.fdopen(stream, "w", closefd=False) for stream in (1, 2))
    os.environ.update(environment)
    sys.argv = command
    sys.path.insert(0, str(Path(command[0]).parent))
    runpy.run_path(command[0], run_name="__main__")
