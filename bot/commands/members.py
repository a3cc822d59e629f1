"""`hotline members`: councils, people, addresses and seats, from a table."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from bot.commands import house, out, stop
from bot.desk import bounces, members, members_import
from bot.desk.members_import import Done, Report
from bot.sheets import MOST_BYTES, BadSheet

app = typer.Typer(help="Les conseils citoyens, leurs membres et leurs sièges.", no_args_is_help=True)
WORDS: dict[Done, str] = {"new": "nouveau", "changed": "changé", "same": "inchangé"}
STYLES: dict[Done, str] = {"new": "green", "changed": "yellow", "same": "dim"}
MOST_SHOWN = 200  # rows of a report that a screen can bear
File = Annotated[Path, typer.Argument(help="Le fichier.", metavar="FICHIER")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Montrer ce qui changerait, sans rien écrire.")]


def content_of(file: Path) -> bytes:
    """The bytes of a file that the user named; ends with a clear word when it cannot be read."""
    try:
        if file.stat().st_size > MOST_BYTES:
            stop(f"{file} : le fichier dépasse 5 Mo.")
        return file.read_bytes()
    except FileNotFoundError:
        stop(f"{file} : fichier introuvable.")
    except OSError as error:
        stop(f"{file} : illisible ({error.strerror}).")


@app.command("import")
def import_(
    file: File,
    dry_run: DryRun = False,
    create_councils: Annotated[
        bool, typer.Option("--create-councils", help="Créer les conseils que la base ne connaît pas.")
    ] = False,
) -> None:
    """Importer des membres depuis un CSV : tout, ou rien.

    Colonnes : conseil, ville, nom, type (membre, partenaire, institution), téléphone, email, canal (sms, email…),
    siège (copil, cotech ; titulaire ou suppléant), langue. Seuls « conseil » et « nom » sont obligatoires.
    """
    found, content = house(), content_of(file)
    work = (members_import.import_sheet, found.office, content, found.now(), create_councils, dry_run)
    try:
        report: Report = found.db.look(*work) if dry_run else found.db.transact(*work)
    except BadSheet as error:
        stop(f"{file.name} : {error}.")
    _show(report)
    if report.problems:
        stop(f"{len(report.problems)} erreur(s). Rien n'est écrit : corrigez le fichier, puis relancez.")
    if dry_run:
        out.print("Essai : rien n'est écrit. Pour importer, relancez sans --dry-run.")


def _show(report: Report) -> None:
    told = [change for change in report.changes if change.what != "same"]
    if told:
        table = Table("Ligne", "", "Nom", "Conseil", "Détails", box=None, pad_edge=False)
        for change in told[:MOST_SHOWN]:
            style, details = STYLES[change.what], "\n".join(change.details)
            cells = (str(change.line), WORDS[change.what], change.name, change.council, details)
            table.add_row(*map(escape, cells), style=style)
        out.print(table)
    if len(told) > MOST_SHOWN:
        out.print(f"… et {len(told) - MOST_SHOWN} autres.")
    for name in report.new_councils:
        out.print(f"Nouveau conseil : {name}", markup=False)
    for note in report.notes:
        out.print(f"À savoir : {note}", style="yellow", markup=False, soft_wrap=True)
    for problem in report.problems:
        out.print(str(problem), style="red", markup=False, soft_wrap=True)
    if report.problems:
        return
    counts = ", ".join(f"{report.count(what)} {word}(s)" for what, word in WORDS.items())
    out.print(f"{len(report.changes)} personne(s) : {counts}.")


@app.command("list")
def list_(
    council: Annotated[str, typer.Option("--council", help="D'un seul conseil.", metavar="NOM")] = "",
) -> None:
    """La liste, numéros et e-mails masqués."""
    found = house()
    try:
        rows = found.db.look(members.listed_members, found.office, council)
    except LookupError as error:
        stop(str(error.args[0]))
    if not rows:
        out.print("Personne encore. Pour commencer : hotline members import FICHIER.csv")
        return
    table = Table("N°", "Nom", "Conseil", "Nom court", "Siège", "Pour lui écrire", box=None, pad_edge=False)
    for row in rows:
        kind = f" ({row.kind})" if row.kind != "membre" else ""
        seats, ways = ", ".join(row.seats), "\n".join(row.ways) or "de vive voix"
        cells = (str(row.id), f"{row.name}{kind}", row.council, row.slug, seats, ways)
        table.add_row(*map(escape, cells))
    out.print(table)


@app.command()
def resume(number: Annotated[int, typer.Argument(help="Le numéro de l'adresse, donné dans l'avis.")]) -> None:
    """Écrire de nouveau à une adresse qui ne recevait plus rien."""
    found = house()
    if not found.db.transact(bounces.lift, number, "command", found.now()):
        stop(f"L'adresse n° {number} n'existe pas, ou n'était pas en pause.")
    out.print(f"L'adresse n° {number} reçoit de nouveau les messages.")
