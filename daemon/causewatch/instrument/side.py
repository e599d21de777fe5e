"""Writes one side of a handoff as span attributes: what was sent, or what was received."""

from __future__ import annotations

from opentelemetry.util.types import AttributeValue

from causewatch.instrument import names
from causewatch.instrument.imprint import imprint_of, sha256_of
from causewatch.instrument.plain import Plainer, TooLargeError
from causewatch.instrument.settings import Settings


def attributes_of(
    side: names.Side, payload: object, settings: Settings
) -> dict[str, AttributeValue]:
    """Return the attributes for a payload, as ``settings`` allow.

    ``left_out`` says what is missing on the span, and why; a payload past a limit has no digest,
    since that of a part would pass for that of the whole.
    """
    if settings.capture == "off":
        return {}
    plainer = Plainer()
    try:
        value = plainer.plain(payload)
    except TooLargeError as error:
        return {names.left_out_of(side): [f"the digest: {error}"]}
    attributes: dict[str, AttributeValue] = {}
    if settings.capture == "digest":
        digest, size, text = sha256_of(value, settings.key)
    else:
        imprint = imprint_of(value, settings.key)
        digest, size, text = imprint.sha256, imprint.size_bytes, imprint.text
        attributes[names.fields_of(side)] = imprint.fields
        if imprint.dropped_count:
            attributes[names.dropped_of(side)] = imprint.dropped_count
    attributes[names.sha256_of(side)] = digest
    attributes[names.bytes_of(side)] = size
    if settings.key is not None:
        attributes[names.HANDOFF_KEYED] = True
    left_out = plainer.left_out
    if settings.capture == "content":
        if size <= settings.max_content_bytes:
            attributes[names.content_of(side)] = text
        else:
            left_out.append(f"the content: more than {settings.max_content_bytes} bytes")
    if left_out:
        attributes[names.left_out_of(side)] = left_out
    return attributes
