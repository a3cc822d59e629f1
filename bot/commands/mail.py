"""`hotline mail login` and `mail read`: the mailbox's sign-in, and a mail as the hotline reads it."""

import asyncio
import json
import os
import queue
import select
import sys
import threading
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.commands import house, out, stop
from channels.contract import TryAgain

mail = typer.Typer(help="La boîte aux lettres : l'autoriser, lire un courrier comme la hotline.", no_args_is_help=True)
PAGE = (
    '<!doctype html><html lang="fr"><meta charset="utf-8"><title>Hotline</title>'
    "<h1>C'est noté</h1><p>Vous pouvez fermer cette page et revenir au terminal.</p></html>"
)
STEPS = """La hotline demande le droit de lire et d'envoyer les messages de {user}.

1. Ouvrez cette page dans un navigateur, sur n'importe quel appareil :
   {page}
2. Tapez ce code : {code}
3. Connectez-vous avec la boîte {user}, puis acceptez.

J'attends votre réponse ({minutes} minutes au plus)."""
STEPS_OF_CODE = """La hotline demande le droit de lire et d'envoyer les messages de {user}.

1. Ouvrez cette adresse dans un navigateur :
{page}

2. Connectez-vous avec la boîte {user}, puis acceptez.
3. Le navigateur passe à une adresse qui commence par {redirect}
   Sur cette machine, c'est fini. Sur une autre, la page ne s'ouvre pas, et c'est normal :
   copiez l'adresse entière du navigateur, collez-la ici, puis appuyez sur Entrée."""


@mail.command()
def login(
    port: Annotated[int, typer.Option(help="Le port sur lequel le navigateur revient ; 0 : un port libre.")] = 0,
) -> None:
    """Autoriser la hotline à lire et à envoyer les messages de sa boîte (Google, Microsoft, autre)."""
    from channels.email.channel import EmailChannel
    from channels.email.oauth import SignInAway, SignInRefused

    opened = house().channels.get("email")
    channel = opened.channel if opened else None
    if not isinstance(channel, EmailChannel):
        stop("L'e-mail n'est pas branché : réglez HOTLINE_EMAIL_ADDRESS.")
    if channel.sign_in is None:
        stop("Cette boîte se lit avec un mot de passe : il n'y a rien à autoriser (HOTLINE_EMAIL_AUTH=oauth2).")
    try:
        asyncio.run(_login(channel, port))
        seen = asyncio.run(channel.check())
    except (SignInAway, SignInRefused) as error:
        stop(f"Rien n'est enregistré : {error}.")
    except TryAgain as error:
        stop(f"L'autorisation est enregistrée, mais la boîte ne s'ouvre pas. {error}")
    out.print(f"C'est fait. {seen}", soft_wrap=True)


async def _login(channel: Any, port: int) -> None:
    sign_in = channel.sign_in
    provider, user = sign_in.provider, sign_in.settings.user
    if sign_in.settings.device_url:
        device = await provider.device()
        page, minutes = device.whole_page or device.page, max(1, round(device.seconds / 60))
        _tell(STEPS.format(user=user, page=page, code=device.code, minutes=minutes))
        granted = await provider.wait_for(device)
    else:
        answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        with _Loopback(port, answers) as server:
            question = provider.question(f"http://127.0.0.1:{server.server_port}/")
            _tell(STEPS_OF_CODE.format(user=user, page=question.page, redirect=question.redirect))
            done = threading.Event()
            threading.Thread(target=_read_typed, args=(answers, done), daemon=True).start()
            try:
                address = await asyncio.to_thread(answers.get)
            finally:
                done.set()
        granted = await provider.answered(question, address)
    await sign_in.keep(granted)


def _tell(text: str) -> None:
    out.print(text, markup=False, soft_wrap=True)


def _read_typed(answers: "queue.SimpleQueue[str]", done: threading.Event) -> None:
    """What is pasted, until the browser was quicker: a thread that hangs in a read would not let the program end."""
    typed = b""
    while not done.is_set():
        ready, _, _ = select.select([sys.stdin], [], [], 0.2)
        if not ready:
            continue
        got = os.read(sys.stdin.fileno(), 4096)
        typed += got
        line = typed.partition(b"\n")[0].strip()
        if line and (b"\n" in typed or not got):
            answers.put(line.decode("utf-8", "replace"))
            return
        if not got:
            return


class _Loopback(HTTPServer):
    """Where the browser comes back to when it runs on this machine (RFC 8252, 7.3)."""

    def __init__(self, port: int, answers: "queue.SimpleQueue[str]"):
        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                whole = "code=" in self.path or "error=" in self.path
                self.send_response(200 if whole else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Connection", "close")
                self.end_headers()
                if whole:
                    self.wfile.write(PAGE.encode())
                    answers.put(f"http://127.0.0.1{self.path}")

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing: the address holds the code."""

        try:
            super().__init__(("127.0.0.1", port), Answer)
        except OSError as error:
            stop(f"Le port {port} n'est pas libre : {error.strerror}.")
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> "_Loopback":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


@mail.command()
def read(name: Annotated[str, typer.Argument(help="Un fichier .eml, ou -.", metavar="FICHIER")]) -> None:
    """Montrer en JSON ce que la hotline lit dans un courrier."""
    from channels.email import mime  # parsers that no other command needs

    try:
        raw = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        stop(f"Le fichier {name} ne s'ouvre pas : {error.strerror}")
    try:
        found = mime.read_mail(raw)
    except mime.Unreadable as error:
        stop(f"Ce courrier est illisible : {error}")
    told: dict[str, Any] = {
        "sender": asdict(found.sender),
        "subject": found.subject,
        "text": found.text,
        "signature": found.signature,
        "quoted": found.quoted,
        "kind": found.kind,
        "token": found.tokens[0] if found.tokens else "",
        "attachments": [
            {"filename": a.filename, "content_type": a.content_type, "size": a.size} for a in found.attachments
        ],
        "warnings": list(found.warnings),
    }
    print(json.dumps(told, ensure_ascii=False, indent=2))
