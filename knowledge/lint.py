"""What makes an entry hard to read or to trust: long sentences, long answers, acronyms left unexplained; pure."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from knowledge.entries import Content
from knowledge.seed import SMS_LINE, Fault

SENTENCE_MOST = 25  # words
ANSWER_MOST = 200  # words
KNOWN = frozenset(  # acronyms that everyone reads as words, and the hotline's own commands
    {"SMS", "HLM", "ATD", "HUMAIN", "AIDE", "CONTACTS", "STOP", "START", "OUI", "NON", "PDF", "TV", "II", "III", "IV"}
)
JARGON = ("il convient de", "dans le cadre de", "afin de", "·")
ENDS = re.compile(r"(?<=[.!?…])\s+|\n+")


def read(path: Path, content: Content) -> Iterator[Fault]:
    """What to mend in one entry, with its line."""
    lines = path.read_text("utf-8").split("\n")

    def line_of(words: str) -> int:
        start = words.split("\n")[0][:40]
        return next((n for n, line in enumerate(lines, 1) if start and start in line), len(lines))

    yield from _long(path, content.answer, "réponse", line_of)
    yield from _long(path, content.sms, "SMS", line_of)
    count = len(content.answer.split())
    if count > ANSWER_MOST:
        yield Fault(path, line_of(content.answer), f"réponse de {count} mots, {ANSWER_MOST} au plus")
    for part, name, where in (
        (content.answer, "la réponse", line_of(content.answer)),
        (content.sms, "la partie SMS", next((n for n, line in enumerate(lines, 1) if line == SMS_LINE), 1) + 1),
    ):
        for acronym in unexplained(part, content.title):
            yield Fault(path, where, f"« {acronym} » n'est pas expliqué dans {name}")
        for words in JARGON:
            if words in part.lower():
                yield Fault(path, where, f"« {words} » dans {name} : dites-le plus simplement")
    for source in content.sources:
        if not source.date:
            yield Fault(path, line_of(source.title), "source sans date")


def _long(path: Path, text: str, name: str, line_of: Callable[[str], int]) -> Iterator[Fault]:
    for sentence in ENDS.split(text):
        words = [word for word in sentence.split() if re.search(r"\w", word)]
        if len(words) > SENTENCE_MOST:
            yield Fault(path, line_of(sentence), f"{name} : phrase de {len(words)} mots, {SENTENCE_MOST} au plus")


def unexplained(text: str, title: str = "") -> Sequence[str]:
    """The acronyms of a text that it does not write out: « (X) », « X (…) », « X veut dire… », « « X » … »."""
    found = dict.fromkeys(re.findall(r"\b[A-Z][A-Z0-9]{1,6}\b", text))
    return [acronym for acronym in found if acronym not in KNOWN and not _explained(acronym, text)]


def _explained(acronym: str, text: str) -> bool:
    name = re.escape(acronym)
    if re.search(
        rf"\({name}\)|\b{name}\+? \(|\b{name}\b[^.]{{0,20}} (veut dire|signifie|est|sont|désigne|vient de)\b", text
    ):
        return True
    return bool(re.search(rf"\b{name} ?[:=]|\d+-{name}\b", text))
