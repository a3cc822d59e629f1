"""From a ticket to an entry: the question made everybody's, who else asked it, and what to write next."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from bot import audit
from bot.conversations import Question
from bot.desk import drafting, meetings
from bot.desk.erasing import ERASED
from bot.office import Office
from channels.directory import Person
from escalation import tickets
from escalation.accounts import Who
from escalation.officers import Officer
from escalation.tickets import Ticket
from knowledge import drafts, entries, french, general, seed, themes, understanding
from knowledge.entries import VALID, Content, Source
from knowledge.general import General, Known, generalise
from knowledge.matching import Match
from knowledge.pages.desk import FromTicket, Near, Outcome, ToWrite, Wording, Writing
from knowledge.themes import Vector
from scheduler.preparation import Preparation

LOOK_BACK = timedelta(days=180)  # how long ago a question may have been asked to tell what to write
TAKEN = 300  # the newest questions that are looked at
LEAST_NEAR = 0.01  # of the matcher's confidence: below, an entry has nothing to do with it
MOST_WORDINGS = 12  # ways of asking that are proposed
SHORT, LONG = 2, 60  # words of a way of asking
TITLE_MOST = 90  # characters


@dataclass(frozen=True)
class Asked:
    """A question that no entry answered."""

    text: str
    general: General
    at: datetime
    ticket_id: int | None
    question_id: int | None


@dataclass(frozen=True)
class Gathered:
    """What the database knows of a ticket on its way to being an entry; what the matcher knows comes later."""

    ticket_id: int
    question: General
    answer: General | None
    own: tuple[General, ...]  # the question, and what the asker added
    others: tuple[Asked, ...]
    titles: dict[str, tuple[str, str]]  # slug: title, answer
    already: tuple[str, str] | None
    blank: Content


def known_names(session: Session) -> list[str]:
    """Whoever we know by name: members, partners, officers."""
    people = session.execute(sa.select(col(Person.name)).where(col(Person.name) != ERASED)).scalars()
    return [*people, *session.execute(sa.select(col(Officer.name))).scalars()]


@dataclass(frozen=True)
class _Base:
    """What is compared with the entries as they stand."""

    asked: frozenset[str]  # the phrasings and titles
    public: frozenset[str]  # numbers and addresses that are told to everybody


class _Remembered:
    """What hardly changes from one page to the next, made once: names made ready, and the base as it stands."""

    names: tuple[list[str], Known] = ([], Known())
    base: tuple[str, _Base] = ("", _Base(frozenset(), frozenset()))


def _known(session: Session) -> Known:
    names = known_names(session)
    if _Remembered.names[0] != names:
        _Remembered.names = names, Known.of(names)
    return _Remembered.names[1]


def _base(session: Session) -> _Base:
    mark = entries.base_fingerprint(session, date.min)
    kept, found = _Remembered.base
    if kept != mark:
        contents = [each.content for each in entries.published(session, date.min)]
        found = _Base(
            frozenset(drafting.asked_key(text) for each in contents for text in (*each.phrasings, each.title)),
            frozenset(each for content in contents for each in general.reachable(content.answer)),
        )
        _Remembered.base = mark, found
    return found


def _public(session: Session, office: Office) -> set[str]:
    """Numbers and addresses that the base, or we, tell everybody."""
    return {*_base(session).public, *general.reachable(office.phone)}


def _the(session: Session, who: Who, ticket_id: int) -> Ticket:
    ticket = session.get(Ticket, ticket_id)
    if ticket is None or not who.sees(ticket.council_id):
        raise LookupError(ticket_id)
    return ticket


def gather(session: Session, office: Office, who: Who, ticket_id: int, now: datetime) -> Gathered:
    """A ticket, what was answered, and the questions beside it; LookupError if it is not theirs to see."""
    ticket = _the(session, who, ticket_id)
    known, public = _known(session), _public(session, office)
    today = now.astimezone(office.zone).date()
    own = [ticket.question, *(each.text for each in tickets.messages(session, ticket_id))]
    mine = [generalise(text, known, public) for text in own if text != ERASED]
    told = [piece.words for each in mine for piece in each.struck if piece.struck == general.NAME]
    if told:  # they said their own name
        known = Known.of([*known_names(session), *told])
    answered = [each for each in tickets.replies(session, ticket_id) if each.state == "sent" and each.text != ERASED]
    done = drafts.of_ticket(session, ticket_id)
    standing = entries.current(session, done) if done else None
    return Gathered(
        ticket_id,
        generalise(ticket.question, known, public),
        generalise(answered[-1].text, known, public) if answered else None,
        tuple(mine),
        tuple(each for each in unanswered(session, who, now, known) if each.ticket_id != ticket_id),
        {each.content.slug: (each.content.title, each.content.answer) for each in entries.published(session, today)},
        (done.slug, standing.body["title"]) if done and standing else None,
        drafting.blank(office, today),
    )


def unanswered(session: Session, who: Who, now: datetime, names: Known) -> list[Asked]:
    """The newest questions that no entry answered, of what this officer may see; each made everybody's.

    Passed on, found useless, or choices of which none was taken; not what an entry was made of since, nor calls for
    help: those are for people alone.
    """
    made = sa.select(col(drafts.EntryDraft.ticket_id)).where(
        col(drafts.EntryDraft.state) == "published", col(drafts.EntryDraft.ticket_id).is_not(None)
    )
    theirs: Any = sa.true()
    if who.councils is not None:
        theirs = sa.or_(col(Question.council_id).is_(None), col(Question.council_id).in_(who.councils))
    rows = session.exec(
        select(Question)
        .where(
            col(Question.asked_at) >= now - LOOK_BACK,
            sa.or_(col(Question.decision).in_(("escalate", "clarify")), col(Question.useful).is_(False)),
            col(Question.text) != ERASED,
            theirs,
            sa.or_(col(Question.ticket_id).is_(None), col(Question.ticket_id).not_in(made)),
        )
        .order_by(col(Question.id).desc())
        .limit(TAKEN)
    ).all()
    asked_already = _base(session).asked
    found = []
    for each in rows:
        mine, wording, key = _read(each.text, names)
        if key and key not in asked_already:
            found.append(Asked(wording, mine, each.asked_at, each.ticket_id, each.id))
    return found


@lru_cache(maxsize=4 * TAKEN)
def _read(text: str, names: Known) -> tuple[General, str, str]:
    """A question made everybody's, how it may be asked, and what it compares by: empty when it is no question."""
    mine = generalise(text, names)
    wording = phrasing(mine)
    return mine, wording, drafting.asked_key(wording) if _is_question(wording) else ""


