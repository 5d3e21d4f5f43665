"""Faults that change nothing that is promised, each with the reason. They are not run."""

EXPLAINED: dict[str, str] = {}
