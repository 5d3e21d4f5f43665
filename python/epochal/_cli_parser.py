"""What the command line understands: commands, options and their help."""

from __future__ import annotations

import argparse
import sys

from epochal._cli_screen import Screen, folded, width_of
from epochal._core import Time, __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn

__all__ = ["parse_arguments"]

# What each command takes, and what it shows.
_COMMANDS = {
    "show": ("schedule", "its phases, its curve and what lint finds, at a glance"),
    "at": ("schedule time [time ...]", "the rate at given times"),
    "lint": ("schedule", "what is likely to be a mistake; status 1 but for notes"),
    "diff": ("schedule other", "where two schedules differ; status 1 if they do"),
    "parse": ("schedule", "the schedule written out"),
}
# What each of them prints beside text and JSON.
_FORMS = {
    "show": {"csv": "a table of points", "svg": "a picture as SVG", "png": "a picture as PNG"},
    "at": {"csv": "a table"},
}
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


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """What the arguments say; `name` is the command. Help and errors end the program.

    Only the parser that is needed is made, since that takes a while.
    """
    name = arguments[0] if arguments else ""
    if name not in _COMMANDS:
        return _all_commands().parse_args(arguments)
    parser = _Parser(prog=f"epochal {name}")
    _fill(parser, name)
    return parser.parse_args(arguments[1:])


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


def _all_commands() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="epochal",
        description="Shows what a learning-rate schedule does. A command with --help tells more.",
        usage="%(prog)s command ...",
        add_help=False,
    )
    parser.add_argument("-h", "--help", action=_Help, nargs=0, help="show this and exit")
    parser.add_argument("--version", action="version", version=f"epochal {__version__}")
    commands = parser.add_subparsers(
        dest="name", required=True, metavar="command", prog=parser.prog, parser_class=_Parser
    )
    for name, (_, help) in _COMMANDS.items():
        _fill(commands.add_parser(name, help=help), name)
    return parser


def _fill(parser: argparse.ArgumentParser, name: str) -> None:
    """Gives the parser of a command its arguments."""
    takes, _ = _COMMANDS[name]
    parser.usage = f"%(prog)s {takes} [options]"
    parser.set_defaults(name=name)
    parser.add_argument("schedule", help=_SCHEDULE)
    if name == "at":
        example = "e.g. 1.2Ttok, 500ba or 0.3dur"
        parser.add_argument("times", nargs="+", metavar="time", help=example)
    if name == "diff":
        parser.add_argument("other", help="another schedule")
    if name == "show":
        parser.add_argument("--every", metavar="TIME", help="how far apart the lines of --csv are")
    _take_forms(parser, **_FORMS.get(name, {}))
    if name != "parse":
        _take_facts(parser)


def _take_forms(parser: argparse.ArgumentParser, **printed: str) -> None:
    forms = parser.add_mutually_exclusive_group()
    for name, described in ({"json": "JSON"} | printed).items():
        forms.add_argument(f"--{name}", action="store_true", help=f"print {described}")


def count(text: str) -> int:
    """A whole number as times have it: 4M, 1e6 or 4_000_000."""
    return int(Time(f"{text}ba"))


def _take_facts(parser: argparse.ArgumentParser) -> None:
    facts = parser.add_argument_group("the run")
    facts.add_argument("--run", metavar="TIME", help="its length, e.g. 90ep or 15Ttok")
    for name, unit in (
        ("--batches-per-epoch", "ep"),
        ("--samples-per-batch", "sp"),
        ("--tokens-per-batch", "tok"),
    ):
        facts.add_argument(name, type=count, metavar="N", help=f"relates {unit} to ba (batches)")
    facts.add_argument(
        "--ssr", type=float, metavar="RATIO", help="run and schedule are so many times as long"
    )
    facts.add_argument("--base-lr", type=float, metavar="LR", help="the rate that is multiplied")
