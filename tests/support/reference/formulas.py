"""Formulas of numbers, by decimals of 60 digits."""

import decimal
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899")


def precisely() -> decimal.Context:
    return decimal.Context(prec=60, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN)


def exactly(x: Fraction | float) -> Decimal:
    x = Fraction(x)
    return Decimal(x.numerator) / Decimal(x.denominator)


def power(base: Fraction | float, exponent: Fraction | float) -> Decimal:
    return Decimal(1) if exponent == 0 else exactly(base) ** exactly(exponent)


def sine(x: Decimal) -> Decimal:
    total, term, n = Decimal(0), x, 1
    while total + term != total:
        total, term, n = total + term, -term * x * x / ((n + 1) * (n + 2)), n + 2
    return total


def half_cosine(u: Decimal) -> Decimal:
    return sine(PI / 2 * u) ** 2


def blend(alpha_i: float, alpha_f: float, part: Decimal) -> Decimal:
    return Decimal(alpha_f) + (Decimal(alpha_i) - Decimal(alpha_f)) * part


# Shapes: x is the way from the lower end of a piece to its higher one.

SHAPES: dict[str, Callable[[Decimal], Decimal]] = {
    "linear": lambda x: x,
    "cosine": half_cosine,
    "sqrt": lambda x: x.sqrt(),
    "1-sqrt": lambda x: 1 - (1 - x).sqrt(),
    "square": lambda x: x * x,
    "rex": lambda x: x / (Decimal("0.5") + Decimal("0.5") * x),
    "exponential": lambda x: 2**x - 1,
}
SHAPE_NAMES = (*SHAPES, "geometric", "step")


def between(left: Decimal, right: Decimal, done: Fraction, shape: str) -> Decimal:
    """From the α at the left end of a piece to that at its right end; `done` is the way so far."""
    if shape == "step":
        return left
    low, high = sorted((left, right))
    x = exactly(done if left <= right else 1 - done)
    if shape == "geometric":
        return low * (high / low) ** x
    return low + (high - low) * SHAPES[shape](x)
