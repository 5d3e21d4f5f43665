"""The ratios as a picture: a bar for each contest, with its goal."""

from itertools import groupby
from pathlib import Path

import matplotlib as mpl
from contest import Outcome
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter
from report import number

COLORS = {"met": "tab:blue", "not met": "tab:orange", "": "silver"}
LABELS = {"met": "goal met", "not met": "goal not met", "": "no goal"}
SMALL = 8
INCHES_PER_ROW = 0.24


def draw(outcomes: list[Outcome], where: str, path: Path) -> None:
    """Bars start at 1 and end left of it where epochal is faster."""
    mpl.use("Agg")
    # A group's title is a row without an outcome.
    rows: list[tuple[str, Outcome | None]] = []
    for group, members in groupby(outcomes, key=lambda outcome: outcome.contest.group):
        rows += [(group, None), *((outcome.contest.name, outcome) for outcome in members)]

    size = (11, 2.2 + INCHES_PER_ROW * len(rows))
    figure, axes = plt.subplots(figsize=size, layout="constrained")
    axes.set_xscale("log")
    for place, (_, outcome) in enumerate(rows):
        if outcome is not None:
            draw_row(axes, place, outcome)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks(range(len(rows)), [name for name, _ in rows])
    for tick, (_, outcome) in zip(axes.yaxis.get_major_ticks(), rows, strict=True):
        if outcome is None:
            tick.label1.set_fontweight("bold")
            tick.tick1line.set_visible(False)
    axes.margins(x=0.05)
    axes.grid(axis="x", which="major", alpha=0.3)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlabel("what epochal takes ÷ what the peer takes; left of 1 epochal wins")
    axes.set_title(f"epochal : peer\n{where}", fontsize=11)
    axes.text(1.01, 1.005, "ratio", transform=axes.transAxes, fontsize=SMALL, fontweight="bold")
    add_legend(axes)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def draw_row(axes: Axes, place: int, outcome: Outcome) -> None:
    goal, ratio = outcome.contest.goal, outcome.ratio
    if goal is not None:
        axes.plot(goal, place, "|", color="black", markersize=11, markeredgewidth=2.2)
    if ratio is not None:
        color = COLORS[outcome.verdict]
        axes.barh(place, ratio.median - 1, left=1, height=0.66, color=color)
        axes.plot([ratio.low, ratio.high], [place, place], color="black", linewidth=1)
    # A column at the right, so that no number is taken for that of the mark beside it.
    text = "missing" if ratio is None else number(ratio.median)
    axes.text(1.01, place, text, transform=axes.get_yaxis_transform(), va="center", fontsize=SMALL)


def add_legend(axes: Axes) -> None:
    for verdict, label in LABELS.items():
        axes.bar(1, 0, color=COLORS[verdict], label=label)
    label = "goal: the bar is to end left of it"
    axes.plot([], [], "|", color="black", markersize=11, markeredgewidth=2.2, label=label)
    axes.plot([], [], color="black", linewidth=1, label="quartiles of the rounds")
    axes.figure.legend(loc="outside lower center", ncols=5, fontsize=SMALL)
