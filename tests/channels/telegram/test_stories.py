"""What people live through on Telegram, with the real desk behind the real channel and a Bot API server in front."""

import asyncio
import contextlib
from datetime import timedelta

import pytest
from sqlmodel import Session, col, select

from bot import conversations
from bot.conversations import Prompt, Question
from bot.desk import letters, replies
from bot.desk.replies import Titled
from channels import directory
from channels.contract import Inbound, Receipt
from channels.directory import AddressRow
from channels.mailbox import AttachmentRow, InboxRow, OutboxRow
from escalation.tickets import Ticket
from tests.channels.telegram.conftest import TelegramTown
from tests.peers.telegram import Fault, Phone, Sent
from tests.town import OFFICER

UNKNOWN = "Qui a voté contre le budget mardi dernier à Malakoff ?"


@pytest.fixture
def awa(tele: TelegramTown) -> Phone:
    return tele.api.person(5550142)


def tickets(tele: TelegramTown) -> list[Ticket]:
    return list(tele.db.look(lambda session: session.exec(select(Ticket).order_by(Ticket.id)).all()))


def offer_choices(tele: TelegramTown, phone: Phone) -> Sent:
    """The desk offers two entries, as it does when the matcher hesitates; the message with the buttons."""
    phone.says("@hotline_essai_bot c'est quoi un QPV ?")
    tele.answer(phone)

    def offer(session: Session) -> None:
        question = session.exec(select(Question).order_by(col(Question.id).desc())).first()
        assert question is not None
        row = session.get(AddressRow, question.address_id)
        assert row is not None
        titles = [Titled("copil-role", "Le rôle du COPIL"), Titled("trouver-une-salle", "Trouver une salle")]
        message = replies.clarify(titles, directory.opened(tele.office.vault, row))
        letters.post(session, tele.office, message, f"offer:{question.id}", row, tele.now())
        lapses = tele.now() + timedelta(minutes=30)
        offered = [each.slug for each in titles]
        prompt = Prompt(
            address_id=row.id,
            kind="choose",
            offered=offered,
            question_id=question.id,
            opened_at=tele.now(),
            lapses_at=lapses,
        )
        conversations.ask(session, prompt)

    tele.db.transact(offer)
    tele.work()
    (offered, *_) = [sent for sent in reversed(tele.api.to(phone.chat["id"])) if sent.buttons]
    assert "Laquelle cherchez-vous" in offered.text
    assert "Appuyez sur votre choix" in offered.text
    return offered


def test_a_question_is_answered_in_its_chat(tele: TelegramTown, awa: Phone) -> None:
    awa.says("c koi le copil ?")
    notice, answer = tele.answer(awa)
    assert "je suis le programme" in notice
    assert "comité de pilotage" in answer
    assert "Source : " in answer
    assert tele.api.to(awa.id)[0].fields["link_preview_options"] == {"is_disabled": True}


def test_the_menu_stands_in_french(tele: TelegramTown, awa: Phone) -> None:
    awa.says("bonjour")
    tele.pull()
    assert [each["command"] for each in tele.api.commands] == [
        "aide", "copil", "contacts", "humain", "mesdonnees", "stop",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("/aide", "Écrivez votre question"),
        ("/contacts", "équipe"),
        ("/copil", "réunion"),
        ("/humain", "une personne de l'équipe"),
        ("/mesdonnees", "données"),
        ("/aide@hotline_essai_bot", "Écrivez votre question"),
        ("/start", "Écrivez votre question"),
        ("/stop", "je ne vous écris plus"),
    ],
)
def test_every_command_of_the_menu_is_understood(tele: TelegramTown, awa: Phone, word: str, said: str) -> None:
    awa.says(word)
    assert said in tele.answer(awa)[-1]


