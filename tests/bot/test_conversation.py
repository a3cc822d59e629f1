"""Conversations as people have them: replies echoed and taken back, meetings chosen, a second address proven."""

import asyncio
import re
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlmodel import Session, select

from bot import conversations, workers
from bot.conversations import Prompt, Question
from bot.db import Database
from bot.desk import incoming, resending
from bot.say import say
from channels import directory, mailbox
from channels.contract import Address, Outbound, Receipt, Undeliverable, Unsure
from channels.directory import AddressRow, Council, Person
from channels.mailbox import BULK, EarlyReceipt, OutboxRow
from channels.sms import pieces
from escalation.tickets import Ticket, TicketMessage
from scheduler import attendance, committees
from scheduler.committees import Committee
from tests.town import Recorder, Town

UNKNOWN = "Qui a voté contre le budget mardi dernier à Malakoff ?"
AWA = "+33612345678"


def fits_three(text: str) -> tuple[str, str]:
    fitted = pieces.fit(text)
    return fitted.text, fitted.rest


def meet(town: Town, title: str = "COPIL de Bellevue", days: int = 10, kind: str = "copil") -> int:
    def make(session: Session) -> int:
        meeting = Committee(
            kind=kind, title=title, starts_at=town.now() + timedelta(days=days), place="Mairie", created_at=town.now()
        )
        session.add(meeting)
        session.flush()
        assert meeting.id is not None
        return meeting.id

    return town.db.transact(make)


def offer(town: Town, channel: str, handle: str, slugs: tuple[str, ...]) -> None:
    def ask(session: Session) -> None:
        row = directory.keep(session, town.office.vault, Address(channel, handle), town.now())
        question = Question(
            address_id=row.id or 0, channel=channel, text="le comité ?", decision="clarify", asked_at=town.now()
        )
        session.add(question)
        session.flush()
        conversations.ask(
            session,
            Prompt(
                address_id=row.id or 0,
                kind="choose",
                offered=list(slugs),
                question_id=question.id,
                opened_at=town.now(),
                lapses_at=town.now() + timedelta(minutes=30),
            ),
        )

    town.db.transact(ask)


def known(town: Town, name: str, *addresses: Address) -> int:
    def make(session: Session) -> int:
        council = session.exec(select(Council)).first() or Council(slug="bellevue", name="Bellevue")
        session.add(council)
        session.flush()
        person = Person(name=name, council_id=council.id, created_at=town.now())
        session.add(person)
        session.flush()
        for each in addresses:
            row = directory.keep(session, town.office.vault, each, town.now())
            row.person_id = person.id
            session.add(row)
        assert person.id is not None
        return person.id

    return town.db.transact(make)


def code_in(texts: list[str]) -> str:
    found = re.search(r"\d{6}", texts[-1])
    assert found, texts
    return found[0]


# --- echoed, and taken back -------------------------------------------------------------------------------------------


def test_a_choice_is_echoed_and_taken_back(town: Town) -> None:
    offer(town, "web", "w1", ("copil-role", "cotech-role"))
    (chosen,) = town.say("web", "w1", "2")
    assert chosen.startswith("Noté : la réponse 2. ANNULER si non.")
    assert "comité technique" in chosen
    (undone,) = town.say("web", "w1", "Annuler")
    assert "votre choix ne compte pas" in undone
    (other,) = town.say("web", "w1", "1")
    assert "comité de pilotage" in other
    assert town.db.look(lambda s: s.exec(select(Question.decision)).one()) == "chosen"


def test_yes_to_several_choices_is_asked_which(town: Town) -> None:
    offer(town, "web", "w1", ("copil-role", "cotech-role"))
    assert "Laquelle" in town.say("web", "w1", "oui")[0]
    assert "comité technique" in town.say("web", "w1", "2")[0]


def test_a_no_is_echoed_reaches_the_officer_with_what_was_said_and_is_taken_back(town: Town) -> None:
    (answer,) = town.say("web", "w1", "c'est quoi un QPV ?")
    (handed_on,) = town.say("web", "w1", "non, je voulais savoir si ma rue en fait partie")
    assert "Noté : la réponse ne convient pas." in handed_on
    notice = town.notices()[-1].text
    assert "c'est quoi un QPV ?" in notice
    assert answer.split("\n")[0] in notice, "the answer that was given"
    assert "ma rue en fait partie" in notice
    assert "ma rue" in town.db.look(lambda s: s.exec(select(TicketMessage.text)).one())
    assert "C'est annulé" in town.say("web", "w1", "ANNULER")[0]
    ticket = town.db.look(lambda s: s.get(Ticket, 1))
    assert (ticket.state, ticket.closed_reason) == ("closed", "annulé par la personne")
    assert "n'attend plus" in town.notices()[-1].text
    assert "Noté : ma réponse vous convient" in town.say("web", "w1", "oui")[0]


