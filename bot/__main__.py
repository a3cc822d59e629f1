"""The command line: `hotline`, or `python -m bot`."""

import logging

import typer

from bot.app import quiet_logs
from bot.commands import (
    ask,
    chat,
    keeping,
    keys,
    knowledge,
    mail,
    mailbox,
    members,
    officers,
    run,
    season,
    simulate,
    tickets,
)

app = typer.Typer(
    name="hotline",
    help="La hotline des conseils citoyens.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # a traceback must not print an address
)
app.command()(run.run)
app.command()(run.check)
app.command()(run.migrate)
app.command()(ask.ask)
app.command()(chat.chat)
app.add_typer(tickets.app, name="tickets")
app.add_typer(officers.app, name="officer")
app.add_typer(mailbox.inbox, name="inbox")
app.add_typer(mailbox.outbox, name="outbox")
app.add_typer(members.app, name="members")
app.add_typer(season.app, name="committees")
app.command()(simulate.simulate)
app.add_typer(knowledge.app, name="knowledge")
app.add_typer(mail.mail, name="mail")
app.command()(keeping.backup)
app.command()(keeping.restore)
app.command()(keeping.purge)
app.add_typer(keys.app, name="keys")
app.add_typer(keeping.demo, name="demo")
app.add_typer(keeping.audit, name="audit")


def main() -> None:
    quiet_logs(logging.WARNING)  # `run` says more
    app()


if __name__ == "__main__":
    main()
