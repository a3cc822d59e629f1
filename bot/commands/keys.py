"""`hotline keys rotate`, `status` and `forget`: a new key takes the place of the old one, and nothing is lost."""

from typing import Annotated

import typer
from rich.progress import Progress

from bot.app import House
from bot.commands import err, house, out, stop
from bot.desk import resealing
from bot.office import in_full
from bot.settings import KeyFile
from channels.contract import BadSetting
from channels.vault import new_secret

app = typer.Typer(help="La clé qui protège les adresses : la changer sans rien perdre.", no_args_is_help=True)
NAMES = {
    "addresses": "Adresses et numéros",
    "credentials": "Codes du téléphone de l'équipe",
    "pending": "Codes du téléphone à confirmer",
    "sessions": "Sessions par un service d'identité",
    "drawers": "Autorisations des canaux",
    "files": "Fichiers envoyés",
    "attachments": "Fichiers reçus",
    "spool": "Messages en attente sur disque",
}


@app.command()
def rotate(
    new: Annotated[bool, typer.Option("--new", help="Faire encore une clé, avant d'oublier l'ancienne.")] = False,
) -> None:
    """Changer la clé, ou reprendre un changement interrompu. La hotline peut tourner."""
    found = house()
    if found.configured.settings.secret:
        if not found.office.vault.previous:
            _tell_what_to_set()
            return
        if new:
            stop("Terminez d'abord ce changement : hotline keys rotate, puis hotline keys forget.")
        if not sum(_counts(found).values()):
            out.print("Tout est déjà sous la nouvelle clé. Ensuite : hotline keys forget", soft_wrap=True)
            return
        found.db.transact(resealing.begun, found.now())
    else:
        kept = KeyFile()
        known = kept.secrets()
        if new or len(known) == 1:
            try:
                kept.write((new_secret(), *known))
            except BadSetting as error:
                stop(f"Rien n'est changé. {error}")
            found.db.transact(resealing.begun, found.now())
            out.print("La nouvelle clé est la première ligne de var/keys/secret ; l'ancienne la suit.", soft_wrap=True)
        elif not sum(_counts(found).values()):
            out.print("Tout est déjà sous la nouvelle clé. Ensuite : hotline keys forget", soft_wrap=True)
            return
    done, unreadable = _reseal(found)
    out.print(f"{done} éléments sont passés sous la nouvelle clé.")
    _say_unreadable(unreadable)
    out.print("L'ancienne clé sert encore aux liens déjà envoyés. Pour l'oublier : hotline keys forget", soft_wrap=True)
    out.print("Gardez la nouvelle clé ailleurs aussi, et l'ancienne avec vos anciennes sauvegardes.", soft_wrap=True)


@app.command()
def status() -> None:
    """Dire combien d'éléments sont encore sous une ancienne clé."""
    found = house()
    others = len(found.office.vault.secrets) - 1
    out.print(f"Clés gardées : la clé actuelle et {others} ancienne(s)." if others else "Une seule clé est gardée.")
    counts = _counts(found)
    if not any(counts.values()):
        out.print("Tout est sous la clé actuelle.")
        return
    if not others:
        found_out = _reseal(found, write=False)
        if not found_out[1]:
            out.print("Tout s'ouvre avec cette clé.")
        _say_unreadable(found_out[1])
        return
    for name, words in NAMES.items():
        if counts[name]:
            out.print(f"{words} : {counts[name]}")
    out.print("Pour continuer : hotline keys rotate")


@app.command()
def forget(
    yes: Annotated[
        bool, typer.Option("--yes", help="Oublier vraiment ; sans cela, dire seulement ce qui finit.")
    ] = False,
) -> None:
    """Oublier l'ancienne clé, quand plus rien n'en dépend ; d'abord dire quels liens finissent."""
    found = house()
    vault = found.office.vault.still()
    if not vault.previous:
        stop("Il n'y a pas d'ancienne clé.")
    left, unreadable = _reseal(found, write=False)
    if left:
        stop(f"{left} éléments sont encore sous l'ancienne clé. Lancez d'abord : hotline keys rotate")
    _say_unreadable(unreadable)
    ending = found.db.look(resealing.ending, found.office, found.now())
    out.print("Avec l'ancienne clé finissent :")
    until = f", le dernier valable jusqu'au {in_full(ending.last)}" if ending.last else ""
    out.print(
        f"- les liens et adresses de réponse des messages d'avant : {ending.links} connus{until} ;", soft_wrap=True
    )
    out.print(f"- les liens de calendrier d'avant ({ending.feeds} suivis) : donnez les nouveaux ;", soft_wrap=True)
    out.print(f"- les codes de secours d'avant ({ending.recovery} inutilisés) : refaites-les dans « Mon compte » ;")
    out.print("- les sessions ouvertes au bureau avant le changement.")
    if found.configured.settings.secret:
        found.db.transact(resealing.forgotten, found.now())
        out.print("Retirez HOTLINE_SECRET_PREVIOUS sur chaque machine, puis redémarrez.")
        return
    if not yes:
        out.print("Rien n'est oublié. Pour le faire : hotline keys forget --yes")
        return
    try:
        KeyFile().write((vault.secret,))
    except BadSetting as error:
        stop(f"Rien n'est oublié. {error}")
    found.db.transact(resealing.forgotten, found.now())
    out.print("L'ancienne clé est oubliée. Vos sauvegardes d'avant en ont encore besoin.")


def _tell_what_to_set() -> None:
    out.print("La clé vient de HOTLINE_SECRET. Réglez, sur chaque machine :", soft_wrap=True)
    out.print("HOTLINE_SECRET_PREVIOUS=(la valeur actuelle de HOTLINE_SECRET)", soft_wrap=True, markup=False)
    out.print(f"HOTLINE_SECRET={new_secret()}", soft_wrap=True, markup=False)
    out.print("Arrêtez tout, redémarrez, puis relancez ici avec ces réglages : hotline keys rotate", soft_wrap=True)


def _counts(found: House) -> dict[str, int]:
    return {**found.db.look(resealing.counts, found.office.vault), "spool": found.spool.under_others()}


def _reseal(found: House, write: bool = True) -> tuple[int, int]:
    """Every kind, batch by batch, each in a transaction of its own: how many were done, how many nobody can open."""
    total = sum(_counts(found).values())
    done = unreadable = 0
    with Progress(console=err, disable=not err.is_terminal) as progress:
        task = progress.add_task("Clé", total=total)
        for kind in resealing.KINDS:
            progress.update(task, description=NAMES[kind.name])
            batch = resealing.Batch()
            while True:
                batch = found.db.transact(resealing.reseal, found.office.vault, kind, batch.last, write)
                if batch.last is None:
                    break
                done, unreadable = done + batch.done, unreadable + batch.unreadable
                progress.update(task, advance=batch.done + batch.unreadable)
    spooled = found.spool.reseal(write)
    return done + spooled[0], unreadable + spooled[1]


def _say_unreadable(count: int) -> None:
    if count:
        out.print(f"{count} éléments ne s'ouvrent avec aucune clé connue : ils restent tels quels.", soft_wrap=True)
