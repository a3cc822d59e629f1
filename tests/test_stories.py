"""The flows, told end to end with the real desk, matcher and databases."""

import re
from dataclasses import replace
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlmodel import Session, select

from bot import audit, tokens
from bot.conversations import Given, Prompt, Question, ask
from bot.desk import officer
from bot.tables import metadata
from channels import directory
from channels.contract import Address, Attachment, TryAgain, Undeliverable, Unsure
from channels.directory import AddressRow
from channels.mailbox import InboxRow, OutboxRow
from channels.sms.budget import Ceilings, Meter
from escalation.tickets import Ticket, TicketReply
from tests.town import OFFICER, Town

AWA = "awa@exemple.org"


def test_a_known_question_is_answered_with_its_source(town: Town) -> None:
    (answer,) = town.say("web", "w1", "c koi le copil ?")
    assert "comité de pilotage" in answer
    assert "Source : " in answer
    assert "Réponse automatique" in answer
    assert not town.notices()


def test_what_was_sent_to_whom_is_known_by_version(town: Town) -> None:
    town.say("web", "w1", "c'est quoi un QPV ?")

    def given(session: Session) -> tuple[int, int]:
        return len(session.exec(select(Given)).all()), len(session.exec(select(Question)).all())

    assert town.db.look(given) == (1, 1)


def test_the_first_message_on_email_says_who_answers(town: Town) -> None:
    notice, answer = town.say("email", AWA, "Comment trouver une salle pour nous réunir ?", subject="Salle")
    assert "je suis le programme" in notice
    assert "HUMAIN" in notice
    assert "mairie de quartier" in answer
    assert len(town.say("email", AWA, "Qu'est-ce que le contrat de ville ?", subject="Autre question")) == 1


def test_an_unknown_question_goes_to_the_officer_and_comes_back_where_it_was_asked(town: Town) -> None:
    (handed_on,) = town.say("web", "w1", "Qui a voté contre le budget mardi dernier à Malakoff ?")
    assert "n° 1" in handed_on
    (notice,) = town.notices()
    assert "Qui a voté contre" in notice.text
    assert "répondez simplement" in notice.text
    town.say("email", OFFICER.handle, "Personne : le vote était unanime.", token=notice.token)
    assert "unanime" in town.read("web", "w1")[-1]
    read_back = town.notices()[-1]
    assert "est partie" in read_back.subject
    assert town.db.look(audit.verify) is None


def test_a_reply_from_another_address_is_a_draft_that_the_officer_confirms(town: Town) -> None:
    town.say("web", "w1", "Qui a voté contre le budget mardi dernier à Malakoff ?")
    (notice,) = town.notices()
    town.say("email", "someone@exemple.net", "Payez ici.", token=notice.token)
    assert len(town.read("web", "w1")) == 1, "nothing may reach the asker"
    assert "attend une confirmation" in town.notices()[-1].subject
    town.db.transact(officer.confirm, town.office, 1, "command", town.now())
    assert "Payez ici." in town.read("web", "w1")[-1]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"proof": "fail"}, "DMARC"),
        ({"nature": "unsure"}, "automatique"),
    ],
)
def test_an_officers_reply_that_is_not_proven_waits(town: Town, more: dict[str, str], why: str) -> None:
    town.say("web", "w1", "Qui a voté contre le budget mardi dernier à Malakoff ?")
    (notice,) = town.notices()
    town.say("email", OFFICER.handle, "Personne.", token=notice.token, **more)
    assert len(town.read("web", "w1")) == 1
    assert why in town.notices()[-1].text


def test_a_forged_token_relays_nothing(town: Town) -> None:
    town.say("web", "w1", "Qui a voté contre le budget mardi dernier à Malakoff ?")
    (notice,) = town.notices()
    forged = notice.token[:-1] + ("a" if notice.token[-1] != "a" else "b")
    town.say("email", OFFICER.handle, "Personne.", token=forged)
    assert len(town.read("web", "w1")) == 1
    assert town.db.look(lambda session: session.get(Ticket, 2)).kind == "to-sort"


