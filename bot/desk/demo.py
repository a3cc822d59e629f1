"""An example council with a committee in ten days, to see the hotline live; `remove` takes all of it out."""

from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from bot.conversations import Prompt
from bot.desk.entrance import EXAMPLE
from bot.office import Office
from channels import directory
from channels.contract import Address
from channels.directory import AddressRow, Council, Person
from channels.mailbox import OutboxRow
from escalation.officers import Officer
from escalation.tickets import Ticket
from scheduler.agenda import AgendaItem, CommitteeDocument, Decision
from scheduler.attendance import Attendance, CallNote
from scheduler.committees import Committee, CommitteeCouncil, Reminder, Seat, SeatPlaces
from scheduler.feeds import Feed
from scheduler.preparation import Preparation, PreparationDate, PreparationView, PreparationVote
from scheduler.steps import CommitteeStep

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
    if not session.exec(select(Officer.id).where(col(Officer.active).is_(True)).limit(1)).first():
        row = directory.keep(session, office.vault, EXAMPLE, now)
        assert row.id is not None
        session.add(Officer(name="Nora (exemple)", role="administrator", address_id=row.id, created_at=now))
    return True


def remove(session: Session) -> bool:
    """Take the example out, and whatever was posted to it; False when there is none."""
    councils = list(session.exec(select(Council.id).where(col(Council.example).is_(True))).all())
    people = list(session.exec(select(Person.id).where(col(Person.example).is_(True))).all())
    meetings = list(session.exec(select(Committee.id).where(col(Committee.example).is_(True))).all())
    addresses = list(session.exec(select(AddressRow.id).where(col(AddressRow.person_id).in_(people))).all())
    if not (councils or people or meetings):
        return False
    nora = sa.select(col(AddressRow.id)).where(col(AddressRow.channel) == EXAMPLE.channel)
    for statement in (
        sa.update(Officer).where(col(Officer.address_id).in_(nora)).values(active=False),
        sa.delete(Reminder).where(col(Reminder.committee_id).in_(meetings) | col(Reminder.person_id).in_(people)),
        sa.delete(Seat).where(col(Seat.person_id).in_(people) | col(Seat.council_id).in_(councils)),
        sa.delete(CommitteeCouncil).where(
            col(CommitteeCouncil.committee_id).in_(meetings) | col(CommitteeCouncil.council_id).in_(councils)
        ),
        *_season_of(meetings, people, councils),
        sa.delete(OutboxRow).where(col(OutboxRow.address_id).in_(addresses)),
        *(sa.delete(OutboxRow).where(col(OutboxRow.key).startswith(f"season:{id}.")) for id in meetings),
        sa.delete(Prompt).where(col(Prompt.address_id).in_(addresses)),
        sa.delete(Ticket).where(col(Ticket.address_id).in_(addresses)),
        sa.delete(Committee).where(col(Committee.id).in_(meetings)),
        sa.delete(AddressRow).where(col(AddressRow.id).in_(addresses)),
        sa.delete(Person).where(col(Person.id).in_(people)),
        sa.delete(Council).where(col(Council.id).in_(councils)),
    ):
        session.execute(statement)
    return True


def _season_of(
    meetings: Sequence[int | None], people: Sequence[int | None], councils: Sequence[int | None]
) -> Iterator[sa.Delete]:
    """All that hangs on the example's meetings and people."""
    dates = sa.select(col(PreparationDate.id)).where(col(PreparationDate.committee_id).in_(meetings))
    yield sa.delete(PreparationVote).where(
        col(PreparationVote.date_id).in_(dates) | col(PreparationVote.person_id).in_(people)
    )
    for table in (PreparationView, Attendance, CallNote):
        yield sa.delete(table).where(col(table.committee_id).in_(meetings) | col(table.person_id).in_(people))
    for other in (PreparationDate, Preparation, CommitteeStep, AgendaItem, CommitteeDocument, Decision):
        yield sa.delete(other).where(col(other.committee_id).in_(meetings))
    yield sa.delete(Feed).where(col(Feed.person_id).in_(people) | col(Feed.council_id).in_(councils))
    yield sa.delete(SeatPlaces).where(col(SeatPlaces.council_id).in_(councils))
