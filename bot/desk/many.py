"""One answer to many: open questions that ask the same, each asker answered on their own channel."""

import hmac
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from sqlmodel import Session

from bot.desk import answering, officer, queue
from bot.desk import ticket as reading
from bot.office import Office
from escalation import alike, tickets
from escalation.accounts import Who
from escalation.answering import UNDO, save_draft
from escalation.console.views import Group, Preview
from knowledge import entries, french, understanding

LOOKED_AT = 300  # the most urgent questions
MOST = 60  # askers answered at once
QUOTED = 300  # characters of the asker's own words


def groups(session: Session, office: Office, who: Who, now: datetime) -> Sequence[Group]:
    """Open questions that ask the same, the largest group first."""
    found = queue.some(session, office, who, now, LOOKED_AT)
    rows = {row.id: row for row, _ in found}
    near = {row.id: {str(each["entry"]): float(each["confidence"]) for each in candidates} for row, candidates in found}
    asked = [alike.Asked(row.id, _words(row.question), near[row.id]) for row, _ in found]
    made = []
    for ids in sorted(alike.groups(asked), key=len, reverse=True):
        best = max(near[ids[0]], key=lambda slug: near[ids[0]][slug], default="")
        entry = entries.find(session, best) if best else None
        version = entries.current(session, entry) if entry else None
        key = "-".join(str(each) for each in ids[:MOST])
        made.append(Group(key, [rows[each] for each in ids[:MOST]], version.body["title"] if version else ""))
    return made


@lru_cache(maxsize=4 * LOOKED_AT)  # the same questions are compared each time the page is opened
def _words(question: str) -> str:
    tokens = french.content(french.plain(understanding.core(question)))
    return " ".join(sorted({french.stem(each) for each in tokens}))


def previews(
    session: Session, office: Office, who: Who, ticket_ids: Sequence[int], text: str
) -> Sequence[tuple[int, str, Preview]]:
    """Number, question, and the answer as each asker will read it; those answered meanwhile are left out."""
    found = []
    for number in dict.fromkeys(ticket_ids[:MOST]):
        try:
            ticket = reading.theirs(session, who, number)
        except LookupError:
            continue
        if ticket.state == "open":
            shown = answering.preview(session, office, who, number, text, _own(ticket.question))
            found.append((number, ticket.question, shown))
    return found


def mark(office: Office, who: Who, ticket_ids: Sequence[int], text: str) -> str:
    """Proof that this officer read these very words back for these very questions."""
    said = "\n".join([str(who.id), ",".join(str(each) for each in sorted(set(ticket_ids))), *text.split()])
    return hmac.new(office.vault.key("read-back"), said.encode(), "sha256").hexdigest()


def was_read(office: Office, who: Who, ticket_ids: Sequence[int], text: str, marked: str) -> bool:
    return hmac.compare_digest(mark(office, who, ticket_ids, text).encode(), marked.encode())


def _own(question: str) -> str:
    words = " ".join(question.split())
    return words if len(words) <= QUOTED else f"{words[:QUOTED].rsplit(' ', 1)[0]}…"


def answer(
    session: Session, office: Office, who: Who, ticket_ids: Sequence[int], text: str, once: str, now: datetime
) -> tuple[Sequence[int], Sequence[int]]:
    """Answer each of these with their own words quoted; those that are answered meanwhile are left out, and told."""
    done: list[int] = []
    left: list[int] = []
    for number in dict.fromkeys(ticket_ids[:MOST]):
        try:
            ticket = reading.theirs(session, who, number)
        except LookupError:
            left.append(number)
            continue
        mark = f"{once}:{number}" if once else None
        if mark and tickets.sent_by(session, mark):
            done.append(number)
            continue
        if ticket.state != "open":
            left.append(number)
            continue
        own = _own(ticket.question)
        officer.answer(session, office, ticket, text.strip(), answering.actor(who), now, after=UNDO, once=mark, own=own)
        save_draft(session, number, who.id, "", now)
        done.append(number)
    return done, left
