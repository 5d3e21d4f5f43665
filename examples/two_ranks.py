"""Train a small network on handwritten digits in two processes, with a schedule in tokens.

    torchrun --standalone --nproc-per-node 2 examples/two_ranks.py
    python examples/two_ranks.py

Tokens stand here for the pixels of an image that are not blank: every batch has another number of
them, and so has every process. The clock adds up what all processes have trained, so that one
schedule tells all of them the same learning rate, and the training ends after as many tokens
whatever the number of processes. Alone, without torchrun, the program is one process.
"""

import argparse
import gc
from collections.abc import Sequence

import torch
from epochal import CosineAnnealingWithWarmupScheduler, Trainer
from sklearn.datasets import load_digits
from torch import Tensor, distributed, nn
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

BASE_LR = 0.1
MOMENTUM = 0.9
BATCH_SIZE = 32  # of each process
ROWS = 12
TEST_SIZE = 450


def load_data() -> tuple[TensorDataset, TensorDataset]:
    """Always the same images of 8 x 8 pixels to train on, and to test on."""
    pixels, digits = load_digits(return_X_y=True)
    images, labels = torch.from_numpy(pixels / 16).float(), torch.from_numpy(digits)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    test, train = order[:TEST_SIZE], order[TEST_SIZE:]
    return TensorDataset(images[train], labels[train]), TensorDataset(images[test], labels[test])


def count_tokens(batch: tuple[Tensor, Tensor]) -> int:
    images, _ = batch
    return int((images > 0).sum())


class Table:
    """Prints a row now and then: the counts are those of all processes, the loss is our own."""

    def __init__(self) -> None:
        self.printed = -1

    def fit_start(self, trainer: Trainer) -> None:
        print(f"{'batch':>7} {'samples':>9} {'tokens':>9} {'rate':>9} {'loss':>8}")

    def batch_end(self, trainer: Trainer) -> None:
        now = trainer.clock.timestamp
        row = int(ROWS * now.token.value / trainer.run.duration.value)
        if row > self.printed:
            self.printed = row
            counts = f"{now.batch.value:>7} {now.sample.value:>9} {now.token.value:>9}"
            print(f"{counts} {trainer.lr[0]:>9.5f} {trainer.loss:>8.4f}", flush=True)


def same_everywhere(weights: list[Tensor]) -> bool:
    """Whether all processes hold these weights, to the last bit."""
    everywhere: list[list[Tensor]] = [[] for _ in range(distributed.get_world_size())]
    distributed.all_gather_object(everywhere, weights)
    return all(all(map(torch.equal, weights, others)) for others in everywhere)


def train(duration: str, rank: int, world: int) -> nn.Module:
    """The trained network, the same one in all processes."""
    together = world > 1
    images, _ = load_data()
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    trainer = Trainer(
        model=DistributedDataParallel(network) if together else network,
        train_dataloader=DataLoader(
            images, BATCH_SIZE, sampler=DistributedSampler(images, world, rank, drop_last=True)
        ),
        optimizers=torch.optim.SGD(network.parameters(), lr=BASE_LR, momentum=MOMENTUM),
        max_duration=duration,
        schedulers=CosineAnnealingWithWarmupScheduler("0.1dur"),
        loss_fn=cross_entropy,
        get_num_tokens=count_tokens,
        progress_bar=False,
        callbacks=Table() if rank == 0 else (),
    )
    trainer.fit()

    trainer.clock.assert_in_sync()
    if together:
        assert same_everywhere([weights.detach() for weights in network.parameters()])
    return network


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--duration", default="500Ktok", help="of the training (500Ktok)")
    options = parser.parse_args(argv)

    torch.set_num_threads(1)  # the network is too small to gain from more
    together = distributed.is_torchelastic_launched()
    if together:
        distributed.init_process_group("gloo")
    rank = distributed.get_rank() if together else 0
    world = distributed.get_world_size() if together else 1

    network = train(options.duration, rank, world)
    if together:
        # A wrapped model holds the process group, whose threads must end before the program does.
        gc.collect()
        distributed.barrier()
        distributed.destroy_process_group()
    if rank == 0:
        images, labels = load_data()[1].tensors
        with torch.no_grad():
            right = (network(images).argmax(dim=1) == labels).float().mean().item()
        print(f"{100 * right:.1f} % of {TEST_SIZE} test images are right, trained by {world}")


if __name__ == "__main__":
    main()
