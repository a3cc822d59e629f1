"""What the officer does, and hears: every way of answering meets in `answer`."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select

from bot import audit
from bot.desk import files, letters, partners
from bot.office import Office
from bot.say import say
from channels import admission, directory, mailbox, manners
from channels.contract import Address, Attachment
from channels.directory import AddressRow
from escalation import answering, officers, tickets
from escalation.officers import Officer, OfficerCode
from escalation.tickets import Ticket, TicketReply
from knowledge import entries
from scheduler.committees import Committee

HERE = "Voici ce que vous attendiez."  # a reply that is but a file
EMPTY = "la réponse est vide"


class NoSuchTicket(LookupError):
    """No ticket has this number."""


class NothingToConfirm(LookupError):
    """The ticket has no answer that waits for a confirmation."""


def the_ticket(session: Session, ticket_id: int) -> Ticket:
    """The ticket of this number; NoSuchTicket if there is none."""
    ticket = session.get(Ticket, ticket_id)
    if ticket is None:
        raise NoSuchTicket(ticket_id)
    return ticket


def seed(session: Session, office: Office, name: str, email: str, now: datetime) -> bool:
    """Make the first officer; nothing when there is one, the example's aside. True when made."""
    real = select(Officer.id).join(AddressRow, col(AddressRow.id) == col(Officer.address_id))
    if session.exec(real.where(AddressRow.channel != "terminal").limit(1)).first() is not None:
        return False
    row = directory.keep(session, office.vault, Address("email", email.lower()), now)
    assert row.id is not None
    session.add(Officer(name=name, role="administrator", address_id=row.id, created_at=now))
    audit.append(session, now, "program", "first officer made", f"address:{row.id}")
    return True


CODE_FOR = timedelta(minutes=30)


def new_code(session: Session, office: Office, email: str, now: datetime) -> str:
    """A one-time code that links another address of an officer, ten letters; LookupError if nobody has this email."""
    row = directory.find(session, office.vault, Address("email", email.lower()))
    found = officers.at(session, row.id) if row and row.id else None
    if found is None or found.id is None:
        raise LookupError(email)
    code = base64.b32encode(secrets.token_bytes(10)).decode().lower()
    session.add(OfficerCode(mark=_marks(office, code)[0], officer_id=found.id, lapses_at=now + CODE_FOR))
    audit.append(session, now, "command", "link code made", f"officer:{found.id}")
    return code


def link(session: Session, office: Office, code: str, by: AddressRow, now: datetime) -> Officer | None:
    """Whose code this is, now that they sent it from another address; None if it is no open code."""
    assert by.id is not None
    tries = (officers.link(session, mark, by.id, now) for mark in _marks(office, code))
    found = next((each for each in tries if each is not None), None)
    if found is not None:
        audit.append(session, now, f"officer:{found.id}", "address linked", f"address:{by.id}")
    return found


def _marks(office: Office, code: str) -> list[str]:
    """The mark of a code under every secret of ours, the current first."""
    about = f"officer:{code.lower()}".encode()
    return [hmac.new(key, about, hashlib.sha256).hexdigest() for key in office.vault.keys("codes")]


def notify(
    session: Session,
    office: Office,
    ticket: Ticket,
    channel: str,
    now: datetime,
    *,
    urgent: bool = False,
    came_by: Sequence[int] = (),
    others: str = "",
    but: int | None = None,
) -> None:
    """Tell the officers of a ticket: the question, what came with it, what the matcher thought, and how to answer.

    `came_by`: the messages (inbox) that it came by; `others`: the other channels of someone whom a message did not
    reach, in words; `but`: an officer who knows.
    """
    name = {"to-sort": "officer_to_sort", "undelivered": "officer_undelivered"}.get(ticket.kind, "officer_notice")
    for officer in officers.to_notify(session, ticket.council_id, office.date_of(now)):
        if officer.id == but:
            continue
        values: dict[str, object] = {
            "asker": letters.asker_in_words(session, ticket.address_id, channel),
            "channel": letters.channel_name(channel),
            "question": _with_files(session, ticket.question, came_by),
            "why": ticket.why,
        }
        if name == "officer_undelivered":
            values["others"] = others
        if name == "officer_notice":
            values |= {
                "headline": "URGENT, une personne en difficulté" if urgent else _headline(ticket.question),
                "promised": office.when(ticket.promised_at),
                "meeting": f"Pour la réunion : {about}." if (about := meeting_of(session, office, ticket)) else "",
                "candidates": _candidates(session, ticket),
            }
        letters.to_officer(
            session,
            office,
            officer,
            name,
            f"ticket:{ticket.id}:notice:{officer.id}",
            now,
            ticket,
            attachments=files.small(session, office, came_by),
            **values,
        )


