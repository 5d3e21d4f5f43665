"""The command line.

    epochal show "WSD(t_warmup='2000ba')" --run 90ep --batches-per-epoch 1000 --base-lr 3e-4
    epochal at train.yaml 1.2Ttok 15Ttok --ssr 0.5
    epochal lint schedule.toml --run 90ep --batches-per-epoch 1000
    epochal diff "Linear()" "CosineAnnealing()" --run 1000ba
    epochal parse "WSD('2000ba')" --json

A schedule is its text, a file in TOML, YAML or JSON, or `module:function`. The exit status is 0
where all is well, 1 where `lint` finds more than notes or `diff` a difference, and 2 for what is
not understood.
"""

from __future__ import annotations

import argparse
import os
import sys

import epochal
from epochal._cli_input import read
from epochal._cli_screen import Screen, compact, folded, number, width_of
from epochal._core import Curve, EpochalError, Run, ScheduleError, Time, UnitError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, NoReturn

    from epochal.view import Finding

__all__ = ["main"]

_SCHEDULE = (
    "its text, e.g. \"WSD(t_warmup='2000ba')\"; a .toml, .yaml or .json file; or module:function"
)
_EXAMPLES = (
    "epochal show \"WSD('2000ba')\" --run 90ep --batches-per-epoch 1000 --base-lr 3e-4",
    "epochal at \"WSD('20Btok')\" 1.2Ttok --run 15Ttok --ssr 0.5",
    "epochal lint train.yaml --run 90ep --batches-per-epoch 1000",
    'epochal diff "Linear()" "CosineAnnealing()" --run 1000ba',
)
_WRITING = (
    "times: 2000ba, 90ep, 15Ttok, 1.28Msp, 36h, 0.3dur: batches, epochs, tokens, samples, elapsed "
    "time and a fraction of the run",
    "operations: a * b, a * 0.5, a + 0.1, and a.until('0.8dur', b); after_warmup, cooldown, clip, "
    "repeat, advance and delay are written like until",
)


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
        Screen(sys.stderr).line(f"epochal {options.name}: {error}")
        return 2


class _Formatter(argparse.HelpFormatter):
    def _format_usage(self, *given: Any) -> str:
        return folded(super()._format_usage(*given).strip(), self._width) + "\n\n"


class _Parser(argparse.ArgumentParser):
    """Its help is as wide as the screen: to find that out by itself, for each argument, is a
    tenth of the time that the program takes."""

    def __init__(self, **options: Any) -> None:
        self._columns = width_of(sys.stdout) - 2
        super().__init__(**options)

    def _get_formatter(self) -> argparse.HelpFormatter:
        return _Formatter(self.prog, width=self._columns)

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        Screen(sys.stderr).line(f"{self.prog}: {message}")
        self.exit(2)


