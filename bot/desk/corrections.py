"""Telling everyone who received an answer that was wrong: listed, approved, then sent once to each on their channel."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, time
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from bot import audit
from bot.conversations import Given, Question
from bot.desk import drafting, letters, replies
from bot.desk.erasing import ERASED
from bot.office import Office
from bot.say import say
from channels import directory, mailbox, manners
from channels.contract import Address, Outbound
from channels.directory import AddressRow, Person
from channels.mailbox import Bulk, OutboxRow
from channels.sms.cost import in_euros
from escalation.accounts import Who
from knowledge import corrections, differences, entries
from knowledge.corrections import DONE, DROPPED, SENDING, WAITING, Correction
from knowledge.entries import Content, VersionRow
from knowledge.pages.desk import Channelled, CorrectionPage, CorrectionRow, Preview, Recipient

BATCH = 200  # letters a transaction
PER_PAGE = 50
QUOTED = 140  # characters of the question that the letter repeats
STATES = {
    "waiting": "en attente d'envoi", "sending": "en attente d'envoi", "sent": "envoyées", "delivered": "reçues",
    "failed": "non remises", "unknown": "non remises", "held": "non remises", "dead": "non remises",
    "dropped": "non envoyées (données effacées)",
}  # fmt: skip


def row(session: Session, correction: Correction) -> CorrectionRow:
    """A correction as a list shows it."""
    version = session.get(VersionRow, correction.version_id)
    assert version is not None
    assert correction.id is not None
    return CorrectionRow(
        correction.id,
        version.body["slug"],
        version.body["title"],
        version.number,
        correction.state,
        correction.decided_at or correction.created_at,
        correction.total,
        correction.posted,
        correction.silent,
    )


def listed(session: Session) -> tuple[CorrectionRow, ...]:
    return tuple(row(session, each) for each in corrections.listed(session))


def recipients(entry_id: int, version_id: int, since: datetime) -> Any:
    """Who received an earlier version from `since` on: one address a person, the one that can be written to first."""
    wrong = (
        sa.select(col(Given.address_id).label("address_id"), sa.func.max(col(Given.id)).label("given_id"))
        .where(col(Given.entry_id) == entry_id, col(Given.version_id) < version_id, col(Given.given_at) >= since)
        .group_by(col(Given.address_id))
        .subquery()
    )
    ranked = (
        sa.select(
            wrong.c.address_id,
            wrong.c.given_id,
            col(AddressRow.channel).label("channel"),
            col(AddressRow.person_id).label("person_id"),
            col(AddressRow.stopped_at).is_not(None).label("stopped"),
            sa.func.row_number()
            .over(
                partition_by=sa.func.coalesce(col(AddressRow.person_id), -wrong.c.address_id),
                order_by=(col(AddressRow.stopped_at).is_not(None), wrong.c.given_id.desc()),
            )
            .label("place"),
        )
        .join(AddressRow, col(AddressRow.id) == wrong.c.address_id)
        .where(col(AddressRow.sealed) != b"", col(AddressRow.erasing_at).is_(None))
        .subquery()
    )
    return sa.select(ranked).where(ranked.c.place == 1).subquery()


def _the(session: Session, number: int) -> tuple[Correction, VersionRow, VersionRow]:
    """A correction, the version that is right, and the one that it replaced; LookupError if there is none."""
    correction = session.get(Correction, number)
    if correction is None:
        raise LookupError(number)
    right = session.get(VersionRow, correction.version_id)
    assert right is not None
    wrong = session.exec(
        select(VersionRow)
        .where(VersionRow.entry_id == correction.entry_id, VersionRow.number < right.number)
        .order_by(col(VersionRow.number).desc())
    ).first()
    assert wrong is not None
    return correction, right, wrong


def page(
    session: Session, office: Office, who: Who, number: int, since: date | None, at: int, now: datetime
) -> CorrectionPage:
    """All that the page of a correction tells; names only of people whose council this officer looks after."""
    correction, right, wrong = _the(session, number)
    start = _start(office, since) if since and correction.state == WAITING else correction.since
    found = recipients(correction.entry_id, correction.version_id, start)
    content = entries.as_content(right.body)
    counted = session.execute(
        sa.select(
            found.c.channel, sa.func.count(), sa.func.sum(sa.case((found.c.stopped, 1), else_=0)).label("stopped")
        )
        .group_by(found.c.channel)
        .order_by(sa.func.count().desc())
    ).all()
    total = sum(count for _, count, _ in counted)
    last = max(1, -(-total // PER_PAGE))
    at = min(max(1, at), last)
    day = now.astimezone(office.zone)
    sample = {
        name: letter(office, Address(name, ""), content, correction.words, office.day(day), "")
        for name in {*(each[0] for each in counted), "email", "sms"}
    }
    channels = tuple(
        Channelled(
            manners(name).label,
            count,
            int(stopped or 0),
            in_euros((count - int(stopped or 0)) * drafting.euros(office, sample[name].text)) if name == "sms" else "",
        )
        for name, count, stopped in counted
    )
    first = session.execute(
        sa.select(sa.func.min(col(Given.given_at))).where(
            col(Given.entry_id) == correction.entry_id, col(Given.version_id) < correction.version_id
        )
    ).scalar()
    return CorrectionPage(
        row=row(session, correction),
        since=start.astimezone(office.zone).date(),
        first=first.astimezone(office.zone).date() if first else None,
        words=correction.words,
        channels=channels,
        recipients=_people(session, who, found, (at - 1) * PER_PAGE),
        total=total,
        last=last,
        preview=(
            Preview("E-mail, Telegram, site", sample["email"].text),
            drafting.sms_preview(office, sample["sms"].text, content.sms),
        ),
        differences=tuple(differences.between(entries.as_content(wrong.body), content)),
        decided_by=drafting.authors(session)(f"officer:{correction.officer_id}") if correction.officer_id else "",
        decided_at=correction.decided_at,
        outcome=_outcome(session, correction) if correction.state in (SENDING, DONE) else {},
    )


def _start(office: Office, day: date) -> datetime:
    return datetime.combine(day, time(), office.zone)


def _people(session: Session, who: Who, found: Any, offset: int) -> tuple[Recipient, ...]:
    query = (
        sa.select(
            found.c.channel, found.c.stopped, col(Given.given_at), col(Question.text), col(Question.council_id),
            col(Person.name), col(Person.council_id).label("theirs"),
        )
        .select_from(found)
        .join(Given, col(Given.id) == found.c.given_id)
        .join(Question, col(Question.id) == Given.question_id)
        .outerjoin(Person, col(Person.id) == found.c.person_id)
        .order_by(found.c.given_id.desc())
        .limit(PER_PAGE)
        .offset(offset)
    )  # fmt: skip
    people = []
    for channel, stopped, at, text, council, name, theirs in session.execute(query):
        may = who.sees(council) and who.sees(theirs)
        said = "" if not may or text == ERASED else " ".join(text.split())[:200]
        people.append(
            Recipient(
                (name or "Une personne") if may else "Une personne", manners(channel).label, at, said, bool(stopped)
            )
        )
    return tuple(people)


def _outcome(session: Session, correction: Correction) -> Mapping[str, int]:
    """What became of the letters, by French words."""
    rows = session.execute(
        sa.select(col(OutboxRow.state), sa.func.count())
        .join(Given, col(Given.outbox_key) == OutboxRow.key)
        .where(col(Given.version_id) == correction.version_id, col(OutboxRow.name) == "correction")
        .group_by(col(OutboxRow.state))
    ).all()
    found: dict[str, int] = {}
    for state, count in rows:
        name = STATES.get(state, state)
        found[name] = found.get(name, 0) + count
    return found


def approve(session: Session, office: Office, who: Who, number: int, since: date, words: str, now: datetime) -> bool:
    """The officer's yes: from now on it goes out, BATCH letters a transaction. False when it was decided before."""
    correction, _, _ = _the(session, number)
    session.refresh(correction, with_for_update=True)
    if correction.state != WAITING:
        return False
    correction.since, correction.words = _start(office, since), words.strip()
    found = recipients(correction.entry_id, correction.version_id, correction.since)
    correction.total = session.execute(sa.select(sa.func.count()).select_from(found)).scalar_one()
    correction.state, correction.officer_id, correction.decided_at = SENDING, who.id, now
    session.add(correction)
    audit.append(session, now, f"officer:{who.id}", "correction approved", f"correction:{number}", None, words.strip())
    return True


