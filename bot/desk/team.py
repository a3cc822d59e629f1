"""The team: who answers, in which role, for which councils, who stands in, and who is away."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from bot import audit
from bot.audit import Broken, Shown, Wanted
from bot.desk import acts
from bot.office import Office
from channels import directory
from channels.contract import Address
from channels.directory import AddressRow, Council
from escalation import accounts, officers
from escalation.officers import Absence, Deputy, Officer, OfficerCouncil

ROLES = ("officer", "deputy", "administrator", "reader")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
LONGEST_AWAY = timedelta(days=370)
PAGE = 50


class LastAdministrator(Exception):
    """Somebody must stay who can manage the team."""


@dataclass(frozen=True)
class Away:
    """Days on which someone is away, the last one included."""

    id: int
    first: date
    last: date


@dataclass(frozen=True)
class Teammate:
    """Someone of the team, as the page shows them."""

    id: int
    name: str
    role: str
    active: bool
    email: str
    councils: tuple[tuple[int, str], ...]  # none: all of them
    deputy: tuple[int, str] | None
    stands_in_for: tuple[str, ...]
    away_until: date | None
    absences: tuple[Away, ...]  # those that are not over


def everyone(session: Session, office: Office, now: datetime) -> list[Teammate]:
    """The team, those who left last."""
    today = office.date_of(now)
    people = session.exec(
        select(Officer).order_by(col(Officer.active).desc(), col(Officer.name), col(Officer.id))
    ).all()
    names = {each.id: each.name for each in people}
    rows = session.exec(
        select(AddressRow).where(col(AddressRow.id).in_([each.address_id for each in people]))
    ).all()  # fmt: skip
    handles = {row.id: directory.opened(office.vault, row).handle for row in rows if row.sealed}
    councils: dict[int, list[tuple[int, str]]] = {}
    for officer_id, council_id, name in session.execute(
        sa.select(col(OfficerCouncil.officer_id), col(Council.id), col(Council.name))
        .join(Council, col(Council.id) == col(OfficerCouncil.council_id))
        .order_by(col(Council.name))
    ).all():
        councils.setdefault(officer_id, []).append((council_id, name))
    deputies = dict(session.exec(select(Deputy.officer_id, Deputy.deputy_id)).all())
    away = officers.away_until(session, today)
    absences: dict[int, list[Away]] = {}
    for each in session.exec(select(Absence).where(col(Absence.last) >= today).order_by(col(Absence.first))).all():
        absences.setdefault(each.officer_id, []).append(Away(each.id or 0, each.first, each.last))

    def one(each: Officer) -> Teammate:
        assert each.id is not None
        deputy = deputies.get(each.id)
        return Teammate(
            each.id, each.name, each.role, each.active, handles.get(each.address_id, ""),
            tuple(councils.get(each.id, ())),
            (deputy, names[deputy]) if deputy else None,
            tuple(names[other] for other, stands in deputies.items() if stands == each.id),
            away.get(each.id),
            tuple(absences.get(each.id, ())),
        )  # fmt: skip

    return [one(each) for each in people]


def the_teammate(session: Session, office: Office, number: int, now: datetime) -> Teammate:
    """One of the team; LookupError if nobody has this number."""
    found = next((each for each in everyone(session, office, now) if each.id == number), None)
    if found is None:
        raise LookupError(number)
    return found


def councils(session: Session) -> list[tuple[int, str]]:
    rows = session.execute(sa.select(col(Council.id), col(Council.name)).order_by(col(Council.name))).all()
    return [(row[0], row[1]) for row in rows]


def find(session: Session, office: Office, email: str) -> int:
    """The number of the officer of this address, active or not; LookupError."""
    row = directory.find(session, office.vault, Address("email", email.strip().lower()))
    found = session.exec(select(Officer.id).where(Officer.address_id == row.id)).first() if row else None
    if found is None:
        raise LookupError(email)
    return found


def wrong_with(name: str, email: str | None, role: str) -> dict[str, str]:
    """What is wrong with a new account, by field."""
    errors = {}
    if not name.strip():
        errors["nom"] = "Écrivez un nom."
    elif len(name.strip()) > 100:
        errors["nom"] = "Écrivez 100 caractères au plus."
    if email is not None and (len(email) > 254 or not EMAIL.fullmatch(email.strip())):
        errors["email"] = "Écrivez une adresse e-mail entière, par exemple nora@exemple.fr."
    if role not in ROLES:
        errors["role"] = "Choisissez un rôle de la liste."
    return errors


def add(
    session: Session, office: Office, actor: str, name: str, email: str, role: str, council_ids: Collection[int],
    now: datetime,
) -> int | None:  # fmt: skip
    """One more of the team; None when someone has this address already."""
    row = directory.keep(session, office.vault, Address("email", email.strip().lower()), now)
    assert row.id is not None
    standing = session.exec(select(Officer.id).where(Officer.address_id == row.id)).first()
    if standing is not None or officers.at(session, row.id) is not None:
        return None
    made = Officer(name=" ".join(name.split()), role=role, address_id=row.id, created_at=now)
    session.add(made)
    session.flush()
    assert made.id is not None
    _look_after(session, made.id, council_ids)
    audit.append(session, now, actor, "officer made", f"officer:{made.id}", text=role)
    return made.id


def change(
    session: Session, actor: str, number: int, now: datetime, *, name: str | None = None, role: str | None = None,
    active: bool | None = None, council_ids: Collection[int] | None = None, deputy: int | None = None,
) -> None:  # fmt: skip
    """Change what is given; `deputy` 0: nobody. LookupError, LastAdministrator. Whoever leaves is signed out."""
    found = session.get(Officer, number)
    if found is None:
        raise LookupError(number)
    stays = (role or found.role) == "administrator" and (found.active if active is None else active)
    if found.role == "administrator" and found.active and not stays:
        others = session.exec(
            select(Officer.id)
            .where(Officer.role == "administrator", col(Officer.active).is_(True), col(Officer.id) != number)
            .with_for_update()
        ).first()
        if others is None:
            raise LastAdministrator
    if name is not None:
        found.name = " ".join(name.split())
    if role is not None:
        found.role = role
    if active is not None:
        if found.active and not active:
            accounts.end_all(session, number, now)
        found.active = active
    session.add(found)
    if council_ids is not None:
        _look_after(session, number, council_ids)
    if deputy is not None:
        step_in(session, number, deputy)
    words = f"{found.role}, {'présent' if found.active else 'parti'}"
    audit.append(session, now, actor, "officer changed", f"officer:{number}", text=words)


def step_in(session: Session, number: int, deputy: int) -> None:
    """Who stands in for an officer; 0: nobody. LookupError when it is nobody who answers, or themselves."""
    session.execute(sa.delete(Deputy).where(col(Deputy.officer_id) == number))
    if not deputy:
        return
    other = session.get(Officer, deputy)
    if other is None or not other.active or other.role == "reader" or deputy == number:
        raise LookupError(deputy)
    session.add(Deputy(officer_id=number, deputy_id=deputy))


def _look_after(session: Session, number: int, council_ids: Collection[int]) -> None:
    known = set(session.exec(select(Council.id).where(col(Council.id).in_(list(council_ids)))).all())
    session.execute(sa.delete(OfficerCouncil).where(col(OfficerCouncil.officer_id) == number))
    session.add_all(OfficerCouncil(officer_id=number, council_id=each) for each in sorted(filter(None, known)))


def wrong_days(first: date | None, last: date | None, today: date) -> dict[str, str]:
    """What is wrong with the days of an absence, by field."""
    if first is None or last is None:
        missing = [name for name, day in (("du", first), ("au", last)) if day is None]
        return dict.fromkeys(missing, "Choisissez un jour.")
    if last < first:
        return {"au": "Le retour vient avant le départ."}
    if last < today:
        return {"au": "Cette absence est déjà finie."}
    if last - first > LONGEST_AWAY:
        return {"au": "Une absence dure un an au plus."}
    return {}


def note_absence(session: Session, actor: str, number: int, first: date, last: date, now: datetime) -> None:
    """Someone is away on these days. LookupError."""
    if session.get(Officer, number) is None:
        raise LookupError(number)
    session.add(Absence(officer_id=number, first=first, last=last, noted_at=now))
    audit.append(session, now, actor, "absence noted", f"officer:{number}", text=f"{first} {last}")


def drop_absence(session: Session, actor: str, number: int, absence: int, now: datetime) -> None:
    """They are here after all. LookupError."""
    found = session.get(Absence, absence)
    if found is None or found.officer_id != number:
        raise LookupError(absence)
    session.delete(found)
    audit.append(session, now, actor, "absence removed", f"officer:{number}")


# --- the trail --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """A line of the trail in words."""

    id: int
    at: datetime
    actor: str
    act: str
    subject: str
    way: str  # the page of what it is about; empty: none
    text: str


@dataclass(frozen=True)
class Trail:
    """A page of the trail, what can be asked of it, and whether it holds when that was asked."""

    lines: tuple[Line, ...]
    count: int
    actors: tuple[tuple[str, str], ...]
    acts: tuple[tuple[str, str], ...]


SUBJECTS = {
    "ticket": ("question n° {}", "/bureau/questions/{}"),
    "officer": ("compte n° {}", "/bureau/equipe/{}"),
    "person": ("personne n° {}", "/bureau/personnes/{}"),
    "council": ("conseil n° {}", "/bureau/conseils/{}"),
    "committee": ("réunion n° {}", "/bureau/reunions/{}"),
    "entry": ("fiche {}", "/bureau/fiches/{}"),
    "address": ("adresse n° {}", ""),
    "asker": ("adresse n° {}", ""),
}


def trail(session: Session, office: Office, wanted: Mapping[str, str], page: int) -> Trail:
    """The newest lines that fit the filters: qui, quoi, objet, du, au."""
    names = dict(session.exec(select(Officer.id, Officer.name)).all())
    since, until = _day(office, wanted.get("du", ""), 0), _day(office, wanted.get("au", ""), 1)
    asked = Wanted(wanted.get("qui", ""), wanted.get("quoi", ""), wanted.get("objet", "").strip(), since, until)
    rows, count = audit.listed(session, asked, PAGE, (page - 1) * PAGE)
    actors = [("program", "le programme"), ("command", "la ligne de commande")]
    actors += [(f"officer:{number}", name) for number, name in names.items()]
    known = [(act, acts.FRENCH.get(act, act)) for act in audit.acts(session)]
    return Trail(tuple(_line(each, names) for each in rows), count, tuple(actors), tuple(known))


def _line(each: Shown, names: Mapping[int | None, str]) -> Line:
    kind, _, number = each.actor.partition(":")
    actor = {
        "program": "le programme", "command": "la ligne de commande",
        "officer": names.get(int(number), each.actor) if kind == "officer" and number.isdigit() else each.actor,
        "asker": f"adresse n° {number}", "member": f"personne n° {number}", "partner": f"demande n° {number}",
    }.get(kind, each.actor)  # fmt: skip
    about, _, which = each.subject.partition(":")
    words, way = SUBJECTS.get(about, (each.subject, ""))
    return Line(
        each.id, each.at, actor, acts.FRENCH.get(each.act, each.act), words.format(which), way.format(which), each.text
    )


def _day(office: Office, text: str, more: int) -> datetime | None:
    try:
        day = date.fromisoformat(text) + timedelta(days=more)
    except (ValueError, OverflowError):
        return None
    return datetime.combine(day, time(), office.zone) if 1990 < day.year < 2200 else None


def holds(session: Session) -> Broken | None:
    return audit.verify(session)
