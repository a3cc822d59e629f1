"""Who is told what, when and how (T6): planned, begun, looked for outside any write, posted in lots, each once."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from bot import audit
from bot.desk import hours, kit_paper, letters, season
from bot.desk import kit as kits
from bot.desk.kit import TO_CONFIRM, Kit
from bot.office import Office
from bot.say import say
from channels import directory, mailbox, manners, writable
from channels.contract import Address, Attachment, Outbound
from channels.directory import AddressRow, Person
from channels.mailbox import Bulk, OutboxRow
from channels.sms import gsm
from escalation import officers, tickets
from escalation.tickets import Ticket
from scheduler import plan, preparation, steps
from scheduler.committees import CANCELLED, Committee, Reminder
from scheduler.plan import Due, Noted, Told

LOCK = 0x72656D64  # PostgreSQL advisory lock: one worker at a time posts reminders
LOOK = 2000  # people whose messages are made in one look: the next look searches the seats anew
MEETINGS = 5000  # planned, and begun, at one tick
NOTICES = 200  # steps of which officers hear that are written in one look
MOST_WITHIN = 30  # days: for what can wait
SMS_TITLE, SMS_PLACE = 60, 60  # characters: what keeps a reminder within two SMS
TWO_SMS = 306  # septets
CHOICES = ("Je viens", "Je ne peux pas", "Je veux préparer")
NAMES = {
    steps.KIT: "reminder",
    steps.REMIND: "reminder",
    steps.INVITE: "reminder_invite",
    steps.AGAIN: "reminder_again",
    steps.PRACTICAL: "reminder_practical",
    steps.PROPOSE: "propose_dates",
    steps.DECIDED: "ask_decided",
    steps.SERVED: "ask_served",
    "alternate": "alternate_call",
}
WITH_FILES = ("reminder", "reminder_moved")
WITH_CALENDAR = (*WITH_FILES, "reminder_invite")
TO_CALL = (*steps.FIRST, "")  # whoever cannot be told these is called at once; the rest stands on the call list
NO_ADDRESS = "Nous n'avons ni numéro de mobile ni e-mail pour cette personne."


@dataclass(frozen=True)
class Letter:
    """One person's message, ready to be posted; without one, `call` says why the officer calls."""

    due: Due
    meeting_at: datetime
    name: str
    address_id: int | None = None
    message: Outbound | None = None
    call: str = ""
    told_before: Told | None = None


# --- T6 ---------------------------------------------------------------------------------------------------------------


def due(
    session: Session,
    office: Office,
    now: datetime,
    limit: int = 200,
    reach: Collection[str] | None = None,
    papers: bool = True,
) -> tuple[int, bool]:
    """Plan, begin, look and post in one transaction, `limit` people at most: how many were told, and if more are left.

    For commands, simulations and tests; the service does the same in small lots (`workers.tick`). `papers`: False where
    nobody will read the files, which take most of the time to make.
    """
    if not alone(session):
        return 0, False
    withdraw(session, now)
    plan_some(session, office, now, steps.unplanned(session, now, MEETINGS))
    begin_some(session, office, now, steps.unsettled(session, now, MEETINGS))
    while notices := season.notices(session, office, now, NOTICES):
        season.post_notices(session, office, notices, now)
    ready = steps.begun(session, now)
    found, more = look(session, office, now, limit, reach, papers)
    told = post(session, office, found, now)
    if not found:
        steps.close(session, ready)
    return told, more


def plan_some(session: Session, office: Office, now: datetime, ids: Sequence[int]) -> int:
    """Write the steps of those of these meetings that are new or were moved; how many."""
    return steps.plan_meetings(session, now, office.zone, office.holidays, ids)


def begin_some(session: Session, office: Office, now: datetime, ids: Sequence[int]) -> int:
    """Begin the steps of these meetings that are due; how many."""
    fired = steps.settle(session, now, ids)
    season.set_off(session, office, fired, now)
    return len(fired)


def look(
    session: Session,
    office: Office,
    now: datetime,
    limit: int = 200,
    reach: Collection[str] | None = None,
    papers: bool = True,
) -> tuple[list[Letter], bool]:
    """Who is to be told what now, with the message of each: nothing is written, so this may take its time.

    Each person is written to on the preferred channel, else the next one among `reach` (the channels that are open).
    """
    found, more = plan.due(session, now, office.zone, limit)
    if not found:
        return [], more
    desk = _Desk(session, office, now, found, papers=papers)
    return [desk.letter(each, reach) for each in found], more


