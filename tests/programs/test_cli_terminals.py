"""What the command line prints in terminals of any width, in pipes and in other encodings."""

import itertools
import os
import re
import subprocess
from xml.etree import ElementTree

import pytest
from cli import PROGRAM, RUN, WSD, Printed, in_a_terminal, plot_of, run
from epochal import (
    Run,
    WSDScheduler,
)
from epochal.view._describe import aligned
from sizes import sized


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Printed:
    return Printed(capsys)


# Width


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
def test_show_is_as_wide_as_the_screen(
    columns: int, printed: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    plot = plot_of(printed("show", WSD, *RUN, "--base-lr", "3e-4").splitlines())
    assert max(map(len, plot)) == columns
    assert plot[0].startswith("   0.0003 │")
    assert plot[8].startswith("        0 └──")
    assert plot[9].split()[0] == ("0ba" if columns > 20 else "90000ba")
    assert plot[9].split()[-1] == "90000ba"
    assert plot[9].endswith("90000ba")
    assert len(plot[9]) == columns


# A process each takes long.
SCREENS = sized(
    list(itertools.product((40, 80, 200), ("utf-8", "ascii"))), [(40, "utf-8"), (80, "ascii")]
)
LONG = "InverseSquareRootWithWarmup('20Mtok', t_cooldown='1.5Ttok') * MultiStep(['4Ttok', '9Ttok'])"


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", LONG),
        ("lint", LONG),
        ("diff", LONG, "WSD('20Mtok')"),
        ("at", LONG, "1_234_567_890_123tok", "0.123456789dur"),
        ("show", "MultiStepWithWarmup('5ep', ['4ep', '120ep'])"),
        ("at", "WSD('5ep', colour='red')", "5ep"),
        ("diff", LONG),
        ("sow", LONG),
        ("--help",),
        *((name, "--help") for name in ("show", "at", "lint", "diff", "parse")),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize(("columns", "encoding"), SCREENS)
def test_nothing_is_wider_than_the_screen(
    columns: int, encoding: str, arguments: tuple[str, ...]
) -> None:
    facts = ("--run", "15Ttok", "--tokens-per-batch", "4123456", "--base-lr", "3.123456e-4")
    if arguments[0] not in ("--help", "sow") and "--help" not in arguments:
        arguments = (*arguments, *facts)
    shown = in_a_terminal(*arguments, columns=columns, PYTHONIOENCODING=encoding)
    lines = re.sub(r"\033\[\d+m", "", shown).splitlines()
    assert lines
    assert max(map(len, lines)) <= columns
    assert "Traceback" not in shown


def test_tables_are_split_where_they_find_no_room(
    printed: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = WSDScheduler("2000ba").resolve(Run("90ep", batches_per_epoch=1000)).describe(3e-4)
    monkeypatch.setenv("COLUMNS", "40")
    out = printed("show", WSD, *RUN, "--base-lr", "3e-4")
    tables = [
        table.splitlines() for table in out.split("\n\n") if table.startswith(("phase", "note"))
    ][:-1]
    assert [table[0].split() for table in tables] == [
        ["phase", "ep", "ba"],
        ["phase", "dur", "α"],
        ["phase", "lr"],
    ]
    whole = [line.split() for line in str(columns).splitlines()]
    beside = [[cell for table in tables for cell in table[i].split()[1:]] for i in range(4)]
    assert [row[1:] for row in whole] == beside
    # Not even the first column finds room.
    assert aligned([["a" * 9, "1"], ["b" * 9, "2"], ["c" * 20, "3"]], 20) == (
        f"{'a' * 9}  {'b' * 9}\n1  2\n\n{'c' * 20}\n3"
    )


# Terminals, pipes and encodings


def test_a_terminal_gives_width_and_colour() -> None:
    for columns in (40, 80, 200):
        out = in_a_terminal("show", WSD, *RUN, columns=columns)
        assert "\033[36m" in out
        plain = re.sub(r"\033\[\d+m", "", out)
        assert max(map(len, plot_of(plain.splitlines()))) == columns
        assert plain == run("show", WSD, *RUN, env={"COLUMNS": str(columns)}).stdout


def test_no_colour() -> None:
    assert "\033" not in in_a_terminal("show", WSD, *RUN, NO_COLOR="1")
    assert "\033" not in in_a_terminal("show", WSD, *RUN, TERM="dumb")
    assert "\033" in in_a_terminal("show", WSD, *RUN, NO_COLOR="")


def test_a_pipe_has_80_columns_and_no_colour() -> None:
    out = run("show", WSD, *RUN).stdout
    assert "\033" not in out
    assert max(map(len, plot_of(out.splitlines()))) == 80
    # What a program reads is not broken.
    assert out.splitlines()[0] == repr(WSDScheduler("2000ba"))


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_without_utf_8(encoding: str) -> None:
    out = run("show", WSD, *RUN, env={"PYTHONIOENCODING": encoding}, encoding=encoding)
    assert out.returncode == 0
    assert out.stderr == ""
    plot = plot_of(out.stdout.splitlines())
    assert all("|" in line for line in plot[:8])
    assert "###" in plot[7]
    assert plot[8].startswith("        0 +--")
    assert max(map(len, plot)) == 80
    curve = WSDScheduler("2000ba").resolve(Run("90ep", batches_per_epoch=1000))
    assert str(curve.describe()).replace("α", "alpha") in out.stdout
    table = run("show", WSD, *RUN, "--base-lr", "1", env={"PYTHONIOENCODING": encoding}).stdout
    assert str(curve.describe(1.0)).replace("α    ", "alpha") in table
    out = run("show", WSD, *RUN, "--svg", env={"PYTHONIOENCODING": encoding})
    assert ElementTree.fromstring(out.stdout).tag.endswith("svg")


@pytest.mark.parametrize(
    "arguments",
    [("show", WSD, *RUN), ("--help",), ("show", "--help"), ("--version",)],
    ids=" ".join,
)
def test_a_reader_that_stops_is_no_error(arguments: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    out = subprocess.run(
        [PROGRAM, *arguments],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writer)
    assert out.stderr == ""
    assert out.returncode == 0
