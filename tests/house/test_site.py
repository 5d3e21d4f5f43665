"""The site tells of everything public, and the pages that the README names are there."""

import inspect
import re
from pathlib import Path

import epochal
import epochal.config
import epochal.torch
import epochal.trainer
import epochal.view
import pytest
from epochal import Schedule, parse
from site_catalogue import OPERATIONS, PAPERS, PRODUCT, SCHEDULES, Entry

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
ENTRIES = [*SCHEDULES, *OPERATIONS, PRODUCT]


def is_scheduler(name: str) -> bool:
    value = getattr(epochal, name)
    return inspect.isclass(value) and issubclass(value, Schedule) and name.endswith("Scheduler")


def test_every_schedule_has_an_entry() -> None:
    assert sorted(entry.name for entry in SCHEDULES) == sorted(
        filter(is_scheduler, epochal.__all__)
    )


def test_every_operation_has_an_entry() -> None:
    """What a schedule has a method for and gives another one."""
    others = {"resolve", "to_config", "replace", "fingerprint"}
    methods = {name for name in vars(Schedule) if name[0] != "_"} - others
    assert {entry.name for entry in OPERATIONS} == methods


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_the_example_is_of_its_entry(entry: Entry) -> None:
    schedule = parse(entry.example)
    if entry in SCHEDULES:
        assert type(schedule).__name__ == entry.name
    elif entry is not PRODUCT:
        assert f".{entry.name}(" in entry.example
    assert schedule.resolve(entry.run).to_svg().startswith("<svg")


def test_papers() -> None:
    assert {name for entry in ENTRIES for name in entry.papers} == set(PAPERS)


def test_the_api_is_complete() -> None:
    """By its full name or as an attribute of `epochal`."""
    text = "".join(path.read_text(encoding="utf-8") for path in (DOCS / "api").glob("*.md"))
    told = set(re.findall(r"^\.\. auto\w+:: ([\w.]+)$", text, re.M))
    own_pages = {entry.name for entry in SCHEDULES} | {"__version__"}
    missing = {name for name in epochal.__all__ if f"epochal.{name}" not in told} - own_pages
    for module in (epochal.torch, epochal.trainer, epochal.view, epochal.config):
        for name in module.__all__:
            if not {f"{module.__name__}.{name}", f"epochal.{name}"} & told:
                missing.add(f"{module.__name__}.{name}")
    # Methods of a curve under other names, and what a notebook calls.
    methods = {
        f"epochal.view.{name}" for name in ("describe", "plot", "repr_svg", "to_csv", "to_svg")
    }
    assert missing == methods


def test_the_links_of_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = re.findall(r'(?:\]\(|src=")((?!http)[^)"#]+)', text)
    assert len(targets) > 10
    for target in targets:
        assert (ROOT / target).is_file(), target
