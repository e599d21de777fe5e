"""The words by which tools report failure and delay, and name what they do, in several languages.

Detectors use them only where the shape of a payload already says that it is about the call itself;
what flows where is decided by values, never by words.
"""

from __future__ import annotations

import re

ERROR_KEYS = frozenset(
    {
        "error", "errors", "err", "error_message", "errormessage", "error_msg", "error_code",
        "errorcode", "error_type", "errortype", "error_detail", "error_details", "exception",
        "exceptions", "failure", "failures", "failure_reason", "fault", "traceback", "stacktrace",
        "stack_trace", "fehler", "erreur", "errore", "erro", "fout",
    }
)  # fmt: skip
SUCCESS_KEYS = frozenset(
    {"success", "succeeded", "successful", "is_success", "issuccess", "ok", "is_ok", "isok"}
)
COMPLETE_KEYS = frozenset({"complete", "is_complete", "iscomplete", "finished_ok"})
TROUBLE_KEYS = frozenset(
    {
        "partial", "is_partial", "ispartial", "partial_result", "partial_results",
        "partial_failure", "truncated", "is_truncated", "istruncated", "incomplete",
        "is_incomplete", "incomplete_results", "is_error", "iserror", "has_error", "haserror",
        "has_errors", "haserrors", "failed", "timed_out", "timedout", "timeout_exceeded",
        "degraded", "rate_limited", "ratelimited",
    }
)  # fmt: skip
STATUS_KEYS = frozenset(
    {
        "status", "status_code", "statuscode", "http_status", "httpstatus", "http_status_code",
        "http_code", "response_code", "responsecode", "state",
    }
)  # fmt: skip
ENVELOPE_KEYS = frozenset(
    {
        "result", "results", "response", "data", "meta", "_meta", "metadata", "output", "body",
        "payload", "status", "structuredcontent", "structured_content", "value", "reply", "details",
        "blocks", "content", "contents", "text", "parts", "raw_output",
    }
)  # fmt: skip
BLOCK_KEYS = frozenset({"blocks", "content", "contents", "text", "parts"})
"""How frameworks wrap a tool's text; a wrapping of theirs is no envelope of the tool's."""
BENIGN_TEXTS = frozenset(
    {
        "", "none", "null", "nil", "no", "false", "ok", "0", "n/a", "na", "-", "success",
        "no error", "no errors", "none.", "keine", "aucune", "ninguno",
    }
)  # fmt: skip
BAD_STATUS = frozenset(
    {
        "error", "errored", "timeout", "timed_out", "timedout", "unavailable", "partial",
        "partial_success", "partial_content", "incomplete", "truncated", "degraded",
        "rate_limited", "ratelimited", "throttled", "internal_error", "server_error",
        "service_unavailable", "bad_gateway", "gateway_timeout", "too_many_requests",
    }
)  # fmt: skip
FAILED_STATUS = frozenset({"failed", "failure", "fail", "fehlgeschlagen"})
"""As a status these are ordinary data too (a failed payment): an explanation must stand beside."""
EXPLAIN_KEYS = frozenset({"message", "msg", "reason", "detail", "details", "description", "hint"})

_TEXT_FAILURE = re.compile(
    r"""^[\s\W]{0,8}(?:
      (?:[\w.]{0,60}(?:error|exception)|error|fehler|erreur|errore|erro|fout|fatal|failure|failed
        |exception|timeout|unavailable)[\s*]{0,3}(?:\#?\d{1,6}\s{0,2})?(?:[:\[(]|-\s|—|!)
      |traceback\ \(most\ recent
      |(?:http\s{0,2}(?:/\d\.\d\s)?)[45]\d\d\b
      |[45]\d\d\ (?:internal|bad|service|gateway|too|not|forbidden|unauthori[sz]ed|conflict
        |client|server)
      |(?:an?\ |the\ |unknown\ |internal\ |unexpected\ )?(?:[\w-]{1,20}\ )?
        (?:error|exception|timeout)\ (?:occurred|while|when|during|executing|calling|in\ tool|after)
      |(?:failed|unable|could\ not|couldn't|cannot|can't)\ (?:to\ )?
        (?:\w{1,20}ly\ )?(?:connect|fetch|load|read|retrieve|execute|complete|process|call|reach|get
        |find|open|parse|query|access|invoke|run|perform|respond|contact|look)\b
      |(?:request|connection|query|call|operation|tool|service|upstream|gateway|server|lookup)
        \ (?:\w{1,20}\ )?(?:timed\ out|failed|refused|unavailable|was\ reset|reset|error|timeout)
      |timed\ out\b
      |service\ (?:is\ )?(?:temporarily\ )?unavailable
      |rate\ limit(?:ed)?\ (?:exceeded|reached)
      |too\ many\ requests
      |zeit(?:überschreitung|limit)|nicht\ (?:verfügbar|erreichbar)|konnte\ nicht
      |délai\ (?:dépassé|d'attente)|impossible\ de|tiempo\ de\ espera|no\ se\ pudo
      |エラー|错误|失败|오류|ошибка
    )""",
    re.IGNORECASE | re.VERBOSE,
)
MAX_FAILURE_HEAD_CHARS = 400