class _Help(argparse.Action):
    """Examples and the schedules below the help of argparse."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        parser.print_help()
        from epochal.config._entries import signatures

        screen = Screen(sys.stdout)
        for head, lines in (
            ("examples:", _EXAMPLES),
            ("schedules, and their arguments:", signatures()),
            ("what schedules are written with:", _WRITING),
        ):
            screen.line()
            screen.line(head)
            for line in lines:
                screen.line(f"  {line}")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="epochal",
        description="Shows what a learning-rate schedule does. A command with --help tells more.",
        usage="%(prog)s command ...",
        add_help=False,
    )
    parser.add_argument("-h", "--help", action=_Help, nargs=0, help="show this and exit")
    commands = parser.add_subparsers(
        dest="name", required=True, metavar="command", prog=parser.prog, parser_class=_Parser
    )

    def command(function: Callable[[argparse.Namespace], int], taken: str, help: str) -> _Parser:
        added: _Parser = commands.add_parser(
            function.__name__.strip("_"), usage=f"%(prog)s {taken} [options]", help=help
        )
        added.set_defaults(command=function)
        added.add_argument("schedule", help=_SCHEDULE)
        return added

    show = command(_show, "schedule", "its phases, its curve and what lint finds, at a glance")
    at = command(_at, "schedule time [time ...]", "the rate at given times")
    lint = command(_lint, "schedule", "what is likely to be a mistake; status 1 but for notes")
    diff = command(_diff, "schedule other", "where two schedules differ; status 1 if they do")
    parse = command(_parse, "schedule", "the schedule written out")
    at.add_argument("times", nargs="+", metavar="time", help="e.g. 1.2Ttok, 500ba or 0.3dur")
    diff.add_argument("other", help="another schedule")
    for resolving in (show, at, lint, diff):
        _take_facts(resolving)
    show.add_argument("--every", metavar="TIME", help="how far apart the lines of --csv are")
    _take_forms(show, csv="a table of points", svg="a picture as SVG", png="a picture as PNG")
    _take_forms(at, csv="a table")
    for others in (lint, diff, parse):
        _take_forms(others)
    return parser


def _take_forms(parser: argparse.ArgumentParser, **printed: str) -> None:
    forms = parser.add_mutually_exclusive_group()
    for name, described in ({"json": "JSON"} | printed).items():
        forms.add_argument(f"--{name}", action="store_true", help=f"print {described}")


def _take_facts(parser: argparse.ArgumentParser) -> None:
    facts = parser.add_argument_group("the run")
    facts.add_argument("--run", metavar="TIME", help="its length, e.g. 90ep or 15Ttok")
    for name, unit in (
        ("--batches-per-epoch", "ep"),
        ("--samples-per-batch", "sp"),
        ("--tokens-per-batch", "tok"),
    ):
        facts.add_argument(name, type=int, metavar="N", help=f"relates {unit} to ba (batches)")
    facts.add_argument(
        "--ssr", type=float, metavar="RATIO", help="run and schedule are so many times as long"
    )
    facts.add_argument("--base-lr", type=float, metavar="LR", help="the rate that is multiplied")


def _facts(options: argparse.Namespace) -> dict[str, Any]:
    return {
        "max_duration": options.run,
        "batches_per_epoch": options.batches_per_epoch,
        "samples_per_batch": options.samples_per_batch,
        "tokens_per_batch": options.tokens_per_batch,
        "scale_schedule_ratio": options.ssr,
    }


def _resolve(options: argparse.Namespace) -> Curve:
    source = read(options.schedule)
    return source.schedule.resolve(source.run(_facts(options)))


def _show(options: argparse.Namespace) -> int:
    curve = _resolve(options)
    if options.csv:
        curve.to_csv(sys.stdout, every=options.every, base_lr=options.base_lr)
    elif options.json:
        _write_json(_document(curve, options.base_lr))
    elif options.svg:
        # Whatever the encoding of the terminal is: XML that does not name one is UTF-8.
        sys.stdout.buffer.write(f"{curve.to_svg(base_lr=options.base_lr)}\n".encode())
    elif options.png:
        _write_png(curve, options.base_lr)
    else:
        _print_screen(curve, options.base_lr)
    return 0


def _print_screen(curve: Curve, base_lr: float | None) -> None:
    screen = Screen(sys.stdout)
    screen.line(repr(curve.schedule))
    run = curve.run
    scaled = "" if run.duration == run.max_duration else f", {compact(run.duration)} long"
    screen.line(f"{run!r}{scaled}")
    screen.line()
    times = _times(run, screen.plot_width)
    base = 1.0 if base_lr is None else base_lr
    screen.plot(times, [curve(time) * base for time in times])
    screen.line()
    screen.table(curve.describe(base_lr).columns())
    findings = epochal.lint(curve.schedule, run, base_lr)
    if findings:
        screen.line()
    screen.findings(findings)


def _document(curve: Curve, base_lr: float | None) -> dict[str, Any]:
    findings = epochal.lint(curve.schedule, curve.run, base_lr)
    return {
        "schedule": repr(curve.schedule),
        "run": curve.run.to_config(),
        "phases": curve.describe(base_lr).rows,
        "findings": [_fields(finding) for finding in findings],
    }


def _fields(finding: Finding) -> dict[str, str]:
    return {name: getattr(finding, name) for name in finding.__slots__}


def _write_json(document: object) -> None:
    import json

    print(json.dumps(document, indent=2))


def _write_png(curve: Curve, base_lr: float | None) -> None:
    if sys.stdout.isatty():
        raise ScheduleError("a picture is no text for a terminal: write --png > curve.png")
    import matplotlib

    matplotlib.use("agg")
    curve.plot(base_lr=base_lr).figure.savefig(sys.stdout.buffer, format="png")


def _at(options: argparse.Namespace) -> int:
    curve = _resolve(options)
    times = [Time(time) for time in options.times]
    if options.csv or options.json:
        _write_points(options, curve, times)
    else:
        Screen(sys.stdout).table(_columns(options, curve, times))
    return 0


def _lint(options: argparse.Namespace) -> int:
    source = read(options.schedule)
    findings = epochal.lint(source.schedule, source.run(_facts(options)), options.base_lr)
    if options.json:
        _write_json([_fields(finding) for finding in findings])
    else:
        Screen(sys.stdout).findings(findings)
    return 1 if any(finding.severity != "note" for finding in findings) else 0


def _diff(options: argparse.Namespace) -> int:
    one, other = (
        source.schedule.resolve(source.run(_facts(options)))
        for source in (read(options.schedule), read(options.other))
    )
    difference = epochal.diff(one, other, options.base_lr)
    if options.json:
        _write_json({"unit": difference.unit, "rows": difference.rows})
    else:
        screen = Screen(sys.stdout)
        screen.line(difference.headline())
        if difference:
            screen.table(difference.columns())
    return 1 if difference else 0


def _parse(options: argparse.Namespace) -> int:
    schedule = read(options.schedule).schedule
    if options.json:
        _write_json(schedule.to_config())
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


def _write_points(options: argparse.Namespace, curve: Curve, times: Sequence[Time]) -> None:
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
        _write_json(points)


def _columns(options: argparse.Namespace, curve: Curve, times: Sequence[Time]) -> list[list[str]]:
    """The points for a person, as a table."""
    alphas = [curve(time) for time in times]
    columns = [
        ["time", *map(compact, times)],
        ["of the run", *(_part_of(curve.run, time) for time in times)],
        ["alpha", *map(number, alphas)],
    ]
    if options.base_lr is not None:
        columns.append(["lr", *(number(alpha * options.base_lr) for alpha in alphas)])
    return [[cell.rjust(max(map(len, column))) for cell in column] for column in columns]


def _part_of(run: Run, time: Time) -> str:
    try:
        return compact(run.convert(time, "dur"))
    except UnitError:  # the run does not tell
        return "?"


if __name__ == "__main__":
    sys.exit(main())
