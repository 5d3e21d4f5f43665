"""A curve as an SVG picture: small, and readable on light and dark pages."""

from __future__ import annotations

from epochal._core import Curve, EpochalError, Schedule, ScheduleError, phases, trace
from epochal._numbers import integer
from epochal._shown import shown
from epochal.view._describe import phase_name
from epochal.view._nominal import nominal_run
from epochal.view._words import NAMES, base_rate, check, lowest, short, unit_for, units, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import SupportsFloat, SupportsIndex

# Of middle brightness: each stands out against white and against black.
LINE = "#2f7fd8"
TEXT = "#808080"
FONT = "font: 11px system-ui, sans-serif"
# About how wide a character of that is, in pixels.
CHARACTER = 6.2
LINE_HEIGHT = 12.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 14.0, 20.0, 34.0
SMALLEST, LARGEST = 120, 10_000


class Frame:
    """From times and values to pixels."""

    def __init__(self, length: float, low: float, high: float, log: bool, size: tuple[int, int]):
        self.length, self.low, self.high, self.log = length, low, high, log
        self.right, self.bottom = size[0] - RIGHT, size[1] - BOTTOM

    def x(self, t: float) -> float:
        return LEFT + (self.right - LEFT) * t / self.length

    def y(self, alpha: float) -> float:
        if self.log:
            from epochal._core import log2

            bottom, top, at = log2(self.low), log2(self.high), log2(max(alpha, self.low))
        else:
            bottom, top, at = self.low, self.high, alpha
        return self.bottom - (self.bottom - TOP) * (at - bottom) / (top - bottom)


def to_svg(
    curve: Curve,
    unit: str | None = None,
    base_lr: SupportsFloat | None = None,
    *,
    log: bool = False,
    width: SupportsIndex = 480,
    height: SupportsIndex = 200,
    note: str = "",
) -> str:
    """The curve as the text of an SVG picture; see `Curve.to_svg`."""
    check("log", log, bool, "True or False")
    check("note", note, str, "text")
    size = (size_of("width", width), size_of("height", height))
    rate = base_rate(base_lr)
    base = 1.0 if rate is None else rate
    unit, scale = unit_for(curve, unit)
    _, length, _ = units(curve)
    line = [(t, alpha * base) for t, alpha in trace(curve, 0.0, length, size[0] // 2)]
    values = [alpha for _, alpha in line]
    high, low = max(values) or 1.0, 0.0
    if log:
        low = lowest(values)
        low = low if low < high else high / 2
    frame = Frame(length, low, high, log, size)
    what = "α" if base_lr is None else "learning rate"
    parts = [
        *shades(curve, frame),
        *axes(curve, frame, scale, unit, what, note),
        stroke(line, frame),
    ]
    title = escaped(f"{what} over {NAMES[unit]}: {curve!r}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{size[0]}" height="{size[1]}" '
        f'viewBox="0 0 {size[0]} {size[1]}"><title>{title}</title>'
        f'<g style="{FONT}" fill="{TEXT}">{"".join(parts)}</g></svg>'
    )


def size_of(argument: str, pixels: SupportsIndex) -> int:
    size = integer(pixels)
    if size is None:
        raise TypeError(f"{argument} must be a whole number of pixels, not {shown(pixels)}")
    if not SMALLEST <= size <= LARGEST:
        raise ScheduleError(
            f"{argument} must be {SMALLEST} to {LARGEST:,} pixels, not {shown(pixels)}"
        )
    return size


def stroke(line: list[tuple[float, float]], frame: Frame) -> str:
    """The line, without points amid a level."""
    pixels = [(f"{frame.x(t):.1f}", f"{frame.y(alpha):.1f}") for t, alpha in line]
    kept = [
        point
        for before, point, after in zip(pixels, pixels[1:], pixels[2:], strict=False)
        if not before[1] == point[1] == after[1]
    ]
    path = " ".join(f"{x},{y}" for x, y in [pixels[0], *kept, pixels[-1]])
    return (
        f'<polyline fill="none" stroke="{LINE}" stroke-width="2" stroke-linejoin="round" '
        f'points="{path}"/>'
    )


def shades(curve: Curve, frame: Frame) -> list[str]:
    """Every second phase is shaded; each is named where there is room."""
    parts = []
    for number, phase in enumerate(phases(curve)):
        course, start, end, *_, count = phase
        left, right = frame.x(start), frame.x(end)
        if number % 2 == 0:
            parts.append(
                f'<rect x="{left:.1f}" y="{TOP:.0f}" width="{right - left:.1f}" '
                f'height="{frame.bottom - TOP:.0f}" fill-opacity="0.1"/>'
            )
        label = phase_name(course, count)
        if (len(label) + 1) * CHARACTER < right - left:
            parts.append(text((left + right) / 2, TOP - 6, label, "middle"))
    return parts


def axes(curve: Curve, frame: Frame, scale: float, unit: str, what: str, note: str) -> list[str]:
    """A line at the bottom, the times at which phases begin, and the extremes of α."""
    parts = [
        f'<path d="M{LEFT:.0f} {TOP:.0f}V{frame.bottom:.0f}H{frame.right:.0f}" fill="none" '
        f'stroke="{TEXT}"/>'
    ]
    for alpha, y in ((frame.high, TOP), (frame.low, frame.bottom)):
        parts.append(text(LEFT - 5, y + 4, value(alpha), "end"))
    middle = (TOP + frame.bottom) / 2
    # Between both extremes.
    name = what if len(what) * CHARACTER < frame.bottom - TOP - 2.0 * LINE_HEIGHT else "lr"
    parts.append(
        f'<text transform="translate(14 {middle:.0f}) rotate(-90)" text-anchor="middle">'
        f"{escaped(name)}</text>"
    )
    baseline = frame.bottom + 14
    end = f"{short(frame.length * scale)} {unit}"
    # The end of the run is always told, and whatever does not touch it or what is left of it.
    free, limit = LEFT - CHARACTER, frame.right - (len(end) + 1) * CHARACTER
    for _, start, *_ in phases(curve)[1:]:
        label, x = short(start * scale), frame.x(start)
        left = x - len(label) * CHARACTER / 2
        if free + CHARACTER <= left and x + len(label) * CHARACTER / 2 < limit:
            parts.append(text(x, baseline, label, "middle"))
            free = x + len(label) * CHARACTER / 2
    parts.append(text(frame.right, baseline, end, "end"))
    parts.append(text((LEFT + frame.right) / 2, baseline + 14, note or NAMES[unit], "middle"))
    return parts


def text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escaped(words)}</text>'


def escaped(words: str) -> str:
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        words = words.replace(sign, entity)
    return words


def repr_svg(of: Curve | Schedule) -> str | None:
    """What a notebook shows; of a schedule, which knows no run, in one that suits it. None where
    nothing can be drawn: the notebook then prints it."""
    check("of", of, (Curve, Schedule), "a curve or a schedule")
    try:
        if isinstance(of, Curve):
            return to_svg(of)
        run, known = nominal_run(of)
        if known:
            return to_svg(
                of.resolve(run),
                note=f"{NAMES[str(run.duration.unit)]} of a run of {run.duration}",
            )
        return to_svg(of.resolve(run), "dur")
    except EpochalError:
        return None
