"""A spending ceiling that reminders reach: they go by e-mail or onto the call list, and answers still go."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlmodel import Session, col, select

from bot.desk import arranging
from bot.desk.arranging import Sheet
from channels import directory
from channels.contract import Address
from channels.directory import Council, Person
from channels.mailbox import BULK, OutboxRow
from channels.sms.budget import Ceilings, Meter
from scheduler.committees import COPIL, Reminder, Seat
from tests.town import Town

COMITE = datetime(2026, 12, 10, 18, tzinfo=ZoneInfo("Europe/Paris"))  # in nine days: the reminder goes at once
CEILING = Decimal("2.00")  # euros a day, of which reminders leave a fifth


def members_of(town: Town, count: int) -> list[str]:
    """A council of people with a mobile; every other one has an e-mail too. Those numbers, in their order."""
    numbers = [f"+336123450{n:02d}" for n in range(count)]

    def work(session: Session) -> None:
        council = Council(slug="bellevue", name="Bellevue")
        session.add(council)
        session.flush()
        assert council.id is not None
        for n, number in enumerate(numbers):
            person = Person(name=f"Personne {n}", council_id=council.id, created_at=town.at)
            session.add(person)
            session.flush()
            assert person.id is not None
            mobile = directory.keep(session, town.office.vault, Address("sms", number), town.at)
            mobile.person_id, person.preferred_channel = person.id, "sms"
            if n % 2 == 0:
                mail = Address("email", f"p{n}@exemple.invalid")
                directory.keep(session, town.office.vault, mail, town.at).person_id = person.id
            session.add(Seat(council_id=council.id, person_id=person.id, committee_kind=COPIL))
        sheet = Sheet("COPIL de Bellevue", COPIL, COMITE, place="mairie", councils=(council.id,))
        arranging.record(session, town.office, None, sheet, town.at)

    town.db.transact(work)
    return numbers


def test_a_ceiling_moves_reminders_to_email_or_the_call_list_and_never_answers(town: Town) -> None:
    town.office = replace(town.office, meters={"sms": Meter(Decimal("0.05"), Ceilings(CEILING, None))})
    numbers = members_of(town, 40)
    town.work(ticks=True)
    for _ in range(30):  # a look at the outbox ends where a ceiling refuses one
        town.work()

    def told(session: Session) -> dict[int, tuple[str, str]]:
        return {row.person_id: (row.channel, row.call) for row in session.exec(select(Reminder)).all()}

    rows = town.db.look(told)
    assert len(rows) == 40, "nobody is forgotten"
    by_sms = {id for id, (channel, call) in rows.items() if channel == "sms" and not call}
    by_mail = {id for id, (channel, call) in rows.items() if channel == "email" and not call}
    to_call = {id for id, (_, call) in rows.items() if call}
    assert by_sms
    assert by_mail
    assert to_call
    assert len(by_sms) + len(by_mail) + len(to_call) == 40
    assert all("lafond" in call for _, call in rows.values() if call)
    assert len([n for n in numbers if town.channels["sms"].to(n)]) == len(by_sms)
    assert len(
        {id for n in range(0, 40, 2) if town.channels["email"].to(f"p{n}@exemple.invalid") for id in [n]}
    ) == len(by_mail)

    def spent(session: Session) -> int:
        return session.scalar(sa.select(sa.func.sum(OutboxRow.cost)).where(col(OutboxRow.kind) == BULK)) or 0

    assert 0 < town.db.look(spent) <= CEILING * 1000 * Decimal("0.8"), "a fifth is left to the answers"
    answer = town.say("sms", "+33699887766", "c'est quoi un QPV ?")
    assert "quartier" in " ".join(answer).lower()
    held = select(OutboxRow).where(OutboxRow.state == "waiting", OutboxRow.channel == "sms", OutboxRow.kind != BULK)
    assert not [row for row in town.db.look(lambda s: s.exec(held).all()) if "plafond" in row.reason]
