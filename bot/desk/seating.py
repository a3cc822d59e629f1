"""Seats given and taken, and steps of a plan changed, named in words: what the command line does without a page."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlmodel import Session, col, select

from bot import audit
from bot.desk import members
from bot.desk.arranging import Wrong, author
from bot.desk.calendar import KIND_NAMES
from bot.office import Office
from bot.sheets import fold
from channels.directory import Council, Person
from escalation.accounts import Who
from scheduler import steps
from scheduler.committees import ALTERNATE, TITULAR, Seat
from scheduler.steps import Step

ROLES = {TITULAR: "titulaire", ALTERNATE: "suppléant"}
SEATED_KINDS = ("copil", "cotech", "interconseil")
MOST_NAMED = 5


def give(
    session: Session,
    office: Office,
    who: Who | None,
    council_id: int,
    name: str,
    kind: str,
    role: str,
    since: datetime | None,
    now: datetime,
) -> str:
    """Someone of this council gets a seat, or another place on it; what was done, in French. Wrong."""
    _check_kind(kind)
    person = _person(session, council_id, name)
    assert person.id is not None
    members.sit(session, council_id, person.id, kind, role, now)
    session.flush()
    seat = _seat(session, council_id, person, kind)
    assert seat is not None
    if since is not None:
        seat.since = since
        session.add(seat)
    audit.append(session, now, author(who), "seat changed", f"person:{person.id}", council_id, kind)
    begins = f" depuis le {office.day(seat.since)}" if seat.since and seat.since <= now else ""
    begins = begins or (f" à partir du {office.day(seat.since)}" if seat.since else "")
    return f"{person.name} siège : {KIND_NAMES[kind]}, {ROLES[role]}{begins}."


def take(
    session: Session,
    office: Office,
    who: Who | None,
    council_id: int,
    name: str,
    kind: str,
    until: datetime | None,
    now: datetime,
) -> str:
    """Someone's seat ends, now or on a given day; what was done, in French. Wrong."""
    _check_kind(kind)
    person = _person(session, council_id, name, seated=True)
    seat = _seat(session, council_id, person, kind)
    if seat is None or (seat.until is not None and seat.until <= now):
        raise Wrong(seat=f"{person.name} n'a pas de place ({KIND_NAMES[kind]}) pour ce conseil.")
    if until is not None and seat.since is not None and until < seat.since:
        raise Wrong(until=f"Cette place commence le {office.day(seat.since)} : elle ne peut pas finir avant.")
    seat.until = until or now
    session.add(seat)
    audit.append(session, now, author(who), "seat changed", f"person:{person.id}", council_id, kind)
    return f"{person.name} ne siège plus ({KIND_NAMES[kind]}) à partir du {office.day(seat.until)}."


def _check_kind(kind: str) -> None:
    if kind not in SEATED_KINDS:
        raise Wrong(kind=f"Aucun siège pour « {kind} ». Types : {', '.join(SEATED_KINDS)}.")


def _person(session: Session, council_id: int, name: str, *, seated: bool = False) -> Person:
    """The one person of a council who has this name, in part or in full, whatever the accents. Wrong."""
    theirs = col(Person.id).in_(select(Seat.person_id).where(Seat.council_id == council_id))
    query = select(Person).where(theirs if seated else (col(Person.council_id) == council_id) | theirs)
    wanted = set(fold(name).split())
    people = session.exec(query.order_by(col(Person.name))).all()
    found = [each for each in people if wanted and wanted <= set(fold(each.name).split())]
    found = [each for each in found if set(fold(each.name).split()) == wanted] or found
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(each.name for each in found[:MOST_NAMED])
        raise Wrong(name=f"Plusieurs personnes portent ce nom : {names}. Écrivez le nom entier.")
    council = session.get(Council, council_id)
    where = f" ({council.name})" if council else ""
    raise Wrong(name=f"Personne ne s'appelle « {name} » dans ce conseil{where}. Voir : hotline members list.")


def _seat(session: Session, council_id: int, person: Person, kind: str) -> Seat | None:
    return session.exec(
        select(Seat).where(Seat.council_id == council_id, Seat.person_id == person.id, Seat.committee_kind == kind)
    ).first()


# --- the plan ---------------------------------------------------------------------------------------------------------


def standing(session: Session, kind: str, name: str) -> Step:
    """A step of a kind's plan by its name or by its day (« j-10 », « J+1 »). Wrong."""
    plan = steps.plan_of(session, kind)
    wanted = fold(name).replace(" ", "-") if not name.lower().startswith("j") else name.strip().lower()
    for found in (
        [each for each in plan if each.step == wanted],
        [each for each in plan if each.label.lower() == wanted],
    ):
        if len(found) == 1:
            return found[0]
        if found:
            raise Wrong(step=f"Plusieurs étapes tombent ce jour : {_names(found)}.")
    raise Wrong(step=f"Aucune étape « {name} » dans ce plan. Étapes : {_names(plan)}.")


def _names(found: Sequence[Step]) -> str:
    return ", ".join(each.step for each in found)


def edit_step(session: Session, who: Who | None, kind: str, step: Step, now: datetime) -> None:
    """A step as it is from now on; meetings to come follow at the next look. BadStep."""
    steps.edit(session, kind, step, author(who), now)
    what = f"{step.label} {step.hour // 60} h {step.hour % 60:02d}" if step.active else "désactivée"
    audit.append(session, now, author(who), "plan changed", f"plan:{kind}.{step.step}", text=what)


def add_step(session: Session, who: Who | None, kind: str, action: str, days: int, hour: int, now: datetime) -> Step:
    """One more step in a kind's plan, named by its day and what it does. BadStep; Wrong when it is there already."""
    made = Step("", action, days, hour, working_day=days >= 0)
    made = replace(made, step=f"{made.label.lower()}-{action}")
    same = next((each for each in steps.plan_of(session, kind) if each.action == action and each.days == days), None)
    if same is not None and same.active:
        raise Wrong(ajout_jours=f"Cette étape est déjà dans le plan : {same.label}, {steps.ACTION_NAMES[action]}.")
    if same is not None:
        made = replace(same, hour=hour, active=True)
    edit_step(session, who, kind, made, now)
    return made


def reset_step(session: Session, who: Who | None, kind: str, step: str, now: datetime) -> None:
    """A step as the default plan has it."""
    steps.reset(session, kind, step, author(who), now)
    audit.append(session, now, author(who), "plan changed", f"plan:{kind}.{step}", text="comme au départ")
