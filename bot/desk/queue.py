"""The queue: what waits for a person, by what is urgent, for the officer who looks."""

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from bot.desk import hours
from bot.office import Office
from channels import manners
from channels.directory import AddressRow, Council, Person
from escalation import answering, partners, tickets
from escalation.accounts import Who
from escalation.answering import TicketClaim
from escalation.console.views import THEMES, Filters, Queue, Queued, Recallable
from escalation.officers import Officer
from escalation.partners import PartnerRequest
from escalation.tickets import Ticket
from scheduler.committees import Committee

A_PAGE = 50
NEAR = timedelta(hours=4)  # of opening hours
EXCERPT = 240  # characters


def look(session: Session, office: Office, who: Who, filters: Filters, now: datetime) -> Queue:
    """A page of the queue, with the counts of its tabs and what its filters can be."""
    asked = _narrowed(session, _seen_by(_view(_base(), filters.view, now), who), who, filters, now)
    total = session.execute(sa.select(sa.func.count()).select_from(asked.subquery())).scalar_one()
    last = max(1, -(-total // A_PAGE))
    page = min(filters.page, last)
    rows = rows_of(session, office, _ordered(asked, filters.view).limit(A_PAGE).offset((page - 1) * A_PAGE), now)
    mine = [
        Recallable(each.id or 0, each.ticket_id, each.text, each.due_at or now)
        for each in tickets.recallable(session, now, f"officer:{who.id}")
    ]
    return Queue(rows, total, last, _counts(session, who, now), mine, *_choices(session, who))


def glimpse(session: Session, office: Office, who: Who, filters: Filters, now: datetime) -> Queue:
    """`look`, without what only the whole page needs: asked every few seconds by every open page."""
    asked = _narrowed(session, _seen_by(_view(_base(), filters.view, now), who), who, filters, now)
    total = session.execute(sa.select(sa.func.count()).select_from(asked.subquery())).scalar_one()
    page = min(filters.page, max(1, -(-total // A_PAGE)))
    rows = rows_of(session, office, _ordered(asked, filters.view).limit(A_PAGE).offset((page - 1) * A_PAGE), now)
    return Queue(rows, total, max(1, -(-total // A_PAGE)), {})


def _base() -> Any:
    return (
        sa.select(
            col(Ticket.id), col(Ticket.question), col(Ticket.kind), col(Ticket.state), col(Ticket.theme),
            col(Ticket.why), col(Ticket.opened_at), col(Ticket.promised_at), col(Ticket.answered_at),
            col(Ticket.urgent), col(AddressRow.channel), col(Person.name), col(Council.name).label("council"),
            col(Ticket.candidates), col(Committee.title).label("meeting"), col(Committee.starts_at).label("meeting_at"),
        )
        .join(AddressRow, col(AddressRow.id) == col(Ticket.address_id))
        .outerjoin(Person, col(Person.id) == col(AddressRow.person_id))
        .outerjoin(Council, col(Council.id) == col(Ticket.council_id))
        .outerjoin(Committee, col(Committee.id) == col(Ticket.committee_id))
    )  # fmt: skip


def _awaited() -> Any:
    return (
        sa.exists()
        .where(col(PartnerRequest.ticket_id) == col(Ticket.id), sa.text("partner_requests.state = 'waiting'"))
        .correlate(Ticket)
    )


OPEN = sa.text("tickets.state = 'open'")  # written out, so that the partial index is used


def _view(query: Any, view: str, now: datetime) -> Any:
    if view == "repondues":
        return query.where(col(Ticket.state) == "answered")
    if view == "fermees":
        return query.where(col(Ticket.state) == "closed")
    query = query.where(OPEN)
    if view == "retard":
        return query.where(col(Ticket.promised_at) < now)
    if view == "partenaire":
        return query.where(_awaited())
    if view == "echecs":
        return query.where(col(Ticket.kind) == "undelivered")
    return query


def _ordered(query: Any, view: str) -> Any:
    if view == "repondues":
        return query.order_by(col(Ticket.answered_at).desc(), col(Ticket.id).desc())
    if view == "fermees":
        return query.order_by(col(Ticket.id).desc())
    return query.order_by(col(Ticket.urgent).desc(), tickets.for_a_meeting(), col(Ticket.promised_at), col(Ticket.id))


def _seen_by(query: Any, who: Who) -> Any:
    if who.councils is None:
        return query
    return query.where(sa.or_(col(Ticket.council_id).is_(None), col(Ticket.council_id).in_(who.councils)))


def _narrowed(session: Session, query: Any, who: Who, filters: Filters, now: datetime) -> Any:
    if filters.council == "aucun":
        query = query.where(col(Ticket.council_id).is_(None))
    elif filters.council.isascii() and filters.council.isdigit() and len(filters.council) < 10:
        query = query.where(col(Ticket.council_id) == int(filters.council))
    if filters.theme:
        query = query.where(col(Ticket.theme) == ("" if filters.theme == "aucun" else filters.theme))
    if filters.channel:
        query = query.where(col(AddressRow.channel) == filters.channel)
    if filters.who:
        at_it = (
            sa.exists()
            .where(col(TicketClaim.ticket_id) == col(Ticket.id), col(TicketClaim.lapses_at) > now)
            .correlate(Ticket)
        )
        if filters.who == "personne":
            query = query.where(~at_it)
        elif filters.who == "moi" or (filters.who.isascii() and filters.who.isdigit() and len(filters.who) < 10):
            number = who.id if filters.who == "moi" else int(filters.who)
            query = query.where(at_it.where(col(TicketClaim.officer_id) == number))
    if filters.q:
        query = query.where(_found(session, filters.q))
    return query


def _found(session: Session, q: str) -> Any:
    """Every word in the question or what was added to it, accents ignored; or the asker's name; or the number."""
    number = re.fullmatch(r"\s*(?:n°\s*)?(\d{1,9})\s*", q)
    if number:
        return col(Ticket.id) == int(number[1])
    words = tickets.fold(q).split()[:8]
    inside = sa.and_(*(col(Ticket.folded).contains(word, autoescape=True) for word in words))
    people = [
        id
        for id, name in session.execute(sa.select(col(Person.id), col(Person.name))).all()
        if all(word in tickets.fold(name) for word in words)
    ]
    return sa.or_(inside, col(AddressRow.person_id).in_(people[:500])) if people else inside


def _counts(session: Session, who: Who, now: datetime) -> dict[str, int]:
    query = _seen_by(
        sa.select(
            sa.func.count(),
            sa.func.count(sa.case((col(Ticket.promised_at) < now, 1))).label("late"),
            sa.func.count(sa.case((_awaited(), 1))).label("awaited"),
            sa.func.count(sa.case((col(Ticket.kind) == "undelivered", 1))).label("lost"),
        )
        .select_from(Ticket)
        .where(OPEN),
        who,
    )
    waiting, late, awaited, lost = session.execute(query).one()
    return {"": waiting, "retard": late, "partenaire": awaited, "echecs": lost}


def _choices(session: Session, who: Who) -> tuple[list[tuple[str, str]], list[tuple[str, str]], list[tuple[str, str]]]:
    used = [each for (each,) in session.execute(sa.select(col(AddressRow.channel)).distinct()).all()]
    officers = session.execute(
        sa.select(col(Officer.id), col(Officer.name))
        .where(col(Officer.active).is_(True), col(Officer.id) != who.id)
        .order_by(col(Officer.name))
    ).all()
    return (
        councils_of(session, who),
        sorted((each, manners(each).label) for each in used),
        [("moi", "moi"), ("personne", "personne encore"), *((str(id), name) for id, name in officers)],
    )


def councils_of(session: Session, who: Who) -> list[tuple[str, str]]:
    """The councils that this officer may see, by name."""
    query = select(Council).order_by(col(Council.name))
    if who.councils is not None:
        query = query.where(col(Council.id).in_(who.councils))
    return [(str(each.id), each.name) for each in session.exec(query).all()]


def rows_of(session: Session, office: Office, query: Any, now: datetime) -> Sequence[Queued]:
    """The tickets of a query made from `_base`, as the list shows them; a fixed number of statements."""
    found = session.execute(query).all()
    ids = [row[0] for row in found]
    at_it = answering.holders(session, ids, now) if ids else {}
    awaited: dict[int, list[str]] = {}
    if ids:
        for ticket_id, name in session.execute(
            sa.select(col(PartnerRequest.ticket_id), col(PartnerRequest.name)).where(
                col(PartnerRequest.ticket_id).in_(ids), col(PartnerRequest.state) == partners.WAITING
            )
        ):
            awaited.setdefault(ticket_id, []).append(name)
    closed_days = hours.closed(session, office, now)
    return [
        _row(office, row, now, closed_days, at_it.get(row[0], ()), ", ".join(awaited.get(row[0], ()))) for row in found
    ]


def _row(office: Office, row: Any, now: datetime, closed_days: frozenset[date], at_it: Any, partner: str) -> Queued:
    waits = row.state == "open"
    late = waits and row.promised_at < now
    left = hours.left(office, closed_days, now, row.promised_at) if waits and not late else timedelta()
    words = " ".join(row.question.split())
    return Queued(
        row.id, words if len(words) <= EXCERPT else f"{words[:EXCERPT].rsplit(' ', 1)[0]}…", row.kind, row.state,
        row.name or "Une personne", row.council or "", manners(row.channel).label, THEMES.get(row.theme, ""), row.why,
        row.opened_at, row.promised_at, row.answered_at, row.urgent, late, waits and not late and left <= NEAR,
        in_hours(left) if waits and not late else "", at_it, partner,
        f"{row.meeting}, {office.day(row.meeting_at)}" if row.meeting_at else "",
    )  # fmt: skip


def in_hours(span: timedelta) -> str:
    """« 40 min », « 3 h »: opening hours left."""
    minutes = int(span.total_seconds() // 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h"


def some(session: Session, office: Office, who: Who, now: datetime, limit: int) -> Sequence[tuple[Queued, Any]]:
    """The most urgent open questions that this officer sees, each with what the matcher thought of it."""
    query = _seen_by(_base().where(OPEN, col(Ticket.kind).in_(("question", "call"))), who)
    query = _ordered(query, "").limit(limit)
    candidates = {row.id: row.candidates for row in session.execute(query).all()}
    return [(row, candidates.get(row.id, [])) for row in rows_of(session, office, query, now)]
