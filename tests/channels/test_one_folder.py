"""A channel is one folder and one word in the list: a carrier pigeon is added to a copy of the house, and flies."""

import ast
import difflib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import channels

ROOT = Path(__file__).parents[2]
FIRST = {"web", "terminal", "email", "telegram", "sms"}  # before channels had to be strangers to the bot
PIGEON = '''"""Carrier pigeons: how people write to us from the roof, and how we answer them."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from channels.contract import Address, BadSetting, Inbound, Manners, Opened
from datetime import datetime

MANNERS = Manners("pigeon voyageur", ("pigeon", "colombe"), waits=False, short=True)


class PigeonChannel:
    name = "pigeon"

    def __init__(self):
        self.flown = []

    async def send(self, message, key):
        self.flown.append(message)
        return f"ring-{len(self.flown)}"

    def routes(self, deliver):
        async def lands(request: Request):
            found = await request.json()
            at = datetime.fromisoformat(found["at"])
            await deliver(Inbound(found["ring"], Address("pigeon", found["from"]), found["text"], at))
            return Response(status_code=200)

        return [Route("/pigeon", lands, methods=["POST"])]


def open_channel(environment):
    if environment.get("HOTLINE_PIGEON_LOFT") != "open":
        raise BadSetting("HOTLINE_PIGEON_LOFT", "le pigeonnier est fermé", "open")
    return Opened(PigeonChannel())
'''
STORY = '''"""A story told in the copy."""

import asyncio, sys
from datetime import timedelta
from pathlib import Path

import httpx

import channels
from bot import migrations, workers
from bot.db import Database
from bot.desk import calendar, member_lines, officer
from bot.doors.chat import ChatDoor
from bot.office import Office
from bot.web import create_app
from bot.workers import Bell, Intake
from channels import directory
from channels.contract import Address
from channels.directory import Council, Person
from channels.spool import Spool
from channels.vault import Vault
from channels.web.desk import House
from scheduler import committees
from tests.conftest import NOW

assert "pigeon" in channels.__file__ or channels.FOLDERS[-1] == "pigeon", channels.__file__
folder = Path(sys.argv[1])
opened = channels.open_all({"HOTLINE_PIGEON_LOFT": "open"})
office = Office(vault=Vault("a secret of the tests, long enough to be one"), phone="02 40 00 00 00")
db = Database(f"sqlite:///{folder}/hotline.db")
migrations.upgrade(db)
db.transact(officer.seed, office, "Nora", "officer@exemple.org", NOW)
spool = Spool(folder / "spool", office.vault)
spool.prepare()
at = [NOW]
intake = Intake(db, office, spool, lambda: at[0], Bell())


class NoIndex:
    async def match(self, text, channel):
        return None


async def health():
    return {"ok": True}


async def story():
    desk = ChatDoor(db, office, intake.deliver, lambda: at[0], House("RésO Villes", "", "", "", "", "", 2))
    app = create_app(desk, opened, health, key=b"k" * 32, deliver=intake.deliver)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hotline.test") as client:
        for number, text in enumerate(("Bonjour, qui a repeint le banc ?", "AIDE", "stop")):
            call = {"ring": f"r{number}", "from": "toit 7", "text": text, "at": at[0].isoformat()}
            for _ in range(2):  # the same pigeon comes back
                assert (await client.post("/pigeon", json=call)).status_code == 200
            at[0] += timedelta(seconds=5)
    busy = True
    while busy:
        busy = await workers.route_next(db, office, NoIndex(), lambda: at[0])
        busy = await workers.deliver_next(db, office, opened, lambda: at[0]) or busy


asyncio.run(story())
flown = [message.text for message in opened["pigeon"].channel.flown]
print("\\n---\\n".join(flown))


def notices(session):
    from sqlmodel import select
    from channels.mailbox import OutboxRow
    return [row.text for row in session.exec(select(OutboxRow).where(OutboxRow.channel == "email")).all()]


assert any("pigeon voyageur" in text for text in db.look(notices)), "the officer hears how it is called"
assert "pigeon" in channels.writable()
assert member_lines.CHANNEL_WORDS["colombe"] == "pigeon"


def plan(session):
    council = Council(slug="b", name="Bellevue")
    session.add(council)
    session.flush()
    person = Person(name="Awa", council_id=council.id, preferred_channel="pigeon", created_at=NOW)
    session.add(person)
    session.flush()
    row = directory.keep(session, office.vault, Address("pigeon", "toit 8"), NOW)
    row.person_id = person.id
    session.add(committees.Seat(person_id=person.id, council_id=council.id))
    meeting = committees.Committee(
        title="Comité de pilotage", starts_at=at[0] + timedelta(days=9), place="ici", uid="u",
        created_at=NOW - timedelta(days=1),
    )
    session.add(meeting)
    session.flush()
    session.add(committees.CommitteeCouncil(committee_id=meeting.id, council_id=council.id))


db.transact(plan)
asyncio.run(workers.tick(db, office, lambda: at[0], Bell(), ["pigeon"]))
before = len(opened["pigeon"].channel.flown)
asyncio.run(workers.deliver_next(db, office, opened, lambda: at[0]))
(reminder,) = opened["pigeon"].channel.flown[before:]
assert reminder.recipient == Address("pigeon", "toit 8") and reminder.name == "reminder", reminder
print("REMINDED", reminder.values["title"])
'''


def test_a_folder_and_a_word_add_a_channel_and_nothing_else_changes(tmp_path: Path) -> None:
    house = tmp_path / "house"
    house.mkdir()
    for room in ("bot", "knowledge", "escalation", "scheduler", "tests"):
        (house / room).symlink_to(ROOT / room)
    shutil.copytree(ROOT / "channels", house / "channels", ignore=shutil.ignore_patterns("__pycache__"))
    listed = house / "channels/__init__.py"
    before = listed.read_text("utf-8")
    listed.write_text(re.sub(r"(?m)^(FOLDERS = \(.*)\)$", r'\1, "pigeon")', before), "utf-8")
    (house / "channels/pigeon/texts").mkdir(parents=True)
    (house / "channels/pigeon/__init__.py").write_text(PIGEON, "utf-8")
    (house / "channels/pigeon/texts/help.txt").write_text("Attachez votre question à ma patte.\n", "utf-8")
    changed = [line for line in difflib.ndiff(before.splitlines(), listed.read_text("utf-8").splitlines())
               if line[0] in "+-"]  # fmt: skip
    assert len(changed) == 2, "one line"

    (tmp_path / "story.py").write_text(STORY, "utf-8")
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(house), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [sys.executable, tmp_path / "story.py", tmp_path], env=environment, capture_output=True, timeout=60, check=False
    )
    said = done.stdout.decode()
    assert done.returncode == 0, said + done.stderr.decode()
    assert "Je transmets votre question" in said
    assert said.count("Attachez votre question à ma patte.") == 1, "its own text, once"
    assert "je ne vous écris plus" in said
    assert said.endswith("REMINDED Comité de pilotage\n")


def test_the_bot_knows_no_channel_by_name_that_came_later() -> None:
    later = set(channels.FOLDERS) - FIRST
    assert later
    named = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.value}"
        for room in ("bot", "knowledge", "escalation", "scheduler")
        for path in sorted((ROOT / room).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.lower() in later
    ]
    assert named == []
