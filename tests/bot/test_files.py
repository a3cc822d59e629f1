"""Files that come with a question: the officer sees them, what nobody needs is not kept, they go with the question."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from bot.desk import files, officer, privacy
from channels.contract import Attachment
from channels.directory import Council
from channels.mailbox import AttachmentRow, InboxRow
from escalation.officers import Officer, OfficerCouncil
from escalation.tickets import Ticket
from tests.channels.files import PDF, SECRET_PLACE, picture
from tests.town import Town

PHOTO = Attachment("photo.jpg", "image/jpeg", picture())
PLAN = Attachment("plan.pdf", "application/pdf", PDF)
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


def test_a_file_alone_goes_to_a_person_even_when_it_is_not_kept(town: Town) -> None:
    town.say("telegram", "7", "", attachments=(PROGRAM,))
    (notice,) = town.notices()
    assert "jeu.exe" in notice.text


def test_what_came_with_a_question_that_was_answered_is_not_kept(town: Town) -> None:
    answer = town.say("telegram", "7", "c'est quoi le COPIL ?", attachments=(PHOTO,))
    assert any("comité de pilotage" in text for text in answer)
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
    town.db.transact(privacy.purge, later)
    assert len(rows(town)) == 1
    assert town.db.look(lambda session: session.exec(select(InboxRow.text)).first()) == privacy.ERASED
    town.db.transact(privacy.purge, town.at + timedelta(days=370))
    assert rows(town) == []


def test_a_copy_in_a_notice_goes_after_a_month(town: Town) -> None:
    town.say("email", "awa@exemple.org", UNKNOWN, attachments=(PLAN,))
    assert town.db.transact(privacy.purge, town.at + timedelta(days=29))["files"] == 0
    assert town.db.transact(privacy.purge, town.at + timedelta(days=31))["files"] == 1
    assert len(rows(town)) == 1


def test_whoever_is_erased_takes_their_files_along(town: Town) -> None:
    town.say("email", "awa@exemple.org", UNKNOWN, attachments=(PLAN,))
    row = town.db.look(lambda session: session.exec(select(InboxRow)).first())
    assert row is not None
    town.db.transact(privacy.erase, town.office, row.address_id, town.at)
    assert rows(town) == []
