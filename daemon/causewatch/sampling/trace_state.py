"""Reads and rewrites the ``ot`` entry of a W3C ``tracestate``, and leaves all others as they are.

Such as ``vendor=x,ot=th:fd70a4;rv:00000000abcdef``. Whatever is malformed there is not touched:
it is somebody else's, and nothing can be said about it. Source: OpenTelemetry specification, trace
state handling (https://opentelemetry.io/docs/specs/otel/trace/tracestate-handling/).
"""

from __future__ import annotations

from causewatch.sampling.threshold import randomness_of, read_rv, read_th, th_of

MAX_STATE_CHARS = 8_192
"""Of a whole trace state; W3C asks for 512 to be carried on."""
MAX_ENTRY_CHARS = 256
MAX_ENTRIES_COUNT = 32
_OWN = "ot"


def explicit_randomness(state: str) -> int | None:
    """Return the ``rv`` of a trace state, ``None`` where it has none or a malformed one."""
    found = _split(state)
    return read_rv(found[0].get("rv", "")) if found else None


def with_threshold(state: str, threshold: int | None, *, trace_id: str) -> str:
    """Return a trace state that tells that its span was kept at ``threshold``.

    ``None`` means that nobody can tell how probable it was: ``th`` is then erased. Otherwise ``th``
    becomes the higher one of what stood there and of ``threshold``: what was sampled before cannot
    be made more probable afterwards. A ``th`` is erased, and none is written, where the span's own
    randomness says that it would not have been kept at that.
    """
    found = _split(state)
    if found is None:
        return state
    fields, others = found
    before = read_th(fields.pop("th", "0")) or 0
    randomness = randomness_of(trace_id, read_rv(fields.get("rv", "")))
    if threshold is not None and randomness >= (now := max(before, threshold)):
        fields = {"th": th_of(now), **fields}
    entry = ";".join(f"{key}:{value}" for key, value in fields.items())
    if len(entry) > MAX_ENTRY_CHARS or len(others) + bool(entry) > MAX_ENTRIES_COUNT:
        return state
    return ",".join([f"{_OWN}={entry}", *others] if entry else others)


def _split(state: str) -> tuple[dict[str, str], list[str]] | None:
    """Return the fields of ``ot`` and the other entries; ``None`` for a malformed state."""
    if len(state) > MAX_STATE_CHARS:
        return None
    fields: dict[str, str] = {}
    others: list[str] = []
    is_found = False
    for entry in (part.strip() for part in state.split(",")):
        name, equals, value = entry.partition("=")
        if name != _OWN:
            others += [entry] if entry else []
            continue
        if is_found or not equals:
            return None
        is_found = True
        for pair in value.split(";"):
            key, colon, text = pair.partition(":")
            if not key or not colon or key in fields:
                return None
            fields[key] = text
    return fields, others