def test_an_out_of_office_reply_is_never_answered_nor_relayed(town: Town) -> None:
    town.say("web", "w1", "Qui a voté contre le budget mardi dernier à Malakoff ?")
    (notice,) = town.notices()
    assert town.say("email", OFFICER.handle, "Je suis absente.", token=notice.token, nature="machine") == []
    assert len(town.read("web", "w1")) == 1


def test_what_the_asker_adds_after_an_answer_reopens_the_question(town: Town) -> None:
    town.say("web", "w1", "Qui a voté contre le budget mardi dernier à Malakoff ?")
    (notice,) = town.notices()
    town.say("email", OFFICER.handle, "Personne.", token=notice.token)
    town.pass_time(hours=2)
    (added,) = town.say("web", "w1", "et le maire de la ville il a dit quoi de ça ce soir-là ?")
    assert "n° 1" in added
    assert town.db.look(lambda session: session.get(Ticket, 1)).state == "open"
    town.say("email", OFFICER.handle, "Il était absent.", token=town.notices()[-1].token)
    assert "absent" in town.read("web", "w1")[-1]


def test_an_asker_answers_by_email_with_the_token_of_the_ticket(town: Town) -> None:
    town.say("email", AWA, "Qui a voté contre le budget mardi dernier à Malakoff ?", subject="Vote")
    handed_on = town.channels["email"].to(AWA)[-1]
    assert handed_on.token
    assert handed_on.subject == "Re: Vote"
    (added,) = town.say("email", AWA, "J'oubliais : c'était le soir.", token=handed_on.token, subject="Re: Vote")
    assert "n° 1" in added
    stranger = town.say("email", "x@exemple.net", "J'oubliais : c'était le soir.", token=handed_on.token)
    assert "n° 2" in stranger[-1], "a stranger who has the token opens a question of their own"


def test_a_choice_is_made_by_its_number_and_none_of_them_goes_to_a_person(town: Town) -> None:
    def offer(session: Session) -> None:
        row = session.exec(select(AddressRow).where(AddressRow.channel == "web")).one()
        last = session.exec(select(Question)).first()
        ask(
            session,
            Prompt(
                address_id=row.id,
                kind="choose",
                offered=["copil-role", "cotech-role"],
                question_id=last.id,
                opened_at=town.now(),
                lapses_at=town.now().replace(year=2027),
            ),
        )

    town.say("web", "w1", "c'est quoi un QPV ?")
    town.db.transact(offer)
    (chosen,) = town.say("web", "w1", "le deuxième")
    assert "comité technique" in chosen
    town.db.transact(offer)
    (handed_on,) = town.say("web", "w1", "3")
    assert "n° 1" in handed_on


def test_no_after_an_answer_hands_the_question_on_with_its_words(town: Town) -> None:
    town.say("web", "w1", "c'est quoi un QPV ?")
    (handed_on,) = town.say("web", "w1", "Non !")
    assert "n° 1" in handed_on
    assert "c'est quoi un QPV ?" in town.notices()[0].text


def test_humain_always_reaches_a_person_and_the_question_may_follow(town: Town) -> None:
    (human,) = town.say("web", "w1", "humain")
    assert "une personne de l'équipe" in human
    (added,) = town.say("web", "w1", "Ma voisine voudrait savoir pour samedi, chez Fatou ?")
    assert "n° 1" in added
    assert len(town.db.look(lambda session: session.exec(select(Ticket)).all())) == 1


def test_stop_brings_silence_until_start(town: Town) -> None:
    town.say("telegram", "42", "bonjour")
    assert "je ne vous écris plus" in town.say("telegram", "42", "ARRÊT")[0]
    assert town.say("telegram", "42", "c'est quoi un QPV ?") == []
    assert "HUMAIN" in town.say("telegram", "42", "start")[0]
    assert town.say("telegram", "42", "c'est quoi un QPV ?")


def test_an_answer_to_whoever_said_stop_is_dropped_and_seen(town: Town) -> None:
    town.say("telegram", "42", "Qui a voté contre le budget mardi dernier à Malakoff ?")
    (notice,) = town.notices()
    town.say("telegram", "42", "stop")
    town.say("email", OFFICER.handle, "Personne.", token=notice.token)
    dropped = town.db.look(lambda s: s.exec(select(OutboxRow).where(OutboxRow.state == "dropped")).all())
    assert [row.name for row in dropped] == ["officer_answer"]


