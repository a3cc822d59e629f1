"""`hotline committees …`, the season: recorded, shown, prepared, called, reported."""

import re
from dataclasses import replace
from datetime import datetime, time
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table
from sqlmodel import Session, col, select

from bot.app import House
from bot.commands import house, out, stop
from bot.commands.committees import AUTHOR, Number, app
from bot.desk import arranging, following_calendars, meeting, season, season_report, seating
from bot.desk.arranging import Sheet, Wrong
from bot.desk.calendar import KIND_NAMES, MeetingOver, NoSuchMeeting
from bot.desk.importing import Councils
from bot.sheets import BadCell, day, hour, moment
from channels.directory import Council, Person
from escalation.accounts import Who
from scheduler import committees, feeds, steps
from scheduler.committees import Seat
from scheduler.steps import BadStep

__all__ = ["app"]  # `hotline committees`, whole: commands/committees.py begins it
ALL = Who(0, AUTHOR, "administrator", None, AUTHOR)
CouncilName = Annotated[list[str], typer.Option("--council", help="Un conseil, par son nom.", metavar="NOM")]


def _named(session: Session, names: list[str]) -> tuple[int, ...]:
    here = Councils(session.exec(select(Council).order_by(col(Council.id))).all())
    found = [here.named(name) for name in names]
    for each in found:
        if isinstance(each, str):
            raise BadCell(each)
    return tuple(each for each in found if isinstance(each, int))


def _at(found: House, date: str, clock: str) -> datetime:
    return moment(day(date), hour(clock), found.office.zone)


@app.command()
def add(
    title: Annotated[str, typer.Argument(help="Le titre.", metavar="TITRE")],
    date: Annotated[str, typer.Option("--date", help="Le jour.", metavar="JJ/MM/AAAA")],
    clock: Annotated[str, typer.Option("--hour", help="L'heure.", metavar="HH:MM")],
    council: CouncilName,
    kind: Annotated[str, typer.Option("--type", help=f"Le type : {', '.join(committees.KINDS)}.")] = "copil",
    place: Annotated[str, typer.Option("--place", help="Le lieu.")] = "",
    repeat: Annotated[str, typer.Option("--repeat", help="Répétition (RRULE), 18 mois au plus.")] = "",
) -> None:
    """Enregistrer une réunion, ou une série."""
    found = house()

    def work(session: Session) -> list[int]:
        sheet = Sheet(
            title, kind, _at(found, date, clock), place=place, councils=_named(session, council), rrule=repeat
        )
        return arranging.record(session, found.office, None, sheet, found.now())

    try:
        made = found.db.transact(work)
    except (BadCell, Wrong) as error:
        stop(str(error))
    out.print(f"Enregistrée : n° {made[0]}." if len(made) == 1 else f"{len(made)} réunions, à partir du n° {made[0]}.")


@app.command()
def show(number: Number) -> None:
    """Tout d'une réunion : étapes, personnes, dates, décisions."""
    found = house()
    try:
        one = found.db.look(meeting.detail, found.office, ALL, number, found.now())
    except NoSuchMeeting as error:
        stop(str(error))
    office, card = found.office, one.card
    out.print(f"{card.title}, {office.when(card.starts_at)}, {card.place or 'lieu à confirmer'}", markup=False)
    for lack in card.lacks:
        out.print(f"Manque : {lack}", style="yellow", markup=False)
    plan = Table("Étape", "Quoi", "Quand", "", box=None, pad_edge=False)
    for step in one.steps:
        plan.add_row(*map(escape, (step.label, step.words, office.when(step.due_at), step.reason or step.state)))
    people = Table("Personne", "Conseil", "Place", "Réponse", "Prévenue", box=None, pad_edge=False)
    for each in one.people:
        people.add_row(*map(escape, (each.name, each.council, each.role, each.answer_words, each.told)))
    out.print(plan)
    out.print(people)
    for date in one.proposed:
        names = ", ".join(date.people) or "personne"
        out.print(f"Préparation, date {date.number} : {office.when(date.starts_at)} ({names})", markup=False)
    for item in one.items:
        out.print(f"Ordre du jour {item.id} : {item.received} → {item.plain or '(à écrire)'}", markup=False)
    for decision in one.decisions:
        out.print(f"Décidé : {decision.text}", markup=False)


