"""Small wrongs in a module's source: one at a time, each where a test should notice it.

A mutant is the source with one node changed: a comparison turned, `and` and `or` swapped, a condition or a set
operation reversed, a constant moved, a `yield` or an assignment left out, a result returned empty.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any, NamedTuple

_TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_SWAPPED: dict[type[ast.operator], type[ast.operator]] = {
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.Add: ast.Sub, ast.Sub: ast.Add,
}  # fmt: skip


class Mutant(NamedTuple):
    """One changed source."""

    line: int
    change: str
    source: str


def mutants(source: str) -> Iterator[Mutant]:
    """Every mutant of a module, in the order of its lines. Annotations and texts for people stay."""
    tree = ast.parse(source)
    found = []
    for number, node in enumerate(ast.walk(tree)):
        for change in _changes(node):
            copy = deepcopy(tree)
            twin = next(other for n, other in enumerate(ast.walk(copy)) if n == number)
            before = _words(node)
            change(twin)
            after = _words(twin)
            line = getattr(node, "lineno", 0)
            found.append(Mutant(line, f"{before}  ->  {after}", ast.unparse(ast.fix_missing_locations(copy))))
    yield from sorted((one for one in found if one.source != ast.unparse(tree)), key=lambda one: one.line)


def _words(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())[:90]


Change = Callable[[Any], None]


def _changes(node: ast.AST) -> Iterator[Change]:
    yield from _of_operator(node)
    match node:
        case ast.If() | ast.IfExp():
            yield lambda twin: setattr(twin, "test", ast.UnaryOp(ast.Not(), twin.test))
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield lambda twin: setattr(twin, "value", ast.Constant(None))
        case ast.Constant(value=bool() | int()):
            yield _moved
        case ast.Assign(targets=[ast.Name()]) | ast.AugAssign():
            yield _left_out
        case ast.Expr(value=ast.Yield() | ast.YieldFrom() | ast.Call()):
            yield _left_out


def _of_operator(node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.Compare(ops=[comparison]) if type(comparison) in _TURNED:
            yield lambda twin: twin.ops.__setitem__(0, _TURNED[type(twin.ops[0])]())
        case ast.BoolOp():
            yield lambda twin: setattr(twin, "op", ast.Or() if isinstance(twin.op, ast.And) else ast.And())
        case ast.BinOp(op=operator) if type(operator) in _SWAPPED and not _is_type(node):
            yield lambda twin: setattr(twin, "op", _SWAPPED[type(twin.op)]())
        case ast.UnaryOp(op=ast.Not() | ast.Invert()):
            yield _without_operator


def _moved(twin: Any) -> None:
    twin.value = not twin.value if isinstance(twin.value, bool) else twin.value + 1


def _is_type(node: ast.BinOp) -> bool:
    """True for `A | B` and `a | None`: annotations decide nothing."""
    either = isinstance(node.left, ast.Name) and node.left.id[:1].isupper()
    return either or (isinstance(node.right, ast.Constant) and node.right.value is None)


def _without_operator(twin: Any) -> None:
    twin.op = ast.UAdd() if isinstance(twin.op, ast.Invert) else ast.Not()
    if isinstance(twin.op, ast.Not):
        twin.operand = ast.UnaryOp(ast.Not(), twin.operand)


def _left_out(twin: Any) -> None:
    """The statement's place is taken by one that does nothing."""
    match twin:
        case ast.Expr():
            twin.value = ast.Constant(None)
        case ast.AugAssign():
            twin.op, twin.value = ast.BitOr(), ast.Constant(0)
        case ast.Assign():
            twin.value = ast.Constant(None)
