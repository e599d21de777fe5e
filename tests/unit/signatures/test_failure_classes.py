"""Signatures for the classes of failure that the language was made for.

Each has a run it must find something in, and look-alikes with the same symptoms but without the
causal path, in which it must stay silent.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

from signatures_fixtures import found, subject


class _Case(NamedTuple):
    title: str
    signature: str
    fires: str
    spans: str
    silent: tuple[str, ...]


_CASES = [
    _Case(
        title="a malformed result surfaces as an error two agents on",
        signature="{ span.contract = `violated` } -[flow]->> { status = error }",
        fires="""
            root 0-100
              intake 0-20
                parse 1-10 contract=violated
              price 30-50 <-data-parse
              book 60-80 <-handoff-price status=error
        """,
        spans="book",
        silent=(
            """
            root 0-100
              intake 0-20
                parse 1-10 contract=violated
              price 30-50 <-data-parse
              book 60-80 status=error
            """,
            """
            root 0-100
              parse 1-10 contract=kept
              book 60-80 <-handoff-parse status=error
            """,
        ),
    ),
    _Case(
        title="a stale document drives the work of another agent",
        signature="{ span.step = `retrieval` && span.age_s > 86400 } -[flow]->> { name = `act` }",
        fires="""
            root 0-100
              fetch 0-10 step=retrieval age_s=90000
              plan 10-20 <-data-fetch
              act 30-40 <-handoff-plan
        """,
        spans="act",
        silent=(
            """
            root 0-100
              fetch 0-10 step=retrieval age_s=90000
              plan 10-20
              act 30-40 <-handoff-plan
            """,
            """
            root 0-100
              fetch 0-10 step=retrieval age_s=60
              plan 10-20 <-data-fetch
              act 30-40 <-handoff-plan
            """,
        ),
    ),
    _Case(
        title="a truncated result is fed to a model call",
        signature="{ span.truncated = true } -[flow]-> { span.step = `model` }",
        fires="""
            agent 0-100
              lookup 0-10 truncated=true
              chat 20-30 step=model <-data-lookup
        """,
        spans="chat",
        silent=(
            """
            agent 0-100
              chat 0-10 step=model
              lookup 20-30 truncated=true
            """,
            """
            agent 0-100
              lookup 0-10 truncated=true
              retry 10-15 <-data-lookup
              chat 20-30 step=model <-data-retry
            """,
        ),
    ),
    _Case(
        title="a rate limit is swallowed inside of a tool that claims success",
        signature="{ span.step = `tool` && status != error } >> { span.http.status = 429 }",
        fires="""
            tool 0-10 step=tool status=ok
              client 1-9
                get 2-8 http.status=429
        """,
        spans="get",
        silent=(
            """
            tool 0-10 step=tool status=error
              get 2-8 http.status=429
            """,
            """
            tool 0-10 step=tool status=ok
            get 2-8 http.status=429
            """,
        ),
    ),
    _Case(
        title="nothing that was retrieved is relevant",
        signature="{ span.step = `retrieval` } | max(span.score) < 0.35",
        fires="""
            a 0-1 step=retrieval score=0.1
            b 1-2 step=retrieval score=0.3
        """,
        spans="a b",
        silent=(
            """
            a 0-1 step=retrieval score=0.1
            b 1-2 step=retrieval score=0.9
            """,
            "a 0-1 step=retrieval",
        ),
    ),
    _Case(
        title="what was sent is not what was received, both on one span",
        signature="{ span.step = `handoff` && span.sent != span.received }",
        fires="h 0-1 step=handoff sent=aa received=bb",
        spans="h",
        silent=(
            "h 0-1 step=handoff sent=aa received=aa",
            "h 0-1 step=handoff sent=aa",
            "h 0-1 step=tool sent=aa received=bb",
        ),
    ),
    _Case(
        title="what was sent is not what was received, on two spans",
        signature="{ span.sent != nil } as s -[handoff|link]-> { span.received != s.span.sent }",
        fires="""
            out 0-1 sent=aa
            in 2-3 received=bb <-link-out
        """,
        spans="in",
        silent=(
            """
            out 0-1 sent=aa
            in 2-3 received=aa <-link-out
            other 0-1 sent=bb
            """,
            """
            out 0-1 sent=aa
            in 2-3 received=bb
            """,
        ),
    ),
    _Case(
        title="context is processed out of its order",
        signature="{ span.seq != nil } as a -[before]->> { span.seq < a.span.seq }",
        fires="""
            x 0-1 seq=1
            y 2-3 seq=3
            z 4-5 seq=2
        """,
        spans="z",
        silent=(
            """
            x 0-1 seq=1
            y 2-3 seq=2
            z 4-5 seq=3
            """,
            """
            x 0-5 seq=2
            y 1-4 seq=1
            """,
        ),
    ),
    _Case(
        title="untrusted text reaches a privileged tool with no guard between",
        signature=(
            "{ span.trust = `untrusted` } "
            "-[flow|call ! { span.step = `guard` }]->> { span.privileged = true }"
        ),
        fires="""
            page 0-1 trust=untrusted
            agent 2-9 <-data-page
              pay 3-4 privileged=true
            check 2-3 step=guard <-data-page
        """,
        spans="pay",
        silent=(
            """
            page 0-1 trust=untrusted
            check 1-2 step=guard <-data-page
            agent 3-9 <-data-check
              pay 4-5 privileged=true
            """,
            """
            page 0-1 trust=untrusted
            agent 3-9
              pay 4-5 privileged=true
            """,
        ),
    ),
    _Case(
        title="an expected step is missing",
        signature="{ name = `answer` } && !{ name = `validator` }",
        fires="""
            plan 0-1
            answer 2-3
        """,
        spans="answer",
        silent=(
            """
            root 0-9
              side 0-5
                validator 1-2
              answer 6-7
            """,
            "plan 0-1",
        ),
    ),
    _Case(
        title="the same tool with the same arguments, again and again",
        signature="{ span.step = `tool` } | by(span.args) | count() >= 3",
        fires="""
            a 0-1 step=tool args=f0
            b 1-2 step=tool args=f0
            c 2-3 step=tool args=f0
            d 3-4 step=tool args=11
        """,
        spans="a b c",
        silent=(
            """
            a 0-1 step=tool args=f0
            b 1-2 step=tool args=f1
            c 2-3 step=tool args=f2
            """,
            """
            a 0-1 step=tool args=f0
            b 1-2 step=model args=f0
            c 2-3 step=tool args=f0
            """,
        ),
    ),
    _Case(
        title="the result of one of several workers never reaches the join",
        signature="{ span.role = `worker` } !-[data|link]-> { span.role = `join` }",
        fires="""
            w1 0-1 role=worker
            w2 0-1 role=worker
            j 2-3 role=join <-data-w1
        """,
        spans="w2",
        silent=(
            """
            w1 0-1 role=worker
            w2 0-1 role=worker
            j 2-3 role=join <-data-w1 <-link-w2
            """,
            "j 2-3 role=join",
        ),
    ),
    _Case(
        title="fewer results are joined than were fanned out",
        signature="({ span.role = `worker` } | count()) > ({ span.joined = true } | count())",
        fires="""
            w1 0-1 role=worker
            w2 0-1 role=worker
            m1 2-3 joined=true
        """,
        spans="w1 w2 m1",
        silent=(
            """
            w1 0-1 role=worker
            m1 2-3 joined=true
            """,
            "m1 2-3 joined=true",
        ),
    ),
    _Case(
        title="two agents hand the same context back and forth",
        signature="{ name = `triage` } -[handoff]->>{2} { name = `triage` } | count() >= 2",
        fires="""
            t1 0-1 name=triage
            b1 1-2 name=billing <-handoff-t1
            t2 2-3 name=triage <-handoff-b1
            b2 3-4 name=billing <-handoff-t2
            t3 4-5 name=triage <-handoff-b2
        """,
        spans="t2 t3",
        silent=(
            """
            t1 0-1 name=triage
            b1 1-2 name=billing <-handoff-t1
            t2 2-3 name=triage <-handoff-b1
            """,
            """
            t1 0-1 name=triage
            t2 2-3 name=triage <-handoff-t1
            t3 4-5 name=triage <-handoff-t2
            """,
        ),
    ),
    _Case(
        title="a child does not work for the tenant of its parent",
        signature="{ span.tenant != parent.span.tenant }",
        fires="""
            a 0-9 tenant=red
              b 1-2 tenant=blue
        """,
        spans="b",
        silent=(
            """
            a 0-9 tenant=red
              b 1-2 tenant=red
              c 1-2
            """,
            "b 1-2 tenant=blue",
        ),
    ),
    _Case(
        title="the first of several faults that lie along one flow",
        signature="{ span.fault != nil } | origin(flow)",
        fires="""
            a 0-1 fault=cut
            b 2-3 fault=empty <-data-a
            c 4-5 fault=error <-handoff-b
        """,
        spans="a",
        silent=("a 0-1",),
    ),
]


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case.title)
def test_it_fires(case: _Case) -> None:
    """The signature finds the failure, and exactly the spans to show for it."""
    assert found(case.signature, subject(case.fires)) == case.spans


@pytest.mark.parametrize(
    ("signature", "run"),
    [
        pytest.param(case.signature, run, id=f"{case.title} {number}")
        for case in _CASES
        for number, run in enumerate(case.silent)
    ],
)
def test_it_stays_silent(signature: str, run: str) -> None:
    """The signature finds nothing where the symptoms are there but the causal path is not."""
    assert found(signature, subject(run)) == ""
