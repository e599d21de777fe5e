"""Git repositories for tests: on disk, behind HTTP with a token, behind a stand-in for ssh."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

RULES = """\
groups:
- name: silent
  interval: 10s
  rules:
  - alert: ALERT
    signature: '{ span.causewatch.blame.category = "truncation" } as origin'
"""


def rules(alert: str = "Lost") -> str:
    """Return a rule file with one alert."""
    return RULES.replace("ALERT", alert)


class Origin:
    """A repository that others push to, with a work tree to commit from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", "uploadpack.allowAnySHA1InWant", "true")

    @property
    def url(self) -> str:
        """Return its address on this machine."""
        return f"file://{self.folder}"

    def git(self, *arguments: str) -> str:
        """Run git in the work tree."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Ana",
            "GIT_AUTHOR_EMAIL": "ana@example.com",
            "GIT_COMMITTER_NAME": "Ana",
            "GIT_COMMITTER_EMAIL": "ana@example.com",
        }
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def commit(self, files: dict[str, str | Path]) -> str:
        """Commit files, and links where a value is a path; return the commit."""
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            if isinstance(content, Path):
                path.symlink_to(content)
            else:
                path.write_text(content, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=change")
        return self.git("rev-parse", "HEAD")


class HttpOrigin:
    """Serves a repository by ``git http-backend`` to whoever has the name and the token."""

    def __init__(self, origin: Origin, *, username: str, token: str) -> None:
        pair = base64.b64encode(f"{username}:{token}".encode()).decode()
        self.expected = f"Basic {pair}"
        self.redirect_to = ""
        self.seen: list[str | None] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer._answer(self, origin.folder)

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, *_arguments: object) -> None:
                """Keep the output of the tests clean."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        """Return the address of the repository."""
        return f"http://127.0.0.1:{self._server.server_port}/.git"

    def __enter__(self) -> Self:
        """Start to serve."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, request: BaseHTTPRequestHandler, folder: Path) -> None:
        given = request.headers.get("Authorization")
        self.seen.append(given)
        if self.redirect_to:
            request.send_response(302)
            request.send_header("Location", self.redirect_to + request.path)
            request.end_headers()
            return
        if given != self.expected:
            request.send_error(401)
            return
        target = urlsplit(request.path)
        length = int(request.headers.get("Content-Length", 0))
        done = subprocess.run(
            ["git", "-c", f"safe.directory={folder}", "http-backend"],
            input=request.rfile.read(length),
            capture_output=True,
            check=True,
            env={
                "PATH": os.environ["PATH"],
                "GIT_PROJECT_ROOT": str(folder),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": target.path,
                "QUERY_STRING": target.query,
                "REQUEST_METHOD": request.command,
                "CONTENT_TYPE": request.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(length),
                "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
            },
        )
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        request.send_response(200)
        for line in head.decode().splitlines():
            name, _, value = line.partition(": ")
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)


def stand_in_for_ssh(folder: Path) -> Path:
    """Write an ``ssh`` that notes its arguments and runs the command here; return its folder."""
    folder.mkdir()
    script = folder / "ssh"
    script.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" > {folder}/arguments\n'
        'for last in "$@"; do :; done\nexec sh -c "$last"\n',
        encoding="utf-8",
    )
    script.chmod(0o755)
    return folder