def post(session: Session, office: Office, found: Sequence[Letter], now: datetime) -> int:
    """Note and post these messages, by a statement for all; how many people were told.

    1. A meeting that changed since they were written: its letters are dropped, the next look writes new ones.
    2. The reminders' unique key decides: five workers at once tell each person once.
    3. Who cannot be written to stands on the call list; the officer is told at once where it cannot wait.
    """
    rows = session.execute(
        sa.select(col(Committee.id), col(Committee.revision), col(Committee.state))
        .where(col(Committee.id).in_({each.due.committee_id for each in found}))
        .with_for_update(read=True)  # whoever moves or cancels it waits, and drops what was posted here
    ).all()
    standing = {id: (revision, state == CANCELLED) for id, revision, state in rows}
    fresh = [
        each
        for each in found
        if standing.get(each.due.committee_id) == (each.due.revision, each.due.step == plan.TELL_CANCELLED)
    ]
    noted = [
        Noted(each.due, each.meeting_at, each.message.recipient.channel if each.message else "", each.call)
        for each in fresh
    ]
    mine = plan.record(session, noted, now)
    fresh = [each for each in fresh if each.due in mine]
    mailbox.post_bulk(
        session,
        [
            Bulk(each.due.key, each.address_id, each.due.council_id, each.message, within=_within(each.meeting_at, now))
            for each in fresh
            if each.message and each.address_id
        ],
        now,
        plan.next_waking(now, office.zone, office.waking),
        vault=office.vault,
    )
    for each in fresh:
        if each.call and each.due.action in TO_CALL:
            _ask_to_call(session, office, each, now)
    return len(fresh)


def _within(meeting_at: datetime, now: datetime) -> int:
    """Whole days until a meeting: tomorrow's details leave before next week's files, what is asked after it last."""
    return (meeting_at - now).days if meeting_at > now else MOST_WITHIN


def tell(session: Session, office: Office, found: Sequence[Due], now: datetime) -> int:
    """Tell these people at once, on the channels that are open here; how many."""
    desk = _Desk(session, office, now, found)
    return post(session, office, [desk.letter(each, None) for each in found], now)


def withdraw(session: Session, now: datetime) -> int:
    """Drop the reminders that still wait, of meetings that changed, were cancelled or have begun; how many."""
    return drop_changed(session, plan.changed_keys(now)) + drop_begun(session, plan.begun_keys(now))


def stale(session: Session, now: datetime) -> tuple[list[str], list[str]]:
    """The keys of what `withdraw` would drop: of meetings that changed, and of those that have begun; nothing written.

    What is found stays so: a meeting that changed never changes back (its revision only rises).
    """
    changed, begun = (
        list(session.execute(sa.select(col(OutboxRow.key)).where(*_still_waiting(keys))).scalars())
        for keys in (plan.changed_keys(now), plan.begun_keys(now))
    )
    return changed, begun


def drop_changed(session: Session, keys: "Sequence[str] | sa.Select[tuple[str]]") -> int:
    """Drop those of these that still wait, and forget that they were told; how many."""
    changed = _drop(session, keys, "la réunion a changé ou est annulée")
    if changed:
        plan.forget(session, changed)  # they never left: whoever they were for was not told
    return len(changed)


def drop_begun(session: Session, keys: "Sequence[str] | sa.Select[tuple[str]]") -> int:
    """Drop those of these that still wait; how many."""
    return len(_drop(session, keys, "la réunion a commencé"))


def alone(session: Session) -> bool:
    """Whether no other worker posts reminders now; SQLite has one writer anyway."""
    if session.get_bind().dialect.name != "postgresql":
        return True
    return bool(session.scalar(sa.text("SELECT pg_try_advisory_xact_lock(:lock)").bindparams(lock=LOCK)))


def _still_waiting(keys: "Sequence[str] | sa.Select[tuple[str]]") -> tuple[Any, ...]:
    return (
        col(OutboxRow.state) == sa.literal_column("'waiting'"),
        col(OutboxRow.kind) == mailbox.BULK,
        col(OutboxRow.key).in_(keys),
    )


def _drop(session: Session, keys: "Sequence[str] | sa.Select[tuple[str]]", reason: str) -> list[str]:
    dropped = session.execute(
        sa.update(OutboxRow)
        .where(
            col(OutboxRow.id).in_(sa.select(col(OutboxRow.id)).where(*_still_waiting(keys))),
            col(OutboxRow.state) == "waiting",
        )
        .values(state="dropped", reason=reason)
        .returning(col(OutboxRow.key))
        .execution_options(synchronize_session=False)
    )
    return list(dropped.scalars())


# --- when a channel fails ---------------------------------------------------------------------------------------------


