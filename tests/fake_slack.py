"""A Slack that runs on loopback: it keeps messages, checks Slack's limits, and can misbehave.

In tests: ``with FakeSlack() as slack:`` and then ``slack.api_url``, ``slack.webhook_url``,
``slack.messages``. As a program: ``python tests/fake_slack.py --port N --state FILE`` prints each
message as a line of JSON and keeps all of them in FILE.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import parse_qs

import msgspec

TOKEN = "xoxb-test"
APP_TOKEN = "xapp-test"
MAX_BLOCKS = 50
TEXT_LIMITS = {"header": 150, "section": 3000, "field": 2000, "context": 2000, "button": 75}
COUNT_LIMITS = {"fields": 10, "actions": 25, "context": 10}
Trouble = Literal["429", "500", "close_after_accept", "close", "slow", "text"]


class Message(msgspec.Struct, kw_only=True):
    """One message as the fake keeps it; ``history`` holds the texts it had before."""

    channel: str
    ts: str
    text: str
    blocks: list[dict[str, Any]]
    metadata: dict[str, Any] | None = None
    thread_ts: str = ""
    broadcast: bool = False
    history: list[str] = []


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """How one request shall go wrong. ``error`` is a Slack error code answered with HTTP 200."""

    trouble: Trouble | None = None
    error: str = ""
    retry_after_s: int = 30
    slow_s: float = 0.0
    method: str = ""
    """The API method it waits for, such as ``chat.update``; empty: whichever comes first."""


class FakeSlack:
    """The server and its state. All state may be read and changed while it runs."""

    def __init__(self, port: int = 0, *, channels: tuple[str, ...] = ("agents", "other")) -> None:
        self.lock = threading.Lock()
        self.channels = {f"C{i:07d}": name for i, name in enumerate(channels, start=1)}
        self.groups = {"ai-oncall": "S0000001"}
        self.messages: list[Message] = []
        self.calls: list[str] = []
        """The methods asked for, in order; refused ones as well."""
        self.faults: list[Fault] = []
        """What goes wrong, one request each, in order."""
        self.missing_scopes: set[str] = set()
        """Methods the token may not call."""
        self.webhook_posts: list[dict[str, Any]] = []
        self.socket_url = ""
        """Where Socket Mode connects to; see fake_socket."""
        self.answers: list[dict[str, Any]] = []
        """What was posted to response URLs."""
        self.uploads: dict[str, bytes] = {}
        self.pictures: list[tuple[str, str, bytes]] = []
        """Files shared with a channel: its id, the thread they are in, their bytes."""
        self.on_change: Callable[[], None] = lambda: None
        self._ts = 1_700_000_000
        self._server = _Server(port, self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/"

    @property
    def webhook_url(self) -> str:
        return f"{self.url}/services/T1/B1/x"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def serve(self) -> None:
        """Serve until interrupted, in this thread."""
        self._server.serve_forever()

    def posts(self) -> list[Message]:
        """Return the messages that are no thread replies."""
        return [message for message in self.messages if not message.thread_ts]

    def replies(self) -> list[Message]:
        """Return the thread replies."""
        return [message for message in self.messages if message.thread_ts]

    def take_fault(self, method: str) -> Fault | None:
        """Return what shall go wrong with this request, if anything."""
        for index, fault in enumerate(self.faults):
            if fault.method in {"", method}:
                return self.faults.pop(index)
        return None

    def answer(self, method: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Answer one call of the Web API, changing the state."""
        if method in self.missing_scopes:
            return {"ok": False, "error": "missing_scope"}
        methods: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "apps.connections.open": lambda _: {"ok": True, "url": self.socket_url},
            "auth.test": lambda _: {"ok": True, "team": "Test", "user_id": "U0000001"},
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "chat.delete": self._delete,
            "conversations.history": self._history,
            "conversations.replies": self._history,
            "conversations.list": self._list,
            "usergroups.list": self._usergroups,
            "files.getUploadURLExternal": self._upload_url,
            "files.completeUploadExternal": self._complete_upload,
        }
        if method not in methods:
            return {"ok": False, "error": "unknown_method"}
        return methods[method](asked)

    def _post(self, asked: dict[str, Any]) -> dict[str, Any]:
        channel = self._channel_id(str(asked.get("channel", "")))
        thread_ts = str(asked.get("thread_ts") or "")
        if channel is None:
            return {"ok": False, "error": "channel_not_found"}
        if thread_ts and self._find(channel, thread_ts) is None:
            return {"ok": False, "error": "thread_not_found"}
        if problem := problem_of(asked):
            return {
                "ok": False,
                "error": problem[0],
                "response_metadata": {"messages": [problem[1]]},
            }
        self._ts += 1
        message = Message(
            channel=channel,
            ts=f"{self._ts}.000100",
            text=str(asked.get("text") or ""),
            blocks=asked.get("blocks") or [],
            metadata=asked.get("metadata"),
            thread_ts=thread_ts,
            broadcast=bool(asked.get("reply_broadcast")),
        )
        self.messages.append(message)
        self.on_change()
        return {"ok": True, "channel": channel, "ts": message.ts}

    def _update(self, asked: dict[str, Any]) -> dict[str, Any]:
        channel = str(asked.get("channel", ""))
        if channel not in self.channels:
            return {"ok": False, "error": "channel_not_found"}  # names are not taken here
        message = self._find(channel, str(asked.get("ts", "")))
        if message is None:
            return {"ok": False, "error": "message_not_found"}
        if problem := problem_of(asked):
            return {
                "ok": False,
                "error": problem[0],
                "response_metadata": {"messages": [problem[1]]},
            }
        message.history = [*message.history, message.text]
        message.text = str(asked.get("text") or "")
        message.blocks = asked.get("blocks") or []
        message.metadata = asked.get("metadata") or message.metadata
        self.on_change()
        return {"ok": True, "channel": channel, "ts": message.ts, "text": message.text}

    def _delete(self, asked: dict[str, Any]) -> dict[str, Any]:
        message = self._find(str(asked.get("channel", "")), str(asked.get("ts", "")))
        if message is None:
            return {"ok": False, "error": "message_not_found"}
        self.messages.remove(message)
        return {"ok": True}

    def _history(self, asked: dict[str, Any]) -> dict[str, Any]:
        channel, parent = str(asked.get("channel", "")), str(asked.get("ts") or "")
        if channel not in self.channels:
            return {"ok": False, "error": "channel_not_found"}  # names are not taken here
        found = [m for m in self.messages if m.channel == channel and m.thread_ts == parent]
        messages = [msgspec.to_builtins(m) for m in reversed(found)]
        return {"ok": True, "messages": messages, "has_more": False}

    def _list(self, _: dict[str, Any]) -> dict[str, Any]:
        found = [{"id": channel, "name": name} for channel, name in self.channels.items()]
        return {"ok": True, "channels": found}

    def _upload_url(self, _: dict[str, Any]) -> dict[str, Any]:
        file_id = f"F{len(self.uploads) + 1:07d}"
        self.uploads[file_id] = b""
        return {"ok": True, "file_id": file_id, "upload_url": f"{self.url}/upload/{file_id}"}

    def _complete_upload(self, asked: dict[str, Any]) -> dict[str, Any]:
        channel, thread_ts = str(asked.get("channel_id")), str(asked.get("thread_ts") or "")
        if channel not in self.channels:
            return {"ok": False, "error": "channel_not_found"}  # names are not taken here
        if thread_ts and self._find(channel, thread_ts) is None:
            return {"ok": False, "error": "thread_not_found"}
        files = json.loads(asked["files"])
        for each in files:
            self.pictures.append((channel, thread_ts, self.uploads[each["id"]]))
        return {"ok": True, "files": files}

    def _usergroups(self, _: dict[str, Any]) -> dict[str, Any]:
        found = [{"id": group, "handle": handle} for handle, group in self.groups.items()]
        return {"ok": True, "usergroups": found}

    def _channel_id(self, name: str) -> str | None:
        if name in self.channels:
            return name
        return next((c for c, n in self.channels.items() if n == name.removeprefix("#")), None)

    def _find(self, channel: str, ts: str) -> Message | None:
        return next((m for m in self.messages if (m.channel, m.ts) == (channel, ts)), None)


