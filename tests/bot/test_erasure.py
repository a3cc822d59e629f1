"""Every table has its place: whose it is, whether it is handed out, and what is left of it once somebody is erased."""

import json
import re
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import Session, SQLModel, col, select

from bot import audit
from bot.audit import AuditText
from bot.conversations import Given, NotedReply, Prompt, Question
from bot.desk import disclosing, erasing, following_calendars, member_page, people, retention, season
from bot.desk.erasing import ERASED
from bot.tables import metadata
from channels import attachments, directory
from channels.attachments import FileRow
from channels.contract import Address, Attachment
from channels.directory import AddressRow, Consent, Council, Person, Proof
from channels.mailbox import AttachmentRow, EarlyReceipt, InboxRow, OutboxRow
from escalation.accounts import Who
from escalation.answering import TicketDraft, TicketNote
from escalation.partners import PartnerReply, PartnerRequest
from escalation.tickets import Ticket, TicketMessage, TicketReply
from knowledge.drafts import EntryDraft
from scheduler.agenda import AgendaItem, Decision
from scheduler.attendance import Attendance, CallNote
from scheduler.committees import Committee, Reminder, Seat
from scheduler.feeds import Feed
from scheduler.preparation import Preparation, PreparationDate, PreparationView, PreparationVote
from tests.channels.files import PDF
from tests.peers.bytes import everything
from tests.town import Town

NAME, PHONE, EMAIL = "Zélie Quatrebarbes", "+33612340987", "zelie.quatrebarbes@exemple.org"
MARK = re.compile(rb"zqx-([a-z_]+\.[a-z_]+)-zqx")

OURS = "says nothing of an asker or a member"
TEAM = "of those who answer: their account, ended by the administration"
NOT_THEIRS = {
    "canned_replies": OURS, "channel_pauses": OURS, "channel_secrets": OURS, "closures": OURS, "committee_files": OURS,
    "committee_series": OURS, "councils": OURS, "entries": OURS, "entry_versions": OURS, "corrections": OURS,
    "knowledge_indexes": OURS, "office_closures": OURS, "plan_steps": OURS, "seat_places": OURS,
    "committee_councils": OURS, "committee_documents": OURS, "committee_steps": OURS, "entry_imports": OURS,
    "preparations": "notes of a meeting: names are struck out of them",
    "committees": "a meeting: its organiser's address is let go, a name is struck out",
    "preparation_dates": OURS,
    "sign_in_failures": TEAM, "officers": TEAM, "officer_absences": TEAM, "officer_addresses": TEAM,
    "officer_codes": TEAM, "officer_councils": TEAM, "officer_credentials": TEAM, "officer_deputies": TEAM,
    "officer_identities": TEAM, "officer_sessions": TEAM, "recovery_codes": TEAM, "sign_in_links": TEAM,
    "ticket_claims": TEAM,
    "audit_lines": "ids and marks alone: what was done stays provable",
}  # fmt: skip
NOT_HANDED_OUT = {
    "answers_given": "the answers are among the messages", "files": "named with the message that carries them",
    "outbox_attachments": "named with the message", "attachments": "named with the message",
    "early_receipts": "a report of one of the messages", "audit_texts": "the words are those of the question",
    "agenda_items": "the words are those of the question", "entry_drafts": "the words are those of the question",
}  # fmt: skip
# What may be left in a column, and why: names that the program gives, and those of partners asked.
LEFT = {
    "inbox.fence", "outbox.fence", "outbox.key", "outbox.name", "answers_given.outbox_key", "prompts.offered",
    "tickets.theme", "ticket_replies.once", "reminders.outbox_key", "reminders.step", "reminders.channel",
    "inbox.account", "early_receipts.key", "outbox.followed_by", "partner_requests.author", "agenda_items.edited_by",
    "ticket_replies.author", "questions.channel", "questions.decision", "inbox.channel", "inbox.nature", "inbox.proof",
    "outbox.channel", "outbox.kind", "prompts.kind", "preparation_dates.place", "partner_requests.name",
}  # fmt: skip


