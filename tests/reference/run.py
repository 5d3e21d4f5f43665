"""Runs: how long they are, and what a time of one unit is in another."""

import math
from dataclasses import dataclass
from fractions import Fraction

from reference.errors import Refusal, shown
from reference.time import Time, checked, product, snapped_product
from reference.timestamp import Timestamp, timestamp


@dataclass(frozen=True)
class Run:
    max_duration: Time
    batches_per_epoch: int | None = None
    samples_per_batch: int | None = None
    tokens_per_batch: int | None = None
    ratio: float = 1.0

    @property
    def duration(self) -> Time:
        count, unit = int(self.max_duration.value), self.max_duration.unit
        if unit == "ep" and snapped_product(count, self.ratio) is None:
            count, unit = int(count * self.batches("ep")), "ba"
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

    def rate(self, unit: str, into: str) -> Fraction:
        """How many of `into` one of `unit` is."""
        if unit == into:
            return Fraction(1)
        for lonely in ("iter", "sec"):
            if lonely in (unit, into):
                raise Refusal("UnitError", f"'{lonely}'")
        return self.batches(unit) / self.batches(into)

    def convert(self, time: Time, into: str) -> Time:
        if time.unit == into:
            return time
        length = self.duration
        if time.unit == "dur":
            rate = self.rate(length.unit, into)
            count = int(length.value) * rate.numerator
            return checked(product(count, float(time.value), rate.denominator), into)
        if into == "dur":
            same = time.value * self.rate(time.unit, length.unit)
            return checked(same / int(length.value), "dur")
        return checked(math.trunc(time.value * self.rate(time.unit, into)), into)

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