def test_the_same_message_twice_is_one(town: Town) -> None:
    assert town.hear("telegram", "42", "c'est quoi un QPV ?", id="7")
    assert not town.hear("telegram", "42", "c'est quoi un QPV ?", id="7")
    town.pass_time(seconds=4)
    town.work()
    assert len(town.read("telegram", "42")) == 2  # the notice and one answer


def test_three_short_messages_are_read_as_one_question(town: Town) -> None:
    for text in ("bonjour", "c'est quoi", "le copil"):
        town.hear("telegram", "42", text)
        town.pass_time(seconds=1)
    town.work()
    assert town.read("telegram", "42") == [], "they may still be writing"
    town.pass_time(seconds=3)
    town.work()
    _, answer = town.read("telegram", "42")
    assert "comité de pilotage" in answer


def test_distress_gets_the_number_first_and_the_officer_at_once(town: Town) -> None:
    (said,) = town.say("web", "w1", "mon mari me frappe j'ai peur aidez moi")
    assert said.startswith(("Danger immédiat", "Violences")), said
    assert "3919" in said
    assert "URGENT" in town.notices()[0].subject


@pytest.mark.parametrize("text", ["", "   ", "😀😀", "؟؟", "\u202e\u202e", "???"])
def test_what_holds_no_question_gets_a_kind_word(town: Town, text: str) -> None:
    (said,) = town.say("web", "w1", text)
    assert "n°" not in said
    assert said


def test_nul_bytes_and_a_megabyte_are_kept_and_answered(town: Town) -> None:
    town.say("web", "w1", "c'est\0 quoi un QPV ?")
    assert "quartier prioritaire" in town.read("web", "w1")[0]
    town.say("web", "w2", "blabla " * 150_000)
    kept = town.db.look(lambda s: s.exec(select(InboxRow).order_by(InboxRow.id.desc())).first())
    assert len(kept.text) == 100_000
    assert any("coupé" in warning for warning in kept.warnings)


def test_right_to_left_text_reaches_the_officer_unharmed(town: Town) -> None:
    text = "أين يمكنني أن أجد قاعة للاجتماع؟"
    town.say("web", "w1", text)
    assert text in town.notices()[0].text


def test_a_picture_without_words_goes_to_a_person(town: Town) -> None:
    (said,) = town.say("web", "w1", "", attachments=(Attachment("photo.jpg", "image/jpeg", b"\xff\xd8\xff"),))
    assert "n° 1" in said


def test_a_flood_is_kept_and_answered_once_with_a_word(town: Town) -> None:
    for _ in range(12):
        town.say("web", "w1", "c'est quoi un QPV ?")
        town.pass_time(seconds=1)
    said = town.read("web", "w1")
    assert sum("beaucoup de messages" in text for text in said) == 1
    assert len(said) < 12
    assert len(town.db.look(lambda s: s.exec(select(InboxRow)).all())) == 12


def test_a_message_that_cannot_arrive_becomes_a_ticket(town: Town) -> None:
    town.channels["telegram"].refuse = [Undeliverable("la personne a bloqué le bot")]
    town.say("telegram", "42", "c'est quoi un QPV ?")
    town.work(ticks=True)
    assert "n'est pas arrivé" in town.notices()[0].subject
    assert "bloqué" in town.notices()[0].text
    town.work(ticks=True)
    assert len(town.notices()) == 1


def test_a_tired_provider_is_tried_again_in_order(town: Town) -> None:
    town.channels["telegram"].refuse = [TryAgain("503"), TryAgain("429", after=40, scope="channel")]
    town.say("telegram", "42", "c'est quoi un QPV ?")
    assert town.read("telegram", "42") == []
    for _ in range(8):
        town.pass_time(seconds=30)
        town.work()
    notice, answer = town.read("telegram", "42")
    assert "je suis le programme" in notice
    assert "quartier prioritaire" in answer


