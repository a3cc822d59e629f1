"""`hotline committees`: the meetings to come, and who was told of them."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table
from sqlmodel import Session

from bot import workbook
from bot.app import House
from bot.commands import house, out, stop
from bot.commands.members import MOST_SHOWN, DryRun, File, content_of
from bot.desk import arranging, calendar, importing
from bot.desk.calendar import KIND_NAMES, MeetingOver, NoSuchMeeting
from bot.desk.importing import Done, Report
from bot.sheets import BadCell, BadSheet
from scheduler.ics import NotACalendar

app = typer.Typer(help="Les comités et les réunions, et leurs rappels.", no_args_is_help=True)
WORDS: dict[Done, str] = {
    "new": "nouvelle",
    "moved": "déplacée",
    "changed": "changée",
    "cancelled": "annulée",
    "same": "inchangée",
    "ignored": "laissée de côté",
}
STYLES: dict[Done, str] = {"new": "green", "moved": "yellow", "changed": "yellow", "cancelled": "red"}
STATES = {"planned": "", "confirmed": "confirmée", "moved": "déplacée", "cancelled": "annulée"}
Number = Annotated[int, typer.Argument(help="Le numéro de la réunion.", metavar="N")]
AUTHOR = "command"


@app.command("import")
def import_(
    file: File,
    dry_run: DryRun = False,
    council: Annotated[
        list[str] | None,
        typer.Option("--council", help="Pour un calendrier .ics : le conseil concerné.", metavar="NOM"),
    ] = None,
) -> None:
    """Importer des réunions depuis un CSV, un classeur (xlsx, xls, ods) ou un calendrier .ics : tout, ou rien.

    Colonnes : titre, conseils (séparés par |), date, heure, fin, lieu, à préparer, type (copil), état (annulé).
    Une réunion qui est déjà là est déplacée, pas doublée.
    """
    found, content = house(), content_of(file)
    now, name = found.now(), file.name
    is_calendar = name.lower().endswith((".ics", ".ical")) or content.lstrip(b"\xef\xbb\xbf\r\n ").startswith(
        b"BEGIN:V"
    )

    try:
        rows = content if is_calendar else workbook.plain(content)
    except BadSheet as error:
        stop(f"{name} : {error}.")

    def work(session: Session) -> Report:
        if is_calendar:
            return importing.import_calendar(session, found.office, content, council or [], now, dry_run)
        return importing.import_sheet(session, found.office, rows, now, dry_run)

    try:
        report = found.db.look(work) if dry_run else found.db.transact(work)
    except (BadSheet, NotACalendar) as error:
        stop(f"{name} : {error}.")
    _show(found, report)
    if report.problems:
        stop(f"{len(report.problems)} erreur(s). Rien n'est écrit : corrigez le fichier, puis relancez.")
    if dry_run:
        out.print("Essai : rien n'est écrit. Pour importer, relancez sans --dry-run.")


def _show(found: House, report: Report) -> None:
    told = [change for change in report.changes if change.what != "same"]
    if told:
        table = Table("Réunion", "", "Quand", "Détails", box=None, pad_edge=False)
        for change in told[:MOST_SHOWN]:
            when, details = found.office.when(change.starts_at), "\n".join(change.details)
            cells = (change.title, WORDS[change.what], when, details)
            table.add_row(*map(escape, cells), style=STYLES.get(change.what, "dim"))
        out.print(table)
    if len(told) > MOST_SHOWN:
        out.print(f"… et {len(told) - MOST_SHOWN} autres.")
    for note in report.notes:
        out.print(f"À savoir : {note}", style="yellow", markup=False, soft_wrap=True)
    for problem in report.problems:
        out.print(str(problem), style="red", markup=False, soft_wrap=True)
    if report.problems:
        return
    counts = ", ".join(f"{count} {word}(s)" for what, word in WORDS.items() if (count := report.count(what)))
    out.print(f"{len(report.changes)} réunion(s){' : ' if counts else ''}{counts}.")


@app.command("list")
def list_() -> None:
    """Les réunions à venir, et combien de personnes sont prévenues."""
    found = house()
    rows = found.db.look(calendar.upcoming, found.now())
    if not rows:
        out.print("Aucune réunion à venir. Pour commencer : hotline committees import FICHIER.csv")
        return
    table = Table("N°", "Quand", "Réunion", "Conseils", "Lieu", "Prévenus", "", box=None, pad_edge=False)
    for row in rows:
        told = f"{row.told} sur {row.seats}" if row.seats else "personne n'y siège"
        title = row.title if row.kind == "copil" else f"{row.title} ({KIND_NAMES[row.kind]})"
        when, councils = found.office.when(row.starts_at), ", ".join(row.councils)
        cells = (str(row.id), when, title, councils, row.place, told, STATES[row.state])
        table.add_row(*map(escape, cells))
    out.print(table)


@app.command()
def move(
    number: Number,
    date: Annotated[str, typer.Option("--date", help="La nouvelle date.", metavar="JJ/MM/AAAA")] = "",
    hour: Annotated[str, typer.Option("--hour", help="La nouvelle heure.", metavar="HH:MM")] = "",
    place: Annotated[str | None, typer.Option("--place", help="Le nouveau lieu.", metavar="LIEU")] = None,
) -> None:
    """Déplacer une réunion : qui était prévenu le sera de nouveau."""
    if not date and not hour and place is None:
        stop("Dites ce qui change : --date, --hour ou --place.")
    found = house()
    try:
        words = found.db.transact(calendar.move, found.office, number, date, hour, place, AUTHOR, found.now())
    except (BadCell, NoSuchMeeting, MeetingOver) as error:
        stop(str(error))
    out.print(words, markup=False, soft_wrap=True)


@app.command()
def cancel(number: Number) -> None:
    """Annuler une réunion : qui était prévenu le sera."""
    found = house()
    try:
        words = found.db.transact(calendar.cancel, found.office, number, AUTHOR, found.now())
    except (NoSuchMeeting, MeetingOver) as error:
        stop(str(error))
    out.print(words, markup=False, soft_wrap=True)


@app.command("stop")
def end(number: Number) -> None:
    """Arrêter la série d'une réunion qui se répète : rien n'est annulé, plus rien ne s'ajoute."""
    found = house()
    try:
        words = found.db.transact(arranging.stop_series, None, number, found.now())
    except (NoSuchMeeting, arranging.Wrong) as error:
        stop(str(error))
    out.print(words, markup=False, soft_wrap=True)
