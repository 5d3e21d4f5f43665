"""Learning rates that are tensors on a GPU: how long a step takes to write them.

    python benchmarks/device.py

Needs no more than PyTorch with CUDA and the wheel. Times are those of the host, in turns, with one
synchronization at the end of each: the median of all rounds, in µs a step. What is
written is checked in tests/torch/test_device.py.
"""

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from epochal import CosineAnnealingWithWarmupScheduler, _core
from epochal.torch import bind

Step = Callable[[], object]
GOAL_US = 80  # at 100 groups
ROUNDS, STEPS = 21, 100


def optimizer_on_device(groups: int) -> torch.optim.SGD:
    """Each group has one parameter with a gradient, and a rate of its own."""
    made: list[dict[str, Any]] = []
    for i in range(groups):
        weights = torch.ones(3, device="cuda", requires_grad=True)
        weights.grad = torch.full((3,), 0.1 * (i + 1), device="cuda")
        made.append({"params": [weights], "lr": torch.tensor(0.1 * (i + 1), device="cuda")})
    return torch.optim.SGD(made)


def ways(groups: int) -> dict[str, Step]:
    """Ways to write as many rates on the device."""
    optimizer = optimizer_on_device(groups)
    scheduler = bind(CosineAnnealingWithWarmupScheduler("100ba"), optimizer, "1000000ba")
    optimizer.step()
    tensors = [torch.tensor(0.1, device="cuda") for _ in range(groups)]
    bases = [tensor.clone() for tensor in tensors]

    def fill() -> None:
        for tensor in tensors:
            tensor.fill_(0.05)

    def foreach() -> None:
        torch._foreach_copy_(tensors, bases)
        torch._foreach_mul_(tensors, 0.5)

    return {"scheduler.step()": scheduler.step, "fill_ in a loop": fill, "2 × _foreach": foreach}


def timed(step: Step) -> float:
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(STEPS):
        step()
    torch.cuda.synchronize()
    return (time.perf_counter() - start) / STEPS * 1e6


def main() -> None:
    if not torch.cuda.is_available():
        sys.exit("no GPU that this PyTorch can use")
    if _core.BUILD_PROFILE != "release":
        sys.exit(f"this is a {_core.BUILD_PROFILE} build of epochal: only a release build is timed")
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}")
    for groups in (1, 2, 3, 10, 100):
        steps = ways(groups)
        rounds = [[timed(step) for step in steps.values()] for _ in range(ROUNDS + 1)][1:]
        medians = dict(zip(steps, map(statistics.median, zip(*rounds, strict=True)), strict=True))
        print(f"{groups:4} groups:", "; ".join(f"{name} {us:.1f}" for name, us in medians.items()))
    ours = medians["scheduler.step()"]
    print(f"100 groups: {'met' if ours <= GOAL_US else 'not met'}: {ours:.1f} of {GOAL_US} µs")


if __name__ == "__main__":
    main()
