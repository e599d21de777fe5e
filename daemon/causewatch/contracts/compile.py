"""Compile a contract: globs to patterns, schemas to validators, mistakes to problems."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
import jsonschema_rs
import msgspec

from causewatch.contracts.burden import burden_of
from causewatch.contracts.pointer import pointer_of
from causewatch.contracts.spec import ContractSpec, SchemaSource
from causewatch.errors import UserError
from causewatch.model.value import Value

ROOT_URI = "causewatch://rules/"
"""Schemas given by path live under this base, so that a relative ``$ref`` finds its neighbours."""
MASK = "the value"
REGEX_SIZE_BYTES = 1024 * 1024
_META_SCHEMA = jsonschema.Draft202012Validator(jsonschema.Draft202012Validator.META_SCHEMA)
_AUTHOR_SIDES = (
    "schema", "sent_schema", "received_schema", "arguments_schema", "result_schema",
)  # fmt: skip


class SchemaProblem(msgspec.Struct, frozen=True, kw_only=True):
    """One mistake in a schema: which of the contract's schemas, where in it, and what is wrong."""

    side: str
    pointer: str
    message: str


class ContractError(UserError):
    """A contract that cannot be compiled; ``problems`` lists every mistake found."""

    def __init__(self, problems: tuple[SchemaProblem, ...]) -> None:
        super().__init__("; ".join(f"{p.side}{p.pointer}: {p.message}" for p in problems))
        self.problems = problems


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """A compiled contract. Validators are jsonschema-rs', with linear regexes, and never fetch."""

    spec: ContractSpec
    rule_id: str
    from_pattern: re.Pattern[str]
    to_pattern: re.Pattern[str]
    step_pattern: re.Pattern[str]
    sent: tuple[Any, ...] = ()
    received: tuple[Any, ...] = ()
    arguments: Any = None
    result: Any = None


def compile_contract(
    spec: ContractSpec, *, rule_id: str, schemas: Mapping[str, Value] | None = None
) -> Contract:
    """Compile ``spec``.

    Args:
        spec: what the author wrote.
        rule_id: stable id for findings, such as ``group/contract:NAME``.
        schemas: every schema a ``$ref`` may name, by path relative to the rules root. Nothing else
            is ever loaded.

    Raises:
        ContractError: a schema breaks the 2020-12 meta-schema, names an unknown ``$ref``, or has a
            pattern that no linear-time engine can run.
    """
    problems: list[SchemaProblem] = []
    validators: dict[str, Any] = {}
    for side in _AUTHOR_SIDES:
        source = getattr(spec, side)
        if source is None:
            continue
        found = tuple(schema_problems(source, side=side, schemas=schemas or {}))
        problems.extend(found)
        if not found:
            validators[side] = _validator(source, schemas or {})
    if problems:
        raise ContractError(tuple(problems))
    both = [validators[side] for side in ("schema",) if side in validators]
    return Contract(
        spec=spec,
        rule_id=rule_id,
        from_pattern=_glob(spec.from_ or "*"),
        to_pattern=_glob(spec.to or "*"),
        step_pattern=_glob(spec.tool or spec.retrieval or spec.agent),
        sent=(*both, *_listed(validators.get("sent_schema"))),
        received=(*both, *_listed(validators.get("received_schema"))),
        arguments=validators.get("arguments_schema"),
        result=validators.get("result_schema"),
    )


def schema_problems(
    source: SchemaSource, *, side: str = "schema", schemas: Mapping[str, Value] | None = None
) -> Iterator[SchemaProblem]:
    """Yield the mistakes of a schema: first against the meta-schema, else on compiling it."""
    if not isinstance(source.value, dict | bool):
        yield SchemaProblem(side=side, pointer="", message="a schema is a mapping, true or false")
        return
    try:
        errors = sorted(
            _META_SCHEMA.iter_errors(source.value), key=lambda e: list(map(str, e.path))
        )
    except RecursionError:
        yield SchemaProblem(side=side, pointer="", message="the schema is nested too deep")
        return
    for error in errors:
        yield SchemaProblem(
            side=side, pointer=pointer_of(error.absolute_path), message=error.message[:500]
        )
    if errors:
        return
    burden = burden_of(source.value)
    if burden is not None:
        yield SchemaProblem(side=side, pointer=burden.pointer, message=burden.message)
        return
    try:
        _validator(source, schemas or {})
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        yield SchemaProblem(side=side, pointer=_place(error), message=_first_line(error))


def _validator(source: SchemaSource, schemas: Mapping[str, Value]) -> Any:
    """Build the hot-path validator of one schema."""
    return validator_of(
        source.value,
        registry=_registry(schemas),
        base_uri=ROOT_URI + (source.path or "inline.json"),
    )


def validator_of(schema: Any, *, registry: Any = None, base_uri: str = ROOT_URI) -> Any:
    """Return what judges payloads by a schema: fast, with linear regexes, and never fetching.

    ``format`` is an annotation, as 2020-12 has it, whatever a schema's own meta-schema says: what a
    date or an address is, each library answers for itself.

    Args:
        schema: a schema that the meta-schema accepts.
        registry: a ``jsonschema_rs.Registry`` of all that a ``$ref`` may name.
        base_uri: against which a relative ``$ref`` is resolved.

    Raises:
        ValueError: a ``$ref`` names what is not there, or no linear-time engine can run a pattern.
    """
    return jsonschema_rs.Draft202012Validator(
        schema,
        registry=registry,
        retriever=_refuse,
        base_uri=base_uri,
        validate_formats=False,
        pattern_options=jsonschema_rs.RegexOptions(
            size_limit=REGEX_SIZE_BYTES, dfa_size_limit=REGEX_SIZE_BYTES
        ),
        mask=MASK,
    )


def _registry(schemas: Mapping[str, Value]) -> Any:
    """Return a registry of exactly the given schemas; references out of it are refused."""
    resources: list[tuple[str, Any]] = [
        (ROOT_URI + path, schema) for path, schema in sorted(schemas.items())
    ]
    return jsonschema_rs.Registry(resources, retriever=_refuse) if resources else None


def _refuse(uri: str) -> Any:
    """Refuse to load what was not given: a contract never reaches for the network or the disk."""
    message = f"{uri.removeprefix(ROOT_URI)!r} is none of the schemas in the rules directory"
    raise ValueError(message)


def _glob(glob: str) -> re.Pattern[str]:
    """Compile a glob. ``translate`` makes each star atomic, so matching cannot backtrack."""
    return re.compile(fnmatch.translate(glob))


def _listed(validator: Any) -> tuple[Any, ...]:
    return () if validator is None else (validator,)


def _place(error: Exception) -> str:
    """Return the JSON pointer of a compile error, empty where the library gives none."""
    return pointer_of(getattr(error, "instance_path", ()) or ())


def _first_line(error: Exception) -> str:
    """Return what is wrong, without the library's dump of the schema."""
    return (getattr(error, "message", "") or str(error)).split("\n", 1)[0][:500]