def problem_of(asked: dict[str, Any]) -> tuple[str, str] | None:
    """Return Slack's error code for a message it would refuse, and what is wrong with it."""
    blocks, text = asked.get("blocks") or [], asked.get("text") or ""
    if not blocks and not text:
        return "no_text", "neither text nor blocks"
    if len(text) > 40_000:
        return "msg_too_long", f"{len(text)} characters"
    if len(blocks) > MAX_BLOCKS:
        return "invalid_blocks", f"{len(blocks)} blocks"
    found = next((why for block in blocks if (why := _block_problem(block))), None)
    return ("invalid_blocks", found) if found else None


def _block_problem(block: dict[str, Any]) -> str | None:
    kind, elements = block.get("type"), block.get("elements") or []
    if kind == "header":
        return _text_problem(block.get("text"), "header", ("plain_text",))
    if kind == "section":
        return _section_problem(block)
    if kind in {"actions", "context"} and not 0 < len(elements) <= COUNT_LIMITS[kind]:
        return f"{kind} with {len(elements)} elements"
    if kind == "actions":
        return next((why for element in elements if (why := _action_problem(element))), None)
    if kind == "context":
        return next((why for e in elements if (why := _text_problem(e, "context"))), None)
    return None if kind == "divider" else f"a block of type {kind!r}"


def _section_problem(block: dict[str, Any]) -> str | None:
    fields = block.get("fields") or []
    if len(fields) > COUNT_LIMITS["fields"] or not (fields or block.get("text")):
        return f"section with {len(fields)} fields"
    texts = [_text_problem(field, "field") for field in fields]
    own = _text_problem(block["text"], "section") if block.get("text") else None
    return own or next((why for why in texts if why), None)


