"""Faults of results and turns: refused, broken, one page, low scores, stopped, to and fro."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from blame_fixtures import RunBuilder
from causewatch.faults.detect import detect
from causewatch.faults.envelope import failure_in
from causewatch.faults.known import Known
from causewatch.faults.malformed import is_malformed
from causewatch.faults.tuning import Tuning
from causewatch.model.graph import CausalGraph
from causewatch.model.judgement import Fault, FaultName
from causewatch.model.step import Document


def found(graph: CausalGraph, name: FaultName, **tuned: Any) -> list[Fault]:
    """Return the faults of one name."""
    known = Known(tuning=Tuning(**tuned))
    return [fault for fault in detect(graph, known) if fault.name == name]


def answered(result: Any, prompt: str = "Look it up.", asked: Any = None) -> CausalGraph:
    """Return a run with one look-up that was answered so."""
    run = RunBuilder(prompt)
    run.call("list_dues", {"state": "open"} if asked is None else asked, result)
    run.say("Done.")
    return run.graph()


REFUSED: list[Any] = [
    "429 Too Many Requests",
    "Rate limit exceeded, try again in 20 s",
    "Error: quota exceeded for project 7",
    {"error": {"code": 429, "message": "slow down"}},
    {"error": "throttled", "message": "Request was throttled."},
    {"success": False, "message": "rate limit reached"},
    {"status": "too_many_requests"},
    {"status": 429},
    {"code": 429, "message": "later, please"},
    {"error": "RESOURCE_EXHAUSTED"},
    {"rate_limited": True},
    {"fehler": "Zu viele Anfragen"},
    {"error": "demasiadas solicitudes"},
    {"错误": "请求过于频繁"},
    "エラー: レート制限を超えました",
]


@pytest.mark.parametrize("result", REFUSED, ids=str)
def test_refusals_for_too_many_calls(result: Any) -> None:
    """A rate limit or a used-up quota has its own name, and is no other failure beside."""
    graph = answered(result)
    assert [fault.name for fault in detect(graph)] == ["rate_limited"]


@pytest.mark.parametrize(
    "result",
    [
        {"limit": 429, "rate": "limit"},
        {"plan": "basic", "rate_limit": 100, "quota": {"used": 3}},
        "Our rate limit policy allows 100 calls a minute.",
        "429 guests came",
        {"quota": "exceeded expectations"},
    ],
    ids=str,
)
def test_data_about_limits(result: Any) -> None:
    """What a limit is, and numbers that look like it, are answers."""
    assert detect(answered(result)) == ()


PARTS: list[tuple[Any, str]] = [
    ({"partial": True, "rows": [1]}, "truncated"),
    ({"complete": False, "rows": [1]}, "truncated"),
    ({"status": "Partial Content", "rows": [1]}, "truncated"),
    ({"data": {"meta": {"incomplete": True}}}, "truncated"),
    ({"unvollständig": True, "zeilen": [1]}, "truncated"),
    ({"partial": True, "error": "shard 3 down"}, "failure"),
    ({"partial": True, "data": {"success": False}}, "failure"),
    ({"exit_code": 1, "stdout": "x", "stderr": "fatal"}, "failure"),
    ({"returncode": 127, "stderr": "not found"}, "failure"),
    ({"isError": True, "content": [{"type": "text", "text": "busy"}]}, "failure"),
    ([{"type": "text", "text": "Error: no route"}], "failure"),
    ("<html><head><title>502 Bad Gateway</title></head></html>", "failure"),
    ({"message": "Internal server error"}, "failure"),
    ({"code": 500, "message": "x", "request_id": "r-1"}, "failure"),
    ({"type": "about:blank", "title": "Gone", "status": 410, "detail": "x"}, "failure"),
    ({"错误": "数据库不可用"}, "failure"),
    ({"خطأ": "الخادم لا يستجيب"}, "failure"),
    ({"éxito": False, "mensaje": "x"}, "failure"),
]


@pytest.mark.parametrize(("result", "name"), PARTS, ids=str)
def test_what_a_result_says_of_itself(result: Any, name: str) -> None:
    """A part is truncated, unless something failed as well; commands and services fail too."""
    assert [fault.name for fault in detect(answered(result))] == [name]


@pytest.mark.parametrize(
    "result",
    [
        {"exit_code": 1, "stdout": "", "stderr": ""},
        {"exit_code": 0, "stderr": "warning: old"},
        {"code": 404, "name": "lamp"},
        {"code": 503},
        {"code": 200, "message": "ok"},
        {"message": "The server room is free"},
        "<html><head><title>502 ways to cook</title></head></html>",
        "Die Fehlerquote lag bei 3 %",
        "Erreurs fréquentes : la ponctuation",
        "失败是成功之母",
        "エラーコード一覧",
    ],
    ids=str,
)
def test_what_a_result_does_not_say(result: Any) -> None:
    """Exit codes without words, codes of things, and prose about errors are data."""
    assert failure_in(result) is None or "<html" in str(result)


BROKEN = [
    '{"a": 1, "b": , "c": 3}',
    '{"a": 1 "b": 2}',
    '[{"a": 1}, {"b": ]}',
    '{"a": "x" y}',
]
SOUND = [
    '{"a": 1}',
    '{"a": 1,}',
    '{"a": NaN, "b": Infinity}',
    '{"a": None, "b": True}',
    '{"a": 1} // the first\n',
    '{"a": 1}\n{"a": 2}',
    '{"a": 1}{"a": 2}',
    '{"a": 1} and more of it {x}',
    "{'a': 1}",
    "[INFO] started {ok}",
    "{name}",
    "[a](b)",
    '{"a": [1, 2',
    '["a", "b"]',
    "",
    "{",
]


@pytest.mark.parametrize("text", BROKEN)
def test_broken_json(text: str) -> None:
    """What opens and closes as JSON and cannot be read is malformed."""
    assert is_malformed(text)
    (fault,) = found(answered(text), "malformed")
    assert fault.confidence == 0.6


@pytest.mark.parametrize("text", SOUND)
def test_json_that_people_write(text: str) -> None:
    """Freedoms with JSON, lines of it, Python's literals, cut ones and other texts are not."""
    assert not is_malformed(text)


