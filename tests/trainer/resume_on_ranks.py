"""Run by torchrun: a training on several ranks, alone, and resumed from checkpoints."""

import gc
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from epochal import CosineAnnealingWithWarmupScheduler, StateError, Trainer
from torch import distributed
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader
from torch.utils.data.distributed import DistributedSampler
from training import History, dataset, make_trainer, model, weights


def trainer(**changes: Any) -> Trainer:
    module = DistributedDataParallel(model())
    data = dataset(40)
    return make_trainer(
        model=module,
        optimizers=torch.optim.SGD(module.parameters(), lr=0.5, momentum=0.9),
        train_dataloader=DataLoader(data, batch_size=8, sampler=DistributedSampler(data)),
        max_duration="100sp",
        schedulers=CosineAnnealingWithWarmupScheduler("32sp"),
        **changes,
    )


def main(folder: Path, stops: list[int]) -> None:
    alone = History()
    first = trainer(callbacks=alone, save_folder=folder, save_interval="1ba")
    first.fit()
    distributed.barrier()  # rank 0 has written
    steps = len(alone.rows)
    # The last of the 3 batches of an epoch has 4 samples a rank, the others 8.
    assert steps == 8, steps
    for stop in stops:
        history = History()
        torch.manual_seed(99)
        other = trainer(callbacks=history, resume=folder / f"ba{stop}.pt")
        other.fit()
        assert history.rows == alone.rows[stop:], (stop, history.rows, alone.rows)
        assert all(map(torch.equal, weights(first.model), weights(other.model))), stop
        other.clock.assert_in_sync()
    losses: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(losses, alone.losses)
    assert losses[0] != losses[1]  # each has its own data and dropout
    # What one rank has saved is of another number of ranks.
    path = folder / "edited.pt"
    if distributed.get_rank() == 0:
        state = torch.load(folder / "ba5.pt")
        state["settings"]["ranks"] = "1"
        state["random"], state["epoch_random"] = state["random"][:1], state["epoch_random"][:1]
        torch.save(state, path)
    distributed.barrier()
    with pytest.raises(StateError, match="ranks was 1, now it is 2. At batch 5 the learning rates"):
        trainer(resume=path)
    trainer(resume=path, on_change="keep").fit()


if __name__ == "__main__":
    torch.set_num_threads(1)
    distributed.init_process_group("gloo")
    main(Path(sys.argv[1]), [*map(int, sys.argv[2:])])
    # Wrapped models hold the process group, whose threads must end before the program does.
    gc.collect()
    distributed.barrier()
    distributed.destroy_process_group()
    print("resumed", flush=True)