def pass_on(session: Session, office: Office, key: str, reason: str, now: datetime) -> bool:
    """A reminder will not arrive by its channel: the next one, else the call list. False when it is no reminder."""
    row = session.exec(select(Reminder).where(Reminder.outbox_key == key).with_for_update()).first()
    meeting = session.get(Committee, row.committee_id) if row else None
    if row is None or meeting is None:
        return False
    action = _action_of(session, row)
    each = Due(row.committee_id, row.revision, row.person_id, row.council_id, row.step, action)
    cancelled = row.step == plan.TELL_CANCELLED
    over = meeting.starts_at <= now and action not in steps.AFTER and not cancelled
    if over or row.revision != meeting.revision or (meeting.state == CANCELLED) != cancelled:
        return True  # nothing to pass on any more
    tried = set(
        session.exec(
            select(OutboxRow.address_id).where(
                col(OutboxRow.key).in_([each.key, *(f"{each.key}~{n}" for n in range(2, row.tries + 1))])
            )
        ).all()
    )
    desk = _Desk(session, office, now, [each], before=row.id)
    letter = desk.letter(each, None, tried, f"{reason[:1].upper()}{reason[1:]}")
    row.tries += 1
    session.add(row)
    if letter.message is None or letter.address_id is None:
        row.call = letter.call
        session.flush()
        if action in TO_CALL:
            _ask_to_call(session, office, letter, now)
        return True
    row.outbox_key, row.channel = f"{each.key}~{row.tries}", letter.message.recipient.channel
    session.flush()
    bulk = Bulk(
        row.outbox_key, letter.address_id, each.council_id, letter.message, within=_within(meeting.starts_at, now)
    )
    mailbox.post_bulk(session, [bulk], now, plan.next_waking(now, office.zone, office.waking), vault=office.vault)
    return True


def refused(session: Session, office: Office, sending: mailbox.Sending, reason: str, now: datetime) -> bool:
    """A ceiling stops a reminder: it goes by another channel or onto the call list. False when it is no reminder."""
    if sending.kind != mailbox.BULK or not sending.key.startswith("meeting:"):
        return False
    session.execute(
        sa.update(OutboxRow)
        .where(col(OutboxRow.id) == sending.id, col(OutboxRow.fence) == sending.fence)
        .values(state="dropped", reason=reason[:500], lease_until=None)
    )
    pass_on(session, office, sending.key, reason, now)
    return True


def failed(session: Session, office: Office, row: OutboxRow, now: datetime) -> bool:
    """A reminder stopped or did not arrive. True when it went on to another channel or the call list.

    One that may have arrived is never repeated: the officer sees it, and calls.
    """
    if row.kind != mailbox.BULK or not row.key.startswith("meeting:"):
        return False
    if row.state in ("dead", "failed"):
        return pass_on(session, office, row.key, row.reason or "le message n'est pas arrivé", now)
    session.execute(
        sa.update(Reminder).where(col(Reminder.outbox_key) == row.key).values(call="Le message est peut-être arrivé.")
    )
    return False


def _action_of(session: Session, row: Reminder) -> str:
    return (
        session.exec(
            select(steps.CommitteeStep.action).where(
                steps.CommitteeStep.committee_id == row.committee_id,
                steps.CommitteeStep.revision == row.revision,
                steps.CommitteeStep.step == row.step,
            )
        ).first()
        or ""
    )


# --- what is said -----------------------------------------------------------------------------------------------------