def test_a_doubtful_send_is_repeated_once_for_an_answer_then_shown(town: Town) -> None:
    town.channels["telegram"].refuse = [Unsure("?"), Unsure("?")]
    town.say("telegram", "42", "bonjour")
    for _ in range(3):
        town.pass_time(seconds=60)
        town.work(ticks=True)
    states = town.db.look(lambda s: s.exec(select(OutboxRow.state).where(OutboxRow.channel == "telegram")).all())
    assert "unknown" in states
    assert any("n'est pas arrivé" in notice.subject for notice in town.notices())


def test_a_token_dies_on_its_last_day(town: Town) -> None:
    claim = tokens.Claim(tokens.OFFICER, 1, 1, town.now().date())
    token = tokens.sign(town.office.vault, claim)
    assert len(token) == 45
    assert tokens.read(town.office.vault, token, town.now()) == claim
    town.pass_time(days=1)
    assert tokens.read(town.office.vault, token, town.now()) is None


def test_no_address_stands_outside_its_table(town: Town) -> None:
    town.say("email", AWA, "Qui a voté contre le budget mardi dernier à Malakoff ?")

    def cells(session: Session) -> list[str]:
        found = []
        for table in (InboxRow, OutboxRow, Ticket, TicketReply, Question, AddressRow):
            found += [repr(row.model_dump()) for row in session.exec(select(table)).all()]
        return found

    assert not any(AWA in cell for cell in town.db.look(cells))


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("AIDE", "Écrivez votre question"),
        ("contacts", "équipe"),
        ("Copil", "réunion"),
        ("mes données", "garde sur vous"),
        ("/aide", "Écrivez votre question"),
    ],
)
def test_the_words_work_without_accents_or_case(town: Town, word: str, said: str) -> None:
    assert said in town.say("web", "w1", word)[0]


def code_in(texts: list[str]) -> str:
    return re.search(r"\d{6}", texts[-1])[0]  # type: ignore[index]


def test_someone_sees_their_data_after_a_code_to_the_same_address(town: Town) -> None:
    town.say("telegram", "42", "c'est quoi un QPV ?")
    asked = town.say("telegram", "42", "MES DONNÉES")
    assert "code" in asked[-1]
    assert "pas le bon code" in town.say("telegram", "42", "000000" if code_in(asked) != "000000" else "111111")[-1]
    (told,) = town.say("telegram", "42", code_in(asked))
    assert "c'est quoi un QPV ?" in told
    assert "chiffrée" in told


def test_a_page_shows_data_by_its_session(town: Town) -> None:
    town.say("web", "w1", "c'est quoi un QPV ?")
    assert "c'est quoi un QPV ?" in town.say("web", "w1", "mes donnees")[-1]


def test_whoever_asks_is_erased_and_no_word_of_theirs_stays(town: Town) -> None:
    words = "le secret de la rue Verlaine, qui a voté contre ?"
    town.say("telegram", "424242", words)
    (notice,) = town.notices()
    town.say("email", OFFICER.handle, "Personne, rue Verlaine.", token=notice.token)
    asked = town.say("telegram", "424242", "SUPPRIMER")
    assert "effacés" in town.say("telegram", "424242", code_in(asked))[-1]
    town.work(ticks=True)

    def dump(session: Session) -> str:
        return "\n".join(repr(row) for table in metadata.sorted_tables for row in session.execute(sa.select(table)))

    kept = town.db.look(dump)
    assert "Verlaine" not in kept
    assert town.db.look(directory.find, town.office.vault, Address("telegram", "424242")) is None
    assert town.db.look(audit.verify) is None
    assert "je suis le programme" in town.say("telegram", "424242", "bonjour")[0], "they may come back as anyone"


def test_a_wrong_code_three_times_ends_it(town: Town) -> None:
    asked = town.say("telegram", "42", "supprimer")
    wrong = "000000" if code_in(asked) != "000000" else "111111"
    for _ in range(3):
        town.say("telegram", "42", wrong)
    town.say("telegram", "42", code_in(asked))
    assert (
        town.db.look(lambda s: s.exec(select(AddressRow).where(AddressRow.channel == "telegram")).one().erasing_at)
        is None
    )
    assert "données sont effacées" not in "".join(town.read("telegram", "42"))


