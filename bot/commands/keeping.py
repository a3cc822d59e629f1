"""`hotline backup`, `restore`, `purge`, `demo remove` and `audit verify`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from bot import app as house_app
from bot import audit as trail
from bot import backup as archive
from bot.backup import BadBackup, NotEmpty
from bot.commands import err, house, installation, out, stop
from bot.desk import demo as example
from bot.desk import erasing, retention

demo = typer.Typer(help="L'exemple de « hotline run --demo ».", no_args_is_help=True)
audit = typer.Typer(help="La trace de tout ce qui est fait.", no_args_is_help=True)
Target = Annotated[Path, typer.Argument(help="Le fichier de la sauvegarde.", dir_okay=False)]


def backup(file: Target) -> None:
    """Tout sauvegarder dans un fichier, pendant que la hotline tourne ; les clés n'y sont pas."""
    found = house()
    if file.exists():
        stop(f"{file} existe déjà : choisissez un autre nom.")
    try:
        with Progress(console=err, disable=not err.is_terminal) as progress:
            task = progress.add_task("Sauvegarde", total=None)
            count = archive.write(
                found.db,
                found.spool.folder,
                file,
                found.now(),
                lambda table, rows: progress.update(task, description=f"{table} : {rows}"),
            )
    except OSError as error:
        stop(f"La sauvegarde ne s'écrit pas : {error}")
    out.print(f"{count} lignes sauvegardées dans {file}.")
    out.print("Gardez aussi, ailleurs, la clé HOTLINE_SECRET (ou var/keys/secret) : sans elle, pas d'adresses.")


def restore(file: Target) -> None:
    """Relire une sauvegarde dans une base neuve."""
    found = installation()
    if not file.is_file():
        stop(f"{file} n'existe pas.")
    if house_app.is_running(found):
        stop("La hotline tourne sur cette base : arrêtez-la d'abord.")
    try:
        with Progress(console=err, disable=not err.is_terminal) as progress:
            task = progress.add_task("Restauration", total=None)
            count = archive.restore(
                found.db,
                found.spool.folder,
                file,
                lambda table, rows: progress.update(task, description=f"{table} : {rows}"),
            )
    except NotEmpty:
        stop("Cette base n'est pas vide. Restaurez dans une base neuve (HOTLINE_DATABASE_URL).")
    except BadBackup as error:
        stop(f"Rien n'est restauré : {error}.")
    out.print(f"{count} lignes restaurées.")


def purge(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Dire ce qui serait effacé, sans rien effacer.")] = False,
) -> None:
    """Effacer ce qui est gardé assez longtemps, et réécrire la base pour qu'il n'en reste rien dans les fichiers."""
    found = house()
    now = found.now()
    counts = found.db.look(retention.due, now)
    table = Table("Quoi", "Gardé", "À effacer", box=None, pad_edge=False)
    for name, (words, kept) in retention.KINDS.items():
        table.add_row(words, kept, str(counts[name]))
    out.print(table)
    if dry_run:
        out.print("Essai : rien n'est effacé.")
        return
    while max(found.db.transact(retention.purge, now).values()):
        pass
    while found.db.transact(retention.forget_silent, found.office, now):
        pass
    found.db.transact(erasing.finish, now)
    found.db.compact()
    out.print("C'est effacé, et la base est réécrite.")


@demo.command()
def remove() -> None:
    """Enlever le conseil, le comité et les personnes d'exemple."""
    found = house()
    if found.db.transact(example.remove):
        out.print("L'exemple est enlevé.")
    else:
        out.print("Il n'y a pas d'exemple ici.")


@demo.command()
def add() -> None:
    """Mettre l'exemple : un conseil, et un comité dans dix jours."""
    found = house()
    done = found.db.transact(example.add, found.office, found.now())
    out.print("L'exemple est là." if done else "L'exemple était déjà là.")


@audit.command()
def verify() -> None:
    """Vérifier que personne n'a changé la trace."""
    broken = house().db.look(trail.verify)
    if broken:
        stop(f"La trace est rompue à la ligne {broken.line_id} : {broken.why}.")
    out.print("La trace est entière.")


@audit.command()
def show(
    actor: Annotated[str, typer.Option("--who", help="program, command, officer:3…", metavar="QUI")] = "",
    subject: Annotated[str, typer.Option("--about", help="ticket, ticket:5, officer:3…", metavar="SUR")] = "",
    limit: Annotated[int, typer.Option("--last", min=1, max=10_000, help="Combien de lignes.")] = 50,
) -> None:
    """Montrer les dernières lignes de la trace."""
    found = house()
    lines, count = found.db.look(trail.listed, trail.Wanted(actor, "", subject), limit)
    if not lines:
        out.print("Aucune ligne.")
        return
    table = Table("N°", "Quand", "Qui", "Quoi", "Sur", "Texte", box=None, pad_edge=False)
    for each in lines:
        when, text = f"{each.at.astimezone(found.office.zone):%d/%m/%Y %H:%M}", " ".join(each.text.split())[:80]
        table.add_row(*map(escape, (str(each.id), when, each.actor, each.act, each.subject, text)))
    out.print(table)
    out.print(f"{len(lines)} ligne(s) sur {count}.")
