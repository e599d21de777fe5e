"""Posting to a webhook with httpx, signed by Standard Webhooks. Thin: no rendering here.

Redirects are not followed: the address comes from the configuration and from nowhere else. Where it
leads is looked at before (``address``).
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook

from causewatch import __version__
from causewatch.errors import UserError
from causewatch.notify.config import HttpClient, Links, WebhookConfig, digest_of
from causewatch.notify.outcome import Dead, Delivery, Outcome, Retry, Sent, Unknown
from causewatch.notify.retry_after import retry_after_s
from causewatch.notify.webhook.address import (
    RefusedAddressError,
    Resolve,
    address_of,
    look_up,
)
from causewatch.notify.webhook.render import render_body

_NS_PER_S = 1_000_000_000


class WebhookChannel:
    """One URL that takes our JSON.

    Raises:
        UserError: when the secret is not the base64 that Standard Webhooks asks for, or a file for
            TLS cannot be used.
    """

    integration = "webhook"
    min_gap_s = 0.0

    def __init__(
        self,
        receiver: str,
        config: WebhookConfig,
        links: Links,
        now_ns: Callable[[], int],
        resolve: Resolve = look_up,
    ) -> None:
        self.receiver = receiver
        self.pace_key = f"webhook {config.url}"
        self._config = config
        self._links = links
        self._now_ns = now_ns
        self._resolve = resolve
        self._signer = _signer(config.secret, receiver)
        self._client = httpx.Client(
            timeout=config.timeout_s,
            follow_redirects=False,
            verify=_verify(config.client, receiver),
        )

    def send(self, delivery: Delivery) -> Outcome:
        """Try once. See ``Channel.send``."""
        row = delivery.row
        body = render_body(row, self._links, excerpts=self._config.excerpts)
        try:
            response = self._post(body, self._headers(row.message_id, body))
        except RefusedAddressError as error:
            return Dead(reason=str(error))
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
            return Dead(reason=f"the webhook cannot be asked: {error}")
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            return Retry(reason=f"the webhook cannot be reached: {error}")
        except OSError as error:
            return Retry(reason=f"the webhook's host cannot be found: {error}")
        except httpx.HTTPError as error:
            return Unknown(reason=f"no answer from the webhook: {type(error).__name__}")
        return outcome_of(response)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _post(self, body: bytes, headers: dict[str, str]) -> httpx.Response:
        url = httpx.URL(self._config.url)
        address = address_of(url, self._resolve)
        if not address or address == url.host:
            return self._client.post(url, content=body, headers=headers)
        # The certificate is that of the name, and so is what the server is asked for.
        return self._client.post(
            url.copy_with(host=address),
            content=body,
            headers={**headers, "host": url.netloc.decode()},
            extensions={"sni_hostname": url.host},
        )

    def _headers(self, message_id: str, body: bytes) -> dict[str, str]:
        """Return the headers: the id stays the same over retries, the time is the attempt's."""
        seconds = self._now_ns() // _NS_PER_S
        headers = {
            "content-type": "application/json",
            "user-agent": f"causewatch/{__version__}",
            "webhook-id": message_id,
            "webhook-timestamp": str(seconds),
        }
        if self._config.client.bearer_token:
            headers["authorization"] = f"Bearer {self._config.client.bearer_token}"
        if self._signer is not None:
            at = datetime.fromtimestamp(seconds, tz=UTC)
            headers["webhook-signature"] = self._signer.sign(message_id, at, body.decode())
        return headers


def outcome_of(response: httpx.Response) -> Outcome:
    """Return what a webhook's answer means; by Standard Webhooks all but 2xx is tried again."""
    status = response.status_code
    if response.is_success:
        return Sent()
    if status == httpx.codes.GONE:
        return Dead(reason="the webhook is gone (HTTP 410)", disable=True)
    if response.is_redirect:
        return Retry(reason=f"the webhook redirects (HTTP {status}): redirects are not followed")
    asked = retry_after_s(response.headers)
    limited = status in {httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE}
    return Retry(
        reason=f"the webhook answered HTTP {status}",
        after_s=asked,
        whole_channel=limited and asked is not None,
    )


def _verify(client: HttpClient, receiver: str) -> ssl.SSLContext | bool:
    """Return how TLS connections are made, by the files that were given."""
    if not client.ca_file and not client.cert_file:
        return True
    try:
        context = ssl.create_default_context(cafile=client.ca_file or None)
        if client.cert_file:
            context.load_cert_chain(client.cert_file, client.key_file or None)
    except (OSError, ssl.SSLError) as error:
        place = f"the TLS files of a webhook of receiver {receiver!r}"
        raise UserError(f"{place} cannot be used: {error}") from error
    return context


def _signer(secret: str, receiver: str) -> Webhook | None:
    if not secret:
        return None
    try:
        return Webhook(secret)
    except (ValueError, EmptyWebhookSecretError) as error:
        place = f"the webhook secret of receiver {receiver!r} ({digest_of(secret)})"
        raise UserError(f"{place} is not base64 with the prefix whsec_") from error
