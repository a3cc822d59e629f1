"""One question as its page shows it: the conversation, the person, what was thought, what was answered to others."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from rapidfuzz import fuzz, process
from sqlmodel import Session, col, select

from bot.conversations import Question
from bot.desk import billing, files, hours, letters, officer, partners, resending
from bot.desk.queue import councils_of, in_hours
from bot.office import Office
from channels import directory, manners, recordings
from channels.directory import AddressRow, Council, Person
from channels.mailbox import TROUBLED_OUT, AttachmentRow, InboxRow, OutboxRow
from escalation import answering, tickets
from escalation import partners as asked_partners
from escalation.accounts import Who
from escalation.console.views import (
    OUTBOX,
    THEMES,
    Asked,
    Asker,
    File,
    Fitting,
    Line,
    News,
    Note,
    Page,
    Recallable,
    Similar,
    Waiting,
    Way,
)  # fmt: skip
from escalation.officers import Officer
from escalation.tickets import Ticket, TicketMessage, TicketReply
from knowledge import entries
from knowledge.entries import Content

MESSAGES = 60  # of the conversation, on one page
AROUND = timedelta(days=3)  # before the question was asked
RECENT = 400  # answered questions that are compared
FAR = 0.01  # below, an entry is not worth showing
ALIKE = 62  # of 100: below, two questions do not look the same
LANGUAGES = {
    "fr": "français", "ar": "arabe", "en": "anglais", "es": "espagnol", "pt": "portugais", "ro": "roumain",
    "ru": "russe", "tr": "turc", "uk": "ukrainien",
}  # fmt: skip
DECISIONS = {
    "answer": "réponse automatique", "chosen": "réponse choisie", "clarify": "choix proposé",
    "escalate": "passée à l'équipe", "distress": "passée à l'équipe", "call": "au téléphone",
}  # fmt: skip


def theirs(session: Session, who: Who, ticket_id: int) -> Ticket:
    """The ticket of this number that this officer may see; NoSuchTicket for any other."""
    ticket = officer.the_ticket(session, ticket_id)
    if not who.sees(ticket.council_id):
        raise officer.NoSuchTicket(ticket_id)
    return ticket


def page(
    session: Session, office: Office, who: Who, ticket_id: int, now: datetime, whole: bool,
    matched: Mapping[str, float],
) -> Page:  # fmt: skip
    """All of one question. `matched`: entries that the matcher found just now, where it had found none."""
    ticket = theirs(session, who, ticket_id)
    row = session.get(AddressRow, ticket.address_id)
    assert row is not None
    asker = _asker(session, office, ticket, row)
    lines, more = _conversation(session, office, ticket, asker, now, whole)
    late = ticket.state == "open" and ticket.promised_at < now
    left = hours.left(office, hours.closed(session, office, now), now, ticket.promised_at)
    saved = answering.draft(session, ticket_id, who.id)
    at_it = answering.holders(session, [ticket_id], now).get(ticket_id, ())
    return Page(
        id=ticket_id,
        question=ticket.question,
        kind=ticket.kind,
        state=ticket.state,
        channel=letters.channel_name(row.channel),
        spoken=row.channel == "phone",
        theme=THEMES.get(ticket.theme, ""),
        why=ticket.why,
        urgent=ticket.urgent,
        subject=ticket.subject,
        opened_at=ticket.opened_at,
        promised_at=ticket.promised_at,
        answered_at=ticket.answered_at,
        closed_reason=ticket.closed_reason,
        late=late,
        left=in_hours(left) if ticket.state == "open" and not late else "",
        asker=asker,
        conversation=lines,
        more=more,
        fitting=fitting(session, now, office, _found(ticket, matched), row.channel),
        similar=_similar(session, who, ticket),
        notes=[
            Note(officer.author_name(session, each.author), each.text, each.written_at)
            for each in answering.notes(session, ticket_id)
        ],
        waiting=[
            Waiting(each.id or 0, officer.author_name(session, each.author), each.text, each.reason, each.written_at)
            for each in tickets.replies(session, ticket_id)
            if each.state == "draft"
        ],
        partners=_partners(session, ticket_id),
        holders=[each for each in at_it if each.officer_id != who.id or each.taken],
        draft=saved.text if saved else "",
        seen=seen(session, ticket_id),
        councils=councils_of(session, who),
        canned=[(each.id or 0, each.title, each.text) for each in answering.canned(session)],
        known_partners=[(each.email, each.name) for each in partners.known(session, office)],
        meeting_id=ticket.committee_id,
        meeting=officer.meeting_of(session, office, ticket),
    )


def unmatched(session: Session, who: Who, ticket_id: int) -> str:
    """The question, when the matcher had nothing to say of it then: the base may know more by now."""
    ticket = theirs(session, who, ticket_id)
    return ticket.question if not ticket.candidates and ticket.kind in ("question", "call", "to-sort") else ""


def entries_for(
    session: Session, office: Office, who: Who, ticket_id: int | None, found: Mapping[str, float], now: datetime
) -> Sequence[Fitting]:
    """Entries worded for the channel of a question, or to be read out on the telephone."""
    channel = "phone"
    if ticket_id is not None:
        row = session.get(AddressRow, theirs(session, who, ticket_id).address_id)
        channel = row.channel if row else channel
    return fitting(session, now, office, found, channel)


def _found(ticket: Ticket, matched: Mapping[str, float]) -> dict[str, float]:
    own = {str(each["entry"]): float(each["confidence"]) for each in ticket.candidates[:5]}
    return own or dict(matched)


def fitting(
    session: Session, now: datetime, office: Office, found: Mapping[str, float], channel: str
) -> Sequence[Fitting]:
    """Published entries with the words that would be inserted on this channel, the nearest first."""
    standing = {
        each.content.slug: each.content
        for each in entries.published(session, now.astimezone(office.zone).date(), list(found))
    }
    return [
        Fitting(slug, standing[slug].title, round(100 * confidence), worded(standing[slug], channel))
        for slug, confidence in sorted(found.items(), key=lambda item: -item[1])
        if slug in standing and confidence >= FAR
    ]


def worded(content: Content, channel: str) -> str:
    """The answer of an entry, as short as its channel wants it."""
    return content.sms if manners(channel).short else content.answer


def seen(session: Session, ticket_id: int) -> str:
    """How far a page that is opened now has read: the newest answer, and the newest word of the asker."""
    reply, message = session.execute(
        sa.select(
            sa.select(sa.func.coalesce(sa.func.max(col(TicketReply.id)), 0))
            .where(col(TicketReply.ticket_id) == ticket_id, col(TicketReply.state) == "sent")
            .scalar_subquery(),
            sa.select(sa.func.coalesce(sa.func.max(col(TicketMessage.id)), 0))
            .where(col(TicketMessage.ticket_id) == ticket_id)
            .scalar_subquery(),
        )
    ).one()
    return f"{reply}.{message}"


def news(session: Session, who: Who, ticket_id: int, before: str) -> News:
    """What happened since `before` was seen: a colleague's answer, another word of the asker. One's own is no news."""
    first, _, second = before.partition(".")
    reply, message = (int(each) if each.isascii() and each.isdigit() else 0 for each in (first, second))
    replies = session.exec(
        select(TicketReply)
        .where(
            TicketReply.ticket_id == ticket_id,
            TicketReply.state == "sent",
            col(TicketReply.id) > reply,
            TicketReply.author != f"officer:{who.id}",
        )
        .order_by(col(TicketReply.id))
    ).all()
    messages = session.exec(
        select(TicketMessage)
        .where(TicketMessage.ticket_id == ticket_id, col(TicketMessage.id) > message)
        .order_by(col(TicketMessage.id))
    ).all()
    return News(
        seen(session, ticket_id),
        [(officer.author_name(session, each.author), each.text, each.written_at) for each in replies],
        [(each.text, each.heard_at) for each in messages],
    )


def _conversation(
    session: Session, office: Office, ticket: Ticket, asker: Asker, now: datetime, whole: bool
) -> tuple[list[Line], bool]:
    """What was said at this address around the question, oldest first; whether older messages are left out."""
    most = 500 if whole else MESSAGES
    since = datetime.min.replace(tzinfo=now.tzinfo) if whole else ticket.opened_at - AROUND
    heard = session.exec(
        select(InboxRow)
        .where(InboxRow.address_id == ticket.address_id)
        .order_by(col(InboxRow.received_at).desc())
        .limit(most + 1)
    ).all()
    told = session.exec(
        select(OutboxRow)
        .where(OutboxRow.address_id == ticket.address_id)
        .order_by(col(OutboxRow.id).desc())
        .limit(most + 1)
    ).all()
    carried = _files(session, [each.id or 0 for each in heard])
    written = {f"ticket:{ticket.id}:reply:{each.id}": each for each in tickets.replies(session, ticket.id or 0)}
    lines = [
        Line(
            True, "", letters.channel_name(each.channel), each.text, each.heard_at,
            files=carried.get(each.id or 0, ()), here=each.heard_at >= ticket.opened_at - timedelta(minutes=2),
        )
        for each in heard
    ]  # fmt: skip
    lines += [
        _priced(office, asker, each, _told(session, ticket, each, written.get(each.key), now), now) for each in told
    ]
    lines.sort(key=lambda line: (line.at, not line.theirs, line.outbox_id))
    kept = [line for line in lines if line.at >= since][-most:]
    return kept, len(kept) < len(lines)


def _priced(office: Office, asker: Asker, row: OutboxRow, line: Line, now: datetime) -> Line:
    """What did not arrive, with what sending it again costs, here or at another address."""
    if not line.troubled:
        return line
    whole = row.text + (f"\n{row.rest}" if row.rest else "")
    ways = [
        replace(each, words=billing.with_price(each.words, billing.of(office, each.channel, whole, now)))
        for each in asker.ways
    ]
    return replace(line, price=str(billing.of(office, row.channel, row.text, now)), ways=ways)


def _told(session: Session, ticket: Ticket, row: OutboxRow, reply: TicketReply | None, now: datetime) -> Line:
    tone, words = OUTBOX.get(row.state, ("plain", row.state))
    recall = None
    if reply is not None and reply.state == "sent" and reply.due_at and reply.due_at > now and row.state == "waiting":
        recall = Recallable(reply.id or 0, ticket.id or 0, reply.text, reply.due_at)
    author = officer.author_name(session, reply.author) if reply else "Le programme"
    return Line(
        False, author, letters.channel_name(row.channel), row.text, row.sent_at or row.created_at, tone, words,
        row.reason, row.id or 0, row.state in TROUBLED_OUT, here=row.ticket_id == ticket.id, recall=recall,
    )  # fmt: skip


def _files(session: Session, inbox_ids: Collection[int]) -> Mapping[int, tuple[File, ...]]:
    found: dict[int, tuple[File, ...]] = {}
    for id, inbox_id, filename, size, kind in session.execute(
        sa.select(
            col(AttachmentRow.id),
            col(AttachmentRow.inbox_id),
            col(AttachmentRow.filename),
            col(AttachmentRow.size),
            col(AttachmentRow.content_type),
        )
        .where(col(AttachmentRow.inbox_id).in_(inbox_ids))
        .order_by(col(AttachmentRow.id))
    ):
        found[inbox_id] = (*found.get(inbox_id, ()), File(id, filename, size, kind in recordings.PLAYED))
    return found


def file(
    session: Session, office: Office, who: Who, ticket_id: int, attachment_id: int, now: datetime
) -> tuple[str, str, bytes]:
    """The name, type and bytes of a file of this question, a partner's included; LookupError for another."""
    theirs(session, who, ticket_id)
    row, by = session.get(AttachmentRow, attachment_id), session.get(Officer, who.id)
    if row is None or by is None or row.ticket_id != ticket_id:
        raise LookupError(attachment_id)
    return files.attachment(session, office, by, attachment_id, now)


