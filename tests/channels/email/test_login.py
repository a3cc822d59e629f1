"""`hotline mail login`, as a technician types it: the program, the provider and the mail servers are real processes."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from bot import app, settings, workers
from bot.db import Database
from bot.desk import officer
from bot.doors.drawer import SecretDrawer
from bot.office import Office
from channels.drawers import ChannelSecret
from channels.vault import Vault
from tests.peers.mail import Mailbox
from tests.peers.oauth import AuthorizationServer
from tests.town import OFFICER, Town

ROOT = Path(__file__).parents[3]
SECRET = "une clé pour les essais, assez longue pour en être une"


@pytest.fixture
def ready(mailbox: Mailbox, tmp_path: Path) -> Iterator[tuple[Mailbox, dict[str, str]]]:
    """A mailbox that nobody has authorised yet, and the environment of a hotline for it."""
    oauth = mailbox.server.oauth
    oauth.interval, oauth.device_user, oauth.pending, oauth.denied = 0.1, mailbox.address, 2, False
    found = {
        **mailbox.token_settings(),
        "HOTLINE_SECRET": SECRET,
        "HOTLINE_DATABASE_URL": f"sqlite:///{tmp_path}/data/hotline.db",
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": str(ROOT),
        "LC_ALL": "C.UTF-8",
    }
    yield mailbox, found
    assert oauth.complaints == []
    oauth.interval, oauth.denied = 5, False


def typed(environment: dict[str, str], folder: Path, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "bot", *words],
        env=environment,
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: "subprocess.Popen[str]", text: str = "") -> tuple[int, str]:
    """How it ended, and all that it said."""
    out, err = process.communicate(text, timeout=60)
    return process.returncode, out + err


def asked_page(process: "subprocess.Popen[str]") -> str:
    """The address that the technician is told to open."""
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"http\S+/authorize\?\S+", line):
            return found[0]
    raise AssertionError(process.stderr.read() if process.stderr else "")


def says_yes(oauth: AuthorizationServer, page: str, user: str) -> str:
    """What the browser is sent back to when the owner of the mailbox accepts."""
    return oauth.authorize({name: values[0] for name, values in parse_qs(urlsplit(page).query).items()}, user)


def test_a_code_typed_elsewhere_opens_the_mailbox(ready: tuple[Mailbox, dict[str, str]], tmp_path: Path) -> None:
    mailbox, environment = ready
    status, said = ended(typed(environment, tmp_path, "mail", "login"))
    assert status == 0, said
    assert "WDJB-MJHT" in said
    assert f"{mailbox.server.oauth.url}/code" in said
    assert "C'est fait. Connexion par jeton." in said
    status, said = ended(typed(environment, tmp_path, "check"))
    assert "Canal email : Connexion par jeton" in said, said
    refresh = next(token for token, user in mailbox.server.oauth.refresh.items() if user == mailbox.address)
    kept = b"".join(path.read_bytes() for path in (tmp_path / "data").iterdir() if path.is_file())
    assert refresh.encode() not in kept  # sealed


@pytest.mark.parametrize("by", ["paste", "browser"])
def test_a_browser_opens_the_mailbox_here_or_on_another_machine(
    ready: tuple[Mailbox, dict[str, str]], tmp_path: Path, by: str
) -> None:
    mailbox, environment = ready
    oauth = mailbox.server.oauth
    del environment["HOTLINE_EMAIL_OAUTH_DEVICE_URL"]
    process = typed(environment, tmp_path, "mail", "login")
    address = says_yes(oauth, asked_page(process), mailbox.address)
    if by == "browser":
        assert "C'est noté" in httpx.get(address, trust_env=False).text
    status, said = ended(process, f"{address}\n" if by == "paste" else "")
    assert status == 0, said
    assert "C'est fait." in said


def test_a_refusal_keeps_nothing(ready: tuple[Mailbox, dict[str, str]], tmp_path: Path) -> None:
    mailbox, environment = ready
    mailbox.server.oauth.denied = True
    status, said = ended(typed(environment, tmp_path, "mail", "login"))
    assert status == 1
    assert "Rien n'est enregistré : l'autorisation a été refusée" in said
    status, said = ended(typed(environment, tmp_path, "check"))
    assert status == 1
    assert "lancez « hotline mail login »" in said


def test_the_right_to_another_mailbox_is_told_at_once(ready: tuple[Mailbox, dict[str, str]], tmp_path: Path) -> None:
    mailbox, environment = ready
    mailbox.server.oauth.device_user = "quelqu.un@hotline.test"
    status, said = ended(typed(environment, tmp_path, "mail", "login"))
    assert status == 1
    assert "la boîte ne s'ouvre pas" in said


def test_a_mailbox_with_a_password_needs_no_sign_in(ready: tuple[Mailbox, dict[str, str]], tmp_path: Path) -> None:
    mailbox, environment = ready
    environment = {name: value for name, value in environment.items() if "OAUTH" not in name} | mailbox.settings()
    del environment["HOTLINE_EMAIL_AUTH"]
    status, said = ended(typed(environment, tmp_path, "mail", "login"))
    assert status == 1
    assert "il n'y a rien à autoriser" in said


# ---------------------------------------------------------------- the drawer, and who is told
def test_a_drawer_keeps_a_secret_that_its_key_alone_opens(db: Database, office: Office, now: datetime) -> None:
    drawer, other = (SecretDrawer(db, office, name, lambda: now) for name in ("email", "whatsapp"))

    async def story() -> None:
        assert await drawer.read() == ""
        await drawer.write("un")
        await drawer.write("deux")
        assert await drawer.read() == "deux"
        assert await other.read() == ""
        stranger = SecretDrawer(db, Office(vault=Vault("x" * 40)), "email", lambda: now)
        assert await stranger.read() == ""

    asyncio.run(story())
    row = db.look(lambda session: session.get(ChannelSecret, "email"))
    assert b"deux" not in row.sealed


def test_a_channel_that_a_person_must_mend_is_told_once_a_day_elsewhere(town: Town) -> None:
    code = town.db.transact(officer.new_code, town.office, OFFICER.handle, town.at)
    town.say("telegram", "777", code)

    async def watched() -> None:
        bell = workers.Bell()
        task = asyncio.create_task(
            workers.watch(
                town.db, town.office, lambda: {"email": "lancez « hotline mail login »"}, town.now, bell, every=0.01
            )
        )
        await bell.wait(30)
        await bell.wait(30)
        task.cancel()

    for _ in range(2):
        asyncio.run(watched())
        town.work()
    told = [text for text in town.read("telegram", "777") if "est arrêté" in text or "Plus rien n'arrive" in text]
    assert len(told) == 1
    assert "hotline mail login" in told[0]
    assert not [each for each in town.notices() if "Plus rien" in each.text]
    town.pass_time(days=1)
    asyncio.run(watched())
    town.work()
    assert len([text for text in town.read("telegram", "777") if "Plus rien n'arrive" in text]) == 2


def test_health_names_what_is_to_be_mended(ready: tuple[Mailbox, dict[str, str]]) -> None:
    house = app.build(settings.read({k: v for k, v in ready[1].items() if k.startswith("HOTLINE_")}))
    try:
        assert app.troubles(house) == {}
        channel = house.channels["email"].channel
        app.prepare(house)
        with pytest.raises(Exception, match="pas encore autorisée"):
            asyncio.run(channel.check())  # type: ignore[attr-defined]
        assert list(app.troubles(house)) == ["email"]
    finally:
        house.db.close()
