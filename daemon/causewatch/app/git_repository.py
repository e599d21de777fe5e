"""Asks ``git`` for the files of a repository, without ever checking them out.

Theory of operation: a bare repository beside the store is all there is on disk. One commit is
fetched into it (shallow, no tags, no submodules), and the rule files are read out of its objects,
into memory. So nothing that a repository holds is written as a file, run as a hook or a filter, or
followed as a link of the file system; and all files are of one commit. The environment of ``git``
is pinned: no configuration but what stands here, no prompt, one protocol, no redirects. A token
goes through the environment, which other users cannot read, and never through the command line.
"""

from __future__ import annotations

import base64
import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from causewatch.app.git_config import GitConfig

FETCHED = "refs/causewatch/fetched"
GOOD = "refs/causewatch/good"
MAX_MESSAGE_CHARS = 300
MAX_ERROR_BYTES = 64 * 1024
MAX_PACKS = 20
_LOOK_EVERY_S = 0.2
_PASSED_ON = ("PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "http_proxy", "https_proxy", "no_proxy")
_SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.logAllRefUpdates": "false",
    "fetch.fsckObjects": "true",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "credential.helper": "",
    "http.followRedirects": "false",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "protocol.allow": "never",
}


class GitError(Exception):
    """``git`` could not do what it was asked for; the message is for people."""