def test_a_choice_is_made_by_its_button(tele: TelegramTown, awa: Phone) -> None:
    offered = offer_choices(tele, awa)
    labels = [button["text"] for button in offered.buttons]
    assert labels[0].startswith("1. ")
    assert labels[-1].endswith("Autre chose : parler à l'équipe")
    awa.presses("1. ")
    (chosen,) = tele.answer(awa)
    assert "comité de pilotage" in chosen
    assert len(tele.api.answered) == 1, "the button must stop turning"
    assert offered.buttons == [], "and cannot be pressed again"


def test_a_choice_is_made_by_typing_its_number(tele: TelegramTown, awa: Phone) -> None:
    offer_choices(tele, awa)
    awa.says("2")
    (chosen,) = tele.answer(awa)
    assert "mairie de quartier" in chosen


def test_the_last_button_reaches_a_person(tele: TelegramTown, awa: Phone) -> None:
    offer_choices(tele, awa)
    awa.presses("parler à l'équipe")
    (said,) = tele.answer(awa)
    assert "n° 1" in said


def test_a_button_of_yesterday_asks_with_its_words_and_answers_no_other_question(
    tele: TelegramTown, awa: Phone
) -> None:
    held = tele.api.as_message(offer_choices(tele, awa))
    tele.pass_time(hours=20)
    tele.restart()
    tele.api.push(
        "callback_query", {"id": "4382", "from": awa.user, "message": held, "chat_instance": "-1", "data": "1"}
    )
    tele.pull()
    assert tele.heard[-1].text == "Le rôle du COPIL"


def test_a_button_of_an_earlier_message_does_not_answer_the_later_one(tele: TelegramTown, awa: Phone) -> None:
    earlier = offer_choices(tele, awa)
    awa.says("c'est quoi un QPV ?")
    tele.answer(awa)
    awa.presses("1. ", earlier)
    tele.pull()
    assert tele.heard[-1].text == "Le rôle du COPIL"


def test_an_unknown_question_goes_to_the_officer_and_comes_back(tele: TelegramTown, awa: Phone) -> None:
    awa.says(UNKNOWN)
    assert "n° 1" in tele.answer(awa)[-1]
    (notice,) = tele.notices()
    assert UNKNOWN in notice.text
    tele.say("email", OFFICER.handle, "Personne : le vote était unanime.", token=notice.token)
    assert "unanime" in awa.reads()[-1]


def test_stop_brings_silence_until_start(tele: TelegramTown, awa: Phone) -> None:
    awa.says("bonjour")
    tele.answer(awa)
    awa.says("/stop")
    assert "je ne vous écris plus" in tele.answer(awa)[0]
    awa.says("c'est quoi un QPV ?")
    assert tele.answer(awa) == []
    awa.says("/start")
    assert len(tele.answer(awa)) == 1
    awa.says("c'est quoi un QPV ?")
    assert "quartier prioritaire" in tele.answer(awa)[-1]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("Forbidden: bot was blocked by the user", "a bloqué le robot"),
        ("Forbidden: user is deactivated", "a supprimé son compte"),
    ],
)
def test_whoever_blocked_us_is_told_to_the_officer_once(
    tele: TelegramTown, awa: Phone, words: str, reason: str
) -> None:
    awa.says(UNKNOWN)
    tele.answer(awa)
    awa.blocks(words)
    tele.say("email", OFFICER.handle, "Personne.", token=tele.notices()[0].token)
    tele.work(ticks=True)
    tele.work(ticks=True)
    told = [notice for notice in tele.notices() if "n'est pas arrivé" in notice.subject]
    assert len(told) == 1
    assert reason in told[0].text


def test_a_deleted_chat_is_told_to_the_officer(tele: TelegramTown, awa: Phone) -> None:
    awa.says("c'est quoi un QPV ?")
    tele.pull()
    del tele.api.chats[awa.id]
    tele.pass_time(seconds=4)
    tele.work()
    tele.work(ticks=True)
    assert any("n'existe plus" in notice.text for notice in tele.notices())


