"""Starts programs in processes of their own, one or several as torchrun does."""

import os
import subprocess
import sys
from pathlib import Path

# So that ranks that wait for each other fail, and do not hang.
SECONDS = 120


def torchrun(processes: int, program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    return python(*launcher, str(program), *arguments)


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
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