def test_stop_in_a_sentence_that_was_misread_is_taken_back(town: Town) -> None:
    town.say("telegram", "42", "bonjour")
    assert "ANNULER" in town.say("telegram", "42", "stop")[0]
    assert "je peux de nouveau vous écrire" in town.say("telegram", "42", "ANNULER")[0]
    town.say("telegram", "42", "stop")
    town.pass_time(minutes=31)
    assert town.say("telegram", "42", "ANNULER") == [], "half an hour later STOP is STOP"


def test_whether_someone_comes_is_taken_back(town: Town) -> None:
    person = known(town, "Awa Diallo", Address("sms", AWA))
    meeting = meet(town)

    def invite(session: Session) -> None:
        row = session.exec(select(AddressRow).where(AddressRow.channel == "sms")).one()
        prompt = Prompt(
            address_id=row.id or 0,
            kind="coming",
            offered=[str(meeting)],
            opened_at=town.now(),
            lapses_at=town.now() + timedelta(days=9),
        )
        conversations.ask(session, prompt)

    town.db.transact(invite)
    assert "ANNULER" in town.say("sms", AWA, "1")[-1]
    town.say("sms", AWA, "2")
    said = lambda: town.db.look(lambda s: s.get(attendance.Attendance, (meeting, person)).answer)  # noqa: E731
    assert said() == "no"
    assert "1 (je viens)" in town.say("sms", AWA, "annuler")[-1]
    assert said() == "yes"
    assert "rien à annuler" in town.say("sms", AWA, "annuler")[-1]


def test_there_may_be_nothing_to_take_back(town: Town) -> None:
    assert "rien à annuler" in town.say("web", "w1", "annuler")[0]


# --- one thing at a time ----------------------------------------------------------------------------------------------


def bulk(town: Town, channel: str, handle: str, key: str) -> None:
    def post(session: Session) -> None:
        row = directory.keep(session, town.office.vault, Address(channel, handle), town.now())
        row_id = row.id or 0
        message = say("thanks", Address(channel, handle))
        mailbox.post(session, message, key, row_id, town.now(), kind=BULK)

    town.db.transact(post)


def state(town: Town, key: str) -> str:
    return str(town.db.look(lambda s: s.exec(select(OutboxRow.state).where(OutboxRow.key == key)).one()))


def test_bulk_waits_for_what_was_asked_and_goes_once_it_is_answered(town: Town) -> None:
    town.say("telegram", "42", "c'est quoi un QPV ?")
    bulk(town, "telegram", "42", "news:1")
    bulk(town, "telegram", "43", "news:2")
    town.work()
    assert (state(town, "news:1"), state(town, "news:2")) == ("waiting", "sent")
    town.say("telegram", "42", "oui")
    town.work()
    assert state(town, "news:1") == "sent"


def test_bulk_goes_when_what_was_asked_lapses(town: Town) -> None:
    town.say("telegram", "42", "c'est quoi un QPV ?")
    bulk(town, "telegram", "42", "news:1")
    town.pass_time(minutes=29)
    town.work()
    assert state(town, "news:1") == "waiting"
    town.pass_time(minutes=2)
    town.work()
    assert state(town, "news:1") == "sent"


def test_bulk_waits_for_what_was_asked_at_another_address_of_the_same_person(town: Town) -> None:
    known(town, "Awa Diallo", Address("sms", AWA), Address("email", "awa@exemple.org"))
    town.say("sms", AWA, "c'est quoi un QPV ?")
    bulk(town, "email", "awa@exemple.org", "news:1")
    town.work()
    assert state(town, "news:1") == "waiting"


def test_a_new_prompt_closes_the_one_at_another_address_of_the_same_person(town: Town) -> None:
    known(town, "Awa Diallo", Address("sms", AWA), Address("email", "awa@exemple.org"))
    town.say("sms", AWA, "c'est quoi un QPV ?")
    town.say("email", "awa@exemple.org", "Qu'est-ce que le contrat de ville ?", subject="Contrat")
    opened = town.db.look(lambda s: s.exec(select(Prompt).where(sa.text("closed_at IS NULL"))).all())
    assert len(opened) == 1


# --- did it help? -----------------------------------------------------------------------------------------------------


