"""The documentation as programs: what its Markdown holds."""

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]


def blocks(text: str, language: str = "python") -> Iterator[tuple[int, str]]:
    """The blocks of a language in a Markdown text, each with the number of lines before it."""
    for block in re.finditer(rf"^( *)```{language} *\n(.*?)^ *``` *$", text, re.M | re.S):
        yield text.count("\n", 0, block.start(2)), textwrap.dedent(block[2])


def sections(text: str) -> dict[str, str]:
    """The parts of a page by their headings of the second level; what is before them under ""."""
    first, *others = re.split(r"^## (.*)\n", text, flags=re.M)
    return {"": first, **dict(zip(others[::2], others[1::2], strict=True))}
