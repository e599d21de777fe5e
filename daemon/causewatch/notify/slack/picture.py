"""The causal path as a picture in the thread of an incident's message.

Theory of operation: the message itself comes first and never waits for its picture. Once it stands,
the picture is uploaded into its thread (scope ``files:write``), where everybody in the channel sees
it; in the message's own blocks Slack takes a file only some time after its upload. What is drawn is
remembered with the message, so that the next change of it draws again only if the path is another
one. A picture that fails costs nothing but itself.
"""

from __future__ import annotations

import hashlib
from http.client import HTTPException

import msgspec
import structlog
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from causewatch.model.finding import Cause
from causewatch.model.incident import Incident
from causewatch.notify.outcome import Sent
from causewatch.notify.picture.drawing import Drawing
from causewatch.notify.picture.layout import layout
from causewatch.notify.picture.raster import NothingDrawsError, RasterError, Rasterise
from causewatch.notify.picture.svg import svg_of
from causewatch.notify.slack.answer import NO_ACCESS, NO_SCOPE, error_of
from causewatch.store.record import MessageRef

MAX_PICTURES_COUNT = 5
"""Of one message: a cause that changes to and fro must not fill its thread."""
_log = structlog.get_logger(__name__)


class Pictures:
    """Adds the picture of a cause to a message that stands; used by one thread at a time."""

    def __init__(self, client: WebClient, rasterise: Rasterise, *, excerpts: bool) -> None:
        self._client = client
        self._rasterise = rasterise
        self._excerpts = excerpts
        self._is_off = False

    def follow(self, incident: Incident, ref: MessageRef) -> Sent:
        """Show the path of an incident below its message, where that is news; raise for nothing."""
        cause = incident.cause
        digest = path_digest(cause)
        if self._is_off or ref.picture == digest or ref.pictures_count >= MAX_PICTURES_COUNT:
            return Sent(ref=ref)
        if cause.origin is None:
            return Sent(ref=ref)
        drawing = layout(cause, about=f"incident {incident.id}", excerpts=self._excerpts)
        try:
            self._upload(drawing, ref)
        except (SlackClientError, HTTPException, OSError, RasterError) as error:
            self._failed(incident, error)
            return Sent(ref=ref, picture="failed")
        shown = msgspec.structs.replace(ref, picture=digest, pictures_count=ref.pictures_count + 1)
        return Sent(ref=shown, picture="sent")

    def _upload(self, drawing: Drawing, ref: MessageRef) -> None:
        self._client.files_upload_v2(
            filename="causal-path.png",
            title="Causal path",
            alt_txt=drawing.title,
            content=self._rasterise(svg_of(drawing)),
            channel=ref.channel,
            thread_ts=ref.ts,
        )

    def _failed(self, incident: Incident, error: Exception) -> None:
        """Say why there is no picture; try no more where the next attempt would end the same."""
        code = error_of(error) if isinstance(error, SlackApiError) else ""
        self._is_off = isinstance(error, NothingDrawsError) or code in NO_SCOPE | NO_ACCESS
        _log.warning(
            "picture_not_sent",
            incident=incident.id,
            reason=code or f"{type(error).__name__}: {error}"[:300],
            until_restart=self._is_off,
        )


def path_digest(cause: Cause) -> str:
    """Return what makes a path another one: who did what, in order, without what was quoted.

    Ids, confidence and evidence differ from run to run of the same trouble.
    """
    roles = (cause.origin, *cause.propagators, cause.symptom)
    seen = [cause.category, cause.workflow, cause.origin_at]
    seen += [f"{ref.kind}\n{ref.agent}\n{ref.name}" if ref else "" for ref in (*roles, *cause.path)]
    return hashlib.sha256("\0".join(seen).encode("utf-8", "replace")).hexdigest()[:16]