def test_automatic_answers_are_forgotten_after_a_month_and_the_rest_after_a_year(town: Town) -> None:
    town.say("web", "w1", "c'est quoi un QPV ?")
    town.say("web", "w2", "Qui a voté contre le budget mardi dernier à Malakoff ?")
    town.say("email", OFFICER.handle, "Personne.", token=town.notices()[0].token)
    town.pass_time(days=31)
    town.work(ticks=True)
    texts = town.db.look(lambda s: s.exec(select(Question.text).order_by(Question.id)).all())
    assert texts == ["(effacé)", "Qui a voté contre le budget mardi dernier à Malakoff ?"]
    town.pass_time(days=370)
    town.work(ticks=True)
    assert "Malakoff" not in repr(town.db.look(lambda s: s.exec(select(Ticket)).all()))
    assert "Malakoff" not in repr(town.db.look(lambda s: s.exec(select(InboxRow.text)).all()))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Where can we find a room for our meeting, please?", "a person from our team"),
        ("¿Dónde podemos encontrar una sala para nuestra reunión?", "Una persona"),
        ("أين يمكننا أن نجد قاعة لاجتماعنا؟", "فريقنا"),
        ("Где нам найти зал для собрания жителей?", "ответит"),
    ],
)
def test_a_message_in_another_language_gets_a_word_in_it(town: Town, text: str, said: str) -> None:
    assert said in town.say("web", "w1", text)[0]
    assert text in town.notices()[0].text
    assert "pas en français" in town.notices()[0].text


def test_an_answer_that_is_too_long_for_its_channel_goes_on_when_asked(town: Town) -> None:
    def shorten(text: str) -> tuple[str, str]:
        return (text, "") if len(text) < 120 else (text[:100] + " ... SUITE", text[100:])

    town.office = replace(town.office, shorten={"telegram": shorten})
    first = town.say("telegram", "42", "c'est quoi un QPV ?")[-1]
    assert first.endswith("SUITE")
    second = town.say("telegram", "42", "Suite")[-1]
    assert second != first
    assert "pas de suite" in town.say("web", "w1", "suite")[-1]


def test_an_officer_links_telegram_by_a_code_and_answers_there_by_replying(town: Town) -> None:
    code = town.db.transact(officer.new_code, town.office, OFFICER.handle, town.now())
    (linked,) = town.say("telegram", "777", code.upper())
    assert "c'est relié" in linked
    town.say("web", "w1", "Qui a voté contre le budget mardi dernier à Malakoff ?")
    assert "Malakoff" in town.notices()[-1].text
    assert "Malakoff" in town.read("telegram", "777")[-1]
    notice_id = f"telegram-{len(town.channels['telegram'].sent)}"
    town.say("telegram", "777", "Personne, c'était unanime.", about=notice_id)
    town.pass_time(minutes=2)  # until then it can be taken back
    assert "unanime" in town.read("web", "w1")[-1]
    again = town.say("telegram", "888", code)
    assert "c'est relié" not in "".join(again), "a code works once"


def test_a_link_code_lapses(town: Town) -> None:
    code = town.db.transact(officer.new_code, town.office, OFFICER.handle, town.now())
    town.pass_time(minutes=31)
    assert "c'est relié" not in "".join(town.say("telegram", "777", code))


def test_a_ceiling_holds_messages_back_and_the_officer_hears_once(town: Town) -> None:
    meter = Meter(Decimal("0.05"), Ceilings(Decimal("0.30"), None))
    town.office = replace(town.office, meters={"sms": meter})
    for number in range(4):
        town.say("sms", f"+3361234567{number}", "c'est quoi un QPV ?")
    sent = len(town.channels["sms"].sent)
    waiting = town.db.look(lambda s: s.exec(select(OutboxRow).where(OutboxRow.state == "waiting")).all())
    assert sent >= 1
    assert waiting
    assert all("plafond" in row.reason for row in waiting if row.reason)
    spent = town.db.look(lambda s: s.exec(select(sa.func.sum(OutboxRow.cost))).one())
    assert 0 < spent <= 300
    alarms = [notice.text for notice in town.notices() if "dépenses" in notice.subject]
    assert len(alarms) == len(set(alarms)) >= 1
    town.pass_time(days=1)
    town.work()
    assert len(town.channels["sms"].sent) > sent
