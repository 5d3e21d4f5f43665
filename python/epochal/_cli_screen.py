"""What the command line prints: lines, tables and curves as wide as the terminal."""

from __future__ import annotations

import os

from epochal._core import Time
from epochal.view._describe import aligned
from epochal.view._words import short

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import TextIO

    from epochal.view import Finding

__all__ = ["Screen", "compact", "folded", "number", "width_of"]

_ROWS = 8
_NARROWEST = 20
_LABEL_WIDTH = 9  # of three digits with an exponent
_CYAN = 36
_COLOURS = {"error": 31, "warning": 33, "note": 34}


class Screen:
    """A terminal, or a file or pipe in its place.

    Blocks are drawn where its encoding has them, and colours where it is a terminal and NO_COLOR
    is not set. Where its width is known, nothing is wider; a program that reads a pipe gets whole
    lines.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._known_width = _known_width(stream)
        self.width = width_of(stream)
        self._has_blocks = _encodes(stream, "└─▁█")
        terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._has_colours = terminal and not os.environ.get("NO_COLOR")

    def line(self, text: str = "") -> None:
        self._print(self._folded(text))

    def table(self, columns: Sequence[Sequence[str]]) -> None:
        """Columns, each of lines of one width."""
        self._print(self._spelt(aligned(columns, self._known_width)))

    def findings(self, findings: Iterable[Finding]) -> None:
        """What lint finds, one a line."""
        for finding in findings:
            self._print(self._coloured(self._folded(str(finding)), _COLOURS[finding.severity]))

    def _folded(self, text: str) -> str:
        text = self._spelt(text)
        return text if self._known_width is None else folded(text, self._known_width)

    def _spelt(self, text: str) -> str:
        """α in letters, where the encoding lacks it: in the head of a column into its blanks."""
        if _encodes(self._stream, "α"):
            return text
        return text.replace("α    ", "alpha").replace("α", "alpha")

    def _print(self, text: str) -> None:
        encoding = self._stream.encoding or "utf-8"
        print(text.encode(encoding, "replace").decode(encoding), file=self._stream)

    @property
    def plot_width(self) -> int:
        """How many points a plot has beside the labels of its axis."""
        return self.width - _LABEL_WIDTH - 2

    def plot(self, times: Sequence[Time], values: Sequence[float]) -> None:
        """The area under a curve of `plot_width` points, above zero, with both axes."""
        blocks, corner, dash = ("▁▂▃▄▅▆▇█", "└", "─") if self._has_blocks else (".#", "+", "-")
        top = max(values)
        steps = _ROWS * len(blocks)
        # What is above zero shows.
        heights = [max(round(v / top * steps), 1) if v > 0 else 0 for v in values]
        for row in reversed(range(_ROWS)):
            below = row * len(blocks)
            cells = (min(max(height - below, 0), len(blocks)) for height in heights)
            bar = "".join((" " + blocks)[cell] for cell in cells).rstrip()
            label = f"{top:.3g}" if row == _ROWS - 1 else ""
            edge = "│" if self._has_blocks else "|"
            self._print(f"{label:>{_LABEL_WIDTH}} {edge}{self._coloured(bar, _CYAN)}")
        self._print(f"{'0':>{_LABEL_WIDTH}} {corner}{dash * len(times)}")
        self._print(" " * (_LABEL_WIDTH + 2) + _ticks([compact(time) for time in times]))

    def _coloured(self, text: str, colour: int) -> str:
        return f"\033[{colour}m{text}\033[0m" if self._has_colours and text else text


def _ticks(labels: Sequence[str]) -> str:
    """The labels of a few places, each centered below its own, the outer ones flush."""
    width = len(labels)
    widest = max(map(len, labels)) + 2
    parts = next((parts for parts in (4, 2, 1) if (parts + 1) * widest <= width), 0)
    if not parts:
        return labels[-1].rjust(width)
    line = ""
    for part in range(parts + 1):
        at = part * (width - 1) // parts
        label = labels[at]
        start = min(max(at - len(label) // 2, 0), width - len(label))
        line = line.ljust(start) + label
    return line


def compact(time: Time) -> str:
    """A time from 0 on in few letters, rounded if it is long.

    >>> from epochal._cli_screen import compact
    >>> compact(Time("1_200_000_000_000tok")), compact(Time("90ep")), compact(Time("12345678ba"))
    ('1.2Ttok', '90ep', '12.35Mba')
    """
    value, unit = time.value, time.unit.value
    if unit == "dur":
        return f"{value:.4g}dur"
    return f"{short(value, 4)}{unit}"


def number(value: float) -> str:
    """A number for people: six digits."""
    return f"{value:.6g}"


def folded(text: str, width: int) -> str:
    """A line, broken between words where it is too long. What follows is indented."""
    if len(text) <= width:
        return text
    from textwrap import fill

    indent = text[: len(text) - len(text.lstrip())] + "  "
    return fill(text, width, subsequent_indent=indent, break_on_hyphens=False)


def width_of(stream: TextIO) -> int:
    """How wide what is drawn is: as a terminal, or 80 columns."""
    return _known_width(stream) or 80


def _known_width(stream: TextIO) -> int | None:
    """The columns of a terminal: those of COLUMNS, else its own, if it is one."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return max(int(columns), _NARROWEST)
    try:
        return max(os.get_terminal_size(stream.fileno()).columns, _NARROWEST)
    except (OSError, ValueError):  # no terminal; no file at all
        return None


def _encodes(stream: TextIO, text: str) -> bool:
    try:
        text.encode(stream.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
