"""The section ``rules.git`` of ``causewatch.yaml``: its keys, and how they are read."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Literal
from urllib.parse import SplitResult, urlsplit

import msgspec

from causewatch.app.secret import UNREADABLE, read_secret
from causewatch.rules.read import Section
from causewatch.rules.shape import Duration, Integer, Key, Shape, Text
from causewatch.rules.yaml import Problems

Protocol = Literal["https", "http", "ssh", "file"]
_REF = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/@+-]{0,199}\Z")
_SCP = re.compile(r"(?:[A-Za-z0-9._-]+@)?[A-Za-z0-9][A-Za-z0-9.-]*:[^:/][^:]*\Z")
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_NEED = "must be the address of a repository, such as https://host/team/rules.git"

GIT = Key(
    name="git",
    kind=Shape(
        name="git section",
        keys=(
            Key(
                name="url",
                kind=Text(not_empty=True),
                required=True,
                doc="The repository: `https://`, `ssh://`, `git@host:path` or `file://`.",
            ),
            Key(
                name="ref",
                kind=Text(not_empty=True),
                doc="Branch, tag or commit. Default: the repository's own default branch.",
            ),
            Key(
                name="subdir",
                kind=Text(not_empty=True),
                doc="Folder of the rules in it. Default: all of it.",
            ),
            Key(
                name="interval",
                kind=Duration(not_zero=True),
                doc="How often it is looked at. Default 1m.",
            ),
            Key(
                name="ssh_key_file",
                kind=Text(not_empty=True),
                doc="Private key for ssh, readable by the daemon's user alone.",
            ),
            Key(
                name="ssh_known_hosts_file",
                kind=Text(not_empty=True),
                doc="Keys of the hosts that are trusted. Default: those of the daemon's user.",
            ),
            Key(
                name="token_file",
                kind=Text(not_empty=True),
                doc="File with a token for https, read anew at each look.",
            ),
            Key(
                name="token",
                kind=Text(not_empty=True),
                doc="The token itself; write `${env:NAME}` to keep it out of the file.",
            ),
            Key(
                name="username",
                kind=Text(not_empty=True),
                doc="The name that goes with the token. Default `git`, which most hosts take.",
            ),
            Key(
                name="timeout",
                kind=Duration(not_zero=True),
                doc="How long one look may take. Default 1m.",
            ),
            Key(
                name="max_size_mib",
                kind=Integer(minimum=1, maximum=4096),
                doc="How large a pack may be, in MiB, as it is sent. Default 64.",
            ),
        ),
    ),
    doc="A git repository with the rules, in place of `paths`. Needs the `git` program.",
)


class GitConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Where rules come from, and what a look may cost. The files are read at each look."""

    url: str
    protocol: Protocol = "https"
    ref: str = "HEAD"
    subdir: str = ""
    interval_s: float = 60.0
    ssh_key_file: Path | None = None
    ssh_known_hosts_file: Path | None = None
    token: str = ""
    token_file: Path | None = None
    username: str = "git"
    timeout_s: float = 60.0
    max_size_mib: int = 64

    def __repr__(self) -> str:
        """Name the place, never the secrets."""
        return f"GitConfig({self.url!r}, {self.ref!r})"


def read_git(rules: Section | None, folder: Path, problems: Problems) -> GitConfig | None:
    """Return the git source of the rules section, ``None`` where there is none, or a bad one."""
    section = rules.section("git") if rules else None
    if rules is None or section is None:
        return None
    if rules.has("paths"):
        problems.add(section.place, "value", "give either `paths` or `git`")
    before = len(problems)
    protocol = _protocol(section, problems)
    default = GitConfig(url="")
    token = read_secret(section, "token", folder, problems)
    found = GitConfig(
        url=section.text("url").strip(),
        protocol=protocol or "https",
        ref=_ref(section, default.ref, problems),
        subdir=_subdir(section, problems),
        interval_s=section.seconds("interval", default.interval_s),
        ssh_key_file=_file(section, "ssh_key_file", folder, problems),
        ssh_known_hosts_file=_file(section, "ssh_known_hosts_file", folder, problems),
        token="" if section.has("token_file") or token == UNREADABLE else token,
        token_file=(folder / section.text("token_file")).absolute()
        if section.is_good("token_file")
        else None,
        username=section.text("username", default.username),
        timeout_s=section.seconds("timeout", default.timeout_s),
        max_size_mib=section.integer("max_size_mib", default.max_size_mib),
    )
    if protocol is not None:
        _fit(section, found, problems)
    return found if section.ok and len(problems) == before else None


def _protocol(section: Section, problems: Problems) -> Protocol | None:
    """Return how a repository is reached; what is no address, or holds a secret, is a problem."""
    if not section.is_good("url"):
        return None
    url, place = section.text("url").strip(), section.place_of("url")
    if "://" not in url and _SCP.match(url):
        return "ssh"
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    has_secret = parts.username and parts.scheme in {"http", "https"}
    if parts.password is not None or has_secret:
        problems.add(place, "secret", "keep the secret out of the address: give `token_file`")
        return None
    protocol = _reached_by(url, parts)
    if protocol is None:
        problems.add(place, "value", f"'url' {_NEED}, not {url!r}")
    return protocol


def _reached_by(url: str, parts: SplitResult) -> Protocol | None:
    host = parts.hostname or ""
    if host.startswith("-") or any(not c.isprintable() or c.isspace() for c in url):
        return None  # what git or ssh could take for something else than an address
    match parts.scheme:
        case "https" | "http" | "ssh" if host and parts.path.strip("/"):
            return parts.scheme
        case "file" if not host and parts.path.startswith("/"):
            return "file"
        case _:
            return None


def _fit(section: Section, found: GitConfig, problems: Problems) -> None:
    """Refuse secrets that do not belong to the way a repository is reached."""
    secret = next((key for key in ("token_file", "token") if section.is_good(key)), "")
    if secret and found.protocol not in {"https", "http"}:
        problems.add(section.key_place(secret), "value", f"{secret!r} is for https alone")
    if secret and found.protocol == "http" and urlsplit(found.url).hostname not in _LOOPBACK:
        message = "a token over http can be read on the way: use https"
        problems.add(section.place_of("url"), "secret", message)
    for key in ("ssh_key_file", "ssh_known_hosts_file"):
        if section.is_good(key) and found.protocol != "ssh":
            problems.add(section.key_place(key), "value", f"{key!r} is for ssh alone")


def _ref(section: Section, default: str, problems: Problems) -> str:
    ref = section.text("ref", default)
    if _REF.match(ref) is None or ".." in ref or "@{" in ref or ref.endswith((".lock", "/", ".")):
        message = f"'ref' must be a branch, a tag or a commit, not {ref!r}"
        problems.add(section.place_of("ref"), "value", message)
    return ref


def _subdir(section: Section, problems: Problems) -> str:
    written = section.text("subdir")
    path = PurePosixPath(written)
    if path.is_absolute() or ".." in path.parts or not written.isprintable():
        message = f"'subdir' must be a folder within the repository, not {written!r}"
        problems.add(section.place_of("subdir"), "value", message)
    return "" if path == PurePosixPath() else str(path)


def _file(section: Section, key: str, folder: Path, problems: Problems) -> Path | None:
    if not section.is_good(key):
        return None
    path = (folder / section.text(key)).absolute()
    if not path.is_file():
        problems.add(section.place_of(key), "secret", f"{section.text(key)} is no file")
    return path
