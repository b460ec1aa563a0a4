"""The mutants of a source file: each changes one operator, one number or one word."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SWAPPED: dict[type[ast.AST], Any] = {
    ast.Lt: ast.LtE(),
    ast.LtE: ast.Lt(),
    ast.Gt: ast.GtE(),
    ast.GtE: ast.Gt(),
    ast.Eq: ast.NotEq(),
    ast.NotEq: ast.Eq(),
    ast.In: ast.NotIn(),
    ast.NotIn: ast.In(),
    ast.Is: ast.IsNot(),
    ast.IsNot: ast.Is(),
    ast.Add: ast.Sub(),
    ast.Sub: ast.Add(),
    ast.Mult: ast.Div(),
    ast.Div: ast.Mult(),
    ast.And: ast.Or(),
    ast.Or: ast.And(),
}
"""Operators, and what stands in their place."""
RENAMED = {"min": "max", "max": "min", "fmean": "sum", "mean": "sum", "nanmean": "nansum", "all": "any", "any": "all"}
"""Functions and methods, and what is called in their place."""


@dataclass(frozen=True)
class Mutant:
    """A source file with one expression changed.

    Attributes:
        path: of the file.
        number: the line of the change, from 1.
        before: the expression.
        after: what stands in its place.
        changed: the whole text of the file, changed.

    """

    path: Path
    number: int
    before: str
    after: str
    changed: str

    def line(self, root: Path) -> str:
        """Return the change in a line."""
        return f"{self.path.relative_to(root)}:{self.number}: {self.before}  ->  {self.after}"


def mutants_of(path: Path) -> list[Mutant]:
    """Return every mutant of a file, in the order of the source."""
    text = path.read_text(encoding="utf-8")
    tree, found = ast.parse(text), []
    for node in _expressions(tree):
        before = ast.unparse(node)
        for after in _changes(node):
            found.append(Mutant(path, node.lineno, before, after, _replaced(text, node, f"({after})")))
    return found


def _expressions(node: ast.AST) -> Iterator[ast.expr]:
    """Yield the expressions that are computed when the code runs: no annotations, no text of errors, no f-strings."""
    if isinstance(node, ast.Raise | ast.JoinedStr | ast.Import | ast.ImportFrom):
        return
    if isinstance(node, ast.expr):
        yield node
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list", "bases"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _expressions(child)


def _changes(node: ast.expr) -> list[str]:
    """Return what may stand in the place of an expression."""
    found: list[ast.expr] = []
    match node:
        case ast.Compare(left, [operator], comparators) if type(operator) in SWAPPED:
            found = [ast.Compare(left, [SWAPPED[type(operator)]], comparators)]
        case ast.BinOp(left, operator, right) if type(operator) in SWAPPED and not (_is_text(left) or _is_text(right)):
            found = [ast.BinOp(left, SWAPPED[type(operator)], right)]
        case ast.BoolOp(operator, values):
            found = [ast.BoolOp(SWAPPED[type(operator)], values)]
        case ast.UnaryOp(ast.Not(), operand):
            found = [operand]
        case ast.Constant(bool(value)):
            found = [ast.Constant(not value)]
        case ast.Constant(int(value)):
            found = [ast.Constant(value + 1)]
        case ast.Constant(float(value)):
            found = [ast.Constant(value + 1), ast.Constant(value / 10)]
        case ast.Name(name, ast.Load()) if name in RENAMED:
            found = [ast.Name(RENAMED[name])]
        case ast.Attribute(value, name, ast.Load()) if name in RENAMED:
            found = [ast.Attribute(value, RENAMED[name])]
        case ast.IfExp(test, body, orelse):
            found = [ast.IfExp(test, orelse, body)]
    return [ast.unparse(each) for each in found]


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _replaced(text: str, node: ast.expr, after: str) -> str:
    rows = text.encode().splitlines(keepends=True)  # ast counts columns in bytes
    start = sum(map(len, rows[: node.lineno - 1])) + node.col_offset
    end = sum(map(len, rows[: (node.end_lineno or 0) - 1])) + (node.end_col_offset or 0)
    whole = b"".join(rows)
    return (whole[:start] + after.encode() + whole[end:]).decode()
