"""Which tell-tale words a text holds: those by which calls report trouble, and texts steer.

Two texts that differ in them are not alike. The list is deliberately wide: a word too much here
costs a second look at a run, one too few may cost seeing a fault.
"""

from __future__ import annotations

import re2

MAX_SIGN_TEXT_CHARS = 20_000
"""Of a longer text, the beginning and the end count."""

SIGNS: tuple[str, ...] = (
    # failures
    "error", "exception", "fail", "fatal", "traceback", "timeout", "timed out",
    "refused", "denied",
    "forbidden", "unauthor", "unavailable", "unreachable", "not responding", "invalid",
    "unable to",
    "could not", "couldn't", "cannot", "can't", "aborted", "overloaded", "offline", "too many",
    "rate limit", "throttl", "quota", "exhausted", "exceeded",     "fehl", "konnte nicht",
    "nicht verf", "nicht erreich", "abgelehnt", "überlast", "erreur",
    "échec", "échou", "impossible", "indispon", "dépass", "refus", "fall", "no se pudo",
    "no disponible", "rechaz", "erro", "falh", "não foi", "impossibil", "rifiut", "fout",
    "mislukt",
    "geweigerd", "błąd", "nie uda", "chyba", "nelze", "hata", "ошибк", "сбой", "не удалось",
    "недоступ", "エラー", "失敗", "できません", "タイムアウト",
    "错误", "錯誤", "失败", "超时", "逾時",
    "无法", "無法", "不可用", "오류", "실패", "초과", "خطأ", "فشل", "त्रुटि", "feil", "fejl",
    "kunde inte",
    # nothing, a part, or more to come
    "nothing", "none", "no result", "no match", "no record", "no data", "no entr", "no hit",
    "not found", "no such", "empty", "missing", "keine", "nichts", "sin result", "no hay",
    "no se encontr", "aucun", "rien", "nessun", "nenhum", "nada", "geen", "niets",
    "inga", "ingen",
    "brak", "nie znal", "bulunamad", "ничего", "нет ",
    "見つかりません", "該当", "ありません", "没有",
    "未找到", "无结果", "없음", "없습니다", "لا توجد", "partial",
    "truncat", "incomplete", "omitted",
    "cut off", "abridged", "shortened", "more results", "more items", "more pages", "next page",
    "first page", "gekürzt", "unvollst", "weitere", "parcial",
    "incompleto", "más ", "partiel", "tronqu", "autres", "省略",
    "截断", "…", "...", "[.",
    "[redacted:",
    # age
    "stale", "outdated", "out of date", "out-of-date", "expired", "cached", "deprecated",
    "veraltet", "nicht aktuell", "abgelaufen", "desactualiz", "obsolet", "caducad", "périm",
    "desatualiz", "verouderd", "устаре", "古い", "过期", "過期", "오래된",
    # waiting
    "pending", "queued", "in progress", "processing", "running", "scheduled", "ausstehend",
    # steering
    "ignore", "disregard", "instead", "must", "important", "urgent", "override", "instruction",
    "system", "assistant", "please", "before ", "do not", "don't", "forward", "send", "transfer",
    "delete", "http://", "https://", "ignorier", "vergiss",
    "ignora", "ignorez", "игнор", "忽略",
    "無視",
)  # fmt: skip


def _compiled() -> re2.Set:
    found = re2.Set.SearchSet()
    for stem in SIGNS:
        found.Add(re2.escape(stem))
    found.Compile()
    return found


_SIGNS = _compiled()


def signs_in(text: str) -> tuple[int, ...]:
    """Return which of ``SIGNS`` occur in a text, in whatever case, by their positions."""
    if len(text) > MAX_SIGN_TEXT_CHARS:
        half = MAX_SIGN_TEXT_CHARS // 2
        text = text[:half] + text[-half:]
    return tuple(_SIGNS.Match(text.lower()) or ())
