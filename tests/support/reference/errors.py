"""What the package must raise."""

import re


class Refusal(Exception):
    """Bad input: the name of the class to raise, and texts that its message must contain."""

    def __init__(self, kind: str, *quoted: str) -> None:
        super().__init__(kind, *quoted)
        self.kind = kind
        self.quoted = quoted


def quote(text: str) -> str:
    """The text as a message shows it; only the first 64 characters, and only if it is plain."""
    if not (text.isascii() and text.isprintable()):
        return ""
    shown = text[:64].replace("\\", "\\\\").replace("'", "\\'")
    return f"'{shown}" + ("'" if len(text) <= 64 else "")


def shown(number: int | float) -> str:
    """A number as a message shows it: 1e-7, not 1e-07; 1e20, not 1e+20; a long one cut."""
    return re.sub(r"e\+?(-?)0*", r"e\1", str(number))[:40]