def test_every_table_has_a_place() -> None:
    named = {each.__tablename__ for each in THEIRS}
    placed = named | set(NOT_THEIRS)
    assert set(metadata.tables) - placed == set(), "whose is it? say so above, and have it erased and handed out"
    assert placed - set(metadata.tables) - {"closures"} == set()
    assert named & set(NOT_THEIRS) == set()


# --- somebody of whom there is one of each kind of thing --------------------------------------------------------------

THEIRS: tuple[type[SQLModel], ...] = (
    Person, AddressRow, Consent, Proof, InboxRow, OutboxRow, EarlyReceipt, AttachmentRow, FileRow,
    attachments.OutboxAttachmentRow, Question, Given, Prompt, NotedReply, Ticket, TicketMessage, TicketReply,
    TicketDraft, TicketNote, PartnerRequest, PartnerReply, EntryDraft, AgendaItem, Seat, Reminder, Attendance, CallNote,
    PreparationVote, PreparationView, Decision, Feed, AuditText,
)  # fmt: skip


@dataclass
class Life:
    """The ids of somebody, and of things around them."""

    session: Session
    town: Town
    made: set[str] = field(default_factory=set)

    def make(self, table: Any, **given: Any) -> Any:
        """A row whose every text, unless it is given, is a mark that names its column."""
        self.made.add(table.__tablename__)
        values = {}
        for column in table.__table__.c:
            if column.name in given:
                values[column.name] = given[column.name]
            elif column.primary_key or column.foreign_keys or isinstance(column.type, sa.Boolean):
                continue
            elif isinstance(column.type, sa.JSON):
                values[column.name] = _json(column)
            elif isinstance(getattr(column.type, "impl", column.type), sa.String):
                values[column.name] = f"zqx-{table.__tablename__}.{column.name}-zqx"
            elif not column.nullable and isinstance(column.type, (sa.Integer, sa.Float)):
                values[column.name] = 1
            elif not column.nullable and column.name not in given and not column.default:
                values[column.name] = self.town.at
        row = table(**values)
        self.session.add(row)
        self.session.flush()
        return row

    def address(self, channel: str, handle: str, person: int | None) -> int:
        row = directory.keep(self.session, self.town.office.vault, Address(channel, handle), self.town.at)
        row.person_id, row.pause_reason = person, "zqx-addresses.pause_reason-zqx"
        self.session.add(row)
        self.session.flush()
        self.made.add("addresses")
        return row.id or 0


def _json(column: Any) -> Any:
    mark = f"zqx-{column.table.name}.{column.name}-zqx"
    if column.name in ("warnings", "choices", "offered"):
        return [mark]
    return [{"entry": mark, "confidence": 0.5}] if column.name == "candidates" else {"said": mark}


