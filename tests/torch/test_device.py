"""Learning rates that are tensors on a GPU; skipped where there is none."""

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from epochal import CosineAnnealingWithWarmupScheduler, LinearScheduler
from epochal.torch import bind
from torch.optim import SGD, Adam, Optimizer

# Of groups: as many are written one by one, and all together.
COUNTS = [1, 2, 3, 100]

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")


def on_device(*lrs: float, dtype: torch.dtype = torch.float32) -> SGD:
    groups: list[dict[str, Any]] = [
        {
            "params": [torch.ones(3, device="cuda", requires_grad=True)],
            "lr": torch.tensor(lr, device="cuda", dtype=dtype),
        }
        for lr in lrs
    ]
    return SGD(groups, lr=0.5)


@pytest.fixture
def without_waiting() -> Iterator[None]:
    """To wait for the device is an error, from where the test says so on."""
    yield
    torch.cuda.set_sync_debug_mode("default")


def rates(optimizer: Optimizer) -> list[float]:
    return [group["lr"].item() for group in optimizer.param_groups]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("count", COUNTS)
def test_the_values_are_those_of_fill(count: int, dtype: torch.dtype) -> None:
    optimizer = on_device(*[0.1 * (i + 1) for i in range(count)], dtype=dtype)
    bases = rates(optimizer)
    scheduler = bind(CosineAnnealingWithWarmupScheduler("3ba"), optimizer, "9ba")
    for k in range(10):
        alpha = scheduler.curve(k)
        assert rates(optimizer) == [
            torch.zeros((), dtype=dtype).fill_(base * alpha).item() for base in bases
        ]
        optimizer.step()
        scheduler.step()


@pytest.mark.parametrize("count", COUNTS)
def test_a_step_does_not_wait_for_the_device(without_waiting: None, count: int) -> None:
    optimizer = on_device(*[0.5] * count)
    scheduler = bind(LinearScheduler(), optimizer, "9ba", fields={"momentum": LinearScheduler()})
    optimizer.step()
    with warnings.catch_warnings(action="ignore"):  # that this mode is a prototype
        torch.cuda.set_sync_debug_mode("error")
    for _ in range(4):
        scheduler.step()
        scheduler.metrics()
    torch.cuda.set_sync_debug_mode("default")
    assert rates(optimizer) == [torch.tensor(0.5 * (5 / 9)).item()] * count


@pytest.mark.parametrize("count", COUNTS)
def test_a_captured_step_uses_what_was_written_since(count: int) -> None:
    """The same as steps that are not captured, with floats."""

    def make(captured: bool) -> Adam:
        groups: list[dict[str, Any]] = []
        for i in range(count):
            weight = torch.ones(3, device="cuda", requires_grad=True)
            weight.grad = torch.full((3,), 0.1 * (i + 1), device="cuda")
            lr = torch.tensor(0.5, device="cuda") if captured else 0.5
            groups.append({"params": [weight], "lr": lr})
        return Adam(groups, capturable=captured)

    optimizer, other = make(captured=True), make(captured=False)
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
        assert rates(optimizer) == pytest.approx([group["lr"] for group in other.param_groups])
        for group, peer in zip(optimizer.param_groups, other.param_groups, strict=True):
            assert torch.allclose(group["params"][0], peer["params"][0], rtol=1e-4, atol=1e-5)
