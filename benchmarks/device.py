"""Learning rates that are tensors on a GPU: checks what a step writes, and times it.

    python benchmarks/device.py

Needs no more than PyTorch with CUDA and the wheel. Times are those of the host, in turns, with one
synchronization at the end of each: the median of all rounds, in µs a step.
"""

import statistics
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch
from epochal import CosineAnnealingWithWarmupScheduler, LinearScheduler, _core
from epochal.torch import bind

Step = Callable[[], object]
GOAL_US = 80  # at 100 groups
ROUNDS, STEPS = 21, 100


def optimizer_on_device(groups: int, kind: Any = torch.optim.SGD, **settings: Any) -> Any:
    """Each group has one parameter with a gradient, and a rate of its own."""
    made = []
    for i in range(groups):
        weights = torch.ones(3, device="cuda", requires_grad=True)
        weights.grad = torch.full((3,), 0.1 * (i + 1), device="cuda")
        made.append({"params": [weights], "lr": torch.tensor(0.1 * (i + 1), device="cuda")})
    return kind(made, **settings)


def rates(optimizer: Any) -> list[float]:
    return [group["lr"].item() for group in optimizer.param_groups]


# Checks


def check_values(groups: int) -> None:
    """The bits are those of `fill_`."""
    optimizer = optimizer_on_device(groups)
    bases = rates(optimizer)
    scheduler = bind(CosineAnnealingWithWarmupScheduler("3ba"), optimizer, "9ba")
    for k in range(10):
        alpha = scheduler.curve(k)
        assert rates(optimizer) == [torch.tensor(0.0).fill_(b * alpha).item() for b in bases]
        optimizer.step()
        scheduler.step()


def check_no_waiting(groups: int) -> None:
    """A step that waits for the device would raise."""
    optimizer = optimizer_on_device(groups)
    scheduler = bind(LinearScheduler(), optimizer, "9ba")
    bases = [group["initial_lr"].item() for group in optimizer.param_groups]
    optimizer.step()
    torch.cuda.synchronize()
    with warnings.catch_warnings(action="ignore"):  # that this mode is a prototype
        torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(4):
            scheduler.step()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert rates(optimizer) == [torch.tensor(base * (5 / 9)).item() for base in bases]


def check_captured(groups: int) -> None:
    """A captured step of the optimizer uses what was written between its replays."""
    optimizer, other = (
        optimizer_on_device(groups, torch.optim.Adam, capturable=True) for _ in range(2)
    )
    ours, theirs = (bind(LinearScheduler(), o, "8ba") for o in (optimizer, other))
    # A first step fills the state, and is not captured.
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        optimizer.step()
        ours.step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):  # this makes no step
        optimizer.step()
    for k in range(7):
        other.step()
        theirs.step()
        if k >= 1:
            graph.replay()
            ours.step()
        assert rates(optimizer) == rates(other)
        for group, peer in zip(optimizer.param_groups, other.param_groups, strict=True):
            assert torch.allclose(group["params"][0], peer["params"][0], rtol=1e-4, atol=1e-5)
    assert rates(optimizer) != [group["initial_lr"].item() for group in optimizer.param_groups]


# Times


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
    for check in (check_values, check_no_waiting, check_captured):
        for groups in (1, 2, 3, 100):
            check(groups)
        print(f"{check.__name__}: right with 1, 2, 3 and 100 groups")
    for groups in (1, 2, 3, 10, 100):
        steps = ways(groups)
        rounds = [[timed(step) for step in steps.values()] for _ in range(ROUNDS + 1)][1:]
        medians = dict(zip(steps, map(statistics.median, zip(*rounds, strict=True)), strict=True))
        print(f"{groups:4} groups:", "; ".join(f"{name} {us:.1f}" for name, us in medians.items()))
    ours = medians["scheduler.step()"]
    print(f"100 groups: {'met' if ours <= GOAL_US else 'not met'}: {ours:.1f} of {GOAL_US} µs")


if __name__ == "__main__":
    main()
