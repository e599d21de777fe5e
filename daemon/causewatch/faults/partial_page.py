"""One page of several, where the user asked for all, and nobody turned the page."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from causewatch.faults.calls import Call, Run
from causewatch.faults.sources import said_in
from causewatch.faults.text import fold
from causewatch.faults.truncated import counts_more
from causewatch.model.judgement import Fault
from causewatch.model.step import TextPart
from causewatch.model.value import Value, leaves

ALL_CONFIDENCE = 0.55
PAGE_CONFIDENCE = 0.3
"""Who only looks for one thing needs no second page: a finding for signatures, no verdict."""
MAX_TOLD_CHARS = 20_000
MIN_ITEMS_COUNT = 1
MIN_ROWS_COUNT = 3
MAX_ROWS_COUNT = 1_000
MAX_COLUMNS_COUNT = 50
MAX_WRAPS_COUNT = 3
_MORE_KEYS = frozenset(
    {
        "has_more", "hasmore", "more", "more_results", "has_next", "hasnext", "has_next_page",
        "hasnextpage", "more_available", "moreavailable"
    }
)  # fmt: skip
_NEXT_KEYS = frozenset(
    {
        "next", "next_page", "nextpage", "next_cursor", "nextcursor", "next_token", "nexttoken",
        "next_page_token", "nextpagetoken", "next_url", "next_link", "@odata.nextlink",
        "continuation_token", "continuationtoken", "lastevaluatedkey", "next_offset"
    }
)  # fmt: skip
_TOTAL_KEYS = frozenset(
    {
        "total", "total_count", "totalcount", "total_results", "totalresults", "total_items",
        "totalitems", "total_hits", "count_total", "total_rows", "total_records",
        "totalelements", "@odata.count"
    }
)  # fmt: skip
_PAGE_KEYS = frozenset({"page", "page_number", "pagenumber", "current_page", "currentpage"})
_PAGES_KEYS = frozenset(
    {
        "pages", "total_pages", "totalpages", "page_count", "pagecount", "last_page",
        "lastpage", "num_pages"
    }
)  # fmt: skip
_LIMIT_KEYS = frozenset(
    {
        "limit", "top_k", "topk", "top", "k", "n", "max_results", "maxresults", "max_items",
        "first", "per_page", "page_size", "pagesize", "size"
    }
)  # fmt: skip
_WRAPS = frozenset(
    {
        "meta", "metadata", "pagination", "paging", "page_info", "pageinfo", "_meta", "page",
        "links", "_links", "data", "result", "response", "cursor"
    }
)  # fmt: skip
_NOT_ALL = re.compile(
    r"\b(?:after all|at all|all right|above all|first of all|once and for all|all the best"
    r"|not all|all day|all along|über alles|vor allem|sobre todo|ante todo|del todo|après tout"
    r"|pas du tout|surtout|tout de suite|soprattutto|sobretudo)\b"
)
_ALL = re.compile(
    r"""\b(?:all|every|each|everything|total|totals|sum|entire|overall|how\ many|count\ the
      |complete\ (?:list|set|overview|picture)|full\ (?:list|set|overview)
      |alle[nrms]?|sämtliche[nrms]?|jede[nrms]?|gesamt\w*|insgesamt|summe|wie\ viele|vollständig\w*
      |tod[oa]s|cada|suma|cuánt[oa]s|en\ total|lista\ completa|complet[ao]
      |tous|toutes|chaque|somme|combien|au\ total|ensemble\ des|liste\ complète
      |tutt[ie]|ogni|somma|quant[ie]|in\ totale|elenco\ completo
      |soma|quant[oa]s|no\ total|alle|iedere?|totaal|hoeveel)\b
    |全部|すべて|全て|全員|合計|総額|各|所有|每[个個一]|总[共计额]|總[共計額]|多少
    |모든|전체|합계|모두|كل|جميع|مجموع|إجمالي|все[хм]?\b|каждый|сумма|итого|сколько""",
    re.VERBOSE,
)
_MORE_SAID = re.compile(
    r"first page|next page|more (?:results|pages|items|entries)|page 1\b|erste[nr]? seite"
    r"|weitere (?:ergebnisse|seiten|treffer)|primera página|más resultados|première page"
    r"|autres résultats|primera página|prima pagina|altri risultati|primeira página"
    r"|最初のページ|次のページ|第一页|下一页"
)


class _Page(msgspec.Struct, frozen=True, kw_only=True):
    """How a result says that it is one page, and how many items there are in all."""

    how: str
    total: int | None


def detect_partial_page(run: Run) -> Iterator[Fault]:
    """Yield a fault for each result that says there is more, which nobody fetched.

    A search result with a next page is an ordinary thing. It is a partial result only where the
    user asked for all, each, or a sum, the call itself set no limit, no later call of the tool came
    (for a further page or anything else), and nobody said that there is more; otherwise it is a
    hint. Who adds up the items needs all of them, whatever was asked for.
    """
    last: dict[str, int] = {call.step.name: call.index for call in run.calls}
    for call in run.calls:
        page = None if call.result is None or call.result.cut else _page(call.opened)
        if page is None or call.delegates or last[call.step.name] != call.index:
            continue
        needed = not _limited(call) and not _told(run, call, page)
        needed = needed and (_wants_all(run, call) or _summed(run, call))
        yield Fault(
            name="truncated",
            step=call.index,
            reason=f"{call.step.name} returned one page of several ({page.how}),"
            + (" all were needed, and no other was fetched" if needed else " the last fetched"),
            confidence=ALL_CONFIDENCE if needed else PAGE_CONFIDENCE,
        )


def _page(held: Value) -> _Page | None:
    if isinstance(held, str):
        return _Page(how="it says that there is more", total=None) if counts_more(held) else None
    for _ in range(MAX_WRAPS_COUNT):
        if isinstance(held, dict) and len(held) == 1:
            held = next(iter(held.values()))
    if not isinstance(held, dict):
        return None
    members = _members(held)
    shown = max((len(v) for v in _lists(held)), default=0)
    if shown < MIN_ITEMS_COUNT:
        return None
    total = next((members[k] for k in _TOTAL_KEYS if _is_count(members.get(k))), None)
    total = total if isinstance(total, int) and total > shown else None
    page = next((members[k] for k in _PAGE_KEYS if _is_count(members.get(k))), None)
    pages = next((members[k] for k in _PAGES_KEYS if _is_count(members.get(k))), None)
    cursor = next((members[k] for k in _NEXT_KEYS if _is_cursor(members.get(k))), None)
    said = next((k for k in _MORE_KEYS if members.get(k) is True), "")
    if isinstance(page, int) and isinstance(pages, int) and 0 < page < pages:
        how = f"page {page} of {pages}"
    elif said or cursor is not None:
        how = f"{shown} of {total} items" if total else f"{said or 'a next page'} is set"
    elif total is not None and not isinstance(page, int):
        how = f"{shown} of {total} items"
    else:
        return None
    return _Page(how=how, total=total)


def _members(held: dict[str, Value]) -> dict[str, Value]:
    """Return the members of an answer and of what stands around its items, by lower-case name."""
    found: dict[str, Value] = {}
    for key, member in list(held.items())[:100]:
        lower = key.lower()
        if lower in _WRAPS and isinstance(member, dict):
            found |= {k.lower(): v for k, v in list(member.items())[:50]}
        else:
            found.setdefault(lower, member)
    return found


def _lists(held: dict[str, Value]) -> Iterator[list[Value]]:
    for member in list(held.values())[:100]:
        if isinstance(member, list):
            yield member
        elif isinstance(member, dict):
            yield from (inner for inner in list(member.values())[:50] if isinstance(inner, list))


def _is_count(value: Value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_cursor(value: Value) -> bool:
    return (isinstance(value, str) and bool(value.strip())) or (_is_count(value) and bool(value))


def _limited(call: Call) -> bool:
    """Tell whether the call itself asked for so many."""
    value = None if call.step.arguments is None else call.step.arguments.value
    return isinstance(value, dict) and any(key.lower() in _LIMIT_KEYS for key in value)


def _wants_all(run: Run, call: Call) -> bool:
    """Tell whether a user asked for all of something before the call."""
    told: set[str] = set()
    for step in run.graph.steps:
        if step.span.start_ns > call.step.span.start_ns:
            break
        for message in step.input_messages:
            if message.role == "user":
                told.update(
                    part.content[:MAX_TOLD_CHARS]
                    for part in message.parts
                    if isinstance(part, TextPart)
                )
    return any(_ALL.search(_NOT_ALL.sub(" ", fold(text))) for text in told)


def _summed(run: Run, call: Call) -> bool:
    """Tell whether a later call was given the sum of what the items of this page amount to."""
    sums = set() if call.result is None else _sums(call.opened)
    return bool(sums) and any(
        isinstance(leaf, int | float) and not isinstance(leaf, bool) and round(leaf, 2) in sums
        for later in run.calls
        if later.step.span.start_ns >= call.step.span.end_ns and later.step.arguments is not None
        for _, leaf in leaves(later.step.arguments.value)
    )


def _sums(held: Value) -> set[float]:
    """Return the sum of each member that all items of a page have a number in."""
    found: set[float] = set()
    for items in _lists(held) if isinstance(held, dict) else ():
        rows = [item for item in items[:MAX_ROWS_COUNT] if isinstance(item, dict)]
        if len(rows) < MIN_ROWS_COUNT or len(rows) < len(items):
            continue
        for key in list(rows[0])[:MAX_COLUMNS_COUNT]:
            column = [row.get(key) for row in rows]
            numbers = [n for n in column if isinstance(n, int | float) and not isinstance(n, bool)]
            if len(numbers) == len(rows) and any(n % 1 for n in numbers):
                found.add(round(sum(numbers), 2))
    return found


def _told(run: Run, call: Call, page: _Page) -> bool:
    """Tell whether an agent said afterwards that there is more, or how many there are in all."""
    for step in run.graph.steps:
        if step.kind != "model" or step.span.start_ns < call.step.span.end_ns:
            continue
        for message in step.output_messages:
            for text in said_in(message):
                said = fold(text)
                if page.total is not None and re.search(rf"(?<!\d){page.total}(?!\d)", said):
                    return True
                if _MORE_SAID.search(said):
                    return True
    return False
