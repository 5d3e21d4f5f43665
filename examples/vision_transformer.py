"""Train a small vision transformer with layer-wise learning rates and a rising weight decay.

    python examples/vision_transformer.py

The deeper a block lies, the lower its base rate: a factor 0.8 for each block below the head, as in
the fine-tuning of BEiT and of masked autoencoders. All groups follow one schedule. The weight decay
rises along half a cosine while the rate falls, as in DINO; biases, norms, the class token and the
positions have none, and keep none, since a schedule multiplies what a group begins with.
"""

import argparse
from collections.abc import Sequence
from typing import Any

import torch
from epochal import CosineAnnealingWithWarmupScheduler, PiecewiseScheduler, Run
from epochal.torch import bind
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, unfold

BASE_LR = 3e-3
WEIGHT_DECAY = 0.4  # at the end of the training; a tenth of it at its start
LAYER_DECAY = 0.8
DEPTH, WIDTH, HEADS = 4, 32, 4
BATCH_SIZE, TEST_SIZE = 32, 450
RATE = CosineAnnealingWithWarmupScheduler("1ep", alpha_f=0.01)
DECAY = PiecewiseScheduler([("0ep", 0.1), ("1dur", 1.0)], shape="cosine")


class Transformer(nn.Module):
    """Sees an image of 8 × 8 pixels as 16 patches of 2 × 2."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Linear(4, WIDTH)
        self.token = nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.positions = nn.Parameter(0.02 * torch.randn(1, 17, WIDTH))
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                WIDTH, HEADS, 2 * WIDTH, dropout=0.0, batch_first=True, norm_first=True
            )
            for _ in range(DEPTH)
        )
        self.head = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 10))

    def forward(self, images: Tensor) -> Tensor:
        patches = self.patches(unfold(images, 2, stride=2).transpose(1, 2))
        seen = torch.cat([self.token.expand(len(images), -1, -1), patches], dim=1) + self.positions
        for block in self.blocks:
            seen = block(seen)
        logits: Tensor = self.head(seen[:, 0])
        return logits


def groups_of(model: Transformer) -> list[dict[str, Any]]:
    """Two groups for each layer: the weights that decay, and the others."""
    groups: dict[str, dict[str, Any]] = {}
    for name, weights in model.named_parameters():
        part, *rest = name.split(".")
        layer = int(rest[0]) + 1 if part == "blocks" else DEPTH + 1 if part == "head" else 0
        decays = weights.ndim == 2
        label = f"layer {layer}{'' if decays else ', no decay'}"
        group = {
            "name": label,
            "params": [],
            "lr": BASE_LR * LAYER_DECAY ** (DEPTH + 1 - layer),
            "weight_decay": WEIGHT_DECAY if decays else 0.0,
        }
        groups.setdefault(label, group)["params"].append(weights)
    return list(groups.values())


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--duration", default="15ep", help="of the training (15ep)")
    options = parser.parse_args(argv)
    torch.set_num_threads(1)  # the network is too small to gain from more
    torch.manual_seed(0)

    pixels, digits = load_digits(return_X_y=True)
    order = torch.randperm(len(digits))
    images = torch.from_numpy(pixels / 16).float().view(-1, 1, 8, 8)[order]
    labels = torch.from_numpy(digits)[order]
    steps = (len(labels) - TEST_SIZE) // BATCH_SIZE  # of an epoch
    model = Transformer()
    optimizer = torch.optim.AdamW(groups_of(model))
    run = Run(options.duration, batches_per_epoch=steps)
    scheduler = bind(RATE, optimizer, run, fields={"weight_decay": DECAY})

    print(f"{'group':<18} {'first rate':>11} {'peak':>9} {'decay at first':>15}")
    for group, peak in zip(optimizer.param_groups, scheduler.base_lrs, strict=True):
        first = f"{group['lr']:>11.2e} {peak:>9.2e} {group['weight_decay']:>15.3f}"
        print(f"{group['name']:<18} {first}")

    for epoch in range(run.batches // steps):
        order = TEST_SIZE + torch.randperm(len(labels) - TEST_SIZE)
        for chosen in order[: steps * BATCH_SIZE].split(BATCH_SIZE):
            loss = cross_entropy(model(images[chosen]), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
        group = optimizer.param_groups[-1]
        now = f"rate {group['lr']:.2e}  weight decay {group['weight_decay']:.3f}"
        print(f"epoch {epoch + 1:>2}  loss {loss.item():.4f}  {group['name']}: {now}", flush=True)

    model.eval()
    with torch.no_grad():
        right = (model(images[:TEST_SIZE]).argmax(dim=1) == labels[:TEST_SIZE]).float().mean()
    print(f"{100 * right.item():.1f} % of {TEST_SIZE} test images are right")


if __name__ == "__main__":
    main()
