"""The reminders of the morning: who was to hear by noon and has not, told to officers once a day; and their count."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from bot.desk import letters
from bot.desk.season import Written
from bot.office import Office
from bot.say import say
from channels import directory
from channels.directory import AddressRow
from channels.mailbox import UNFINISHED_OUT, ChannelPause, OutboxRow
from escalation import officers
from escalation.officers import Officer
from scheduler.committees import Committee, Reminder

NOON = time(12)
ITS_TURN = timedelta(minutes=5)  # what was posted so lately has not waited
MOST_MEETINGS = 5  # named in a letter
UNKNOWN = "je ne sais pas, peut-être le rythme que permet le fournisseur"
WAITING = col(OutboxRow.state).in_([sa.literal_column(f"'{state}'") for state in UNFINISHED_OUT])


@dataclass(frozen=True)
class Lot:
    """Reminders of one council and one meeting that wait on one channel for one reason, and how many they are."""

    council_id: int | None
    committee_id: int
    channel: str
    reason: str
    count: int


@dataclass(frozen=True)
class Told:
    """What one officer hears of a morning: the same letter at each of their addresses."""

    letters: tuple[Written, ...]


def noon(office: Office, now: datetime) -> datetime:
    """Noon of the local day."""
    return datetime.combine(office.date_of(now), NOON, office.zone).astimezone(UTC)


def morning(office: Office, now: datetime) -> tuple[datetime, datetime]:
    """Between which moments a reminder is posted that is due this morning: from last evening's quiet hours to noon."""
    end = noon(office, now)
    if office.waking[0] >= NOON:
        return end, end
    evening = datetime.combine(office.date_of(now) - timedelta(days=1), office.waking[1], office.zone)
    return evening.astimezone(UTC), end


def counts(session: Session, office: Office, now: datetime) -> tuple[int, int]:
    """How many of this morning's reminders have left, and how many wait."""
    start, end = morning(office, now)
    query = (
        sa.select(col(OutboxRow.state), sa.func.count())
        .join(Reminder, col(Reminder.outbox_key) == col(OutboxRow.key))
        .where(col(Reminder.posted_at) >= start, col(Reminder.posted_at) < end)
        .group_by(col(OutboxRow.state))
    )
    found = {state: count for state, count in session.execute(query).all()}  # noqa: C416
    return sum(found.get(state, 0) for state in ("sent", "delivered")), sum(found.get(s, 0) for s in UNFINISHED_OUT)


def late(session: Session, office: Office, now: datetime) -> list[Lot]:
    """The reminders that were due before noon today and wait; none before noon."""
    start, end = morning(office, now)
    if now < end:
        return []
    what = (
        col(Reminder.council_id),
        col(Reminder.committee_id),
        col(OutboxRow.channel),
        col(OutboxRow.reason),
    )
    query = (
        sa.select(*what, sa.func.count())
        .select_from(OutboxRow)
        .join(Reminder, col(Reminder.outbox_key) == col(OutboxRow.key))
        .where(WAITING, col(Reminder.posted_at) >= start, col(Reminder.posted_at) < min(end, now - ITS_TURN))
        .group_by(*what)
        .order_by(*what)
    )
    return [Lot(*row) for row in session.execute(query).all()]


def look(session: Session, office: Office, now: datetime) -> list[Told]:
    """What officers are to hear of this morning, those left out who have heard: nothing is written."""
    lots = late(session, office, now)
    if not lots:
        return []
    concerned: dict[int, tuple[Officer, list[Lot]]] = {}
    for council_id in dict.fromkeys(lot.council_id for lot in lots):
        theirs = [lot for lot in lots if lot.council_id == council_id]
        for each in officers.to_notify(session, council_id, office.date_of(now)):
            concerned.setdefault(each.id or 0, (each, []))[1].extend(theirs)
    keys = {_key(office, each, now) for each, _ in concerned.values()}
    heard = set(session.exec(select(OutboxRow.key).where(col(OutboxRow.key).in_(keys))).all())
    pauses = {row.channel: row for row in session.exec(select(ChannelPause).where(col(ChannelPause.until) > now)).all()}
    return [
        _to(session, office, each, theirs, pauses, now)
        for each, theirs in concerned.values()
        if _key(office, each, now) not in heard
    ]


