"""What is asked after the reminder is about that committee: it carries it, comes first, and is answered before it."""

from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from bot.desk import kit, queue
from channels.contract import Address
from escalation import tickets
from escalation.console.views import Filters
from escalation.tickets import Ticket
from scheduler.committees import Committee
from tests.test_season import AWA, COPIL, PARIS, WHO, Season, season

__all__ = ["season"]

UNKNOWN = "Est-ce que le préau de la cour Nord sera repeint en bleu lavande ?"
STRANGE = "Pourquoi la fontaine du square Ferrand chante-t-elle le dimanche ?"


def open_tickets(season: Season) -> list[Ticket]:
    return season.town.db.look(
        lambda s: list(s.exec(select(Ticket).where(Ticket.state == "open").order_by(col(Ticket.id))).all())
    )


def reminded(season: Season, at: datetime) -> int:
    season.member("Awa Diallo", Address("sms", AWA))
    number = season.committee()
    for season.town.at in (datetime(2027, 1, 18, 9, tzinfo=PARIS), at):
        season.town.work(ticks=True)
    return number


def test_a_question_carries_the_committee_and_is_answered_the_evening_before(season: Season) -> None:
    number = reminded(season, datetime(2027, 1, 27, 10, tzinfo=PARIS))  # the day before
    season.town.say("sms", AWA, UNKNOWN)
    (first,) = [each for each in open_tickets(season) if each.question == UNKNOWN]
    assert first.committee_id == number
    assert first.promised_at == datetime(2027, 1, 27, 20, tzinfo=PARIS)
    (notice,) = [each for each in season.town.notices() if UNKNOWN in each.text]
    assert "Pour la réunion : Comité de pilotage (COPIL) de Bellevue, jeudi 28 janvier 2027 à 18 h." in notice.text
    assert "mercredi 27 janvier 2027 à 20 h" in notice.text
    season.town.say("sms", AWA, STRANGE)
    (second,) = [each for each in open_tickets(season) if STRANGE in each.question] or [first]
    assert second.committee_id == number, "the second question is about it too"


def test_ten_days_before_the_usual_promise_stands(season: Season) -> None:
    reminded(season, datetime(2027, 1, 18, 10, tzinfo=PARIS))
    season.town.say("sms", AWA, UNKNOWN)
    (ticket,) = [each for each in open_tickets(season) if each.question == UNKNOWN]
    assert ticket.promised_at < COPIL - timedelta(days=5)


def test_what_someone_wants_to_prepare_is_told_with_its_own_deadline(season: Season) -> None:
    number = reminded(season, datetime(2027, 1, 27, 10, tzinfo=PARIS))
    season.town.say("sms", AWA, "3")
    (ticket,) = [each for each in open_tickets(season) if each.kind == "preparation"]
    assert (ticket.committee_id, ticket.promised_at) == (number, datetime(2027, 1, 27, 20, tzinfo=PARIS))
    notice = next(each for each in season.town.notices() if "veut préparer" in each.text)
    assert "À répondre avant mercredi 27 janvier 2027 à 20 h" in notice.text


def test_it_comes_first_in_the_queue_but_after_danger_and_names_its_meeting(season: Season) -> None:
    town = season.town
    number = reminded(season, datetime(2027, 1, 18, 10, tzinfo=PARIS))

    def others(session: Session) -> None:
        row = session.exec(select(Ticket).limit(1)).first()
        address = row.address_id if row else 1
        for question, urgent in (("une autre", False), ("au secours", True)):
            tickets.open_ticket(
                session,
                Ticket(address_id=address, question=question, opened_at=town.at, promised_at=town.at, urgent=urgent),
            )

    town.db.transact(others)
    town.say("sms", AWA, UNKNOWN)
    found = town.db.look(queue.look, season.office, WHO, Filters(), town.at)
    asked = [each.question for each in found.rows if each.kind == "question"]
    assert asked == ["au secours", UNKNOWN, "une autre"]
    row = next(each for each in found.rows if each.question == UNKNOWN)
    assert row.meeting == "Comité de pilotage (COPIL) de Bellevue, jeudi 28 janvier 2027"
    listed = [each.question for each in town.db.look(tickets.listed) if each.kind == "question"]
    assert listed == asked
    assert number


def test_whoever_writes_human_first_is_asking_about_it_too_and_the_kit_waits_for_the_words(season: Season) -> None:
    number = reminded(season, datetime(2027, 1, 18, 10, tzinfo=PARIS))
    town = season.town

    def open_in_kit() -> list[str]:
        found = town.db.look(
            lambda s: kit.of(s, season.office, s.get(Committee, number), season.council, town.at)  # type: ignore[arg-type]
        )
        return [each.question for each in found.open]

    town.say("sms", AWA, "HUMAIN")
    (ticket,) = [each for each in open_tickets(season) if each.kind == "human"]
    assert ticket.committee_id == number
    assert open_in_kit() == []
