"""A seeded fault, and a sample of them that is the same each time."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Fault:
    """A change of one place of a source. Offsets count bytes for Python, characters for Rust."""

    path: str
    function: str
    first_line: int  # of the function
    line: int
    start: int
    end: int
    before: str
    after: str
    number: int = 0  # among the faults of a function that read the same

    @property
    def name(self) -> str:
        nth = f" #{self.number}" if self.number else ""
        return f"{self.path} {self.function}: {self.change}{nth}"

    @property
    def change(self) -> str:
        return " ".join(f"{self.before} -> {self.after}".split())

    @property
    def layer(self) -> str:
        return {"rust/epochal-core": "core", "rust/epochal-py": "binding"}.get(
            "/".join(self.path.split("/")[:2]), "Python layer"
        )


def numbered(faults: Iterable[Fault]) -> list[Fault]:
    """The faults of a source, with names that differ."""
    seen: Counter[str] = Counter()
    result = []
    for fault in faults:
        again = Fault(**{**vars(fault), "number": seen[fault.name]})
        seen[fault.name] += 1
        result.append(again)
    return result


def sample(faults: list[Fault], count: int, seed: int) -> list[Fault]:
    """So many faults, drawn evenly over files, and over the functions of each.

    A fault's place in the draw depends on its own words and the seed: an edit elsewhere leaves it.
    """

    def draw(fault: Fault) -> str:
        return hashlib.sha256(f"{seed} {fault.name}".encode()).hexdigest()

    def in_turn(groups: Iterable[list[Fault]]) -> list[Fault]:
        """The first of each group, then the second of each, and so on."""
        places = (
            (place, draw(fault), fault) for group in groups for place, fault in enumerate(group)
        )
        return [fault for _, _, fault in sorted(places, key=lambda row: row[:2])]

    files: dict[str, dict[str, list[Fault]]] = defaultdict(lambda: defaultdict(list))
    for fault in sorted(faults, key=draw):
        files[fault.path][fault.function].append(fault)
    return in_turn(in_turn(functions.values()) for functions in files.values())[:count]