def post(session: Session, office: Office, found: Sequence[Told], now: datetime) -> int:
    """Post these; how many officers are told. The first letter's key decides: of two workers, one tells."""
    told = 0
    for each in found:
        for letter in each.letters:
            row = session.get(AddressRow, letter.address_id)
            if row is None or letters.post(session, office, letter.message, letter.key, row, now) is None:
                break
        else:
            told += 1
    return told


def _key(office: Office, each: Officer, now: datetime) -> str:
    return f"noon:{office.date_of(now)}:{each.id}"


def _to(
    session: Session,
    office: Office,
    each: Officer,
    lots: Sequence[Lot],
    pauses: dict[str, ChannelPause],
    now: datetime,
) -> Told:
    count = sum(lot.count for lot in lots)
    many = count > 1
    subject = f"{count} rappels de ce matin attendent" if many else "1 rappel de ce matin attend"
    values: dict[str, Any] = {
        "headline": subject,
        "hour": office.hour(now),
        "what": f"{subject} encore :",
        "channels": _channels(office, lots, pauses),
        "meetings": _meetings(session, office, lots),
        "fate": "ils partent" if many else "il part",
        "whom": "ces personnes" if many else "cette personne",
        "at_calls": office.at_desk("/reunions/appels", f"committees calls {lots[0].committee_id}"),
        "at_health": office.at_desk("/sante", "outbox"),
    }
    key = _key(office, each, now)
    return Told(
        tuple(
            Written(
                f"{key}:{number}" if number else key,
                row.id or 0,
                None,
                say("officer_noon", directory.opened(office.vault, row), **values),
            )
            for number, row in enumerate(_addresses(session, each, pauses))
        )
    )


def _addresses(session: Session, each: Officer, pauses: Collection[str]) -> list[AddressRow]:
    """Where an officer hears of it: not on a channel that rests, where there is another."""
    rows = [row for id in officers.addresses(session, each) if (row := session.get(AddressRow, id)) is not None]
    return [row for row in rows if row.channel not in pauses] or rows


def _channels(office: Office, lots: Sequence[Lot], pauses: dict[str, ChannelPause]) -> str:
    """« - par SMS : 12. Pourquoi : le fournisseur demande une pause jusqu'à 12 h 20. », a line a channel."""
    lines = []
    for channel in sorted({lot.channel for lot in lots}):
        theirs = [lot for lot in lots if lot.channel == channel]
        count = sum(lot.count for lot in theirs)
        lines.append(f"- par {letters.channel_name(channel)} : {count}. Pourquoi : {_why(office, theirs, pauses)}.")
    return "\n".join(lines)


def _why(office: Office, lots: Sequence[Lot], pauses: dict[str, ChannelPause]) -> str:
    """Why one channel's reminders wait: its rest, else what most of them were refused for, else that nobody knows."""
    pause = pauses.get(lots[0].channel)
    if pause is not None:
        said = f" ({pause.reason})" if pause.reason else ""
        return f"le canal se repose jusqu'à {office.hour(pause.until)}{said}"
    reasons: Counter[str] = Counter()
    for lot in lots:
        reasons[lot.reason.rstrip(". ")] += lot.count
    del reasons[""]
    return reasons.most_common(1)[0][0] if reasons else UNKNOWN


def _meetings(session: Session, office: Office, lots: Sequence[Lot]) -> str:
    """« - COPIL de Bellevue, jeudi 10 décembre 2026 à 18 h : 12 », the soonest first."""
    sums: Counter[int] = Counter()
    for lot in lots:
        sums[lot.committee_id] += lot.count
    rows = session.exec(
        select(Committee).where(col(Committee.id).in_(sums)).order_by(col(Committee.starts_at), col(Committee.id))
    ).all()
    lines = [f"- {each.title}, {office.when(each.starts_at)} : {sums[each.id or 0]}" for each in rows[:MOST_MEETINGS]]
    rest = len(rows) - MOST_MEETINGS
    if rest > 0:
        lines.append(f"- et {rest} autre{'s' if rest > 1 else ''} réunion{'s' if rest > 1 else ''}")
    return "\n".join(["Pour :" if len(rows) == 1 else "Pour ces réunions :", *lines])
