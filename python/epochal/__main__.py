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

import os
import sys

from epochal._cli_input import read
from epochal._cli_parser import parse_arguments
from epochal._cli_screen import Screen, compact, number
from epochal._core import Curve, EpochalError, Run, ScheduleError, Time, UnitError
from epochal.view import diff, lint

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from typing import Any

    from epochal.view import Finding

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Does what the command line says, and gives the exit status."""
    program = "epochal"
    try:
        try:
            options = parse_arguments(sys.argv[1:] if arguments is None else list(arguments))
            program = f"epochal {options.name}"
            return _COMMANDS[options.name](options)
        finally:  # help ends the program too
            sys.stdout.flush()
    except (EpochalError, OSError, TypeError) as error:
        if isinstance(error, BrokenPipeError):
            # Whoever read the output has had enough. The interpreter would flush it once more.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        Screen(sys.stderr).line(f"{program}: {error}")
        return 2


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
    # Numbers need no conversion, and nothing to be imported for it.
    counted = curve.units == (times[0].unit,)
    screen.plot(times, [curve(int(time) if counted else time) * base for time in times])
    screen.line()
    screen.table(curve.describe(base_lr).columns())
    findings = lint(curve.schedule, run, base_lr)
    if findings:
        screen.line()
    screen.findings(findings)


def _document(curve: Curve, base_lr: float | None) -> dict[str, Any]:
    findings = lint(curve.schedule, curve.run, base_lr)
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
    findings = lint(source.schedule, source.run(_facts(options)), options.base_lr)
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
    difference = diff(one, other, options.base_lr)
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


_COMMANDS = {"show": _show, "at": _at, "lint": _lint, "diff": _diff, "parse": _parse}

if __name__ == "__main__":
    sys.exit(main())
