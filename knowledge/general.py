# ruff: noqa: E501, SIM905 - one form of words a line, however long
"""Makes a question everybody's: strikes out names, numbers and addresses, and shows what was struck; pure."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from knowledge import french

NAME, PHONE, EMAIL, STREET, BIRTH, NUMBER = "nom", "téléphone", "e-mail", "adresse", "naissance", "numéro"
SOMEONE, LEFT_OUT = "quelqu'un", "…"


@dataclass(frozen=True)
class Piece:
    """Some words of a text; `struck` says what they are (nom, téléphone, e-mail, …), empty for what stays."""

    words: str
    struck: str = ""


@dataclass(frozen=True)
class General:
    """A text without what is about one person: as it may be published, and as it was, piece by piece."""

    text: str
    pieces: tuple[Piece, ...]

    @property
    def struck(self) -> tuple[Piece, ...]:
        return tuple(piece for piece in self.pieces if piece.struck)


@dataclass(frozen=True)
class Known:
    """Names that we know, made ready once for many texts: whole, in either order, and each part alone."""

    wholes: frozenset[tuple[str, ...]] = frozenset()
    parts: frozenset[str] = frozenset()
    longest: int = 0

    @classmethod
    def of(cls, names: Collection[str]) -> "Known":
        split = [tuple(re.findall(r"[\w-]+", line)) for line in french.fold("\n".join(names)).splitlines()]
        longer = [each for each in split if len(each) > 1]
        return cls(
            frozenset(longer) | frozenset(each[::-1] for each in longer),
            frozenset(part for each in split for part in each if len(part) > 2),
            max(map(len, longer), default=0),
        )


_CAPITAL = r"(?:(?:[dD]['’]|[A-Z]['’])?[A-ZÀ-ÖØ-Þ][\w'’-]*|[A-ZÀ-ÖØ-Þ]\.)"
_PARTICLE = r"(?:de|du|des|ben|bin|el|al|van|von|da|dos)"
_NAMED = rf"(?:{_PARTICLE}\s+)?{_CAPITAL}(?:\s+(?:{_PARTICLE}\s+)?{_CAPITAL}){{0,3}}"
_TITLE = r"(?:M\.|MM\.|M(?=\s+[A-ZÀ-Ý])|Mr\.?|Mme\.?|Mmes|Mlle|[Mm]onsieur|[Mm]adame|[Mm]ademoiselle|Dr\.?|[Dd]octeur|Me|[Mm]aître)"
_WORD = r"[\w'’-]+"
_OFFICES = frozenset(  # what stands after « Madame » without being a name
    "maire prefet prefete presidente president directeur directrice ministre depute deputee monsieur madame mesdames "
    "messieurs mademoiselle elu elue adjoint adjointe referent referente bonjour bonsoir".split()
)
_WAYS = (
    r"(?:rue|r\.|avenue|av\.?|boulevard|bd\.?|bld\.?|place|pl\.|all[ée]es?|impasse|imp\.|chemin|ch\.|quai|square|cours|"
    r"route|rte|passage|sentier|venelle|mail|promenade|esplanade|villa|faubourg|fg|lotissement|r[ée]sidence|lieu-dit)"
)
_LINK = r"(?:de\s+la|de\s+l['’]|de|du|des|d['’]|la|le|les|l['’]|aux?|à)"
_INSIDE = (
    r"(?:,?\s+(?:(?:b[âa]t(?:iment)?|bât)\.?\s+\w{1,3}|app(?:t|artement)?\.?\s*(?:n°\s*)?\w{1,5}|esc(?:alier)?\.?\s+\w{1,3}|"
    r"\d{1,2}\s*(?:er|e|ème|eme)\s+étage|porte\s+\w{1,4}))"
)
_CITY = rf"(?:,?\s+(?:à\s+)?\d{{5}}(?:\s+{_CAPITAL}(?:[\s-]+{_CAPITAL}){{0,3}}(?:\s+[Cc]edex(?:\s+\d+)?)?)?)"
_DAY = r"(?:\d{1,2}(?:er)?[\s/.-]+(?:\d{1,2}|[a-zéûA-Z]{3,9})[\s/.-]+\d{2,4}|\d{4})"

_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (EMAIL, re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")),
    (NAME, re.compile(r"(?<![\w.@/])@\w{3,}")),
    (BIRTH, re.compile(
        rf"\bn[ée]e?s?\s+(?:le|en|au mois de)?\s*{_DAY}|\bdate de naissance\s*(?:est|:)?\s*(?:le\s+)?{_DAY}|\bDDN\s*:?\s*{_DAY}",
        re.IGNORECASE)),
    (STREET, re.compile(
        rf"\b\d{{1,4}}(?:\s?(?:bis|ter|quater|[A-Da-d]))?\s*,?\s+(?i:{_WAYS})\s+(?:(?:{_LINK})\s*)*{_WORD}"
        rf"(?:(?:(?<=g[eé]n[eé]ral)|(?<=mar[eé]chal)|(?<=pr[eé]sident)|(?<=docteur))\s+(?:de\s+)?{_WORD})?"
        rf"(?:\s+(?:de\s+la\s+|de\s+|du\s+|des\s+|d['’]){_WORD}|\s+(?:{_LINK}\s*)*{_CAPITAL}){{0,4}}"
        rf"{_INSIDE}*{_CITY}?{_INSIDE}*")),
    (STREET, re.compile(
        r"\b(?:appartement|appt\.?|apt\.?)\s*(?:n°\s*)?\w?\d{1,4}\b"
        r"|\b[Bb][âa]t(?:iment)?\.?\s+[A-Z0-9]{1,2}\b(?:,?\s+(?:appartement|appt\.?|apt\.?)\s*(?:n°\s*)?\w{1,4})?")),
    (NUMBER, re.compile(r"\b[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]{4}){3,7}(?:[ ]?[A-Z0-9]{1,3})?\b")),  # IBAN
    (NUMBER, re.compile(r"(?<!\d)[12]\s?\d{2}\s?\d{2}\s?(?:\d{2}|2[AB])\s?\d{3}\s?\d{3}(?:\s?\d{2})?(?!\d)")),  # NIR
    (PHONE, re.compile(r"(?<![\d+/.-])(?:\+|00)\d{2}[\s.]?(?:\(0\)\s?)?\d(?:[\s.-]?\d{2}){4}(?!\d)|(?<![\d/.-])0[1-9](?:[\s.\u00a0\u202f-]?\d{2}){4}(?!\d)")),
    (NUMBER, re.compile(
        r"\b(?:dossier|allocataire|client|locataire|contrat|identifiant|matricule|compte|réf(?:érence)?|s[ée]curit[ée] sociale)"
        r"(?:\s+(?:est|n°|no|numéro|num))*\s*:?\s*(?:le\s+)?(?P<keep>)[A-Z]{0,3}-?\d[\d/ -]{2,}\d(?:\s?[A-Z]\b)?", re.IGNORECASE)),
    (NUMBER, re.compile(r"\b[A-HJ-NP-TV-Z]{2}-\d{3}-[A-HJ-NP-TV-Z]{2}\b")),  # number plate
    (NUMBER, re.compile(r"(?<![\d/.,-])\d{6,}(?![\d/-])")),
)  # fmt: skip
_TITLED = re.compile(rf"\b{_TITLE}\s+(?P<name>{_NAMED})")
_TITLED_SMALL = re.compile(r"\b(?:m\.|mr|mme|mlle|monsieur|madame)\s+(?P<name>[a-zà-ÿ][\w'’-]{2,})")
_SELF = re.compile(
    rf"\b(?:[Jj]e m['’]appelle|[Mm]on nom est|[Mm]oi c['’]est|[Jj]e me nomme|[Jj]e suis|[Cc]['’]est|[Ss]ign[ée]\s*:?)\s+(?P<name>{_NAMED})"
)
_SELF_SMALL = re.compile(
    r"\b(?:je m['’]appelle|mon nom est|je me nomme)\s+(?P<name>[a-zà-ÿ][\w'’-]+(?:\s+[a-zà-ÿ][\w'’-]+)?)"
)
_SIGNED = re.compile(
    rf"(?:^|\n)[ \t]*(?P<name>{_CAPITAL}(?:[ \t]+(?:{_PARTICLE}[ \t]+)?{_CAPITAL}){{1,2}})[ \t.]*(?=\n|$)"
)
_HELLO = re.compile(
    r"^\W*(?:(?:re)?bonjour|bonsoir|salut|coucou|bjr|slt|hello|madame|monsieur|mesdames|messieurs)\b(?:[\s,]*(?:et\b|à tous\b|"
    r"à toutes\b|madame\b(?! la)|monsieur\b(?! le)|madame la \w+(?=,)|monsieur le \w+(?=,)|messieurs\b|mesdames\b|l['’]équipe\b|la hotline\b))*\s*[,.!:;…]*\s*",
    re.IGNORECASE,
)
_BYE = re.compile(
    r"[\s,.;!]*\b(?:(?:bien )?cordialement|merci(?: (?:beaucoup|bcp|bien|d['’]avance|par avance|pour votre \w+))*|salutations|"
    r"bonne (?:journée|soirée)|bien à vous|en vous remerciant(?: d['’]avance)?|amitiés|bises)[\s,.!…]*$",
    re.IGNORECASE,
)
_CLOSED = re.compile(
    rf"(?:[Cc]ordialement|[Mm]erci(?: d['’]avance)?|[Ss]alutations|[Bb]ien à vous|[Aa]mitiés|[Bb]ises)[ \t]*[,.!]?\s+(?P<name>{_NAMED})\s*[.!]?\s*$"
)


def generalise(text: str, names: Collection[str] | Known = (), public: Collection[str] = ()) -> General:
    """A text without names, numbers, addresses and dates of birth; `names` are those of people whom we know.

    `public` holds numbers and mail addresses that anybody may read, as `reachable` finds them: they stay.

    1. What has a form of its own: mail addresses, telephone and file numbers, streets with a number, dates of birth.
    2. Names: of people we know, whole or in part; after M. or Mme; after « je m'appelle »; at the foot of a message.
    3. What remains, without greetings and thanks; a name in the middle of a sentence becomes « quelqu'un ».
    """
    known = names if isinstance(names, Known) else Known.of(names)
    spans = [
        span for span in _spans(text, known) if span[2] not in (PHONE, EMAIL) or not _is_public(text, span, public)
    ]
    pieces: list[Piece] = []
    at = 0
    for start, end, what in spans:
        if start > at:
            pieces.append(Piece(text[at:start]))
        pieces.append(Piece(text[start:end], what))
        at = end
    if at < len(text):
        pieces.append(Piece(text[at:]))
    return General(_rest(pieces), tuple(pieces))


def reachable(text: str) -> set[str]:
    """The telephone numbers (digits) and mail addresses of a text, written so that they compare."""
    found = [
        (what, match[0]) for what, pattern in _PATTERNS if what in (PHONE, EMAIL) for match in pattern.finditer(text)
    ]
    return {_compared(what, words) for what, words in found}


def _compared(what: str, words: str) -> str:
    digits = re.sub(r"\D", "", words)
    return words.lower() if what == EMAIL else digits[-9:]


def _is_public(text: str, span: tuple[int, int, str], public: Collection[str]) -> bool:
    return _compared(span[2], text[span[0] : span[1]]) in public


def _spans(text: str, known: Known) -> list[tuple[int, int, str]]:
    found: list[tuple[int, int, str]] = []
    for what, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            start = match.start("keep") if "keep" in pattern.groupindex else match.start()
            found.append((start, match.end(), what))
    found += [(start, end, NAME) for start, end in _names(text, known)]
    found.sort(key=lambda span: (span[0], -span[1]))
    apart: list[tuple[int, int, str]] = []
    for start, end, what in found:
        if apart and start < apart[-1][1]:
            if end > apart[-1][1]:
                apart[-1] = (apart[-1][0], end, apart[-1][2])
            continue
        apart.append((start, end, what))
    return apart


def _names(text: str, known_names: Known) -> Iterator[tuple[int, int]]:
    for pattern in (_TITLED, _SELF, _SIGNED, _CLOSED):
        for match in pattern.finditer(text):
            start, end = match.span("name")
            words = [french.fold(word) for word in re.findall(r"[\w-]+", match["name"])]
            if words[0] in _OFFICES:
                continue
            if pattern is _SELF and _is_common(words) and match[0].lower().startswith(("je suis", "c'est", "c’est")):
                continue  # « C'est Bellevue », « Je suis Conseillère »
            if pattern is _SIGNED and (_is_common(words) or "?" in text[start:end]):
                continue
            yield start, end
    for pattern in (_TITLED_SMALL, _SELF_SMALL):
        for match in pattern.finditer(text):
            words = [french.fold(word) for word in match["name"].split()]
            known = [word in _OFFICES or french.frequency(word) >= 0 for word in words]
            if not known[0] or (pattern is _SELF_SMALL and not all(known)):
                yield match.span("name")
    yield from _known(text, known_names)


def _known(text: str, known: Known) -> Iterator[tuple[int, int]]:
    """Where the text names someone whom we know: in full however it is written, or by one capitalised part."""
    words = [(match.start(), match.end(), french.fold(match[0])) for match in re.finditer(r"[\w-]+", text)]
    folded = [word for _, _, word in words]
    for at, (start, end, word) in enumerate(words):
        whole = next((n for n in range(known.longest, 1, -1) if tuple(folded[at : at + n]) in known.wholes), 0)
        if whole:
            yield start, words[at + whole - 1][1]
        elif word in known.parts and text[start].isupper():
            opens = not text[:start].strip() or text[:start].rstrip()[-1] in ".!?…\n:"
            if not (opens and french.frequency(word) >= 0):
                yield start, end


def _is_common(words: Sequence[str]) -> bool:
    return all(french.frequency(word) >= 0 or word in _OFFICES for word in words)


def _rest(pieces: Sequence[Piece]) -> str:
    """What stays, as one readable text."""
    said = ""
    for at, piece in enumerate(pieces):
        if not piece.struck:
            said += piece.words
            continue
        after = pieces[at + 1].words if at + 1 < len(pieces) else ""
        inside = piece.struck == NAME and bool(re.match(r"[ \t]+\w|['’]", after))
        said += SOMEONE if inside else LEFT_OUT
    said = re.sub(rf"\b(?:{_TITLE}|mme|mr|mlle)\s+({SOMEONE}|{LEFT_OUT})", r"\1", said)
    said = re.sub(rf"\bde ({SOMEONE})", r"de \1", said)
    said = re.sub(
        rf"\b(?:[Jj]e m['’]appelle|[Mm]on nom est|[Mm]oi c['’]est|[Jj]e me nomme)\s+{SOMEONE}\s*(?:,|et\b|\.)?\s*",
        "",
        said,
    )
    said = re.sub(
        rf"\b(?:[Jj]e m['’]appelle|[Mm]on nom est|[Mm]oi c['’]est|[Jj]e me nomme)\s+{LEFT_OUT}[\s.,]*", "", said
    )
    said = re.sub(rf"^\s*{LEFT_OUT}[ \t.]*$", "", said, flags=re.MULTILINE)
    said = re.sub(rf"{LEFT_OUT}(?:[\s,]*{LEFT_OUT})+", LEFT_OUT, said)
    said = re.sub(rf"\s*\(\s*{LEFT_OUT}\s*\)", "", said)
    kept = re.sub(r"[ \t]+", " ", said).strip()
    for _ in range(2):  # « Bonjour Madame, bonsoir »; « Merci. Cordialement, »
        kept = _without_bye(_HELLO.sub("", kept, count=1) or kept)
    kept = re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]*\n[ \t]*", "\n", kept)).strip(" ,;-\n")
    return kept[:1].upper() + kept[1:]


def _without_bye(text: str) -> str:
    """The text without its last thanks; a question mark that stood before them stays."""
    found = _BYE.search(text)
    if not found or not found.start():
        return text
    mark = re.match(r"\s*([.!?…])", text[found.start() :])
    return text[: found.start()].rstrip() + (mark[1] if mark else "")