def one_of_each(session: Session, town: Town) -> dict[str, int]:
    life = Life(session, town)
    council = Council(slug="bellevue", name="Bellevue")
    session.add(council)
    session.flush()
    person = life.make(Person, kind="member", name=NAME, council_id=council.id, language="zqx-people.language-zqx")
    mine, number = person.id, life.address("phone", f"person:{person.id}", person.id)
    sms, email = life.address("sms", PHONE, person.id), life.address("email", EMAIL, person.id)
    nora = session.exec(select(AddressRow.id).join(Person, isouter=True).order_by(col(AddressRow.id))).first()
    meeting = Committee(title="COPIL", starts_at=town.at + timedelta(days=20), created_at=town.at, organiser=NAME,
                        organiser_address_id=email)  # fmt: skip
    before = Committee(
        kind="preparation", title="Préparation", starts_at=town.at + timedelta(days=9), created_at=town.at
    )
    session.add_all([meeting, before])
    session.flush()
    session.add(Preparation(committee_id=meeting.id, meeting_id=before.id, opened_at=town.at, notes=f"Avec {NAME}."))
    ticket = life.make(Ticket, address_id=sms, council_id=council.id, committee_id=meeting.id, kind="question",
                       state="answered", question="zqx-tickets.question-zqx", answered_at=town.at)  # fmt: skip
    to_call = life.make(Ticket, address_id=number, kind="reminder", state="open", question=f"Appelez {NAME}.")
    question = life.make(Question, address_id=sms, council_id=council.id, ticket_id=ticket.id)
    inbox = life.make(InboxRow, address_id=sms, state="handled", channel="sms", nature="person", proof="")
    life.make(InboxRow, address_id=email, state="held", channel="email", nature="person", proof="", external_id="2")
    notice = life.make(OutboxRow, address_id=nora, ticket_id=ticket.id, state="sent", key="notice", channel="email",
                       token="zqx-outbox.token-zqx", provider_id="p1", files=1)  # fmt: skip
    first = life.make(InboxRow, address_id=nora, state="handled", channel="email", external_id="3", token=notice.token)
    life.make(TicketReply, ticket_id=ticket.id, state="sent", author="officer:1")
    relayed = life.make(InboxRow, address_id=nora, state="handled", channel="email", external_id="4")
    life.make(TicketReply, ticket_id=ticket.id, state="draft", author="officer:1", inbox_id=relayed.id, once="o2")
    dead = life.make(OutboxRow, address_id=sms, state="dead", key="dead", channel="sms", provider_id="p2")
    life.make(OutboxRow, address_id=email, state="waiting", key="waiting", channel="email", provider_id="")
    life.make(EarlyReceipt, channel="sms", provider_id="p2", state="failed")
    life.make(AttachmentRow, inbox_id=inbox.id, ticket_id=ticket.id, sealed=b"s", size=1)
    carried = Attachment("zqx-outbox_attachments.filename-zqx", "application/pdf", PDF)
    attachments.attach(session, town.office.vault, {notice.id: [carried]}, town.at)
    life.made |= {"files", "outbox_attachments"}
    entry, version = session.execute(sa.text("SELECT id, version_id FROM entries ORDER BY id LIMIT 1")).one()
    life.make(Given, question_id=question.id, entry_id=entry, version_id=version, address_id=sms)
    life.make(Prompt, address_id=sms, question_id=question.id)
    life.make(NotedReply, address_id=sms)
    life.make(Consent, address_id=email)
    life.make(Proof, address_id=sms, target_id=email)
    life.make(TicketMessage, ticket_id=ticket.id)
    life.make(TicketDraft, ticket_id=ticket.id, officer_id=1)
    life.make(TicketNote, ticket_id=ticket.id, author="officer:1")
    asked = life.make(PartnerRequest, ticket_id=ticket.id, address_id=nora, state="answered", author="officer:1")
    life.make(PartnerReply, request_id=asked.id, inbox_id=first.id)
    as_partner = life.make(PartnerRequest, ticket_id=_other_ticket(life, nora), address_id=email, state="waiting",
                           author="officer:1", name=NAME, text="Une question de quelqu'un d'autre")  # fmt: skip
    life.make(PartnerReply, request_id=as_partner.id)
    life.make(OutboxRow, address_id=nora, state="sent", key=f"partner:{as_partner.id}:reply:1:1", channel="email",
              provider_id="p5")  # fmt: skip
    life.make(EntryDraft, officer_id=1, ticket_id=ticket.id, state="dropped")
    life.make(AgendaItem, committee_id=before.id, received="zqx-tickets.question-zqx", plain="", position=1)
    life.make(Seat, council_id=council.id, person_id=mine, committee_kind="copil", role="titulaire")
    life.make(Reminder, committee_id=meeting.id, person_id=mine, council_id=council.id, revision=1)
    life.make(Attendance, committee_id=meeting.id, person_id=mine, council_id=council.id, answer="no",
              ticket_id=to_call.id)  # fmt: skip
    other = Person(name="Paul Martin", council_id=council.id, created_at=town.at)
    session.add(other)
    session.flush()
    session.add(Attendance(committee_id=meeting.id, person_id=other.id, council_id=council.id, answer="no",
                           said_at=town.at, alternate=NAME, alternate_id=mine))  # fmt: skip
    life.make(CallNote, committee_id=meeting.id, person_id=mine, outcome="reached", author="officer:1")
    session.add(CallNote(committee_id=meeting.id, person_id=other.id or 0, outcome="reached", noted_at=town.at,
                         text=f"{NAME} viendra avec lui.", author="officer:1"))  # fmt: skip
    date = life.make(PreparationDate, committee_id=meeting.id, number=1)
    life.make(PreparationVote, date_id=date.id, person_id=mine)
    life.make(PreparationView, committee_id=meeting.id, person_id=mine, council_id=council.id)
    life.make(Decision, committee_id=meeting.id, council_id=council.id, person_id=mine, author=f"member:{mine}",
              text=f"{NAME} a obtenu un banc.")  # fmt: skip
    life.make(Feed, person_id=mine)
    life.make(OutboxRow, address_id=nora, state="sent", key="season:1", channel="email", provider_id="p6",
              text=f"À appeler :\n- {NAME} ({PHONE})", filled={"names": f"- {NAME}"}, subject=f"De {NAME}", rest="",
              reason=f"550 <{EMAIL}> inconnu", thread="", token="", choices=[], name="officer_calls")  # fmt: skip
    for number_, subject in enumerate((f"ticket:{ticket.id}", f"address:{email}", f"person:{mine}", f"outbox:{dead.id}",
                                       "retention")):  # fmt: skip
        words = f"zqx-audit_texts.text-zqx {number_}" if subject != "retention" else f"À propos de {NAME}"
        audit.append(session, town.at, "officer:1", "tried", subject, text=words)
    life.made |= {"audit_texts"}
    assert life.made >= {each.__tablename__ for each in THEIRS}, "there is not one of each"
    return {"person": mine, "sms": sms, "email": email, "phone": number, "other": other.id or 0}