@app.command()
def confirm(number: Number) -> None:
    """L'organisateur confirme la réunion."""
    found = house()
    try:
        found.db.transact(arranging.confirm, None, number, found.now())
    except (NoSuchMeeting, MeetingOver, Wrong) as error:
        stop(str(error))
    out.print("La réunion est confirmée.")


@app.command()
def seats(
    add: Annotated[str, typer.Option("--add", help="Donner une place à cette personne.", metavar="NOM")] = "",
    remove: Annotated[str, typer.Option("--remove", help="Lui retirer sa place.", metavar="NOM")] = "",
    council: Annotated[str, typer.Option("--council", help="Le conseil de cette place.", metavar="NOM")] = "",
    kind: Annotated[
        str, typer.Option("--type", help=f"Le type de réunion : {', '.join(seating.SEATED_KINDS)}.")
    ] = "copil",
    alternate: Annotated[bool, typer.Option("--alternate", help="Suppléant, et non titulaire.")] = False,
    date: Annotated[
        str, typer.Option("--date", help="Depuis quand, ou jusqu'à quand ; aujourd'hui sinon.", metavar="JJ/MM/AAAA")
    ] = "",
) -> None:
    """Qui siège où, et les sièges vides des réunions à venir ; donner une place (--add) ou la retirer (--remove)."""
    found = house()
    if add and remove:
        stop("Une seule chose à la fois : --add ou --remove.")
    if add or remove:
        if not council:
            stop("Dites pour quel conseil : --council NOM.")

        def work(session: Session) -> str:
            (number,) = _named(session, [council])
            at = moment(day(date), time(0), found.office.zone) if date else None
            if remove:
                return seating.take(session, found.office, None, number, remove, kind, at, found.now())
            role = committees.ALTERNATE if alternate else committees.TITULAR
            return seating.give(session, found.office, None, number, add, kind, role, at, found.now())

        try:
            out.print(found.db.transact(work), markup=False, soft_wrap=True)
        except (BadCell, Wrong) as error:
            stop(str(error))
        return
    if council or date or alternate:
        stop("Ajoutez --add NOM ou --remove NOM.")

    def read(session: Session) -> tuple[list[tuple[str, ...]], list[str]]:
        rows = session.exec(
            select(Seat, Council.name, Person.name)
            .join(Council, col(Council.id) == col(Seat.council_id))
            .join(Person, col(Person.id) == col(Seat.person_id))
            .where(col(Seat.until).is_(None) | (col(Seat.until) > found.now()))
            .order_by(Council.name, col(Seat.committee_kind), col(Seat.role).desc(), Person.name)
        ).all()
        held: list[tuple[str, ...]] = [
            (
                council,
                KIND_NAMES[seat.committee_kind],
                name,
                seating.ROLES.get(seat.role, seat.role),
                found.office.day(seat.since) if seat.since else "",
            )
            for seat, council, name in rows
        ]
        coming = committees.upcoming(session, found.now(), limit=200)
        empty = [f"{each.title} : {name}" for each in coming for name in season.empty_seats(session, each)]
        return held, empty

    held, empty = found.db.look(read)
    table = Table("Conseil", "Réunion", "Personne", "Place", "Depuis", box=None, pad_edge=False)
    for row in held:
        table.add_row(*map(escape, row))
    out.print(table)
    for words in empty:
        out.print(f"Siège vide : {words}", style="yellow", markup=False)


@app.command()
def agenda(
    number: Number,
    item: Annotated[list[str] | None, typer.Option("--item", help="Un point, comme reçu.", metavar="TEXTE")] = None,
    plain: Annotated[str, typer.Option("--plain", help="Vos mots simples.", metavar="TEXTE")] = "",
    point: Annotated[int, typer.Option("--point", help="Le numéro du point (voir show).", metavar="N")] = 0,
) -> None:
    """L'ordre du jour : les points reçus (--item), puis vos mots simples (--point et --plain)."""
    found = house()
    try:
        if item:
            found.db.transact(arranging.set_agenda, None, number, item, found.now())
        if point and plain:
            found.db.transact(arranging.set_plain, None, number, {point: plain}, found.now())
    except (NoSuchMeeting, Wrong) as error:
        stop(str(error))
    show(number)


