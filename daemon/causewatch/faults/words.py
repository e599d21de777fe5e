"""The words by which tools report failure and delay, and name what they do, in several languages.

Detectors use them only where the shape of a payload already says that it is about the call itself;
what flows where is decided by values, never by words.
"""

from __future__ import annotations

import re
from functools import lru_cache

ERROR_KEYS = frozenset(
    {
        "error", "errors", "err", "error_message", "errormessage", "error_msg", "error_code",
        "errorcode", "error_type", "errortype", "error_detail", "error_details", "exception",
        "exceptions", "failure", "failures", "failure_reason", "fault", "traceback", "stacktrace",
        "stack_trace", "fehler", "fehlermeldung", "fehlercode", "erreur", "message_erreur",
        "errore", "erro", "mensagem_erro", "mensaje_error", "mensaje_de_error", "codigo_error",
        "fout", "foutmelding", "fel", "feil", "fejl", "błąd", "chyba", "hata", "ошибка",
        "エラー", "错误", "錯誤", "오류", "خطأ", "त्रुटि",
    }
)  # fmt: skip
SUCCESS_KEYS = frozenset(
    {
        "success", "succeeded", "successful", "is_success", "issuccess", "ok", "is_ok", "isok",
        "erfolg", "erfolgreich", "éxito", "exito", "exitoso", "succès", "succes", "successo",
        "sucesso", "成功", "성공", "успех", "успешно", "نجاح",
    }
)  # fmt: skip
COMPLETE_KEYS = frozenset(
    {
        "complete", "is_complete", "iscomplete", "finished_ok", "vollständig", "vollstaendig",
        "completo", "completa", "complet", "complète",
    }
)  # fmt: skip
PARTIAL_KEYS = frozenset(
    {
        "partial", "is_partial", "ispartial", "partial_result", "partial_results",
        "partial_failure", "truncated", "is_truncated", "istruncated", "incomplete",
        "is_incomplete", "incomplete_results", "unvollständig", "unvollstaendig", "gekürzt",
        "parcial", "incompleto", "truncado", "partiel", "incomplet", "tronqué", "parziale",
        "troncato", "不完整", "截断", "일부", "неполный",
    }
)  # fmt: skip
"""By these a result says of itself that it is a part."""
TROUBLE_KEYS = frozenset(
    {
        "is_error", "iserror", "has_error", "haserror", "has_errors", "haserrors", "failed",
        "timed_out", "timedout", "timeout_exceeded", "degraded", "rate_limited", "ratelimited",
        "throttled", "quota_exceeded", "quotaexceeded",
    }
)  # fmt: skip
EXIT_KEYS = frozenset({"exit_code", "exitcode", "exit_status", "returncode", "return_code"})
CODE_KEYS = frozenset({"code", "http_code"})
PROBLEM_KEYS = frozenset(
    {
        "code", "http_code", "message", "msg", "detail", "details", "reason", "type", "title",
        "instance", "request_id", "requestid", "trace_id", "timestamp", "path", "retry_after",
        "hint",
    }
)  # fmt: skip
"""The members of an answer that only reports a problem (those of RFC 9457 among them)."""
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
        "error", "errored", "timeout", "timed_out", "timedout", "unavailable", "degraded",
        "rate_limited", "ratelimited", "throttled", "internal_error", "server_error",
        "service_unavailable", "bad_gateway", "gateway_timeout", "too_many_requests",
        "quota_exceeded", "resource_exhausted", "fehler", "erreur", "errore", "erro", "ошибка",
        "エラー", "错误", "錯誤", "오류", "خطأ",
    }
)  # fmt: skip
PARTIAL_STATUS = frozenset(
    {"partial", "partial_success", "partial_content", "incomplete", "truncated"}
)
FAILED_STATUS = frozenset(
    {
        "failed", "failure", "fail", "fehlgeschlagen", "fallido", "fallida", "falló", "échec",
        "échoué", "fallito", "falhou", "falha", "mislukt", "失敗", "失败", "실패", "فشل",
    }
)  # fmt: skip
"""As a status these are ordinary data too (a failed payment): an explanation must stand beside."""
EXPLAIN_KEYS = frozenset({"message", "msg", "reason", "detail", "details", "description", "hint"})

