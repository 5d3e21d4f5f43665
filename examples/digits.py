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
from matplotlib.lines import Line2D
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
SCHEDULES: dict[str, epochal.Schedule] = {
    "cosine": epochal.CosineAnnealingWithWarmupScheduler("2ep", t_max="1dur", scale_warmup=True),
    "constant": epochal.ConstantScheduler(),
}

Split = tuple[Tensor, Tensor]  # images, labels
Floats = npt.NDArray[np.floating[Any]]


@dataclass
class Result:
    """One row of the table of accuracies, and one line of their figure."""

    schedule: str
    ratio: float
    curve: epochal.Curve  # that the runs were trained with
    measured_at: list[int]  # in batches
    accuracy: Floats  # in percent, [seed, measurement]
    seconds: float  # a run, the measurements included

    def lasted(self, unit: str) -> float:
        end: float = self.curve.describe().rows[-1]["end"][unit]
        return end

    @property
    def label(self) -> str:
        """The shorter constant runs are the first part of the longest one: one line for all."""
        if self.schedule == "constant":
            return "constant rate"
        return f"cosine with warmup, SSR {self.ratio:g}: {self.lasted('ep'):g} epochs"


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
    """Notes the test accuracy now and then."""

    def __init__(self, test: Split) -> None:
        self.test = test
        self.measured_at: list[int] = []
        self.accuracy: list[float] = []

    def batch_end(self, trainer: epochal.Trainer) -> None:
        batches = int(trainer.clock.timestamp.batch)
        if batches % MEASURE_EVERY_BATCHES == 0 or trainer.clock.done:
            self.measured_at.append(batches)
            self.accuracy.append(accuracy_percent(trainer.model, self.test))


def train(name: str, ratio: float, epochs: int, seeds: int) -> Result:
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
        curve=SCHEDULES[name].resolve(trainer.run),
        measured_at=measure.measured_at,
        accuracy=np.array(accuracy),
        seconds=(time.perf_counter() - start) / seeds,
    )


def accuracies(results: Sequence[Result]) -> str:
    rows = ["schedule     SSR   epochs    steps  seconds   test accuracy"]
    for r in results:
        last = r.accuracy[:, -1]
        rows.append(
            f"{r.schedule:<8} {r.ratio:>7} {r.lasted('ep'):>8} {r.lasted('ba'):>8.0f}"
            f" {r.seconds:>8.2f}"
            f"   {last.mean():.2f} %  ({last.min():.2f} .. {last.max():.2f})"
        )
    seeds = len(results[0].accuracy)
    rows.append(f"Each row: mean of {seeds} seeds, with the lowest and the highest accuracy.")
    return "\n".join(rows)


def curves(results: Sequence[Result]) -> dict[str, epochal.Curve]:
    """What was trained, each once, the longest first."""
    found: dict[str, epochal.Curve] = {}
    for r in results:
        found.setdefault(r.label, r.curve)
    return found


def draw(results: Sequence[Result], path: Path) -> None:
    """Learning rate and accuracy over the batches, in the same strokes."""
    figure = Figure(figsize=(12, 5.5), layout="constrained")
    left, right = figure.subplots(1, 2, sharex=True)
    epochal.compare(curves(results), ax=left, base_lr=BASE_LR)
    lines = {line.get_label(): line for line in left.lines}
    for r in results:
        line = lines[r.label]
        if r.ratio == max(RATIOS) or r.schedule != "constant":
            right.plot(r.measured_at, r.accuracy.mean(axis=0), **strokes(line))
        last = r.accuracy[:, -1]
        spread = [[last.mean() - last.min()], [last.max() - last.mean()]]
        right.errorbar(r.lasted("ba"), last.mean(), spread, **dot(line))

    seeds = len(results[0].accuracy)
    figure.suptitle(
        "One schedule at three scale schedule ratios (SSR). "
        f"Dots: mean, lowest and highest of {seeds} seeds at the end of a run"
    )
    left.set_xlim(0, 1.03 * left.get_xlim()[1])
    right.set_ylim(min(85, *(r.accuracy[:, -1].min() - 1 for r in results)), 100)
    right.set_xlabel(left.get_xlabel())
    right.set_ylabel("test accuracy (%)")
    for axes in (left, right):
        axes.grid(alpha=0.3)
    legend = left.get_legend()
    assert legend is not None
    legend.remove()
    # Below both panels, whose strokes it tells.
    figure.legend(handles=list(lines.values()), loc="outside lower center", ncols=2)
    figure.savefig(path, dpi=120)


def strokes(line: Line2D) -> dict[str, Any]:
    return {"color": line.get_color(), "linestyle": line.get_linestyle(), "linewidth": 1.8}


def dot(line: Line2D) -> dict[str, Any]:
    """A mean, with the lowest and the highest."""
    return {"color": line.get_color(), "marker": "o", "capsize": 4}


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=30, help="at SSR 1, 2 or more (30)")
    parser.add_argument("--seeds", type=int, default=10, help="runs to average over (10)")
    parser.add_argument("--out", type=Path, default=Path("build/demo/digits.png"))
    options = parser.parse_args(argv)

    torch.set_num_threads(1)  # the network is too small to gain from more
    results = [
        train(name, ratio, options.epochs, options.seeds) for name in SCHEDULES for ratio in RATIOS
    ]
    for label, curve in curves(results).items():
        print(f"{label}\n{curve.describe(BASE_LR)}\n")
    print(accuracies(results))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    draw(results, options.out)
    print(f"figure: {options.out}")


if __name__ == "__main__":
    main()
