"""Which language a text is in, as far as its small words or its script tell.

Nobody reads these words for what they mean. They only tell whether a user's words can be compared
with a tool's name at all: that a German request does not contain the word ``book`` says nothing.
"""

from __future__ import annotations

import re

MAX_JUDGED_CHARS = 4_000
_WORD = re.compile(r"[^\W\d_]+")
_WORDS = {
    "en": (
        "a an and are as at be by can do does for from her his how i in is it me my of on "
        "please that the this to was what who will with you your"
    ),
    "de": (
        "an auf bitte das dem den der die ein eine einen es für ich im ist mein meine mir mit "
        "nach nicht sind und von was wer wie wird zu über"
    ),
    "fr": (
        "au aux avec ce cette d dans de des du est et il je l la le les ma merci mes mon ne "
        "par pas pour que qui sur un une vous"
    ),
    "es": (
        "a al como con cuál de del el en es favor la las lo los mi mis no para por que qué se "
        "su sus un una y"
    ),
    "it": (
        "al alla che con del della di e gli il in la le lo mia mio non per questa questo si "
        "sono un una è"
    ),
    "pt": "a ao as com da das de do dos e em meu minha na no não o os para por que se um uma é",
    "nl": "aan dat de dit een en graag het ik in is je met mijn niet op te van voor wat zijn",
    "sv": "att av den det en ett för jag med min mitt och på som till vad är",
    "pl": "dla do i jak jest moje mój na nie o od po proszę się to w z że",
    "tr": "bana benim bir bu da de en ile için lütfen mi ne olan ve",
}
_SMALL_WORDS = {code: frozenset(words.split()) for code, words in _WORDS.items()}
_SCRIPTS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("zh", re.compile(r"[\u3400-\u9fff]")),
    ("ru", re.compile(r"[\u0400-\u04ff]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("he", re.compile(r"[\u0590-\u05ff]")),
    ("el", re.compile(r"[\u0370-\u03ff]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
    ("th", re.compile(r"[\u0e00-\u0e7f]")),
)
MIN_SCRIPT_SHARE = 0.2
_ENGLISH_VERB_LIST = (
    "add apply approve ask assign book browse buy call cancel change check close confirm "
    "create delete deploy edit execute fetch find forward get grant insert invite issue "
    "list load look lookup make merge notify open order pay post publish query read "
    "reject remove reply reserve restart retrieve run save schedule search send set share "
    "show start stop submit track transfer update upload view write"
)
_ENGLISH_VERBS = frozenset(_ENGLISH_VERB_LIST.split())


def tongue_of(text: str) -> str:
    """Return the language of a lower-case text as a code, empty where it cannot be told."""
    text = text[:MAX_JUDGED_CHARS]
    for code, script in _SCRIPTS:
        if len(script.findall(text)) > MIN_SCRIPT_SHARE * len(text):
            return code
    words = _WORD.findall(text)
    counts = sorted(
        ((sum(word in small for word in words), code) for code, small in _SMALL_WORDS.items()),
        reverse=True,
    )
    (most, code), (second, _) = counts[:2]
    return code if most > second else ""


def is_english_verb(word: str) -> bool:
    """Tell whether a word of a tool's name is a verb that English names of tools begin with."""
    return word in _ENGLISH_VERBS


def is_small(word: str) -> bool:
    """Tell whether a word only holds sentences together, in any of the languages."""
    return any(word in small for small in _SMALL_WORDS.values())
