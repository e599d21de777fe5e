"""Rules from a git repository: one commit at a time, the last good one kept over restarts."""

from __future__ import annotations

import posixpath
import threading
from collections.abc import Callable
from pathlib import PurePosixPath

import msgspec
import structlog

from causewatch.app.git_config import GitConfig
from causewatch.app.git_repository import GitError, GitRepository
from causewatch.app.rulefiles import MAX_FILE_BYTES, MAX_FILES, SUFFIXES, RuleFiles
from causewatch.errors import Problem, ProblemsError
from causewatch.rules.file import digest_of
from causewatch.telemetry.metrics import Metrics

MAX_ALL_BYTES = 64 * 1024 * 1024
MAX_PATH_BYTES = 4096
_LINK, _FILES = "120000", frozenset({"100644", "100755", "100664"})

log = structlog.get_logger("causewatch.git")


class _Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a commit."""

    mode: str
    object: str
    size_bytes: int


class GitSource:
    """The rule files of the commit that a ref names. It may be asked from any thread.

    Args:
        config: where they come from.
        repository: what fetches them.
        metrics: counts the looks.
        now_ns: the clock, for the metric of the last look.
    """

    is_whole = True

    def __init__(
        self,
        config: GitConfig,
        repository: GitRepository,
        *,
        metrics: Metrics,
        now_ns: Callable[[], int],
    ) -> None:
        self._config = config
        self._repository = repository
        self._metrics = metrics
        self._now_ns = now_ns
        self._lock = threading.Lock()
        self._files: RuleFiles | None = None

    def refresh(self) -> None:
        """Fetch the commit, and read its files.

        Raises:
            ProblemsError: with the reason; what was read last stays.
        """
        with self._lock:
            try:
                commit = self._repository.fetch()
                if self._files is None or commit != self._files.revision:
                    self._files = self._read(commit)
                    log.info("commit fetched", commit=commit, files=len(self._files.files))
            except (GitError, ProblemsError) as error:
                self._measure("failed")
                raise self._problem_of(error) from None
            self._measure("fetched")

    def read(self) -> RuleFiles:
        """Return the files of the commit that was fetched last.

        Raises:
            ProblemsError: none was.
        """
        if self._files is None:
            raise self._problem_of(GitError("nothing was fetched yet"))
        return self._files

    def keep(self, files: RuleFiles) -> None:
        """Remember a commit that loads well."""
        with self._lock:
            try:
                self._repository.keep(files.revision)
            except GitError as error:
                log.warning("the last good commit cannot be remembered", reason=str(error))

    def kept(self) -> RuleFiles | None:
        """Return the files of the last good commit, ``None`` where there is none."""
        with self._lock:
            commit = self._repository.kept()
            if not commit:
                return None
            try:
                return self._read(commit)
            except (GitError, ProblemsError):
                return None

    def _measure(self, outcome: str) -> None:
        self._metrics.rules_git_fetches.labels(outcome=outcome).inc()
        if outcome == "fetched":
            now_s = self._now_ns() / 1_000_000_000
            self._metrics.rules_git_last_fetch_timestamp_seconds.set(now_s)

    def _problem_of(self, error: GitError | ProblemsError) -> ProblemsError:
        if isinstance(error, ProblemsError):
            return error
        message = f"the rules cannot be fetched: {error}"
        return ProblemsError([_problem(self._config.url, message, "git")])

    def _read(self, commit: str) -> RuleFiles:
        """Read the rule files of a commit.

        Raises:
            GitError: git cannot.
            ProblemsError: a limit is passed, or a link leads out.
        """
        entries = _entries(self._repository.listing(commit), self._config.subdir)
        problems: list[Problem] = []
        wanted = self._resolved(commit, entries, problems)
        if not wanted and not problems:
            where = self._config.subdir or "the repository"
            problems.append(_problem(where, "there is no rule file in it", "unreadable"))
        if len(wanted) > MAX_FILES:
            problems.append(_problem(commit, f"more than {MAX_FILES} files", "limit"))
        if sum(entry.size_bytes for entry in wanted.values()) > MAX_ALL_BYTES:
            problems.append(_problem(commit, f"more than {MAX_ALL_BYTES} bytes", "limit"))
        for name, entry in wanted.items():
            if entry.size_bytes > MAX_FILE_BYTES:
                problems.append(_problem(name, f"larger than {MAX_FILE_BYTES} bytes", "limit"))
        if problems:
            raise ProblemsError(problems)
        contents = self._repository.contents([entry.object for entry in wanted.values()])
        files = dict(zip(wanted, contents, strict=True))
        return RuleFiles(files=files, sha256=digest_of(files), revision=commit)

    def _resolved(
        self, commit: str, entries: dict[str, _Entry], problems: list[Problem]
    ) -> dict[str, _Entry]:
        """Return the rule files by name; a link is the file it leads to within the folder."""
        named = {name: entry for name, entry in entries.items() if _is_rule_file(name)}
        links = [name for name, entry in named.items() if entry.mode == _LINK]
        targets = dict(zip(links, self._targets(entries, links), strict=True))
        found: dict[str, _Entry] = {}
        for name, entry in named.items():
            if entry.mode in _FILES:
                found[name] = entry
                continue
            if entry.mode != _LINK:
                continue  # a submodule: nothing of it is here
            target = posixpath.normpath(posixpath.join(posixpath.dirname(name), targets[name]))
            led_to = entries.get(target)
            if led_to is None or led_to.mode not in _FILES or targets[name].startswith("/"):
                message = "is a link that leads to no file of this folder: links out are refused"
                problems.append(_problem(name, message, "link"))
                continue
            found[name] = led_to
        log.debug("commit listed", commit=commit, files=len(found), links=len(links))
        return found

    def _targets(self, entries: dict[str, _Entry], links: list[str]) -> list[str]:
        small = [name for name in links if entries[name].size_bytes <= MAX_PATH_BYTES]
        texts = self._repository.contents([entries[name].object for name in small])
        known = dict(zip(small, texts, strict=True))
        return [known.get(name, b"/").decode(errors="replace") for name in links]


def _entries(listing: bytes, subdir: str) -> dict[str, _Entry]:
    """Return what lies in a folder of a commit, by path in the repository."""
    within = f"{subdir}/" if subdir else ""
    found: dict[str, _Entry] = {}
    for line in listing.split(b"\0"):
        head, _, name = line.partition(b"\t")
        parts = head.decode().split()
        shown = name.decode("utf-8", "replace")
        if len(parts) == 4 and shown.startswith(within):
            size_bytes = int(parts[3]) if parts[3].isdigit() else 0
            found[shown] = _Entry(mode=parts[0], object=parts[2], size_bytes=size_bytes)
    return found


def _is_rule_file(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix in SUFFIXES and not any(part.startswith(".") for part in path.parts)


def _problem(file: str, message: str, check: str) -> Problem:
    return Problem(file=file, line=1, column=1, check=check, message=message)
