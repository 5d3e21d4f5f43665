"""A plugin of pytest that counts the examples that Hypothesis runs to their end.

    pytest -p tally --tally-out examples.json ...

An example that an `assume` rejects is none. Workers of pytest-xdist count for themselves and send
their counts with the reports of the tests.
"""

import json
import time
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

EXAMPLES, SECONDS = "examples", "seconds"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--tally-out", help="where the counts are written, as JSON")


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[None]:
    handle = getattr(pyfuncitem.obj, "hypothesis", None)
    if handle is None:
        return (yield)
    test, examples, started = handle.inner_test, [0], time.process_time()
    handle.inner_test = counting(test, examples)
    try:
        return (yield)
    finally:
        handle.inner_test = test
        seconds = round(time.process_time() - started, 2)
        pyfuncitem.user_properties += [(EXAMPLES, examples[0]), (SECONDS, seconds)]


def counting(test: Callable[..., Any], examples: list[int]) -> Callable[..., Any]:
    @wraps(test)
    def counted(*args: Any, **kwargs: Any) -> Any:
        result = test(*args, **kwargs)
        examples[0] += 1
        return result

    return counted


def pytest_configure(config: pytest.Config) -> None:
    if config.option.tally_out and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Tally(Path(config.option.tally_out)))


class Tally:
    """In the process that gets all reports."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.tests: dict[str, dict[str, Any]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            self.tests[report.nodeid] = {**dict(report.user_properties), "failed": report.failed}

    def pytest_sessionfinish(self) -> None:
        self.out.write_text(json.dumps(self.tests, indent=1))
