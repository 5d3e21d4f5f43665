"""Times: their text, the count rule, their arithmetic."""

import math
import re
from fractions import Fraction
from typing import NamedTuple

from reference.errors import Refusal, quote, shown

UNITS = ("iter", "ep", "ba", "sp", "tok", "dur", "sec")
LIMIT = 2**63 - 1

_MULTIPLES = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}
_DIGITS = r"[0-9]+(?:_[0-9]+)*"
_NUMBER = re.compile(
    rf"([+-]?{_DIGITS}(?:\.{_DIGITS})?)(?:e([+-]?{_DIGITS}))?([KMBT]?) ?((?i:{'|'.join(UNITS)}))",
    re.ASCII,
)
_HMS = re.compile(r"(?=.)(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?")
_BLANKS = " \t\n\f\r"


class Time(NamedTuple):
    value: int | float
    unit: str

    def __str__(self) -> str:
        if self.unit != "dur":
            return f"{self.value}{self.unit}"
        return shown(self.value).removesuffix(".0") + "dur"


Operand = Time | str | int | float


# Text


def parse(text: str) -> Time:
    refusal = Refusal("TimeParseError", quote(text))
    if len(text.encode("utf-8", "surrogatepass")) > 64:
        raise refusal
    if match := _NUMBER.fullmatch(text.strip(_BLANKS)):
        number, exponent, multiple, unit = match.groups()
        # Beyond 10^±1000 a number of 64 digits is out of range, or no whole number, either way.
        ten_to = max(-1000, min(1000, int(exponent or 0)))
        value = Fraction(number.replace("_", "")) * Fraction(10) ** ten_to * _MULTIPLES[multiple]
        unit = unit.lower()
    elif match := _HMS.fullmatch(text.strip(_BLANKS)):
        days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
        value = Fraction(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
        unit = "sec"
    else:
        raise refusal
    if unit == "dur":
        try:
            # A fraction knows no -0, a float does.
            return Time(-float(-value) if text.strip(_BLANKS)[0] == "-" else float(value), unit)
        except OverflowError:
            raise refusal from None
    if value.denominator != 1:
        raise Refusal("FractionalCountError", quote(text))
    if abs(value) > LIMIT:
        raise refusal
    return Time(int(value), unit)


# The count rule


def snap(low: Fraction, exact: Fraction, high: Fraction) -> int | None:
    """The whole number of [low, high] that is nearest to `exact`, the smaller one in a tie."""
    inside = [k for k in (math.floor(exact), math.ceil(exact)) if low <= k <= high]
    return min(inside, key=lambda k: (abs(k - exact), abs(k)), default=None)


def bounds(factor: float) -> tuple[Fraction, Fraction]:
    """The numbers that `factor` may stand for: half an ulp to either side."""
    half = Fraction(math.ulp(factor)) / 2
    return Fraction(factor) - half, Fraction(factor) + half


def snapped_product(count: Fraction | int, factor: float, divisor: int = 1) -> int | None:
    low, high = sorted(count * bound / divisor for bound in bounds(factor))
    return snap(low, count * Fraction(factor) / divisor, high)


def product(count: int, factor: float, divisor: int = 1) -> int:
    whole = snapped_product(count, factor, divisor)
    return math.trunc(count * Fraction(factor) / divisor) if whole is None else whole


def snapped_quotient(count: int, factor: float) -> int | None:
    low, high = sorted(count / bound for bound in bounds(factor))
    return snap(low, count / Fraction(factor), high)


def quotient(count: int, factor: float) -> int:
    whole = snapped_quotient(count, factor)
    return math.trunc(count / Fraction(factor)) if whole is None else whole


# Arithmetic


def checked(value: int | float | Fraction, unit: str) -> Time:
    """The result of an operation, if a Time can hold it."""
    try:
        value = float(value) if unit == "dur" else int(value)
    except OverflowError:
        raise Refusal("TimeOverflowError") from None
    if not (math.isfinite(value) if unit == "dur" else abs(value) <= LIMIT):
        raise Refusal("TimeOverflowError")
    return Time(value, unit)


def number(value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refusal("TypeError")
    if isinstance(value, float) and not math.isfinite(value):
        raise Refusal("EpochalError")
    return value


def operand(a: Time, value: object) -> int | float:
    """A factor or divisor: what meets a count must be in its range."""
    factor = number(value)
    if a.unit != "dur" and isinstance(factor, int) and abs(factor) > LIMIT:
        raise Refusal("TimeOverflowError")
    return factor


def time(value: Operand, unit: str) -> Time:
    """An operand: a number takes the unit of the other operand."""
    if isinstance(value, Time):
        return value
    if isinstance(value, str):
        return parse(value)
    if unit != "dur" and isinstance(value, float):
        raise Refusal("TypeError")
    return checked(number(value), unit)


def alike(a: Time, b: Operand) -> tuple[Time, Time]:
    b = time(b, a.unit)
    if a.unit != b.unit:
        raise Refusal("UnitError", quote(str(a)), quote(str(b)))
    return a, b


def add(a: Time, b: Operand) -> Time:
    a, b = alike(a, b)
    return checked(a.value + b.value, a.unit)


def subtract(a: Time, b: Operand) -> Time:
    a, b = alike(a, b)
    return checked(a.value - b.value, a.unit)


def multiply(a: Time, b: Operand) -> Time:
    factor: int | float
    if isinstance(b, Time | str):
        b = time(b, a.unit)
        if "dur" not in (a.unit, b.unit):
            raise Refusal("UnitError", quote(str(a)), quote(str(b)))
        a, factor = (a, b.value) if b.unit == "dur" else (b, a.value)
    else:
        factor = operand(a, b)
    if a.unit == "dur":
        return checked(Fraction(a.value) * beside_a_fraction(factor), "dur")
    return checked(
        a.value * factor if isinstance(factor, int) else product(int(a.value), factor), a.unit
    )


def divide(a: Time, b: Operand) -> Time:
    if isinstance(b, Time | str):
        a, b = alike(a, b)
        return checked(exact_quotient(a, b.value), "dur")
    exact = exact_quotient(a, operand(a, b))
    if a.unit == "dur" or isinstance(b, int):
        return checked(exact, a.unit)
    return checked(quotient(int(a.value), b), a.unit)


def exact_quotient(a: Time, divisor: int | float) -> Fraction:
    if divisor == 0:
        raise Refusal("TimeZeroDivisionError", quote(str(a)))
    exact = beside_a_fraction(divisor) if a.unit == "dur" else Fraction(divisor)
    return Fraction(a.value) / exact


def beside_a_fraction(value: int | float) -> Fraction:
    """A number beside a `dur`: a float, as in Python, whatever it was."""
    return Fraction(float(checked(value, "dur").value))


def floor_divide(a: Time, b: Operand) -> int | Time:
    """Python's own, for floats too."""
    if isinstance(b, float):
        raise Refusal("TypeError")
    if isinstance(b, int):
        if abs(number(b)) > LIMIT:
            raise Refusal("TimeOverflowError")
        exact_quotient(a, b)
        divisor = checked(b, "dur").value if a.unit == "dur" else b
        return checked(a.value // divisor, a.unit)
    a, b = alike(a, b)
    exact_quotient(a, b.value)
    try:
        return int(a.value // b.value)
    except OverflowError:
        raise Refusal("TimeOverflowError") from None


def modulo(a: Time, b: Operand) -> Time:
    a, b = alike(a, b)
    exact_quotient(a, b.value)
    return checked(a.value % b.value, a.unit)


def compare(a: Time, b: Operand) -> int:
    """-1, 0 or 1."""
    a, b = alike(a, b)
    return (a.value > b.value) - (a.value < b.value)


def equal(a: Time, b: object) -> bool:
    if isinstance(b, str):
        try:
            return a == parse(b)
        except Refusal:
            return False
    if isinstance(b, Time):
        return a == b
    if isinstance(b, bool) or not isinstance(b, int | float):
        return False
    return a.value == b
