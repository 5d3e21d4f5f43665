"""PyTorch's own ways to train in several processes: each trains, saves, and another goes on."""

from pathlib import Path
from typing import Any

from epochal import Run
from frameworks import page, toys
from frameworks.launch import tell
from frameworks.steps import Steps, watched
from torch import distributed, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.optim import ZeroRedundancyOptimizer
from torch.nn.parallel import DistributedDataParallel
from torch.optim import SGD, AdamW, Optimizer

LR, STOP = 0.1, 5
TOKENS = 2 * 4 * toys.SAMPLES  # two processes, both with all the data
BOUND, LOOP = "PyTorch, bound", "PyTorch, the loop"
CHECKPOINT = "PyTorch, torch.distributed.checkpoint"


def ddp() -> tuple[nn.Module, Optimizer]:
    model = DistributedDataParallel(toys.model())
    return model, AdamW(model.parameters(), lr=LR)


def ddp_without_state() -> tuple[nn.Module, Optimizer]:
    model = DistributedDataParallel(toys.model())
    return model, SGD(model.parameters(), lr=LR)


def zero() -> tuple[nn.Module, Optimizer]:
    model = DistributedDataParallel(toys.model())
    return model, ZeroRedundancyOptimizer(model.parameters(), AdamW, lr=LR)


def fsdp2() -> tuple[nn.Module, Optimizer]:
    mesh = init_device_mesh("cpu", (distributed.get_world_size(),))
    model = toys.model()
    fully_shard(model, mesh=mesh)
    return model, AdamW(model.parameters(), lr=LR)


def names_for(model: nn.Module, optimizer: Optimizer) -> dict[str, Any]:
    run = Run(f"{TOKENS}tok")
    return page.run(BOUND, model=model, optimizer=optimizer, run=run, loss=toys.loss)


def alone(made: tuple[nn.Module, Optimizer], batches: list[Any]) -> list[float]:
    """The rates over these batches."""
    names = names_for(*made)
    seen = Steps(names["optimizer"])
    page.run(LOOP, **names, loader=batches)
    return seen.first


def interrupted(make: Any, batches: list[Any], folder: Path) -> list[float]:
    """The same over the first batches, and then over the others by another model and optimizer."""
    names = page.run(CHECKPOINT, **names_for(*make()))
    first = Steps(names["optimizer"])
    page.run(LOOP, **names, loader=batches[:STOP])
    names["save"](folder)
    names = page.run(CHECKPOINT, **names_for(*make()))
    names["load"](folder)
    then = Steps(names["optimizer"])
    page.run(LOOP, **names, loader=batches[STOP:])
    return first.first + then.first


def main(folder: Path) -> dict[str, Any]:
    distributed.init_process_group("gloo")
    batches = list(toys.loader())
    with watched() as messages:
        trained = {
            # Its state is not for torch.distributed.checkpoint.
            "zero": alone(zero(), batches),
            **{
                make.__name__: interrupted(make, batches, folder / make.__name__)
                for make in (ddp, ddp_without_state, fsdp2)
            },
        }
    return {"rates": trained, "messages": messages}


if __name__ == "__main__":
    tell(main)
