"""The daemon learns what workflows have from good runs, and tells what is new once it knows."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import msgspec
import pytest

from app_fixtures import S, loaded
from causewatch.app.assess import INBOX_FILE, STATE_FILE, assess_files
from causewatch.app.groups import Groups
from causewatch.app.pipeline import Pipeline
from causewatch.graph.assemble import RunAssembler
from causewatch.inbox.sqlite import SqliteInbox
from causewatch.model.limits import RunLimits
from causewatch.model.span import Span
from causewatch.otlp.encode import encode_traces
from causewatch.rules.subject import subject_of
from causewatch.store.record import StoredRun
from causewatch.store.sqlite.store import SqliteStore
from causewatch.telemetry.metrics import Metrics
from novelty_fixtures import DESK, FAILING, SENDING, spans

RULES = """\
paths:
- path: desk-paths
  novelty: {learn_for: 1h, budget_per_day: 2}
  window: 10m
"""
GROUP = "some"
HOUR_S = 3_600


class Post:
    """A pipeline and its rule groups over a store folder."""

    def __init__(self, folder: Path, rules: str = RULES) -> None:
        self.folder = folder
        self.rules = rules
        self.now_ns = max(span.end_ns for span in spans(DESK)) + S
        self.open()

    def open(self) -> None:
        """Start; also after a stop, or beside what a kill left behind."""
        self.metrics = Metrics()
        self.inbox = SqliteInbox(
            self.folder / INBOX_FILE, now_ns=lambda: self.now_ns, metrics=self.metrics
        )
        self.store = SqliteStore(self.folder / STATE_FILE)
        self.groups = Groups(
            loaded(self.rules),
            store=self.store,
            metrics=self.metrics,
            tell=lambda _changes, _slot_ns: None,
        )
        self.pipeline = Pipeline(
            inbox=self.inbox,
            assembler=RunAssembler(RunLimits(quiet_s=1)),
            groups=self.groups,
            store=self.store,
            metrics=self.metrics,
            now_ns=lambda: self.now_ns,
        )

    def close(self) -> None:
        """Give the files back."""
        self.inbox.close()
        self.store.close()

    def run(self, text: str, salt: str, *, after_s: float = 0) -> StoredRun:
        """Let one run end so much later than the last, come in and be judged."""
        self.now_ns += int(after_s * S)
        shift_ns = self.now_ns - max(span.end_ns for span in spans(text))
        self.inbox.append("traces", encode_traces(later(text, salt, shift_ns)), 1).result()
        self.pipeline.turn()
        self.now_ns += 2 * S
        self.pipeline.turn()
        return self.store.recent_runs(limit=1)[0]

    def learn(self) -> None:
        """Let a good run come, and the time of learning go by."""
        self.run(DESK, "first")
        self.now_ns += HOUR_S * S

    def alerts(self) -> list[dict[str, str]]:
        """Evaluate the group, and return the labels of the alerts that fire."""
        self.groups.evaluate(GROUP, self.now_ns)
        return [dict(alert.labels) for alert in self.store.alerts()]

    def count(self, name: str, **labels: str) -> float:
        """Return a metric's value."""
        return self.metrics.registry.get_sample_value(f"causewatch_{name}_total", labels) or 0.0


def later(text: str, salt: str, shift_ns: int) -> list[Span]:
    """Return the spans of a run, all so much later."""
    return [
        msgspec.structs.replace(
            span, start_ns=span.start_ns + shift_ns, end_ns=span.end_ns + shift_ns
        )
        for span in spans(text, salt)
    ]


@pytest.fixture
def post(tmp_path: Path) -> Post:
    """Return a daemon without a past."""
    return Post(tmp_path)


def new(run: StoredRun) -> list[str]:
    """Return what was told as new of a run."""
    return [novel.edge or "shape" for novel in run.novel]


def test_a_new_edge_is_told_once_learning_is_over_and_known_from_then_on(post: Post) -> None:
    """The alert has the path, the workflow and the edge; the line of explain has it, too."""
    assert new(post.run(DESK, "a")) == []
    run = post.run(SENDING, "b", after_s=HOUR_S)
    assert new(run) == ["desk > send_mail"]
    assert json.loads(run.summary)["novel"][0]["edge"] == "desk > send_mail"
    assert post.alerts() == [
        {
            "alertname": "NovelPath",
            "path": "desk-paths",
            "workflow": "desk",
            "edge": "desk > send_mail",
            "severity": "ticket",
        }
    ]
    assert new(post.run(SENDING, "c")) == []
    assert post.count("novel", kind="edge") == 1
    post.close()


def test_while_it_learns_nothing_is_told(post: Post) -> None:
    """All of it is known afterwards."""
    post.run(DESK, "a")
    assert new(post.run(SENDING, "b", after_s=HOUR_S / 2)) == []
    assert new(post.run(SENDING, "c", after_s=HOUR_S)) == []
    post.close()


