"""Files that come with a question: the officer sees them, what nobody needs is not kept, they go with the question."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from bot.desk import chat, erasing, files, incoming, officer, retention
from channels.attachments import OutboxAttachmentRow
from channels.contract import Address, Attachment, Receipt, Undeliverable
from channels.directory import Council
from channels.mailbox import AttachmentRow, InboxRow, OutboxRow
from escalation.officers import Officer, OfficerCouncil
from escalation.tickets import Ticket
from tests.channels.files import PDF, SECRET_PLACE, picture, voice
from tests.town import OFFICER, Town

PHOTO = Attachment("photo.jpg", "image/jpeg", picture())
PLAN = Attachment("plan.pdf", "application/pdf", PDF)
VOICE = Attachment("message-vocal-1.ogg", "audio/ogg", voice())
PROGRAM = Attachment("jeu.exe", "application/pdf", b"MZ" * 50)
UNKNOWN = "Qui a repeint le banc devant chez Malik mardi dernier ?"


def rows(town: Town) -> list[AttachmentRow]:
    return town.db.look(lambda session: list(session.exec(select(AttachmentRow).order_by(col(AttachmentRow.id))).all()))


def ticket(town: Town) -> Ticket:
    return town.db.look(lambda session: session.exec(select(Ticket).order_by(col(Ticket.id).desc())).first())  # type: ignore[return-value]


def nora(town: Town) -> Officer:
    return town.db.look(lambda session: session.exec(select(Officer)).first())  # type: ignore[return-value]


@pytest.mark.parametrize("channel", ["email", "telegram", "sms", "web"])
def test_the_officer_sees_the_picture_that_came_with_a_question(town: Town, channel: str) -> None:
    handle = {"email": "awa@exemple.org", "sms": "+33600000001"}.get(channel, "7")
    town.say(channel, handle, UNKNOWN, attachments=(PHOTO, PLAN))
    (notice,) = town.notices()
    assert [file.filename for file in notice.attachments] == ["photo.jpg", "plan.pdf"]
    assert SECRET_PLACE not in notice.attachments[0].content
    assert "Avec : photo.jpg (" in notice.text
    assert notice.text.index(UNKNOWN) < notice.text.index("Avec : ")
    listed = town.db.look(files.of_ticket, ticket(town).id)
    assert [(each.filename, each.content_type) for each in listed] == [
        ("photo.jpg", "image/jpeg"),
        ("plan.pdf", "application/pdf"),
    ]


def test_a_file_that_is_not_kept_is_told_to_the_officer(town: Town) -> None:
    town.say("email", "awa@exemple.org", UNKNOWN, attachments=(PROGRAM, PLAN))
    (notice,) = town.notices()
    assert "1 fichier non gardé : jeu.exe" in notice.text
    assert [file.filename for file in notice.attachments] == ["plan.pdf"]
    assert [row.filename for row in rows(town)] == ["plan.pdf"]


def test_a_voice_message_is_listened_to_by_the_team_and_the_asker_hears_so(town: Town) -> None:
    said = town.say("telegram", "7", "", attachments=(VOICE,))[-1]
    assert "Je ne sais pas écouter un message vocal : une personne de l'équipe l'écoutera." in said
    (notice,) = town.notices()
    assert "(message vocal, à écouter)" in notice.text
    assert [(file.filename, file.content_type) for file in notice.attachments] == [("message-vocal-1.ogg", "audio/ogg")]
    assert SECRET_PLACE not in notice.attachments[0].content
    said = town.say("telegram", "7", "", attachments=(VOICE,))[-1]
    assert "J'ajoute votre message" in said
    assert "Je ne sais pas écouter" in said
    assert len(rows(town)) == 2
    town.db.transact(erasing.erase, town.office, ticket(town).address_id, town.at)
    assert rows(town) == [], "it goes with the question"


def test_whoever_sends_what_cannot_be_kept_hears_what_can(town: Town) -> None:
    said = town.say("telegram", "7", UNKNOWN, attachments=(PROGRAM,))[-1]
    assert "Je n'ai pas pu garder jeu.exe (ce genre de fichier n'est pas gardé ; ce qui l'est : PDF, photo" in said
    said = town.say("telegram", "8", UNKNOWN)[-1]
    assert "garder" not in said


def test_a_file_alone_goes_to_a_person_even_when_it_is_not_kept(town: Town) -> None:
    town.say("telegram", "7", "", attachments=(PROGRAM,))
    (notice,) = town.notices()
    assert "jeu.exe" in notice.text


def test_what_came_with_a_question_that_was_answered_goes_when_its_follow_up_is_over(town: Town) -> None:
    answer = town.say("telegram", "7", "c'est quoi le COPIL ?", attachments=(PHOTO,))
    assert any("comité de pilotage" in text for text in answer)
    town.db.transact(retention.purge, town.at + timedelta(hours=71))
    assert len(rows(town)) == 1
    assert town.db.transact(retention.purge, town.at + timedelta(hours=73))["follow-ups"] == 1
    assert rows(town) == []


@pytest.mark.parametrize("word", ["NON", "HUMAIN"])
def test_whoever_is_not_content_with_an_answer_hands_on_the_file_of_the_question(town: Town, word: str) -> None:
    town.say("telegram", "7", "c'est quoi le COPIL ?", attachments=(PHOTO,))
    town.say("telegram", "8", "c'est quoi le COPIL ?", attachments=(PLAN,))
    town.say("telegram", "7", word)
    (notice,) = town.notices()
    assert [file.filename for file in notice.attachments] == ["photo.jpg"]
    assert [each.filename for each in town.db.look(files.of_ticket, ticket(town).id)] == ["photo.jpg"]
    town.db.transact(retention.purge, town.at + timedelta(hours=73))
    assert [row.filename for row in rows(town)] == ["photo.jpg"]


def test_a_mail_that_says_no_two_days_later_hands_on_the_file_of_the_question(town: Town) -> None:
    town.say("email", "awa@exemple.org", "c'est quoi le COPIL ?", attachments=(PLAN,))
    town.pass_time(hours=50)
    town.work(ticks=True)
    town.say("email", "awa@exemple.org", "NON")
    assert [file.filename for file in town.notices()[-1].attachments] == ["plan.pdf"]


def test_a_person_who_is_asked_for_later_gets_the_file_that_came_before(town: Town) -> None:
    town.say("telegram", "7", "c'est quoi le COPIL ?", attachments=(PHOTO,))
    town.pass_time(hours=5)
    town.say("telegram", "7", "Bonjour", attachments=(PLAN,))
    town.say("telegram", "7", "HUMAIN")
    assert [file.filename for file in town.notices()[-1].attachments] == ["photo.jpg", "plan.pdf"]


def asked(town: Town, channel: str, handle: str) -> str:
    """A question that waits for a person; the token of the notice."""
    town.say(channel, handle, UNKNOWN)
    return town.notices()[-1].token


def test_an_answer_goes_without_the_files_that_the_askers_server_finds_too_large(town: Town) -> None:
    token = asked(town, "email", "awa@exemple.org")
    town.channels["email"].refuse = [Undeliverable("le message est trop volumineux (552 5.3.4)", heavy=True)]
    town.say("email", OFFICER.handle, "Voici le plan.", token=token, attachments=(PLAN, PHOTO))
    town.work()
    said = town.channels["email"].to("awa@exemple.org")[-1]
    assert "Voici le plan." in said.text
    assert "Des fichiers étaient trop lourds pour votre messagerie : plan.pdf (1 ko), photo.jpg (" in said.text
    assert "Demandez à l'équipe comment les avoir." in said.text
    assert said.attachments == ()
    told = next(each for each in town.notices() if "sans ses fichiers" in each.subject)
    assert "sans : plan.pdf (1 ko), photo.jpg (" in told.text
    assert "552 5.3.4" in told.text
    assert town.db.look(lambda session: session.exec(select(OutboxAttachmentRow)).all()) == []
    town.say("email", OFFICER.handle, "Voici un plan plus léger.", token=told.token)
    assert "plus léger" in town.read("email", "awa@exemple.org")[-1]


def test_a_mail_that_comes_back_for_its_size_goes_again_without_its_files(town: Town) -> None:
    token = asked(town, "email", "awa@exemple.org")
    town.say("email", OFFICER.handle, "Voici le plan.", token=token, attachments=(PLAN,))
    row = town.db.look(lambda session: session.exec(select(OutboxRow).where(OutboxRow.name == "officer_answer")).one())
    back = Receipt("email", row.provider_id, "failed", "le message est trop volumineux (5.3.4)", heavy=True)
    assert town.db.transact(incoming.receive, town.office, back, town.at)
    town.work(ticks=True)
    first, second = town.channels["email"].to("awa@exemple.org")[-2:]
    assert first.attachments
    assert not second.attachments
    assert "Un fichier était trop lourd pour votre messagerie : plan.pdf (1 ko). Demandez à l'équipe" in second.text
    assert [each.subject for each in town.notices() if "n'est pas arrivé" in each.subject] == []


def test_words_that_arrived_before_a_file_that_could_not_are_not_said_twice(town: Town) -> None:
    token = asked(town, "telegram", "7")
    town.channels["telegram"].refuse = [Undeliverable("trop volumineux (413)", heavy=True, said="812")]
    town.say("email", OFFICER.handle, "Voici le plan.", token=token, attachments=(PLAN,))
    said = [message.text for message in town.channels["telegram"].to("7")]
    assert not any("Voici le plan." in text for text in said), "the provider has said it already, as 812"
    assert "Avec mon dernier message devait venir : plan.pdf (1 ko)." in said[-1]
    row = town.db.look(lambda session: session.exec(select(OutboxRow).where(OutboxRow.name == "officer_answer")).one())
    assert (row.state, row.provider_id, row.files) == ("sent", "812", 0)


def test_a_notice_too_heavy_for_an_officers_server_comes_without_files(town: Town) -> None:
    town.channels["email"].refuse = [Undeliverable("trop volumineux (552)", heavy=True)]
    town.say("telegram", "7", UNKNOWN, attachments=(PLAN,))
    town.work()
    (notice,) = town.notices()
    assert "Au bureau, la page de la question le garde." in notice.text
    assert notice.token


@pytest.mark.parametrize(("channel", "handle"), [("email", "awa@exemple.org"), ("telegram", "7")])
def test_what_the_officer_joins_to_a_reply_goes_on_to_the_asker(town: Town, channel: str, handle: str) -> None:
    token = asked(town, channel, handle)
    town.say("email", OFFICER.handle, "Voici le plan.", token=token, attachments=(PLAN, PROGRAM, PHOTO))
    said = town.channels[channel].to(handle)[-1]
    assert "Voici le plan." in said.text
    assert [file.filename for file in said.attachments] == ["plan.pdf", "photo.jpg"]
    assert said.attachments[0].content == PDF
    assert SECRET_PLACE not in said.attachments[1].content
    told = town.notices()[-1].text
    assert "Avec votre réponse : plan.pdf (1 ko), photo.jpg (" in told
    assert "Pas transmis : 1 fichier non gardé : jeu.exe" in told
    assert town.db.look(files.of_ticket, ticket(town).id) == [], "a reply's files are none of the question's"


def test_a_page_shows_the_officers_file_as_a_link(town: Town) -> None:
    token = asked(town, "web", "w1")
    town.say("email", OFFICER.handle, "Voici le plan.", token=token, attachments=(PLAN,))
    shown = town.db.transact(chat.collect, town.office, Address("web", "w1"), 0, town.at)[-1]
    assert [(file.filename, file.size) for file in shown.files] == [("plan.pdf", len(PDF))]
    opened = town.db.look(chat.file, town.office, Address("web", "w1"), shown.files[0].id)
    assert opened is not None
    assert opened.content == PDF


def test_a_text_message_says_that_a_file_waits(town: Town) -> None:
    token = asked(town, "sms", "+33600000001")
    town.say("email", OFFICER.handle, "Voici le plan.", token=token, attachments=(PLAN,))
    said = town.channels["sms"].to("+33600000001")[-1]
    assert said.attachments == ()
    assert said.text.endswith("Un fichier vous attend auprès de l'équipe.")
    assert "Pas transmis : plan.pdf (1 ko) (aucun fichier ne passe par SMS)." in town.notices()[-1].text


def test_a_logo_in_the_officers_signature_goes_to_nobody(town: Town) -> None:
    token = asked(town, "sms", "+33600000001")
    logo = Attachment("logo.jpg", "image/jpeg", picture(), inline=True)
    town.say("email", OFFICER.handle, "Mardi à 18 h.", token=token, attachments=(logo,))
    assert "fichier" not in town.channels["sms"].to("+33600000001")[-1].text
    assert "Pas transmis : logo.jpg (image dans le texte" in town.notices()[-1].text


def test_a_file_without_a_word_is_a_reply(town: Town) -> None:
    token = asked(town, "email", "awa@exemple.org")
    town.say("email", OFFICER.handle, "", token=token, attachments=(PLAN,))
    said = town.channels["email"].to("awa@exemple.org")[-1]
    assert "Voici ce que vous attendiez." in said.text
    assert [file.filename for file in said.attachments] == ["plan.pdf"]


def test_a_reply_of_which_nothing_may_go_on_is_a_draft(town: Town) -> None:
    token = asked(town, "email", "awa@exemple.org")
    before = len(town.channels["email"].to("awa@exemple.org"))
    town.say("email", OFFICER.handle, "", token=token, attachments=(PROGRAM,))
    assert len(town.channels["email"].to("awa@exemple.org")) == before
    assert "la réponse est vide" in town.notices()[-1].text
    assert "jeu.exe" in town.notices()[-1].text
    with pytest.raises(officer.NothingToConfirm):
        town.db.transact(officer.confirm, town.office, ticket(town).id, "command", town.at)


def test_the_files_of_a_draft_go_once_it_is_confirmed(town: Town) -> None:
    token = asked(town, "email", "awa@exemple.org")
    town.say("email", "nora@ailleurs.org", "Voici le plan.", token=token, attachments=(PLAN,))
    assert "Avec : plan.pdf (1 ko)" in town.notices()[-1].text
    town.pass_time(hours=80)
    town.work(ticks=True)
    town.db.transact(officer.confirm, town.office, ticket(town).id, "command", town.at)
    town.work()
    said = town.channels["email"].to("awa@exemple.org")[-1]
    assert [file.filename for file in said.attachments] == ["plan.pdf"]


def test_erasure_takes_the_files_of_the_answers_too(town: Town) -> None:
    token = asked(town, "email", "awa@exemple.org")
    town.say("email", OFFICER.handle, "Voici le plan.", token=token, attachments=(PLAN,))
    assert len(rows(town)) == 1
    town.db.transact(erasing.erase, town.office, ticket(town).address_id, town.at)
    assert rows(town) == []


def test_what_is_added_to_a_question_is_told_and_kept_with_it(town: Town) -> None:
    town.say("email", "awa@exemple.org", UNKNOWN)
    number = ticket(town).id
    token = town.channels["email"].to("awa@exemple.org")[-1].token
    town.say("email", "awa@exemple.org", "Voici le plan.", token=token, attachments=(PLAN,))
    added = town.notices()[-1]
    assert "Voici le plan." in added.text
    assert [file.filename for file in added.attachments] == ["plan.pdf"]
    assert [row.ticket_id for row in rows(town)] == [number]


def test_a_large_file_is_named_in_the_notice_and_fetched_at_the_desk(town: Town) -> None:
    large = Attachment("livre.pdf", "application/pdf", PDF + b"x" * 6_000_000)
    town.say("email", "awa@exemple.org", UNKNOWN, attachments=(large, PLAN))
    (notice,) = town.notices()
    assert "livre.pdf (6,0 Mo)" in notice.text
    assert [file.filename for file in notice.attachments] == ["plan.pdf"]
    id = town.db.look(files.of_ticket, ticket(town).id)[0].id
    found = town.db.transact(files.attachment, town.office, nora(town), id, town.at)
    assert found == ("livre.pdf", "application/pdf", large.content)


def test_nothing_of_a_file_can_be_read_in_the_database(town: Town) -> None:
    town.say("email", "awa@exemple.org", UNKNOWN, attachments=(PLAN,))
    assert all(PDF[:20] not in row.sealed for row in rows(town))


def test_an_officer_opens_the_files_of_their_own_councils_alone(town: Town) -> None:
    town.say("email", "awa@exemple.org", UNKNOWN, attachments=(PLAN,))
    id, number = rows(town)[0].id, ticket(town).id

    def arrange(session: Any) -> None:
        councils = [Council(slug=name, name=name) for name in ("bellevue", "malakoff")]
        session.add_all(councils)
        session.flush()
        found = session.get(Ticket, number)
        found.council_id = councils[0].id
        session.add_all([found, OfficerCouncil(officer_id=nora(town).id, council_id=councils[1].id)])

    assert town.db.transact(files.attachment, town.office, nora(town), id, town.at)[0] == "plan.pdf"
    with pytest.raises(LookupError):
        town.db.transact(files.attachment, town.office, nora(town), 4_000, town.at)
    town.db.transact(arrange)
    with pytest.raises(LookupError):
        town.db.transact(files.attachment, town.office, nora(town), id, town.at)


def test_files_go_with_their_question_and_not_before(town: Town) -> None:
    town.say("email", "awa@exemple.org", UNKNOWN, attachments=(PLAN,))
    town.db.transact(officer.close, ticket(town).id, "réglé", "officer:1", town.at)
    later = town.at + timedelta(days=40)
    town.db.transact(retention.purge, later)
    assert len(rows(town)) == 1
    assert town.db.look(lambda session: session.exec(select(InboxRow.text)).first()) == erasing.ERASED
    town.db.transact(retention.purge, town.at + timedelta(days=370))
    assert rows(town) == []


def test_a_copy_in_a_notice_goes_after_a_month(town: Town) -> None:
    town.say("email", "awa@exemple.org", UNKNOWN, attachments=(PLAN,))
    assert town.db.transact(retention.purge, town.at + timedelta(days=29))["files"] == 0
    assert town.db.transact(retention.purge, town.at + timedelta(days=31))["files"] == 1
    assert len(rows(town)) == 1


def test_whoever_is_erased_takes_their_files_along(town: Town) -> None:
    town.say("email", "awa@exemple.org", UNKNOWN, attachments=(PLAN,))
    row = town.db.look(lambda session: session.exec(select(InboxRow)).first())
    assert row is not None
    town.db.transact(erasing.erase, town.office, row.address_id, town.at)
    assert rows(town) == []
