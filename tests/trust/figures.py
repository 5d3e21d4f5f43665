"""What a campaign of `make trust` measures, and what each figure must come to."""

import argparse
import json
import multiprocessing
import os
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Figure:
    """A measured number. `at_most` holds for every campaign, `at_least` for a full one."""

    what: str
    value: float
    at_least: float | None = None
    at_most: float | None = None

    def fault(self, short: bool) -> str | None:
        """What is wrong with it, in words."""
        if self.at_most is not None and not self.value <= self.at_most:
            return f"{self.what}: {self.value:,}, and at most {self.at_most:,} was expected"
        if not short and self.at_least is not None and not self.value >= self.at_least:
            return f"{self.what}: {self.value:,}, and at least {self.at_least:,} was expected"
        return None


def at_once(short: bool) -> ProcessPoolExecutor:
    """A process for each core; forked, so that what all of them import is imported once."""
    context = multiprocessing.get_context("fork")
    return ProcessPoolExecutor(1 if short else os.cpu_count(), context)


def tell(measure: Callable[[bool], list[Figure]]) -> None:
    """The main program of a campaign: the standard output gets its figures as JSON, and no more."""
    parser = argparse.ArgumentParser(description=sys.modules[measure.__module__].__doc__)
    parser.add_argument("--short", action="store_true", help="a small part of it, in seconds")
    arguments = parser.parse_args()
    json.dump([asdict(figure) for figure in measure(arguments.short)], sys.stdout)
