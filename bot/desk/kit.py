"""The preparation kit of a committee, made for one council: all that its members need to know before they go.

Nothing in it is generated: the officer's plain words, else the agenda as received with the glossary's words in it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

import sqlalchemy as sa
from sqlmodel import Session, col, select

from bot.office import Office
from escalation.tickets import Ticket
from knowledge import entries, french
from scheduler import agenda
from scheduler.agenda import AgendaItem, CommitteeDocument
from scheduler.committees import CANCELLED, Committee, CommitteeCouncil
from scheduler.preparation import Preparation

MOST_WORDS, MOST_QUESTIONS, MOST_TO_ASK = 10, 6, 4
TO_CONFIRM = "à confirmer"


@dataclass(frozen=True)
class Word:
    """A word of the trade, and what it means, from the base's glossary."""

    term: str
    meaning: str


@dataclass(frozen=True)
class Point:
    """One point of the agenda; `plain` is the officer's, empty when nobody wrote it."""

    received: str
    plain: str = ""

    @property
    def said(self) -> str:
        return self.plain or self.received


@dataclass(frozen=True)
class Paper:
    """One document."""

    title: str
    purpose: str = ""
    url: str = ""


@dataclass(frozen=True)
class Asked:
    """A question that the council asked about its committees; the answer is empty while it waits."""

    number: int
    question: str
    answer: str = ""


@dataclass(frozen=True)
class Kit:
    """What a council's members get ten days before their committee."""

    committee_id: int
    council: str
    title: str
    kind: str
    when: str
    place: str
    directions: str = ""
    accessibility: str = ""
    online: str = ""
    organiser: str = ""
    points: tuple[Point, ...] = ()
    as_received: str = ""  # an agenda that was received as one text
    words: tuple[Word, ...] = ()
    papers: tuple[Paper, ...] = ()
    last_title: str = ""  # « Comité de pilotage du jeudi 3 septembre 2026 »
    decisions: tuple[str, ...] = ()
    open: tuple[Asked, ...] = ()
    answered: tuple[Asked, ...] = ()
    to_ask: tuple[str, ...] = ()
    preparation: str = ""  # « mardi 1er décembre 2026 à 18 h, maison de quartier »
    organisation: str = ""
    reach: str = ""

    @property
    def is_bare(self) -> bool:
        """Nothing is known but when and where."""
        return not (self.points or self.as_received or self.papers or self.decisions or self.open or self.answered)


@dataclass(frozen=True)
class Shelf:
    """What kits take from the base: read once for many."""

    glossary: "Glossary"
    to_ask: tuple[str, ...]


def shelf(session: Session) -> Shelf:
    """The published glossary, and the questions of the entries about meetings."""
    return Shelf(glossary(session), _to_ask(session))


def of(
    session: Session,
    office: Office,
    committee: Committee,
    council_id: int | None,
    now: datetime,
    base: Shelf | None = None,
) -> Kit:
    """The kit of this committee for this council, as it stands now; `base` where many are made."""
    assert committee.id is not None
    items, documents, said = _said(session, committee)
    last = last_before(session, committee, council_id)
    base = base or shelf(session)
    return Kit(
        committee_id=committee.id,
        council=_council_name(session, council_id),
        title=committee.title,
        kind=committee.kind,
        when=office.when(committee.starts_at),
        place=committee.place.rstrip(". ") or TO_CONFIRM,
        directions=committee.directions,
        accessibility=committee.accessibility,
        online=committee.online,
        organiser=committee.organiser,
        points=tuple(Point(item.received, item.plain) for item in items),
        as_received="" if items else committee.agenda,
        words=words_in(said, base.glossary),
        papers=tuple(Paper(each.title, each.purpose, each.url) for each in documents),
        last_title=f"{last.title}, {office.day(last.starts_at)}" if last else "",
        decisions=_decisions(session, last, council_id) if last else (),
        open=_asked(session, council_id, None),
        answered=_asked(session, council_id, last.starts_at if last else now - timedelta(days=365)),
        to_ask=worth_asking(base.to_ask, said),
        preparation=_preparation(session, office, committee.id),
        organisation=office.organisation,
        reach=office.reach,
    )


def words_of(session: Session, committee: Committee, base: "Glossary | None" = None) -> tuple[Word, ...]:
    """The glossary's words that this committee's agenda and documents use: those of its kit."""
    return words_in(_said(session, committee)[2], glossary(session) if base is None else base)


def _said(session: Session, committee: Committee) -> tuple[list[AgendaItem], list[CommitteeDocument], str]:
    """The agenda, the documents, and all that can be read in both."""
    assert committee.id is not None
    items = agenda.items_of(session, [committee.id]).get(committee.id, [])
    documents = agenda.documents_of(session, [committee.id]).get(committee.id, [])
    texts = agenda.texts_of(session, [each.file_id for each in documents if each.file_id])
    said = "\n".join(
        [item.plain or item.received for item in items]
        + [committee.agenda if not items else ""]
        + [each.title for each in documents]
        + list(texts.values())
    )
    return items, documents, said


