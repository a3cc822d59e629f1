"""`hotline run`, `check` and `migrate`: start the hotline, look at what it is made of, bring its tables up."""

import asyncio
import sys
from typing import Annotated

import typer
from rich.panel import Panel

from bot import app, migrations
from bot.app import ROLES, AlreadyRunning, BadContent, House
from bot.commands import installation, out, stop
from bot.db import DatabaseAway
from bot.desk import demo as example
from bot.desk import entrance
from channels.contract import Checked

Roles = Annotated[
    list[str] | None,
    typer.Argument(help=f"Ce que ce programme fait : {', '.join(ROLES)}. Sans rien : tout.", metavar="[ROLE]..."),
]


def run(
    roles: Roles = None,
    demo: Annotated[bool, typer.Option("--demo", help="Avec un conseil et un comité d'exemple.")] = False,
) -> None:
    """Faire marcher la hotline, jusqu'à Ctrl-C."""
    wanted = roles or list(ROLES)
    if unknown := set(wanted) - set(ROLES):
        stop(f"Rôle inconnu : {', '.join(sorted(unknown))}. Possibles : {', '.join(ROLES)}.")
    found = installation()
    if found.db.is_sqlite and set(wanted) != set(ROLES):
        stop("Avec SQLite, un seul programme fait tout : hotline run, sans rôle. Pour séparer, prenez PostgreSQL.")
    app.quiet_logs()
    try:
        with app.alone(found):
            _prepare(found, demo)
            asyncio.run(app.run(found, wanted, lambda house: _first_screen(house, demo, wanted)))
    except AlreadyRunning:
        stop("La hotline tourne déjà sur cette base. Arrêtez-la d'abord, ou changez HOTLINE_DATABASE_URL.")
    except DatabaseAway as error:
        stop(f"La base de données ne répond pas : {error}")
    except BadContent as error:
        stop(f"Des fiches sont à corriger :\n{error}")
    except OSError as error:
        stop(f"La hotline ne peut pas démarrer ({found.configured.settings.bind}) : {error}")
    except KeyboardInterrupt:
        pass
    finally:
        found.db.close()
    out.print("La hotline est arrêtée. Rien n'est perdu.")


def _prepare(found: House, demo: bool) -> None:
    if found.db.is_sqlite:
        app.prepare(found)
    elif migrations.current(found.db) != migrations.newest():
        stop("La base n'est pas à jour. Lancez d'abord : hotline migrate")
    if demo:
        found.db.transact(example.add, found.office, found.now())


def _first_screen(found: House, demo: bool, roles: list[str]) -> None:
    own = found.configured.settings
    if "web" not in roles:
        out.print(f"La hotline tourne : {', '.join(roles)}. Ctrl-C pour arrêter.")
        return
    page = own.public_url or f"http://{own.bind}"
    lines = [
        f"La page des questions : [bold]{page}[/bold]",
        "",
        "Essayez :",
        "  - « c'est quoi le COPIL ? » : une réponse, avec sa source",
        "  - « combien de logements vides rue des Lilas ? » : personne ne le sait ici, l'équipe est prévenue",
        "  - dans un autre terminal : hotline chat, hotline tickets, hotline outbox",
    ]
    if demo:
        lines.append("  - le comité d'exemple, dans dix jours : ses membres ont leur rappel dans hotline outbox")
        lines.append("    (hotline demo remove enlève l'exemple)")
    lines += ["", *_way_in(found, page, own.officer_email, demo)]
    if own.officer_email:
        lines.append(f"Les questions sans réponse vont à {own.officer_email}.")
    else:
        lines.append("Les questions sans réponse attendent dans hotline tickets (answer N pour répondre).")
        lines.append("Pour les recevoir par e-mail : HOTLINE_OFFICER_EMAIL.")
    if "email" not in found.channels:
        lines.append("Pour brancher l'e-mail : HOTLINE_EMAIL_ADDRESS, HOTLINE_EMAIL_IMAP, HOTLINE_EMAIL_SMTP.")
    lines += ["hotline check dit ce qui est réglé, et ce qui répond.", "", "Ctrl-C pour arrêter."]
    out.print(Panel("\n".join(lines), title=f"Hotline des conseils citoyens, {own.organisation}", expand=False))
    sys.stdout.flush()


def _way_in(found: House, page: str, email: str, demo: bool) -> list[str]:
    """The link by which the officer enters the desk: the only one there is while no mail can be sent."""
    if "email" in found.channels and email:
        return [f"Le bureau de l'équipe : [bold]{page}/bureau[/bold]"]
    try:
        way = found.db.transact(entrance.hand_link, found.office, email if email or not demo else "", found.now())
    except LookupError:
        return [f"Le bureau de l'équipe : {page}/bureau (hotline officer add EMAIL, puis hotline officer link EMAIL)"]
    return ["Le bureau de l'équipe, pour 15 minutes (ensuite : hotline officer link) :", f"[bold]{page}{way}[/bold]"]


def migrate() -> None:
    """Mettre les tables à jour, et charger les fiches."""
    found = installation()
    try:
        before = migrations.current(found.db)
        app.prepare(found)
    except DatabaseAway as error:
        stop(f"La base de données ne répond pas : {error}")
    after = migrations.newest()
    out.print("La base était à jour." if before == after else f"La base est à jour (version {after}).")


def check() -> None:
    """Dire ce qui est réglé, joindre chaque serveur, et rapporter en mots simples."""
    found = installation()
    own = found.configured.settings
    bad = 0
    try:
        revision = migrations.current(found.db)
        state = "à jour" if revision == migrations.newest() else "à mettre à jour (hotline migrate)"
        out.print(f"[green]OK[/green]  Base de données : {found.db.url.get_backend_name()}, {state}.")
    except Exception as error:
        bad += 1
        out.print(f"[red]NON[/red] Base de données : elle ne répond pas ({type(error).__name__}).")
    for name, opened in found.channels.items():
        for note in opened.notes:
            out.print(f"[yellow]À VOIR[/yellow] {note}")
        if isinstance(opened.channel, Checked):
            try:
                seen = asyncio.run(opened.channel.check())
                out.print(f"[green]OK[/green]  Canal {name} : {seen}")
            except Exception as error:
                bad += 1
                out.print(f"[red]NON[/red] Canal {name} : {error}", soft_wrap=True)
        else:
            out.print(f"[green]OK[/green]  Canal {name} : prêt.")
    if "email" not in found.channels:
        out.print("[yellow]À VOIR[/yellow] L'e-mail n'est pas branché (HOTLINE_EMAIL_ADDRESS, _IMAP, _SMTP).")
    if not own.officer_email:
        out.print("[yellow]À VOIR[/yellow] Personne n'est prévenu des questions (HOTLINE_OFFICER_EMAIL).")
    if not own.phone:
        out.print("[yellow]À VOIR[/yellow] La page n'affiche pas de téléphone (HOTLINE_PHONE).")
    if not own.public_url:
        out.print("[yellow]À VOIR[/yellow] L'adresse publique n'est pas réglée (HOTLINE_PUBLIC_URL).")
    if not own.source_url:
        out.print("[yellow]À VOIR[/yellow] Le code source n'est pas indiqué (HOTLINE_SOURCE_URL, licence AGPL).")
    if bad:
        stop(f"{bad} chose(s) ne répondent pas.")
    out.print("Tout ce qui est réglé répond.")
