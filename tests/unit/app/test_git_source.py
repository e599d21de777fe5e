"""Rules from a git repository."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from bench.children import wait_until

from app_fixtures import T0_NS, Desk
from causewatch.app.config import load_config
from causewatch.app.git_config import GitConfig
from causewatch.app.git_repository import GitError, GitRepository
from causewatch.app.git_source import GitSource
from causewatch.app.reload import Reloader
from causewatch.app.rule_source import first
from causewatch.errors import ProblemsError
from causewatch.telemetry.metrics import Metrics
from git_fixtures import HttpOrigin, Origin, rules, stand_in_for_ssh


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    """Return a repository with one good rule file."""
    made = Origin(tmp_path / "origin")
    made.commit({"rules/a.yaml": rules(), "README.md": "no rules", ".ci/x.yaml": "no rules"})
    return made


class Watched:
    """A daemon's rules from a repository."""

    def __init__(self, folder: Path, config: GitConfig) -> None:
        self.folder = folder / "store" / "rules.git"
        self.metrics = Metrics()
        self.is_stopping = False
        self.repository = GitRepository(config, self.folder, is_stopping=lambda: self.is_stopping)
        self.source = GitSource(config, self.repository, metrics=self.metrics, now_ns=lambda: T0_NS)

    def start(self) -> Reloader:
        """Start a daemon with it."""
        loaded, problems = first(self.source)
        self.desk = Desk()
        self.desk.groups.replace(loaded)
        reloader = Reloader(
            self.source,
            self.desk.groups,
            metrics=self.desk.metrics,
            on_change=lambda: None,
            now_ns=lambda: T0_NS,
        )
        reloader.start_with(problems)
        return reloader

    @property
    def alertnames(self) -> list[str]:
        """Return the names of the rules in force."""
        return [rule.alertname for group in self.desk.groups.loaded.bundle.groups for rule in group]

    def names(self) -> list[str]:
        """Fetch, and return the names of the files that are read."""
        self.source.refresh()
        return sorted(self.source.read().files)


def watched(origin: Origin, tmp_path: Path, **settings: object) -> Watched:
    """Return the rules of a repository on this machine."""
    given = {"url": origin.url, "protocol": "file", **settings}
    return Watched(tmp_path, GitConfig(**given))  # type: ignore[arg-type] # keys are checked there


def problem(found: Watched) -> str:
    """Return what is wrong with a look, as one line."""
    with pytest.raises(ProblemsError) as error:
        found.source.refresh()
    return "\n".join(map(str, error.value.problems))


def test_rules_are_of_one_commit_which_is_their_revision(origin: Origin, tmp_path: Path) -> None:
    """Only rule files, none of hidden folders, by their paths in the repository."""
    found = watched(origin, tmp_path)
    assert found.names() == ["rules/a.yaml"]
    assert found.source.read().revision == origin.git("rev-parse", "HEAD")
    assert found.metrics.registry.get_sample_value(
        "causewatch_rules_git_last_fetch_timestamp_seconds"
    ) == pytest.approx(T0_NS / 1e9)


def test_a_subfolder_is_all_that_is_read(origin: Origin, tmp_path: Path) -> None:
    """A sibling whose name only begins the same is not in it."""
    origin.commit({"rules-old/b.yaml": rules("Old"), "rules/deep/c.yaml": rules("Deep")})
    assert watched(origin, tmp_path, subdir="rules").names() == [
        "rules/a.yaml",
        "rules/deep/c.yaml",
    ]


def test_a_branch_a_tag_and_a_commit_can_be_named(origin: Origin, tmp_path: Path) -> None:
    """An annotated tag is the commit that it names."""
    first_commit = origin.git("rev-parse", "HEAD")
    origin.git("tag", "--annotate", "--message=one", "v1")
    origin.git("checkout", "--quiet", "-b", "next/one")
    second = origin.commit({"rules/b.yaml": rules("B")})
    for number, (ref, commit) in enumerate(
        [("v1", first_commit), ("next/one", second), ("main", first_commit), (second, second)]
    ):
        found = watched(origin, tmp_path / str(number), ref=ref)
        found.source.refresh()
        assert found.source.read().revision == commit


def test_a_commit_is_in_force_at_the_next_look(origin: Origin, tmp_path: Path) -> None:
    """At once, as no commit is half written; also when only its revision is new."""
    found = watched(origin, tmp_path)
    reloader = found.start()
    commit = origin.commit({"rules/a.yaml": rules("Gone")})
    reloader.poll()
    assert found.alertnames == ["Gone"]
    assert found.desk.groups.loaded.source.revision == commit
    commit = origin.commit({"README.md": "more"})
    assert reloader.reload() == ()
    assert found.desk.groups.loaded.source.revision == commit