@app.command()
def documents(
    number: Number,
    file: Annotated[
        Path | None, typer.Option("--file", help="Un document à joindre.", exists=True, dir_okay=False)
    ] = None,
    title: Annotated[str, typer.Option("--title", help="Son titre.")] = "",
    purpose: Annotated[str, typer.Option("--purpose", help="À quoi il sert, en une ligne.")] = "",
    invited: Annotated[
        bool, typer.Option("--invited", help="L'invitation est arrivée, pour tous les conseils.")
    ] = False,
) -> None:
    """Les documents d'une réunion, et l'arrivée de l'invitation."""
    found = house()

    def work(session: Session) -> list[str]:
        now = found.now()
        if file is not None:
            content = file.read_bytes()
            arranging.add_document(session, None, number, title or file.stem, purpose, "", file.name, content, now)
        if invited:
            for what in ("invitation", "agenda"):
                ids = committees.councils_of(session, number)
                arranging.invited(session, None, number, ids, what, now)
        session.flush()
        return [each.title for each in meeting.detail(session, found.office, ALL, number, now).documents]

    try:
        titles = found.db.transact(work)
    except (NoSuchMeeting, Wrong) as error:
        stop(str(error))
    out.print("\n".join(f"- {each}" for each in titles) or "Aucun document.", markup=False)


DAY = re.compile(r"(?:j\s*)?([+-]?)\s*(\d{1,3})", re.IGNORECASE)


def _days(text: str) -> int:
    """« J-10 » or « 10 »: days before; « J+1 »: after, negative. BadCell."""
    match = DAY.fullmatch(text.strip())
    if match is None:
        raise BadCell(f"« {text} » n'est pas un jour. Exemples : J-10 (avant), J+1 (après)")
    return -int(match[2]) if match[1] == "+" else int(match[2])


@app.command()
def plan(
    kind: Annotated[str, typer.Argument(help="Le type de réunion.", metavar="TYPE")] = "copil",
    step: Annotated[str, typer.Option("--step", help="L'étape à changer, par son nom.", metavar="ÉTAPE")] = "",
    to: Annotated[str, typer.Option("--day", help="Son jour : J-10 avant, J+1 après.", metavar="JOUR")] = "",
    clock: Annotated[str, typer.Option("--hour", help="Son heure.", metavar="HH:MM")] = "",
    active: Annotated[bool | None, typer.Option("--on/--off", help="La faire, ou ne plus la faire.")] = None,
    reset: Annotated[bool, typer.Option("--reset", help="La remettre comme au départ.")] = False,
    add: Annotated[
        str,
        typer.Option("--add", help=f"En ajouter une (avec --day) : {', '.join(steps.ACTIONS)}.", metavar="ACTION"),
    ] = "",
) -> None:
    """Le plan des étapes d'un type de réunion ; en changer une (--step, puis --day, --hour, --on ou --off).

    Exemples : hotline committees plan copil --step j-10 --day J-12 --hour 9h30 ; plan cotech --add remind --day J-7
    """
    found = house()
    if kind not in committees.KINDS:
        stop(f"Type inconnu : {kind}. Types : {', '.join(committees.KINDS)}.")
    if add:
        if step or reset or active is not None or not to:
            stop("Pour ajouter une étape : --add ACTION --day JOUR, et --hour si ce n'est pas 8 h.")

        def more(session: Session) -> None:
            at = hour(clock) if clock else time(8)
            seating.add_step(session, None, kind, add, _days(to), at.hour * 60 + at.minute, found.now())

        try:
            found.db.transact(more)
        except (BadCell, Wrong, BadStep) as error:
            stop(f"{str(error)[:1].upper()}{str(error)[1:]}")
    changes = not add and bool(to or clock or active is not None or reset)
    if changes and not step:
        stop("Dites quelle étape changer : --step ÉTAPE.")
    if step and not changes and not add:
        stop("Dites ce qui change : --day, --hour, --on, --off ou --reset.")
    if step:

        def work(session: Session) -> None:
            one, now = seating.standing(session, kind, step), found.now()
            if reset:
                seating.reset_step(session, None, kind, one.step, now)
                return
            at = hour(clock) if clock else None
            changed = replace(
                one,
                days=_days(to) if to else one.days,
                hour=at.hour * 60 + at.minute if at else one.hour,
                active=one.active if active is None else active,
            )
            seating.edit_step(session, None, kind, changed, now)

        try:
            found.db.transact(work)
        except (BadCell, Wrong, BadStep) as error:
            stop(f"{str(error)[:1].upper()}{str(error)[1:]}")
    table = Table("Étape", "Jour", "Quoi", "Heure", "Jour ouvré", "", box=None, pad_edge=False)
    for each in found.db.look(steps.plan_of, kind):
        at = f"{each.hour // 60} h {each.hour % 60:02d}"
        working = "avant" if each.working_day else ""
        off = "" if each.active else "désactivée"
        table.add_row(each.step, each.label, steps.ACTION_NAMES[each.action], at, working, off)
    out.print(table)


