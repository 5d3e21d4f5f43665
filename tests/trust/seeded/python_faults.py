"""Faults of Python sources, made from their syntax trees."""

import ast
from collections.abc import Iterator
from pathlib import Path

from seeded.faults import ROOT, Fault, numbered

COMPARISONS: dict[type[ast.cmpop], ast.cmpop] = {
    ast.Lt: ast.LtE(), ast.LtE: ast.Lt(), ast.Gt: ast.GtE(), ast.GtE: ast.Gt(),
    ast.Eq: ast.NotEq(), ast.NotEq: ast.Eq(), ast.Is: ast.IsNot(), ast.IsNot: ast.Is(),
    ast.In: ast.NotIn(), ast.NotIn: ast.In(),
}  # fmt: skip
OPERATORS: dict[type[ast.operator], ast.operator] = {
    ast.Add: ast.Sub(), ast.Sub: ast.Add(), ast.Mult: ast.Div(), ast.Div: ast.Mult(),
    ast.FloorDiv: ast.Mult(), ast.Mod: ast.Mult(), ast.BitOr: ast.BitAnd(), ast.BitAnd: ast.BitOr(),
}  # fmt: skip
Function = ast.FunctionDef | ast.AsyncFunctionDef


def other_constant(node: ast.expr) -> ast.expr | None:
    match node:
        case ast.Constant(value=bool(value)):
            return ast.Constant(not value)
        case ast.Constant(value=int(value) | float(value)):
            return ast.Constant(value + 1)
    return None


def others(node: ast.AST) -> Iterator[ast.AST]:
    """What may stand in the place of a node."""
    match node:
        case ast.Compare(left=left, ops=operators, comparators=comparators):
            for index, operator in enumerate(operators):
                changed = [*operators]
                changed[index] = COMPARISONS[type(operator)]
                yield ast.Compare(left, changed, comparators)
        case ast.BoolOp(op=operator, values=values):
            yield ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values)
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield operand
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in OPERATORS:
            yield ast.BinOp(left, OPERATORS[type(operator)], right)
        case ast.AugAssign(target=target, op=operator, value=value) if type(operator) in OPERATORS:
            yield ast.AugAssign(target, OPERATORS[type(operator)], value)
        case ast.Constant():
            if changed_constant := other_constant(node):
                yield changed_constant
        case ast.Return(value=ast.expr() as value):
            if not (isinstance(value, ast.Constant) and value.value is None):
                yield ast.Return(ast.Constant(None))
            if not (isinstance(value, ast.Constant) and value.value is True):
                yield ast.Return(ast.Constant(True))
        case ast.Expr(value=ast.Call() | ast.Await() | ast.Yield()) | ast.Raise() | ast.Delete():
            yield ast.Pass()
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript(), *_]):
            yield ast.Pass()
        case ast.Continue() | ast.Break():
            yield ast.Pass()
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
            if not isinstance(test, ast.Compare | ast.UnaryOp):
                yield ast.UnaryOp(ast.Not(), test)


def parts(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of a node that compute: neither types, nor texts, nor what only a checker reads."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "type_comment", "bases"):
            continue
        for part in value if isinstance(value, list) else [value]:
            if not isinstance(part, ast.AST) or isinstance(part, ast.JoinedStr):
                continue
            if isinstance(part, ast.If) and "TYPE_CHECKING" in ast.unparse(part.test):
                continue
            yield part


class Source:
    def __init__(self, path: str) -> None:
        self.path = path
        self.data = (ROOT / path).read_bytes()
        lines = self.data.splitlines(keepends=True)
        self.starts = [0]
        for line in lines:
            self.starts.append(self.starts[-1] + len(line))

    def faults(self) -> list[Fault]:
        return numbered(self.within(ast.parse(self.data), "", 0))

    def within(self, node: ast.AST, function: str, first_line: int) -> Iterator[Fault]:
        if isinstance(node, ast.ClassDef | Function):
            function = f"{function}.{node.name}".lstrip(".")
        if isinstance(node, Function):
            first_line = min([node.lineno, *(mark.lineno for mark in node.decorator_list)])
            for default in self.defaults(node.args):
                yield self.fault(default, ast.Constant(0), function, first_line)
        for part in parts(node):
            place = part.test if isinstance(part, ast.If | ast.IfExp | ast.While) else part
            for other in others(part):
                yield self.fault(place, other, function, first_line)
            yield from self.within(part, function, first_line)

    @staticmethod
    def defaults(arguments: ast.arguments) -> Iterator[ast.expr]:
        """The defaults that are texts or None; numbers are constants like others."""
        for default in [*arguments.defaults, *arguments.kw_defaults]:
            if isinstance(default, ast.Constant) and (
                default.value is None or isinstance(default.value, str)
            ):
                yield default

    def fault(self, node: ast.AST, other: ast.AST, function: str, first_line: int) -> Fault:
        assert isinstance(node, ast.expr | ast.stmt)
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self.starts[node.lineno - 1] + node.col_offset
        end = self.starts[node.end_lineno - 1] + node.end_col_offset
        text = ast.unparse(ast.fix_missing_locations(other))
        if isinstance(other, ast.expr):
            text = f"({text})"
        return Fault(
            path=self.path,
            function=function,
            first_line=first_line,
            line=node.lineno,
            start=start,
            end=end,
            before=self.data[start:end].decode(),
            after=text,
        )


def python_faults() -> list[Fault]:
    files = sorted((ROOT / "python").glob("**/*.py"))
    return [fault for file in files for fault in Source(str(file.relative_to(ROOT))).faults()]


def with_fault(fault: Fault) -> bytes:
    """The source that has it."""
    data = Path(ROOT / fault.path).read_bytes()
    return data[: fault.start] + fault.after.encode() + data[fault.end :]
