"""The plan of steps by kind of meeting: which, how many days before or after, at what hour; default and changes."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlmodel import Field, Session, SQLModel, col, select

from scheduler.committees import CANCELLED, COPIL, KINDS, Committee

PROPOSE = "propose"  # members choose the date of the preparation meeting
GUARD, GUARD_AGAIN = "guard", "guard-again"  # no invitation or agenda: the officer is warned, then more strongly
DRAFT = "draft"  # the officer is asked for the plain words of the agenda
UNFIXED = "unfixed"  # no preparation date yet: the officer is warned
KIT = "kit"  # the reminder with the preparation kit
INVITE = "invite"  # at once: a preparation meeting invites
REMIND = "remind"  # a plain reminder
CALLS = "calls"  # who has not answered is on the officer's call list
AGAIN = "again"  # to those who have not acknowledged
PRACTICAL = "practical"  # where, how to get there
DECIDED = "decided"  # after: what was decided?
SERVED = "served"  # after: was the preparation of use?
FIRST = (KIT, INVITE, REMIND)  # whoever gets a seat later is told too, until the meeting begins
TO_OFFICER = (GUARD, GUARD_AGAIN, DRAFT, UNFIXED, CALLS)
BEFORE = (*FIRST, AGAIN, PRACTICAL)  # to members, until the meeting begins
AFTER = {DECIDED: timedelta(days=14), SERVED: timedelta(days=30)}  # until so long after it was due
ACTIONS = (PROPOSE, *TO_OFFICER, *BEFORE, *AFTER)
WAITING: Any = sa.literal_column("'waiting'")  # with a parameter in it the partial index would not be used
EARLIEST, LATEST = 8 * 60, 20 * 60  # minutes since midnight at which a step may be set: never between 2 and 3 h
MOST_DAYS = 90
LATE_PROPOSAL = timedelta(days=4)  # nobody proposes a preparation when less time is left
ACTION_NAMES = {
    PROPOSE: "proposer des dates de préparation",
    GUARD: "vérifier l'invitation et l'ordre du jour",
    GUARD_AGAIN: "vérifier encore, plus fermement",
    DRAFT: "demander les mots simples de l'ordre du jour",
    UNFIXED: "vérifier que la préparation a une date",
    KIT: "rappeler, avec le dossier de préparation",
    INVITE: "inviter, dès que la date est connue",
    REMIND: "rappeler",
    CALLS: "faire la liste des personnes à appeler",
    AGAIN: "rappeler à qui n'a pas répondu",
    PRACTICAL: "donner les détails pratiques",
    DECIDED: "demander ce qui a été décidé",
    SERVED: "demander si la préparation a servi",
}


class BadStep(ValueError):
    """A step that cannot be; what is wrong, in French."""


@dataclass(frozen=True)
class Step:
    """One step of a kind's plan."""

    step: str
    action: str
    days: int  # before the meeting; negative: after it
    hour: int = EARLIEST  # minutes since midnight, local
    working_day: bool = True
    active: bool = True

    @property
    def label(self) -> str:
        """« J-10 », « J+1 »"""
        return f"J-{self.days}" if self.days >= 0 else f"J+{-self.days}"


_LIGHT = (Step("j-3", REMIND, 3), Step("j-1", PRACTICAL, 1))
DEFAULT: dict[str, tuple[Step, ...]] = dict.fromkeys(KINDS, _LIGHT) | {
    COPIL: (
        Step("j-21", PROPOSE, 21),
        Step("j-15", GUARD, 15),
        Step("j-13", DRAFT, 13),
        Step("j-12", UNFIXED, 12),
        Step("j-11", GUARD_AGAIN, 11),
        Step("j-10", KIT, 10),
        Step("j-5", CALLS, 5),
        Step("j-3", AGAIN, 3),
        Step("j-1", PRACTICAL, 1),
        Step("j+1", DECIDED, -1, working_day=False),
        Step("j+30", SERVED, -30, working_day=False),
    ),
    "preparation": (
        Step("invitation", INVITE, MOST_DAYS, working_day=False),
        Step("j-3", AGAIN, 3),
        Step("j-1", PRACTICAL, 1),
    ),
}


