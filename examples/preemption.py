"""Train in a plain loop that a cluster may end at any moment, and go on as if it had not.

    python examples/preemption.py --folder run    # and the same again after each interruption

A checkpoint is written after each epoch. On SIGTERM the batch that is being trained is finished,
another one is written, and the program ends. The next start goes on from there, in the middle of
the epoch. The rates, the losses and the weights are those of a training that nothing has
interrupted, to the last bit.

What that takes, besides the schedule: the images of a batch depend on its number alone, and a
checkpoint is renamed into its place, so that it is there whole or not at all.
"""

import argparse
import hashlib
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from epochal import CosineAnnealingWithWarmupScheduler, Run
from epochal.torch import bind
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

BATCH_SIZE = 32


def load_data() -> tuple[Tensor, Tensor]:
    pixels, digits = load_digits(return_X_y=True)
    return torch.from_numpy(pixels / 16).float(), torch.from_numpy(digits)


def batch_of(step: int, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The images are shuffled anew in each epoch, by a generator that knows nothing but it."""
    epoch, batch = divmod(step, len(labels) // BATCH_SIZE)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(epoch))
    chosen = order[batch * BATCH_SIZE : (batch + 1) * BATCH_SIZE]
    return images[chosen], labels[chosen]


def save(parts: dict[str, Any], checkpoint: Path) -> None:
    written = checkpoint.with_suffix(".new")
    torch.save({name: part.state_dict() for name, part in parts.items()}, written)
    os.replace(written, checkpoint)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--duration", default="12ep", help="of the training (12ep)")
    parser.add_argument("--folder", type=Path, default=Path("build/demo/preemption"))
    options = parser.parse_args(argv)
    options.folder.mkdir(parents=True, exist_ok=True)
    checkpoint = options.folder / "newest.pt"

    ending = []
    signal.signal(signal.SIGTERM, lambda *_: ending.append(True))

    torch.set_num_threads(1)  # the network is too small to gain from more
    torch.manual_seed(0)
    images, labels = load_data()
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    batches_per_epoch = len(labels) // BATCH_SIZE
    run = Run(options.duration, batches_per_epoch=batches_per_epoch)
    schedule = CosineAnnealingWithWarmupScheduler("50ba", alpha_f=0.01)
    scheduler = bind(schedule, optimizer, run)
    parts: dict[str, Any] = {"model": model, "optimizer": optimizer, "scheduler": scheduler}

    if checkpoint.exists():
        for name, state in torch.load(checkpoint).items():
            parts[name].load_state_dict(state)
        print(f"resumed at step {scheduler.last_epoch}")

    for step in range(scheduler.last_epoch, run.batches):
        inputs, targets = batch_of(step, images, labels)
        loss = cross_entropy(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        rate = optimizer.param_groups[0]["lr"]
        optimizer.step()
        scheduler.step()
        if step % 25 == 0:
            print(f"step {step:>4}  rate {rate:.8f}  loss {loss.item():.8f}", flush=True)
        if ending or scheduler.last_epoch % batches_per_epoch == 0:
            save(parts, checkpoint)
        if ending:
            print(f"ended by a signal after step {step}")
            return

    bits = b"".join(weights.detach().numpy().tobytes() for weights in model.parameters())
    print(f"done: {run.batches} steps, weights {hashlib.sha256(bits).hexdigest()[:16]}")


if __name__ == "__main__":
    main()
