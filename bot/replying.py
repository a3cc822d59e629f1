"""What people say to a committee's messages: dates, who replaces them, what was decided, whether it served; pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

DATES, ALTERNATE, PREPARE, DECIDED, SERVED = "dates", "alternate", "prepare", "decided", "served"
COMING = "coming"
KINDS = (DATES, ALTERNATE, PREPARE, DECIDED, SERVED)
NOBODY = ("non", "personne", "aucun", "aucune", "je ne sais pas", "je sais pas", "pas encore", "0")
ABSENT = (
    "je n y etais pas", "je n etais pas la", "je n etais pas present", "je n etais pas presente", "absent",
    "absente", "pas venu", "pas venue", "je n ai pas pu venir", "j y etais pas",
)  # fmt: skip
NONE_SUITS = ("aucune", "aucun", "non", "0", "pas possible", "aucune date", "rien", "je ne peux pas")
SERVED_WORDS = {
    "yes": ("1", "oui", "oui beaucoup", "oui merci", "beaucoup", "tout a fait"),
    "partly": ("2", "un peu", "en partie", "moyen", "bof"),
    "no": ("3", "non", "pas du tout", "pas vraiment"),
}
COMING_WORDS = {"1": "yes", "2": "no", "3": "prepare"}
MOST_NAME_WORDS = 6


@dataclass(frozen=True)
class Said:
    """A reply that was understood; `value`: numbers « 1,3 », a name, a text, yes | partly | no, or empty for none."""

    kind: str
    committee_id: int
    value: str


def read(kind: str, offered: Sequence[str], text: str, words: str) -> Said | None:
    """What a reply to a prompt of this kind means, None when it is something else; `words` is `text` made plain.

    `offered` begins with the meeting's number.
    """
    committee = int(offered[0])
    if kind == DATES:
        return _dates(committee, int(offered[1]), text, words)
    if kind == ALTERNATE:
        return _alternate(committee, offered[1:], text, words)
    if kind == PREPARE:
        if words in COMING_WORDS:
            return Said(COMING, committee, COMING_WORDS[words])
        return Said(PREPARE, committee, offered[1]) if len(words.split()) > 1 else None
    if kind == SERVED:
        value = next((value for value, known in SERVED_WORDS.items() if words in known), None)
        return Said(SERVED, committee, value) if value else None
    if kind == DECIDED:
        if words in ABSENT:
            return Said(DECIDED, committee, "")
        asks = "?" in text or re.match(
            r"(bonjour |bonsoir )?(je|j|pouvez|puis|comment|qui|quand|ou|est ce|nous cherchons)\b", words
        )
        return Said(DECIDED, committee, text.strip()) if len(words.split()) > 2 and not asks else None
    return None


def _dates(committee: int, most: int, text: str, words: str) -> Said | None:
    """« 1 », « 1 et 3 », « les dates 1, 2 », « aucune »"""
    if words in NONE_SUITS:
        return Said(DATES, committee, "")
    left = re.sub(r"\b(les?|la|et|ou|dates?|numeros?|n|je|peux|choix|choisis|prefere|svp|oui|merci)\b", " ", words)
    numbers = left.split()
    if not numbers or not all(re.fullmatch(r"\d", each) and 1 <= int(each) <= most for each in numbers):
        return None
    return Said(DATES, committee, ",".join(sorted(set(numbers))))


def _alternate(committee: int, people: Sequence[str], text: str, words: str) -> Said | None:
    if words in NOBODY:
        return Said(ALTERNATE, committee, "")
    if re.fullmatch(r"\d", words):
        if 1 <= int(words) <= len(people):
            return Said(ALTERNATE, committee, f"#{people[int(words) - 1]}")
        return Said(COMING, committee, COMING_WORDS[words]) if words in COMING_WORDS else None
    name = re.sub(r"^(?:c['’]est|ce sera|ça sera|peut[- ]être|je propose)\s+", "", " ".join(text.split()), flags=re.I)
    if "?" in text or len(name.split()) > MOST_NAME_WORDS or not re.fullmatch(r"[^\W\d_][\w .'’-]{1,60}", name):
        return None
    return Said(ALTERNATE, committee, name.rstrip(". "))
