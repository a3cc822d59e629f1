"""`hotline officer`: who answers, and where they are written to."""

import re
from typing import Annotated

import typer

from bot.commands import house, out, stop
from bot.desk import officer

app = typer.Typer(help="Les personnes qui répondent.", no_args_is_help=True)
Email = Annotated[str, typer.Argument(help="Son adresse e-mail.", metavar="EMAIL")]


@app.command()
def add(email: Email, name: Annotated[str, typer.Option("--name", help="Son nom.")] = "La chargée de mission") -> None:
    """Ajouter une personne qui répond aux questions."""
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email):
        stop(f"« {email} » n'est pas une adresse e-mail.")
    found = house()
    if not found.db.transact(officer.add, found.office, name, email, found.now()):
        stop("Cette adresse est déjà celle d'une personne qui répond.")
    out.print(f"{name} reçoit maintenant les questions à {email}.")


@app.command()
def telegram(email: Email) -> None:
    """Un code, valable 30 minutes, pour recevoir aussi les questions par Telegram."""
    found = house()
    if "telegram" not in found.channels:
        stop("Telegram n'est pas branché (HOTLINE_TELEGRAM_TOKEN).")
    try:
        code = found.db.transact(officer.new_code, found.office, email, found.now())
    except LookupError:
        stop(f"Personne ne répond depuis {email}. Ajoutez d'abord : hotline officer add {email}")
    out.print(f"Envoyez ce code au bot de la hotline, dans Telegram : [bold]{code}[/bold]")