def test_a_corrupted_run_teaches_nothing_and_is_told_each_time(post: Post) -> None:
    """Else the second would pass for what is usual; on one day it costs no more budget."""
    post.learn()
    for salt in "abc":
        run = post.run(FAILING, salt)
        assert run.verdict == "corrupted"
        assert new(run) == ["desk > send_mail"]
    assert "desk > send_mail" not in post.store.baselines()["desk"].edges
    assert post.count("novel_over_budget") == 0
    post.close()


def test_what_was_learned_and_told_outlives_a_kill(post: Post) -> None:
    """A new process beside the killed one's files tells the same of a run that it reads again."""
    post.learn()
    assert new(post.run(SENDING, "a")) == ["desk > send_mail"]
    before = post.store.baselines(), post.store.spent()
    killed = post.inbox, post.store
    # No group has looked at the run: what a kill leaves is the files as they are at this moment.
    post.folder = Path(shutil.copytree(post.folder, post.folder.with_name("left-behind")))
    post.open()
    post.pipeline.turn()
    post.now_ns += 2 * S
    post.pipeline.turn()
    told = [new(run) for run in post.store.recent_runs()]
    assert sorted(told) == [[], ["desk > send_mail"]]
    assert (post.store.baselines(), post.store.spent()) == before
    assert [labels["edge"] for labels in post.alerts()] == ["desk > send_mail"]
    assert new(post.run(SENDING, "b")) == []
    post.close()
    for part in killed:
        part.close()


def test_beyond_the_budget_what_is_new_is_counted_and_known(post: Post) -> None:
    """The last alert of the day says so."""
    post.learn()
    many = SENDING
    for name in ("one", "two", "three"):
        many = many.replace(
            "  e model", f'  {name} call {name} {{"a": 1}} => {{"ok": 1}}\n  e model'
        )
    run = post.run(many, "a")
    assert len(new(run)) == 2
    assert "budget of 2 a day is used up" in run.novel[-1].message
    assert post.count("novel_over_budget") == 2
    assert new(post.run(many, "b", after_s=25 * HOUR_S)) == []
    post.close()


def test_a_wrong_clock_does_not_end_the_time_of_learning(post: Post) -> None:
    """A run that claims to be of 1970 is taken for one of now."""
    post.inbox.append("traces", encode_traces(later(DESK, "x", -1_750_000_000 * S)), 1).result()
    post.pipeline.turn()
    post.now_ns += 2 * S
    post.pipeline.turn()
    assert "desk" in post.store.baselines()
    assert new(post.run(SENDING, "b")) == []
    post.close()


def test_an_accepted_edge_is_not_told(tmp_path: Path) -> None:
    """Nor the shape that it makes."""
    rules = RULES.replace("budget_per_day: 2", "accepted: ['desk > send_*']")
    post = Post(tmp_path, rules)
    post.learn()
    assert new(post.run(SENDING, "a")) == []
    post.close()


def test_a_workflow_without_a_rule_is_learned_and_not_told(tmp_path: Path) -> None:
    """A rule that comes later finds a past."""
    post = Post(tmp_path, RULES.replace("desk-paths", "desk-paths\n  workflow: other"))
    post.learn()
    assert new(post.run(SENDING, "a")) == []
    assert "desk > send_mail" in post.store.baselines()["desk"].edges
    post.close()


def test_explain_with_the_store_tells_what_the_daemon_told(post: Post, tmp_path: Path) -> None:
    """Of its runs as it did; of others by what it knows."""
    post.learn()
    post.run(SENDING, "a")
    post.close()
    judged = list(assess_files([], store=post.folder).assessments)
    assert [[n.edge for n in each.novel] for each in judged] == [[], ["desk > send_mail"]]
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "r.yaml").write_text(RULES)
    wiping = tmp_path / "wiping.pb"
    text = SENDING.replace("send_mail", "wipe_disk")
    wiping.write_bytes(encode_traces(later(text, "z", 2 * HOUR_S * S)))
    other = next(assess_files([str(wiping)], rules, store=post.folder).assessments)
    assert [n.edge for n in other.novel] == ["desk > wipe_disk"]


def test_explain_with_good_runs_needs_neither_rule_nor_time(tmp_path: Path) -> None:
    """What they do not have is new, and stands on its step as an attribute."""
    good, other = tmp_path / "good.pb", tmp_path / "other.pb"
    good.write_bytes(encode_traces(spans(DESK, "a")))
    other.write_bytes(encode_traces(spans(SENDING, "b")))
    (found,) = assess_files([str(other)], baseline=[str(good)]).assessments
    (novel,) = found.novel
    assert novel.edge == "desk > send_mail"
    attributes = subject_of(found).derived[novel.step]
    assert attributes["causewatch.novel"] == ["desk > send_mail"]
    (same,) = assess_files([str(good)], baseline=[str(good)]).assessments
    assert same.novel == ()
    (alone,) = assess_files([str(other)]).assessments
    assert alone.novel == ()