def test_whether_it_helped_is_asked_at_the_end_of_an_email(town: Town) -> None:
    last = town.say("email", "awa@exemple.org", "Qu'est-ce que le contrat de ville ?", subject="Contrat")[-1]
    assert "Cela répond-il à votre question ?" in last.rstrip().split("\n")[-1]


def test_an_sms_without_room_is_followed_by_the_question_once_it_has_arrived(town: Town) -> None:
    def tight(text: str) -> tuple[str, str]:
        return (text, "") if "Utile" not in text else (text[:50], text[50:])

    town.office = replace(town.office, shorten={"sms": tight})
    answer = town.say("sms", AWA, "c'est quoi un QPV ?")[-1]
    assert "Utile" not in answer
    town.db.transact(
        incoming.receive, town.office, Receipt("sms", f"sms-{len(town.channels['sms'].sent)}", "delivered"), town.now()
    )
    town.work()
    assert "utile" in town.read("sms", AWA)[-1]
    assert "Noté" in town.say("sms", AWA, "oui")[-1]


def test_without_a_report_it_is_asked_ten_minutes_later_unless_it_is_settled(town: Town) -> None:
    def tight(text: str) -> tuple[str, str]:
        return (text, "") if "Utile" not in text else (text[:50], text[50:])

    town.office = replace(town.office, shorten={"sms": tight})
    town.say("sms", AWA, "c'est quoi un QPV ?")
    town.say("sms", "+33612345679", "c'est quoi un QPV ?")
    town.say("sms", "+33612345679", "oui")
    town.pass_time(minutes=11)
    town.work(ticks=True)
    assert "utile" in town.read("sms", AWA)[-1]
    assert "utile" not in town.read("sms", "+33612345679")[-1]
    before = len(town.read("sms", AWA))
    town.work(ticks=True)
    assert len(town.read("sms", AWA)) == before


def test_a_report_that_overtakes_the_note_of_its_message_counts(town: Town) -> None:
    assert town.db.transact(incoming.receive, town.office, Receipt("telegram", "telegram-1", "delivered"), town.now())
    assert not town.db.transact(
        incoming.receive, town.office, Receipt("telegram", "telegram-1", "delivered"), town.now()
    )
    town.say("telegram", "42", "bonjour")
    first = town.db.look(lambda s: s.exec(select(OutboxRow).where(OutboxRow.provider_id == "telegram-1")).one())
    assert first.state == "delivered"
    assert town.db.look(lambda s: s.exec(select(EarlyReceipt)).all()) == []


def test_reports_that_nobody_claims_are_forgotten_after_a_day(town: Town) -> None:
    town.db.transact(incoming.receive, town.office, Receipt("telegram", "x", "failed"), town.now())
    town.pass_time(days=2)
    town.work(ticks=True)
    assert town.db.look(lambda s: s.exec(select(EarlyReceipt)).all()) == []


# --- a question about a meeting ---------------------------------------------------------------------------------------


def test_copil_lists_meetings_of_any_kind_and_a_question_is_about_the_chosen_one(town: Town) -> None:
    meet(town, "COPIL de Bellevue", 10)
    second = meet(town, "Formation des membres", 12, "training")
    (listed,) = town.say("web", "w1", "COPIL")
    assert "1. COPIL de Bellevue" in listed
    assert "2. Formation des membres" in listed
    (chosen,) = town.say("web", "w1", "2")
    assert "Formation des membres" in chosen
    town.say("web", "w1", UNKNOWN)
    ticket = town.db.look(lambda s: s.get(Ticket, 1))
    assert ticket.committee_id == second
    assert town.db.look(lambda s: s.exec(select(Question.committee_id)).one()) == second


def test_a_number_and_a_question_in_one_message(town: Town) -> None:
    first = meet(town)
    town.say("web", "w1", "copil")
    town.say("web", "w1", f"1 {UNKNOWN}")
    ticket = town.db.look(lambda s: s.get(Ticket, 1))
    assert (ticket.committee_id, ticket.question) == (first, UNKNOWN)


def test_a_meeting_that_was_cancelled_meanwhile_cannot_be_chosen(town: Town) -> None:
    first = meet(town)
    town.say("web", "w1", "copil")
    town.db.transact(lambda s: committees.cancel(s, s.get(Committee, first)))
    assert "plus ouverte" in town.say("web", "w1", "1")[0]


def test_a_chosen_meeting_is_let_go(town: Town) -> None:
    meet(town)
    town.say("web", "w1", "copil")
    town.say("web", "w1", "1")
    assert "annulé" in town.say("web", "w1", "ANNULER")[0]
    town.say("web", "w1", UNKNOWN)
    assert town.db.look(lambda s: s.get(Ticket, 1)).committee_id is None