def test_a_huge_or_hostile_text_is_no_work() -> None:
    """Long and deeply nested texts end quickly and quietly."""
    assert not is_malformed('{"a":' * 20_000 + "}")
    assert is_malformed('{"a": ' + "[" * 3_000 + "]" * 3_000 + ",,}")
    assert not is_malformed('{"a": 1,,' + " " * 300_000 + "}")


PAGES: list[Any] = [
    {"items": [{"id": 1}], "has_more": True},
    {"items": [{"id": 1}], "next_page": 2},
    {"items": [{"id": 1}], "total": 58},
    {"items": [{"id": 1}], "page": 1, "total_pages": 4},
    {"data": {"items": [{"id": 1}]}, "meta": {"next_cursor": "abc"}},
    {"value": [{"id": 1}], "@odata.nextLink": "https://example.com?skip=1"},
    "ME-1, ME-2, ME-3 ... and 12 more",
]


@pytest.mark.parametrize("result", PAGES, ids=str)
def test_one_page_where_all_was_asked_for(result: Any) -> None:
    """A page is a verdict where the user asked for all, a hint where he did not."""
    (needed,) = found(answered(result, "Remind every member."), "truncated")
    (looked,) = found(answered(result, "Find a member."), "truncated")
    assert looked.confidence < 0.4 <= needed.confidence


@pytest.mark.parametrize(
    "prompt",
    ["Erinnere alle Mitglieder.", "¿Cuántos socios deben?", "Rappelle chaque membre.",
     "すべての会員に知らせて", "提醒所有会员", "ذكّر جميع الأعضاء", "Сколько всего долгов?"],
)  # fmt: skip
def test_all_in_other_languages(prompt: str) -> None:
    """Whoever wants all may say so in another language."""
    (fault,) = found(answered(PAGES[0], prompt), "truncated")
    assert fault.confidence > 0.5


@pytest.mark.parametrize(
    "prompt", ["After all, find one.", "All right, look.", "Not at all urgent: find a member."]
)
def test_all_that_is_not_meant(prompt: str) -> None:
    """Phrases with the word do not ask for everything."""
    (fault,) = found(answered(PAGES[0], prompt), "truncated")
    assert fault.confidence < 0.4


