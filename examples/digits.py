"""Train a small network on handwritten digits for 30, 15 and 7.5 epochs with one schedule.

    python examples/digits.py --out digits.png

The schedule is written once. The scale schedule ratio (SSR) of a run makes the run shorter, and
the schedule with it. Each run is done again at a constant learning rate, to compare.

The data are the 1,797 images of 8 x 8 pixels that come with scikit-learn: 1,347 to train on, 450
to test on. The accuracies are means over several seeds, since they differ from seed to seed. The
base rate is high on purpose, because there the decay matters: it was chosen by trying a few on
these very images, so the accuracies show the schedules' effect, not what a new data set would give.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import epochal
import numpy as np
import numpy.typing as npt
import torch
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset
from tqdm import tqdm

BASE_LR = 0.3
MOMENTUM = 0.9
BATCH_SIZE = 32
MEASURE_EVERY_BATCHES = 15
RATIOS = (1.0, 0.5, 0.25)
COLOURS = {1.0: "tab:blue", 0.5: "tab:orange", 0.25: "tab:green"}
SCHEDULES: dict[str, epochal.Schedule] = {
    "cosine": epochal.CosineAnnealingWithWarmupScheduler("2ep", t_max="1dur", scale_warmup=True),
    "constant": epochal.ConstantScheduler(),
}

Split = tuple[Tensor, Tensor]  # images, labels
Floats = npt.NDArray[np.floating[Any]]


@dataclass
class Result:
    """One row of the table, and one line in each panel of the figure."""

    schedule: str
    ratio: float
    epochs: float
    lr: Floats  # that each batch was trained with
    measured_at: list[int]  # in batches
    accuracy: Floats  # in percent, [seed, measurement]
    seconds: float  # a run, the measurements included

    @property
    def steps(self) -> int:
        return len(self.lr)


def load_data() -> tuple[Split, Split]:
    """Always the same training and test images."""
    images, labels = load_digits(return_X_y=True)
    split = train_test_split(images / 16, labels, test_size=450, stratify=labels, random_state=0)
    train_x, test_x, train_y, test_y = (torch.from_numpy(part) for part in split)
    return (train_x.float(), train_y), (test_x.float(), test_y)


@torch.no_grad()
def accuracy_percent(model: nn.Module, test: Split) -> float:
    images, labels = test
    right = (model(images).argmax(dim=1) == labels).sum()
    return 100 * int(right) / len(labels)


class Measure:
    """Notes the learning rate of each batch, and the test accuracy now and then."""

    def __init__(self, test: Split) -> None:
        self.test = test
        self.lr: list[float] = []
        self.measured_at: list[int] = []
        self.accuracy: list[float] = []

    def batch_end(self, trainer: epochal.Trainer) -> None:
        self.lr += trainer.lr
        batches = int(trainer.clock.timestamp.batch)
        if batches % MEASURE_EVERY_BATCHES == 0 or trainer.clock.done:
            self.measured_at.append(batches)
            self.accuracy.append(accuracy_percent(trainer.model, self.test))


def compare(name: str, ratio: float, epochs: int, seeds: int) -> Result:
    """Train once for each seed under one schedule and one ratio."""
    images_and_labels, test = load_data()
    dataset = TensorDataset(*images_and_labels)
    loader = DataLoader(dataset, BATCH_SIZE, shuffle=True, drop_last=True)
    accuracy = []
    start = time.perf_counter()
    title = f"{name:<8} SSR {ratio:<4}"
    # disable=None: no bar where it could not be redrawn, such as in a log.
    with tqdm(total=seeds, desc=title, unit="run", disable=None) as runs:
        for seed in range(seeds):
            torch.manual_seed(seed)
            model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
            measure = Measure(test)
            trainer = epochal.Trainer(
                model=model,
                train_dataloader=loader,
                optimizers=torch.optim.SGD(model.parameters(), lr=BASE_LR, momentum=MOMENTUM),
                max_duration=f"{epochs}ep",
                scale_schedule_ratio=ratio,
                schedulers=SCHEDULES[name],
                loss_fn=cross_entropy,
                callbacks=measure,
                progress_bar=False,
            )
            trainer.fit()
            accuracy.append(measure.accuracy)
            runs.update()
    return Result(
        schedule=name,
        ratio=ratio,
        epochs=len(measure.lr) / len(loader),
        lr=np.array(measure.lr),
        measured_at=measure.measured_at,
        accuracy=np.array(accuracy),
        seconds=(time.perf_counter() - start) / seeds,
    )


def table(results: Sequence[Result]) -> str:
    rows = ["schedule     SSR   epochs    steps  seconds   test accuracy"]
    for r in results:
        last = r.accuracy[:, -1]
        rows.append(
            f"{r.schedule:<8} {r.ratio:>7} {r.epochs:>8} {r.steps:>8} {r.seconds:>8.2f}"
            f"   {last.mean():.2f} %  ({last.min():.2f} .. {last.max():.2f})"
        )
    seeds = len(results[0].accuracy)
    rows.append(f"Each row: mean of {seeds} seeds, with the lowest and the highest accuracy.")
    return "\n".join(rows)


def draw(results: Sequence[Result], path: Path) -> None:
    """Learning rate and accuracy over the batches; runs of one ratio share a colour."""
    longest = max(r.steps for r in results)
    figure = Figure(figsize=(12, 5.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for r in results:
        constant = r.schedule == "constant"
        colour = "0.55" if constant else COLOURS[r.ratio]
        label = f"cosine with warmup, SSR {r.ratio:g}: {r.epochs:g} epochs"
        # The shorter constant runs are the first part of the longest one: one line shows them all.
        if not constant or r.ratio == max(RATIOS):
            style = {"color": colour, "linestyle": "--" if constant else "-", "linewidth": 1.8}
            left.plot(r.lr, **style, label="constant rate" if constant else label)
            right.plot(r.measured_at, r.accuracy.mean(axis=0), **style)
        last = r.accuracy[:, -1]
        spread = [[last.mean() - last.min()], [last.max() - last.mean()]]
        # Beside one another, so that both can be seen.
        x = r.steps + 0.005 * longest * (1 if constant else -1)
        right.errorbar(x, last.mean(), spread, color=colour, marker="o", capsize=4)

    lowest = min(r.accuracy[:, -1].min() for r in results)
    left.set(title="One schedule at three scale schedule ratios (SSR)", ylabel="learning rate")
    right.set(title="Each run ends at its dot", ylabel="test accuracy (%)")
    left.set_ylim(0, 1.1 * BASE_LR)
    right.set_ylim(min(85, lowest - 1), 100)
    dot = f"end of a run: mean, lowest and highest of {len(results[0].accuracy)} seeds"
    left.errorbar([], [], [], color="0.3", marker="o", capsize=4, linestyle="", label=dot)
    bpe = results[0].steps / results[0].epochs
    for axes in (left, right):
        axes.set_xlabel(f"batches of {BATCH_SIZE} images (= optimizer steps)")
        axes.set_xlim(0, 1.03 * longest)
        axes.grid(alpha=0.3)
        top = axes.secondary_xaxis("top", functions=(lambda x: x / bpe, lambda x: x * bpe))
        top.set_xlabel("epochs")
        ends = sorted({r.epochs for r in results})
        top.set_xticks(ends, labels=[f"{end:g}" for end in ends])
    figure.legend(loc="outside lower center", ncols=2)
    figure.savefig(path, dpi=120)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=30, help="at SSR 1, 2 or more (30)")
    parser.add_argument("--seeds", type=int, default=10, help="runs to average over (10)")
    parser.add_argument("--out", type=Path, default=Path("build/demo/digits.png"))
    options = parser.parse_args(argv)

    torch.set_num_threads(1)  # the network is too small to gain from more
    results = [
        compare(name, ratio, options.epochs, options.seeds)
        for name in SCHEDULES
        for ratio in RATIOS
    ]
    print(table(results))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    draw(results, options.out)
    print(f"figure: {options.out}")


if __name__ == "__main__":
    main()