def phrasing(found: General) -> str:
    """A generalised text as a way of asking: one line, not too long."""
    sentences = re.split(r"(?<=[.!?])\s+", " ".join(found.text.split()))
    if any("?" in each and general.LEFT_OUT not in each for each in sentences):  # the rest was about this person
        sentences = [each for each in sentences if general.LEFT_OUT not in each]
    line = " ".join(" ".join(sentences).replace(general.LEFT_OUT, " ").split()).strip(" ,;:-")
    words = line.split()
    return line if len(words) <= LONG else " ".join(words[:LONG])


def _is_question(text: str) -> bool:
    meant = french.content(french.plain(text))
    return (
        len(text.split()) >= SHORT and bool(meant) and not text.startswith("(") and understanding.language(text) == "fr"
    )


def view(
    found: Gathered, match: Match | None, office: Office, today: date, vectors: Callable[[str], Vector] | None
) -> FromTicket:
    """The page of a ticket on its way to being an entry. Pure: slow with many questions, so off the event loop.

    `vectors` tells how the matcher sees a text; None while there is no index.
    """
    wordings = _wordings(found, vectors)
    near = _near(match, found.titles)
    title = _title(found)
    answer = found.answer.text if found.answer else ""
    asks = understanding.asks(found.question.text)
    content = replace(
        found.blank,
        title=title,
        answer=answer,
        sms=drafting.shortened(answer),
        phrasings=tuple(each.text for each in wordings),
        status=VALID,
        answers=(asks,) if asks in seed.ANSWERS else (),
        sources=(Source(f"Réponse de l'équipe {office.organisation}", "", office.organisation, today.isoformat()),),
    )
    return FromTicket(
        found.ticket_id,
        found.question,
        found.answer,
        wordings,
        near,
        vectors is not None,
        Writing(content, ticket_id=found.ticket_id),
        found.already,
    )


def _wordings(found: Gathered, vectors: Callable[[str], Vector] | None) -> tuple[Wording, ...]:
    """How all who asked it put it: this asker first, then those who asked the same."""
    proposed: dict[str, Wording] = {}
    for mine in found.own:
        text = phrasing(mine)
        if _is_question(text):
            proposed.setdefault(drafting.asked_key(text), Wording(text, found.ticket_id, mine, mine=True))
    if vectors is not None and proposed:
        own = [vectors(each.text) for each in proposed.values()]
        theirs = [vectors(each.text) for each in found.others]
        closest = dict.fromkeys(place for each in own for place in themes.close_to(each, theirs))
        for place in closest:
            other = found.others[place]
            key = drafting.asked_key(other.text)
            proposed.setdefault(key, Wording(other.text, other.ticket_id, other.general, mine=False))
    return tuple(proposed.values())[:MOST_WORDINGS]