@pytest.mark.parametrize(
    "result",
    [
        {"items": [1], "has_more": False, "next": None},
        {"items": [1, 2], "total": 2},
        {"items": [1], "total": 8, "page": 3, "total_pages": 3},
        {"items": [], "has_more": True},
        {"total": 9, "net": 7},
        {"invoice": {"total": 91, "lines": [1, 2]}, "id": 4},
    ],
    ids=str,
)
def test_what_is_no_page(result: Any) -> None:
    """Last pages, whole lists, sums of money are none."""
    assert found(answered(result, "Remind every member."), "truncated") == []


def test_a_limit_of_the_callers_own() -> None:
    """Who asked for five and got five got what he asked for."""
    graph = answered(PAGES[0], "Remind every member.", {"state": "open", "limit": 5})
    (fault,) = found(graph, "truncated")
    assert fault.confidence < 0.4


def test_pages_that_were_turned() -> None:
    """Where the tool was called again only the last result can be the page that lacks others."""
    run = RunBuilder("Remind every member.")
    run.call("list_dues", {"page": 1}, PAGES[1])
    run.call("list_dues", {"page": 2}, {"items": [{"id": 2}], "next_page": None})
    run.say("Done.")
    assert found(run.graph(), "truncated") == []


def test_pages_that_were_told() -> None:
    """An agent that says how many there are hid nothing."""
    run = RunBuilder("List every member.")
    run.call("list_dues", {"state": "open"}, PAGES[2])
    run.say("The first of 58 is 1.")
    (fault,) = found(run.graph(), "truncated")
    assert fault.confidence < 0.4


def retrieved(*scores: float | None, asked: Any = None) -> CausalGraph:
    """Return a run with one retrieval of documents with these scores."""
    run = RunBuilder()
    step = run.call("find_passages", asked or {"query": "tides"}, "text", kind="retrieval")
    documents = tuple(Document(id=f"d{n}", content="x", score=s) for n, s in enumerate(scores))
    run.steps[step]["documents"] = documents
    run.say("Done.")
    return run.graph()


def test_low_scores() -> None:
    """Below what was asked for is a fault; below the tuned number only a hint."""
    (asked,) = found(retrieved(0.5, 0.4, asked={"q": "x", "min_score": 0.7}), "low_score")
    (low,) = found(retrieved(0.15, 0.1), "low_score")
    assert low.confidence < 0.4 < asked.confidence
    assert found(retrieved(0.5, 0.4), "low_score", min_score=0.6)


@pytest.mark.parametrize(
    "scores",
    [(0.9, 0.1), (0.016, 0.015), (0.1, 0.2), (-3.0, -4.0), (12.5, 3.0), (0.1, None), ()],
    ids=str,
)
def test_scores_that_tell_nothing(scores: tuple[float | None, ...]) -> None:
    """One good document, ranks turned around, distances, logits and missing scores are fine."""
    assert found(retrieved(*scores), "low_score") == []


@pytest.mark.parametrize("asked", [{"threshold": True}, {"threshold": "0.9"}, [0.9]], ids=str)
def test_a_threshold_that_is_none(asked: Any) -> None:
    """Only a number is a threshold."""
    assert found(retrieved(0.5, asked=asked), "low_score") == []


@pytest.mark.parametrize(
    "said",
    ["Error: unknown agent 'crane'", {"error": "Agent crane not found"},
     "Agent crane ist nicht da: kein solcher", "El agente crane no existe"],
    ids=str,
)  # fmt: skip
def test_an_agent_that_is_not_there(said: Any) -> None:
    """Who hands over to nobody is told so."""
    run = RunBuilder()
    run.call("transfer_to_crane", {"task": "x"}, said)
    run.say("Done.")
    assert len(found(run.graph(), "unknown_agent")) == ("kein solcher" not in str(said))


def test_an_agent_as_data() -> None:
    """A look-up about agents of another kind that finds none is no handoff."""
    run = RunBuilder()
    run.call("find_estate_agent", {"city": "Hals"}, "no such agent in Hals")
    run.call("delegate_work", {"coworker": "crane"}, "The crane says 4 t.")
    run.say("Done.")
    assert found(run.graph(), "unknown_agent") == []


