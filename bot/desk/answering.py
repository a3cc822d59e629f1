"""Answering from the desk: previews, read-backs, sending once, notes, councils; every act enforces who may see what."""

import re
from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from bot import audit
from bot.desk import billing, hours, letters, officer, resending
from bot.desk import ticket as reading
from bot.office import Office
from bot.say import say
from channels import directory, mailbox
from channels.directory import AddressRow, Council
from channels.mailbox import OutboxRow
from escalation import answering, tickets
from escalation.accounts import Who
from escalation.answering import TicketNote
from escalation.console.views import News, Preview, Sent
from escalation.tickets import TicketReply
from knowledge import lint

LONGEST = 5000  # characters of an answer


def actor(who: Who) -> str:
    return f"officer:{who.id}"


def preview(session: Session, office: Office, who: Who, ticket_id: int, text: str, own: str = "") -> Preview:
    """An answer as it will be read: cut where its channel cuts it, with what it costs and what could be plainer."""
    shown = f"Vous demandiez : « {own} »" if own else ""
    return _preview(session, office, who, ticket_id, "officer_answer", text, own=shown)


def preview_progress(session: Session, office: Office, who: Who, ticket_id: int, text: str) -> Preview:
    """How things stand, as it will be read, and what it costs. NoSuchTicket."""
    return _preview(session, office, who, ticket_id, "progress", text)


def _preview(
    session: Session, office: Office, who: Who, ticket_id: int, text_name: str, text: str, own: str = ""
) -> Preview:
    ticket = reading.theirs(session, who, ticket_id)
    row = session.get(AddressRow, ticket.address_id)
    assert row is not None
    name = letters.asker_in_words(session, ticket.address_id, "")
    hints = plain_hints(text)
    if row.channel == "phone":
        return Preview(name, letters.channel_name(row.channel), text, hints=hints)
    said = say(
        text_name,
        directory.opened(office.vault, row),
        number=ticket.id,
        organisation=office.organisation,
        answer=text.strip(),
        own=own,
    ).text
    shorten = office.shorten.get(row.channel)
    shown, rest = shorten(said) if shorten else (said, "")
    others = directory.answered_too(session, row.id or 0)
    bills = (
        [billing.of(office, each.channel, said, ticket.opened_at) for each in (row, *others)] if text.strip() else []
    )
    cost = sum(each.thousandths for each in bills)
    return Preview(
        name,
        letters.channel_name(row.channel),
        shown,
        rest,
        sum(each.pieces for each in bills),
        billing.euros(cost) if cost else "",
        [letters.channel_name(each.channel) for each in others],
        hints,
        "Cette personne a écrit STOP : rien ne lui est envoyé avant qu'elle n'écrive START." if row.stopped_at else "",
        cost,
    )


def plain_hints(text: str) -> Sequence[str]:
    """What would make an answer easier to read: long sentences, acronyms left unexplained, officialese."""
    found = []
    for sentence in lint.ENDS.split(text):
        count = len([word for word in sentence.split() if re.search(r"\w", word)])
        if count > lint.SENTENCE_MOST:
            start = " ".join(sentence.split()[:6])[:60]
            found.append(f"« {start}… » : une phrase de {count} mots. Coupez-la en deux.")
    found += [f"« {each} » n'est pas expliqué. Écrivez-le une fois en entier." for each in lint.unexplained(text)]
    found += [f"« {words} » : dites-le plus simplement." for words in lint.JARGON if words in text.lower()]
    return found[:6]


def send(
    session: Session, office: Office, who: Who, ticket_id: int, text: str, seen: str, once: str, now: datetime
) -> Sent:
    """Answer a ticket: once per form, and only after what happened meanwhile was read. NoSuchTicket."""
    ticket = reading.theirs(session, who, ticket_id)
    if (before := tickets.sent_by(session, once)) is not None:
        return Sent("again", undo_until=before.due_at)
    text = text.strip()
    if not text or len(text) > LONGEST:
        return Sent("empty" if not text else "long")
    found = reading.news(session, who, ticket_id, seen)
    if found.any:
        answering.save_draft(session, ticket_id, who.id, text, now)
        return Sent("news", found)
    said = officer.answer(session, office, ticket, text, actor(who), now, after=answering.UNDO, once=once or None)
    answering.save_draft(session, ticket_id, who.id, "", now)
    row = session.get(AddressRow, ticket.address_id)
    spoken = row is not None and row.channel == "phone"
    return Sent("sent", undo_until=None if spoken else now + answering.UNDO, words=said)


def take_back(session: Session, who: Who, ticket_id: int, reply_id: int, now: datetime) -> bool:
    """Take an answer back within its two minutes; False when it has left. NoSuchTicket."""
    reading.theirs(session, who, ticket_id)
    reply = session.get(TicketReply, reply_id)
    if reply is None or reply.ticket_id != ticket_id:
        return False
    return officer.take_back(session, reply_id, who.id, now)


def keep(session: Session, who: Who, ticket_id: int, text: str, now: datetime) -> None:
    """Keep a draft, also of a session that has lapsed meanwhile. NoSuchTicket."""
    reading.theirs(session, who, ticket_id)
    answering.save_draft(session, ticket_id, who.id, text[: LONGEST * 2], now)


def pulse(
    session: Session, office: Office, who: Who, ticket_id: int, text: str | None, seen: str, now: datetime
) -> tuple[News, Preview | None, Sequence[str]]:
    """An open page says that it is open: the claim goes on, the draft is kept; what is new, and who else is there."""
    reading.theirs(session, who, ticket_id)
    answering.claim(session, ticket_id, who.id, now)
    shown = None
    if text is not None:
        answering.save_draft(session, ticket_id, who.id, text[: LONGEST * 2], now)
        shown = preview(session, office, who, ticket_id, text)
    others = answering.holders(session, [ticket_id], now).get(ticket_id, ())
    names = [each.name for each in others if each.officer_id != who.id]
    return reading.news(session, who, ticket_id, seen), shown, names