def _asker(session: Session, office: Office, ticket: Ticket, row: AddressRow) -> Asker:
    person = session.get(Person, row.person_id) if row.person_id else None
    council = session.get(Council, ticket.council_id) if ticket.council_id else None
    earlier = session.exec(
        select(Question)
        .where(Question.address_id == row.id, col(Question.ticket_id).is_distinct_from(ticket.id))
        .order_by(col(Question.id).desc())
        .limit(8)
    ).all()
    others = resending.others(session, office, row.id or 0)
    shown = "" if not row.sealed or manners(row.channel).session else directory.opened(office.vault, row).handle
    return Asker(
        person.name if person else "Une personne",
        person is not None,
        person.id if person else None,
        ticket.council_id,
        council.name if council else "",
        LANGUAGES.get(person.language, person.language) if person else "",
        letters.channel_name(person.preferred_channel) if person and person.preferred_channel else "",
        "" if shown.startswith("appel-") else shown,
        row.stopped_at is not None,
        row.created_at,
        [(each.text, each.asked_at, DECISIONS.get(each.decision, ""), each.ticket_id) for each in earlier],
        [
            Way(
                each.id or 0,
                f"{letters.channel_name(each.channel)} : {directory.opened(office.vault, each).handle}",
                each.channel,
            )
            for each in others
        ],
    )


