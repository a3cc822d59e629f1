"""What the tests of the desk share: questions that nobody can answer, asked by people of councils."""

import re

import sqlalchemy as sa
from sqlmodel import Session, col, select

from channels import directory
from channels.contract import Address
from channels.directory import Council, Person
from channels.mailbox import OutboxRow
from escalation.tickets import Ticket
from tests.office import Browsing, Bureau
from tests.town import Town

UNKNOWN = "Mon voisin du troisième a garé son camion devant nos vélos mardi dernier, qui l'a vu ?"


def asked(town: Town, text: str = UNKNOWN, channel: str = "telegram", handle: str = "awa", **more: object) -> int:
    """Ask something that the base does not know; the number of its ticket."""
    said = town.say(channel, handle, text, **more)
    found = re.search(r"n° (\d+)", " ".join(said))
    assert found, said
    return int(found[1])


def council(town: Town, name: str) -> int:
    def work(session: Session) -> int:
        made = Council(slug=name.lower(), name=name)
        session.add(made)
        session.flush()
        assert made.id is not None
        return made.id

    return town.db.transact(work)


def person(town: Town, name: str, channel: str, handle: str, council_id: int | None = None, **more: object) -> int:
    """Someone we know by name, at this address."""

    def work(session: Session) -> int:
        made = Person(name=name, council_id=council_id, created_at=town.at, **more)
        session.add(made)
        session.flush()
        row = directory.keep(session, town.office.vault, Address(channel, handle), town.at)
        row.person_id = made.id
        session.add(row)
        assert made.id is not None
        return made.id

    return town.db.transact(work)


def ticket(town: Town, number: int) -> Ticket:
    found = town.db.look(lambda session: session.get(Ticket, number))
    assert found is not None
    return found


def states(town: Town, number: int, name: str = "officer_answer") -> list[str]:
    """What became of the messages of this name about a ticket."""
    return list(
        town.db.look(
            lambda session: session.exec(
                select(OutboxRow.state)
                .where(OutboxRow.ticket_id == number, OutboxRow.name == name)
                .order_by(col(OutboxRow.id))
            ).all()
        )
    )


def hidden(page: str, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, name
    return found[1]


def read_back(nora: Browsing, number: int, text: str) -> dict[str, object]:
    """Write an answer and read it back; the form that sends it."""
    way = f"/bureau/questions/{number}"
    seen = hidden(nora.get(way).text, "vu")
    page = nora.post(f"{way}/relire", {"texte": text, "vu": seen}, page=way)
    assert page.status_code == 200, page.text
    return {"texte": text, "vu": hidden(page.text, "vu"), "une-fois": hidden(page.text, "une-fois")}


def answer(bureau: Bureau, nora: Browsing, number: int, text: str) -> None:
    form = read_back(nora, number, text)
    assert nora.post(f"/bureau/questions/{number}/envoyer", form, page=f"/bureau/questions/{number}").status_code == 200


def count(town: Town, table: type) -> int:
    return int(
        town.db.look(lambda session: session.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())
    )
