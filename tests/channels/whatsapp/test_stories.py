"""What people live through on WhatsApp alone: a window that closes, templates, buttons; and every channel's cases."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlmodel import Session, select

import channels
from bot import audit
from channels import directory
from channels.contract import Address
from channels.directory import Council, Person
from channels.mailbox import OutboxRow
from escalation.tickets import Ticket
from scheduler import attendance, committees
from scheduler.committees import Seat
from tests.channels import test_cases
from tests.channels.cases import CASES
from tests.channels.whatsapp.conftest import WhatsAppTown, channel_at
from tests.channels.whatsapp.graph import Fault, Graph, Phone
from tests.town import OFFICER, Town

UNKNOWN = "Qui a voté contre le budget mardi dernier à Malakoff ?"


@pytest.fixture
def awa(chatting: WhatsAppTown) -> Phone:
    return chatting.graph.phone()


def outbox(town: Town) -> list[OutboxRow]:
    return list(town.db.look(lambda session: session.exec(select(OutboxRow).order_by(OutboxRow.id)).all()))


def test_a_question_is_answered_and_reports_settle_it(chatting: WhatsAppTown, awa: Phone) -> None:
    awa.says("c koi le copil ?")
    notice, answer = chatting.answer(awa)
    assert "je suis le programme" in notice
    assert "comité de pilotage" in answer
    chatting.settle()
    assert [row.state for row in outbox(chatting)] == ["delivered", "delivered"]


def test_an_answer_after_24_hours_waits_at_the_door_until_it_is_opened(chatting: WhatsAppTown, awa: Phone) -> None:
    awa.says(UNKNOWN)
    chatting.answer(awa)
    (notice,) = chatting.notices()
    chatting.pass_time(hours=30)
    chatting.hear("email", OFFICER.handle, "Personne : le vote était unanime.", token=notice.token)
    chatting.pass_time(seconds=4)
    chatting.work()
    assert "vous avez un message" in awa.reads()[-1]
    assert "unanime" not in awa.reads()[-1]
    chatting.pass_time(hours=9)
    chatting.work()
    assert sum("vous avez un message" in text for text in awa.reads()) == 1
    awa.presses("Lire")
    (answer,) = chatting.answer(awa)
    assert "unanime" in answer
    chatting.settle()
    assert {row.state for row in outbox(chatting) if row.channel == "whatsapp"} == {"delivered"}


def test_an_answer_whose_way_back_broke_is_not_said_twice_by_another_process(
    chatting: WhatsAppTown, awa: Phone
) -> None:
    """The process that sends is not the one that hears Meta's reports: the database tells it."""
    sender = channel_at(chatting.graph, now=chatting.now)
    chatting.channels["whatsapp"] = sender  # type: ignore[assignment]
    awa.says("AIDE")
    chatting.settle()
    chatting.graph.faults.append(Fault(breaks="after"))
    chatting.pass_time(seconds=4)
    chatting.work()
    for _ in range(3):
        chatting.settle()
        chatting.pass_time(seconds=15)
        chatting.work()
    assert sum("Écrivez votre question" in text for text in awa.reads()) == 1
    assert len(awa.reads()) == len(set(awa.reads()))
    assert {row.state for row in outbox(chatting) if row.channel == "whatsapp"} == {"delivered"}


def test_an_answer_that_nobody_comes_for_becomes_a_ticket_after_two_days(chatting: WhatsAppTown, awa: Phone) -> None:
    awa.says(UNKNOWN)
    chatting.answer(awa)
    (notice,) = chatting.notices()
    chatting.pass_time(hours=30)
    chatting.hear("email", OFFICER.handle, "Personne : le vote était unanime.", token=notice.token)
    for _ in range(8):
        chatting.pass_time(hours=8)
        chatting.work(ticks=True)
    troubled = chatting.db.look(lambda session: session.exec(select(Ticket.why, Ticket.kind)).all())
    assert [kind for _, kind in troubled] == ["question", "undelivered"]
    assert "WhatsApp veut qu'elle ouvre la conversation" in troubled[1][0]