def test_a_bad_commit_keeps_the_last_good_one_also_over_a_restart(
    origin: Origin, tmp_path: Path
) -> None:
    """The problem has its place; the metric says so; a commit that mends it is in force."""
    found = watched(origin, tmp_path)
    reloader = found.start()
    origin.commit({"rules/a.yaml": "groups: [{nam: x}]"})
    reloader.poll()
    assert found.alertnames == ["Lost"]
    assert any("rules/a.yaml:1:11" in str(each) for each in reloader.problems)
    assert found.desk.metric("causewatch_config_last_reload_successful") == 0
    again = watched(origin, tmp_path)
    reloader = again.start()
    assert again.alertnames == ["Lost"]
    assert reloader.problems
    assert again.desk.metric("causewatch_config_last_reload_successful") == 0
    origin.commit({"rules/a.yaml": rules("Mended")})
    reloader.poll()
    assert (again.alertnames, reloader.problems) == (["Mended"], ())
    assert again.desk.metric("causewatch_config_last_reload_successful") == 1


def test_a_commit_that_is_taken_back_clears_the_problem(origin: Origin, tmp_path: Path) -> None:
    """By another commit with the files of before, or by force."""
    found = watched(origin, tmp_path)
    reloader = found.start()
    origin.commit({"rules/a.yaml": "groups: ["})
    reloader.poll()
    assert reloader.problems
    origin.git("reset", "--quiet", "--hard", "HEAD~1")
    reloader.poll()
    assert reloader.problems == ()
    assert found.desk.metric("causewatch_config_last_reload_successful") == 1


def test_a_repository_that_is_away_changes_nothing(origin: Origin, tmp_path: Path) -> None:
    """Neither while it runs nor at a restart; the first start of all needs it."""
    found = watched(origin, tmp_path)
    reloader = found.start()
    away = origin.folder.rename(tmp_path / "away")
    reloader.poll()
    assert found.alertnames == ["Lost"]
    assert "the rules cannot be fetched" in str(reloader.problems[0])
    again = watched(origin, tmp_path)
    assert again.start().problems
    assert again.alertnames == ["Lost"]
    with pytest.raises(ProblemsError, match="cannot be fetched"):
        watched(origin, tmp_path / "other").start()
    away.rename(origin.folder)
    reloader.poll()
    assert reloader.problems == ()
    fetches = found.metrics.registry.get_sample_value
    assert fetches("causewatch_rules_git_fetches_total", {"outcome": "failed"}) == 1


@pytest.mark.parametrize(
    "target", ["/etc/hostname.yaml", "../../etc/x.yaml", "../secret.yaml", "gone.yaml", "deep"]
)
def test_a_link_that_leads_out_is_refused(origin: Origin, tmp_path: Path, target: str) -> None:
    """Out of the folder is out, also where it stays in the repository; nothing is followed."""
    origin.commit(
        {"secret.yaml": rules(), "rules/deep/c.yaml": rules("C"), "rules/b.yaml": Path(target)}
    )
    found = problem(watched(origin, tmp_path, subdir="rules"))
    assert found.startswith("rules/b.yaml:1:1")
    assert "links out are refused" in found


def test_a_link_within_is_the_file_that_it_leads_to(origin: Origin, tmp_path: Path) -> None:
    """A schema that two folders share."""
    origin.commit({"rules/shared/s.json": "{}", "rules/team/s.json": Path("../shared/s.json")})
    found = watched(origin, tmp_path, subdir="rules")
    found.source.refresh()
    assert found.source.read().files["rules/team/s.json"] == b"{}"


def test_nothing_of_a_repository_runs_or_is_written(origin: Origin, tmp_path: Path) -> None:
    """Hooks, filters, attributes and submodules are names and bytes, no more."""
    marker = tmp_path / "ran"
    hook = origin.folder / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {marker}\n", encoding="utf-8")
    hook.chmod(0o755)
    origin.commit(
        {
            ".gitattributes": "*.yaml filter=evil\n",
            ".gitconfig": f'[filter "evil"]\nsmudge = touch {marker}\n',
            ".gitmodules": '[submodule "x.yaml"]\npath = x.yaml\nurl = ext::sh -c true\n',
        }
    )
    commit = origin.git("rev-parse", "HEAD")
    origin.git("update-index", "--add", "--cacheinfo", f"160000,{commit},x.yaml")
    origin.git("commit", "--quiet", "--message=submodule")
    found = watched(origin, tmp_path)
    assert found.names() == ["rules/a.yaml"]
    assert not marker.exists()
    assert not list(found.folder.rglob("*.yaml"))