def _similar(session: Session, who: Who, ticket: Ticket) -> Sequence[Similar]:
    """Questions answered lately that read alike, with what was answered, the most alike first."""
    query = (
        sa.select(col(Ticket.id), col(Ticket.folded))
        .where(
            col(Ticket.state).in_(("answered", "closed")),
            col(Ticket.answered_at).is_not(None),
            col(Ticket.id) != ticket.id,
            col(Ticket.kind) != "undelivered",
            col(Ticket.folded) != "",
        )
        .order_by(col(Ticket.id).desc())
        .limit(RECENT)
    )
    if who.councils is not None:
        query = query.where(sa.or_(col(Ticket.council_id).is_(None), col(Ticket.council_id).in_(who.councils)))
    texts = {id: folded[:600] for id, folded in session.execute(query).all()}
    scored = process.extract(ticket.folded[:600], texts, scorer=fuzz.token_set_ratio, score_cutoff=ALIKE, limit=5)
    found = []
    for _, score, id in scored:
        other = session.get(Ticket, id)
        sent = [each for each in tickets.replies(session, id) if each.state == "sent" and each.text]
        if other is not None and sent:
            name = officer.author_name(session, sent[-1].author)
            found.append(Similar(id, other.question, sent[-1].text, name, sent[-1].written_at, round(score)))
    return found


def _partners(session: Session, ticket_id: int) -> Sequence[Asked]:
    requests = asked_partners.of_ticket(session, ticket_id)
    replies = asked_partners.replies(session, [each.id or 0 for each in requests])
    carried = _files(session, [each.inbox_id or 0 for found in replies.values() for each in found])
    return [
        Asked(
            each.id or 0, each.name, each.text, each.state, each.asked_at, each.reminders,
            [
                (reply.text, reply.note, reply.heard_at, carried.get(reply.inbox_id or 0, ()))
                for reply in replies.get(each.id or 0, ())
            ],
        )
        for each in requests
    ]  # fmt: skip
