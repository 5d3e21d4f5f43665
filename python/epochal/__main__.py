"""The command line.

    epochal show "WSD(t_warmup='2000ba')" --run 90ep --batches-per-epoch 1000 --base-lr 3e-4
    epochal at train.yaml 1.2Ttok 15Ttok --ssr 0.5
    epochal parse "Cosine…" --json

A schedule is its text, a file in TOML, YAML or JSON, or `module:function`. The exit status is 0
where all is well, and 2 for what is not understood.
"""

from __future__ import annotations

import argparse
import os
import sys

from epochal._cli_input import read
from epochal._cli_screen import Screen, compact, number, width_of
from epochal._core import Curve, EpochalError, Run, Time, UnitError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

__all__ = ["main"]

# Over the whole run, with both ends.
_TABLE_POINTS = 5
_WRITTEN_POINTS = 101


def main(arguments: Sequence[str] | None = None) -> int:
    """Does what the command line says, and gives the exit status."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.command(options)
        sys.stdout.flush()
        return status
    except (EpochalError, OSError, TypeError) as error:
        if isinstance(error, BrokenPipeError):
            # Whoever read the output has had enough. The interpreter would flush it once more.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        print(f"epochal {options.name}: {error}", file=sys.stderr)
        return 2


class _Parser(argparse.ArgumentParser):
    """Its help is as wide as the screen: to find that out by itself, for each argument, is a
    tenth of the time that the program takes."""

    def __init__(self, **options: Any) -> None:
        self._columns = width_of(sys.stdout) - 2
        super().__init__(**options)

    def _get_formatter(self) -> argparse.HelpFormatter:
        return argparse.HelpFormatter(self.prog, width=self._columns)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="epochal", description="Shows what a learning-rate schedule does.")
    commands = parser.add_subparsers(
        dest="name", required=True, metavar="command", prog=parser.prog, parser_class=_Parser
    )

    def command(function: Callable[[argparse.Namespace], int], help: str) -> _Parser:
        added: _Parser = commands.add_parser(function.__name__.strip("_"), help=help)
        added.set_defaults(command=function)
        added.add_argument(
            "schedule",
            help="its text, e.g. \"WSD(t_warmup='2000ba')\"; a .toml, .yaml or .json file; "
            "or module:function",
        )
        return added

    show = command(_show, "the rate over the whole run, at a glance")
    at = command(_at, "the rate at given times")
    at.add_argument("times", nargs="+", metavar="time", help="e.g. 1.2Ttok, 500ba or 0.3dur")
    for points in (show, at):
        _take_facts(points)
        forms = points.add_mutually_exclusive_group()
        forms.add_argument("--csv", action="store_true", help="print a table for programs")
        forms.add_argument("--json", action="store_true", help="print JSON")
    parse = command(_parse, "the schedule written out")
    parse.add_argument("--json", action="store_true", help="print its mapping as JSON")
    return parser


def _take_facts(parser: argparse.ArgumentParser) -> None:
    facts = parser.add_argument_group("the run")
    facts.add_argument("--run", metavar="TIME", help="its length, e.g. 90ep or 15Ttok")
    facts.add_argument("--batches-per-epoch", type=int, metavar="N")
    facts.add_argument("--samples-per-batch", type=int, metavar="N")
    facts.add_argument("--tokens-per-batch", type=int, metavar="N")
    facts.add_argument("--ssr", type=float, metavar="RATIO", help="the scale schedule ratio")
    facts.add_argument("--base-lr", type=float, metavar="LR", help="the rate that is multiplied")


def _resolve(options: argparse.Namespace) -> Curve:
    facts = {
        "max_duration": options.run,
        "batches_per_epoch": options.batches_per_epoch,
        "samples_per_batch": options.samples_per_batch,
        "tokens_per_batch": options.tokens_per_batch,
        "scale_schedule_ratio": options.ssr,
    }
    source = read(options.schedule)
    return source.schedule.resolve(source.run(facts))


def _show(options: argparse.Namespace) -> int:
    curve = _resolve(options)
    run = curve.run
    if options.csv or options.json:
        _write(options, curve, _times(run, _WRITTEN_POINTS))
        return 0
    screen = Screen(sys.stdout)
    screen.line(repr(curve.schedule))
    screen.line(f"{run!r}, {compact(run.duration)} long")
    screen.line()
    times = _times(run, screen.plot_width)
    base = 1.0 if options.base_lr is None else options.base_lr
    screen.plot(times, [curve(time) * base for time in times])
    screen.line()
    screen.table(*_rows(options, curve, _times(run, _TABLE_POINTS)))
    return 0


def _at(options: argparse.Namespace) -> int:
    curve = _resolve(options)
    times = [Time(time) for time in options.times]
    if options.csv or options.json:
        _write(options, curve, times)
    else:
        Screen(sys.stdout).table(*_rows(options, curve, times))
    return 0


def _parse(options: argparse.Namespace) -> int:
    schedule = read(options.schedule).schedule
    if options.json:
        import json

        print(json.dumps(schedule.to_config(), indent=2))
    else:
        print(schedule)
    return 0


def _times(run: Run, count: int) -> list[Time]:
    """So many times over the whole run, in batches where the run counts epochs."""
    length = run.duration
    if length.unit == "ep" and run.batches_per_epoch is not None:
        length = run.convert(length, "ba")
    value = int(length)
    return [Time(value * step // (count - 1), length.unit) for step in range(count)]


def _write(options: argparse.Namespace, curve: Curve, times: Sequence[Time]) -> None:
    """The points for a program: all digits, one unit a column."""
    points: list[dict[str, Any]] = []
    for time in times:
        point: dict[str, Any] = {"time": str(time), "alpha": curve(time)}
        if options.base_lr is not None:
            point["lr"] = point["alpha"] * options.base_lr
        points.append(point)
    if options.csv:
        print(",".join(points[0]))
        for point in points:
            print(",".join(map(str, point.values())))
    else:
        import json

        document = {
            "schedule": repr(curve.schedule),
            "run": curve.run.to_config(),
            "points": points,
        }
        print(json.dumps(document, indent=2))


def _rows(
    options: argparse.Namespace, curve: Curve, times: Sequence[Time]
) -> tuple[list[str], list[list[str]]]:
    """The points for a person: the head of a table, and its rows."""
    head = ["time", "of the run", "alpha"]
    rows = []
    for time in times:
        alpha = curve(time)
        row = [compact(time), _part_of(curve.run, time), number(alpha)]
        if options.base_lr is not None:
            row.append(number(alpha * options.base_lr))
        rows.append(row)
    return head + ["lr"] * (options.base_lr is not None), rows


def _part_of(run: Run, time: Time) -> str:
    try:
        return compact(run.convert(time, "dur"))
    except UnitError:  # the run does not tell
        return "?"


if __name__ == "__main__":
    sys.exit(main())