def take(session: Session, who: Who, ticket_id: int, on: bool, now: datetime) -> None:
    """« Je m'en occupe », or no longer. NoSuchTicket."""
    ticket = reading.theirs(session, who, ticket_id)
    if on:
        answering.claim(session, ticket_id, who.id, now, taken=True)
    else:
        answering.release(session, ticket_id, who.id)
    act = "ticket taken" if on else "ticket left"
    audit.append(session, now, actor(who), act, f"ticket:{ticket_id}", ticket.council_id)


def note(session: Session, who: Who, ticket_id: int, text: str, now: datetime) -> bool:
    """A note among colleagues; False when it is empty. NoSuchTicket."""
    ticket = reading.theirs(session, who, ticket_id)
    words = text.strip()[:LONGEST]
    if words:
        session.add(TicketNote(ticket_id=ticket_id, author=actor(who), text=words, written_at=now))
        audit.append(session, now, actor(who), "note written", f"ticket:{ticket_id}", ticket.council_id, words)
    return bool(words)


def set_council(session: Session, office: Office, who: Who, ticket_id: int, council: str, now: datetime) -> str:
    """Say which council a question is from; its name. LookupError for one that this officer does not look after.

    Those who look after the council hear of it, unless they knew.
    """
    ticket = reading.theirs(session, who, ticket_id)
    found = session.get(Council, int(council)) if council.isascii() and council.isdigit() else None
    if council and (found is None or not who.sees(found.id)):
        raise LookupError(council)
    changed = ticket.council_id != (found.id if found else None)
    ticket.council_id = found.id if found else None
    session.add(ticket)
    if changed:
        audit.append(session, now, actor(who), "council set", f"ticket:{ticket_id}", ticket.council_id)
        row = session.get(AddressRow, ticket.address_id)
        if found and ticket.state == "open" and row is not None:
            officer.notify(session, office, ticket, row.channel, now, but=who.id)
    return found.name if found else ""


def close(session: Session, who: Who, ticket_id: int, reason: str, now: datetime) -> None:
    """Close without an answer. NoSuchTicket."""
    reading.theirs(session, who, ticket_id)
    officer.close(session, ticket_id, reason.strip()[:300] or "fermée sans réponse", actor(who), now)


def reopen(session: Session, office: Office, who: Who, ticket_id: int, now: datetime) -> None:
    """Answered or closed too early: it waits again. NoSuchTicket."""
    ticket = reading.theirs(session, who, ticket_id)
    if ticket.state != "open":
        ticket.state, ticket.closed_at, ticket.closed_reason = "open", None, ""
        ticket.promised_at, ticket.warned = hours.promised(session, office, ticket.council_id, now), 0
        session.add(ticket)
        audit.append(session, now, actor(who), "ticket reopened", f"ticket:{ticket_id}", ticket.council_id)


def progress(session: Session, office: Office, who: Who, ticket_id: int, text: str, now: datetime) -> bool:
    """Tell the asker how things stand; the question still waits. False when there is nothing to tell. NoSuchTicket."""
    ticket = reading.theirs(session, who, ticket_id)
    words = text.strip()[:LONGEST]
    if not words:
        return False
    key = f"ticket:{ticket_id}:progress:{int(now.timestamp())}"
    letters.to_asker(session, office, ticket, "progress", key, now, answer=words)
    audit.append(session, now, actor(who), "progress told", f"ticket:{ticket_id}", ticket.council_id, words)
    return True


def confirm(session: Session, office: Office, who: Who, ticket_id: int, reply_id: int, yes: bool, now: datetime) -> str:
    """Send an answer that waited for an agreement, or set it aside: sent, dropped or gone. NoSuchTicket."""
    ticket = reading.theirs(session, who, ticket_id)
    draft = session.get(TicketReply, reply_id)
    if draft is None or draft.ticket_id != ticket_id or draft.state != "draft":
        return "gone"
    if yes and draft.text:
        officer.confirm_one(session, office, ticket, draft, actor(who), now)
        return "sent"
    draft.state = "dropped"
    session.add(draft)
    audit.append(session, now, actor(who), "draft set aside", f"ticket:{ticket_id}", ticket.council_id)
    return "dropped"


def retry(session: Session, who: Who, ticket_id: int, outbox_id: int, now: datetime) -> bool:
    """Send again what did not arrive, on the same channel; False when it is not stopped. NoSuchTicket."""
    row = _message(session, who, ticket_id, outbox_id)
    done = row is not None and mailbox.retry(session, OutboxRow, outbox_id, now)
    if done:
        audit.append(session, now, actor(who), "message sent again", f"outbox:{outbox_id}")
    return done


def elsewhere(
    session: Session, office: Office, who: Who, ticket_id: int, outbox_id: int, address_id: int, now: datetime
) -> str:
    """Send what did not arrive to another address of the same person; by which channel, or "". NoSuchTicket."""
    if _message(session, who, ticket_id, outbox_id) is None:
        return ""
    try:
        done = resending.resend(session, office, outbox_id, address_id, actor(who), now)
    except resending.CannotResend:
        return ""
    row = session.get(AddressRow, address_id)
    return letters.channel_name(row.channel) if done is not None and row is not None else ""


def _message(session: Session, who: Who, ticket_id: int, outbox_id: int) -> OutboxRow | None:
    ticket = reading.theirs(session, who, ticket_id)
    row = session.get(OutboxRow, outbox_id)
    return row if row is not None and row.address_id == ticket.address_id else None