def plan_a_meeting(town: WhatsAppTown, handle: str) -> int:
    """A meeting in ten days, of a council on which whoever has this handle sits."""

    def plan(session: Session) -> int:
        council = Council(slug="bellevue", name="Bellevue")
        session.add(council)
        session.flush()
        person = Person(name="Awa Diallo", council_id=council.id, preferred_channel="whatsapp", created_at=town.at)
        session.add(person)
        session.flush()
        row = directory.keep(session, town.office.vault, Address("whatsapp", handle), town.at)
        row.person_id = person.id
        session.add(row)
        assert council.id is not None
        assert person.id is not None
        session.add(Seat(person_id=person.id, council_id=council.id, kind="copil"))
        meeting = committees.Committee(
            kind="copil", title="Comité de pilotage", starts_at=town.at + timedelta(days=10),
            place="12 rue des Lilas", created_at=town.at - timedelta(days=1),
        )  # fmt: skip
        session.add(meeting)
        session.flush()
        assert meeting.id is not None
        session.add(committees.CommitteeCouncil(committee_id=meeting.id, council_id=council.id))
        return meeting.id

    return town.db.transact(plan)


def test_a_reminder_comes_by_its_template_and_is_answered_by_a_button(chatting: WhatsAppTown, awa: Phone) -> None:
    awa.says("bonjour")
    chatting.answer(awa)
    meeting = plan_a_meeting(chatting, awa.handle)
    chatting.pass_time(days=1)
    chatting.work(ticks=True)
    reminder = chatting.graph.to(awa.number)[-1]
    assert reminder.kind == "template"
    assert "Bonjour Awa Diallo" in reminder.text
    assert "12 rue des Lilas" in reminder.text
    awa.presses("Je viens", reminder)
    (noted,) = chatting.answer(awa)
    assert "vous venez" in noted

    def answers(session: Session) -> Any:
        return session.exec(select(attendance.Attendance)).all()

    (said,) = chatting.db.look(answers)
    assert (said.committee_id, said.answer) == (meeting, attendance.YES)


def test_whatsapp_is_named_as_people_say_it(chatting: WhatsAppTown, awa: Phone) -> None:
    awa.says(UNKNOWN)
    chatting.answer(awa)
    assert "WhatsApp" in chatting.notices()[0].text
    assert "whatsapp" in channels.writable()


# --- the cases that every channel must survive ------------------------------------------------------------------------


class WhatsAppDoor:
    """Meta writes to our webhook."""

    most = 4096

    def __init__(self, site: test_cases.Site, graph: Graph):
        self.site, self.graph = site, graph

    def bring(self, written: test_cases.Written) -> dict[str, str]:
        return self.site.run(lambda client: self._bring(client, written))

    async def _bring(self, client: httpx.AsyncClient, written: test_cases.Written) -> dict[str, str]:
        for who, message in written:
            phone = self.graph.phone(self._number(who))
            at = (self.site.town.now() - timedelta(minutes=message.minutes_ago)).timestamp()
            self.graph.heard_at[phone.number] = self.graph.clock()
            id = f"wamid.{phone.number}.{message.id}"
            body = json.dumps(phone.call(phone.message("text", {"body": message.text}, id=id, at=at))).encode()
            answer = await client.post("/whatsapp", content=body, headers=self.graph.signed(body))
            assert answer.status_code == 200, (who, answer.text)
        return {}

    def _number(self, who: str) -> str:
        return f"336000000{test_cases.number_of(who):02d}"

    def address(self, who: str) -> Address:
        return Address("whatsapp", f"FR.{self._number(who)}")


@pytest.mark.timeout(120)
def test_every_case_is_kept_and_gets_one_sensible_reply(town: Town, graph: Graph, tmp_path: Path) -> None:
    graph.clock = lambda: town.at.timestamp()
    graph.silent = True
    town.channels["whatsapp"] = type(town.channels["sms"])("whatsapp")
    door: Any = WhatsAppDoor(test_cases.Site(town, tmp_path, graph.settings), graph)
    refused = test_cases.tell(town, door, CASES)
    found = {case.name: list(test_cases.faults(town, door, case, refused.get(case.name, ""))) for case in CASES}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}
    assert town.db.look(audit.verify) is None


def test_a_call_of_three_megabytes_is_read(town: Town, graph: Graph, tmp_path: Path) -> None:
    """https://developers.facebook.com/docs/graph-api/webhooks: payloads can be up to 3 MB."""
    site = test_cases.Site(town, tmp_path, graph.settings)
    phone = graph.phone()

    async def post(client: httpx.AsyncClient) -> dict[str, str]:
        body = json.dumps(phone.call(*(phone.message("text", {"body": "x" * 4000}) for _ in range(600)))).encode()
        assert 2_000_000 < len(body) < 3 * 1024 * 1024
        answer = await client.post("/whatsapp", content=body, headers=graph.signed(body))
        assert answer.status_code == 200
        answer = await client.post("/whatsapp", content=body * 2, headers=graph.signed(body))
        assert answer.status_code == 413
        return {}

    site.run(post)