def _council_name(session: Session, council_id: int | None) -> str:
    from channels.directory import Council

    council = session.get(Council, council_id) if council_id else None
    return council.name if council else ""


def last_before(session: Session, committee: Committee, council_id: int | None) -> Committee | None:
    """The council's committee of the same kind before this one."""
    query = select(Committee).where(
        Committee.kind == committee.kind, Committee.starts_at < committee.starts_at, Committee.state != CANCELLED
    )
    if council_id is not None:
        theirs = select(CommitteeCouncil.committee_id).where(CommitteeCouncil.council_id == council_id)
        query = query.where(col(Committee.id).in_(theirs))
    return session.exec(query.order_by(col(Committee.starts_at).desc()).limit(1)).first()


def _decisions(session: Session, last: Committee, council_id: int | None) -> tuple[str, ...]:
    assert last.id is not None
    found = agenda.decisions_of(session, last.id)
    return tuple(each.text for each in found if each.council_id in (None, council_id) or council_id is None)


def _asked(session: Session, council_id: int | None, since: datetime | None) -> tuple[Asked, ...]:
    """What the council asked about its committees: what waits, or what was answered since.

    Only what was asked about a meeting: what someone asked for themselves is nobody else's to read.
    """
    from escalation import tickets

    if council_id is None:
        return ()
    query = select(Ticket).where(
        Ticket.council_id == council_id,
        col(Ticket.committee_id).is_not(None),
        col(Ticket.kind).in_(tickets.ABOUT_MEETINGS),
        ~col(Ticket.question).startswith("("),  # nothing was asked yet
    )
    if since is None:
        query = query.where(Ticket.state == "open")
    else:
        query = query.where(
            Ticket.state != "open", col(Ticket.answered_at).is_not(None), col(Ticket.answered_at) >= since
        )
    found = []
    for ticket in session.exec(query.order_by(col(Ticket.id).desc()).limit(MOST_QUESTIONS)).all():
        assert ticket.id is not None
        sent = [reply.text for reply in tickets.replies(session, ticket.id) if reply.state == "sent"]
        found.append(Asked(ticket.id, _cut(ticket.question, 240), _cut(sent[-1], 400) if sent and since else ""))
    return tuple(reversed(found))


def _preparation(session: Session, office: Office, committee_id: int) -> str:
    row = session.get(Preparation, committee_id)
    meeting = session.get(Committee, row.meeting_id) if row and row.meeting_id else None
    if meeting is None or meeting.state == CANCELLED:
        return ""
    return office.when(meeting.starts_at) + (f", {meeting.place}" if meeting.place else "")


def _cut(text: str, most: int) -> str:
    words = " ".join(text.split())
    return words if len(words) <= most else words[: most - 3].rsplit(" ", 1)[0] + "..."


# --- words of the trade -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Term:
    """One entry of the glossary, by the folded words under which it is met in a text."""

    word: Word
    forms: tuple[tuple[str, ...], ...]
    acronyms: tuple[str, ...] = ()


Glossary = tuple[Term, ...]
ARTICLES = ("un", "une", "le", "la", "les", "l", "des", "du")


def glossary(session: Session) -> Glossary:
    """The published glossary, ready to be met in texts."""
    rows = session.execute(
        sa.select(col(entries.VersionRow.id), col(entries.VersionRow.body))
        .join(entries.EntryRow, col(entries.EntryRow.version_id) == col(entries.VersionRow.id))
        .where(col(entries.EntryRow.state) == "published", col(entries.EntryRow.kind) == "glossary")
        .order_by(col(entries.EntryRow.slug))
    ).all()
    return tuple(_term(id, body["title"], tuple(body.get("aliases", ())), body["answer"]) for id, body in rows)


@lru_cache(maxsize=512)
def _term(_version: int, title: str, aliases: tuple[str, ...], answer: str) -> Term:
    """« Atelier santé ville (ASV) » is met as « atelier santé ville » and as « ASV »."""
    head = re.sub(r"\([^)]*\)", " ", re.split(r"[:,]", title)[0]).strip()
    acronyms = tuple(dict.fromkeys(re.findall(r"\b[A-Z][A-Z0-9]{1,7}\b", title)))
    forms = []
    for name in (head, *aliases):
        words = french.words(name)
        while words and words[0] in ARTICLES:
            words = words[1:]
        if words and (len(words) > 1 or len(words[0]) > 3) and name.strip() not in acronyms:
            forms.append(tuple(words))
    return Term(Word(title, first_sentence(answer)), tuple(forms), acronyms)


def first_sentence(text: str) -> str:
    """What an answer says first, without its Markdown."""
    flat = " ".join(text.split("\n\n")[0].replace("**", "").split())
    found = re.match(r".+?[.!?](?=\s|$)", flat)
    return found.group() if found else flat