def _action_problem(element: dict[str, Any]) -> str | None:
    if element.get("type") != "static_select":
        return _button_problem(element)
    texts = [element.get("placeholder"), *(option["text"] for option in element["options"])]
    return next((why for t in texts if (why := _text_problem(t, "button", ("plain_text",)))), None)


def _button_problem(element: dict[str, Any]) -> str | None:
    if element.get("type") != "button":
        return f"an action of type {element.get('type')!r}"
    if len(element.get("url", "")) > 3000:
        return "a url of more than 3000 characters"
    return _text_problem(element.get("text"), "button", ("plain_text",))


def _text_problem(
    text: Any, place: str, kinds: tuple[str, ...] = ("plain_text", "mrkdwn")
) -> str | None:
    if not isinstance(text, dict) or text.get("type") not in kinds:
        return f"the text of a {place} is {text!r}"
    length = len(text.get("text", ""))
    return None if 0 < length <= TEXT_LIMITS[place] else f"{length} characters in a {place}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, slack: FakeSlack) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.slack = slack

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Be silent about clients that went away; tests look at what arrived."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the library's name
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        path, _, query = self.path.partition("?")
        method = path.removeprefix("/api/") if path.startswith("/api/") else "webhook"
        if path.startswith(("/upload/", "/actions/")):
            method = path.split("/")[1]
        with self.server.slack.lock:
            self.server.slack.calls.append(method)
            fault = self.server.slack.take_fault(method) or Fault()
        if fault.slow_s:
            time.sleep(fault.slow_s)
        if not self._refused(fault):
            with self.server.slack.lock:
                status, text = self._accept(method, body or query.encode(), fault)
            if fault.trouble == "close_after_accept":
                self.close_connection = True
            else:
                self._reply(status, text)

    do_GET = do_POST  # noqa: N815  # the library's name

    def _refused(self, fault: Fault) -> bool:
        match fault.trouble:
            case "429":
                headers = {"retry-after": str(fault.retry_after_s)}
                self._reply(429, '{"ok":false,"error":"ratelimited"}', headers)
            case "500":
                self._reply(500, "Internal Server Error")
            case "text":
                self._reply(200, "<html>not Slack</html>")
            case "close":
                self.close_connection = True
            case _:
                return False
        return True

    def _accept(self, method: str, body: bytes, fault: Fault) -> tuple[int, str]:
        if method == "webhook":
            return self._webhook(body, fault)
        if method == "actions":
            self.server.slack.answers.append(json.loads(body))
            self.server.slack.on_change()
            return 200, "ok"
        if method == "upload":
            self.server.slack.uploads[self.path.rpartition("/")[2]] = body
            return 200, "OK"
        if fault.error:
            return 200, json.dumps({"ok": False, "error": fault.error})
        asked = _decoded(body, self.headers.get("content-type") or "")
        token = (self.headers.get("authorization") or "").removeprefix("Bearer ")
        if (token or asked.get("token")) != (APP_TOKEN if "connections" in method else TOKEN):
            return 200, json.dumps({"ok": False, "error": "invalid_auth"})
        return 200, json.dumps(self.server.slack.answer(method, asked))

    def _webhook(self, body: bytes, fault: Fault) -> tuple[int, str]:
        asked = json.loads(body)
        if fault.error:
            return 404, fault.error
        if problem := problem_of(asked):
            return 400, problem[0]
        self.server.slack.webhook_posts.append(asked)
        self.server.slack.on_change()
        return 200, "ok"

    def _reply(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        content = text.encode()
        self.send_response(status)
        kind = "application/json" if text.startswith("{") else "text/plain"
        for name, value in {"content-type": kind, **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _decoded(body: bytes, content_type: str) -> dict[str, Any]:
    """Return the arguments of a call, sent as JSON or as a form (with JSON in some fields)."""
    if "json" in content_type and body.startswith(b"{"):
        asked: dict[str, Any] = json.loads(body)
        return asked
    form = {name: values[-1] for name, values in parse_qs(body.decode()).items()}
    return {
        name: json.loads(value) if name in {"blocks", "metadata", "attachments"} else value
        for name, value in form.items()
    }


def _main() -> None:
    parser = argparse.ArgumentParser(description="A Slack that runs on loopback.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--state", type=Path, help="file that keeps all messages, as JSON")
    chosen = parser.parse_args()
    slack = FakeSlack(chosen.port)

    def keep() -> None:
        state = {
            "messages": [msgspec.to_builtins(message) for message in slack.messages],
            "webhook_posts": slack.webhook_posts,
            "calls": slack.calls,
        }
        newest = slack.messages[-1] if slack.messages else slack.webhook_posts[-1]
        print(json.dumps(msgspec.to_builtins(newest)), flush=True)  # noqa: T201  # its output
        if chosen.state is not None:
            partial = chosen.state.with_suffix(".partial")
            partial.write_text(json.dumps(state, indent=1), encoding="utf-8")
            partial.replace(chosen.state)

    slack.on_change = keep
    print(json.dumps({"listening": slack.url}), flush=True)  # noqa: T201  # its output
    slack.serve()


if __name__ == "__main__":
    _main()
