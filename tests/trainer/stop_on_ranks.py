"""Run on two ranks: a training that ends when a signal has reached one of them."""

import gc
import signal
import sys
from pathlib import Path

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel
from torch.optim import SGD
from torch.utils.data import DataLoader, DistributedSampler
from training import at, dataset, make_trainer, model, send


def main(folder: Path) -> None:
    module, data = DistributedDataParallel(model()), dataset(40)
    receives = distributed.get_rank() == 1
    trainer = make_trainer(
        model=module,
        optimizers=SGD(module.parameters(), lr=0.5),
        train_dataloader=DataLoader(data, batch_size=4, sampler=DistributedSampler(data)),
        callbacks=at(4, send(signal.SIGTERM)) if receives else (),
        save_folder=folder,
        save_interval="100ba",
        save_on_signal=True,
    )
    trainer.fit()
    print(f"stopped at {trainer.clock.timestamp.batch}\n", end="", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    distributed.init_process_group("gloo")
    main(Path(sys.argv[1]))
    # Wrapped models hold the process group, whose threads must end before the program does.
    gc.collect()
    distributed.barrier()
    distributed.destroy_process_group()
