"""A program of several ranks: what the clock promises them, one check after the other.

    torchrun --standalone --nproc-per-node 2 tests/torch/rank_checks.py

Each rank prints the name of a check that has passed. All ranks make all checks in one order.
"""

import gc
from datetime import timedelta

import rank_counts  # noqa: F401 - the modules list their checks
import rank_uses  # noqa: F401
import torch
from on_ranks import CHECKS as CHECKS
from torch import distributed


def main() -> None:
    torch.set_num_threads(1)
    # A rank that waits in vain fails soon.
    distributed.init_process_group("gloo", timeout=timedelta(seconds=40))
    for function in CHECKS[distributed.get_world_size()]:
        function()
        print(f"\nrank {distributed.get_rank()} passed {function.__name__}", flush=True)
    # What holds a group must be gone, or Gloo's threads may abort the process at its end.
    gc.collect()
    distributed.barrier()
    distributed.destroy_process_group()


if __name__ == "__main__":
    main()
