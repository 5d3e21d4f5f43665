"""Programs of several processes, started as torchrun does. Each rank leaves a file of JSON."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import distributed

TESTS = Path(__file__).parents[1]
# So that ranks that wait for each other fail, and do not hang.
SECONDS = 240


def results(program: str, folder: Path, processes: int = 2) -> list[Any]:
    """What each rank of the program tells."""
    launcher = ["torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    done = subprocess.run(
        [sys.executable, "-m", *launcher, "-m", f"frameworks.programs.{program}", str(folder)],
        cwd=TESTS,  # where `frameworks` is found
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(processes)]


def tell(main: Callable[[Path], Any]) -> None:
    """The main program of a rank: what `main` returns is told to who has started it."""
    folder = Path(sys.argv[1])
    told = main(folder)
    (folder / f"{os.environ['RANK']}.json").write_text(json.dumps(told))
    if distributed.is_initialized():
        # The file is there before another rank ends, and the group before this one does.
        distributed.barrier()
        distributed.destroy_process_group()
