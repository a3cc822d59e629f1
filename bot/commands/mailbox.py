"""`hotline inbox` and `hotline outbox`: what waits, what failed and why; retry, or drop with a reason."""

from typing import Annotated, Any

import typer
from rich.table import Table
from sqlmodel import Session

from bot import audit
from bot.app import House
from bot.commands import house, out, stop
from bot.desk import letters, resending
from channels import mailbox
from channels.mailbox import InboxRow, OutboxRow

STATES = {
    "waiting": "attend",
    "claimed": "en cours",
    "sending": "en cours",
    "held": "arrêté",
    "dead": "non envoyé",
    "failed": "refusé",
    "unknown": "incertain",
}
Number = Annotated[int, typer.Argument(help="Le numéro du message.", metavar="N")]
Reason = Annotated[str, typer.Option("--reason", help="Pourquoi ; gardé avec le message.")]


def _family(table: type[InboxRow] | type[OutboxRow], title: str, empty: str) -> typer.Typer:
    app = typer.Typer(help=title)
    kind = "inbox" if table is InboxRow else "outbox"

    @app.callback(invoke_without_command=True)
    def listing(context: typer.Context) -> None:
        """Sans autre mot : ce qui attend, et ce qui n'a pas marché."""
        if context.invoked_subcommand is not None:
            return
        found = house()
        rows = found.db.look(_rows, found, table)
        if not rows:
            out.print(empty)
            return
        shown = Table("N°", "État", "Par", "Depuis", "Essais", "Texte", "Pourquoi", box=None, pad_edge=False)
        for row in rows:
            shown.add_row(*row)
        out.print(shown)
        out.print(f"\nhotline {kind} retry N · hotline {kind} drop N --reason …", style="dim")

    @app.command()
    def retry(number: Number) -> None:
        """Essayer de nouveau un message arrêté."""
        found = house()

        def again(session: Session) -> bool:
            audit.append(session, found.now(), "command", f"{kind} retried", f"{kind}:{number}")
            return mailbox.retry(session, table, number, found.now())

        if not found.db.transact(again):
            stop(f"Le message n° {number} n'existe pas, ou n'est pas arrêté.")
        out.print(f"Le message n° {number} repart.")

    @app.command()
    def drop(number: Number, reason: Reason) -> None:
        """Écarter un message, pour une raison qui est gardée."""
        found = house()

        def away(session: Session) -> bool:
            audit.append(session, found.now(), "command", f"{kind} dropped", f"{kind}:{number}", None, reason)
            return mailbox.drop(session, table, number, reason)

        if not found.db.transact(away):
            stop(f"Le message n° {number} n'existe pas, ou est déjà traité.")
        out.print(f"Le message n° {number} est écarté.")

    return app


def _rows(session: Session, found: House, table: type[InboxRow] | type[OutboxRow]) -> list[tuple[str, ...]]:
    rows: list[Any] = mailbox.waiting_or_troubled(session, table)
    return [
        (
            str(each.id),
            STATES.get(each.state, each.state),
            letters.channel_name(each.channel),
            found.office.when(each.received_at if isinstance(each, InboxRow) else each.created_at),
            str(each.claims if isinstance(each, InboxRow) else each.attempts),
            " ".join(each.text.split())[:50],
            each.reason[:60],
        )
        for each in rows
    ]


inbox = _family(InboxRow, "Les messages reçus qui attendent, ou qui se sont arrêtés.", "Aucun message reçu n'attend.")
outbox = _family(
    OutboxRow, "Les messages à envoyer qui attendent, ou qui n'ont pas marché.", "Aucun message n'attend de partir."
)


@outbox.command()
def resend(
    number: Number, address: Annotated[int, typer.Argument(help="Le numéro de l'adresse.", metavar="A")]
) -> None:
    """Envoyer un message en panne à une autre adresse de la même personne (l'avis à l'équipe donne les numéros)."""
    found = house()
    try:
        new = found.db.transact(resending.resend, found.office, number, address, "command", found.now())
    except resending.CannotResend as error:
        stop(str(error))
    if new is None:
        stop(f"Le message n° {number} est déjà parti à cette adresse.")
    out.print(f"Le message n° {number} part à l'autre adresse (n° {new}).")