class _Desk:
    """What writing some letters needs at hand: read once for all of them."""

    def __init__(
        self,
        session: Session,
        office: Office,
        now: datetime,
        found: Sequence[Due],
        before: int | None = None,
        papers: bool = True,
    ):
        self.session, self.office, self.now, self.papers = session, office, now, papers
        self.told = plan.last_told(session, found, before)
        self.meetings = {
            each.id: each
            for each in session.exec(select(Committee).where(col(Committee.id).in_({d.committee_id for d in found})))
        }
        self.people = {
            each.id: each
            for each in session.exec(select(Person).where(col(Person.id).in_({d.person_id for d in found})))
        }
        self.ways = _ways(session, self.people)
        self._base: kits.Shelf | None = None
        self._kits: dict[tuple[int, int | None], Kit] = {}
        self._values: dict[tuple[object, ...], dict[str, Any]] = {}
        self._files: dict[tuple[object, ...], tuple[Attachment, ...]] = {}

    def letter(self, each: Due, reach: Collection[str] | None, tried: Collection[int] = (), why: str = "") -> Letter:
        person, meeting = self.people[each.person_id], self.meetings[each.committee_id]
        ways = self.ways.get(each.person_id, [])
        before = self.told.get((each.committee_id, each.person_id))
        name = _name(each, before)
        open_here = _open_here(self.office, reach)
        row = next((way for way in ways if _may_write(way, open_here) and way.id not in tried), None)
        letter = Letter(each, meeting.starts_at, name, told_before=before)
        if row is None:
            return replace(letter, call=why or _why_unreachable(ways))
        values = self.values(each, name, meeting, before, row.channel)
        message = say(
            name,
            Address(row.channel, ""),  # the outbox holds the address's id
            choices=CHOICES if name in season.ASKS_TO_COME else (),
            person=person.name,
            link="" if manners(row.channel).short else season.member_link(self.office, meeting, each.person_id),
            **values,
        )
        files = self.files(each, name, meeting, row.channel)
        return replace(letter, address_id=row.id, message=replace(message, attachments=files))

    def kit(self, each: Due, meeting: Committee) -> Kit:
        key = (each.committee_id, each.council_id)
        if key not in self._kits:
            self._base = self._base or kits.shelf(self.session)
            self._kits[key] = kits.of(self.session, self.office, meeting, each.council_id, self.now, self._base)
        return self._kits[key]

    def values(self, each: Due, name: str, meeting: Committee, before: Told | None, channel: str) -> dict[str, Any]:
        """What a message says, but for the person's name: made once for all who are told the same."""
        change = before and (before.step == plan.TELL_CANCELLED, before.meeting_at, before.revision)
        key = (each.committee_id, each.council_id, name, change, manners(channel).short)
        if key not in self._values:
            values = self._made(each, name, meeting, before)
            self._values[key] = short(name, values) if manners(channel).short else values
        return self._values[key]

    def _made(self, each: Due, name: str, meeting: Committee, before: Told | None) -> dict[str, Any]:
        office = self.office
        values: dict[str, Any] = {
            "title": meeting.title,
            "when": office.when(meeting.starts_at),
            "place": meeting.place.rstrip(". ") or TO_CONFIRM,
            "organisation": office.organisation,
        }
        if name == "reminder_cancelled":
            return values | {"when": office.when(before.meeting_at if before else meeting.starts_at)}
        if name == "reminder_moved":
            values |= {"change": _change(office, meeting, before) if before else ""}
        if name in ("reminder_again", "ask_decided", "ask_served"):
            return values
        if name == "propose_dates":
            dates = preparation.dates_of(self.session, each.committee_id)
            numbered = [f"{date.number}. {office.when(date.starts_at)}" for date in dates]
            return values | {"dates": "\n".join(numbered), "how": season.how_to_choose(len(dates))}
        kit = self.kit(each, meeting)
        return values | {
            "kit": kits.as_text(kit),
            "preparation": f"Réunion de préparation : {kit.preparation}." if kit.preparation else "",
            "practical": kits.practical(kit),
        }

    def files(self, each: Due, name: str, meeting: Committee, channel: str) -> tuple[Attachment, ...]:
        """Email carries the calendar entry and the PDF, Telegram the PDF."""
        if not self.papers or channel not in ("email", "telegram") or name not in WITH_CALENDAR:
            return ()
        key = (each.committee_id, each.council_id, name, channel)
        if key not in self._files:
            files = []
            if channel == "email":
                files.append(season.calendar_file(self.office, meeting, self.now))
            if name in WITH_FILES and each.action == steps.KIT:
                files.append(kit_paper.kit_file(self.kit(each, meeting)))
            self._files[key] = tuple(files)
        return self._files[key]


def _name(each: Due, before: Told | None) -> str:
    if each.step == plan.TELL_CANCELLED:
        return "reminder_cancelled"
    changed = before is not None and before.revision != each.revision
    if changed and (each.step == plan.TELL_MOVED or each.action in steps.BEFORE):
        return "reminder_moved"
    return NAMES.get(each.action, "reminder")


def _change(office: Office, meeting: Committee, before: Told) -> str:
    if before.step == plan.TELL_CANCELLED:
        return "La réunion n'est plus annulée."
    if before.meeting_at != meeting.starts_at:
        return f"Ce n'est plus le {office.when(before.meeting_at)}."
    return "Le lieu change."


