"""An example council with a committee in ten days, to see the hotline live; `remove` takes all of it out."""

from datetime import datetime, time, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from bot.office import Office
from channels import directory
from channels.contract import Address
from channels.directory import AddressRow, Council, Person
from channels.mailbox import OutboxRow
from escalation.tickets import Ticket
from scheduler.committees import Committee, CommitteeCouncil, Reminder, Seat

MEMBERS = (("Awa Exemple", "awa@exemple.invalid"), ("Paul Exemple", "paul@exemple.invalid"))


def add(session: Session, office: Office, now: datetime) -> bool:
    """Make the example; False when it is there."""
    if session.exec(select(Council.id).where(col(Council.example).is_(True))).first() is not None:
        return False
    council = Council(slug="exemple", name="Conseil citoyen (exemple)", city="Nantes", example=True)
    session.add(council)
    session.flush()
    day = now.astimezone(office.zone).date() + timedelta(days=10)
    committee = Committee(
        title="Comité de pilotage (exemple)",
        starts_at=datetime.combine(day, time(18), office.zone),
        place="maison de quartier (exemple)",
        agenda="À préparer : deux questions du quartier, et qui les pose.",
        example=True,
        created_at=now,
    )
    session.add(committee)
    session.flush()
    assert committee.id is not None
    assert council.id is not None
    session.add(CommitteeCouncil(committee_id=committee.id, council_id=council.id))
    for name, email in MEMBERS:
        person = Person(name=name, council_id=council.id, preferred_channel="email", example=True, created_at=now)
        session.add(person)
        session.flush()
        assert person.id is not None
        row = directory.keep(session, office.vault, Address("email", email), now)
        row.person_id = person.id
        session.add(row)
        session.add(Seat(council_id=council.id, person_id=person.id))
    return True


def remove(session: Session) -> bool:
    """Take the example out, and whatever was posted to it; False when there is none."""
    councils = list(session.exec(select(Council.id).where(col(Council.example).is_(True))).all())
    people = list(session.exec(select(Person.id).where(col(Person.example).is_(True))).all())
    meetings = list(session.exec(select(Committee.id).where(col(Committee.example).is_(True))).all())
    addresses = list(session.exec(select(AddressRow.id).where(col(AddressRow.person_id).in_(people))).all())
    if not (councils or people or meetings):
        return False
    for statement in (
        sa.delete(Reminder).where(col(Reminder.committee_id).in_(meetings) | col(Reminder.person_id).in_(people)),
        sa.delete(Seat).where(col(Seat.person_id).in_(people) | col(Seat.council_id).in_(councils)),
        sa.delete(CommitteeCouncil).where(
            col(CommitteeCouncil.committee_id).in_(meetings) | col(CommitteeCouncil.council_id).in_(councils)
        ),
        sa.delete(Committee).where(col(Committee.id).in_(meetings)),
        sa.delete(OutboxRow).where(col(OutboxRow.address_id).in_(addresses)),
        sa.delete(Ticket).where(col(Ticket.address_id).in_(addresses)),
        sa.delete(AddressRow).where(col(AddressRow.id).in_(addresses)),
        sa.delete(Person).where(col(Person.id).in_(people)),
        sa.delete(Council).where(col(Council.id).in_(councils)),
    ):
        session.execute(statement)
    return True
