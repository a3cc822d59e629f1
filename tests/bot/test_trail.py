"""The trail: every act of an officer writes a line, in its own transaction; every line has a name in French."""

import ast
import asyncio
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlmodel import Session

import bot
from bot import audit
from bot.db import Database
from bot.desk import acts
from channels.directory import Council
from escalation.accounts import Who
from tests.trail import Unwritten, watched

ROOT = Path(bot.__file__).parent
# Acts of an officer that leave no line, and why.
QUIET = {
    "answering.keep": "a draft, theirs alone",
    "answering.pulse": "a page that is open: claim and draft",
    "drafting.keep": "a draft of an entry: its publication is written",
    "entry_files.show": "a file that was shown, and waits for a yes",
}
VARIABLE = {  # names that are put together as the program runs
    "ticket taken", "ticket left", "deadline near", "deadline missed", "deadline missed, administrator told",
    "started", "stopped", "alternate named", "no alternate", "decision noted", "attendance noted", "addresses linked",
    "addresses proven", "person added", "person changed", "council added", "council changed", "ticket added to",
    "ticket reopened", "entry new", "entry changed", "signed in by link", "signed in by password",
    "signed in by provider", "inbox dropped", "inbox retried", "outbox dropped", "outbox retried",
    "invitation noted", "agenda noted", "dates chosen", "preparation judged",
}  # fmt: skip


def functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    """« answering.send » and its tree, for every function of the desk."""
    for path in sorted((ROOT / "desk").glob("*.py")):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                yield f"{path.stem}.{node.name}", node


def called(name: str, node: ast.AST) -> set[str]:
    """What a function calls, by the names of modules; « audit.append » among them."""
    module, found = name.partition(".")[0], set()
    aliases = {"acts": "answering", "reading": "ticket"}
    for each in ast.walk(node):
        if (
            isinstance(each, ast.Call)
            and isinstance(each.func, ast.Attribute)
            and isinstance(each.func.value, ast.Name)
        ):
            found.add(f"{each.func.value.id}.{each.func.attr}")
            found.add(f"{aliases.get(each.func.value.id, each.func.value.id)}.{each.func.attr}")
        elif isinstance(each, ast.Call) and isinstance(each.func, ast.Name):
            found.add(f"{module}.{each.func.id}")
    return found


def writers() -> set[str]:
    """The functions of the desk that write a line, themselves or by what they call."""
    calls = {name: called(name, node) for name, node in functions()}
    found = {"audit.append"}
    while more := {name for name, those in calls.items() if name not in found and those & found}:
        found |= more
    return found


def acts_of_officers() -> set[str]:
    """What the doors of the desk's pages run in a transaction of its own for somebody signed in."""
    found = set()
    for path in sorted((ROOT / "doors").glob("*.py")):
        for each in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(each, ast.Call) and ast.unparse(each.func) == "self.db.run":
                work, *given = map(ast.unparse, each.args)
                if "who" in given or "officer_id" in given:
                    found.add(work)
    return found


def test_every_act_of_an_officer_writes_a_line() -> None:
    found = acts_of_officers()
    assert len(found) > 60
    assert found - writers() - set(QUIET) == set(), "it changes something, and the trail does not say who did it"


def literal_acts() -> set[str]:
    found = set()
    for path in sorted(ROOT.rglob("*.py")):
        for each in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(each, ast.Call) and ast.unparse(each.func) == "audit.append" and len(each.args) > 3:
                found |= {str(each.args[3].value)} if isinstance(each.args[3], ast.Constant) else set()
    return found


def test_every_act_is_named_in_french() -> None:
    found = literal_acts()
    assert len(found) > 70
    assert (found | VARIABLE) - set(acts.FRENCH) == set()
    assert set(acts.FRENCH) - found - VARIABLE == set(), "nothing writes these any more"


def test_a_change_without_a_line_of_its_own_would_be_found(db: Database, now: datetime) -> None:
    """The watch over the pages' tests (tests/office.py) sees what it is there for."""
    unwritten, who = Unwritten(), Who(1, "Nora", "officer", None, "x")

    def silent(session: Session, _who: Who) -> None:
        session.add(Council(slug="x", name="X"))

    def updating(session: Session, _who: Who) -> None:
        session.execute(sa.update(Council).values(name="Y"))

    def twice(session: Session, _who: Who) -> None:
        for _ in range(2):
            audit.append(session, now, "officer:1", "note written", "ticket:1")

    def once(session: Session, _who: Who) -> None:
        session.add(Council(slug="z", name="Z"))
        audit.append(session, now, "officer:1", "council added", "council:2")

    for work in (silent, updating, twice, once):
        asyncio.run(watched(db, unwritten).run(work, who))
    assert unwritten == ["silent: no line", "updating: no line", "twice: 2 lines"]