# --- a second address -------------------------------------------------------------------------------------------------


def test_a_second_address_is_proven_by_a_code_and_reminders_come_where_they_are_wanted(town: Town) -> None:
    person = known(town, "Awa Diallo", Address("sms", AWA))
    assert "e-mail" in town.say("sms", AWA, "RELIER")[-1]
    sent = town.say("sms", AWA, "awa@exemple.org")[-1]
    assert "awa@exemple.org" not in sent, "masked"
    code = code_in(town.read("email", "awa@exemple.org"))
    linked = town.say("sms", AWA, code)[-1]
    assert "C'est relié" in linked
    assert "1. SMS" in linked
    assert "Noté" in town.say("sms", AWA, "2")[-1]
    row = town.db.look(directory.find, town.office.vault, Address("email", "awa@exemple.org"))
    assert row.person_id == person
    assert town.db.look(lambda s: s.get(Person, person)).preferred_channel == "email"
    assert "comme avant" in town.say("sms", AWA, "annuler")[-1]
    assert town.db.look(lambda s: s.get(Person, person)).preferred_channel == ""
    assert "Où voulez-vous" in town.say("email", "awa@exemple.org", "canal")[-1]
    town.say("email", "awa@exemple.org", "par mail")
    assert town.db.look(lambda s: s.get(Person, person)).preferred_channel == "email"


def test_two_addresses_that_nobody_knows_become_one_person_without_a_name(town: Town) -> None:
    town.say("telegram", "42", "relier 06 12 34 56 78")
    town.say("telegram", "42", code_in(town.read("sms", AWA)))
    people = town.db.look(lambda s: s.exec(select(Person)).all())
    assert [each.name for each in people] == [""]
    rows = town.db.look(lambda s: s.exec(select(AddressRow).where(AddressRow.person_id == people[0].id)).all())
    assert {row.channel for row in rows} == {"telegram", "sms"}
    town.say("telegram", "42", UNKNOWN)
    assert "Une personne" in town.notices()[-1].text


def test_a_wrong_or_late_code_links_nothing(town: Town) -> None:
    town.say("telegram", "42", "relier awa@exemple.org")
    right = code_in(town.read("email", "awa@exemple.org"))
    assert "pas le bon code" in town.say("telegram", "42", "000000" if right != "000000" else "111111")[-1]
    town.pass_time(minutes=31)
    town.say("telegram", "42", right)
    assert town.db.look(lambda s: s.exec(select(Person)).all()) == []


def test_the_code_is_worth_nothing_elsewhere(town: Town) -> None:
    town.say("telegram", "42", "relier awa@exemple.org")
    town.say("telegram", "666", code_in(town.read("email", "awa@exemple.org")))
    assert town.db.look(lambda s: s.exec(select(Person)).all()) == []


def test_codes_are_few_a_day(town: Town) -> None:
    for _ in range(5):
        town.say("telegram", "42", "relier awa@exemple.org")
        town.pass_time(minutes=20)
    assert "demain" in town.say("telegram", "42", "relier awa@exemple.org")[-1]
    assert len(town.read("email", "awa@exemple.org")) == 5


def test_two_people_whom_the_team_knows_are_joined_by_the_team(town: Town) -> None:
    one = known(town, "Awa Diallo", Address("sms", AWA))
    two = known(town, "Awa D.", Address("email", "awa@exemple.org"))
    town.say("sms", AWA, "relier awa@exemple.org")
    assert "L'équipe" in town.say("sms", AWA, code_in(town.read("email", "awa@exemple.org")))[-1]
    row = town.db.look(directory.find, town.office.vault, Address("email", "awa@exemple.org"))
    assert row.person_id == two != one
    assert "Awa D." in town.notices()[-1].text


@pytest.mark.parametrize("text", ["relier n'importe quoi", "relier 02 40 00 00 00"])
def test_what_is_no_address_is_said_so(town: Town, text: str) -> None:
    assert "Je ne reconnais ni" in town.say("telegram", "42", text)[-1]


def test_whoever_said_stop_there_gets_no_code(town: Town) -> None:
    town.say("sms", AWA, "stop")
    assert "START" in town.say("telegram", "42", f"relier {AWA}")[-1]


def test_with_one_address_there_is_nothing_to_choose(town: Town) -> None:
    assert "RELIER" in town.say("telegram", "42", "CANAL")[-1]


# --- what did not arrive ----------------------------------------------------------------------------------------------


