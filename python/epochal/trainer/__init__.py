"""A small training loop around schedules; `Trainer` is all of it."""

from epochal.trainer._trainer import LossError, Trainer

__all__ = ["LossError", "Trainer"]