@app.command()
def calls(
    number: Annotated[int, typer.Argument(help="Une réunion, par son numéro ; toutes sinon.", metavar="[N]")] = 0,
) -> None:
    """Qui appeler : numéros, ce qui a été envoyé, ce qu'il faut dire."""
    found = house()
    lists = found.db.look(meeting.call_lists, found.office, ALL, found.now())
    lists = [each for each in lists if number in (0, each.card.id)]
    if not lists:
        out.print("Personne à appeler.")
    for each in lists:
        out.print(f"{each.card.title}, {found.office.when(each.card.starts_at)}", style="bold", markup=False)
        for call in each.calls:
            phones = ", ".join(call.phones) or "pas de numéro"
            out.print(f"- {call.name} ({call.council}) : {phones}. {call.why}", markup=False, soft_wrap=True)
            for said in (f"Envoyé : {call.told}" if call.told else "", *_noted(found, call), *call.aloud.split("\n")):
                if said:
                    out.print(f"    {said}", style="dim", markup=False, soft_wrap=True)


def _noted(found: House, call: meeting.Call) -> list[str]:
    words = arranging.OUTCOMES
    return [
        f"Noté {found.office.when(note.at)} : " + ". ".join(filter(None, (words.get(note.outcome, ""), note.text)))
        for note in call.notes
    ]


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="Le fichier .ics à écrire.", metavar="FICHIER")],
) -> None:
    """Écrire les réunions à venir dans un calendrier .ics."""
    found = house()

    def read(session: Session) -> tuple[str, int]:
        rows = committees.upcoming(session, found.now(), limit=2000)
        entries = [season.as_entry(row, KIND_NAMES[row.kind]) for row in rows]
        return feeds.calendar(entries, found.office.organisation, found.office.zone, found.now()), len(rows)

    text, count = found.db.look(read)
    file.write_text(text, "utf-8", newline="")
    out.print(f"{count} réunion(s) dans {file}.", markup=False)


@app.command()
def feed(council: Annotated[str, typer.Argument(help="Le conseil.", metavar="CONSEIL")]) -> None:
    """Le lien secret du calendrier d'un conseil, à suivre dans un agenda."""
    found = house()

    def work(session: Session) -> str:
        (number,) = _named(session, [council])
        return following_calendars.of_council(session, found.office, number, found.now())

    try:
        out.print(found.db.transact(work), markup=False, soft_wrap=True)
    except BadCell as error:
        stop(str(error))


@app.command()
def report(
    year: Annotated[int, typer.Option("--year", help="L'année ; celle-ci par défaut.")] = 0,
    csv: Annotated[bool, typer.Option("--csv", help="Pour un tableur.")] = False,
) -> None:
    """Rappelés, réponses, présences, préparations, invitations à temps, par comité et par conseil."""
    found = house()
    now = found.now()
    made = found.db.look(season_report.report, found.office, None, year or now.astimezone(found.office.zone).year, now)
    rows = season_report.table(found.office, made)
    if csv:
        for row in rows:
            typer.echo(";".join(f"'{cell}" if cell[:1] in "=+-@" else cell.replace(";", ",") for cell in row))
        return
    if not made.lines:
        out.print(f"Aucun comité en {made.year}.")
        return
    table = Table(*season_report.SHORT_HEADINGS, box=None, pad_edge=False)
    for row in season_report.short(found.office, made):
        table.add_row(*map(escape, row))
    out.print(table)
    if made.totals:
        out.print(f"\n{made.year}, conseil par conseil : les comités qui ont eu lieu, en part des sièges.")
        year_of = Table(*season_report.YEAR_HEADINGS, box=None, pad_edge=False)
        for row in season_report.years(made):
            year_of.add_row(*map(escape, row))
        out.print(year_of)
