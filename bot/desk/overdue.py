"""Deadlines that come near or are over: told to the deputy, then the administrator, and to who asked."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from bot import audit
from bot.desk import hours, letters, partners
from bot.office import Office
from channels.directory import AddressRow
from escalation import answering, officers
from escalation.officers import Officer
from escalation.tickets import Ticket

NEAR = timedelta(hours=4)  # of opening hours left
FORGOTTEN = timedelta(hours=4)  # of opening hours after the promise: the administrator hears
LOOK_AHEAD = timedelta(days=5)  # calendar days that may hold the last opening hours
SOON, OVER, GRAVE = 1, 2, 3
PROMISED = ("question", "human", "call", "privacy")  # kinds of tickets whose askers were promised an answer


def deadlines(session: Session, office: Office, now: datetime, limit: int = 50) -> bool:
    """Tell of each open ticket how its deadline stands, each step once. True when there is more to tell."""
    closed = hours.closed(session, office, now - timedelta(days=30))
    told, after = 0, 0
    while True:
        rows = session.exec(
            select(Ticket)
            .where(
                sa.text("tickets.state = 'open'"),
                col(Ticket.promised_at) <= now + LOOK_AHEAD,
                Ticket.warned < GRAVE,
                col(Ticket.id) > after,
                col(Ticket.kind).in_(PROMISED),
            )
            .order_by(col(Ticket.id))
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()
        for ticket in rows:
            step = _step(office, ticket, closed, now)
            if step > ticket.warned:
                _tell(session, office, ticket, step, now)
                told += 1
            after = ticket.id or after
        if len(rows) < limit or told >= limit:
            return told >= limit


def _step(office: Office, ticket: Ticket, days: frozenset[date], now: datetime) -> int:
    if ticket.promised_at > now:
        return SOON if hours.left(office, days, now, ticket.promised_at) <= NEAR else 0
    since = hours.left(office, days, ticket.promised_at, now)
    return GRAVE if since >= FORGOTTEN else OVER


def _tell(session: Session, office: Office, ticket: Ticket, step: int, now: datetime) -> None:
    roles = {SOON: ("deputy",), OVER: ("deputy", "officer"), GRAVE: ("administrator",)}[step]
    what = {
        SOON: "Cette question attend encore, et sa réponse est promise pour bientôt.",
        OVER: "La réponse promise à cette question est en retard.",
        GRAVE: "Cette question reste sans réponse, après le retard signalé à la suppléance.",
    }[step]
    headline = {SOON: "Réponse promise pour bientôt", OVER: "Réponse en retard", GRAVE: "Toujours sans réponse"}[step]
    held = answering.holders(session, [ticket.id or 0], now).get(ticket.id or 0, ())
    names = ", ".join(each.name for each in held if each.taken)
    for each in whom(session, office, ticket.council_id, roles, now):
        letters.to_officer(
            session, office, each, "officer_due",
            f"ticket:{ticket.id}:due:{ticket.promised_at:%y%m%d}:{step}:{each.id}", now, ticket,
            headline=headline,
            what=what,
            asker=letters.asker_in_words(session, ticket.address_id, ""),
            question=ticket.question,
            promised=office.when(ticket.promised_at),
            held=f"S'en occupe : {names}." if names else "Personne ne s'en occupe encore.",
        )  # fmt: skip
    if ticket.warned < OVER <= step:
        _tell_asker(session, office, ticket, names, now)
    ticket.warned = step
    session.add(ticket)
    act = {SOON: "deadline near", OVER: "deadline missed", GRAVE: "deadline missed, administrator told"}[step]
    audit.append(session, now, "program", act, f"ticket:{ticket.id}", ticket.council_id)


def whom(
    session: Session, office: Office, council_id: int | None, roles: Sequence[str], now: datetime
) -> Sequence[Officer]:
    """Those with one of these roles who look after the council; nobody of these: all who look after it, whatever role.

    The reader, who may not answer, is never among them.
    """
    found = [each for each in officers.to_notify(session, council_id, office.date_of(now)) if each.role in roles]
    if found:
        return found
    anyone = session.exec(
        select(Officer).where(col(Officer.active).is_(True), col(Officer.role).in_(roles)).order_by(col(Officer.id))
    ).all()
    return anyone or officers.to_notify(session, council_id, office.date_of(now))


def _tell_asker(session: Session, office: Office, ticket: Ticket, names: str, now: datetime) -> None:
    """That the answer is late, and why; a call to make has nowhere to be written to."""
    row = session.get(AddressRow, ticket.address_id)
    if row is None or row.channel == "phone":
        return
    awaited = partners.awaited_names(session, ticket.id or 0)
    if awaited:
        reason = f"nous attendons la réponse d'un partenaire ({awaited})"
    elif names:
        reason = "une personne de l'équipe y travaille, et cela demande plus de temps que prévu"
    else:
        reason = "l'équipe a reçu plus de questions que prévu"
    letters.to_asker(
        session, office, ticket, "late", f"ticket:{ticket.id}:late:{ticket.promised_at:%y%m%d}", now,
        promised=office.when(ticket.promised_at),
        reason=reason,
        urgent=f"Si c'est urgent : {office.phone}." if office.phone else "",
    )  # fmt: skip