def meeting_of(session: Session, office: Office, ticket: Ticket) -> str:
    """« COPIL de Bellevue, jeudi 10 décembre 2026 à 18 h » where a ticket is about a meeting, else nothing."""
    meeting = session.get(Committee, ticket.committee_id) if ticket.committee_id else None
    return f"{meeting.title}, {office.when(meeting.starts_at)}" if meeting else ""


def _with_files(session: Session, text: str, came_by: Sequence[int]) -> str:
    told = files.in_words(session, came_by) if came_by else ""
    return f"{text}\n\n{told}" if told else text


def _headline(question: str) -> str:
    words = " ".join(question.split())
    return words if len(words) <= 60 else words[:57].rsplit(" ", 1)[0] + "..."


def _candidates(session: Session, ticket: Ticket) -> str:
    lines = []
    for each in ticket.candidates[:3]:
        entry = entries.find(session, str(each["entry"]))
        version = entries.current(session, entry) if entry else None
        title = version.body["title"] if version else each["entry"]
        lines.append(f"- {title} ({round(100 * float(each['confidence']))} %)")
    return "Fiches les plus proches :\n" + "\n".join(lines) if lines else ""


def alarm(session: Session, office: Office, channel: str, key: str, words: str, now: datetime) -> None:
    """Tell the officers what spending on a channel has come to, once under its key; not on that very channel."""
    _by_other_channels(session, office, channel, key, now, "officer_alarm", words=words)


def stopped(session: Session, office: Office, channel: str, trouble: str, now: datetime) -> None:
    """Tell the officers, once a day, that a channel waits for a person to mend something; not on that very channel."""
    key = f"stopped:{channel}:{now.astimezone(office.zone).date()}"
    name = letters.channel_name(channel)
    _by_other_channels(session, office, channel, key, now, "officer_stopped", channel=name, trouble=trouble)


def _by_other_channels(
    session: Session, office: Office, stopped: str, key: str, now: datetime, text: str, **values: Any
) -> None:
    for each in officers.to_notify(session, None, office.date_of(now)):
        for address_id in officers.addresses(session, each):
            row = session.get(AddressRow, address_id)
            if row is not None and row.channel != stopped:
                message = say(text, directory.opened(office.vault, row), **values)
                letters.post(session, office, message, f"{key}:{address_id}", row, now)


def notify_added(
    session: Session, office: Office, ticket: Ticket, text: str, came_by: Sequence[int], now: datetime
) -> None:
    """Tell the officers that the asker added something, by these messages."""
    for officer in officers.to_notify(session, ticket.council_id, office.date_of(now)):
        letters.to_officer(
            session,
            office,
            officer,
            "officer_added",
            f"ticket:{ticket.id}:added:{came_by[-1]}:{officer.id}",
            now,
            ticket,
            attachments=files.small(session, office, came_by),
            asker=letters.asker_in_words(session, ticket.address_id, ""),
            question=_with_files(session, text, came_by),
        )


def answer(
    session: Session,
    office: Office,
    ticket: Ticket,
    text: str,
    author: str,
    now: datetime,
    inbox_id: int | None = None,
    *,
    after: timedelta = timedelta(),
    once: str | None = None,
    own: str = "",
    attachments: tuple[Attachment, ...] = (),
) -> str:
    """Send a person's answer to the asker, on the channel that the question came by; what they will read.

    One transaction, one audit line, whether it was written by email, in Telegram, on the console or in a terminal.
    `after`: until then it can be taken back; `once` marks the form that it came by; `own`: the asker's own words.
    """
    row = session.get(AddressRow, ticket.address_id)
    spoken = row is not None and row.channel == "phone"
    due_at = now + after if after and not spoken else None
    reply = tickets.add_reply(session, ticket, text, author, now, inbox_id, due_at, once)
    _settled(session, ticket)
    if spoken:  # a call to make: what is written is the note of it
        audit.append(session, now, author, "call noted", f"ticket:{ticket.id}", ticket.council_id, text)
        return f"(Rien n'est envoyé : à dire de vive voix. Noté : {text})"
    return _send(session, office, ticket, reply, author, now, own, attachments)


