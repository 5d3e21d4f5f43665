"""The program, as tests call it."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import pytest
from epochal.__main__ import main

PROGRAM = Path(sys.executable).with_name("epochal")
WSD = "WSD(t_warmup='2000ba')"
RUN = ["--run", "90ep", "--batches-per-epoch", "1000"]


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    environment |= options.pop("env", {})
    return subprocess.run(
        [PROGRAM, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        **{"encoding": "utf-8", **options},
    )


class Printed:
    """What `main` does in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: str) -> str:
        assert main(arguments) == 0
        out, err = self.capsys.readouterr()
        assert not err
        return out

    def error(self, *arguments: str) -> str:
        assert main(arguments) == 2
        out, err = self.capsys.readouterr()
        assert not out
        return err


def plot_of(lines: list[str]) -> list[str]:
    """The plot among what is shown, its axis and its labels with it."""
    start = next(i for i, line in enumerate(lines) if "│" in line or "|" in line)
    return lines[start : start + 10]


def in_a_terminal(*arguments: str, columns: int = 60, **environment: str) -> str:
    """What the program prints in a terminal of its own."""
    ours, its = pty.openpty()
    try:
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        kept = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR", "TERM")}
        subprocess.run(
            [PROGRAM, *arguments],
            stdin=its,
            stdout=its,
            stderr=its,
            check=False,
            env=kept | {"TERM": "xterm"} | environment,
        )
    finally:
        os.close(its)
    text = b""
    try:
        while block := os.read(ours, 65536):
            text += block
    except OSError:  # on Linux, the end
        pass
    os.close(ours)
    return text.decode().replace("\r\n", "\n")
