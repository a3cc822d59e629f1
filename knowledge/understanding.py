"""Takes a message apart: what is asked, how many times, in which language, and whether someone is in danger. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from knowledge import french

MOST_QUESTIONS = 3
PATTERNS = Path(__file__).parent / "patterns"  # the turns of phrase, one file a topic


@dataclass(frozen=True)
class Understanding:
    """A message taken apart; `core` is what is left of it without courtesies and signature.

    `terms`: one question a word, when a message asks for nothing but the meaning of several; empty otherwise.
    `topics`: the subjects of a message that names several and asks nothing; empty otherwise.
    """

    core: str
    questions: tuple[str, ...]
    terms: tuple[str, ...]
    topics: tuple[str, ...]
    language: str
    smalltalk: str
    distress: tuple[str, ...]
    asks: str
    particular: tuple[str, ...]


def understand(text: str) -> Understanding:
    """Everything that can be told of a message without knowing the base."""
    kept = core(text)
    return Understanding(
        kept, questions(text), terms(text), topics(text), language(text), smalltalk(text), distress(text), asks(kept),
        particular(kept),
    )  # fmt: skip


@lru_cache(maxsize=512)
def _line(text: str) -> str:
    """The words of a text, spelled out, with single spaces."""
    return " ".join(french.plain(text))


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{p})" for p in patterns))


def listed(topic: str) -> list[tuple[str, list[str]]]:
    """The sections of a file of patterns/, in order: name, lines; an indented line goes on with the one before."""
    sections: list[tuple[str, list[str]]] = []
    for line in (PATTERNS / f"{topic}.txt").read_text("utf-8").splitlines():
        if not line or line.startswith("# "):
            continue
        if line.startswith("[") and line.endswith("]") and re.fullmatch(r"[a-z_, ]+", line[1:-1]):
            sections.append((line[1:-1], []))
        elif line.startswith("  "):
            sections[-1][1][-1] += line[2:]
        else:
            sections[-1][1].append(line)
    return sections


_COURTESIES = {name: "|".join(lines) for name, lines in listed("courtesies")}


def _framed(frame: str) -> re.Pattern[str]:
    """A pattern in which <name> stands for the alternatives of a section of courtesies.txt."""
    return re.compile(re.sub(r"<([a-z ]+)>", lambda m: _COURTESIES[m[1]], frame))


# --- sentences, courtesies, signature ----------------------------------------------------------------------------

_ABBREVIATION = re.compile(r"\b(M|Mme|Mr|Dr|art|n|nb|ex|p|cf|etc|tel|St|Ste)\.\s", re.IGNORECASE)
_BREAK = re.compile(r"(?<=[.!?…])[\s]+|\n+|(?<=[a-zé])\s*;\s+|(?:^|\s)(?=[1-3]\s?[).]\s)|(?<=\?)(?=\w)")
_SIGNATURE = _framed(r"^\s*(<signature>)")
_CLOSING = _framed(r"^\W*(bien |tres )?(<closing>)\b")
_THANKS = _framed(r"^\W*(un grand |mille )?(<thanks>)(\W+(<after thanks>))*\W*$")
_GREETING = _framed(
    r"^\W*(re)?(<greeting>)\b((\W+|\s+(et|a|l|la|le|de|chere?)\s+)?\b(<after greeting>))*\s*[,.!:;\n]*\s*(?=\S|$)"
)
_TAIL = _framed(r"[\s,.;!-]*\b(<tail>)\s*[.!]*\s*$")
_INTRODUCTION = _framed(r"^\W*(<introduction>)")
_ASKING = _framed(r"\?|\b(<asking>)\b")
_OPENING = _framed(r"^\W*(?:(?:<opening>)\b[\s,.:!;]*)+(?=\w)")
_POLITE = _framed("<polite>")
_TRAILING = _framed(r"[\s,.;]*\b(?:<trailing>)\W*$")


def sentences(text: str) -> list[str]:
    """Sentences and lines of a message, up to its signature or the first quoted line."""
    lines: list[str] = []
    for line in text.replace("\r", "").split("\n"):
        if _SIGNATURE.match(french.fold(line)):
            if lines:
                break
            continue
        lines.append(line.strip())
    flat = _ABBREVIATION.sub(lambda m: m.group()[:-2] + " ", "\n".join(lines))
    return [part.strip() for part in _BREAK.split(flat) if part and re.search(r"\w", part)]


def _bare(sentence: str) -> str:
    """A sentence without its greeting and its thanks."""
    folded = french.fold(sentence)
    if len(folded) != len(sentence):  # ligatures were spelled out: positions would shift
        sentence = folded
    greeting = _GREETING.match(folded)
    start = greeting.end() if greeting else 0
    tail = _TAIL.search(folded, start)
    end = tail.start() if tail else len(sentence)
    kept = sentence[start:end].strip(" ,;:!-\t")
    folded = french.fold(kept)
    for pattern in (_OPENING, _POLITE, _OPENING, _TRAILING):
        found = pattern.search(folded)
        if found is None:
            continue
        same = len(folded) == len(kept)
        shorter = kept[: found.start()] + kept[found.end() :] if same else pattern.sub("", folded)
        if french.content(french.plain(shorter)):
            kept, folded = shorter, french.fold(shorter)
    return kept


def _kept(text: str) -> list[str]:
    """The sentences that carry something, courtesies and introductions left out."""
    kept: list[str] = []
    found = sentences(text)
    for number, sentence in enumerate(found):
        folded = french.fold(sentence)
        if kept and _CLOSING.match(folded):
            break
        if _THANKS.match(folded) or _CLOSING.match(folded):
            continue
        bare = _bare(sentence)
        if not re.search(r"\w", bare):
            continue
        if len(found) > 1 and _INTRODUCTION.match(french.fold(bare)) and number < len(found) - 1:
            continue
        kept.append(bare)
    return kept


def core(text: str) -> str:
    """A message without its greetings, introductions, thanks and signature; all of it if nothing would be left."""
    kept = _kept(text)
    return " ".join(k if k[-1] in "?.!" else k + "." for k in kept)[:1200] if kept else text.strip()[:1200]


_JOINED = _framed(
    r"(?:,|;|\bet?\b|\bpuis\b|\bou\b|\baussi\b|&|\+)\s*"
    r"(?:aussi |sinon |puis |ensuite |enfin |surtout )?(?=(?:<joining>)\b)"
)
_ANAPHORA = _framed(r"\b(<leaning>)")


def words_of(text: str) -> list[str]:
    return re.findall(r"\w+", text)


_BARE = frozenset(french.content(("comment", "combien", "pourquoi", "lequel", "laquelle", "lesquels", "lesquelles")))


def _tells(word: str) -> bool:
    return len(word) > 1 and not set(french.content(french.plain(word))) <= _BARE


def questions(text: str) -> tuple[str, ...]:
    """The questions of a message, three at most; a message that asks only one gives one."""
    kept = _kept(text)
    asking = [k for k in kept if _ASKING.search(french.fold(k) if "?" in k else _line(k))]
    found: list[str] = []
    for sentence in asking:
        folded = french.fold(sentence)
        cuts = [
            m
            for m in _JOINED.finditer(folded)
            if _ASKING.search(_line(folded[: m.start()])) and len(folded[: m.start()].split()) > 2
        ]
        source = sentence if len(folded) == len(sentence) else folded
        at = 0
        for cut in cuts:
            piece = source[at : cut.start()].strip(" ,;")
            if len(piece.split()) > 2 and not _ANAPHORA.search(_line(folded[cut.end() :])):
                found.append(piece)
                at = cut.end()
        found.append(source[at:].strip(" ,;"))
    whole: list[str] = []
    for piece in dict.fromkeys(found):
        stems = [stem for stem in french.content(french.plain(piece)) if stem not in _BARE]
        if whole and not stems:
            whole[-1] += " " + piece  # « et pourquoi ? »
            continue
        if whole and (named := _named(piece, whole[-1])):
            piece = named
        elif whole and (len(stems) < 2 or (len(stems) < 4 and _ANAPHORA.search(_line(piece)))):
            # « et qui y siège ? » means nothing without what it follows
            piece = " ".join((piece.strip(" ?!."), *filter(_tells, words_of(whole[-1]))))
        if stems:
            whole.append(piece)
    return tuple(whole[:MOST_QUESTIONS]) or (core(text),)


# --- words whose meaning is asked ---------------------------------------------------------------------------------

_MEANING = _framed(r"^(?:et |alors |puis )?(<meaning>)\b ?")
_MEANT = _framed(r" (<meant>)$")
_NOUN = re.compile(r"^(?:et |puis )?(?:aussi )?(?P<article>(?:le|la|les|l|un|une|des|du|d) )?(?P<noun>.+)$")
_ATTRIBUTE = _framed(r"^(<attribute>)(?:$| (?:de|du|des|d|pour|sur)\b)")
_OF = re.compile(r" (de|du|des|d) ")
_TOGETHER = re.compile(r"\b(entre|avec)\b")  # what follows belongs to it
_BETWEEN_TERMS = re.compile(r"[,;/&+]|\b(?:et|puis|ainsi que)\b", re.IGNORECASE)
_CAPITALS = re.compile(r"\b[A-Z][A-Z0-9]+\b")
_LONGEST_TERM = 6  # words
_RARE = 4  # of french.frequency


@dataclass(frozen=True)
class _Term:
    """A word whose meaning is asked: how, whether the frame follows it, and whether an article leads it."""

    frame: str
    word: str
    own: bool = False
    trailing: bool = False
    article: bool = False
    capitals: bool = False


def _rare(word: str) -> bool:
    """Whether a word has a meaning of its own, as acronyms have: nobody says « le COPIL du conseil »."""
    return all(french.frequency(each) <= _RARE for each in word.split() if each not in french.STOP)


def _term(text: str, leading: str = "") -> _Term | None:
    """The word whose meaning a text asks for; `leading` is how, when it does not say.

    None when it asks for something else, or for what belongs to the sentence before it: « et le budget ? ».
    """
    line = _line(text)
    frame, own, trailing = leading, False, False
    if before := _MEANING.match(line):
        frame, line, own = before[1], line[before.end() :], True
    elif after := _MEANT.search(line):
        frame, line, own, trailing = "c est quoi", line[: after.start()], True, True
    found = _NOUN.match(line)
    if not frame or found is None or _ATTRIBUTE.match(found["noun"]):
        return None
    noun, article, capitals = found["noun"], found["article"] or "", bool(_CAPITALS.search(text))
    if not article and not capitals and (" " in noun or not _rare(noun)):
        return None
    word = article + noun
    if not french.content(noun.split()) or len(word.split()) > _LONGEST_TERM:
        return None
    if _ASKING.search(word) or _ANAPHORA.search(word) or _TOGETHER.search(word):
        return None
    return _Term(frame, word, own, trailing, bool(article), capitals)


def _named(piece: str, before: str) -> str:
    """A question for the meaning of a word that it names itself, spelled out; "" when it leans on the one before."""
    if _term(piece):
        return piece
    if (first := _term(before)) and (term := _term(piece, first.frame)):
        return f"{term.frame} {term.word}"
    return ""


def terms(text: str) -> tuple[str, ...]:
    """The words whose meaning is asked, each as a question, three at most: « c'est quoi un QPV et le COPIL ? ».

    Empty when fewer than two are, when anything else is asked, or when « et » may stand inside of one name (« la
    gestion urbaine et sociale », « les droits et les devoirs d'un membre »): each word after the first has an article
    or is written in capitals, and no complement that the first could share. The base says whether it knows them.
    """
    found: list[_Term] = []
    split = [[p for p in _BETWEEN_TERMS.split(sentence) if re.search(r"\w", p)] for sentence in _kept(text)]
    lone = [_line(piece) for pieces in split for piece in pieces]
    bare = "c est quoi" if all(" " not in word and _rare(word) for word in lone) else ""  # « QPV ? COPIL ? »
    for pieces in split:
        leading = found[-1].frame if found else bare
        alone = _MEANING.fullmatch(_line(pieces[-1])) if len(pieces) > 1 else None
        if alone:  # « QPV et COPIL, ça veut dire quoi ? »
            leading, pieces = alone[1], pieces[:-1]
        elif pieces and (last := _term(pieces[-1])) and last.trailing:
            leading = last.frame
        for piece in pieces:
            term = _term(piece, leading)
            if term is None:
                return ()
            if found and not (term.own or bare):
                if not (term.article or term.capitals):
                    return ()
                if _OF.search(term.word) and not (_OF.search(found[-1].word) or _rare(found[-1].word)):
                    return ()
            found.append(term)
            leading = term.frame
    distinct = tuple(dict.fromkeys(f"{term.frame} {term.word}" for term in found))
    return distinct[:MOST_QUESTIONS] if len(distinct) > 1 else ()


_LONGEST_TOPIC = 5  # words


def topics(text: str) -> tuple[str, ...]:
    """The two subjects that a message names without asking anything: « mission locale et contrat de ville ».

    Empty when something is asked, or when one only is named, or more than two, which tell of one thing together.
    « et » may stand inside of one name: the base says whether it surely knows each piece as a subject of its own.
    """
    kept = _kept(text)
    if len(kept) != 1 or _ASKING.search(_line(kept[0])):
        return ()
    pieces = [piece.strip(" .?!") for piece in _BETWEEN_TERMS.split(kept[0]) if re.search(r"\w", piece)]
    named = all(french.content(french.plain(p)) and len(p.split()) <= _LONGEST_TOPIC for p in pieces)
    return tuple(pieces) if named and len(pieces) == 2 else ()


# --- what kind of answer -----------------------------------------------------------------------------------------

_ASKS = tuple((kind, _any(*lines)) for kind, lines in listed("kinds"))


def asks(text: str) -> str:
    """The kind of answer that a question wants (one of the kinds that entries declare), or "" when it does not say."""
    line = _line(text)
    earliest: tuple[int, str] | None = None
    for kind, pattern in _ASKS:
        found = pattern.search(line)
        if found is not None:
            if kind in ("example", "why"):
                return kind
            if earliest is None or found.start() < earliest[0]:
                earliest = (found.start(), kind)
    return earliest[1] if earliest else ""


_SECTIONS = dict(listed("particular"))
_PLACES = f"({'|'.join(_SECTIONS.pop('places'))})"
_PARTICULAR = tuple(
    (name, _any(*(line.replace("{place}", _PLACES) for line in lines))) for name, lines in _SECTIONS.items()
)
PARTICULAR = tuple(name for name, _ in _PARTICULAR)


def particular(text: str) -> tuple[str, ...]:
    """Signs that a question wants one fact of one place, person, file or day, which a base of rules seldom holds."""
    line = _line(text)
    return tuple(name for name, pattern in _PARTICULAR if pattern.search(line))


# --- small talk --------------------------------------------------------------------------------------------------

_TALK = dict(listed("smalltalk"))
_SMALLTALK = tuple((label, _any(*_TALK.pop(label))) for label in ("robot", "person"))
_FILLER = "|".join(_TALK.pop("filler"))
_CHAT = {label: "|".join(lines) for label, lines in _TALK.items()}
_CHAT_WHOLE = {label: re.compile(rf"^(?:(?:{words_}|{_FILLER})\s?)+$") for label, words_ in _CHAT.items()}
_CHAT_HAS = {label: re.compile(rf"\b(?:{words_})\b") for label, words_ in _CHAT.items()}
_ALL_CHAT = re.compile(rf"^(?:(?:{'|'.join(_CHAT.values())}|{_FILLER})\s)*(?:{'|'.join(_CHAT.values())}|{_FILLER})$")


def smalltalk(text: str) -> str:
    """hello, thanks, bye, how, yes, laugh, test, rude: nothing is asked; robot, person: who is there; "" otherwise."""
    line = _line(text)
    if not line:
        return "empty"
    for label, pattern in _SMALLTALK:
        if pattern.search(line) and len(line.split()) <= 18:
            return label
    if len(line.split()) <= 14 and _ALL_CHAT.match(line):
        for label in ("rude", "how", "test", "bye", "thanks", "laugh", "hello", "yes"):
            if _CHAT_HAS[label].search(line):
                return label
    return ""


# --- language ----------------------------------------------------------------------------------------------------

_WORDS = {name: frozenset(" ".join(lines).split()) for name, lines in listed("languages")}
_FRENCH_WORDS = _WORDS.pop("fr")
_TELLING: Mapping[str, frozenset[str]] = _WORDS  # frequent in one of the languages, and not French
_MARKS: Mapping[str, str] = {"tr": "şğıİ", "ro": "ășțşţ", "pt": "ãõ", "es": "ñ¿¡"}


def language(text: str) -> str:
    """fr, en, es, pt, ro, tr, ar, ru or uk; what cannot be told is taken for French."""
    letters = [c for c in text if c.isalpha()]
    if not letters:
        return "fr"
    arabic = sum("\u0600" <= c <= "\u06ff" for c in letters)
    cyrillic = sum("\u0400" <= c <= "\u04ff" for c in letters)
    if arabic > len(letters) / 2:
        return "ar"
    if cyrillic > len(letters) / 2:
        lower = text.lower()
        ukrainian = sum(lower.count(c) for c in "іїєґ")
        russian = sum(lower.count(c) for c in "ыэъё")
        return "uk" if ukrainian > russian else "ru"
    tokens = re.findall(r"[a-z']+", french.fold(text))
    tokens = [
        piece for token in tokens for piece in ([token] if token in _TELLING["en"] else token.split("'")) if piece
    ]
    if not tokens:
        return "fr"
    known = _line(text).split()
    ours = sum(t in _FRENCH_WORDS for t in known) + 0.5 * sum(len(t) > 3 and french.frequency(t) >= 4 for t in known)
    best, score = "fr", ours
    for name, telling in _TELLING.items():
        hits = sum(t in telling and t not in _FRENCH_WORDS for t in tokens) + 0.5 * sum(
            t in telling and t in _FRENCH_WORDS for t in tokens
        )
        hits += 1.5 * sum(text.lower().count(mark) for mark in _MARKS.get(name, ""))
        foreign = hits / max(1, len(tokens))
        if hits >= 1.5 and foreign >= 0.25 and hits > score:
            best, score = name, hits
    return best


# --- distress ----------------------------------------------------------------------------------------------------

_DANGER = dict(listed("danger") + listed("harmless"))
_NOW = f"({'|'.join(_DANGER['now'])})"
_GOES_ON = re.compile(rf"\b({'|'.join((*_DANGER['now'], *_DANGER['still']))})\b")


def _danger(section: str) -> re.Pattern[str]:
    """The section's turns of phrase; a pattern that nothing matches when there is no such section."""
    return _any(*(line.replace("{now}", _NOW) for line in _DANGER.get(section, ("(?!)",))))


_FIGURATIVE = _danger("figurative")  # borrows the words of danger: taken out before anything is looked for
_ABOUT = _danger("about")
_DEAF = _danger("deaf")
_EMERGENCY = _danger("emergency")
_NUMBERS = {  # in order
    "suicide": ("3114", "15", "112"),
    "child": ("119", "17"),
    "couple": ("3919", "17", "114"),
    "violence": ("17", "112", "114"),
    "fire": ("18", "112", "114"),
    "gas": ("18", "112", "114"),
    "medical": ("15", "112", "114"),
    "roof": ("115",),
}
_DANGERS = tuple(
    (numbers, _danger(f"{name}, certain"), _danger(f"{name}, possible"), _danger(f"{name}, over"))
    for name, numbers in _NUMBERS.items()
)


def distress(text: str) -> tuple[str, ...]:
    """Emergency numbers that fit a message, the most fitting first; empty unless somebody seems to be in danger now.

    Service-public.fr: 15 Samu, 17 police, 18 pompiers, 112 Europe, 114 by SMS for those who cannot hear or speak,
    115 a roof, 119 children, 3114 suicide, 3919 violence against women.
    """
    line = _FIGURATIVE.sub(" ", _line(text))
    about = bool(_ABOUT.search(line))
    numbers: dict[str, None] = {}
    goes_on = bool(_GOES_ON.search(line))
    for fitting, certain, possible, over in _DANGERS:
        past = over.search(line)
        if past and not goes_on:
            continue
        discussed = about and not past and _discussed(line)
        if (certain.search(line) and not discussed) or (not about and possible.search(line)):
            numbers.update(dict.fromkeys(fitting))
    if _DEAF.search(line) and (numbers or (_EMERGENCY.search(line) and not about)):
        return tuple(dict.fromkeys(("114", *numbers)))
    return tuple(numbers)


_FIRST_PERSON = re.compile(r"\b(je|j|me|m|moi|mon|ma|mes|nous|chez|voisine?s?)\b")


def _discussed(line: str) -> bool:
    """Whether a subject is spoken of, nobody near being concerned."""
    return not _FIRST_PERSON.search(line) and not re.search(_NOW, line)
