"""Questions in another language: which entry's own translation they ask for, surely, or none; pure."""

import re
import unicodedata
from collections.abc import Iterable

from rapidfuzz import fuzz

LANGUAGES = ("ar", "en", "es", "pt", "ro", "ru", "tr", "uk")
SURE = 88.0  # of 100: the same words in another order, an article more or less
APART = 4.0  # that another entry must stay behind


OPENINGS = frozenset({
    "what", "how", "when", "where", "who", "which", "why", "can", "could", "is", "are", "does", "do",
    "como", "cuando", "donde", "quien", "cual", "onde", "quando", "quem", "qual", "ce", "cum", "cand", "unde", "cine",
})  # fmt: skip


def opens_elsewhere(text: str) -> bool:
    """Whether the first word or sign asks in another language: what follows may have only a French name."""
    return "¿" in text or folded(text).partition(" ")[0] in OPENINGS


def folded(text: str) -> str:
    """Small letters, without accents or punctuation, in any script."""
    plain = unicodedata.normalize("NFKD", text.lower().replace("’", "'"))
    return " ".join(re.findall(r"\w+", "".join(c for c in plain if not unicodedata.combining(c))))


def find(text: str, phrasings: Iterable[tuple[str, Iterable[str]]]) -> str:
    """The slug whose phrasings say what this message says; empty when none does, or two do."""
    asked = folded(text)
    best = sorted(
        (
            (max((fuzz.token_sort_ratio(asked, folded(each)) for each in said), default=0.0), slug)
            for slug, said in phrasings
        ),
        reverse=True,
    )
    if not best or best[0][0] < SURE or (len(best) > 1 and best[0][0] - best[1][0] < APART):
        return ""
    return best[0][1]
