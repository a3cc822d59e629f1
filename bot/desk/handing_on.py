"""What a person must answer: tickets opened, the asker told what happens next and the officer what to do."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session

from bot import audit, conversations, router
from bot.conversations import Question
from bot.desk import files, following, hours, officer, partners, reminding, resending
from bot.desk.turns import Desk, recorded
from bot.office import Office, in_full
from channels import mailbox
from channels.mailbox import InboxRow, OutboxRow
from escalation import officers, tickets
from escalation.tickets import Ticket
from knowledge import entries
from knowledge.translations import LANGUAGES
from scheduler.committees import Committee

DISTRESS_NUMBERS = {
    "15": "Urgence médicale : appelez le 15.",
    "17": "Danger immédiat : appelez le 17 (police).",
    "18": "Incendie : appelez le 18 (pompiers).",
    "112": "Urgence : appelez le 112.",
    "114": "Vous ne pouvez pas parler : envoyez un SMS au 114.",
    "115": "Sans toit ce soir : appelez le 115.",
    "119": "Enfant en danger : appelez le 119.",
    "3114": "Idées de suicide : appelez le 3114.",
    "3919": "Violences faites aux femmes : appelez le 3919.",
}


def escalate(desk: Desk, facts: router.Facts, why: str, distress: tuple[str, ...] = ()) -> None:
    """Open a ticket, tell the asker what happens next, and the officer what to do: one transaction."""
    candidates = [
        {"entry": c.slug, "confidence": round(c.confidence, 4)}
        for c in (facts.match.candidates[:3] if facts.match else ())
    ]
    desk.close_prompts()
    text = facts.text.strip() or files.instead_of_words(desk.session, desk.came_by)
    ticket = open_ticket(desk, text, why, candidates, urgent=bool(distress))
    recorded(desk, facts, "distress" if distress else "escalate", ticket.id)
    if distress:
        numbers = "\n".join(DISTRESS_NUMBERS[n] for n in distress if n in DISTRESS_NUMBERS)
        desk.say("distress", ticket=ticket, numbers=numbers, number=ticket.id)
    elif facts.match and facts.match.language in LANGUAGES:
        desk.say(f"language_{facts.match.language}", ticket=ticket, number=ticket.id)
    else:
        acknowledge(desk, ticket, "handed_on")


def ask_a_person(desk: Desk, question_id: int | None, why: str, said: str, echo: str) -> Ticket | None:
    """Hand an earlier question on with all that belongs to it: what was answered, and what was said to that."""
    question = desk.session.get(Question, question_id) if question_id else None
    desk.close_prompts()
    if question is None:
        desk.say("lapsed")
        return None
    desk.about = question.committee_id
    told = conversations.told(desk.session, question.id or 0)
    whole = "\n\n".join([why, *(f"J'avais répondu :\n{text}" for text in told)])
    brought = files.of_question(desk.session, question.id)
    ticket = open_ticket(desk, question.text, whole, question.candidates, said=said, brought=brought)
    question.ticket_id = ticket.id
    desk.session.add(question)
    acknowledge(desk, ticket, "handed_on", noted=echo)
    return ticket


def open_ticket(
    desk: Desk,
    question: str,
    why: str,
    candidates: list[dict[str, object]],
    *,
    kind: str = "question",
    urgent: bool = False,
    said: str = "",
    brought: Sequence[int] = (),
    about: int | None = None,
) -> Ticket:
    """A ticket with its notice to every officer concerned; `said`: what the asker added to the question.

    `brought`: earlier messages whose files belong to it; `about`: a meeting, where it is not the one spoken of.
    """
    turn = desk.turn
    if about is None and kind in ("question", "human"):
        about = desk.about
    ticket = tickets.open_ticket(
        desk.session,
        Ticket(
            council_id=turn.council_id,
            address_id=turn.address_id,
            committee_id=about,
            kind=kind,
            question=question,
            subject=turn.messages[0].subject,
            thread=turn.last.thread,
            why=why,
            candidates=candidates,
            opened_at=desk.now,
            promised_at=_promised(desk, turn.council_id, about),
            theme=_theme(desk.session, candidates),
            urgent=urgent,
        ),
    )
    audit.append(
        desk.session, desk.now, f"asker:{turn.address_id}", "ticket opened", f"ticket:{ticket.id}", turn.council_id
    )
    if said:
        tickets.add_message(desk.session, ticket, said, desk.turn.last.heard_at, reopen=False)
        ticket.why = f"{ticket.why}\n\nLa personne ajoute :\n{said}"
        desk.session.add(ticket)
    assert ticket.id is not None
    came_by = [*brought, *(number for number in desk.came_by if number not in brought)]
    files.tie(desk.session, came_by, ticket.id)
    officer.notify(desk.session, desk.office, ticket, desk.to.channel, desk.now, urgent=urgent, came_by=came_by)
    return ticket


def _promised(desk: Desk, council_id: int | None, committee_id: int | None) -> datetime:
    """By when a person answers: what is about a meeting to come, the evening before it at the latest."""
    usual = hours.promised(desk.session, desk.office, council_id, desk.now)
    meeting = desk.session.get(Committee, committee_id) if committee_id is not None else None
    if meeting is None or meeting.starts_at <= desk.now:
        return usual
    return following.deadline(desk.office, meeting.starts_at, usual, desk.now)


def _theme(session: Session, candidates: list[dict[str, object]]) -> str:
    """The kind of the nearest entry: what the queue sorts questions by."""
    nearest = entries.find(session, str(candidates[0]["entry"])) if candidates else None
    return nearest.kind if nearest else ""


def acknowledge(desk: Desk, ticket: Ticket, name: str, noted: str = "") -> None:
    office = desk.office
    desk.say(
        name,
        ticket=ticket,
        number=ticket.id,
        noted=noted,
        files=files.for_the_asker(desk.session, desk.came_by),
        organisation=office.organisation,
        promised=office.day(ticket.promised_at),
        away=_away(desk, ticket),
        urgent=f"Si c'est urgent : {office.phone}." if office.phone else "",
    )


def _away(desk: Desk, ticket: Ticket) -> str:
    """Why the answer comes later than usual, when everybody is away."""
    today = desk.office.date_of(desk.now)
    back = officers.back_on(desk.session, ticket.council_id, today)
    return f"L'équipe est absente jusqu'au {in_full(back - timedelta(days=1))}." if back else ""


def add(desk: Desk, ticket_id: int) -> None:
    """What the asker adds goes into their ticket, and reopens it if a person had answered."""
    ticket = desk.session.get(Ticket, ticket_id)
    assert ticket is not None
    if ticket.kind == "human":  # « HUMAIN », and now the question itself
        ticket.kind = "question"
        if ticket.committee_id is None and desk.about is not None:
            ticket.committee_id = desk.about
            ticket.promised_at = min(ticket.promised_at, _promised(desk, ticket.council_id, desk.about))
        desk.session.add(ticket)
    if ticket.kind == "preparation":
        following.added(desk, ticket)
    if ticket.state != "open":  # asked again: promised anew
        ticket.promised_at = _promised(desk, ticket.council_id, ticket.committee_id)
        ticket.warned = 0
        actor = f"asker:{desk.turn.address_id}"
        audit.append(desk.session, desk.now, actor, "ticket reopened", f"ticket:{ticket_id}", ticket.council_id)
    tickets.add_message(desk.session, ticket, desk.turn.text, desk.turn.last.heard_at, reopen=True)
    files.tie(desk.session, desk.came_by, ticket_id)
    officer.notify_added(desk.session, desk.office, ticket, desk.turn.text, desk.came_by, desk.now)
    waiting = partners.in_words(desk.session, ticket_id)
    told = files.for_the_asker(desk.session, desk.came_by)
    desk.say("added", ticket=ticket, number=ticket.id, files=told, waiting=waiting)


def to_sort(desk: Desk, why: str) -> None:
    """What nobody can be sure of goes to a person, and is not answered by the program."""
    open_ticket(desk, desk.turn.text.strip() or "(pas de texte)", why, [], kind="to-sort")


def tell_troubled(session: Session, office: Office, now: datetime, limit: int = 50) -> bool:
    """What stopped or did not arrive becomes a ticket: never silence. True when there is more to tell."""
    stopped = mailbox.untold(session, InboxRow, limit)
    lost = mailbox.untold(session, OutboxRow, limit)
    for row in stopped:
        row.told = True
        session.add(row)
        _trouble(session, office, row, "to-sort", row.text, now)
    for row in lost:
        row.told = True
        session.add(row)
        if reminding.failed(session, office, row, now):
            continue
        if officers.at(session, row.address_id) is None:  # a notice to an officer has its ticket already
            _trouble(session, office, row, "undelivered", row.text, now)
    return len(stopped) == limit or len(lost) == limit


def _trouble(
    session: Session, office: Office, row: InboxRow | OutboxRow, kind: str, question: str, now: datetime
) -> None:
    ticket = tickets.open_ticket(
        session,
        Ticket(
            council_id=row.council_id,
            address_id=row.address_id,
            kind=kind,
            question=question,
            why=row.reason,
            opened_at=now,
            promised_at=hours.promised(session, office, row.council_id, now),
        ),
    )
    audit.append(session, now, "program", "ticket opened", f"ticket:{ticket.id}", row.council_id)
    came_by = [row.id] if isinstance(row, InboxRow) and row.id and ticket.id else []
    files.tie(session, came_by, ticket.id or 0)
    others = resending.in_words(session, office, row) if isinstance(row, OutboxRow) else ""
    officer.notify(session, office, ticket, row.channel, now, came_by=came_by, others=others)
