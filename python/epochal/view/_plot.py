"""Curves drawn with matplotlib, which is imported when something is drawn."""

from __future__ import annotations

from epochal._core import Curve, ScheduleError, trace
from epochal._core import phases as phases_of
from epochal._shown import shown
from epochal.view._describe import phase_name
from epochal.view._words import NAMES, base_rate, check, lowest, short, unit_for, units

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, SupportsFloat

    from epochal._types import AnySchedule, TimeLike

# As many as a wide picture has pixels.
COLUMNS = 800
LEGEND_COLUMNS = 3
# Inches. In lower axes the names of phases would lie on the curve.
NAMED_FROM = 1.5
# Told apart without colours too.
STYLES: tuple[Any, ...] = (
    "-",
    "--",
    "-.",
    ":",
    (0, (8, 2)),
    (0, (5, 1, 1, 1, 1, 1)),
    (0, (1, 3)),
    (0, (10, 3, 2, 3)),
)


def axes(ax: Any) -> Any:
    """The given axes, or those of a new figure."""
    if ax is not None:
        if not hasattr(ax, "plot"):
            raise TypeError(f"ax must be axes of matplotlib, not {shown(ax)}")
        return ax
    from matplotlib import pyplot

    return pyplot.subplots(figsize=(7.0, 3.5), layout="constrained")[1]


def line(curve: Curve, scale: float, base: float) -> tuple[list[float], list[float]]:
    _, length, _ = units(curve)
    points = trace(curve, 0.0, length, COLUMNS)
    return [t * scale for t, _ in points], [alpha * base for _, alpha in points]


def dress(ax: Any, curve: Curve, unit: str, has_rates: bool, log: bool) -> None:
    """Names of axes with units, and a second time axis where the run knows another unit."""
    _, _, known = units(curve)
    ax.set_xlabel(f"{NAMES[unit]} ({unit})")
    ax.set_ylabel("learning rate" if has_rates else "multiplier α")
    # Above, room for the names of phases.
    ax.margins(x=0.0, y=0.12)
    if log:
        values = [y for line in ax.lines for y in line.get_ydata()]
        ax.set_yscale("log")
        ax.set_ylim(lowest(values) / 2.0, (max(values) or 1.0) * 3.0)
    else:
        ax.set_ylim(bottom=0.0)
    count_on(ax.xaxis, ax)
    others = [other for other in known if other not in (unit, "dur")] or ["dur"]
    second = others[0]
    if second != unit:
        factor = known[second] / known[unit]
        top = ax.secondary_xaxis("top", functions=(lambda t: t * factor, lambda t: t / factor))
        top.set_xlabel(f"{NAMES[second]} ({second})")
        count_on(top.xaxis, ax)


