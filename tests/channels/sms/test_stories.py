"""What people live through by SMS: a phone, an operator, Kannel, the real channel, the real desk and back."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlmodel import Session, col, select

from bot import conversations
from bot.conversations import Prompt, Question
from bot.desk import letters, replies
from bot.desk.replies import Titled
from channels import directory
from channels.directory import AddressRow
from channels.mailbox import InboxRow, OutboxRow
from escalation.tickets import Ticket
from tests.channels.sms.conftest import SmsTown
from tests.peers.kannel import Phone
from tests.peers.mail import until
from tests.town import OFFICER

UNKNOWN = "Qui a voté contre le budget mardi dernier à Malakoff ?"


@pytest.fixture
def awa(texting: SmsTown) -> Phone:
    phone = texting.phone()
    texting.answer(phone, "Bonjour", messages=2)  # the notice is behind us
    return phone


def rows(town: SmsTown, table: type[OutboxRow] | type[InboxRow]) -> list[OutboxRow]:
    def read(session: Session) -> list[OutboxRow]:
        return list(session.exec(select(table).order_by(table.id)).all())  # type: ignore[arg-type]

    return town.db.look(read)


def tickets(town: SmsTown) -> list[Ticket]:
    return list(town.db.look(lambda session: session.exec(select(Ticket).order_by(Ticket.id)).all()))


def test_a_first_question_brings_the_notice_in_one_sms_and_the_answer_in_three_at_most(texting: SmsTown) -> None:
    phone = texting.phone()
    notice, answer = texting.answer(phone, "c koi le copil ?", messages=2)
    assert "programme" in notice
    assert "HUMAIN" in notice
    assert "comité de pilotage" in answer
    assert "Source : " in answer
    first, second = phone.messages()
    assert first.segments == 1
    assert second.segments <= 3
    assert (first.coding, second.coding) == (0, 0), "French costs no UCS-2"


def test_the_report_of_the_network_settles_the_outbox(texting: SmsTown, awa: Phone) -> None:
    until(lambda: len(texting.receipts()) == 2)
    assert [row.state for row in rows(texting, OutboxRow)] == ["delivered", "delivered"]


def test_what_the_network_did_not_deliver_becomes_a_ticket_of_the_officer(texting: SmsTown, awa: Phone) -> None:
    texting.kannel.operator.undelivered.add(awa.number)
    texting.answer(awa, "c'est quoi un QPV ?")
    until(lambda: len(texting.receipts()) == 3)
    assert rows(texting, OutboxRow)[-1].state == "failed"
    texting.work(ticks=True)
    (ticket,) = tickets(texting)
    assert ticket.kind == "undelivered"
    assert "UNDELIV" in ticket.why


def test_a_choice_is_made_by_its_number(texting: SmsTown, awa: Phone) -> None:
    texting.answer(awa, "c'est quoi un QPV ?")

    def offer(session: Session) -> None:
        """As the desk does when the matcher hesitates."""
        question = session.exec(select(Question).order_by(col(Question.id).desc())).first()
        assert question is not None
        row = session.get(AddressRow, question.address_id)
        assert row is not None
        titles = [Titled("copil-role", "Le rôle du COPIL"), Titled("trouver-une-salle", "Trouver une salle")]
        message = replies.clarify(titles, directory.opened(texting.office.vault, row))
        letters.post(session, texting.office, message, f"offer:{question.id}", row, texting.now())
        prompt = Prompt(
            address_id=row.id,
            kind="choose",
            offered=[each.slug for each in titles],
            question_id=question.id,
            opened_at=texting.now(),
            lapses_at=texting.now() + timedelta(minutes=30),
        )
        conversations.ask(session, prompt)

    texting.db.transact(offer)
    texting.work()
    until(lambda: "2. Trouver une salle" in awa.reads()[-1])
    (chosen,) = texting.answer(awa, "2")
    assert "mairie" in chosen
    assert "Source : " in chosen


def test_an_unknown_question_is_answered_by_the_officer_on_the_same_phone(texting: SmsTown, awa: Phone) -> None:
    (handed_on,) = texting.answer(awa, UNKNOWN)
    assert "n° 1" in handed_on.replace("no 1", "n° 1").replace("no1", "n° 1")
    (notice,) = texting.notices()
    assert "SMS" in notice.text
    texting.hear("email", OFFICER.handle, "Personne : le vote était unanime 🙂", token=notice.token)
    texting.pass_time(seconds=4)
    texting.work()
    until(lambda: "unanime" in awa.reads()[-1])
    assert awa.messages()[-1].coding == 0, "one picture must not double the price"


def test_stop_is_silence_and_start_ends_it(texting: SmsTown, awa: Phone) -> None:
    (stopped,) = texting.answer(awa, "ARRÊT")
    assert "START" in stopped
    assert texting.answer(awa, "c'est quoi un QPV ?", messages=0) == []
    (started,) = texting.answer(awa, "Start")
    assert "retour" in started
    (answer,) = texting.answer(awa, "c'est quoi un QPV ?")
    assert "Source : " in answer


def test_a_person_is_always_reached(texting: SmsTown, awa: Phone) -> None:
    (said,) = texting.answer(awa, "humain")
    assert "équipe" in said
    assert len(texting.notices()) == 1


@pytest.mark.parametrize(("sender", "told"), [("36111", 0), ("Orange", 0), ("+32470123456", 1)])
def test_machines_are_never_answered_and_other_countries_go_to_the_officer(
    texting: SmsTown, sender: str, told: int
) -> None:
    phone = texting.phone(sender)
    assert texting.answer(phone, "c'est quoi un QPV ?", messages=0) == []
    assert len(texting.notices()) == told
    assert not texting.kannel.operator.submits


def test_a_long_question_in_parts_that_arrive_backwards_is_one_question(texting: SmsTown, awa: Phone) -> None:
    text = "Bonjour, je vous écris au sujet de notre réunion de quartier de mardi dernier. " * 4 + UNKNOWN
    (handed_on,) = texting.answer(awa, text, reverse=True)
    assert "n° 1" in handed_on.replace("no 1", "n° 1").replace("no1", "n° 1")
    assert tickets(texting)[0].question == text


@pytest.mark.parametrize("broken", ["our service", "smsbox"])
def test_an_outage_loses_nothing_and_doubles_nothing(texting: SmsTown, awa: Phone, broken: str) -> None:
    down: dict[str, Callable[[], None]] = {
        "our service": texting.stop,
        "smsbox": lambda: texting.kannel.kill_box("smsbox"),
    }
    up: dict[str, Callable[[], None]] = {
        "our service": texting.serve,
        "smsbox": lambda: texting.kannel.start_box("smsbox"),
    }
    before, heard = len(awa.reads()), len(texting.inbound())
    down[broken]()
    awa.says("c'est quoi un QPV ?")
    up[broken]()
    until(texting.kannel.ready)
    until(lambda: len(texting.inbound()) == heard + 1)
    texting.pass_time(seconds=4)
    texting.work()
    until(lambda: len(awa.reads()) == before + 1)
    assert "Source : " in awa.reads()[-1]
    assert len(rows(texting, InboxRow)) == heard + 1


def test_while_the_gateway_is_down_answers_wait_and_then_go_once(texting: SmsTown, awa: Phone) -> None:
    before = len(awa.reads())
    texting.hear("sms", awa.number, "c'est quoi un QPV ?")
    texting.pass_time(seconds=4)
    texting.kannel.kill_box("smsbox")
    texting.work()
    assert rows(texting, OutboxRow)[-1].state == "waiting"
    texting.kannel.start_box("smsbox")
    until(texting.kannel.ready)
    texting.pass_time(minutes=2)
    texting.work()
    until(lambda: len(awa.reads()) == before + 1)
    assert rows(texting, OutboxRow)[-1].state in ("sent", "delivered")


def test_an_arabic_question_is_kept_letter_by_letter_and_reaches_the_officer(texting: SmsTown, awa: Phone) -> None:
    texting.answer(awa, "متى الاجتماع القادم للمجلس؟")
    assert "متى" in texting.notices()[0].text