def short(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The same within two SMS: a long title or place is cut at a word, what does not fit is left out."""
    cut = dict(values) | {"title": _cut(values["title"], SMS_TITLE), "place": _cut(values["place"], SMS_PLACE)}
    lines = str(cut.get("practical", "")).splitlines()  # how to get there comes first
    if "preparation" in cut:
        cut["preparation"] = " ".join(str(cut["preparation"]).split())
        if cut["preparation"] and _septets(name, cut | {"practical": ""}) > TWO_SMS:
            cut["preparation"] = ""
    while "practical" in cut:
        cut["practical"] = " ".join(_ended(" ".join(line.split())) for line in lines)
        if not lines or _septets(name, cut) <= TWO_SMS:
            break
        lines.pop()
    return cut


def _ended(line: str) -> str:
    return line if line.endswith((".", "!", "?")) or "://" in line else f"{line}."


def _septets(name: str, values: Mapping[str, Any]) -> int:
    return gsm.septets(gsm.fold(say(name, Address("sms", ""), person="", **values).text))


def _cut(text: str, most: int) -> str:
    words = " ".join(text.split())
    return words if len(words) <= most else words[: most - 3].rsplit(" ", 1)[0] + "..."


def _ways(session: Session, people: Mapping[int | None, Person]) -> dict[int | None, list[AddressRow]]:
    """The addresses of these people, the preferred channel first: directory.ways_to for many at once, STOP included."""
    rows = session.exec(
        select(AddressRow).where(col(AddressRow.person_id).in_(list(people))).order_by(col(AddressRow.id))
    ).all()
    ways: dict[int | None, list[AddressRow]] = {}
    for row in rows:
        ways.setdefault(row.person_id, []).append(row)
    for person_id, theirs in ways.items():
        preferred = people[person_id].preferred_channel
        theirs.sort(key=lambda row: row.channel != preferred)
    return ways


def _open_here(office: Office, reach: Collection[str] | None) -> list[str]:
    """The channels by which people may be written to first: those given, those open here, else all that there are."""
    return [name for name in (reach or office.reach_by or writable()) if manners(name).writable]


def _may_write(row: AddressRow, reach: Collection[str]) -> bool:
    return row.channel in reach and row.stopped_at is None and row.paused_at is None


# --- who is called ----------------------------------------------------------------------------------------------------


def _ask_to_call(session: Session, office: Office, letter: Letter, now: datetime) -> int:
    """A ticket for the officer, who tells this person; the number of the ticket."""
    each = letter.due
    meeting, person = session.get(Committee, each.committee_id), session.get(Person, each.person_id)
    assert meeting is not None
    assert person is not None
    before = letter.told_before
    news = {
        "reminder_moved": f"La réunion a changé. {_change(office, meeting, before) if before else ''}",
        "reminder_cancelled": "La réunion est annulée.",
    }.get(letter.name, "")
    when = before.meeting_at if before and letter.name == "reminder_cancelled" else meeting.starts_at
    ways = _ways(session, {person.id: person}).get(person.id, [])
    to = Address("phone", f"person:{person.id}")
    row = next((way for way in ways if way.channel == "phone"), ways[0] if ways else None)
    if row is None:  # a ticket needs an address: this one stands for « de vive voix », nothing is ever sent to it
        row = directory.keep(session, office.vault, to, now)
        row.person_id = person.id
        session.add(row)
    assert row.id is not None
    question = say(
        "reminder_unreachable",
        to,
        person=person.name,
        news=news,
        title=meeting.title,
        when=office.when(when),
        place=meeting.place.rstrip(". ") or TO_CONFIRM,
    ).text
    ticket = tickets.open_ticket(
        session,
        Ticket(
            council_id=each.council_id,
            address_id=row.id,
            committee_id=each.committee_id,
            kind="reminder",
            question=question,
            why=letter.call,
            opened_at=now,
            promised_at=min(hours.promised(session, office, each.council_id, now), max(meeting.starts_at, now)),
        ),
    )
    assert ticket.id is not None
    audit.append(session, now, "program", "ticket opened", f"ticket:{ticket.id}", each.council_id)
    for one in officers.to_notify(session, each.council_id, office.date_of(now)):
        key = f"ticket:{ticket.id}:notice:{one.id}"
        letters.to_officer(
            session,
            office,
            one,
            "officer_reminder",
            key,
            now,
            ticket,
            person=person.name,
            question=question,
            why=ticket.why,
        )
    return ticket.id


def _why_unreachable(ways: Sequence[AddressRow]) -> str:
    stopped = [letters.channel_name(way.channel) for way in ways if way.stopped_at]
    if stopped:
        return f"Cette personne a écrit STOP ({', '.join(stopped)})."
    failed_ways = [letters.channel_name(way.channel) for way in ways if way.paused_at]
    if failed_ways:
        return f"Ses messages ne passent plus ({', '.join(failed_ways)})."
    return NO_ADDRESS
