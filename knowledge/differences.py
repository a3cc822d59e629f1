"""What changed between two versions of an entry, word by word; pure."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from knowledge.entries import Content, Source

State = Literal["same", "out", "in"]
MOST_WORDS = 3000  # of a text; beyond, it is compared line by line
ISLAND = 3  # letters that stayed between two changes are told as changed
NAMES = {
    "title": "Titre", "answer": "Réponse", "sms": "SMS", "phrasings": "Façons de demander", "kind": "Genre",
    "status": "État", "answers": "Répond à", "aliases": "Autres noms", "sources": "Sources", "related": "Voir aussi",
    "effective_from": "Valable depuis", "review_by": "À relire avant", "expires": "Dernier jour",
}  # fmt: skip
LISTS = ("phrasings", "answers", "aliases", "sources", "related")


@dataclass(frozen=True)
class Run:
    """Some words that stayed, went out, or came in."""

    state: State
    words: str


@dataclass(frozen=True)
class Difference:
    """One field that changed: its French name, and its words run by run; of a list, one run an item."""

    field: str
    name: str
    runs: tuple[Run, ...]
    listed: bool = False


def words(before: str, after: str) -> tuple[Run, ...]:
    """Two texts, word by word; a run ends where what happened to the words changes."""
    pattern = r"\n+|[^\S\n]+|\w+(?:['’]\w+)*|[^\w\s]"
    old, new = re.findall(pattern, before), re.findall(pattern, after)
    if max(len(old), len(new)) > MOST_WORDS:
        old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    runs: list[Run] = []
    for what, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            runs.append(Run("same", "".join(old[a:b])))
            continue
        if b > a:
            runs.append(Run("out", "".join(old[a:b])))
        if d > c:
            runs.append(Run("in", "".join(new[c:d])))
    return tuple(_readable(runs))


def _readable(runs: Sequence[Run]) -> list[Run]:
    """Without islands of a space or a small word between two changes: they cut a changed phrase into confetti."""
    merged: list[Run] = []
    out = come = ""

    def close() -> None:
        nonlocal out, come
        if out:
            merged.append(Run("out", out))
        if come:
            merged.append(Run("in", come))
        out = come = ""

    for at, run in enumerate(runs):
        between = run.state == "same" and 0 < at < len(runs) - 1
        if between and len(run.words.strip()) <= ISLAND and "\n" not in run.words and (out or come):
            out, come = out + run.words, come + run.words
        elif run.state == "same":
            close()
            merged.append(run)
        elif run.state == "out":
            out += run.words
        else:
            come += run.words
    close()
    return merged


def between(before: Content, after: Content) -> list[Difference]:
    """The fields that changed, in the order of the form."""
    found = []
    for field, name in NAMES.items():
        old, new = getattr(before, field), getattr(after, field)
        if old == new:
            continue
        if field in LISTS:
            in_words: Callable[..., str] = _source if field == "sources" else str
            found.append(Difference(field, name, _items([*map(in_words, old)], [*map(in_words, new)]), listed=True))
        else:
            found.append(Difference(field, name, words(old, new)))
    return found


def _items(old: Sequence[str], new: Sequence[str]) -> tuple[Run, ...]:
    kept = [Run("out", each) for each in old if each not in new]
    return (*kept, *(Run("in", each) for each in new if each not in old)) or (Run("same", "(seul l'ordre a changé)"),)


def _source(source: Source) -> str:
    return " – ".join(part for part in (source.title, source.ref, source.date, source.url) if part)