def test_limits_are_said(origin: Origin, tmp_path: Path) -> None:
    """Files that are too large, folders without rules, packs past the limit, and time."""
    assert "there is no rule file" in problem(watched(origin, tmp_path / "1", subdir="none"))
    origin.commit({"rules/big.json": "x" * (1024 * 1024 + 1)})
    assert "rules/big.json:1:1" in problem(watched(origin, tmp_path / "2"))
    (origin.folder / "noise.bin").write_bytes(os.urandom(2 * 1024 * 1024))
    origin.git("add", "--all")
    origin.git("commit", "--quiet", "--message=noise")
    assert "larger than 1 MiB" in problem(watched(origin, tmp_path / "3", max_size_mib=1))


def is_alive(stat: Path) -> bool:
    """Tell whether a process does more than wait for somebody to ask how it ended."""
    try:
        return stat.read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_look_that_hangs_is_ended(
    origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all its helpers, after its time, or at once when the daemon stops."""
    ssh = stand_in_for_ssh(tmp_path / "bin")
    (ssh / "ssh").write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 60\n")
    monkeypatch.setenv("PATH", f"{ssh}:{os.environ['PATH']}")
    settings = {"url": f"ssh://host{origin.folder}", "protocol": "ssh", "timeout_s": 0.5}
    found = watched(origin, tmp_path, **settings)
    began_s = time.monotonic()
    assert "longer than 0.5 s" in problem(found)
    found.is_stopping = True
    with pytest.raises(GitError, match="the daemon stops"):
        found.repository.fetch()
    assert time.monotonic() - began_s < 20
    stat = Path("/proc", (tmp_path / "pid").read_text().strip(), "stat")
    wait_until(lambda: not is_alive(stat), timeout_s=5, what="the end of the helper")


def test_a_fetch_that_was_killed_leaves_nothing_behind(origin: Origin, tmp_path: Path) -> None:
    """Its locks and half packs are thrown away; many packs become few."""
    found = watched(origin, tmp_path)
    found.source.refresh()
    (found.folder / "shallow.lock").write_text("", encoding="utf-8")
    rest = found.folder / "objects" / "pack" / "tmp_pack_x"
    rest.write_bytes(b"half")
    for number in range(25):
        (found.folder / "objects" / "pack" / f"pack-{number}.pack").write_bytes(b"")
    found.repository._clear_up()
    assert not rest.exists()
    assert not (found.folder / "shallow.lock").exists()


def test_a_token_goes_to_its_host_alone(origin: Origin, tmp_path: Path) -> None:
    """By its file, read at each look; a wrong one, and a redirect, are errors without the token."""
    token_file = tmp_path / "token"
    token_file.write_text("wrong-secret\n", encoding="utf-8")
    with HttpOrigin(origin, username="git", token="right-secret") as served:
        config = GitConfig(url=served.url, protocol="http", token_file=token_file)
        found = Watched(tmp_path, config)
        said = problem(found)
        assert "cannot be fetched" in said
        token_file.write_text("right-secret\n", encoding="utf-8")
        assert found.names() == ["rules/a.yaml"]
        written = b"".join(p.read_bytes() for p in found.folder.rglob("*") if p.is_file())
        assert b"right-secret" not in written
        with HttpOrigin(origin, username="git", token="right-secret") as other:
            served.redirect_to = other.url.removesuffix("/.git")
            origin.commit({"rules/a.yaml": rules("Gone")})
            said += problem(found)
            assert other.seen == []
        assert "secret" not in said
        token_file.unlink()
        assert "the file of the token cannot be read" in problem(found)


def test_ssh_takes_the_key_and_asks_nobody(
    origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the hosts that are known, only this key, and no configuration of the user."""
    ssh = stand_in_for_ssh(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{ssh}:{os.environ['PATH']}")
    monkeypatch.setenv("GIT_SSH_COMMAND", "false")
    found = watched(
        origin,
        tmp_path,
        url=f"ssh://git@host{origin.folder}",
        protocol="ssh",
        ssh_key_file=tmp_path / "a key",
        ssh_known_hosts_file=tmp_path / "known",
    )
    assert found.names() == ["rules/a.yaml"]
    arguments = (ssh / "arguments").read_text(encoding="utf-8").splitlines()
    assert arguments[arguments.index("-i") + 1] == str(tmp_path / "a key")
    assert {"BatchMode=yes", "StrictHostKeyChecking=yes", "IdentitiesOnly=yes", "git@host"} <= set(
        arguments
    )
    assert f"UserKnownHostsFile={tmp_path / 'known'}" in arguments
    assert arguments[arguments.index("-F") + 1] == os.devnull


def test_configuration_of_the_machine_is_not_read(
    origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the user's nor what stands in the environment."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".gitconfig").write_text(
        f'[url "file:///nowhere"]\ninsteadOf = {origin.url}\n', encoding="utf-8"
    )
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'protocol.file.allow=never'")
    assert watched(origin, tmp_path).names() == ["rules/a.yaml"]


def test_without_git_it_says_so(
    origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image without it, for instance."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "the program `git` is not installed" in problem(watched(origin, tmp_path))


def config_of(folder: Path, text: str) -> GitConfig | None:
    """Return the section as a daemon reads it."""
    for name in ("key", "hosts", "token"):
        (folder / name).write_text("x", encoding="utf-8")
    path = folder / "causewatch.yaml"
    path.write_text(f"rules:\n  git: {{{text}}}\n", encoding="utf-8")
    return load_config(path).rules_git


def test_the_section_is_read(tmp_path: Path) -> None:
    """Files are relative to the configuration; each way to reach a repository is known."""
    text = (
        "url: git@host.example.com:team/rules.git, ref: v1.2, subdir: prod/rules, interval: 5m,"
        " ssh_key_file: key, ssh_known_hosts_file: hosts, timeout: 10s, max_size_mib: 8"
    )
    assert config_of(tmp_path, text) == GitConfig(
        url="git@host.example.com:team/rules.git",
        protocol="ssh",
        ref="v1.2",
        subdir="prod/rules",
        interval_s=300,
        ssh_key_file=tmp_path / "key",
        ssh_known_hosts_file=tmp_path / "hosts",
        timeout_s=10,
        max_size_mib=8,
    )
    found = config_of(tmp_path, "url: 'https://host/r', token_file: token, username: bot")
    assert found == GitConfig(url="https://host/r", token_file=tmp_path / "token", username="bot")
    assert "host" in repr(found)


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("ref: main", 8, "needs the key 'url'"),
        ("url: 'ext::sh -c id'", 14, "must be the address of a repository"),
        ("url: '--upload-pack=x'", 14, "must be the address of a repository"),
        ("url: 'ssh://-oProxyCommand=id/r'", 14, "must be the address of a repository"),
        ("url: 'file://host/r'", 14, "must be the address of a repository"),
        ("url: 'https://[x/r'", 14, "must be the address of a repository"),
        ("url: 'https://me:pass@host/r'", 14, "keep the secret out of the address"),
        ("url: 'https://token@host/r'", 14, "keep the secret out of the address"),
        ("url: 'http://host/r', token: x", 14, "use https"),
        ("url: 'ssh://host/r', token: x", 30, "is for https alone"),
        ("url: 'https://host/r', ssh_key_file: key", 32, "is for ssh alone"),
        ("url: 'ssh://host/r', ssh_key_file: none", 44, "none is no file"),
        ("url: 'https://host/r', ref: '--all'", 37, "must be a branch"),
        ("url: 'https://host/r', ref: 'a..b'", 37, "must be a branch"),
        ("url: 'https://host/r', subdir: ../x", 40, "must be a folder within"),
        ("url: 'https://host/r', subdir: /etc", 40, "must be a folder within"),
        ("url: 'https://host/r', intervl: 1m", 32, "did you mean 'interval'"),
    ],
)
def test_what_is_wrong_with_the_section_has_a_place(
    tmp_path: Path, text: str, column: int, message: str
) -> None:
    """File, line and column, and what to write."""
    with pytest.raises(ProblemsError) as error:
        config_of(tmp_path, text)
    found = error.value.problems[0]
    assert (found.line, found.column) == (2, column), str(found)
    assert message in found.message


def test_rules_come_from_one_place(tmp_path: Path) -> None:
    """From folders or from a repository: which of two rules of one name would be meant?"""
    path = tmp_path / "causewatch.yaml"
    path.write_text("rules:\n  paths: [x]\n  git: {url: 'https://host/r'}\n", encoding="utf-8")
    with pytest.raises(ProblemsError, match="give either `paths` or `git`"):
        load_config(path)