def due_at(starts_at: datetime, step: Step, zone: ZoneInfo, holidays: Collection[date]) -> datetime:
    """When a step is due, counted in calendar days of `zone`.

    On a week-end or a public holiday it moves to the working day before (after the meeting: to the one after), where
    the step says so.
    """
    day = starts_at.astimezone(zone).date() - timedelta(days=step.days)
    if step.working_day:
        way = timedelta(days=-1 if step.days >= 0 else 1)
        while day.weekday() >= 5 or day in holidays:
            day += way
    return datetime.combine(day, time(step.hour // 60, step.hour % 60), zone)


class PlanStep(SQLModel, table=True):
    """One step of a kind's plan, where an officer changed or added it; the others stand in DEFAULT."""

    __tablename__ = "plan_steps"
    kind: str = Field(primary_key=True)
    step: str = Field(primary_key=True)  # j-10
    action: str
    days: int  # before the meeting; negative: after it
    hour: int  # minutes since midnight, local
    working_day: bool  # on a week-end or a public holiday it moves to the working day before
    active: bool = True
    edited_by: str = ""
    edited_at: datetime


class CommitteeStep(SQLModel, table=True):
    """One step of one revision of one meeting: waiting until it is due, then done or skipped."""

    __tablename__ = "committee_steps"
    __table_args__ = (
        sa.UniqueConstraint("committee_id", "revision", "step"),
        sa.Index(
            "ix_committee_steps_waiting",
            "due_at",
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        ),
    )
    id: int | None = Field(default=None, primary_key=True)
    committee_id: int = Field(foreign_key="committees.id", index=True)
    revision: int
    step: str
    action: str
    due_at: datetime
    state: str = "waiting"  # waiting | done | skipped
    done_at: datetime | None = None
    reason: str = ""  # why it was skipped, in French


# --- the plan of a kind -----------------------------------------------------------------------------------------------


def plan_of(session: Session, kind: str) -> list[Step]:
    """The steps of a kind in the order of their days: the default, with what was changed and added."""
    return plans(session, [kind])[kind]


def plans(session: Session, kinds: Collection[str] = KINDS) -> dict[str, list[Step]]:
    """The steps of each of these kinds."""
    found = {kind: {step.step: step for step in DEFAULT[kind]} for kind in kinds}
    for row in session.exec(select(PlanStep).where(col(PlanStep.kind).in_(kinds))):
        found[row.kind][row.step] = Step(row.step, row.action, row.days, row.hour, row.working_day, row.active)
    return {kind: sorted(steps.values(), key=lambda step: (-step.days, step.hour)) for kind, steps in found.items()}


def edit(session: Session, kind: str, step: Step, author: str, now: datetime) -> None:
    """Change a step of a kind, or add one; BadStep. Meetings to come are planned anew at the next look."""
    if kind not in KINDS:
        raise BadStep(f"type de réunion inconnu : « {kind} »")
    if step.action not in ACTIONS:
        raise BadStep(f"action inconnue : « {step.action} »")
    if not re.fullmatch(r"[a-z0-9+-]{1,30}", step.step):
        raise BadStep("le nom d'une étape : lettres minuscules, chiffres, + et -")
    if not -MOST_DAYS <= step.days <= MOST_DAYS:
        raise BadStep(f"le nombre de jours va de {-MOST_DAYS} (après) à {MOST_DAYS} (avant)")
    if (step.days < 0) != (step.action in AFTER) and not (step.days == 0 and step.action in BEFORE):
        raise BadStep("cette action se fait après la réunion" if step.action in AFTER else "cette action se fait avant")
    if not EARLIEST <= step.hour < LATEST:
        raise BadStep("l'heure va de 8 h à 20 h")
    row = session.get(PlanStep, (kind, step.step))
    if row is None:
        row = PlanStep(kind=kind, step=step.step, action="", days=0, hour=0, working_day=True, edited_at=now)
    row.action, row.days, row.hour = step.action, step.days, step.hour
    row.working_day, row.active, row.edited_by, row.edited_at = step.working_day, step.active, author, now
    session.add(row)


def reset(session: Session, kind: str, step: str, author: str, now: datetime) -> None:
    """Take a change back: the default again, or no step at all where it was an added one."""
    row = session.get(PlanStep, (kind, step))
    if row is None:
        return
    default = next((each for each in DEFAULT[kind] if each.step == step), None)
    if default is None:
        row.active = False
    else:
        row.action, row.days, row.hour = default.action, default.days, default.hour
        row.working_day, row.active = default.working_day, default.active
    row.edited_by, row.edited_at = author, now  # the row stays: it says when meetings must be planned anew
    session.add(row)


# --- the steps of a meeting -------------------------------------------------------------------------------------------


def unplanned(session: Session, now: datetime, limit: int) -> list[int]:
    """The meetings whose steps `plan_meetings` would write, the first first, `limit` at most."""
    return list(
        session.execute(
            sa.select(col(Committee.id))
            .where(*_to_plan(now))
            .order_by(col(Committee.starts_at), col(Committee.id))
            .limit(limit)
        ).scalars()
    )


def _to_plan(now: datetime) -> tuple[Any, ...]:
    edited = sa.select(sa.func.max(PlanStep.edited_at)).where(col(PlanStep.kind) == Committee.kind).scalar_subquery()
    return (
        col(Committee.state) != CANCELLED,
        col(Committee.starts_at) > now - timedelta(days=40),
        sa.or_(col(Committee.planned_revision) != Committee.revision, col(Committee.planned_at) < edited),
    )


def plan_meetings(
    session: Session, now: datetime, zone: ZoneInfo, holidays: Collection[date], ids: Sequence[int]
) -> int:
    """Write the steps of those of these meetings that are new, were moved or whose plan was changed; how many.

    A step that waits and no longer fits is moved or skipped; what was done stays. Past steps of a new revision are due
    at once; a step that was added to a plan after its hour is not.
    """
    found = session.exec(
        select(Committee)
        .where(col(Committee.id).in_(ids), *_to_plan(now))
        .order_by(col(Committee.id))
        .with_for_update(skip_locked=True)
    ).all()
    meetings = {each.id: each for each in found}
    if not meetings:
        return 0
    wanted = plans(session, {each.kind for each in meetings.values()})
    standing: dict[int, dict[str, CommitteeStep]] = {}
    for row in session.exec(select(CommitteeStep).where(col(CommitteeStep.committee_id).in_(list(meetings)))):
        if row.revision == meetings[row.committee_id].revision:
            standing.setdefault(row.committee_id, {})[row.step] = row
        elif row.state == "waiting":
            row.state, row.reason = "skipped", "la réunion a changé"
    new: list[dict[str, Any]] = []
    for meeting in meetings.values():
        assert meeting.id is not None
        here, again = standing.get(meeting.id, {}), meeting.planned_revision == meeting.revision
        steps = {step.step: step for step in wanted[meeting.kind] if step.active}
        for name, row in here.items():
            if row.state == "waiting" and row.done_at is None and name not in steps:
                row.state, row.reason = "skipped", "étape retirée du plan"
        for name, step in steps.items():
            due = due_at(meeting.starts_at, step, zone, holidays)
            if name not in here:
                late = again and due <= now
                values = {"state": "skipped", "reason": "étape ajoutée après son heure"} if late else {}
                new.append(_blank(meeting.id, meeting.revision, step, due) | values)
                continue
            row = here[name]
            if row.done_at is None and (row.state == "waiting" or row.reason == "étape retirée du plan"):
                row.state, row.reason, row.due_at, row.action = "waiting", "", due, step.action
        meeting.planned_at, meeting.planned_revision = now, meeting.revision
        session.add(meeting)
    session.flush()
    if new:
        session.execute(sa.insert(CommitteeStep), new)
    return len(meetings)


def _blank(committee_id: int, revision: int, step: Step, due: datetime) -> dict[str, Any]:
    return {
        "committee_id": committee_id,
        "revision": revision,
        "step": step.step,
        "action": step.action,
        "due_at": due,
        "state": "waiting",
        "done_at": None,
        "reason": "",
    }


@dataclass(frozen=True)
class Fired:
    """A step of a meeting whose time has come."""

    committee_id: int
    revision: int
    step: str
    action: str


def unsettled(session: Session, now: datetime, limit: int) -> list[int]:
    """The meetings of which `settle` would begin or skip a step, `limit` at most."""
    return list(
        session.execute(
            sa.select(col(CommitteeStep.committee_id))
            .join(Committee, col(Committee.id) == col(CommitteeStep.committee_id))
            .where(
                col(CommitteeStep.state) == WAITING,
                col(CommitteeStep.due_at) <= now,
                sa.or_(
                    col(CommitteeStep.done_at).is_(None),
                    col(CommitteeStep.revision) != Committee.revision,
                    col(Committee.state) == CANCELLED,
                    sa.and_(col(Committee.starts_at) <= now, col(CommitteeStep.action).not_in(tuple(AFTER))),
                    sa.and_(
                        col(CommitteeStep.action).in_(tuple(AFTER)),
                        col(CommitteeStep.due_at) <= now - max(AFTER.values()),
                    ),
                ),
            )
            .distinct()
            .order_by(col(CommitteeStep.committee_id))
            .limit(limit)
        ).scalars()
    )


def settle(session: Session, now: datetime, ids: Sequence[int]) -> list[Fired]:
    """Begin the steps of these meetings that are due now.

    1. What no longer makes sense is skipped, with a reason: the meeting changed, is cancelled, has begun, or it is too
       long ago.
    2. Of several that come due together for members before a meeting (recorded late, or the service was away), one is
       kept: the first word if it is among them, else the last one.

    What has begun waits for whoever tells it: members (`plan.due`) or officers (`for_officers`).
    """
    rows = session.execute(
        sa.select(CommitteeStep, col(Committee.revision), col(Committee.state), col(Committee.starts_at))
        .join(Committee, col(Committee.id) == col(CommitteeStep.committee_id))
        .where(
            col(CommitteeStep.state) == WAITING,
            col(CommitteeStep.due_at) <= now,
            col(CommitteeStep.committee_id).in_(ids),
        )
        .order_by(col(CommitteeStep.due_at), col(CommitteeStep.id))
        .with_for_update(skip_locked=True, of=CommitteeStep)
    ).all()
    due: dict[int, list[CommitteeStep]] = {}
    for step, revision, state, starts_at in rows:
        if reason := _senseless(step, revision, state, starts_at, now):
            step.state, step.reason = ("done", "") if step.done_at else ("skipped", reason)
            session.add(step)
        elif step.done_at is None:
            due.setdefault(step.committee_id, []).append(step)
    fired = []
    for steps in due.values():
        for step in _worth(steps, now):
            step.done_at = now
            fired.append(Fired(step.committee_id, step.revision, step.step, step.action))
    session.flush()
    return fired


def _senseless(step: CommitteeStep, revision: int, state: str, starts_at: datetime, now: datetime) -> str:
    if step.revision != revision:
        return "la réunion a changé"
    if state == CANCELLED:
        return "la réunion est annulée"
    if step.action in AFTER:
        return "trop tard pour le demander" if step.due_at <= now - AFTER[step.action] else ""
    if starts_at <= now:
        return "la réunion a commencé"
    if step.action == PROPOSE and starts_at <= now + LATE_PROPOSAL:
        return "trop tard pour proposer une préparation"
    return ""


def _worth(steps: Sequence[CommitteeStep], now: datetime) -> Iterable[CommitteeStep]:
    """Those that are still worth sending; the others are marked as skipped, calls are put off by a day."""
    members = [step for step in steps if step.action in BEFORE]
    first = next((step for step in members if step.action in FIRST), None)
    kept = first or (members[-1] if members else None)
    guarded = any(step.action == GUARD for step in steps)
    for step in steps:
        if step in members and step is not kept:
            step.state, step.reason = "skipped", "remplacée par un rappel plus complet, parti en même temps"
        elif step.action == PROPOSE and first:
            step.state, step.reason = "skipped", "trop tard pour proposer des dates : le rappel part déjà"
        elif step.action == GUARD_AGAIN and guarded:
            step.state, step.reason = "skipped", "la première vérification vient de partir"
        elif step.action == CALLS and first:
            step.due_at = now + timedelta(days=1)  # whoever is told now has a day to answer
        else:
            yield step


def begun(session: Session, now: datetime) -> list[int]:
    """The steps that have begun and are not for latecomers: done once a look finds nobody left to tell."""
    return list(
        session.execute(
            sa.select(col(CommitteeStep.id)).where(
                col(CommitteeStep.state) == WAITING,
                col(CommitteeStep.due_at) <= now,
                col(CommitteeStep.done_at).is_not(None),
                col(CommitteeStep.action).not_in((*FIRST, PROPOSE, *TO_OFFICER)),
            )
        ).scalars()
    )


def for_officers(session: Session, now: datetime, limit: int = 200) -> list[tuple[int, Fired]]:
    """The steps that have begun and of which officers have not heard, by id, `limit` at most."""
    rows = session.exec(
        select(CommitteeStep)
        .join(Committee, col(Committee.id) == col(CommitteeStep.committee_id))
        .where(
            col(CommitteeStep.state) == WAITING,
            col(CommitteeStep.due_at) <= now,
            col(CommitteeStep.done_at).is_not(None),
            col(CommitteeStep.action).in_(TO_OFFICER),
            col(CommitteeStep.revision) == col(Committee.revision),
            col(Committee.state) != CANCELLED,
        )
        .order_by(col(CommitteeStep.committee_id), col(CommitteeStep.id))
        .limit(limit)
    ).all()
    return [(each.id or 0, Fired(each.committee_id, each.revision, each.step, each.action)) for each in rows]


def finish(session: Session, ids: Sequence[int]) -> set[int]:
    """These are told now, each by one worker alone; those that still waited, and whose meeting did not change."""
    standing = (
        sa.exists()
        .where(
            col(Committee.id) == CommitteeStep.committee_id,
            col(Committee.revision) == CommitteeStep.revision,
            col(Committee.state) != CANCELLED,
        )
        .correlate(CommitteeStep)
    )
    told = session.execute(
        sa.update(CommitteeStep)
        .where(col(CommitteeStep.id).in_(ids), col(CommitteeStep.state) == WAITING, standing)
        .values(state="done")
        .returning(col(CommitteeStep.id))
        .execution_options(synchronize_session=False)
    )
    return set(told.scalars())


def close(session: Session, ids: Sequence[int]) -> None:
    """Everybody was told these."""
    if ids:
        session.execute(
            sa.update(CommitteeStep)
            .where(col(CommitteeStep.id).in_(ids), col(CommitteeStep.state) == "waiting")
            .values(state="done")
            .execution_options(synchronize_session=False)
        )


def of(session: Session, committee_id: int, revision: int) -> list[CommitteeStep]:
    """The steps of a meeting as it stands, in the order in which they are due."""
    return list(
        session.exec(
            select(CommitteeStep)
            .where(CommitteeStep.committee_id == committee_id, CommitteeStep.revision == revision)
            .order_by(col(CommitteeStep.due_at), col(CommitteeStep.id))
        ).all()
    )
