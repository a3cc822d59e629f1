"""What makes an entry hard to read or to trust: long sentences, long answers, acronyms left unexplained; pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Hint:
    """Something to mend in a field, and the words where it is."""

    field: str
    where: str
    what: str


def read(path: Path, content: Content) -> Iterator[Fault]:
    """What to mend in one entry, with its line."""
    lines = path.read_text("utf-8").split("\n")

    def line_of(hint: Hint) -> int:
        if hint.field == "sms" and not hint.where:
            return next((n for n, line in enumerate(lines, 1) if line == SMS_LINE), 1) + 1
        start = (hint.where or content.answer).split("\n")[0][:40]
        return next((n for n, line in enumerate(lines, 1) if start and start in line), len(lines))

    for hint in hints(content):
        yield Fault(path, line_of(hint), hint.what, hint.field)


def hints(content: Content) -> Iterator[Hint]:
    """What to mend in one entry, by field."""
    yield from _long("answer", content.answer, "réponse")
    yield from _long("sms", content.sms, "SMS")
    count = len(content.answer.split())
    if count > ANSWER_MOST:
        yield Hint("answer", content.answer, f"réponse de {count} mots, {ANSWER_MOST} au plus")
    for field, part, name in (("answer", content.answer, "la réponse"), ("sms", content.sms, "la partie SMS")):
        for acronym in unexplained(part, content.title):
            yield Hint(field, "", f"« {acronym} » n'est pas expliqué dans {name}")
        for words in JARGON:
            if words in part.lower():
                yield Hint(field, "", f"« {words} » dans {name} : dites-le plus simplement")
    for source in content.sources:
        if not source.date:
            yield Hint("sources", source.title, "source sans date")


def _long(field: str, text: str, name: str) -> Iterator[Hint]:
    for sentence in ENDS.split(text):
        words = [word for word in sentence.split() if re.search(r"\w", word)]
        if len(words) > SENTENCE_MOST:
            yield Hint(field, sentence, f"{name} : phrase de {len(words)} mots, {SENTENCE_MOST} au plus")


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