def test_a_429_is_obeyed_and_then_all_arrives_in_order(tele: TelegramTown, awa: Phone) -> None:
    words = "Too Many Requests: retry after 40"
    tele.api.faults = [Fault("sendMessage", 429, words, {"retry_after": 40})]
    awa.says("c'est quoi un QPV ?")
    assert tele.answer(awa) == []
    tried = len(tele.api.called("sendMessage"))
    tele.pass_time(seconds=30)
    tele.work()
    assert len(tele.api.called("sendMessage")) == tried, "too early"
    tele.pass_time(seconds=11)
    tele.channel._pace._rest_until = 0  # the channel's own clock is the wall's
    tele.work()
    notice, answer = awa.reads()
    assert "je suis le programme" in notice
    assert "quartier prioritaire" in answer


def test_an_edited_message_is_heard_anew_and_says_so(tele: TelegramTown, awa: Phone) -> None:
    message = awa.says("c'est quoi un PVQ de zorglub ?")
    tele.answer(awa)
    awa.edits(message, "c'est quoi un QPV ?")
    assert "quartier prioritaire" in tele.answer(awa)[-1]
    assert tele.heard[-1].warnings == ("message modifié",)


def test_a_group_hears_nothing_unless_it_names_us(tele: TelegramTown, awa: Phone) -> None:
    group = tele.api.group(-1001789)
    inside = awa.inside(group)
    inside.says("c'est quoi un QPV ?")
    inside.says("/aide")
    inside.says("@quelqu_un_autre_bot c'est quoi un QPV ?")
    assert tele.answer(inside) == []
    assert tele.heard == []
    asked = inside.says("@hotline_essai_bot c'est quoi un QPV ?")
    _notice, answer = tele.answer(inside)
    assert "quartier prioritaire" in answer
    assert tele.api.to(-1001789)[-1].reply_to == asked["message_id"]
    inside.sends(text="et le copil c'est quoi ?", reply_to_message=tele.api.as_message(tele.api.to(-1001789)[-1]))
    assert "comité de pilotage" in tele.answer(inside)[-1]
    assert awa.reads() == [], "what was asked in a group is answered there"


def test_two_people_in_a_group_are_two_people(tele: TelegramTown, awa: Phone) -> None:
    group = tele.api.group(-1001789)
    noe = tele.api.person(5550199, "Noé").inside(group)
    offered = offer_choices(tele, awa.inside(group))
    noe.presses("1. ", offered, asked={"message_id": 1, "from": awa.user, "chat": group, "date": 1, "text": "?"})
    assert tele.answer(noe) == []
    assert "personne qui a posé la question" in tele.api.answered[-1]["text"]
    assert offered.buttons, "they are still there for the one who asked"
    noe.says("@hotline_essai_bot stop")
    tele.answer(noe)
    awa.inside(group).says("@hotline_essai_bot c'est quoi un QPV ?")
    assert "quartier prioritaire" in tele.answer(noe)[-1], "one person's STOP silences nobody else"


def test_a_picture_and_its_words_reach_the_officer(tele: TelegramTown, awa: Phone) -> None:
    picture = b"\xff\xd8\xff" + b"0" * 5000
    sizes = [
        {"file_id": tele.api.hold_file(b"small"), "file_unique_id": "a", "width": 90, "height": 60, "file_size": 5},
        {"file_id": tele.api.hold_file(picture), "file_unique_id": "b", "width": 1280, "height": 853,
         "file_size": len(picture)},
    ]  # fmt: skip
    awa.sends(photo=sizes)
    assert "n° 1" in tele.answer(awa)[-1]

    def held(session: Session) -> list[tuple[str, int]]:
        return [(row.content_type, row.size) for row in session.exec(select(AttachmentRow)).all()]

    assert tele.db.look(held) == [("image/jpeg", len(picture))]