_TEXT_FAILURE = re.compile(
    r"""^[\s\W]{0,8}(?:
      (?:[\w.]{0,60}(?:error|exception)|error|fehler|erreur|errore|erro|fout|błąd|chyba|hata
        |ошибка|fel|feil|fejl|خطأ|त्रुटि|fatal|failure|failed|exception|timeout|unavailable)
        [\s*]{0,3}(?:\#?\d{1,6}\s{0,2})?(?:[:\uff1a\[(\uff08]|-\s|—|!)
      |traceback\ \(most\ recent
      |(?:http\s{0,2}(?:/\d\.\d\s)?)[45]\d\d\b
      |[45]\d\d\ (?:internal|bad|service|gateway|too|not|forbidden|unauthori[sz]ed|conflict
        |client|server)
      |internal\ server\ error\b
      |(?:an?\ |the\ |unknown\ |internal\ |unexpected\ )?(?:[\w-]{1,20}\ )?
        (?:error|exception|timeout)\ (?:occurred|while|when|during|executing|calling|in\ tool|after)
      |(?:failed|unable|could\ not|couldn't|cannot|can't)\ (?:to\ )?
        (?:\w{1,20}ly\ )?(?:connect|fetch|load|read|retrieve|execute|complete|process|call|reach|get
        |find|open|parse|query|access|invoke|run|perform|respond|contact|look)\b
      |(?:request|connection|query|call|operation|tool|service|upstream|gateway|server|lookup)
        \ (?:\w{1,20}\ )?(?:timed\ out|failed|refused|unavailable|was\ reset|reset|error|timeout)
      |(?:the\ )?(?:[\w-]{1,20}\ )?(?:service|server|backend|upstream|database|api|host|gateway)
        \ is\ (?:currently\ |temporarily\ )?(?:unavailable|down|offline|unreachable|overloaded|busy)
      |timed\ out\b
      |service\ (?:is\ )?(?:temporarily\ )?unavailable
      |(?:api\ |request\ )?(?:rate\ limit(?:ed)?|quota)\ (?:was\ |has\ been\ )?
        (?:exceeded|reached|exhausted)
      |too\ many\ requests
      |zeitüberschreitung|zeitlimit\ (?:über|erreicht)|konnte\ nicht
      |(?:dienst|server|datenbank|schnittstelle)\ (?:ist\ )?(?:derzeit\ |zurzeit\ |momentan\ )?
        nicht\ (?:verfügbar|erreichbar)
      |(?:verbindung|abfrage|anfrage|aufruf)\ (?:ist\ )?(?:fehlgeschlagen|abgebrochen)
      |fehler\ (?:beim|bei\ der|während)\b|interner\ (?:server)?fehler
      |délai\ (?:d'attente\ )?(?:dépassé|expiré)|impossible\ de|échec\ lors
      |échec\ (?:de\ la\ (?:connexion|requête|lecture)|de\ l'(?:appel|opération)|du\ chargement)
      |erreur\ (?:lors|pendant|interne|du\ serveur)|service\ (?:est\ )?indisponible
      |tiempo\ de\ espera|no\ se\ pudo|fallo\ al\ (?:conectar|consultar|leer|cargar|obtener)
      |no\ (?:se\ ha\ podido|fue\ posible)\ (?:conectar|consultar|leer|cargar|obtener|procesar)
      |error\ (?:al|interno)\b|servicio\ no\ disponible
      |erro\ (?:ao|interno)\b|falha\ (?:ao\ \w|na\ (?:conexão|consulta|requisição|leitura))
      |não\ foi\ possível\ (?:conectar|consultar|ler|carregar|obter|processar)
      |serviço\ (?:está\ )?indisponível|tempo\ (?:limite\ )?(?:esgotado|excedido)
      |impossibile\ (?:connettersi|raggiungere|leggere|caricare|recuperare|elaborare|contattare)
      |errore\ (?:durante|interno)|servizio\ non\ disponibile
      |(?:kan|kon)\ geen\ verbinding|fout\ (?:bij\ het|tijdens\ het)|dienst\ niet\ beschikbaar
      |(?:kunde|kunne)\ (?:inte|ikke)\ (?:ansluta|hämta|läsa|nå|hente|lese|koble|forbinde)
      |nie\ (?:udało\ się|można)\ (?:połączyć|pobrać|odczytać|załadować|wykonać)
      |nelze\ (?:se\ připojit|načíst|získat)|zaman\ aş\u0131m\u0131
      |не\ удалось\ (?:подключиться|получить|прочитать|загрузить|выполнить|найти)
      |сбой\ (?:сервера|соединения|подключения|сети|запроса)
        |ошибка\ (?:при|сервера)|время\ ожидания|(?:сервис|сервер)\ недоступ
      |エラー(?:が(?:発生|起き)|です|[。:\uff1a\uff08(!\uff01])|(?:接続|取得|処理|通信|読み込み)(?:に失敗|できません)
      |(?:タイムアウト|時間切れ)(?:しました|です|[。:\uff1a\uff08(!\uff01]|$)|サービス(?:は|が)(?:現在)?利用できません
      |(?:请求|連線|连接|操作|查询|查詢|读取|調用|调用|服务|服務|系统|系統)?(?:超时|逾時|失败|失敗|错误|錯誤|异常)
        (?:[。:\uff1a\uff08(!\uff01\uff0c,]|$)
      |(?:发生|發生)(?:了)?(?:错误|錯誤|异常)|(?:无法|無法)(?:连接|連接|获取|取得|访问|存取|读取|讀取)
      |服(?:务|務)(?:暂时|暫時)?不可用
      |오류(?:가\ 발생|[.:(!])|(?:연결|요청|조회|처리)(?:에)?\ ?실패|시간\ ?초과
      |서비스를\ 사용할\ 수\ 없
      |حدث\ خطأ
      |(?:فشل|فشل\ في|تعذ[ّ]?ر)
        \ (?:الاتصال|الوصول|جلب|تحميل|قراءة|استرجاع|تنفيذ|معالجة)
      |انتهت\ (?:المهلة|مهلة)|الخدمة\ غير\ (?:متاحة|متوفرة)
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_SHORT_FAILURE = re.compile(
    r"""\b(?:connection|request|service|server|host|backend|upstream|database|gateway|network|api
        |endpoint|session)\b[^.\n]{0,60}\b(?:refused|reset\ by|aborted|timed\ out|unavailable
        |unreachable|not\ responding|not\ reachable|overloaded|failed)\b
    |\b(?:verbindung|dienst|server|anfrage|datenbank|netzwerk|gegenstelle)\b[^.\n]{0,60}
        \b(?:nicht\ erreichbar|nicht\ verfügbar|abgelehnt|verweigert|abgebrochen|fehlgeschlagen
        |überlastet|antwortet\ nicht)\b
    |\b(?:connexion|service|serveur|requête|base\ de\ données|réseau|hôte)\b[^.\n]{0,60}
        \b(?:indisponible|refusée?|échoué|inaccessible|interrompue?|expirée?|ne\ répond\ pas)\b
    |\b(?:conexi[óo]n|conexão|servici?o|serviço|servidor|solicitud|solicitação|base\ de\ dat?dos)\b
        [^.\n]{0,60}\b(?:(?:no|não)\ (?:está\ )?dispon[íi]\w+|rechazad[ao]|recusad[ao]
        |(?:no|não)\ responde|falló|falhou|indispon[íi]vel|inaccesible|interrumpid[ao])\b
    |\b(?:connessione|servizio|server|richiesta|rete)\b[^.\n]{0,60}
        \b(?:non\ (?:è\ )?(?:disponibile|raggiungibile)|rifiutata|fallita|interrotta)\b
    |\b(?:verbinding|dienst|server|verzoek)\b[^.\n]{0,60}
        \b(?:niet\ (?:beschikbaar|bereikbaar)|geweigerd|mislukt|verbroken)\b
    |\b(?:сервис|служба|сервер|соединение|запрос|хост)\w*\b[^.\n]{0,60}
        \b(?:недоступ\w+|отклон\w+|не\ отвечает|прерван\w*|разорван\w*|отказано)\b
    |(?:接続|サービス|サーバー|通信|リクエスト)[^。\n]{0,30}
        (?:できません|拒否され|失敗しました|応答がありません|タイムアウト|切断され)
    |(?:连接|服务|服务器|请求|接口|远程主机)[^。\n]{0,30}(?:被?拒绝|不可用|超时|失败|无响应|已?中断)
    |(?:연결|서비스|서버|요청)[^.\n]{0,30}(?:거부되|실패했|사용할\ 수\ 없|응답하지|초과되|중단되)
    |(?:الاتصال|الخدمة|الخادم|الطلب)[^.\n]{0,40}
        (?:غير\ (?:متاح|متوفر)|رُ?فض|فشل|انقطع|مرفوض|لا\ [يت]ستجيب)""",
    re.IGNORECASE | re.VERBOSE,
)
"""Who fails, and how, in one short sentence: a whole answer of a service and nothing else."""
MAX_SHORT_CHARS = 120
_MORE_THAN_A_SENTENCE = re.compile(r"(?<!\d)(?![45]\d\d\b)\d|[.!?;\u3002\uff01\u061f][\s)]*\w|\n")
_HTML_FAILURE = re.compile(
    r"^\s{0,20}(?:<!doctype[^>]{0,100}>\s{0,20})?<html.{0,300}?<title>\s{0,20}(?:error\s)?[45]\d\d\b",
    re.IGNORECASE | re.DOTALL,
)
_RATE_LIMIT = re.compile(
    r"""\b429\b|too[ _-]many[ _-]requests|rate[ _-]?limit|throttl(?:ed|ing)|resource_exhausted
    |quota\W{0,3}(?:\w{1,20}\W{1,3})?(?:exceeded|exhausted|reached)|quota_?exceeded|insufficient_quota
    |(?:exceeded|exhausted|over|reached)\ (?:your\ |the\ )?(?:[\w-]{1,20}\ )?quota
    |(?:anfrage|raten|abruf)-?limit|kontingent\ (?:erschöpft|überschritten)|zu\ viele\ anfragen
    |(?:límite|cuota)\ de\ (?:velocidad|solicitudes|peticiones|tasa)|demasiadas\ (?:solic|petic)
    |trop\ de\ requêtes|limite\ de\ (?:débit|requêtes|taxa|requisições)|quota\ dépassé
    |muitas\ (?:solicitações|requisições)|troppe\ richieste|te\ veel\ verzoeken
    |レート制限|リクエスト(?:数)?(?:が多すぎ|の上限)|(?:速率|频率|頻率)限制|请求过于频繁|配额(?:已|不足)
    |요청\ ?한도|한도\ ?초과|слишком\ много\ запросов|طلبات\ كثيرة""",
    re.IGNORECASE | re.VERBOSE,
)
MAX_FAILURE_HEAD_CHARS = 400


def starts_as_failure(text: str) -> bool:
    """Tell whether a text begins as the report of a failed call, not as prose about failures."""
    head = text[:MAX_FAILURE_HEAD_CHARS]
    return bool(
        _TEXT_FAILURE.match(head)
        or _HTML_FAILURE.match(head)
        or (_is_one_sentence(text) and _SHORT_FAILURE.search(text))
    )


def _is_one_sentence(text: str) -> bool:
    """Tell whether a text is one short sentence with no value in it but a code: then it is no data.

    What names a thing, or goes on, tells of the failure of something else.
    """
    if len(text) > MAX_SHORT_CHARS:
        return False
    return not _MORE_THAN_A_SENTENCE.search(text.strip())


def is_rate_limit(text: str) -> bool:
    """Tell whether the report of a failure says that there were too many calls."""
    return bool(_RATE_LIMIT.search(text[:MAX_FAILURE_HEAD_CHARS]))


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


MAX_KEPT_NAME_CHARS = 128
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BETWEEN = re.compile(r"[\W_]+")
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
    return (_words_of_short if len(name) <= MAX_KEPT_NAME_CHARS else _words_of)(name)


@lru_cache(maxsize=1024)
def _words_of_short(name: str) -> tuple[str, ...]:
    """Keep the words of a name: few tools are asked for many times."""
    return _words_of(name)


def _words_of(name: str) -> tuple[str, ...]:
    return tuple(word.lower() for word in _BETWEEN.split(_CAMEL.sub(" ", name)) if word)


def is_read_like(name: str) -> bool:
    """Tell whether a tool's name says that it only looks. An unknown name counts as acting.

    The first word decides if it is a verb of either kind (``get_issue``, ``update_status``); else a
    verb of acting anywhere outweighs one of looking.
    """
    words = name_words(name)
    if words and (words[0] in _READ_WORDS or words[0] in _ACT_WORDS):
        return words[0] in _READ_WORDS
    return not _ACT_WORDS.intersection(words) and bool(_READ_WORDS.intersection(words))
