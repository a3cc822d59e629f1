"""How long to wait for more of the same question, where people chat: what reads as whole does not wait; pure."""

import re
from datetime import timedelta

from bot import router

AT_ONCE = timedelta()
WHOLE = timedelta(seconds=0.8)  # two messages of one thought seldom come closer
FRAGMENT = timedelta(seconds=3)
MANY_WORDS = 8
PROMPTED_WORDS = 4  # a reply to what was asked is short
GREETINGS = frozenset({
    "bonjour", "bonsoir", "salut", "slt", "bjr", "bsr", "coucou", "hello", "madame", "monsieur", "mesdames",
    "messieurs", "a", "tous", "et", "toutes",
})  # fmt: skip
# no sentence ends on these
OPEN_ENDED = frozenset({
    "a", "au", "aux", "avec", "c", "car", "chez", "comme", "d", "dans", "de", "des", "donc", "du", "en", "est",
    "et", "je", "j", "la", "le", "les", "l", "ma", "mais", "mes", "mon", "ne", "notre", "nos", "ou", "par", "parce",
    "pour", "qu", "quand", "que", "qui", "quel", "quelle", "sa", "sans", "se", "ses", "si", "son", "sur", "un",
    "une", "vos", "votre",
})  # fmt: skip
ENDED = re.compile(r"[?？؟]\W*$|[.!…]\s*[\"»”)]?\s*$")
GOES_ON = re.compile(r"(,|:|;|\.\.\.|…|\(|«|\bet)\s*$")


def quiet(text: str, *, prompted: bool = False, fragment: timedelta = FRAGMENT) -> timedelta:
    """The silence to wait for after this message.

    Nothing after a command, or after a short reply where something was `prompted`; 0.8 s after what reads as whole (a
    question mark, a full stop, many words); `fragment` after anything else: a greeting, a beginning, a picture alone.
    """
    if router.command_in(text):
        return AT_ONCE
    words = router.plain(text).split()
    if prompted and words and len(words) <= PROMPTED_WORDS and _replies(text, words):
        return AT_ONCE
    if not words or all(word in GREETINGS for word in words):
        return fragment
    if GOES_ON.search(text.strip()) or (words[-1] in OPEN_ENDED and "?" not in text):
        return fragment
    if (ENDED.search(text) and len(words) > 1) or len(words) >= MANY_WORDS:
        return min(WHOLE, fragment)
    return fragment


def _replies(text: str, words: list[str]) -> bool:
    """Whether it is an answer by itself: a number, yes, no, thanks, a code, an emoji."""
    said = " ".join(words)
    return (
        bool(router.number_in(text, 9))
        or said in router.YES
        or said in router.NO
        or re.fullmatch(r"(code )?\d{1,3} ?\d{3}", said) is not None
        or words[0] in ("oui", "non", "aucun", "aucune", "rien")
    )
