"""Addresses that take nothing any more: after three messages that came back for good they rest, and it is told."""

from datetime import datetime

from sqlmodel import Session, col, select

from bot import audit
from bot.desk import letters
from bot.office import Office
from bot.say import say
from channels import directory
from channels.directory import AddressRow
from escalation import officers

MOST = 3
RESTS = "Je n'écris plus à cette adresse."
STILL = "Je continue d'y écrire : c'est l'adresse d'une personne de l'équipe. Corrigez-la vite."
RESUME = (
    "Dès que la personne écrit de nouveau, je reprends. Pour reprendre tout de suite : hotline members resume {number}"
)


def came_back(session: Session, office: Office, address_id: int, reason: str, now: datetime) -> None:
    """One message to this address came back for good. The third pauses it, and is told once.

    An officer's own address is never silenced: the others are told.
    """
    row = session.get(AddressRow, address_id, with_for_update=True, populate_existing=True)
    if row is None or row.paused_at is not None:
        return
    row.bounces += 1
    if row.bounces >= MOST:
        if officers.at(session, address_id) is None:
            row.paused_at, row.pause_reason = now, reason[:500]
            audit.append(session, now, "program", "address paused", f"address:{address_id}")
        _tell(session, office, row, reason, now)
        if row.paused_at is None:
            row.bounces = 0
    session.add(row)


def _tell(session: Session, office: Office, row: AddressRow, reason: str, now: datetime) -> None:
    assert row.id is not None
    person = directory.person_at(session, row.id)
    theirs = officers.at(session, row.id)
    others = ""
    if person is not None:
        ways = session.exec(
            select(AddressRow).where(
                AddressRow.person_id == person.id, col(AddressRow.id) != row.id, col(AddressRow.paused_at).is_(None)
            )
        ).all()
        others = ", ".join(dict.fromkeys(letters.channel_name(way.channel) for way in ways))
    who = theirs.name if theirs else letters.asker_in_words(session, row.id, row.channel)
    for each in officers.to_notify(session, person.council_id if person else None, office.date_of(now)):
        for address_id in officers.addresses(session, each):
            to = session.get(AddressRow, address_id)
            if to is None or address_id == row.id:
                continue
            message = say(
                "officer_paused",
                directory.opened(office.vault, to),
                who=who,
                channel=letters.channel_name(row.channel),
                count=row.bounces,
                reason=reason,
                others=f"Autres moyens connus : {others}."
                if others
                else "Je ne connais pas d'autre moyen de la joindre.",
                rest=STILL if theirs else RESTS,
                resume="" if theirs else RESUME.format(number=row.id),
            )
            letters.post(session, office, message, f"paused:{row.id}:{now:%Y%m%d%H%M%S}:{address_id}", to, now)


def heard_again(session: Session, row: AddressRow) -> None:
    """Who writes from an address reads there as well: it is written to again."""
    if row.paused_at is not None or row.bounces:
        row.paused_at, row.pause_reason, row.bounces = None, "", 0
        session.add(row)


def lift(session: Session, address_id: int, author: str, now: datetime) -> bool:
    """An officer has it written to again; False if there is no such address, or it was not paused."""
    row = session.get(AddressRow, address_id)
    if row is None or row.paused_at is None:
        return False
    heard_again(session, row)
    audit.append(session, now, author, "address resumed", f"address:{address_id}")
    return True
