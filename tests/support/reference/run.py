"""Runs: how long they are, and what a time of one unit is in another."""

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from reference.errors import Refusal, shown
from reference.time import LIMIT, Time, checked, product, snapped_product
from reference.timestamp import Timestamp, timestamp


@dataclass(frozen=True)
class Run:
    max_duration: Time
    batches_per_epoch: int | None = None
    samples_per_batch: int | None = None
    tokens_per_batch: int | None = None
    ratio: float = 1.0

    @cached_property
    def duration(self) -> Time:
        count, unit = int(self.max_duration.value), self.max_duration.unit
        if unit == "ep" and snapped_product(count, self.ratio) is None:
            count, unit = self.exactly(count, "ep", "ba")[0], "ba"
        length = checked(product(count, self.ratio), unit)
        if length.value == 0:
            raise Refusal("ScheduleError", f"'{self.max_duration}'", shown(self.ratio))
        return length

    def batches(self, unit: str) -> Fraction:
        """How many batches one of a unit is."""
        if unit == "ep":
            return Fraction(fact(self.batches_per_epoch, "'ep' needs batches_per_epoch"))
        if unit == "sp":
            return Fraction(1, fact(self.samples_per_batch, "'sp' needs samples_per_batch"))
        if unit == "tok":
            return Fraction(1, fact(self.tokens_per_batch, "'tok' needs tokens_per_batch"))
        return Fraction(1)

    def exactly(self, count: int, unit: str, into: str) -> tuple[int, int]:
        """A count of one unit as a fraction of another, whose terms are counts as well."""
        if unit == into:
            return count, 1
        for lonely in ("iter", "sec"):
            if lonely in (unit, into):
                raise Refusal("UnitError", f"'{lonely}'")
        one, other = self.batches(unit), self.batches(into)
        terms = count * one.numerator * other.denominator, one.denominator * other.numerator
        if max(map(abs, terms)) > LIMIT:
            raise Refusal("TimeOverflowError")
        return terms

    def convert(self, time: Time, into: str) -> Time:
        if time.unit == into:
            return time
        length = self.duration
        if time.unit == "dur":
            count, divisor = self.exactly(int(length.value), length.unit, into)
            return checked(product(count, float(time.value), divisor), into)
        if into == "dur":
            count, divisor = self.exactly(int(time.value), time.unit, length.unit)
            whole = checked(int(length.value) * divisor, length.unit)
            return checked(Fraction(count) / int(whole.value), "dur")
        count, divisor = self.exactly(int(time.value), time.unit, into)
        return checked(math.trunc(Fraction(count, divisor)), into)

    def at_batch(self, batch: int) -> Timestamp:
        # Without the length of an epoch the whole run is its first one.
        epoch, inside = divmod(batch, self.batches_per_epoch or batch + 1)
        samples, tokens = self.samples_per_batch or 0, self.tokens_per_batch or 0
        return timestamp(
            batch=batch,
            epoch=epoch,
            sample=batch * samples,
            token=batch * tokens,
            epoch_in_iteration=epoch,
            token_in_iteration=batch * tokens,
            batch_in_epoch=inside,
            sample_in_epoch=inside * samples,
            token_in_epoch=inside * tokens,
        )


def fact(value: int | None, missing: str) -> int:
    if value is None:
        raise Refusal("UnitError", missing)
    return value
