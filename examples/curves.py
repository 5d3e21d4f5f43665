"""Draw the learning rates of five schedules over 15 trillion tokens, from NumPy arrays.

    python examples/curves.py --out curves.png

All five have the same peak, and differ in how much of it they spend: the table tells the mean rate
of each, and what it still is in the last tenth of the run. Nothing is trained. A curve takes a
million times in a few milliseconds, so what it does is known before the run is paid for.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import epochal
import numpy as np
from matplotlib.figure import Figure

PEAK_LR = 3e-4
RUN = epochal.Run("15Ttok", tokens_per_batch=16_000_000)
WARMUP = "2000ba"  # batches: the run declares how many tokens a batch has
SCHEDULES: dict[str, epochal.Schedule] = {
    "cosine to a tenth": epochal.CosineAnnealingWithWarmupScheduler(WARMUP, alpha_f=0.1),
    "linear to 0": epochal.LinearWithWarmupScheduler(WARMUP),
    "WSD, last fifth": epochal.WSDScheduler(WARMUP, t_decay="0.2dur", decay_shape="1-sqrt"),
    "inverse square root": epochal.InverseSquareRootWithWarmupScheduler(
        WARMUP, t_scale="1Ttok", t_cooldown="0.1dur"
    ),
    "two cosines": epochal.CosineAnnealingScheduler(alpha_f=0.1)
    .until("0.6dur", epochal.CosineAnnealingScheduler(), carry=True)
    .after_warmup(WARMUP),
}


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=1_000_000, help="of each curve (1000000)")
    parser.add_argument("--out", type=Path, default=Path("build/demo/curves.png"))
    options = parser.parse_args(argv)

    curves = [schedule.resolve(RUN) for schedule in SCHEDULES.values()]
    tokens = np.linspace(0, RUN.duration.value, options.points)
    rates = PEAK_LR * epochal.evaluate(curves, tokens)  # a row for each curve

    print(f"{'schedule':<20} {'mean rate':>10} {'last tenth':>11} {'end':>9}")
    for name, row in zip(SCHEDULES, rates, strict=True):
        last = row[-options.points // 10 :].mean()
        print(f"{name:<20} {row.mean():>10.3e} {last:>11.3e} {row[-1]:>9.1e}")

    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axes = figure.subplots()
    every = max(1, options.points // 2000)  # more than the picture has pixels
    for name, row in zip(SCHEDULES, rates, strict=True):
        axes.plot(tokens[::every] / 1e12, row[::every], label=name, linewidth=1.8)
    axes.set(xlabel="tokens (trillions)", ylabel="learning rate", xlim=(0, None), ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.out, dpi=120)
    print(f"figure: {options.out}")


if __name__ == "__main__":
    main()
