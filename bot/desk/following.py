"""What follows a reply about a committee: an alternate is told, a date noted, a decision kept, a ticket opened."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlmodel import Session, col, select

from bot import audit, conversations, replying
from bot.conversations import COMING, Prompt
from bot.desk import letters, reminding, season
from bot.office import Office
from bot.replying import Said
from channels import directory
from channels.directory import AddressRow, Person
from channels.mailbox import OutboxRow, Sending
from escalation import tickets
from escalation.tickets import Ticket
from scheduler import agenda, attendance, plan, preparation
from scheduler.attendance import Attendance
from scheduler.committees import ALTERNATE, CANCELLED, Committee, CommitteeCouncil, Seat
from scheduler.plan import Due

if TYPE_CHECKING:
    from bot.desk.turns import Desk

OpenTicket = Callable[..., Ticket]
OPEN_FOR = {COMING: 14, replying.DATES: 14, replying.DECIDED: 7, replying.SERVED: 14}  # days
ANSWER_FOR = timedelta(days=3)  # « qui vous remplace ? », « que voulez-vous dire ? »
PROMPTS = {"propose_dates": replying.DATES, "ask_decided": replying.DECIDED, "ask_served": replying.SERVED}
MOST_ALTERNATES = 5
TOLD = "Je l'en informe, et je lui demande si c'est possible."
CALLED = "alternate"  # the step of an alternate who is asked to come


def asked(session: Session, sending: Sending | OutboxRow, committee_id: int, now: datetime) -> None:
    """A message of the plan has left: from now on a reply to it means something."""
    kind = COMING if sending.name in season.ASKS_TO_COME else PROMPTS.get(sending.name)
    if kind is None:
        return
    offered = [str(committee_id)]
    if kind == replying.DATES:
        offered.append(str(len(preparation.dates_of(session, committee_id))))
    _ask(session, sending.address_id, kind, offered, now, timedelta(days=OPEN_FOR[kind]))


def _ask(session: Session, address_id: int, kind: str, offered: list[str], now: datetime, long: timedelta) -> None:
    row = session.get(AddressRow, address_id)
    conversations.ask(
        session,
        Prompt(address_id=address_id, kind=kind, offered=offered, opened_at=now, lapses_at=now + long),
        directory.together(session, row) if row else (),
    )


def came(desk: "Desk", committee: Committee, answer: str, open_ticket: OpenTicket) -> Ticket | None:
    """After « je ne peux pas » somebody else is looked for; after « je veux préparer » a ticket is opened: it."""
    if answer == attendance.NO:
        _ask_alternate(desk, committee)
    return _prepare(desk, committee, open_ticket) if answer == attendance.PREPARE else None


# --- 3: « je veux préparer » ------------------------------------------------------------------------------------------


def _prepare(desk: "Desk", committee: Committee, open_ticket: OpenTicket) -> Ticket:
    """A ticket that waits for what they want to say; the officer returns a short text to say aloud."""
    person = directory.person_at(desk.session, desk.turn.address_id)
    row = desk.session.get(Attendance, (committee.id, person.id)) if person else None
    ticket = desk.session.get(Ticket, row.ticket_id) if row and row.ticket_id else None
    if ticket is None or ticket.state == "closed":
        when = desk.office.when(committee.starts_at)
        ticket = open_ticket(
            desk,
            f"(Préparer « {committee.title} », {when}.)",
            f"la personne veut préparer « {committee.title} » ({when}). Renvoyez un texte court, à dire à voix haute",
            [],
            kind="preparation",
            about=committee.id,
        )
        if row is not None:
            row.ticket_id = ticket.id
            desk.session.add(row)
    desk.say("prepare", ticket=ticket, number=ticket.id, organisation=desk.office.organisation)
    offered = [str(committee.id), str(ticket.id)]
    _ask(desk.session, desk.turn.address_id, replying.PREPARE, offered, desk.now, ANSWER_FOR)
    return ticket


def added(desk: "Desk", ticket: Ticket) -> None:
    """The first words that come for a preparation are what it is about."""
    if ticket.question.startswith("(Préparer"):
        ticket.question = desk.turn.text.strip()
        desk.session.add(ticket)
    conversations.close_all(desk.session, desk.turn.address_id, desk.now)


def deadline(office: Office, meeting_at: datetime, promised_at: datetime, now: datetime) -> datetime:
    """Answered before the meeting: the evening of the day before at the latest, and never before now."""
    before = plan.day_start(meeting_at, office.zone) - timedelta(hours=4)
    return max(min(promised_at, before), now)


# --- 2: « je ne peux pas » --------------------------------------------------------------------------------------------


def _ask_alternate(desk: "Desk", committee: Committee) -> None:
    person = directory.person_at(desk.session, desk.turn.address_id)
    if person is None:
        return
    people = alternates(desk.session, committee, person)
    lines = [f"{number}. {each.name}" for number, each in enumerate(people, 1)]
    numbers = ", ".join(str(number) for number in range(1, len(people) + 1))
    how = f"Répondez {numbers}, un autre nom, ou NON." if people else "Écrivez son nom, ou NON si personne ne peut."
    desk.say("alternate_ask", title=committee.title, people="\n".join(lines), how=how)
    offered = [str(committee.id), *(str(each.id) for each in people)]
    _ask(desk.session, desk.turn.address_id, replying.ALTERNATE, offered, desk.now, ANSWER_FOR)


def alternates(session: Session, committee: Committee, person: Person) -> list[Person]:
    """Who holds an alternate's seat for this person's council, and did not say that they cannot come."""
    refused = select(Attendance.person_id).where(
        Attendance.committee_id == committee.id, Attendance.answer == attendance.NO
    )
    return list(
        session.exec(
            select(Person)
            .join(Seat, col(Seat.person_id) == col(Person.id))
            .join(CommitteeCouncil, col(CommitteeCouncil.council_id) == col(Seat.council_id))
            .join(Committee, col(Committee.id) == col(CommitteeCouncil.committee_id))
            .where(
                Committee.id == committee.id,
                Seat.council_id == person.council_id,
                Seat.role == ALTERNATE,
                plan.seat_of_kind(),
                plan.sits(),
                Person.id != person.id,
                col(Person.id).not_in(refused),
            )
            .order_by(col(Person.name), col(Person.id))
            .distinct()
            .limit(MOST_ALTERNATES)
        ).all()
    )


def _alternate(desk: "Desk", committee: Committee, person: Person, value: str) -> None:
    session = desk.session
    row = session.get(Attendance, (committee.id, person.id))
    if row is None or row.answer != attendance.NO:
        desk.say("lapsed")
        return
    trail(desk, "alternate named" if value else "no alternate", committee)
    if not value:
        row.alternate, row.alternate_id = "", None
        session.add(row)
        desk.say("alternate_nobody", title=committee.title)
        return
    asked = name_alternate(session, desk.office, committee, person, row, value, desk.now)
    told = TOLD if asked else "L'équipe le sait aussi. Prévenez cette personne si vous le pouvez."
    desk.say("alternate_noted", title=committee.title, who=row.alternate, told=told)


def name_alternate(
    session: Session,
    office: Office,
    committee: Committee,
    person: Person,
    row: Attendance,
    value: str,
    now: datetime,
) -> bool:
    """Note who comes instead of someone (« #12 », or a name) and ask them to come; False when they cannot be asked."""
    other = session.get(Person, int(value[1:])) if value.startswith("#") else _member(session, person, value)
    row.alternate, row.alternate_id = (other.name if other else value), (other.id if other else None)
    session.add(row)
    return other is not None and call_upon(session, office, committee, other, now)


def _member(session: Session, person: Person, name: str) -> Person | None:
    """The member of the same council who has this name, if there is exactly one."""
    from bot.sheets import fold

    council = session.exec(select(Person).where(Person.council_id == person.council_id, Person.id != person.id)).all()
    wanted = set(fold(name).split())
    found = [each for each in council if wanted and wanted <= set(fold(each.name).split())]
    return found[0] if len(found) == 1 else None


def call_upon(session: Session, office: Office, committee: Committee, person: Person, now: datetime) -> bool:
    """Ask an alternate to come; False when they had been asked already, or said their word."""
    assert committee.id is not None
    assert person.id is not None
    row = session.get(Attendance, (committee.id, person.id))
    if row is not None and row.answer:
        return row.answer != attendance.NO
    if row is None:
        row = attendance.say(session, committee.id, person.id, person.council_id, "", now, committee.revision)
    row.alternate = attendance.CALLED_UPON
    session.add(row)
    session.flush()
    each = Due(committee.id, committee.revision, person.id, person.council_id, CALLED, CALLED)
    reminding.tell(session, office, [each], now)
    return True


# --- dates, decisions, use --------------------------------------------------------------------------------------------


def said(desk: "Desk", reply: Said) -> None:
    """Keep what someone said, and say that it is kept."""
    committee = desk.session.get(Committee, reply.committee_id)
    person = directory.person_at(desk.session, desk.turn.address_id)
    over = committee is not None and committee.starts_at <= desk.now
    asks_before = reply.kind in (replying.DATES, replying.ALTERNATE)
    if committee is None or person is None or committee.state == CANCELLED or (over and asks_before):
        desk.say("lapsed")
        return
    if reply.kind == replying.DATES:
        _dates(desk, committee, person, reply.value)
    elif reply.kind == replying.ALTERNATE:
        _alternate(desk, committee, person, reply.value)
    elif reply.kind == replying.DECIDED:
        _decided(desk, committee, person, reply.value)
    elif reply.kind == replying.SERVED:
        served(desk.session, committee, person, reply.value, desk.now)
        trail(desk, "preparation judged", committee)
        desk.say("served_noted", organisation=desk.office.organisation)
    if reply.kind != replying.DECIDED and reply.kind != replying.DATES:
        conversations.close_all(desk.session, desk.turn.address_id, desk.now)


def trail(desk: "Desk", act: str, committee: Committee) -> None:
    """What someone said of a meeting by message, as their page and the desk note it too: that they did, not what."""
    actor = f"asker:{desk.turn.address_id}"
    audit.append(desk.session, desk.now, actor, act, f"committee:{committee.id}", desk.turn.council_id)


def _dates(desk: "Desk", committee: Committee, person: Person, value: str) -> None:
    assert committee.id is not None
    assert person.id is not None
    numbers = {int(each) for each in value.split(",") if each}
    chosen = preparation.vote(desk.session, committee.id, person.id, numbers, desk.now)
    trail(desk, "dates chosen", committee)
    if not chosen:
        desk.say("dates_none", organisation=desk.office.organisation)
        return
    dates = " et ".join(desk.office.when(each.starts_at) for each in chosen)
    desk.say("dates_noted", dates=dates, organisation=desk.office.organisation)


def _decided(desk: "Desk", committee: Committee, person: Person, value: str) -> None:
    assert committee.id is not None
    trail(desk, "decision noted" if value else "attendance noted", committee)
    if not value:
        row = attendance_row(desk.session, committee, person, desk.now)
        row.came = False
        desk.session.add(row)
        desk.say("decided_absent")
        conversations.close_all(desk.session, desk.turn.address_id, desk.now)
        return
    keep_decision(desk.session, desk.office, committee, value, person, f"member:{person.id}", desk.now)
    asker = letters.asker_in_words(desk.session, desk.turn.address_id, desk.turn.channel)
    what = f"decided-{desk.turn.last.id}"
    season.tell_officers(
        desk.session, desk.office, committee, what, "officer_decision", desk.now, asker=asker, decision=value
    )
    desk.say("decided_noted")


def attendance_row(session: Session, committee: Committee, person: Person, now: datetime) -> Attendance:
    """What is known of this person and this meeting, empty when nothing was."""
    assert committee.id is not None
    assert person.id is not None
    row = session.get(Attendance, (committee.id, person.id))
    return row or attendance.say(session, committee.id, person.id, person.council_id, "", now, committee.revision)


def keep_decision(
    session: Session,
    office: Office,
    committee: Committee,
    text: str,
    person: Person | None,
    author: str,
    now: datetime,
) -> agenda.Decision:
    """What was decided, kept with the committee, and added to the open questions that were asked about it."""
    assert committee.id is not None
    council_id = person.council_id if person else None
    row = agenda.Decision(
        committee_id=committee.id,
        council_id=council_id,
        person_id=person.id if person else None,
        text=text.strip()[:2000],
        author=author,
        reported_at=now,
    )
    session.add(row)
    query = select(Ticket).where(
        Ticket.committee_id == committee.id, Ticket.state == "open", col(Ticket.kind).in_(("question", "preparation"))
    )
    if council_id is not None:
        query = query.where(Ticket.council_id == council_id)
    for ticket in session.exec(query).all():
        words = f"(Décidé à « {committee.title} », {office.day(committee.starts_at)} : {row.text})"
        tickets.add_message(session, ticket, words, now, reopen=False)
    session.flush()
    return row


def served(session: Session, committee: Committee, person: Person, value: str, now: datetime) -> None:
    """Whether the preparation was of use to someone; a later word replaces an earlier one."""
    assert committee.id is not None
    assert person.id is not None
    row = session.get(preparation.PreparationView, (committee.id, person.id))
    if row is None:
        row = preparation.PreparationView(
            committee_id=committee.id, person_id=person.id, council_id=person.council_id, served=value, said_at=now
        )
    row.served, row.said_at = value, now
    session.add(row)


# --- who comes --------------------------------------------------------------------------------------------------------


def who_comes(session: Session, committee_id: int, council_id: int | None) -> str:
    """« Viennent : Awa Diallo, Paul Martin. Ne vient pas : … », for the members of one council; empty if none said."""
    if council_id is None:
        return ""
    rows = [row for row in attendance.of(session, committee_id) if row.council_id == council_id and row.answer]
    names = season.people_named(session, [row.person_id for row in rows])
    comes = [names[row.person_id] for row in rows if row.answer != attendance.NO]
    absent = [names[row.person_id] for row in rows if row.answer == attendance.NO]
    parts = [f"Viennent : {', '.join(comes)}." if comes else "", f"Absents : {', '.join(absent)}." if absent else ""]
    return " ".join(part for part in parts if part)


def in_a_line(session: Session, office: Office, meeting: Committee, council_id: int | None) -> str:
    """« COPIL : jeudi 10 décembre 2026 à 18 h, mairie. Viennent : Awa Diallo. »"""
    assert meeting.id is not None
    place = f", {meeting.place.rstrip('. ')}" if meeting.place else ""
    comes = who_comes(session, meeting.id, council_id)
    return f"{meeting.title} : {office.when(meeting.starts_at)}{place}" + (f". {comes}" if comes else "")
