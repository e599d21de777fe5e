"""Tokens to the expression inside of a filter, by precedence climbing.

Loosest to tightest: ``&&`` and ``||`` (one level, read from the left), all comparisons, ``+ -``,
``!``, ``* / %``, ``^`` (read from the right), unary minus.
"""

from __future__ import annotations

from typing import cast

import msgspec

from causewatch.signatures.cursor import Cursor
from causewatch.signatures.intrinsic import INTRINSIC_SCOPES, INTRINSICS, LEGACY
from causewatch.signatures.syntax import (
    Attribute,
    Binary,
    Field,
    FieldOperator,
    Intrinsic,
    IsNil,
    Kind,
    Literally,
    LiteralType,
    Scope,
    Static,
    Status,
    Unary,
)
from causewatch.signatures.token import Token

_LOGIC, _COMPARE, _ADD, _NOT, _MULTIPLY, _POWER = 1, 2, 3, 4, 5, 6
_BINDING: dict[str, int] = {
    "&&": _LOGIC, "||": _LOGIC,
    "=": _COMPARE, "!=": _COMPARE, "<": _COMPARE, "<=": _COMPARE, ">": _COMPARE, ">=": _COMPARE,
    "=~": _COMPARE, "!~": _COMPARE,
    "+": _ADD, "-": _ADD,
    "*": _MULTIPLY, "/": _MULTIPLY, "%": _MULTIPLY,
    "^": _POWER,
}  # fmt: skip
_OPERAND = ("an attribute such as `span.x`", "an intrinsic such as `name`", "a value", "`(`", "`!`")
_CONSTANTS: dict[str, tuple[Static, LiteralType]] = {
    "true": (True, "bool"),
    "false": (False, "bool"),
    "minInt": (-(2**63), "int"),
    "maxInt": (2**63 - 1, "int"),
    **{status.value: (status, "status") for status in Status},
    **{kind.value: (kind, "kind") for kind in Kind},
}
_LITERAL_KINDS: dict[str, LiteralType] = {
    "string": "string", "int": "int", "float": "float", "duration": "duration",
}  # fmt: skip


def parse_field(cursor: Cursor, least: int = _LOGIC) -> Field:
    """Read an expression whose operators bind at least as tightly as ``least``.

    Raises:
        SignatureError: where the next token cannot go on with the expression.
    """
    left = _prefixed(cursor, least)
    last_logic = ""
    while cursor.token.kind == "operator":
        operator = cursor.token
        binding = _BINDING.get(operator.text, 0)
        if binding < least or binding == 0:
            break
        cursor.count_operator(operator)
        cursor.advance()
        if binding == _LOGIC:
            if last_logic not in {"", operator.text}:
                cursor.mixed.append(operator.start)
            last_logic = operator.text
        left = _joined(cursor, left, operator, binding)
    return left


def _joined(cursor: Cursor, left: Field, operator: Token, binding: int) -> Field:
    """Read what is right of an operator that was just taken."""
    if cursor.at_word("nil") and operator.text in {"=", "!="}:
        cursor.advance()
        return IsNil(at=operator.start, operand=left, negated=operator.text == "!=")
    right = parse_field(cursor, binding if binding == _POWER else binding + 1)
    text = cast("FieldOperator", operator.text)
    return Binary(at=operator.start, operator=text, left=left, right=right)


def _prefixed(cursor: Cursor, least: int) -> Field:
    """Read an operand with what may stand before it."""
    token = cursor.token
    if cursor.at_operator("!", "-"):
        cursor.count_operator(token)
        cursor.enter()
        cursor.advance()
        operand = parse_field(cursor, _MULTIPLY) if token.text == "!" else _prefixed(cursor, _POWER)
        cursor.leave()
        return _negated(token, operand)
    if cursor.at_word("nil") and least <= _COMPARE:
        return _nil_first(cursor)
    return _operand(cursor)