def to_and_fro(*told: str, between: Any = None, prompt: str = "Find it.") -> CausalGraph:
    """Return a run in which two agents hand these words to each other."""
    run = RunBuilder(prompt, agent="front")
    for number, words in enumerate(told):
        if between is not None:
            run.call("search", {"n": number}, between(number))
        run.hand_over("back" if number % 2 == 0 else "front", {"task": words})
    run.say("Wait.")
    return run.graph()


def test_two_agents_to_and_fro() -> None:
    """The third of four equal handoffs is the fault; more passes are the same one."""
    graph = to_and_fro("find it", "you do", "find it", "you do", "find it")
    (fault,) = found(graph, "ping_pong")
    assert graph.steps[fault.step].name == "transfer_to_back"
    assert fault.step == graph.handoffs[2].performed_by
    assert "5 times" in fault.reason
    assert found(graph, "ping_pong", min_passes=6) == []


def test_agents_that_get_on() -> None:
    """New words, new results, or three passes are no loop."""
    assert found(to_and_fro("find it", "you do", "find it"), "ping_pong") == []
    assert found(to_and_fro("draft 1", "shorter", "draft 2", "shorter"), "ping_pong") == []
    news = to_and_fro("a", "b", "a", "b", between=lambda n: {"hit": n})
    assert found(news, "ping_pong") == []
    same = to_and_fro("a", "b", "a", "b", between=lambda _: {"hit": 0})
    assert len(found(same, "ping_pong")) == 1


def test_calls_that_come_back_are_no_passes() -> None:
    """A lead that asks the same helper again and again is another matter."""
    graph = to_and_fro("a", "b", "a", "b")
    returning = tuple(
        msgspec.structs.replace(handoff, mode="return_to_caller") for handoff in graph.handoffs
    )
    assert found(msgspec.structs.replace(graph, handoffs=returning), "ping_pong") == []


WORDS = "Close valve VL-2217 first, then open VL-2218, and tell the crew that"


def stopped(why: str, sent: str = WORDS) -> CausalGraph:
    """Return a run whose first model stopped for a reason, and what was handed over then."""
    run = RunBuilder()
    turn = run.say(WORDS)
    run.steps[turn]["finish_reason"] = why
    run.hand_over("planner", sent, performed=False)
    run.say("The valve is open.")
    return run.graph()


@pytest.mark.parametrize("why", ["length", "max_tokens", "MAX_TOKENS", '["length"]', "SAFETY"])
def test_what_a_stopped_model_said_is_handed_over(why: str) -> None:
    """A model that had to stop, and whose last words were handed on as they are."""
    (fault,) = found(stopped(why), "cut_off")
    assert (fault.handoff, fault.confidence) == (0, 0.75)


@pytest.mark.parametrize("why", ["stop", "tool_calls", "end_turn", ""])
def test_a_model_that_came_to_its_end(why: str) -> None:
    """Other reasons are no fault."""
    assert [f for f in found(stopped(why), "cut_off") if "the model" in f.reason] == []


def test_a_stopped_model_that_somebody_completed() -> None:
    """Where the words go on, nothing was lost."""
    graph = stopped("length", f"{WORDS} the main pump is off.")
    assert [f for f in found(graph, "cut_off") if "the model" in f.reason] == []


@pytest.mark.parametrize(
    "said",
    [
        "No results.", "no matching documents found", "0 rows", "Keine Treffer",
        "Aucun résultat", "No se encontraron resultados", "Nenhum resultado encontrado",
        "Ничего не найдено.", "見つかりませんでした", "没有找到相关结果", "لا توجد نتائج.",
    ],
)  # fmt: skip
def test_texts_that_say_nothing_was_found(said: str) -> None:
    """News of nothing, in some languages, is an empty result."""
    assert [fault.name for fault in detect(answered(said))] == ["empty"]


@pytest.mark.parametrize("said", ["Not found in hall 3 but in hall 4", "No"])
def test_texts_that_say_more(said: str) -> None:
    """A text that goes on says something."""
    assert detect(answered(said)) == ()
