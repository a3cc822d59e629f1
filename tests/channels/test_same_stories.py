"""The same stories on every channel, each through its real peer; what one cannot do stands in docs/channels.md."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, col, select

from bot import audit, conversations
from bot.conversations import Prompt, Question
from bot.desk import letters, reminding, replies
from bot.desk.replies import Titled
from channels import FOLDERS, directory, manners
from channels.directory import Council, Person
from channels.mailbox import InboxRow
from escalation.tickets import Ticket
from scheduler import attendance
from scheduler.attendance import Attendance
from scheduler.committees import Committee, CommitteeCouncil, Seat
from tests.channels.phones import PHONES, Phone, jpeg
from tests.channels.service import Service, service
from tests.peers.kannel import kannel_session, sms_port
from tests.peers.mail import until

__all__ = ["kannel_session", "service", "sms_port"]
PAGE = Path(__file__).parents[2] / "docs/channels.md"
KNOWN, OTHER = "C'est quoi le COPIL ?", "C'est quoi un QPV ?"
UNKNOWN = "Qui a repeint le banc devant chez Malik mardi dernier ?"
THANKS_FOR_NOTHING = {"terminal"}  # no provider stands behind it: its own tests tell the same


def ticket_of(service: Service, phone: Phone) -> Ticket:
    def newest(session: Session) -> Ticket | None:
        row = service.at(session, phone.address)
        return session.exec(select(Ticket).where(Ticket.address_id == row.id).order_by(col(Ticket.id).desc())).first()

    found = service.house.db.transact(newest)
    assert found is not None
    return found


# --- the stories ------------------------------------------------------------------------------------------------------


def ask(service: Service, phone: Phone) -> None:
    phone.write(KNOWN)
    said = phone.waits_for("Source")
    assert "comité de pilotage" in said.lower()
    phone.is_served()
    assert [row.state for row in service.heard(phone.address)] == ["handled"]


def choose(service: Service, phone: Phone) -> None:
    phone.write(OTHER)
    phone.waits_for("Source")
    phone.is_served()

    def offer(session: Session) -> None:
        """As the desk does when the matcher hesitates."""
        row = service.at(session, phone.address)
        question = session.exec(select(Question).where(Question.address_id == row.id)).first()
        assert question is not None
        assert row.id is not None
        titles = [Titled("copil-role", "Le rôle du COPIL"), Titled("trouver-une-salle", "Trouver une salle")]
        message = replies.clarify(titles, directory.opened(service.house.office.vault, row))
        now = service.house.now()
        letters.post(session, service.house.office, message, f"offer:{question.id}", row, now)
        lapses = now + timedelta(minutes=30)
        slugs = [each.slug for each in titles]
        conversations.ask(
            session,
            Prompt(
                address_id=row.id, kind="choose", offered=slugs, question_id=question.id, opened_at=now,
                lapses_at=lapses,
            ),
        )  # fmt: skip

    service.house.db.transact(offer)
    phone.waits_for("Laquelle")
    phone.press(2, "Trouver une salle")
    assert "mairie" in phone.waits_for("Source", 2)


def not_satisfied(service: Service, phone: Phone) -> None:
    phone.write(KNOWN)
    phone.waits_for("Source")
    phone.is_served()
    phone.write("NON")
    phone.waits_for("Je transmets votre question")
    assert KNOWN in ticket_of(service, phone).question


def escalate_and_be_answered(service: Service, phone: Phone) -> None:
    phone.write(UNKNOWN)
    phone.waits_for("Je transmets votre question")
    number = ticket_of(service, phone).id
    notice = service.notice(f"n° {number}]", UNKNOWN)
    service.officer_answers(notice, "C'est le service des espaces verts.")
    phone.waits_for("service des espaces verts")
    phone.is_served()
    assert phone.text().count("service des espaces verts") == 1


def stop_and_start(service: Service, phone: Phone) -> None:
    phone.write("Arrêt !")
    phone.waits_for("START")
    phone.is_served()
    before = len(phone.read())
    phone.write(KNOWN)
    phone.is_served()
    assert len(phone.read()) == before, "silence"
    phone.write("start")
    phone.waits_for("Je suis là" if phone.channel == "telegram" else "Bon retour")  # there START is its first button
    phone.write(OTHER)
    phone.waits_for("Source")


def code_in(said: str) -> str:
    found = re.findall(r"ce code : (\d{3} ?\d{3})", said)
    assert found, said
    return str(found[-1])


def my_data(service: Service, phone: Phone) -> None:
    phone.write(KNOWN)
    phone.waits_for("Source")
    phone.is_served()
    phone.write("mes donnees")
    if phone.channel != "web":  # a page is proven by its session
        phone.write(code_in(phone.waits_for("ce code :")))
    said = phone.waits_for("Voici ce que je garde")
    if phone.channel == "sms":
        phone.is_served()
        said = everything(phone, KNOWN)
    assert KNOWN in said


def erase_me(service: Service, phone: Phone) -> None:
    phone.write(UNKNOWN)
    phone.waits_for("Je transmets votre question")
    phone.is_served()
    phone.write("supprimer")
    phone.write(code_in(phone.waits_for("ce code :")))
    phone.waits_for("effacé")
    phone.is_served()

    def left(session: Session) -> list[str]:
        """What still holds the words that they wrote, of theirs."""
        row = directory.find(session, service.house.office.vault, phone.address)
        if row is None:
            return []
        asked = session.exec(select(Question.text).where(Question.address_id == row.id)).all()
        opened = session.exec(select(Ticket.question).where(Ticket.address_id == row.id)).all()
        heard = session.exec(select(InboxRow.text).where(InboxRow.address_id == row.id)).all()
        return [text for text in (*asked, *opened, *heard) if "Malik" in text]

    assert service.look(left) == []


def reminder_and_its_acknowledgement(service: Service, phone: Phone) -> None:
    phone.write("AIDE")
    phone.waits_for("HUMAIN")
    phone.is_served()
    now = service.house.now()

    def plan(session: Session) -> int:
        council = Council(slug=f"c{phone.number}", name=f"Quartier {phone.number}")
        session.add(council)
        session.flush()
        person = Person(name="Awa Diallo", council_id=council.id, preferred_channel=phone.channel, created_at=now)
        session.add(person)
        session.flush()
        row = service.at(session, phone.address)
        row.person_id = person.id
        session.add(row)
        assert council.id is not None
        assert person.id is not None
        session.add(Seat(person_id=person.id, council_id=council.id))
        meeting = Committee(
            title="Comité de pilotage", starts_at=now + timedelta(days=10), place="12 rue des Lilas",
            uid=f"m{phone.number}", created_at=now - timedelta(days=1),
        )  # fmt: skip
        session.add(meeting)
        session.flush()
        assert meeting.id is not None
        session.add(CommitteeCouncil(committee_id=meeting.id, council_id=council.id))
        return meeting.id

    meeting = service.house.db.transact(plan)
    service.house.db.transact(reminding.due, service.house.office, now, 200, list(service.house.channels))
    said = phone.waits_for("12 rue des Lilas")
    assert "Comité de pilotage" in said
    phone.is_served()
    phone.write("1")
    phone.waits_for("vous venez")

    def answers(session: Session) -> list[str]:
        return list(session.exec(select(Attendance.answer).where(Attendance.committee_id == meeting)).all())

    assert service.look(answers) == [attendance.YES]


END = "Voilà tout ce que je sais du banc vert."


def everything(phone: Phone, end: str) -> str:
    """All of a long message: « SUITE » until it is there."""
    for number in range(1, 30):
        if end in phone.text():
            return phone.text()
        pieces = len(phone.read())
        phone.write("SUITE")
        until_more(phone, pieces)
        assert number < 29
    return phone.text()


def until_more(phone: Phone, pieces: int) -> None:
    until(lambda: len(phone.read()) > pieces, 30, "for more")
    phone.is_served()


def long_answer(service: Service, phone: Phone) -> None:
    phone.write(UNKNOWN)
    phone.waits_for("Je transmets votre question")
    phone.is_served()
    notice = service.notice(f"n° {ticket_of(service, phone).id}]", UNKNOWN)
    many = 25 if phone.channel == "sms" else 75  # more than one message carries; six SUITE a minute are answered
    sentences = [f"Le banc numéro {n} attend sa peinture depuis le printemps." for n in range(many)]
    length = len(" ".join([*sentences, END]))
    assert length > (3 * 153 if phone.channel == "sms" else 4096)
    service.officer_answers(notice, "\n".join([*sentences, END]))
    phone.waits_for(sentences[0])
    phone.is_served()
    said = everything(phone, END) if phone.channel == "sms" else phone.waits_for(END)
    plain = " ".join(said.split())
    lost = [each for each in sentences if each not in plain]
    assert len(lost) <= (5 if phone.channel == "sms" else 0), lost  # one that is cut in two stands on both sides


def picture(service: Service, phone: Phone) -> None:
    phone.picture(jpeg(), UNKNOWN)
    phone.waits_for("Je transmets votre question")
    assert service.files(phone.address) == 1
    assert UNKNOWN in ticket_of(service, phone).question


def flood(service: Service, phone: Phone) -> None:
    for number in range(12):
        phone.write(f"Encore moi, message {number} sur le banc de Malik, qui répond ?")
    phone.waits_for("beaucoup de messages")
    phone.is_served()
    until(lambda: len(service.heard(phone.address)) == 12, 30, "for all to be kept")
    phone.is_served()
    assert phone.text().count("beaucoup de messages") == 1, "one notice, whatever comes"


def repeat(service: Service, phone: Phone) -> None:
    phone.write("AIDE")
    phone.waits_for("HUMAIN")
    phone.is_served()
    phone.write(KNOWN)
    phone.waits_for("Source")
    phone.is_served()
    phone.again()
    phone.write(OTHER)
    phone.waits_for("Source", 2)
    phone.is_served()
    assert [row.text.strip() for row in service.heard(phone.address)] == ["AIDE", KNOWN, OTHER]
    assert phone.text().count("Source") == 2


def out_of_order(service: Service, phone: Phone) -> None:
    """Both are kept, in their own words, and answered: as one question where they came at once."""
    messages = phone.backwards(KNOWN, OTHER)
    until(lambda: len(service.heard(phone.address)) == messages, 30, "for both")
    phone.is_served()
    phone.waits_for("Source")
    heard = service.heard(phone.address)
    if messages == 1:
        assert heard[0].text.startswith(KNOWN)
        assert heard[0].text.endswith(OTHER)
    else:
        assert [row.text.strip() for row in heard] == [OTHER, KNOWN]
        assert phone.text().count("Source") <= messages


STORIES: dict[str, Callable[[Service, Phone], None]] = {
    "poser une question": ask,
    "choisir entre deux réponses": choose,
    "ne pas être satisfait": not_satisfied,
    "avoir la réponse de l'équipe": escalate_and_be_answered,
    "arrêter et reprendre": stop_and_start,
    "voir ses données": my_data,
    "se faire effacer": erase_me,
    "recevoir un rappel et y répondre": reminder_and_its_acknowledgement,
    "lire une longue réponse": long_answer,
    "envoyer une photo": picture,
    "écrire trop": flood,
    "un message apporté deux fois": repeat,
    "des messages dans le désordre": out_of_order,
}


def table() -> dict[str, dict[str, str]]:
    """docs/channels.md: what stands for each story and channel."""
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    start = next(n for n, row in enumerate(rows) if row[0] == "histoire")
    head = rows[start][1:]
    found: dict[str, dict[str, str]] = {}
    for row in rows[start + 2 :]:
        if len(row) != len(head) + 1:
            break
        found[row[0]] = dict(zip(head, row[1:], strict=True))
    return found


COLUMNS = {"Telegram": "telegram", "SMS": "sms", "e-mail": "email", "page web": "web", "WhatsApp": "whatsapp"}


def told() -> list[tuple[str, str]]:
    """Every story on every channel, but those that the table denies (a test below holds it to that)."""
    found = table()
    return [
        (story, name)
        for column, name in COLUMNS.items()
        for story in STORIES
        if not found.get(story, {}).get(column, "").startswith("non : ")
    ]


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("story", "channel"), told(), ids=lambda value: value.replace(" ", "-"))
def test_the_story(story: str, channel: str, service: Service) -> None:
    phone = PHONES[channel](service)
    try:
        STORIES[story](service, phone)
    finally:
        phone.close()


def test_the_table_tells_every_story_on_every_channel() -> None:
    found = table()
    assert list(found) == list(STORIES)
    assert set(COLUMNS.values()) == PHONES.keys() == set(FOLDERS) - THANKS_FOR_NOTHING
    for story, row in found.items():
        assert list(row) == list(COLUMNS), story
        assert all(re.fullmatch(r"oui|non : .{10,}", cell) for cell in row.values()), (story, row)


def test_what_the_table_denies_the_phone_cannot_do() -> None:
    """A « non » that the driver could play is out of date; a « oui » that it cannot is a lie."""
    needs = {"envoyer une photo": "picture", "un message apporté deux fois": "again",
             "des messages dans le désordre": "backwards"}  # fmt: skip
    for story, row in table().items():
        for column, stands in row.items():
            phone = PHONES[COLUMNS[column]]
            can = story not in needs or getattr(phone, needs[story]) is not getattr(Phone, needs[story])
            if story == "recevoir un rappel et y répondre":
                can = manners(COLUMNS[column]).writable
            assert (stands == "oui") is can, (story, column)


def test_in_the_end_the_trail_holds_and_nothing_is_left_undone(service: Service) -> None:
    assert service.look(audit.verify) is None
