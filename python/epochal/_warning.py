"""Warnings that point into the program."""

from __future__ import annotations

import sys
import warnings

__all__ = ["warn"]


def warn(message: str) -> None:
    """A `UserWarning` at the line of the program that called into the package or PyTorch."""
    level, frame = 1, sys._getframe()
    libraries = ("epochal.", "torch.")
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(libraries):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, UserWarning, stacklevel=level)
