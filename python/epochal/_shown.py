"""What was given, in error messages."""

from __future__ import annotations

__all__ = ["shown"]

# Most schedules and curves are shorter.
LONGEST = 200


def shown(given: object) -> str:
    """Its `repr`, shortened; the name of its type where that fails.

    >>> from epochal._shown import shown
    >>> shown("90 epochs"), len(shown("9" * 1_000_000))
    ("'90 epochs'", 201)
    """
    try:
        text = repr(given)
    except Exception:  # whatever a foreign object raises, or a list that is too deep
        return f"<{type(given).__name__}>"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