def _settled(session: Session, ticket: Ticket) -> None:
    """Answered: nobody else need be at it, and no partner is awaited."""
    assert ticket.id is not None
    answering.release(session, ticket.id)
    partners.closed_with(session, ticket.id)


def _send(
    session: Session,
    office: Office,
    ticket: Ticket,
    reply: TicketReply,
    author: str,
    now: datetime,
    own: str = "",
    attachments: tuple[Attachment, ...] = (),
) -> str:
    said = letters.to_asker(
        session,
        office,
        ticket,
        "officer_answer_prepared" if ticket.kind == "preparation" else "officer_answer",
        _key(reply),
        now,
        due_at=reply.due_at,
        attachments=attachments,
        answer=reply.text or HERE,
        own=f"Vous demandiez : « {own} »" if own else "",
    )
    audit.append(session, now, author, "ticket answered", f"ticket:{ticket.id}", ticket.council_id, reply.text)
    return said


def _key(reply: TicketReply) -> str:
    return f"ticket:{reply.ticket_id}:reply:{reply.id}"


def take_back(session: Session, reply_id: int, officer_id: int, now: datetime) -> bool:
    """Take an answer back within its two minutes; its text is a draft again. False when it has left."""
    reply = session.get(TicketReply, reply_id)
    if reply is None or reply.state != "sent" or reply.due_at is None or reply.due_at <= now:
        return False
    if not mailbox.recall(session, reply.ticket_id, _key(reply), now, "reprise avant l'envoi"):
        return False
    ticket = the_ticket(session, reply.ticket_id)
    tickets.take_back(session, ticket, reply)
    answering.save_draft(session, reply.ticket_id, officer_id, reply.text, now)
    audit.append(session, now, f"officer:{officer_id}", "answer taken back", f"ticket:{ticket.id}", ticket.council_id)
    return True


def take_back_by_message(
    session: Session, office: Office, ticket_id: int, inbox_id: int, by: AddressRow, now: datetime
) -> None:
    """« Reprendre », from an officer: their newest answer does not leave, or has left."""
    assert by.id is not None
    officer = officers.at(session, by.id)
    assert officer is not None
    assert officer.id is not None
    ticket = the_ticket(session, ticket_id)
    found = tickets.recallable(session, now, f"officer:{officer.id}", ticket_id)
    done = bool(found) and take_back(session, found[0].id or 0, officer.id, now)
    name = "officer_taken_back" if done else "officer_too_late"
    letters.to_officer(session, office, officer, name, f"inbox:{inbox_id}:taken", now, ticket, answer=found[0].text)


def relay(
    session: Session,
    office: Office,
    ticket_id: int,
    text: str,
    came_by: Sequence[int],
    by: AddressRow,
    now: datetime,
) -> None:
    """An officer's reply by message (or several of a chat): sent on with its files, and read back to the officer.

    In a chat it can be taken back for two minutes; a mail goes at once. What a colleague answered meanwhile makes it a
    draft: the officer reads it before a second answer goes.
    """
    inbox_id = came_by[-1]
    assert by.id is not None
    officer = officers.at(session, by.id)
    assert officer is not None
    ticket = the_ticket(session, ticket_id)
    if other := _answered_by_another(session, ticket, officer):
        reason = f"{other} a déjà répondu. Relisez sa réponse avant d'envoyer la vôtre"
        keep_draft(session, office, ticket_id, text, reason, came_by, now, author=f"officer:{officer.id}")
        return
    passed = files.to_pass_on(session, office, came_by)
    if not text.strip() and not passed.files:
        keep_draft(session, office, ticket_id, text, EMPTY, came_by, now, author=f"officer:{officer.id}")
        return
    files.tie_reply(session, came_by, ticket_id)
    after = answering.UNDO if manners(by.channel).chatting else timedelta()
    said = answer(
        session,
        office,
        ticket,
        text.strip(),
        f"officer:{officer.id}",
        now,
        inbox_id,
        after=after,
        attachments=passed.files,
    )
    row = session.get(AddressRow, ticket.address_id)
    assert row is not None
    letters.to_officer(
        session,
        office,
        officer,
        "officer_sent",
        f"inbox:{inbox_id}:sent",
        now,
        ticket,
        channel=letters.channel_name(row.channel),
        answer=said,
        files=_passed_in_words(passed, row.channel),
        undo="Elle part dans deux minutes. Pour la reprendre, écrivez REPRENDRE." if after else "",
    )


