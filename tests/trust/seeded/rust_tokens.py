"""The tokens of a Rust source, and which of them an operand takes."""

import re
from dataclasses import dataclass

TOKEN = re.compile(
    r"""
    (?P<blank>\s+ | //[^\n]* | /\*.*?\*/)
  | (?P<text>b?r\#*".*?"\#* | b?"(?:[^"\\]|\\.)*" | b?'(?:[^'\\]|\\[^u]|\\u\{\w+\})')
  | (?P<life>'\w+)
  | (?P<number>\d[\d_]*(?:\.\d[\d_]*|\.(?![.\w]))?(?:[eE][+-]?\d[\d_]*)?\w*)
  | (?P<word>\w+)
  | (?P<sign><<=|>>=|\.\.=|::|->|=>|\.\.|[-+*/%^|&=!<>]=|&&|\|\||<<|>>|.)
    """,
    re.VERBOSE | re.DOTALL,
)
HEXADECIMAL = re.compile(r"0[xbo][\da-fA-F_]+(?:[iu](?:\d+|size))?")
PRECEDENCE = {
    "*": 11, "/": 11, "%": 11, "+": 10, "-": 10, "<<": 9, ">>": 9, "&": 8, "^": 7, "|": 6,
    "==": 5, "!=": 5, "<": 5, ">": 5, "<=": 5, ">=": 5, "&&": 4, "||": 3,
}  # fmt: skip
UNARY = 12
ENDS = {
    ",", ";", "=>", "=", ":", "..", "..=", "->", "#", "{", "}",
    "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>=",
}  # fmt: skip
KEYWORDS = {"return", "if", "while", "match", "let", "in", "else", "break", "move", "for", "where"}
CLOSES = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    start: int
    end: int


class Tokens(list[Token]):
    """All but blanks. A binary operator has blanks on both sides, as rustfmt sets it."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source
        at = 0
        while at < len(source):
            number = HEXADECIMAL.match(source, at)
            match = number or TOKEN.match(source, at)
            assert match is not None
            kind = "number" if number else str(match.lastgroup)
            if kind != "blank":
                self.append(Token(kind, match[0], at, match.end()))
            at = match.end()
        self.partner: dict[int, int] = {}
        stack = []
        for index, token in enumerate(self):
            if token.kind == "sign" and token.text in CLOSES:
                stack.append(index)
            elif token.kind == "sign" and token.text in CLOSES.values():
                opening = stack.pop()
                self.partner[opening], self.partner[index] = index, opening

    def text(self, first: int, last: int) -> str:
        """The source from one token to another, both included."""
        return self.source[self[first].start : self[last].end]

    def is_binary(self, index: int) -> bool:
        token = self[index]
        around = self.source[token.start - 1 : token.start] + self.source[token.end : token.end + 1]
        return token.kind == "sign" and token.text in PRECEDENCE and around.isspace()

    def ends(self, index: int) -> bool:
        """Whether no operand goes over a token."""
        token = self[index]
        closure = token.text == "|" and not self.is_binary(index)
        return closure or token.text in KEYWORDS or (token.kind == "sign" and token.text in ENDS)

    def left_operand(self, operator: int) -> int:
        """The index of its first token."""
        at = operator - 1
        while at >= 0:
            if self[at].kind == "sign" and self[at].text in (")", "]"):
                at = self.partner[at] - 1
                continue
            weaker = (
                self.is_binary(at) and PRECEDENCE[self[at].text] < PRECEDENCE[self[operator].text]
            )
            if weaker or self.ends(at) or (self[at].kind == "sign" and self[at].text in CLOSES):
                break
            at -= 1
        return at + 1

    def right_operand(self, operator: int, precedence: int) -> int:
        """The index of its last token."""
        at = operator + 1
        while at < len(self):
            if self[at].kind == "sign" and self[at].text in ("(", "["):
                at = self.partner[at] + 1
                continue
            weaker = self.is_binary(at) and PRECEDENCE[self[at].text] <= precedence
            if weaker or self.ends(at) or (self[at].kind == "sign" and self[at].text in ")]"):
                break
            if precedence == UNARY and self[at].text == "as":
                break
            at += 1
        return at - 1
