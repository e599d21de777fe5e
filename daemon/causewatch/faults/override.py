"""Texts that speak to the machine, or over the head of whoever gave it its task.

Nobody who injects needs these words, so no verdict rests on them alone, and without them all else
decides. They settle a doubt: an answer that was asked for does not tell its reader to forget the
rules. The same goes for requests that hand the choice of what to do to a text.
"""

from __future__ import annotations

import re

MAX_LOOKED_AT_CHARS = 8_000
_MACHINE = (
    r"(?:a\.?i\.?|llm|gpt\S*|claude|gemini|chatbot|bot|assistant|language\ model"
    r"|ai\ (?:agent|model)\S*)"
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_POINTS_BACK = re.compile(r"\b(?:it|its|them|there|this|that|these|those|they|he|she|him|her)\b")
_SPEAKS = re.compile(
    rf"""
      (?<![^\W_])(?:ignore|disregard|forget|override|bypass)\s(?:\S+\s){{0,4}}?
        (?:i\w{{0,3}}nstructions?|rules?|limits?|polic(?:y|ies)|prompts?|guidelines?|restrictions?)\b
    | \bsystem\s(?:note|message|override|prompt|instructions?|notice|update)\b
    | \b(?:note|notice|message|instructions?|reminder|attention|hint)\s(?:to|for)\s
        (?:the\s|any\s|all\s|you,\s)?{_MACHINE}\b
    | \bto\syou,\s{_MACHINE}
    | \b(?:task|instructions?)\s(?:that\s)?i\sgave\syou\b
    | \bbefore\syou\s(?:can\s)?(?:continue|go\son|proceed|answer|solve|respond|reply)\b
    | \byour\s(?:original|previous|earlier|current|actual)\s(?:task|instructions?)\b
    | \b(?:do\snot|don't|never|without)\s(?:tell|inform|mention|report|telling|informing|mentioning)
        \w{{0,3}}\s(?:\S+\s){{0,4}}?(?:user|customer|client)s?\b
    | \b(?:ignorier|vergiss|missacht)\w{{0,4}}\s(?:\S+\s){{0,4}}?
        (?:anweisung|regel|vorgabe|grenze|limit)
    | \b(?:hinweis|nachricht|anweisung|mitteilung)\s(?:für|an)\s(?:das|den|die|alle)?\s?
        (?:ki\b|assisten|sprachmodell|chatbot)
    | \bsystem(?:hinweis|nachricht|anweisung)
    | \b(?:ignore|oublie)[rz]?\s(?:\S+\s){{0,4}}?(?:instructions|consignes|règles|limites)
    | \b(?:note|message|instruction|consigne)s?\s(?:pour|à)\sl['\u2019\s]\s?(?:assistant|ia\b)
    | \bl['\u2019]assistant\s(?:doit|devra|effectue)
    | \bnote\s(?:du\s)?système
    | \b(?:ignor|olvid)\w{{1,4}}\s(?:\S+\s){{0,4}}?(?:instruccion|reglas|límites)
    | \b(?:nota|mensaje|aviso|instrucci[óo]n)\s(?:para|a)l?\s(?:el\s|la\s)?(?:asistente|ia\b|modelo)
    | \b(?:nota|mensaje|aviso)\sdel\ssistema\b
    | \b(?:ignora|dimentica)\w{{0,4}}\s(?:\S+\s){{0,4}}?(?:istruzioni|regole|limiti)
    | \b(?:nota|messaggio)\s(?:per|all)\S{{0,2}}\s?(?:l['\u2019])?(?:assistente|ia\b)
    | \b(?:ignor|esqueç)\w{{1,4}}\s(?:\S+\s){{0,4}}?(?:instruções|regras|limites)
    | \b(?:nota|mensagem|aviso)\s(?:para|ao)\s(?:o\s)?(?:assistente|ia\b|sistema)
    | \bnegeer\s(?:\S+\s){{0,4}}?(?:instructies|regels|limieten)
    | \b(?:zignoruj|pomiń)\s(?:\S+\s){{0,4}}?(?:instrukcj|zasad|limit)
    | \b(?:игнорир|забудь)\w{{0,6}}\s(?:\S+\s){{0,4}}?
        (?:инструкц|указани|правил|ограничени|лимит)
    | تجاهل\s(?:\S+\s){{0,4}}?(?:\S{{0,3}}تعليمات|\S{{0,3}}قواعد|\S{{0,3}}حدود)
    | (?:指示|制限|ルール|規則|上限)\S{{0,12}}無視
    | (?:システム(?:ノート|メッセージ|注記|通知)|アシスタントへ|aiへの)
    | (?:忽略|无视|無視)\S{{0,12}}(?:指令|指示|限制|规则|規則|说明)
    | (?:系统|系統)(?:提示|消息|说明|备注|通知|訊息)
    | (?:지시|제한|규칙)\S{{0,4}}\s?\S{{0,8}}\s?무시
    """,
    re.VERBOSE,
)
_DELEGATES = re.compile(
    r"""
      \b(?:do|perform|complete|execute|carry\sout|work\s(?:through|off|on)|process|handle|resolve
        |tackle|clear|close|fix|take\scare\sof|deal\swith|act\son|see\sto|go\sthrough)\b
        (?!\sthe\sfollowing)(?:\s\S+){0,6}?\s(?:instructions?|tasks?|to-?dos?|actions?|steps|tickets?
        |requests?|issues?|cases?|inbox|e?-?mails?|messages?|list|backlog|queue)\b
    | \bfollow\b(?:\s\S+){0,5}?\s(?:instructions?|steps|guide|runbook|procedure|checklist|manual
        |readme\S*|docs?|documentation|notes?|items|points)\b
    | \b(?:with|using|per|by|according\sto)\b(?:\s\S+){0,4}?
        \s(?:instructions|guide|manual|runbook|checklist|how-?to|help\spage|recipe)\b
    | \b(?:fix|solve|sort|handle|settle|repair)\s(?:it|this|that)\b
    | \b(?:instructions|notes|steps|guide)\s(?:is|are|stands?)\s(?:in|on|at)\b
    | \b(?:what(?:ever)?|who(?:m|ever)?|where(?:ver)?)\b(?!\s(?:do|does|did|is|are)\b)
        (?:\s\S+){1,4}?\s(?:needs?|wants?|names)\b
    | (?:\b(?:do|follow|execute|perform)\s(?:just\s|exactly\s|all\s)?what(?:ever)?|\bas)\b
        (?:\s\S+){0,6}?
        \s(?:says?|said|asks?|asked|wants?|tells?|told|requests?|requested|describe[sd]?|explains?
        |explained|instructed|documented|written)\b
    | \b(?:erledige|bearbeite|befolge|folge|arbeite|kümmere|löse)\w{0,3}\b(?:\s\S+){0,6}?
        \s(?:anweisung|aufgabe|ticket|liste|mail|nachricht|anfrage|schritt|anleitung)
    | \b(?:was|wie)\b(?:\s\S+){0,6}?\s(?:steht|sagt|schreibt|will|verlangt|möchte|beschrieben)\b
    | \b(?:haz|sigue|atiende|encárgate|resuelve|procesa)\b(?:\s\S+){0,6}?
        \s(?:instruccion|tarea|ticket|lista|correo|mensaje|solicitud|paso|dice|pide)
    | \b(?:fais|suis|traite|occupe-toi|résous|exécute)\b(?:\s\S+){0,6}?
        \s(?:instruction|tâche|ticket|liste|mail|message|demande|étape|dit|demande)
    """,
    re.VERBOSE,
)


def speaks_to_machine(text: str) -> bool:
    """Tell whether a normalised text addresses a model, or tells it to leave its task or rules."""
    return bool(_SPEAKS.search(text[:MAX_LOOKED_AT_CHARS]))


def delegating(text: str) -> str:
    """Return the sentences of a normalised request that ask to do what some other text says.

    One that points back comes with the one before it, which may name the text.
    """
    found: list[str] = []
    before = ""
    for sentence in _SENTENCE.split(text[:MAX_LOOKED_AT_CHARS]):
        if _DELEGATES.search(sentence):
            found += (before, sentence) if _POINTS_BACK.search(sentence) else (sentence,)
        before = sentence
    return " ".join(found)


def delegates(text: str) -> bool:
    """Tell whether a normalised request asks to do what some other text says."""
    return bool(_DELEGATES.search(text[:MAX_LOOKED_AT_CHARS]))