def count_on(axis: Any, ax: Any) -> None:
    """As many numbers as there is room for, and long ones as time strings write them."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(max(3, int(inches(ax)))))
    axis.set_major_formatter(FuncFormatter(lambda t, _: short(t)))


def inches(ax: Any) -> float:
    """How wide axes are."""
    return float(ax.get_window_extent().width / ax.figure.dpi)


def plot(
    curve: Curve,
    ax: Any = None,
    unit: str | None = None,
    base_lr: SupportsFloat | None = None,
    *,
    log: bool = False,
    label: str | None = None,
    phases: bool = True,
) -> Any:
    """Draws a curve; see `Curve.plot`."""
    check("log", log, bool, "True or False")
    check("phases", phases, bool, "True or False")
    check("label", label, (str, type(None)), "text")
    base = base_rate(base_lr)
    unit, scale = unit_for(curve, unit)
    ax = axes(ax)
    times, values = line(curve, scale, 1.0 if base is None else base)
    ax.plot(times, values, label=label)
    if phases:
        shade(ax, curve, scale)
    dress(ax, curve, unit, base is not None, log)
    if label is not None:
        ax.legend()
    return ax


def shade(ax: Any, curve: Curve, scale: float) -> None:
    """Every second phase is shaded; each that is wide enough is named, if there is room above."""
    _, length, _ = units(curve)
    is_high = ax.get_window_extent().height / ax.figure.dpi > NAMED_FROM
    for number, (course, start, end, *_, count) in enumerate(phases_of(curve)):
        if number % 2 == 0:
            ax.axvspan(start * scale, end * scale, color="0.5", alpha=0.1, linewidth=0)
        label = phase_name(course, count)
        # About so many of its characters are an inch.
        if is_high and len(label) / 12 < (end - start) / length * inches(ax):
            middle = (start + end) / 2 * scale
            ax.text(
                middle,
                0.98,
                label,
                transform=ax.get_xaxis_transform(),
                ha="center",
                va="top",
                fontsize="small",
                color="0.5",
            )


def compare(
    curves: Mapping[str, Curve | AnySchedule],
    run: TimeLike | Any = None,
    *,
    ax: Any = None,
    unit: str | None = None,
    base_lr: SupportsFloat | Mapping[str, SupportsFloat] | None = None,
    log: bool = False,
) -> Any:
    """Draws several curves on one time axis with matplotlib, and returns the axes.

    `curves` maps a name to a curve; or to a schedule, which is resolved for `run`. `unit` is the
    unit of the time axis: by default what all of them count, else batches where each run tells
    them, else the fraction of the run. `base_lr` is a base rate for all or a mapping from names to
    base rates; with it rates are drawn. `log=True` draws on a logarithmic axis. Lines differ in
    their strokes, so that they are told apart without colour. The legend is below a figure of its
    own, and within axes that are given.

    Raises `UnitError` for a unit that a run does not tell; `TypeError` for a schedule without a
    run, and for what is no mapping.
    """
    from collections.abc import Mapping

    if not isinstance(curves, Mapping):
        raise TypeError(
            "curves must be a mapping from names to curves, such as {'cosine': curve}, not "
            f"{shown(curves)}"
        )
    check("log", log, bool, "True or False")
    resolved = {label: as_curve(label, curve, run) for label, curve in curves.items()}
    unit = unit if unit is not None else common_unit(list(resolved.values()))
    own, ax = ax is None, axes(ax)
    for number, (label, curve) in enumerate(resolved.items()):
        base = base_of(base_lr, label)
        times, values = line(curve, unit_for(curve, unit)[1], 1.0 if base is None else base)
        style = STYLES[number % len(STYLES)]
        # Matplotlib would take a tuple for the labels of several lines.
        ax.plot(times, values, label=str(label), linestyle=style, linewidth=1.8)
    if resolved:
        dress(
            ax,
            max(resolved.values(), key=lambda curve: lasting(curve, unit)),
            unit,
            base_lr is not None,
            log,
        )
        if own:  # below the axes, so that no line is hidden
            columns = min(len(resolved), LEGEND_COLUMNS)
            ax.figure.legend(loc="outside lower center", ncols=columns)
        else:
            ax.legend()
    return ax


def as_curve(label: str, curve: Curve | AnySchedule, run: Any) -> Curve:
    if isinstance(curve, Curve):
        return curve
    if run is None:
        raise TypeError(f"curves[{label!r}] is a schedule: give run=, or curves")
    from epochal._functions import as_schedule

    return as_schedule(curve).resolve(run)


def base_of(
    base_lr: SupportsFloat | Mapping[str, SupportsFloat] | None, label: str
) -> float | None:
    from collections.abc import Mapping

    if isinstance(base_lr, Mapping):
        if label not in base_lr:
            raise ScheduleError(f"base_lr has no base rate for {shown(label)}")
        base_lr = base_lr[label]
    return base_rate(base_lr)


def common_unit(curves: list[Curve]) -> str:
    """What all curves count; else batches, if all runs tell them; else the fraction of the run."""
    own = {units(curve)[0] for curve in curves}
    if len(own) == 1:
        return own.pop()
    return "ba" if all("ba" in units(curve)[2] for curve in curves) else "dur"


def lasting(curve: Curve, unit: str) -> float:
    _, length, known = units(curve)
    return length * known[unit]
