"""What acting on one turn needs at hand: who wrote, what is said to them and asked of them, what was understood."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from bot import conversations, router
from bot.conversations import Prompt, Question
from bot.desk import letters
from bot.office import Office
from bot.say import say
from channels.contract import Address, Outbound
from channels.directory import AddressRow
from channels.mailbox import Turn
from escalation.tickets import Ticket

CHOOSE_FOR = timedelta(minutes=30)
FOLLOW_UP = timedelta(hours=72)


@dataclass
class Desk:
    """Lives for one transaction."""

    session: Session
    office: Office
    turn: Turn
    asker: AddressRow
    to: Address
    now: datetime
    posted: int = 0
    about: int | None = None  # the meeting that this turn is about
    question_id: int | None = None  # what was asked in this turn, once it is recorded
    together: tuple[int, ...] = ()  # the addresses of the person who wrote, theirs alone when we do not know them

    @property
    def came_by(self) -> list[int]:
        """The messages (inbox) of this turn."""
        return [message.id for message in self.turn.messages]

    def post(self, message: Outbound, *, ticket_id: int | None = None, followed_by: str = "") -> str:
        """Say something to the one who wrote; the key it went under."""
        key = f"inbox:{self.turn.messages[0].id}:{self.posted}"
        self.posted += 1
        letters.post(
            self.session,
            self.office,
            message,
            key,
            self.asker,
            self.now,
            council_id=self.turn.council_id,
            ticket_id=ticket_id,
            followed_by=followed_by,
        )
        return key

    def say(self, name: str, *, ticket: Ticket | None = None, **values: Any) -> str:
        token = letters.asker_token(self.office, ticket, self.now) if ticket else ""
        message = say(name, self.to, token=token, thread=self.turn.last.thread, **values)
        return self.post(self.threaded(message), ticket_id=ticket.id if ticket else None)

    def threaded(self, message: Outbound) -> Outbound:
        subject = self.turn.messages[0].subject
        if not subject:
            return message
        return replace(message, subject=subject if subject.lower().startswith("re:") else f"Re: {subject}")

    def ask(
        self, kind: str, offered: Sequence[str], question_id: int | None = None, during: timedelta = CHOOSE_FOR
    ) -> Prompt:
        """Open a prompt: the one thing that is asked of this person now."""
        prompt = Prompt(
            address_id=self.turn.address_id,
            kind=kind,
            offered=list(offered),
            question_id=question_id,
            opened_at=self.now,
            lapses_at=self.now + during,
        )
        return conversations.ask(self.session, prompt, self.together)

    def close_prompts(self) -> None:
        conversations.close_all(self.session, self.turn.address_id, self.now, self.together)

    def note(self, what: str, **before: Any) -> None:
        """A reply was understood: ANNULER takes it back for half an hour."""
        conversations.note(self.session, self.turn.address_id, what, before, self.now, CHOOSE_FOR)


def recorded(desk: Desk, facts: router.Facts, decision: str, ticket_id: int | None = None) -> Question:
    """The question of this turn, kept with what was found and decided."""
    found = facts.match
    question = Question(
        address_id=desk.turn.address_id,
        council_id=desk.turn.council_id,
        channel=desk.turn.channel,
        text=facts.text,
        decision=decision,
        confidence=found.confidence if found else 0.0,
        candidates=[{"entry": c.slug, "confidence": round(c.confidence, 4)} for c in found.candidates[:5]]
        if found
        else [],
        ticket_id=ticket_id,
        committee_id=desk.about,
        asked_at=desk.turn.last.heard_at,
    )
    desk.session.add(question)
    desk.session.flush()
    desk.question_id = question.id
    return question