def _other_ticket(life: Life, address: int) -> int:
    row = Ticket(address_id=address, question="Autre chose", opened_at=life.town.at, promised_at=life.town.at)
    life.session.add(row)
    life.session.flush()
    return row.id or 0


@pytest.fixture
def life(town: Town) -> dict[str, int]:
    return town.db.transact(one_of_each, town)


def marks(town: Town, folder: Path) -> set[str]:
    return {found.decode() for found in MARK.findall(everything(town.db, folder))}


def erased(town: Town, life: dict[str, int]) -> None:
    """As the desk does it, and then a few days go by."""

    def work(session: Session) -> None:
        who = Who(1, "Nora", "administrator", None, "x")
        people.erase(session, town.office, who, life["person"], town.at)

    town.db.transact(work)
    town.db.transact(erasing.finish, town.at + timedelta(days=3))
    town.db.compact()


def test_not_a_byte_of_anything_is_left(town: Town, life: dict[str, int], tmp_path: Path) -> None:
    before = marks(town, tmp_path)
    columns = {f"{table.name}.{column.name}" for table in metadata.sorted_tables for column in table.c}
    assert before <= columns
    assert len(before) > 60, "it could be found"
    erased(town, life)
    left = marks(town, tmp_path)
    assert left - LEFT == set()
    held = everything(town.db, tmp_path).decode("utf-8", "replace")
    for secret in (NAME, json.dumps(NAME)[1:-1], PHONE, EMAIL):
        assert secret not in held, secret
    assert town.db.look(audit.verify) is None


def test_sealed_things_go_with_their_rows(town: Town, life: dict[str, int]) -> None:
    erased(town, life)
    assert town.db.look(lambda session: session.exec(select(AttachmentRow)).all()) == []
    assert town.db.look(lambda session: session.exec(select(FileRow)).all()) == []
    ids = [life["sms"], life["email"], life["phone"]]
    rows = town.db.look(lambda session: session.exec(select(AddressRow).where(col(AddressRow.id).in_(ids))).all())
    assert [(row.sealed, row.person_id, row.pause_reason) for row in rows] == [(b"", None, "")] * 3


def test_what_is_handed_out_names_something_of_every_table(town: Town, life: dict[str, int]) -> None:
    def work(session: Session) -> str:
        person = session.get(Person, life["person"])
        assert person is not None
        return json.dumps(disclosing.all_of(session, town.office, person), ensure_ascii=False)

    told = town.db.transact(work)
    found = {name.partition(".")[0] for name in re.findall(r"zqx-([a-z_.]+)-zqx", told)}
    texts = {each.__tablename__ for each in THEIRS}
    plain = {"people": NAME, "addresses": EMAIL, "seats": "titulaire", "preparation_votes": "dates choisies",
             "feeds": '"calendrier suivi": [{"depuis"', "committee_decisions": "a obtenu un banc"}  # fmt: skip
    for table, words in plain.items():
        assert words in told, table
    assert texts - found - set(plain) - set(NOT_HANDED_OUT) == set(), "these are kept, and nobody is told"
    assert "Une question de quelqu'un d'autre" not in told, "a partner's file does not hold another asker's words"


