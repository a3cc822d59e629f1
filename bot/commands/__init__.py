"""The commands, one file a family; `house` gives them the installation, with errors in the user's words."""

import sys
from functools import cache
from typing import NoReturn

from rich.console import Console

from bot import app, migrations, settings
from bot.app import House
from bot.db import DatabaseAway
from channels.contract import BadSetting

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def stop(message: str) -> NoReturn:
    """Say what is wrong, in French, and end with status 1."""
    err.print(message, style="red", markup=False, soft_wrap=True)
    sys.exit(1)


@cache
def installation() -> House:
    """The installation that the settings describe, whatever the state of its tables."""
    try:
        return app.build(settings.read(settings.environment()))
    except BadSetting as error:
        stop(f"Réglage incorrect. {error}")


def house() -> House:
    """The installation, its tables at the newest revision (made or brought there on SQLite)."""
    found = installation()
    try:
        if migrations.current(found.db) != migrations.newest():
            if not found.db.is_sqlite:
                stop("La base n'est pas à jour. Lancez d'abord : hotline migrate")
            app.prepare(found)
    except (DatabaseAway, OSError) as error:
        stop(f"La base de données ne répond pas : {error}")
    return found
