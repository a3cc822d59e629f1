"""`hotline chat`: the conversation of the page, in a terminal."""

import asyncio
import getpass
import secrets
import sys
import time
from io import TextIOWrapper

from bot import app, library
from bot.app import House
from bot.commands import ask, house, out
from bot.desk import chat as desk
from bot.desk import incoming
from bot.workers import route_next
from channels.contract import Address, Inbound

WAIT_SECONDS = 20.0
END = ("fin", "quit", "exit", "quitter")


def chat() -> None:
    """Poser des questions ici, comme sur la page ; « fin » pour finir."""
    found = house()
    if isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")  # whatever is typed or piped in is a question, not an error
    address = Address("terminal", getpass.getuser())
    running = app.is_running(found) or not found.db.is_sqlite
    shelf = None if running else _library(found)
    seen = found.db.transact(desk.newest, found.office, address, found.now())
    out.print(f"Hotline de {found.office.organisation}. Posez votre question ; « fin » pour finir.", style="bold")
    while True:
        try:
            text = input("\nVous : ").strip()
        except (EOFError, KeyboardInterrupt):
            out.print()
            return
        if text.lower() in END:
            return
        message = Inbound(secrets.token_hex(8), address, text, found.now())
        found.db.transact(incoming.receive, found.office, message, found.now())
        if shelf is not None:
            asyncio.run(_route(found, shelf))
        seen = _show(found, address, seen)


def _library(found: House) -> library.Library:
    on = ask.shelf(found)
    shelf = found.library()
    shelf.index = on.index
    return shelf


async def _route(found: House, shelf: library.Library) -> None:
    while await route_next(found.db, found.office, shelf, found.now):
        pass


def _show(found: House, address: Address, seen: int) -> int:
    """Print what comes back, until it has been quiet for a moment; the newest id."""
    deadline, quiet = time.monotonic() + WAIT_SECONDS, 0
    shown = False
    while time.monotonic() < deadline and not (shown and quiet >= 3):
        found_now = found.db.transact(desk.collect, found.office, address, seen, found.now())
        for each in found_now:
            out.print("\nHotline :", style="bold")
            out.print(each.text, markup=False)
            seen, shown, quiet = max(seen, each.id), True, 0
        if not found_now:
            quiet += 1
            time.sleep(0.2)
    if not shown:
        out.print("Votre message est gardé. La réponse viendra ici dès que la hotline tourne (hotline run).")
    return seen