def words_in(text: str, base: Glossary, most: int = MOST_WORDS) -> tuple[Word, ...]:
    """The glossary's words that a text uses, in the order in which they come; acronyms only in capitals."""
    tokens = french.words(text)
    places: dict[str, list[int]] = {}
    for place, token in enumerate(tokens):
        places.setdefault(token, []).append(place)
    capitals = set(re.findall(r"\b[A-Z][A-Z0-9]{1,7}\b", text))
    found: list[tuple[int, Word]] = []
    for term in base:
        met = [
            place
            for form in term.forms
            for place in places.get(form[0], ())
            if tuple(tokens[place : place + len(form)]) == form
        ]
        met += [places.get(acronym.lower(), [len(tokens)])[0] for acronym in term.acronyms if acronym in capitals]
        if met:
            found.append((min(met), term.word))
    return tuple(word for _, word in sorted(found, key=lambda each: each[0])[:most])


QUESTION = re.compile(
    r"(?:Qui|Que|Qu'|Quel|Quelle|Quels|Quelles|Pourquoi|Comment|Combien|Où|Quand|Est-ce)[^.!?:;]{8,160}\?"
)


def _to_ask(session: Session) -> tuple[str, ...]:
    """All the questions to ask at a meeting, from the base's entries about meetings."""
    rows = session.execute(
        sa.select(col(entries.VersionRow.body))
        .join(entries.EntryRow, col(entries.EntryRow.version_id) == col(entries.VersionRow.id))
        .where(col(entries.EntryRow.state) == "published", col(entries.EntryRow.kind) == "meeting")
        .order_by(col(entries.EntryRow.slug))
    ).scalars()
    return tuple(dict.fromkeys(question for body in rows for question in QUESTION.findall(_flat(body["answer"]))))


def worth_asking(questions: Sequence[str], text: str) -> tuple[str, ...]:
    """Those of these questions that are the closest to a text, the closest first."""
    about = set(french.content(french.words(text)))
    scored = sorted(enumerate(questions), key=lambda each: (-len(about & _words(each[1])), each[0]))
    return tuple(question for _, question in scored[:MOST_TO_ASK])


@lru_cache(maxsize=512)
def _words(question: str) -> frozenset[str]:
    return frozenset(french.words(question))


def _flat(text: str) -> str:
    return " ".join(text.replace("**", "").replace("’", "'").split())


# --- as text ----------------------------------------------------------------------------------------------------------


def as_text(kit: Kit, most_points: int = 8) -> str:
    """The kit in a message: what was decided last, the agenda, the words, the papers, the council's questions."""
    parts = []
    if kit.decisions:
        parts.append(_block(f"Décidé la dernière fois ({kit.last_title}) :", kit.decisions))
    if kit.points:
        lines = [point.said for point in kit.points[:most_points]]
        lines += ["la suite est dans le dossier joint"] if len(kit.points) > most_points else []
        parts.append(_block("À l'ordre du jour :", lines))
    elif kit.as_received:
        parts.append(f"À préparer : {kit.as_received}")
    if kit.words:
        parts.append(_block("Les mots à connaître :", [f"{word.term} : {word.meaning}" for word in kit.words[:4]]))
    if kit.papers:
        parts.append(_block("Les documents :", [_paper(each) for each in kit.papers]))
    if kit.open:
        parts.append(_block("Vos questions en attente :", [each.question for each in kit.open]))
    if kit.answered:
        parts.append(
            _block("Vos questions, et les réponses :", [f"{each.question} {each.answer}" for each in kit.answered])
        )
    if kit.to_ask and not kit.is_bare:
        parts.append(_block("Des questions à poser :", kit.to_ask))
    return "\n\n".join(parts)


def _block(head: str, lines: Sequence[str]) -> str:
    return "\n".join([head, *(f"- {line}" for line in lines)])


def _paper(each: Paper) -> str:
    return each.title + (f" : {each.purpose}" if each.purpose else "") + (f" ({each.url})" if each.url else "")


def practical(kit: Kit) -> str:
    """How to get there and how to join."""
    lines = [
        f"Pour venir : {kit.directions}" if kit.directions else "",
        f"Accès : {kit.accessibility}" if kit.accessibility else "",
        f"En ligne : {kit.online}" if kit.online else "",
    ]
    return "\n".join(line for line in lines if line)


def to_read_aloud(kit: Kit, person: str) -> str:
    """What the officer reads over the phone: short sentences, the question last."""
    lines = [f"Bonjour {person}. Je vous appelle pour « {kit.title} ».", f"C'est {kit.when}. Lieu : {kit.place}."]
    if kit.directions:
        lines.append(f"Pour venir : {kit.directions}")
    if kit.decisions:
        lines.append("La dernière fois, voici ce qui a été décidé. " + " ".join(_ended(each) for each in kit.decisions))
    if kit.points:
        lines.append("On y parlera de ceci. " + " ".join(_ended(point.said) for point in kit.points))
    elif kit.as_received:
        lines.append(f"L'ordre du jour : {_ended(' '.join(kit.as_received.split()))}")
    lines += [f"{word.term}. {word.meaning}" for word in kit.words[:3]]
    if kit.preparation:
        lines.append(f"Une réunion de préparation a lieu {kit.preparation}.")
    lines.append("Est-ce que vous venez ? Voulez-vous préparer quelque chose avec nous ?")
    return "\n".join(lines)


def _ended(text: str) -> str:
    return text if text.rstrip().endswith((".", "!", "?")) else text.rstrip() + "."