def starts_as_failure(text: str) -> bool:
    """Tell whether a text begins as the report of a failed call, not as prose about failures."""
    return bool(_TEXT_FAILURE.match(text[:MAX_FAILURE_HEAD_CHARS]))


_PENDING = re.compile(
    r"\b(?:pending|running|queued|in[ _-]?progress|processing|waiting|not[ _-]ready|scheduled"
    r"|starting|initiali[sz]ing|still|loading|working|building|ausstehend|wartend|läuft|en cours"
    r"|pendiente)\b",
    re.IGNORECASE,
)
_PROGRESS_KEYS = STATUS_KEYS | {"progress", "phase", "stage", "job_status", "ready", "done"}
MAX_PENDING_CHARS = 120


def is_pending(key: str, member: object, *, whole: bool) -> bool:
    """Tell whether a leaf of a result reports that something is under way: polling is no loop.

    Prose that merely talks of pending things is no such report, so only a member named for progress
    counts, or a short text that is the ``whole`` result.
    """
    named = key.replace("-", "_").lower() in _PROGRESS_KEYS
    if isinstance(member, str) and len(member) <= MAX_PENDING_CHARS and (named or whole):
        return bool(_PENDING.search(member))
    return member is False and key.lower() in {"ready", "done", "finished", "completed"}


_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_READ_WORDS = frozenset(
    {
        "get", "gets", "fetch", "find", "search", "lookup", "look", "list", "read", "query",
        "check", "view", "show", "describe", "count", "retrieve", "load", "browse", "inspect",
        "verify", "validate", "analyze", "analyse", "calculate", "compute", "estimate", "summarize",
        "info", "status", "details", "history", "score", "stats", "rank", "scan", "detect",
        "compare", "classify", "think", "translate", "convert", "resolve", "peek", "ask", "grep",
        "select", "availability", "weather", "current", "is", "has", "filter", "kb", "docs",
        "documentation", "policy", "crawl", "scrape", "visit", "retrieval", "retriever",
        "suche", "suchen", "lesen", "lese", "abrufen", "abfragen", "hole", "holen", "prüfen",
        "pruefen", "anzeigen", "finden", "laden", "liste", "nachschlagen",
        "buscar", "consultar", "leer", "obtener", "listar", "ver", "verificar", "encontrar",
        "chercher", "rechercher", "lire", "obtenir", "consulter", "lister", "trouver", "vérifier",
        "verifier", "cerca", "cercare", "leggere", "ottenere", "trova", "elenca", "pesquisar",
        "ler", "obter", "zoek", "zoeken", "ophalen", "lezen",
    }
)  # fmt: skip
_ACT_WORDS = frozenset(
    {
        "set", "update", "create", "delete", "remove", "add", "insert", "send", "write", "cancel",
        "submit", "publish", "approve", "reject", "transfer", "pay", "edit", "modify", "change",
        "assign", "close", "execute", "deploy", "restart", "disable", "enable", "grant", "revoke",
        "schedule", "reschedule", "upload", "save", "purchase", "buy", "reply", "notify", "issue",
        "apply", "confirm", "dispatch", "release", "reserve", "merge", "commit", "push",
    }
)  # fmt: skip


_ANSWER_NAMES = frozenset(
    {
        "final_answer", "finalanswer", "final_result", "final_response", "submit_answer",
        "submit_final_answer", "give_final_answer", "attempt_completion", "return_answer",
    }
)  # fmt: skip


def is_answer_like(name: str) -> bool:
    """Tell whether frameworks use a tool of this name for the agent's own return value."""
    return name.lower().replace("-", "_") in _ANSWER_NAMES


def name_words(name: str) -> tuple[str, ...]:
    """Return the words of a tool's name, in lower case: snake, kebab, camel case and dots."""
    return tuple(word.lower() for word in re.split(r"[\W_]+", _CAMEL.sub(" ", name)) if word)


def is_read_like(name: str) -> bool:
    """Tell whether a tool's name says that it only looks. An unknown name counts as acting.

    The first word decides if it is a verb of either kind (``get_issue``, ``update_status``); else a
    verb of acting anywhere outweighs one of looking.
    """
    words = name_words(name)
    if words and (words[0] in _READ_WORDS or words[0] in _ACT_WORDS):
        return words[0] in _READ_WORDS
    return not _ACT_WORDS.intersection(words) and bool(_READ_WORDS.intersection(words))