def _title(found: Gathered) -> str:
    """The question's own words, short enough for a title."""
    questions = understanding.questions(found.question.text) or (found.question.text,)
    line = phrasing(General(questions[0], ()))
    if drafting.asked_key(line) not in drafting.asked_key(found.question.text):
        line = phrasing(found.question)  # the matcher's view of a question spells it otherwise
    if len(line) > TITLE_MOST:
        line = line[:TITLE_MOST].rsplit(" ", 1)[0].rstrip(",;:") + "…"
    return line[:1].upper() + line[1:]


def _near(match: Match | None, titles: dict[str, tuple[str, str]]) -> tuple[Near, ...]:
    if match is None:
        return ()
    return tuple(
        Near(each.slug, *titles[each.slug], round(100 * each.confidence))
        for each in match.candidates[:3]
        if each.slug in titles and each.confidence >= LEAST_NEAR
    )


def from_question(session: Session, office: Office, who: Who, question_id: int, now: datetime) -> Writing:
    """A new entry begun from a question that has no ticket; LookupError if it is not theirs to see."""
    question = session.get(Question, question_id)
    if question is None or not who.sees(question.council_id) or question.text == ERASED:
        raise LookupError(question_id)
    today = now.astimezone(office.zone).date()
    text = phrasing(generalise(question.text, _known(session)))
    return Writing(replace(drafting.blank(office, today), title=text[:TITLE_MOST], phrasings=(text,)))


def from_preparation(session: Session, office: Office, who: Who, committee_id: int, now: datetime) -> Writing:
    """A new entry begun from the notes of a meeting's preparation, without names; LookupError if not theirs to see."""
    row = session.get(Preparation, committee_id) if meetings.sees(session, who, committee_id) else None
    if row is None or not row.notes:
        raise LookupError(committee_id)
    today = now.astimezone(office.zone).date()
    text = generalise(row.notes, _known(session), _public(session, office)).text
    return Writing(replace(drafting.blank(office, today), kind="meeting", answer=text))


def add_phrasings(
    session: Session, office: Office, who: Who, ticket_id: int, slug: str, phrasings: Sequence[str], now: datetime
) -> Outcome:
    """The ticket's question becomes a way of asking for an entry that stands: a new version of it."""
    ticket = _the(session, who, ticket_id)
    entry = entries.find(session, slug)
    standing = entries.current(session, entry) if entry and entry.state == "published" else None
    if standing is None:
        raise LookupError(slug)
    content = entries.as_content(standing.body)
    known = {drafting.asked_key(text) for text in content.phrasings}
    new = [text for text in dict.fromkeys(phrasings) if drafting.asked_key(text) not in known and french.plain(text)]
    if not new:
        if drafts.of_ticket(session, ticket_id) is None:
            drafting.remember_ticket(session, who, content, ticket_id, now)
        return Outcome("same", slug)
    more = replace(content, phrasings=(*content.phrasings, *new))
    today = now.astimezone(office.zone).date()
    errors = {k: v for k, v in drafting.checked(session, office, more, today).errors.items() if k == "phrasings"}
    if errors:
        return Outcome("wrong", slug, errors)
    entries.put(session, more, f"officer:{who.id}", f"façon de demander, question n° {ticket.id}", now)
    drafting.remember_ticket(session, who, more, ticket_id, now)
    audit.append(session, now, f"officer:{who.id}", "phrasing added", f"entry:{slug}", ticket.council_id)
    return Outcome("published", slug)


def gather_unanswered(
    session: Session, office: Office, who: Who, now: datetime
) -> tuple[list[Asked], dict[str, tuple[str, str]]]:
    """What no entry answered, and the entries by slug: title and answer."""
    today = now.astimezone(office.zone).date()
    titles = {
        each.content.slug: (each.content.title, each.content.answer) for each in entries.published(session, today)
    }
    return unanswered(session, who, now, _known(session)), titles


def to_write(
    found: Sequence[Asked],
    nearest: Callable[[str], Match | None],
    titles: dict[str, tuple[str, str]],
    vectors: Callable[[str], Vector],
) -> tuple[ToWrite, ...]:
    """Questions without an entry by theme, what was asked most first. Pure."""
    grouped = []
    for theme in themes.themes([vectors(each.text) for each in found]):
        members = [found[place] for place in theme.members]
        texts = tuple(dict.fromkeys(each.text for each in members))
        with_ticket = next((each for each in members if each.ticket_id), None)
        near = _near(nearest(members[0].text), titles)
        grouped.append(
            ToWrite(
                texts,
                len(members),
                max(each.at for each in members),
                with_ticket.ticket_id if with_ticket else None,
                members[0].question_id,
                near[0] if near else None,
            )
        )
    return tuple(sorted(grouped, key=lambda each: (-each.count, -each.last.timestamp())))
