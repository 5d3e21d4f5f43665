"""What other libraries compute: the cases of tests/vectors."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import epochal
import numpy as np
import numpy.typing as npt
from epochal import Curve, Run, Schedule, Time, parse

VECTORS = Path(__file__).parents[1] / "vectors"

AnyFloats = npt.NDArray[np.floating[Any]]

# Composer computes 1 - t/T; near the end of a curve a power below 1 makes the lost digits visible.
TOLERANCE = 1e-15
TOLERANCE_SMALL_POWER = 2e-14


@dataclass(frozen=True)
class ComposerCase:
    """One line of composer.jsonl."""

    line: int
    scheduler: str
    args: dict[str, Any]
    max_duration: str
    dataloader_len: int
    samples_per_batch: int
    tokens_per_sample: int
    ratio: float
    points: tuple[tuple[int, float], ...]

    @property
    def tokens_per_batch(self) -> int:
        return self.samples_per_batch * self.tokens_per_sample

    @property
    def tolerance(self) -> float:
        return TOLERANCE_SMALL_POWER if self.args.get("power", 1.0) < 1 else TOLERANCE

    def schedule(self) -> Schedule:
        schedule = getattr(epochal, self.scheduler)(**self.args)
        assert isinstance(schedule, Schedule)
        return schedule

    def run(self) -> Run:
        return Run(
            self.max_duration,
            batches_per_epoch=self.dataloader_len,
            samples_per_batch=self.samples_per_batch,
            tokens_per_batch=self.tokens_per_batch,
            scale_schedule_ratio=self.ratio,
        )

    def curve(self) -> Curve:
        return self.schedule().resolve(self.run())

    def scaled_max_duration(self) -> str:
        """What Composer's state holds: the decimal product, which the file promises to be whole."""
        time = Time(self.max_duration)
        scaled = Fraction(int(time)) * Fraction(str(self.ratio))
        assert scaled.denominator == 1, f"line {self.line}: not a whole count"
        return f"{scaled.numerator}{time.unit.value}"

    def one_by_one(self) -> list[float]:
        curve, run = self.curve(), self.run()
        return [curve(run.at_batch(batch)) for batch, _ in self.points]

    def in_an_array(self) -> AnyFloats:
        batch = np.array([batch for batch, _ in self.points], dtype=np.int64)
        return self.curve()(
            {
                "ep": batch // self.dataloader_len,
                "ba": batch,
                "sp": batch * self.samples_per_batch,
                "tok": batch * self.tokens_per_batch,
            }
        )

    def complaints(self, values: list[float]) -> Iterator[str]:
        assert len(values) == len(self.points)
        for (batch, want), got in zip(self.points, values, strict=True):
            # Written so that a NaN is a complaint.
            if not abs(got - want) <= self.tolerance:
                yield (
                    f"line {self.line}: {self.scheduler}({self.args}) of {self.max_duration}"
                    f" x {self.ratio} at batch {batch}: {got!r}, not {want!r}"
                )


def composer_cases() -> list[ComposerCase]:
    cases = []
    text = (VECTORS / "composer.jsonl").read_text(encoding="ascii")
    for line, case in enumerate(text.splitlines(), start=1):
        raw = json.loads(case)
        cases.append(
            ComposerCase(
                line=line,
                scheduler=raw["scheduler"],
                args=raw["args"],
                max_duration=raw["max_duration"],
                dataloader_len=raw["dataloader_len"],
                samples_per_batch=raw["samples_per_batch"],
                tokens_per_sample=raw["tokens_per_sample"],
                ratio=raw["scale_schedule_ratio"],
                points=tuple((b, float.fromhex(alpha)) for b, alpha in raw["batch_alpha"]),
            )
        )
    return cases


@dataclass(frozen=True)
class PeerCase:
    """One line of peers.jsonl."""

    line: int
    run: str
    expression: str
    values: tuple[float, ...]
    tolerance: float

    def curve(self) -> Curve:
        return parse(self.expression).resolve(self.run)

    def one_by_one(self) -> list[float]:
        curve = self.curve()
        return [curve(batch) for batch in range(len(self.values))]

    def in_an_array(self) -> AnyFloats:
        return self.curve()(np.arange(len(self.values)))

    def complaints(self, values: list[float]) -> Iterator[str]:
        for batch, (want, got) in enumerate(zip(self.values, values, strict=True)):
            if not abs(got - want) <= self.tolerance:
                yield f"line {self.line}: {self.expression} at batch {batch}: {got!r}, not {want!r}"


def peer_cases() -> dict[str, list[PeerCase]]:
    """Those of each schedule of each library."""
    cases = defaultdict(list)
    for number, text in enumerate((VECTORS / "peers.jsonl").read_text().splitlines(), 1):
        line = json.loads(text)
        values = tuple(map(float.fromhex, line["values"]))
        case = PeerCase(number, line["run"], line["expr"], values, line["tol"])
        cases[f"{line['peer']} {line['name']}"].append(case)
    return dict(cases)