class GitRepository:
    """One bare repository, and the commits in it. Calls come from one thread at a time.

    Args:
        config: where to fetch from.
        folder: where the bare repository is, or is to be made.
        is_stopping: asked while a call is under way; true ends it, with an error.
    """

    def __init__(self, config: GitConfig, folder: Path, *, is_stopping: Callable[[], bool]) -> None:
        self._config = config
        self._folder = folder
        self._is_stopping = is_stopping

    def fetch(self) -> str:
        """Fetch the commit that the ref names now; return it.

        Raises:
            GitError: with the reason, when that is not possible.
        """
        self._begin()
        self._clear_up()
        refspec = f"+{self._config.ref}:{FETCHED}"
        options = ("--quiet", "--no-tags", "--depth=1", "--no-recurse-submodules")
        writing = ("--no-auto-maintenance", "--no-write-fetch-head")
        self._git("fetch", *options, *writing, "--", self._config.url, refspec, with_secret=True)
        return self._commit(FETCHED)

    def kept(self) -> str:
        """Return the commit that was in force last; empty where there is none."""
        with contextlib.suppress(GitError):
            return self._commit(GOOD)
        return ""

    def keep(self, commit: str) -> None:
        """Remember a commit as good, over restarts.

        Raises:
            GitError: when it cannot be written.
        """
        self._git("update-ref", GOOD, commit)

    def listing(self, commit: str) -> bytes:
        """Return the entries of a commit as ``git ls-tree -r -z -l`` has them.

        Raises:
            GitError: when it cannot be read.
        """
        return self._git("ls-tree", "-r", "-z", "-l", "--full-tree", commit)

    def contents(self, objects: list[str]) -> list[bytes]:
        """Return the contents of blobs, in order.

        Raises:
            GitError: when one of them cannot be read.
        """
        asked = "".join(f"{name}\n" for name in objects).encode()
        answer = memoryview(self._git("cat-file", "--batch", given=asked))
        found: list[bytes] = []
        at = 0
        for name in objects:
            head, _, _ = bytes(answer[at : at + 200]).partition(b"\n")
            parts = head.split()
            if len(parts) != 3 or parts[1] != b"blob":
                raise GitError(f"the object {name} is missing")
            start = at + len(head) + 1
            at = start + int(parts[2]) + 1
            found.append(bytes(answer[start : at - 1]))
        return found

    def _begin(self) -> None:
        """Make the repository where there is none, or only a part of one."""
        if (self._folder / "HEAD").is_file() and (self._folder / "objects").is_dir():
            return
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise GitError(f"{self._folder}: {error.strerror}") from None
        self._git("init", "--quiet", "--bare", "--template=", str(self._folder))

    def _clear_up(self) -> None:
        """Throw away what a fetch that was killed left behind, and old commits now and then."""
        for lock in self._folder.rglob("*.lock"):
            lock.unlink(missing_ok=True)  # nobody else works here
        packs = self._folder / "objects" / "pack"
        for rest in packs.glob("tmp_*"):
            rest.unlink(missing_ok=True)
        if len(list(packs.glob("*.pack"))) > MAX_PACKS:
            self._git("gc", "--quiet", "--prune=now")

    def _commit(self, ref: str) -> str:
        name = f"{ref}^{{commit}}"
        return self._git("rev-parse", "--verify", "--quiet", name).decode().strip()

    def _git(self, *arguments: str, given: bytes = b"", with_secret: bool = False) -> bytes:
        """Run git and return what it printed."""
        if shutil.which("git") is None:
            raise GitError("the program `git` is not installed")
        settings = dict(_SETTINGS)
        settings[f"protocol.{self._config.protocol}.allow"] = "always"
        if with_secret:
            settings |= self._secret()
        limit_blocks = self._config.max_size_mib * 2048
        # A shell sets the limit, as between fork and exec of a process with threads nothing may.
        # What git prints goes to a file, so that the limit is on that as well.
        limited = ("sh", "-c", f'ulimit -f {limit_blocks}; exec git "$@"', "git")
        command = [*limited, f"--git-dir={self._folder}", *arguments]
        try:
            with _scratch(self._folder) as output, _scratch(self._folder) as errors:
                code = self._run(command, settings, given, (output, errors))
                if code == 0:
                    return output.read()
                said = errors.read(MAX_ERROR_BYTES).decode(errors="replace")
        except OSError as error:
            raise GitError(f"{self._folder}: {error.strerror}") from None
        raise GitError(self._reason(said, code))

    def _run(
        self,
        command: list[str],
        settings: Mapping[str, str],
        given: bytes,
        printed: tuple[IO[bytes], IO[bytes]],
    ) -> int:
        """Run a command to its end; return its exit code."""
        with subprocess.Popen(  # noqa: S603 -- arguments are checked, and no shell reads them
            command,
            cwd=self._folder,
            env=self._environment(settings),
            stdin=subprocess.PIPE,
            stdout=printed[0],
            stderr=printed[1],
            start_new_session=True,
        ) as started:
            self._wait(started, given)
        for file in printed:
            file.seek(0)
        return started.returncode

    def _wait(self, started: subprocess.Popen[bytes], given: bytes) -> None:
        deadline_s = time.monotonic() + self._config.timeout_s
        pending: bytes | None = given
        while True:
            try:
                started.communicate(pending, timeout=_LOOK_EVERY_S)
            except subprocess.TimeoutExpired:
                pending = None
            else:
                return
            is_late = time.monotonic() >= deadline_s
            if is_late or self._is_stopping():
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(started.pid, signal.SIGKILL)  # its helpers are of its group
                started.communicate()
                why = f"it took longer than {self._config.timeout_s:g} s"
                raise GitError(why if is_late else "the daemon stops")

    def _environment(self, settings: Mapping[str, str]) -> dict[str, str]:
        found = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        found |= {
            "HOME": str(self._folder),
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_SYSTEM": os.devnull,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_SSH_COMMAND": self._ssh(),
            "GIT_SSH_VARIANT": "ssh",
            "GIT_CONFIG_COUNT": str(len(settings)),
        }
        for number, (name, value) in enumerate(settings.items()):
            found[f"GIT_CONFIG_KEY_{number}"] = name
            found[f"GIT_CONFIG_VALUE_{number}"] = value
        return found

    def _ssh(self) -> str:
        config = self._config
        command = ["ssh", "-F", os.devnull, "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"]
        command += ["-o", "StrictHostKeyChecking=yes", "-o", "ClearAllForwardings=yes"]
        if config.ssh_key_file is not None:
            command += ["-i", str(config.ssh_key_file), "-o", "IdentitiesOnly=yes"]
        if config.ssh_known_hosts_file is not None:
            command += ["-o", f"UserKnownHostsFile={config.ssh_known_hosts_file}"]
        return shlex.join(command)

    def _secret(self) -> dict[str, str]:
        """Return the setting that sends the token to this host, and to no other."""
        token = self._config.token
        if self._config.token_file is not None:
            try:
                token = self._config.token_file.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError):
                raise GitError("the file of the token cannot be read") from None
        if not token:
            return {}
        pair = base64.b64encode(f"{self._config.username}:{token}".encode()).decode()
        parts = urlsplit(self._config.url)
        where = f"http.{parts.scheme}://{parts.netloc}/.extraHeader"
        return {where: f"Authorization: Basic {pair}"}

    def _reason(self, said: str, code: int) -> str:
        """Return the last thing that git said, on one line and without what is not printable."""
        if code == -signal.SIGXFSZ or f"signal {signal.SIGXFSZ:d}" in said:
            return f"it is larger than {self._config.max_size_mib} MiB"
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        told = [line for line in lines if line.startswith(("fatal:", "error:"))] or lines
        text = "; ".join(dict.fromkeys(told[-2:])) or f"git ended with {code}"
        return "".join(c if c.isprintable() else " " for c in text)[:MAX_MESSAGE_CHARS]


def _scratch(folder: Path) -> IO[bytes]:
    """Return a file without a name."""
    return tempfile.TemporaryFile(dir=folder)
