"""What Slack's answers mean for a message. Pure: tables of its error codes.

Source of the codes: the reference pages of chat.postMessage and chat.update.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from slack_sdk.errors import SlackApiError

from causewatch.notify.outcome import Dead, Outcome, Retry, Sent, Unknown
from causewatch.notify.retry_after import retry_after_s

GONE = frozenset(
    {
        "message_not_found",
        "cant_update_message",
        "edit_window_closed",
        "thread_not_found",
        "is_inactive",
    }
)
"""The message to change or answer is not there any more, or may not be changed: post anew."""
UNREADABLE = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"})
"""Slack refuses the blocks: a bug of ours, so the text is sent alone."""
NO_SCOPE = frozenset({"missing_scope", "not_allowed_token_type", "no_permission", "unknown_method"})
REFUSED_MESSAGE = frozenset(
    {
        "invalid_arguments",
        "invalid_blocks",
        "invalid_blocks_format",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_text",
        "unknown_method",
    }
)
"""The message itself is wrong: no attempt can succeed."""
NO_ACCESS = frozenset(
    {
        "access_denied",
        "account_inactive",
        "channel_not_found",
        "channel_type_not_supported",
        "ekm_access_denied",
        "invalid_auth",
        "is_archived",
        "messages_tab_disabled",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "not_in_channel",
        "org_login_required",
        "restricted_action",
        "team_access_not_granted",
        "team_not_found",
        "token_expired",
        "token_revoked",
    }
)
"""A person has to invite the app or renew its token; until then the message is kept."""
NO_ACCESS_WAIT_S = 120.0
RATE_LIMITED = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
UNSURE = frozenset({"fatal_error", "internal_error", "request_timeout", "service_unavailable"})
"""Slack says that a part of the work may have been done."""
DEFAULT_RATE_LIMIT_S = 30.0
_CODE = re.compile(r"[a-z0-9_]{1,80}")


def error_of(error: SlackApiError) -> str:
    """Return Slack's error code, empty where the answer was no JSON."""
    response = error.response
    data = response if isinstance(response, Mapping) else getattr(response, "data", None)
    code = data.get("error") if isinstance(data, Mapping) else None
    # slack-sdk puts a sentence of its own there when the answer was no JSON.
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""


def was_refused(error: SlackApiError) -> bool:
    """Return whether a look-up cannot be answered at all, now or later."""
    return error_of(error) in REFUSED_MESSAGE | NO_ACCESS | NO_SCOPE | GONE


def outcome_of_answer(error: SlackApiError) -> Outcome:
    """Return what a refusal by the Web API means."""
    code, status, headers = error_of(error), _status(error), _headers(error)
    if status == 429 or code in RATE_LIMITED:
        after_s = retry_after_s(headers)
        return Retry(
            after_s=DEFAULT_RATE_LIMIT_S if after_s is None else after_s,
            reason="Slack: rate limited",
            whole_channel=True,
        )
    if code in REFUSED_MESSAGE:
        return Dead(reason=f"Slack: {code}")
    if code in NO_ACCESS:
        return Retry(reason=f"Slack: {code}", after_s=NO_ACCESS_WAIT_S)
    if code in UNSURE or status >= 500 or not code:
        return Unknown(reason=f"Slack: {code or 'no JSON'} (HTTP {status})")
    return Retry(reason=f"Slack: {code}")


def outcome_of_webhook(status: int, body: str, headers: Mapping[str, str]) -> Outcome:
    """Return what the answer of an incoming webhook means."""
    reason = f"Slack webhook: HTTP {status} {body[:100]}".rstrip()
    if 200 <= status < 300:
        return Sent()
    if status == 429:
        after_s = retry_after_s(headers)
        return Retry(
            after_s=DEFAULT_RATE_LIMIT_S if after_s is None else after_s,
            reason=reason,
            whole_channel=True,
        )
    if status == 410:
        return Dead(reason=reason, disable=True)
    if status >= 500:
        return Unknown(reason=reason)
    if status in {400, 413}:
        return Dead(reason=reason)
    return Retry(reason=reason, after_s=NO_ACCESS_WAIT_S)


def _status(error: SlackApiError) -> int:
    response = error.response
    if isinstance(response, Mapping):
        return int(response.get("status") or 0)
    return int(getattr(response, "status_code", 0) or 0)


def _headers(error: SlackApiError) -> Mapping[str, str]:
    response = error.response
    if isinstance(response, Mapping):
        return response.get("headers") or {}
    return getattr(response, "headers", None) or {}