def _negated(token: Token, operand: Field) -> Field:
    """Return ``!e`` or ``-e``; minus a constant is a constant."""
    if token.text == "!":
        return Unary(at=token.start, operator="!", operand=operand)
    if isinstance(operand, Literally) and operand.type in {"int", "float", "duration"}:
        value = -cast("int | float", operand.value)
        return msgspec.structs.replace(operand, value=value, at=token.start)
    return Unary(at=token.start, operator="-", operand=operand)


def _nil_first(cursor: Cursor) -> Field:
    """Read ``nil = e``."""
    cursor.advance()
    if not cursor.at_operator("=", "!="):
        cursor.fail("`=`", "`!=`")
    operator = cursor.advance()
    operand = parse_field(cursor, _ADD)
    return IsNil(at=operator.start, operand=operand, negated=operator.text == "!=")


def _operand(cursor: Cursor) -> Field:
    token = cursor.token
    if cursor.accept("("):
        cursor.enter()
        inner = parse_field(cursor)
        cursor.expect(")", "an operator")
        cursor.leave()
        return inner
    if token.kind in _LITERAL_KINDS:
        return parse_literal(cursor)
    if token.kind in {"attribute", "intrinsic"}:
        return parse_reference_token(cursor)
    if token.kind == "word":
        if token.text in _CONSTANTS:
            return parse_literal(cursor)
        if token.text in LEGACY or token.text == "parent":
            cursor.advance()
            return Intrinsic(at=token.start, name=LEGACY.get(token.text, "parent"))
        if token.text != "nil":
            hint = f"unknown word `{token.text}`; an attribute needs its scope"
            cursor.fail_at(token, hint, f"`.{token.text}`", f"`span.{token.text}`")
    return cursor.fail(*_OPERAND)


def parse_literal(cursor: Cursor) -> Literally:
    """Read a constant."""
    token = cursor.token
    if token.kind == "word" and token.text in _CONSTANTS:
        cursor.advance()
        value, type_ = _CONSTANTS[token.text]
        return Literally(at=token.start, value=value, type=type_)
    if token.kind not in _LITERAL_KINDS:
        cursor.fail("a value")
    cursor.advance()
    static = cast("Static", token.value)
    return Literally(at=token.start, value=static, type=_LITERAL_KINDS[token.kind])


def parse_signed_literal(cursor: Cursor) -> Literally:
    """Read a constant that may have a minus."""
    token = cursor.token
    if not cursor.accept("-"):
        return parse_literal(cursor)
    negated = _negated(token, parse_literal(cursor))
    if not isinstance(negated, Literally):
        cursor.fail_at(token, "a minus before something that is no number", "a number")
    return negated


def parse_reference_token(cursor: Cursor) -> Attribute | Intrinsic:
    """Read an attribute or an intrinsic, of this span, its parent or a named one."""
    token = cursor.token
    if token.kind == "word" and token.text in LEGACY:
        cursor.advance()
        return Intrinsic(at=token.start, name=LEGACY[token.text])
    if token.kind == "attribute":
        cursor.advance()
        scope = cast("Scope", token.scope)
        return Attribute(at=token.start, scope=scope, name=token.text, owner=token.owner)
    if token.kind != "intrinsic":
        cursor.fail("an attribute such as `span.x`", "an intrinsic such as `name`")
    cursor.advance()
    if token.scope in INTRINSIC_SCOPES:
        return _known_intrinsic(cursor, token, f"{token.scope}:{token.text}", "")
    return _known_intrinsic(cursor, token, f"span:{token.text}", token.scope)


def _known_intrinsic(cursor: Cursor, token: Token, name: str, owner: str) -> Intrinsic:
    if name not in INTRINSICS:
        scope = name.partition(":")[0] + ":"
        known = tuple(f"`{other}`" for other in INTRINSICS if other.startswith(scope))
        cursor.fail_at(token, f"no intrinsic `{name}`", *known)
    return Intrinsic(at=token.start, name=name, owner=owner)
