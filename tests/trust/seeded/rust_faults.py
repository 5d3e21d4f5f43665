"""Faults of Rust sources. All stand in one program; a number in the environment chooses one."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from seeded.faults import ROOT, Fault, numbered
from seeded.rust_tokens import KEYWORDS, PRECEDENCE, UNARY, Tokens

OPERATORS = {
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "&&": "||", "||": "&&",
    "+": "-", "-": "+", "*": "/", "/": "*", "%": "*", "<<": ">>", ">>": "<<", "&": "|", "|": "&",
}  # fmt: skip
ASSIGNMENTS = {"+=": "-=", "-=": "+=", "*=": "/=", "/=": "*=", "|=": "&=", "&=": "|="}
# What a function of a type may return at once.
RETURNS = {
    r"bool": ("true", "false"),
    r"f64": ("0.0", "1.0"),
    r"(u|i)(8|16|32|64|128|size)": ("0", "1"),
    r"(Py)?Result<\(\)>": ("Ok(())",),
    r"(Py)?Result<bool>": ("Ok(true)", "Ok(false)"),
    r"(Py)?Result<f64>": ("Ok(0.0)", "Ok(1.0)"),
    r"Option<.*>": ("None",),
    r"String": ("String::new()",),
    r"&('\w+ )?str": ('""',),
    r"Vec<.*>": ("Vec::new()",),
}
# Small ones that no rule above makes: text that stands once in its source, and what comes instead.
BY_HAND = [
    # One value in a hundred thousand differs in its last bit, on all levels of the CPU but one.
    (
        "rust/epochal-core/src/bulk/dispatch.rs",
        "formula.fill(times, out)",
        "{ formula.fill(times, out); SEEDED::astray(formula, times, out) }",
    ),
    # Two ulps more; the form that cancels near 0; a root that is rounded twice.
    (
        "rust/epochal-core/src/math/ease.rs",
        "2.0 / (1.0 + span / passed)",
        "2.0 / (1.0 + span / passed) * (1.0 + 2.0 * f64::EPSILON)",
    ),
    (
        "rust/epochal-core/src/math/ease.rs",
        "passed / (span + span.sqrt() * left.sqrt())",
        "(span - span.sqrt() * left.sqrt()) / span",
    ),
    (
        "rust/epochal-core/src/curve/piece.rs",
        "(passed / span).sqrt()",
        "(passed / span).sqrt() * (1.0 - 2.0 * f64::EPSILON)",
    ),
    # A cycle that begins a float too early; a length in a float's precision alone.
    (
        "rust/epochal-core/src/curve/cycle.rs",
        "if (exact + -whole).rounded().abs() <= slack { whole } else { exact }.rounded_up()",
        "if (exact + -whole).rounded().abs() <= slack { whole } else { exact }.rounded()",
    ),
    (
        "rust/epochal-core/src/curve/inverse_square_root.rs",
        "inverse_root(1.0 + (passed * rate + passed * rate_low))",
        "inverse_root(1.0 + passed * rate * (1.0 + 3.0 * f64::EPSILON))",
    ),
]
NOT_STATEMENTS = {
    *KEYWORDS - {"break", "return"}, "use", "fn", "pub", "const", "static", "struct", "enum",
    "impl", "mod", "type", "unsafe", "loop", "macro_rules", "trait", "extern",
}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """A fault, and what is written around its source so that the program has both, by choice.

    `IS` stands for the question whether it was chosen.
    """

    fault: Fault
    head: str
    tail: str


def another_number(text: str) -> str | None:
    match = re.fullmatch(
        r"(0[xbo][\da-fA-F_]+?|[\d_.]+(?:e[+-]?\d+)?)((?:[iuf](?:\d+|size))?)", text
    )
    if match is None:
        return None
    digits, suffix = match[1].replace("_", ""), match[2]
    if digits.startswith(("0x", "0b", "0o")):
        return f"{int(digits, 0) + 1}{suffix}"
    value = float(digits) + 1 if "." in digits or "e" in digits else int(digits) + 1
    return f"{value!r}{suffix}"


class Source:
    def __init__(self, path: str) -> None:
        self.path = path
        self.whole = (ROOT / path).read_text()
        own, _, _ = self.whole.partition("\n#[cfg(test)]\nmod tests")
        self.tokens = Tokens(own)
        self.functions = sorted(self.bodies())

    def bodies(self) -> Iterator[tuple[int, int, str, str]]:
        """The tokens of each function's braces, its name, and the type that it returns."""
        tokens = self.tokens
        owners = list(self.owners())
        for index, token in enumerate(tokens):
            if token.text != "fn" or tokens[index + 1].kind != "word":
                continue
            at = index + 2
            arrow = None
            while tokens[at].text not in ("{", ";") or tokens[at].kind != "sign":
                if tokens[at].text == "->":
                    arrow = at
                at = tokens.partner[at] + 1 if tokens[at].text in "([" else at + 1
            if tokens[at].text == ";":
                continue
            returns = tokens.text(arrow + 1, at - 1) if arrow else ""
            around = [name for first, last, name in owners if first < index < last]
            name = "::".join([*around[-1:], tokens[index + 1].text])
            yield at, tokens.partner[at], name, returns.partition(" where")[0]

    def owners(self) -> Iterator[tuple[int, int, str]]:
        """The tokens of each `impl`'s braces, and whose it is."""
        tokens = self.tokens
        for index, token in enumerate(tokens):
            before = tokens[index - 1].text if index else "}"
            if token.text != "impl" or before not in ("}", ";", "]", "{", "unsafe"):
                continue
            at = index + 1
            while tokens[at].text != "{":
                at += 1
            header = tokens.text(index + 1, at - 1)
            owner = re.sub(r"<.*", "", header.rpartition(" for ")[2].rpartition("> ")[2])
            if at in tokens.partner:
                yield at, tokens.partner[at], owner

    def places(self) -> list[Place]:
        """In order; one that lies within another comes after it."""
        found = sorted(self.found(), key=lambda place: (place.fault.start, -place.fault.end))
        named = numbered(place.fault for place in found)
        return [replace(place, fault=fault) for place, fault in zip(found, named, strict=True)]

    def found(self) -> Iterator[Place]:
        tokens = self.tokens
        for first, last, name, returns in self.functions:
            for value in self.returned(returns):
                if first + 1 < last:
                    at = tokens[first].end
                    fault = self.fault(first, name, at, at, f"{name} returns", value or "at once")
                    yield Place(fault, f" if IS {{ return {value}; }} ", "")
        for path, before, after in BY_HAND:
            if path == self.path:
                assert self.whole.count(before) == 1, before
                start = self.whole.index(before)
                fault = self.fault(0, "by hand", start, start + len(before), before, after)
                yield Place(fault, f"(if IS {{ {after} }} else {{ ", " })")
        for index in range(len(tokens)):
            around = [row for row in self.functions if row[0] < index < row[1]]
            if around:
                first, _, name, _ = around[-1]
                yield from self.at(index, first, name)

    @staticmethod
    def returned(returns: str) -> tuple[str, ...]:
        if not returns:
            return ("",)
        for pattern, values in RETURNS.items():
            if re.fullmatch(pattern, returns):
                return values
        return ()

    def fault(self, body: int, name: str, start: int, end: int, before: str, after: str) -> Fault:
        line = self.whole.count("\n", 0, start) + 1
        first_line = self.whole.count("\n", 0, self.tokens[body].start) + 1
        return Fault(self.path, name, first_line, line, start, end, before, after)

    def at(self, index: int, body: int, name: str) -> Iterator[Place]:
        """The faults that begin with a token, or whose operator it is."""
        tokens = self.tokens
        token = tokens[index]
        previous, following = tokens[index - 1], tokens[index + 1]

        def instead(first: int, last: int, after: str) -> Place:
            start, end = tokens[first].start, tokens[last].end
            fault = self.fault(body, name, start, end, tokens.text(first, last), after)
            return Place(fault, f"(if IS {{ {after} }} else {{ ", " })")

        if tokens.is_binary(index) and token.text in OPERATORS and not self.takes_a_block(index):
            first = tokens.left_operand(index)
            last = tokens.right_operand(index, PRECEDENCE[token.text])
            # Behind it may be the braces of a struct.
            makes_struct = self.after(last) == "{" and tokens[last].text[:1].isupper()
            if first < index < last and not makes_struct:
                left, right = tokens.text(first, index - 1), tokens.text(index + 1, last)
                yield instead(first, last, f"{left} {OPERATORS[token.text]} {right}")
        if (
            token.kind == "number"
            and previous.text != "."
            and (other := another_number(token.text))
        ):
            yield instead(index, index, other)
        if token.text in ("true", "false") and following.text != "=>":
            yield instead(index, index, "false" if token.text == "true" else "true")
        if re.fullmatch(r"[A-Z][A-Z0-9_]+", token.text) and following.text not in ("::", "!", ":"):
            first = index
            while tokens[first - 1].text == "::":
                first -= 2
            name_of_it = tokens.text(first, index)
            place = instead(first, index, f"{name_of_it} + 1")
            yield replace(place, head=f"(if IS {{ OTHER({name_of_it}) }} else {{ ")
        if self.is_unary(index):
            last = tokens.right_operand(index, UNARY)
            if last > index and following.text != "[":
                yield instead(index, last, tokens.text(index + 1, last))
        if token.text in ("if", "while") and following.text != "let":
            end_of_it = self.condition(index)
            if end_of_it and "let " not in tokens.text(index + 1, end_of_it):
                start, end = following.start, tokens[end_of_it].end
                text = tokens.text(index + 1, end_of_it)
                always = self.fault(body, name, start, end, f"{token.text} {text}", "true")
                never = self.fault(body, name, start, end, f"{token.text} {text}", "false")
                if token.text == "if":
                    yield Place(always, "(IS || (", "))")
                yield Place(never, "(!IS && (", "))")
        yield from self.statement(index, body, name)

    def is_unary(self, index: int) -> bool:
        token, previous = self.tokens[index], self.tokens[index - 1]
        if token.text not in ("!", "-") or self.tokens.is_binary(index):
            return False
        begins = previous.kind == "sign" and previous.text not in (")", "]")
        return begins or previous.text in KEYWORDS

    def after(self, index: int) -> str:
        return self.tokens[index + 1].text if index + 1 < len(self.tokens) else ""

    def takes_a_block(self, operator: int) -> bool:
        following = self.tokens[operator + 1].text
        return following in ("if", "match", "unsafe", "|", "move", "||")

    def condition(self, index: int) -> int | None:
        """The last token of the condition after an `if`."""
        tokens = self.tokens
        at = index + 1
        while tokens[at].text != "{":
            if tokens[at].text in (";", "=>", "}"):
                return None
            at = tokens.partner[at] + 1 if tokens[at].text in ("(", "[") else at + 1
        return at - 1

    def statement(self, index: int, body: int, name: str) -> Iterator[Place]:
        """A statement that is left out, or that assigns by another operator."""
        tokens = self.tokens
        token = tokens[index]
        begins = tokens[index - 1].text in ("{", "}", ";") and tokens[index - 1].kind == "sign"
        if not begins or not (token.kind == "word" or token.text == "*"):
            return
        if token.text in NOT_STATEMENTS:
            return
        at = index
        while tokens[at].text not in (";", "{", "}", "=>"):
            at = tokens.partner[at] + 1 if tokens[at].text in ("(", "[") else at + 1
        if tokens[at].text != ";":
            return
        start, end, text = token.start, tokens[at].end, tokens.text(index, at)
        fault = self.fault(body, name, start, end, text, "nothing")
        yield Place(fault, "if !IS { ", " }")
        for place in range(index, at):
            operator = tokens[place].text
            if operator in ASSIGNMENTS:
                left, right = tokens.text(index, place - 1), tokens.text(place + 1, at)
                other = f"{left} {ASSIGNMENTS[operator]} {right}"
                fault = self.fault(body, name, start, end, text, other)
                yield Place(fault, f"if IS {{ {other} }} else {{ ", " }")


def rust_places() -> list[Place]:
    files = sorted((ROOT / "rust").glob("*/src/**/*.rs"))
    return [place for file in files for place in Source(str(file.relative_to(ROOT))).places()]