def test_the_officer_hears_of_a_failed_sms_with_the_persons_other_channel_and_sends_it_there(town: Town) -> None:
    known(town, "Awa Diallo", Address("sms", AWA), Address("email", "awa@exemple.org"))
    town.channels["sms"].refuse = [Undeliverable("numéro inconnu"), Undeliverable("numéro inconnu")]
    town.say("sms", AWA, "c'est quoi un QPV ?")
    town.work(ticks=True)
    notice = town.notices()[-1].text
    found = re.search(r"hotline outbox resend (\d+) (\d+)", notice)
    assert found, notice
    assert "awa@exemple.org" not in notice
    outbox_id, address_id = int(found[1]), int(found[2])
    failed = town.db.look(lambda s: s.get(OutboxRow, outbox_id))
    assert town.db.transact(resending.resend, town.office, outbox_id, address_id, "officer:1", town.now())
    assert town.db.transact(resending.resend, town.office, outbox_id, address_id, "officer:1", town.now()) is None
    town.work()
    assert town.read("email", "awa@exemple.org") == [failed.text]
    assert town.db.look(lambda s: s.get(OutboxRow, outbox_id)).state == "dropped"


def test_a_message_goes_to_nobody_elses_address(town: Town) -> None:
    known(town, "Awa Diallo", Address("sms", AWA))
    known(town, "Lucie Martin", Address("email", "lucie@exemple.org"))
    town.channels["sms"].refuse = [Undeliverable("numéro inconnu"), Undeliverable("numéro inconnu")]
    town.say("sms", AWA, "c'est quoi un QPV ?")
    town.work(ticks=True)
    assert "pas d'autre canal" in town.notices()[-1].text
    row = town.db.look(lambda s: s.exec(select(OutboxRow).where(OutboxRow.state == "dead")).first())
    other = town.db.look(directory.find, town.office.vault, Address("email", "lucie@exemple.org"))
    with pytest.raises(resending.CannotResend):
        town.db.transact(resending.resend, town.office, row.id, other.id, "officer:1", town.now())


# --- in doubt ---------------------------------------------------------------------------------------------------------


class Remembering(Recorder):
    """A provider that can be asked what it has."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.has: dict[str, str] = {}
        self.asked: list[str] = []

    async def send(self, message: Outbound, key: str) -> str:
        try:
            return await super().send(message, key)
        except Unsure:
            if not self.has.pop("lose", ""):
                self.sent.append(message)
                self.has[key] = "taken"
            raise

    async def find(self, message: Outbound, key: str, since: datetime) -> str:
        self.asked.append(key)
        return self.has.get(key, "")


@pytest.mark.parametrize("lost", [False, True])
def test_what_is_in_doubt_is_asked_of_the_provider_and_sent_once(town: Town, lost: bool) -> None:
    provider = Remembering("sms")
    town.channels["sms"] = provider
    provider.refuse = [Unsure("?")]
    if lost:
        provider.has["lose"] = "yes"
    town.say("sms", AWA, "bonjour")
    town.pass_time(seconds=30)
    town.work()
    assert len(provider.asked) == 1
    texts = town.read("sms", AWA)
    assert len(texts) == len(set(texts)) == 2, "the notice and the word, each once"
    states = town.db.look(lambda s: s.exec(select(OutboxRow.state).where(OutboxRow.channel == "sms")).all())
    assert set(states) == {"sent"}


def test_one_process_sends_on_a_channel_that_keeps_its_rates(db: Database) -> None:
    async def both() -> None:
        first: set[str] = set()
        second: set[str] = set()
        one = asyncio.ensure_future(workers.send_alone(db, "telegram", 77, first))
        while "telegram" not in first:
            await asyncio.sleep(0.01)
        two = asyncio.ensure_future(workers.send_alone(db, "telegram", 77, second))
        await asyncio.sleep(0.3)
        if not db.is_sqlite:  # SQLite has one process
            assert not second
        one.cancel()
        await asyncio.gather(one, return_exceptions=True)
        assert not first
        async with asyncio.timeout(10):
            while "telegram" not in second:
                await asyncio.sleep(0.05)
        two.cancel()
        await asyncio.gather(two, return_exceptions=True)

    asyncio.run(both())


def test_a_lock_that_went_with_its_connection_is_noticed(db: Database) -> None:
    async def lose() -> bool:
        async with db.alone(78) as hold:
            assert hold is not None
            assert await hold.still()
            end = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = 78"
            await db.run(lambda session: session.execute(sa.text(end)).all())
            return await hold.still()

    if not db.is_sqlite:
        assert asyncio.run(lose()) is False
