"""The keys of ``receive`` that keep content from being stored, as data."""

from __future__ import annotations

import re

from causewatch.receive.redaction import KIND_DOCS, KINDS
from causewatch.rules.shape import Choice, Either, Key, ListOf, Shape, Text

NAME = re.compile(r"[A-Za-z0-9_.\-]{1,64}")
_WORDS = tuple(KINDS)
_LISTED = "; ".join(f"`{name}`: {KIND_DOCS[name]}" for name in _WORDS)

_RULE = Shape(
    name="redaction rule",
    keys=(
        Key(
            name="kind", kind=Choice(words=_WORDS), doc="What is looked for, in place of a pattern."
        ),
        Key(
            name="name",
            kind=Text(not_empty=True),
            doc="What stands in the place of a match: `[redacted:NAME]`. Needed with a pattern.",
        ),
        Key(
            name="pattern",
            kind=Text(not_empty=True),
            doc="A regular expression (RE2). What it matches is replaced, the rest stays.",
        ),
        Key(
            name="attributes",
            kind=ListOf(item=Text(not_empty=True)),
            doc="Globs of the attribute keys it is for; all unless told. The body of a log record"
            " is `body`, the message of a span's status `status.message`.",
        ),
    ),
)

REDACT = Key(
    name="redact",
    kind=ListOf(item=Either(scalar=Choice(words=_WORDS), full=_RULE)),
    doc=f"What is taken out of values before anything is stored: kinds ({_LISTED}), or rules.",
)
DROP_ATTRIBUTES = Key(
    name="drop_attributes",
    kind=ListOf(item=Text(not_empty=True)),
    doc="Globs of attribute keys that are never stored, such as `user.*`.",
)
