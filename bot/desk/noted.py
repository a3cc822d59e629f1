"""ANNULER: what was understood last is taken back, and what was asked then is asked again; for half an hour."""

from typing import Any

from bot import audit, conversations
from bot.conversations import Prompt, Question
from bot.desk import officer
from bot.desk.turns import CHOOSE_FOR, Desk
from channels import directory
from channels.directory import Person
from escalation import tickets
from escalation.tickets import Ticket
from scheduler import attendance

GIVEN_UP = (
    "about",
    "meeting",
    "link",
    "proof",
    "way",
    "code",
)  # ANNULER closes these, when they are newest


def undo(desk: Desk) -> None:
    """The request that is open now, else the reply understood last; or that there is nothing to take back."""
    last = conversations.last_noted(desk.session, desk.turn.address_id, desk.now)
    prompts = conversations.open_prompts(desk.session, desk.turn.address_id, desk.now, desk.together)
    newest = next((each for each in prompts if each.kind in GIVEN_UP), None)
    if newest is not None and (last is None or newest.opened_at >= last.noted_at):
        desk.close_prompts()
        desk.say("undone", what="je ne vous demande plus rien", again="")
        return
    if last is None:
        desk.say("nothing_to_undo")
        return
    last.undone_at = desk.now
    desk.session.add(last)
    what, again = _TAKING_BACK[last.what](desk, last.before)
    desk.say("undone", what=what, again=again)


def _reopen(desk: Desk, prompt_id: int | None) -> bool:
    """Ask again what was asked then."""
    prompt = desk.session.get(Prompt, prompt_id) if prompt_id else None
    desk.close_prompts()
    if prompt is None:
        return False
    prompt.closed_at, prompt.opened_at, prompt.lapses_at = None, desk.now, desk.now + CHOOSE_FOR
    desk.session.add(prompt)
    return True


def _close_ticket(desk: Desk, ticket_id: int | None) -> None:
    """The officer hears that nobody waits any more; what was answered already stays so."""
    ticket = desk.session.get(Ticket, ticket_id) if ticket_id else None
    if ticket is None or ticket.state != "open":
        return
    words = "(ANNULER : la personne n'attend plus de réponse.)"
    officer.notify_added(desk.session, desk.office, ticket, words, [desk.turn.last.id], desk.now)
    tickets.close(desk.session, ticket, "annulé par la personne", desk.now)
    actor = f"asker:{desk.turn.address_id}"
    audit.append(desk.session, desk.now, actor, "ticket closed", f"ticket:{ticket.id}", ticket.council_id)


def _choose(desk: Desk, before: dict[str, Any]) -> tuple[str, str]:
    question = desk.session.get(Question, before["question"])
    if question is not None:
        question.decision, question.ticket_id = before.get("decision", question.decision), None
        desk.session.add(question)
    _close_ticket(desk, before.get("ticket"))
    again = "Répondez de nouveau par un numéro." if _reopen(desk, before["prompt"]) else ""
    return "votre choix ne compte pas", again


def _useful(desk: Desk, before: dict[str, Any]) -> tuple[str, str]:
    question = desk.session.get(Question, before["question"])
    if question is not None:
        question.useful, question.ticket_id = None, None
        desk.session.add(question)
    _close_ticket(desk, before.get("ticket"))
    again = "Ma réponse vous convient-elle ? OUI ou NON." if _reopen(desk, before["prompt"]) else ""
    return "votre avis ne compte pas", again


def _coming(desk: Desk, before: dict[str, Any]) -> tuple[str, str]:
    person = directory.person_at(desk.session, desk.turn.address_id)
    if person is not None and person.id is not None:
        attendance.unsay(desk.session, before["committee"], person.id, before["answer"], desk.now)
        about, actor = f"committee:{before['committee']}", f"asker:{desk.turn.address_id}"
        audit.append(desk.session, desk.now, actor, "answer taken back", about, desk.turn.council_id)
    _close_ticket(desk, before.get("ticket"))
    return "votre réponse ne compte pas", "Répondez 1 (je viens), 2 (je ne viens pas) ou 3 (je veux préparer)."


def _stop(desk: Desk, _before: dict[str, Any]) -> tuple[str, str]:
    desk.asker.stopped_at = None
    desk.session.add(desk.asker)
    return "je peux de nouveau vous écrire", ""


def _way(desk: Desk, before: dict[str, Any]) -> tuple[str, str]:
    person = desk.session.get(Person, before["person"])
    if person is not None:
        person.preferred_channel = before["channel"]
        desk.session.add(person)
        audit.append(desk.session, desk.now, f"asker:{desk.turn.address_id}", "way taken back", f"person:{person.id}")
    return "vos rappels arrivent comme avant", ""


_TAKING_BACK = {"choose": _choose, "none": _choose, "useful": _useful, "coming": _coming, "stop": _stop, "way": _way}