def drop(session: Session, who: Who, number: int, now: datetime) -> bool:
    """Nobody is written to; the answers that were given still count as corrected. False when it was decided before."""
    correction, _, _ = _the(session, number)
    if correction.state != WAITING:
        return False
    correction.state, correction.officer_id, correction.decided_at = DROPPED, who.id, now
    session.add(correction)
    audit.append(session, now, f"officer:{who.id}", "correction not sent", f"correction:{number}")
    return True


def send_some(session: Session, office: Office, now: datetime, limit: int = BATCH) -> bool:
    """Post the next letters of what was approved; true when there may be more. A second run posts nothing twice."""
    correction = corrections.under_way(session)
    if correction is None:
        return False
    session.refresh(correction, with_for_update=True)
    if correction.state != SENDING:
        return True
    right = session.get(VersionRow, correction.version_id)
    assert right is not None
    content = entries.as_content(right.body)
    found = recipients(correction.entry_id, correction.version_id, correction.since)
    batch = session.execute(
        sa.select(AddressRow, Given, col(Question.text), col(Question.council_id))
        .select_from(found)
        .join(AddressRow, col(AddressRow.id) == found.c.address_id)
        .join(Given, col(Given.id) == found.c.given_id)
        .join(Question, col(Question.id) == Given.question_id)
        .where(found.c.address_id > correction.reached)
        .order_by(found.c.address_id)
        .limit(limit)
    ).all()
    bulk: list[Bulk] = []
    for address, given, text, council_id in batch:
        key = f"correction:{correction.version_id}:{address.id}"
        to = directory.opened(office.vault, address)
        said = letter(office, to, content, correction.words, office.day(given.given_at), text)
        if address.stopped_at is not None:  # stands in the outbox, to be seen, and is never sent
            letters.post(session, office, said, key, address, now, kind=mailbox.BULK, council_id=council_id)
            correction.silent += 1
        else:
            shorten = office.shorten.get(to.channel)
            short, rest = shorten(said.text) if shorten else (said.text, "")
            bulk.append(Bulk(key, address.id, council_id, replace(said, text=short), rest))
            session.add(_given_again(correction, given, key, now))
        correction.reached = address.id
    mailbox.post_bulk(session, bulk, now)
    correction.posted += len(batch)
    if len(batch) < limit:
        correction.state = DONE
        audit.append(
            session, now, "program", "correction sent", f"correction:{correction.id}", None,
            f"{correction.posted - correction.silent} envoyées, {correction.silent} gardées (STOP)",
        )  # fmt: skip
    session.add(correction)
    return True


def _given_again(correction: Correction, given: Given, key: str, now: datetime) -> Given:
    """That this person now holds the right version: a later correction reaches them too."""
    return Given(
        question_id=given.question_id,
        entry_id=given.entry_id,
        version_id=correction.version_id,
        address_id=given.address_id,
        outbox_key=key,
        given_at=now,
    )


def letter(office: Office, to: Address, content: Content, words: str, day: str, question: str) -> Outbound:
    """« Nous avions répondu… La réponse a changé : … », for one channel."""
    short = manners(to.channel).short
    asked = " ".join(question.split())
    if len(asked) > QUOTED:
        asked = asked[:QUOTED].rsplit(" ", 1)[0] + "…"
    ends = "" if not words or words.endswith((".", "!", "?", "…")) else "."
    known = bool(asked) and question != ERASED
    return say(
        "correction",
        to,
        title=content.title,
        day=day,
        question=f"Votre question : « {asked} »" if known else "",
        words=words + ends,
        answer=content.sms if short else content.answer,
        source=replies.source_line(content, to.channel),
        organisation=office.organisation,
    )