def _passed_in_words(passed: files.Passed, channel: str) -> str:
    """What goes along with a reply, and what does not."""
    lines, left = [], list(passed.left)
    if passed.files:
        names = admission.listed((each.filename, len(each.content)) for each in passed.files)
        if channel != "phone" and manners(channel).carries:
            lines.append(f"Avec votre réponse : {names}.")
        else:
            left.insert(0, f"{names} (aucun fichier ne passe par {letters.channel_name(channel)})")
    return "\n".join(lines + [f"Pas transmis : {each}." for each in left])


def _answered_by_another(session: Session, ticket: Ticket, officer: Officer) -> str:
    """The name of the colleague whose answer stands, when nothing was asked since; else empty."""
    assert ticket.id is not None
    if ticket.state != "answered":
        return ""
    sent = [each for each in tickets.replies(session, ticket.id) if each.state == "sent"]
    if not sent or sent[-1].author == f"officer:{officer.id}":
        return ""
    return author_name(session, sent[-1].author)


def author_name(session: Session, author: str) -> str:
    """« Nora » for "officer:1"."""
    kind, _, number = author.partition(":")
    found = session.get(Officer, int(number)) if kind == "officer" and number.isdigit() else None
    return found.name if found else {"command": "Quelqu'un, au terminal", "program": "Le programme"}.get(author, author)


def keep_draft(
    session: Session,
    office: Office,
    ticket_id: int,
    text: str,
    reason: str,
    came_by: Sequence[int],
    now: datetime,
    author: str = "inconnu",
) -> None:
    """A reply that may not be the officer's own waits with its files for a confirmation; the officers are told."""
    ticket = the_ticket(session, ticket_id)
    told = files.in_words(session, came_by)
    files.tie_reply(session, came_by, ticket_id)
    draft = tickets.add_draft(session, ticket, text.strip(), author, reason, now, came_by[-1])
    audit.append(session, now, "program", "draft kept", f"ticket:{ticket.id}", ticket.council_id, text)
    for officer in officers.to_notify(session, ticket.council_id, office.date_of(now)):
        letters.to_officer(
            session,
            office,
            officer,
            "officer_draft",
            f"ticket:{ticket.id}:draft:{draft.id}:{officer.id}",
            now,
            ticket,
            reason=reason,
            answer="\n\n".join(filter(None, (text.strip() or "(vide)", told))),
        )


def confirm(session: Session, office: Office, ticket_id: int, author: str, now: datetime) -> str:
    """Send the newest draft of a ticket; what the asker will read. NoSuchTicket, NothingToConfirm."""
    ticket = the_ticket(session, ticket_id)
    draft = tickets.newest_draft(session, ticket_id)
    if draft is None or not (draft.text or _files_of(session, office, draft)):
        raise NothingToConfirm(ticket_id)
    return confirm_one(session, office, ticket, draft, author, now)


def confirm_one(
    session: Session, office: Office, ticket: Ticket, draft: TicketReply, author: str, now: datetime
) -> str:
    """Send this draft of a ticket; what the asker will read."""
    tickets.confirm(session, ticket, draft, now)
    _settled(session, ticket)
    return _send(session, office, ticket, draft, author, now, attachments=_files_of(session, office, draft))


def _files_of(session: Session, office: Office, draft: TicketReply) -> tuple[Attachment, ...]:
    return files.to_pass_on(session, office, [draft.inbox_id]).files if draft.inbox_id else ()


def write(session: Session, office: Office, ticket_id: int, text: str, author: str, now: datetime) -> str:
    """Answer a ticket from the terminal or a page; what the asker will read. NoSuchTicket."""
    return answer(session, office, the_ticket(session, ticket_id), text, author, now)


def close(session: Session, ticket_id: int, reason: str, author: str, now: datetime) -> None:
    """Close a ticket without an answer. NoSuchTicket."""
    ticket = the_ticket(session, ticket_id)
    tickets.close(session, ticket, reason, now)
    _settled(session, ticket)
    audit.append(session, now, author, "ticket closed", f"ticket:{ticket.id}", ticket.council_id, reason)