@pytest.mark.parametrize("kind", ["voice", "video_note", "document", "audio", "video", "animation"])
def test_whatever_file_comes_without_words_goes_to_a_person(tele: TelegramTown, awa: Phone, kind: str) -> None:
    file = {"file_id": tele.api.hold_file(b"OggS" * 10), "file_unique_id": "v", "file_size": 40}
    more = {"duration": 3, "length": 240, "width": 10, "height": 10}
    awa.sends(**{kind: file | more})
    assert "n° 1" in tele.answer(awa)[-1]
    assert len(tele.heard[-1].attachments) == 1


def test_a_file_that_is_too_heavy_or_will_not_come_is_said_and_reaches_a_person(tele: TelegramTown, awa: Phone) -> None:
    heavy = {"file_id": "BQAheavy", "file_unique_id": "h", "file_name": "plan.pdf", "file_size": 18_000_000}
    awa.sends(document=heavy)
    tele.answer(awa)
    assert tele.heard[-1].warnings == ("fichier non reçu : plan.pdf (18 Mo, 10 Mo au plus)",)
    tele.api.faults = [Fault("file", 502, times=2)]
    awa.sends(
        document={
            "file_id": tele.api.hold_file(b"%PDF"),
            "file_unique_id": "p",
            "file_name": "avis.pdf",
            "file_size": 4,
        }
    )
    tele.answer(awa)
    assert tele.heard[-1].warnings == ("fichier non reçu : avis.pdf (Telegram ne l'a pas donné)",)
    assert tickets(tele), "the officer sees that there was a file"


def test_a_path_of_our_own_machine_is_not_read(tele: TelegramTown, awa: Phone) -> None:
    file_id = tele.api.hold_file(b"x", "/etc/hostname")
    awa.sends(document={"file_id": file_id, "file_unique_id": "p", "file_name": "a.txt", "file_size": 1})
    tele.pull()
    assert tele.heard[-1].attachments == ()


