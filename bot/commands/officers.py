"""`hotline officer`: who answers, and where they are written to."""

from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table
from sqlmodel import Session

from bot.commands import house, out, stop
from bot.desk import entrance, officer, team
from bot.desk.team import LastAdministrator
from bot.office import in_full
from bot.sheets import BadCell, day, fold

app = typer.Typer(help="Les personnes qui répondent.", no_args_is_help=True)
Email = Annotated[str, typer.Argument(help="Son adresse e-mail.", metavar="EMAIL")]
Role = Annotated[str, typer.Option("--role", help=" | ".join(team.ROLES))]


@app.command()
def add(
    email: Email,
    name: Annotated[str, typer.Option("--name", help="Son nom.")] = "La chargée de mission",
    role: Role = "officer",
) -> None:
    """Ajouter une personne qui répond aux questions ; la première administre."""
    found = house()
    if wrong := team.wrong_with(name, email, role):
        stop(f"« {email} » : {' '.join(wrong.values())}" if "email" in wrong else " ".join(wrong.values()))
    if not found.db.look(team.everyone, found.office, found.now()):
        role = "administrator"
    if found.db.transact(team.add, found.office, "command", name, email, role, (), found.now()) is None:
        stop("Cette adresse est déjà celle d'une personne de l'équipe.")
    out.print(f"{name} reçoit maintenant les questions à {email}.")


@app.command("list")
def list_() -> None:
    """L'équipe : rôles, conseils, absences."""
    found = house()
    people = found.db.look(team.everyone, found.office, found.now())
    if not people:
        out.print("Personne encore. Pour commencer : hotline officer add EMAIL")
        return
    table = Table("N°", "Nom", "E-mail", "Rôle", "Conseils", "Suppléance", "", box=None, pad_edge=False)
    for each in people:
        state = f"absence jusqu'au {in_full(each.away_until)}" if each.away_until else ""
        names = ", ".join(name for _, name in each.councils) or "tous"
        cells = (str(each.id), each.name, each.email, each.role, names, each.deputy[1] if each.deputy else "")
        table.add_row(*map(escape, (*cells, state if each.active else "parti")))
    out.print(table)


@app.command()
def role(email: Email, role: Annotated[str, typer.Argument(help=" | ".join(team.ROLES), metavar="RÔLE")]) -> None:
    """Changer le rôle d'une personne ; « none » : elle quitte l'équipe."""
    if role not in (*team.ROLES, "none"):
        stop(f"« {role} » est inconnu. Rôles : {', '.join(team.ROLES)}, none.")
    changed = {"active": False} if role == "none" else {"role": role, "active": True}
    _change(email, **changed)
    out.print(f"{email} ne fait plus partie de l'équipe." if role == "none" else f"{email} : {role}.")


@app.command()
def councils(
    email: Email,
    names: Annotated[
        list[str] | None, typer.Argument(help="Les conseils ; aucun : tous.", metavar="[CONSEIL]...")
    ] = None,
) -> None:
    """Dire de quels conseils une personne s'occupe."""
    found = house()
    known = {fold(name): number for number, name in found.db.look(team.councils)}
    unknown = [name for name in names or () if fold(name) not in known]
    if unknown:
        stop(f"Conseil inconnu : « {unknown[0]} ».")
    _change(email, council_ids=[known[fold(name)] for name in names or ()])
    out.print(f"{email} : {', '.join(names) if names else 'tous les conseils'}.")


@app.command()
def absent(
    email: Email,
    first: Annotated[str, typer.Argument(help="Premier jour d'absence.", metavar="DU")],
    last: Annotated[str, typer.Argument(help="Dernier jour d'absence.", metavar="AU")],
    deputy: Annotated[str, typer.Option("--deputy", help="Qui remplace : son e-mail.", metavar="EMAIL")] = "",
) -> None:
    """Noter une absence : la suppléance reçoit les questions, et qui écrit lit la date."""
    found = house()
    try:
        days = day(first), day(last)
    except BadCell as error:
        stop(f"{error}.")
    if wrong := team.wrong_days(*days, found.office.date_of(found.now())):
        stop(" ".join(wrong.values()))
    if deputy:
        _change(email, deputy=_number(deputy))
    found.db.transact(team.note_absence, "command", _number(email), *days, found.now())
    out.print(f"{email} : absence du {in_full(days[0])} au {in_full(days[1])}.")


def _number(email: str) -> int:
    found = house()
    try:
        number: int = found.db.look(team.find, found.office, email)
    except LookupError:
        stop(f"{email} n'est pas une adresse de l'équipe. Ajoutez d'abord : hotline officer add {email}")
    return number


def _change(email: str, **values: Any) -> None:
    found, number = house(), _number(email)

    def work(session: Session) -> None:
        team.change(session, "command", number, found.now(), **values)

    try:
        found.db.transact(work)
    except LastAdministrator:
        stop("Quelqu'un doit garder l'administration. Donnez-la d'abord à une autre personne.")
    except LookupError:
        stop("Cette personne ne peut pas remplacer : elle ne répond pas aux questions.")


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


@app.command()
def link(email: Annotated[str, typer.Argument(help="Rien : l'exemple.", metavar="EMAIL")] = "") -> None:
    """Un lien pour entrer au bureau, valable 15 minutes et une fois : utile tant que l'e-mail n'est pas branché."""
    found = house()
    try:
        way = found.db.transact(entrance.hand_link, found.office, email, found.now())
    except LookupError:
        stop(f"Personne n'entre avec {email or 'l’exemple'}. Ajoutez d'abord : hotline officer add EMAIL")
    own = found.configured.settings
    out.print(f"{own.public_url or f'http://{own.bind}'}{way}", soft_wrap=True)