def test_what_others_said_and_what_happened_stay(town: Town, life: dict[str, int]) -> None:
    erased(town, life)

    def look(session: Session) -> Any:
        notes = session.exec(select(CallNote.text)).all()
        said = session.exec(select(Attendance.answer, Attendance.alternate).order_by(col(Attendance.person_id))).all()
        decided = session.exec(select(Decision.text, Decision.person_id)).all()
        asked = session.exec(select(PartnerRequest.text, PartnerRequest.name).order_by(col(PartnerRequest.id))).all()
        return notes, list(map(tuple, said)), list(map(tuple, decided)), list(map(tuple, asked))

    notes, said, decided, asked = town.db.look(look)
    assert notes == [f"{ERASED} viendra avec lui."]
    assert said == [("no", ""), ("no", ERASED)]
    assert decided == [(f"{ERASED} a obtenu un banc.", None)]
    assert asked[1] == ("Une question de quelqu'un d'autre", ERASED)


def test_who_erases_the_last_address_themselves_is_erased_whole(
    town: Town, life: dict[str, int], tmp_path: Path
) -> None:
    """SUPPRIMER, from each address: with the last one goes the number to call, and the name everywhere."""
    town.db.transact(erasing.erase, town.office, life["sms"], town.at)
    person = town.db.look(lambda session: session.get(Person, life["person"]))
    assert person.name == NAME, "they are still reached by e-mail"
    town.db.transact(erasing.erase, town.office, life["email"], town.at)
    town.db.transact(erasing.finish, town.at + timedelta(days=3))
    town.db.compact()
    assert marks(town, tmp_path) - LEFT == set()
    assert NAME not in everything(town.db, tmp_path).decode("utf-8", "replace")


def test_links_made_for_somebody_erased_open_nothing(town: Town, life: dict[str, int]) -> None:
    office = replace(town.office, public_url="https://hotline.example")

    def links(session: Session) -> tuple[str, str]:
        meeting = session.exec(select(Committee).where(Committee.title == "COPIL")).one()
        page = season.member_link(office, meeting, life["person"]).rpartition("/")[2]
        feed = following_calendars.of_person(session, office, life["person"], town.at)
        return page, feed.rpartition("/")[2].removesuffix(".ics")

    page, feed = town.db.transact(links)
    assert town.db.look(member_page.page, office, page, town.at) is not None
    assert town.db.look(following_calendars.read, office, feed, town.at) is not None
    erased(town, life)
    assert town.db.look(member_page.page, office, page, town.at) is None
    assert town.db.transact(member_page.answer, office, page, "yes", "", "", town.at) is None
    assert town.db.look(following_calendars.read, office, feed, town.at) is None


def test_a_year_later_no_word_of_a_question_is_left(town: Town, life: dict[str, int], tmp_path: Path) -> None:
    """Nobody asked for anything: retention does it."""
    town.db.transact(retention.purge, town.at + timedelta(days=400))
    town.db.compact()
    tables = {"inbox", "questions", "ticket_messages", "ticket_replies", "ticket_notes", "ticket_drafts", "call_notes"}
    left = {name for name in marks(town, tmp_path) if name.partition(".")[0] in tables}
    assert {name for name in left if name.endswith((".text", ".subject", ".reason", ".warnings"))} == set()


def test_joining_two_entries_takes_all_that_the_double_had(town: Town, life: dict[str, int]) -> None:
    """Else it would be out of reach of whoever asks for their data, and of their erasure."""
    who = Who(1, "Nora", "administrator", None, "x")
    town.db.transact(people.merge, who, life["other"], life["person"], town.at)

    def look(session: Session) -> str:
        person = session.get(Person, life["other"])
        assert person is not None
        return json.dumps(disclosing.all_of(session, town.office, person), ensure_ascii=False)

    told = town.db.look(look)
    for table in ("call_notes", "reminders", "preparation_views"):
        assert f"zqx-{table}." in told, table
    for words in ('dates choisies pour une préparation": [{', "a obtenu un banc", 'calendrier suivi": [{'):
        assert words in told
