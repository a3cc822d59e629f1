"""`hotline tickets`: what waits for a person, from the terminal."""

from typing import Annotated

import typer
from rich.panel import Panel
from rich.table import Table
from sqlmodel import Session

from bot.app import House
from bot.commands import house, out, stop
from bot.desk import letters, officer
from bot.desk.officer import NoSuchTicket, NothingToConfirm
from channels.directory import AddressRow
from escalation import tickets
from escalation.tickets import Ticket

app = typer.Typer(help="Les questions qui attendent une personne.", no_args_is_help=False)
Number = Annotated[int, typer.Argument(help="Le numéro de la question.", metavar="N")]
AUTHOR = "command"
STATES = {"open": "à répondre", "answered": "répondue", "closed": "fermée"}
KINDS = {"to-sort": "à trier", "undelivered": "non arrivé", "reminder": "à prévenir", "privacy": "données"}


@app.callback(invoke_without_command=True)
def listing(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Aussi les questions répondues et fermées.")] = False,
) -> None:
    """Sans autre mot : la liste, par ordre d'urgence."""
    if context.invoked_subcommand is not None:
        return
    found = house()
    rows = found.db.look(_rows, found, None if everything else "open")
    if not rows:
        out.print("Aucune question n'attend. Bonne journée !")
        return
    table = Table("N°", "État", "Avant", "De", "Par", "Question", box=None, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    out.print(table)
    out.print("\nhotline tickets show N · answer N · confirm N · close N", style="dim")


def _rows(session: Session, found: House, state: str | None) -> list[tuple[str, ...]]:
    return [
        (
            str(each.id),
            KINDS.get(each.kind, STATES.get(each.state, each.state)) if each.state == "open" else STATES[each.state],
            found.office.when(each.promised_at) if each.state == "open" else "",
            letters.asker_in_words(session, each.address_id, ""),
            letters.channel_name(_channel(session, each)),
            " ".join(each.question.split())[:70],
        )
        for each in tickets.listed(session, state)
    ]


def _channel(session: Session, ticket: Ticket) -> str:
    row = session.get(AddressRow, ticket.address_id)
    return row.channel if row else ""


@app.command()
def show(number: Number) -> None:
    """Tout ce que l'on sait d'une question."""
    found = house()

    def read(session: Session) -> str:
        ticket = officer.the_ticket(session, number)
        lines = [
            f"Question n° {ticket.id}, {STATES[ticket.state]}, arrivée {found.office.when(ticket.opened_at)}",
            f"De : {letters.asker_in_words(session, ticket.address_id, '')}, par "
            f"{letters.channel_name(_channel(session, ticket))}",
            f"À répondre avant : {found.office.when(ticket.promised_at)}",
            "",
            ticket.question,
            "",
            f"Le programme : {ticket.why}",
        ]
        lines += [f"  - {each['entry']} ({round(100 * float(each['confidence']))} %)" for each in ticket.candidates]
        for message in tickets.messages(session, number):
            lines += ["", f"Ajouté {found.office.when(message.heard_at)} :", message.text]
        for reply in tickets.replies(session, number):
            state = {"draft": f"BROUILLON ({reply.reason})", "sent": "Répondu", "dropped": "Écarté"}[reply.state]
            lines += ["", f"{state} {found.office.when(reply.written_at)} :", reply.text]
        return "\n".join(lines)

    try:
        out.print(Panel(found.db.look(read), title=f"n° {number}"), markup=False)
    except NoSuchTicket:
        stop(f"La question n° {number} n'existe pas.")


@app.command()
def answer(
    number: Number,
    text: Annotated[str, typer.Argument(help="La réponse ; sans elle, je la demande.", metavar="TEXTE")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Ne pas demander de confirmation.")] = False,
) -> None:
    """Répondre à une question, sur le canal de la personne."""
    found = house()
    words = text.strip() or str(typer.prompt("Votre réponse")).strip()
    if not words:
        stop("La réponse est vide : rien n'est envoyé.")
    try:
        channel = found.db.look(lambda session: _channel(session, officer.the_ticket(session, number)))
        if not yes and not typer.confirm(f"Envoyer par {letters.channel_name(channel)} : « {words} » ?"):
            stop("Rien n'est envoyé.")
        said = found.db.transact(officer.write, found.office, number, words, AUTHOR, found.now())
    except NoSuchTicket:
        stop(f"La question n° {number} n'existe pas.")
    out.print(Panel(said, title="Ce que la personne reçoit"), markup=False)


@app.command()
def confirm(number: Number) -> None:
    """Envoyer la réponse qui attend votre accord."""
    found = house()
    try:
        said = found.db.transact(officer.confirm, found.office, number, AUTHOR, found.now())
    except NoSuchTicket:
        stop(f"La question n° {number} n'existe pas.")
    except NothingToConfirm:
        stop(f"La question n° {number} n'a pas de réponse en attente d'accord.")
    out.print(Panel(said, title="Ce que la personne reçoit"), markup=False)


@app.command()
def close(
    number: Number,
    reason: Annotated[str, typer.Option("--reason", help="Pourquoi ; gardé avec la question.")] = "fermée sans réponse",
) -> None:
    """Fermer une question sans répondre."""
    found = house()
    try:
        found.db.transact(officer.close, number, reason, AUTHOR, found.now())
    except NoSuchTicket:
        stop(f"La question n° {number} n'existe pas.")
    out.print(f"La question n° {number} est fermée.")
