"""How the channels, what waits to leave and the reminders are, in words that an officer understands."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from bot.desk import noon
from bot.desk.figures import midnight
from bot.desk.letters import channel_name
from bot.office import Office
from channels import manners
from channels.mailbox import TROUBLED_OUT, UNFINISHED_IN, UNFINISHED_OUT, ChannelPause, InboxRow, OutboxRow
from knowledge.entries import IndexRow
from scheduler.committees import CANCELLED, Committee, Reminder

SLOW = timedelta(minutes=5)  # what should have left waits longer than this: something is wrong
FINE, WATCH, BROKEN = "done", "waiting", "failed"


@dataclass(frozen=True)
class Pulse:
    """One channel, or one part of the machine."""

    name: str
    state: str  # done | waiting | failed
    words: str  # what this means, and what to do about it
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Health:
    """Everything at a glance."""

    channels: tuple[Pulse, ...]
    parts: tuple[Pulse, ...]

    @property
    def state(self) -> str:
        states = {each.state for each in (*self.channels, *self.parts)}
        return BROKEN if BROKEN in states else WATCH if WATCH in states else FINE


def health(session: Session, office: Office, channels: Collection[str], spool: int, now: datetime) -> Health:
    """Look at every channel that is open, at what waits, at the reminders and at the base.

    `channels`: the names of those that are switched on; `spool`: messages kept on disk while the database was away.
    """
    day = now - timedelta(days=1)
    waiting = {
        row[0]: (row[1], row[2])
        for row in session.execute(
            sa.select(col(OutboxRow.channel), sa.func.count(), sa.func.min(col(OutboxRow.due_at)))
            .where(_among(OutboxRow.state, UNFINISHED_OUT), col(OutboxRow.due_at) <= now)
            .group_by(col(OutboxRow.channel))
        ).all()
    }
    sent = _by_channel(session, col(OutboxRow.sent_at) > day)
    failed = _by_channel(session, col(OutboxRow.created_at) > day, col(OutboxRow.state).in_(TROUBLED_OUT))
    heard = dict(
        session.execute(
            sa.select(col(InboxRow.channel), sa.func.max(col(InboxRow.received_at))).group_by(col(InboxRow.channel))
        ).all()
    )
    pauses = {row.channel: row for row in session.exec(select(ChannelPause).where(col(ChannelPause.until) > now)).all()}
    spent = _spent(session, office, now)
    found = []
    for name in channels:
        count, oldest = waiting.get(name, (0, None))
        pause = pauses.get(name)
        facts = [
            ("Dernier message reçu", office.when(heard[name]) if name in heard else "aucun pour l'instant"),
            ("Partis en 24 heures", str(sent.get(name, 0))),
        ]
        if failed.get(name):
            facts.append(("Non arrivés en 24 heures", str(failed[name])))
        if name in spent:
            facts.append(("Dépensé ce mois-ci", f"{spent[name] / 1000:.2f} €".replace(".", ",")))
        state, words = FINE, "Tout va bien."
        if pause is not None:
            state = WATCH
            words = f"Le fournisseur demande une pause jusqu'à {office.hour(pause.until)}. Rien n'est perdu."
        elif oldest is not None and now - oldest > SLOW and not manners(name).session:
            state = BROKEN
            words = (
                f"{count} message(s) attendent depuis {_span(now - oldest)}. "
                "Le fournisseur ne répond sans doute pas : prévenez la personne qui a installé la hotline."
            )
        elif failed.get(name):
            state = WATCH
            words = "Des messages ne sont pas arrivés : chacun est dans la file des questions, avec la raison."
        found.append(Pulse(channel_name(name), state, words, tuple(facts)))
    return Health(tuple(found), (*_parts(session, office, spool, now),))


def _among(column: Any, states: Collection[str]) -> "sa.ColumnElement[bool]":
    return col(column).in_([sa.literal_column(f"'{state}'") for state in states])


def _by_channel(session: Session, *conditions: "sa.ColumnElement[bool]") -> dict[str, int]:
    query = sa.select(col(OutboxRow.channel), sa.func.count()).where(*conditions).group_by(col(OutboxRow.channel))
    return dict(session.execute(query).all())


def _spent(session: Session, office: Office, now: datetime) -> dict[str, int]:
    """Thousandths of a euro this month, of the channels that cost money."""
    first = midnight(now.astimezone(office.zone).date().replace(day=1), office.zone)
    query = (
        sa.select(col(OutboxRow.channel), sa.func.sum(col(OutboxRow.cost)))
        .where(col(OutboxRow.channel).in_(list(office.meters)), col(OutboxRow.charged_at) >= first)
        .group_by(col(OutboxRow.channel))
    )
    return {name: int(total or 0) for name, total in session.execute(query).all()} if office.meters else {}


def _span(span: timedelta) -> str:
    minutes = int(span / timedelta(minutes=1))
    return f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} heures"


def _parts(session: Session, office: Office, spool: int, now: datetime) -> list[Pulse]:
    unread, oldest = session.execute(
        sa.select(sa.func.count(), sa.func.min(col(InboxRow.ready_at))).where(
            _among(InboxRow.state, UNFINISHED_IN), col(InboxRow.ready_at) <= now
        )
    ).one()
    late = oldest is not None and now - oldest > SLOW
    found = [
        Pulse(
            "Questions reçues",
            BROKEN if late else FINE,
            f"{unread} message(s) attendent d'être lus depuis {_span(now - oldest)}. Prévenez la personne technique."
            if late
            else "Chaque message reçu est lu aussitôt.",
        )
    ]
    if spool:
        found.append(
            Pulse(
                "Messages gardés sur le disque",
                WATCH,
                f"La base de données a manqué un moment : {spool} message(s) gardés de côté sont repris maintenant.",
            )
        )
    built = session.exec(select(IndexRow.built_at).order_by(col(IndexRow.id).desc()).limit(1)).first()
    found.append(
        Pulse(
            "Recherche dans les fiches",
            FINE if built else WATCH,
            "La recherche connaît toutes les fiches publiées."
            if built
            else "La recherche se prépare : les questions vont à l'équipe en attendant.",
            (("Mise à jour", office.when(built)),) if built else (),
        )
    )
    return [*found, *_reminders(session, office, now)]


def _reminders(session: Session, office: Office, now: datetime) -> list[Pulse]:
    following = session.exec(
        select(Committee)
        .where(Committee.starts_at > now, Committee.state != CANCELLED)
        .order_by(col(Committee.starts_at))
        .limit(1)
    ).first()
    day = now - timedelta(days=1)
    posted = session.execute(
        sa.select(sa.func.count()).select_from(Reminder).where(col(Reminder.posted_at) > day)
    ).scalar_one()
    called = session.execute(
        sa.select(sa.func.count())
        .select_from(Reminder)
        .where(col(Reminder.posted_at) > day, col(Reminder.outbox_key).like("ticket:%"))
    ).scalar_one()
    facts = [("Rappels en 24 heures", str(posted))]
    if following:
        facts.append(("Prochaine réunion", f"{following.title}, {office.when(following.starts_at)}"))
    words = "Les rappels partent à leur jour." if following else "Aucune réunion n'est prévue : rien à rappeler."
    gone, waiting = noon.counts(session, office, now)
    if gone or waiting:
        facts.append(("Rappels de ce matin", f"{gone} {'partis' if gone > 1 else 'parti'}, {waiting} en attente"))
    overdue = sum(lot.count for lot in noon.late(session, office, now))
    if overdue:
        words = f"{overdue} rappel(s) de ce matin attendent encore : les canaux, ci-dessus, disent pourquoi."
    if called:
        to_call = f"{called} personne(s) ne peuvent pas être jointes par message : elles sont à appeler."
        words = f"{words} {to_call}" if overdue else to_call
    return [Pulse("Rappels des réunions", WATCH if called or overdue else FINE, words, tuple(facts))]
