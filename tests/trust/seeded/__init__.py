"""Seeded faults: where they are made, how they are run, which of them change nothing."""