@pytest.mark.parametrize(
    "fields",
    [
        {"location": {"latitude": 47.2184, "longitude": -1.5536}},
        {"contact": {"phone_number": "+33600000000", "first_name": "Sam"}},
        {
            "venue": {
                "location": {"latitude": 47.2, "longitude": -1.5},
                "title": "Maison de quartier",
                "address": "1 rue des Essais",
            },
            "location": {"latitude": 47.2, "longitude": -1.5},
        },
        {"story": {"chat": {"id": 5, "type": "private"}, "id": 3}},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_what_is_shared_without_words_goes_to_a_person(
    tele: TelegramTown, awa: Phone, fields: dict[str, object]
) -> None:
    awa.sends(**fields)
    assert "n° 1" in tele.answer(awa)[-1]


def test_a_sticker_gets_a_kind_word_and_someone_joining_gets_nothing(tele: TelegramTown, awa: Phone) -> None:
    awa.sends(new_chat_members=[awa.user])
    awa.sends(pinned_message={"message_id": 1, "date": 0, "chat": awa.chat})
    assert tele.answer(awa) == []
    awa.sends(
        sticker={
            "file_id": "s", "file_unique_id": "s", "type": "regular", "width": 512, "height": 512,
            "is_animated": False, "is_video": False, "emoji": "😀",
        }
    )  # fmt: skip
    assert tele.answer(awa)
    assert not tickets(tele)


def test_a_thumb_on_the_answer_answers_and_any_other_reaction_asks_for_nothing(tele: TelegramTown, awa: Phone) -> None:
    awa.says("c'est quoi un QPV ?")
    tele.answer(awa)
    awa.reacts("🔥")
    awa.reacts("👎", tele.api.to(awa.id)[0])  # on the notice, not on the answer
    assert tele.answer(awa) == []
    awa.reacts("👎")
    assert "n° 1" in tele.answer(awa)[-1], "not content: a person takes over"


def test_a_forwarded_message_is_read_and_said_to_be_one(tele: TelegramTown, awa: Phone) -> None:
    origin = {"type": "hidden_user", "sender_user_name": "Quelqu'un", "date": 1}
    awa.says("c'est quoi un QPV ?", forward_origin=origin)
    assert "quartier prioritaire" in tele.answer(awa)[-1]
    assert tele.heard[-1].warnings == ("message transféré",)


def test_a_long_answer_arrives_whole_in_pieces_and_in_order(tele: TelegramTown, awa: Phone) -> None:
    awa.says(UNKNOWN)
    tele.answer(awa)
    long = "\n\n".join(f"{n}. " + "Une phrase assez longue pour remplir. " * 12 for n in range(1, 30))
    before = len(awa.reads())
    tele.say("email", OFFICER.handle, long, token=tele.notices()[0].token)
    read = awa.reads()[before:]
    assert len(read) > 2
    assert "".join(" ".join(read).split()).count("Unephraseassezlonguepourremplir.") == 29 * 12
    assert all(piece.endswith((".", "…")) or piece == read[-1] for piece in read), "cut at the ends of sentences"


def test_what_was_cut_off_in_the_middle_goes_on_where_it_stopped(tele: TelegramTown, awa: Phone) -> None:
    awa.says(UNKNOWN)
    tele.answer(awa)
    before = len(awa.reads())
    tele.api.faults = [Fault("sendMessage", 502, skip=1)]
    long = "\n\n".join(f"Alinéa {n}. " + "Une phrase assez longue. " * 20 for n in range(1, 25))
    tele.say("email", OFFICER.handle, long, token=tele.notices()[0].token)
    assert len(awa.reads()) == before + 1
    tele.pass_time(seconds=30)
    tele.work()
    read = "\n".join(awa.reads()[before:])
    assert [read.count(f"Alinéa {n}.") for n in range(1, 25)] == [1] * 24, "nothing is lost and nothing said twice"


def test_the_officers_wording_is_plain_text_whatever_stands_in_it(tele: TelegramTown, awa: Phone) -> None:
    awa.says(UNKNOWN)
    tele.answer(awa)
    wording = "Voir <b>ici</b> *gras* _souligné_ [lien](http://x) & 3 < 4"
    tele.say("email", OFFICER.handle, wording, token=tele.notices()[0].token)
    assert wording in awa.reads()[-1]


def test_a_listener_killed_in_the_middle_of_a_batch_loses_nothing_and_doubles_nothing(
    tele: TelegramTown, awa: Phone
) -> None:
    """It dies after the third message was kept and before Telegram heard of it, five times over."""
    texts = [f"message {n} zorglub" for n in range(20)]
    for text in texts:
        awa.says(text)

    class Killed(BaseException):
        pass

    async def listen_and_die(after: int) -> None:
        kept = 0

        async def deliver(message: Inbound | Receipt) -> bool:
            nonlocal kept
            new = await tele.deliver(message)
            kept += new
            if kept == after:
                raise Killed
            return new

        with contextlib.suppress(Killed):
            async with asyncio.timeout(10):
                await tele.channel.listen(deliver)
        await tele.channel.close()

    for _ in range(5):
        asyncio.run(listen_and_die(3))
        tele.restart()
    assert tele.api.waiting() == 20, "nothing was acknowledged"
    tele.pull()

    def kept(session: Session) -> list[str]:
        return list(session.exec(select(InboxRow.text).order_by(InboxRow.id)).all())

    assert tele.db.look(kept) == texts
    assert len(tele.heard) > 20, "they came again, and were known"


def test_what_the_inbox_refuses_for_a_while_keeps_its_place(tele: TelegramTown, awa: Phone) -> None:
    noe = tele.api.person(5550199, "Noé")
    awa.says("un")
    noe.says("à moi")
    awa.says("deux")
    refusals = 2
    kept: list[str] = []

    async def listen() -> None:
        async def deliver(message: Inbound | Receipt) -> bool:
            nonlocal refusals
            assert isinstance(message, Inbound)
            if message.text == "un" and refusals:
                refusals -= 1
                raise OSError("disk full")
            new = await tele.deliver(message)
            if new:
                kept.append(message.text)
            return new

        listening = asyncio.create_task(tele.channel.listen(deliver))
        async with asyncio.timeout(10):
            while tele.api.waiting():
                await asyncio.sleep(0.01)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await tele.channel.close()

    asyncio.run(listen())
    assert kept == ["à moi", "un", "deux"], "others go ahead, the same person's later message does not"


def test_an_update_that_kills_the_inbox_blocks_nobody_and_reaches_the_officer(tele: TelegramTown, awa: Phone) -> None:
    noe = tele.api.person(5550199, "Noé")
    awa.says("poison")
    noe.says("c'est quoi un QPV ?")

    async def listen() -> None:
        async def deliver(message: Inbound | Receipt) -> bool:
            assert isinstance(message, Inbound)
            if message.text == "poison":
                raise ValueError("cannot be kept")
            return await tele.deliver(message)

        listening = asyncio.create_task(tele.channel.listen(deliver))
        async with asyncio.timeout(20):
            while tele.api.waiting():
                await asyncio.sleep(0.01)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await tele.channel.close()

    asyncio.run(listen())
    tele.pass_time(seconds=4)
    tele.work()
    assert "quartier prioritaire" in noe.reads()[-1]
    assert [ticket.kind for ticket in tickets(tele)] == ["to-sort"]


def test_an_update_of_an_unknown_shape_stops_nothing(tele: TelegramTown, awa: Phone) -> None:
    tele.api.push_raw({"update_id": 861_000_000, "message": {"message_id": "?", "chat": awa.chat, "text": "hé oh"}})
    tele.api.push_raw({"update_id": 861_000_000, "something_new": {"a": 1}})
    awa.says("c'est quoi un QPV ?")
    assert "quartier prioritaire" in tele.answer(awa)[-1]
    assert "hé oh" in tickets(tele)[0].question


def test_the_same_update_twice_is_one_message(tele: TelegramTown, awa: Phone) -> None:
    awa.says("c'est quoi un QPV ?")
    update = dict(tele.api.updates[0])
    tele.pull()
    tele.api.push_raw(update)
    tele.pull()
    tele.pass_time(seconds=4)
    tele.work()
    assert len(awa.reads()) == 2  # the notice and one answer
    assert len(tele.heard) == 2


def test_a_server_that_counts_lower_after_a_week_of_silence_is_heard(tele: TelegramTown, awa: Phone) -> None:
    awa.says("bonjour")
    tele.channel._poll = 0

    async def listen() -> None:
        listening = asyncio.create_task(tele.channel.listen(tele.deliver))
        async with asyncio.timeout(10):
            while tele.api.waiting() or tele.api.polls < 4:
                await asyncio.sleep(0.005)
            tele.api.push_raw(
                {"update_id": 5, "message": {"message_id": 9, "from": awa.user, "chat": awa.chat, "date": 1,
                                             "text": "me voilà"}}
            )  # fmt: skip
            while len(tele.heard) < 2:
                await asyncio.sleep(0.005)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await tele.channel.close()

    asyncio.run(listen())
    assert [each.text for each in tele.heard] == ["bonjour", "me voilà"]


def test_no_number_of_a_person_stands_outside_the_table_of_addresses(tele: TelegramTown, awa: Phone) -> None:
    group = tele.api.group(-1001789)
    awa.says(UNKNOWN)
    awa.inside(group).says(f"@hotline_essai_bot {UNKNOWN}")
    tele.answer(awa)

    def cells(session: Session) -> str:
        return repr(
            [row.model_dump() for table in (InboxRow, OutboxRow, Ticket) for row in session.exec(select(table))]
        )

    assert str(awa.id) not in tele.db.look(cells)
    assert "1001789" not in tele.db.look(cells)
