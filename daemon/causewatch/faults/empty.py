"""A result with nothing in it, where the arguments asked for something."""

from __future__ import annotations

import re
from collections.abc import Iterator

from causewatch.faults.calls import Run
from causewatch.faults.text import fold
from causewatch.model.judgement import Fault
from causewatch.model.value import Value

MAX_EMPTY_DEPTH = 50
_COUNT_KEYS = frozenset({"count", "total", "total_count", "hits", "num_results", "size", "length"})

MAX_SAYING_CHARS = 80
_COUNTED = re.compile(r"[1-9]")
_SAYINGS = (
    "no result", "no match", "no record", "no entries", "no entry", "no document", "no data",
    "no rows", "no hits", "no items", "nothing found", "none found", "nothing matches", "0 rows",
    "0 results", "0 hits", "0 matches", "0 records", "keine treffer", "keine ergebnisse",
    "keine eintr", "keine daten", "nichts gefunden", "sin resultados", "no hay resultados",
    "no se encontr", "aucun r", "aucune donn", "rien trouv", "nessun risultato", "nenhum resultado",
    "nada encontrado", "sem resultados", "geen resultaten", "niets gevonden", "inga resultat",
    "inga träffar", "ingen treff", "brak wynik", "nie znaleziono", "sonuç bulunamad",
    "ничего не найдено", "нет результатов", "нет данных", "見つかりません", "該当なし",
    "該当する", "結果はありません", "没有找到", "未找到", "无结果", "沒有找到",
    "결과 없음", "결과가 없",
    "لا توجد نتائج", "لا نتائج", "لم يتم العثور",
)  # fmt: skip
"""How tools say that they found nothing."""


def detect_empty(run: Run) -> Iterator[Fault]:
    """Yield a fault for each looking call with arguments whose result is there, and empty.

    The confidence is low: not finding anything is an answer. Only what is done with it can be
    wrong.
    """
    for call in run.calls:
        result, arguments = call.result, call.step.arguments
        if result is None or result.cut or call.acts or call.delegates or arguments is None:
            continue
        if arguments.value in (None, "", {}, []):
            continue
        if is_empty(without_echo(result.value, arguments.value)):
            yield Fault(
                name="empty",
                step=call.index,
                reason=f"{call.step.name} returned nothing for what it was asked",
                confidence=0.4,
            )


def is_empty(value: Value, depth: int = 0) -> bool:
    """Tell whether a result holds nothing: no value, or only empty collections and zero counts.

    What is nested deeper than ``MAX_EMPTY_DEPTH`` counts as something.
    """
    if isinstance(value, dict):
        return depth < MAX_EMPTY_DEPTH and all(
            is_empty(member, depth + 1) or (key.lower() in _COUNT_KEYS and member == 0)
            for key, member in value.items()
        )
    if isinstance(value, str):
        return not value.strip() or says_nothing(value)
    return value is None or (isinstance(value, list) and not value)


def without_echo(result: Value, arguments: Value) -> Value:
    """Return a result without its members that only say again what it was asked.

    ``{"query": "…", "results": []}`` is how many tools say that they found nothing.
    """
    if not isinstance(result, dict):
        return result
    given = arguments.values() if isinstance(arguments, dict) else (arguments,)
    asked = [value for value in given if isinstance(value, str | int | float)]
    if not asked or not any(isinstance(value, list | dict) for value in result.values()):
        return result
    return {key: value for key, value in result.items() if value not in asked}


def says_nothing(text: str) -> bool:
    """Tell whether a short text says, in some language, that nothing was found."""
    if len(text) > MAX_SAYING_CHARS:
        return False
    said = fold(text)
    return not _COUNTED.search(said) and any(saying in said for saying in _SAYINGS)
