"""A watch over what the desk's pages do: each change is to write one line of the trail, in its own transaction."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from bot.audit import AuditLine
from bot.db import Database
from escalation.accounts import Who

# What an officer changes without a line, and why.
QUIET = {"keep": "drafts", "pulse": "an open page", "show": "a file that waits for a yes", "prepare": "codes to prove"}
SEVERAL = {
    "approve": "what is published, and that it was read",
    "answer": "many at once: a line for each question",
    "bring_in": "entries brought in: a line for each",
    "import_entries": "entries brought in",
    "record": "a series: each meeting",
    "said_by_phone": "an answer, and the ticket of what they want to prepare",
}


class Unwritten(list[str]):
    """What changed something and left no line, or more than one, in words."""


def watched(db: Database, unwritten: Unwritten) -> Database:
    """The same database; what runs through it is watched."""
    return _Watched(db, unwritten)  # type: ignore[return-value]


class _Watched:
    def __init__(self, db: Database, unwritten: Unwritten):
        self._db, self._unwritten = db, unwritten

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)

    async def run(self, work: Callable[..., Any], *args: Any) -> Any:
        if not any(isinstance(each, Who) for each in args):
            return await self._db.run(work, *args)  # nobody who is signed in
        found: list[str] = []

        def counted(session: Session, *given: Any) -> Any:
            found.clear()
            seen = {"lines": 0, "changes": 0}

            def flushing(session: Any, context: Any, instances: Any) -> None:
                for each in session.new:
                    officers = isinstance(each, AuditLine) and each.actor.startswith("officer:")
                    seen["lines"] += officers
                seen["changes"] += any(session.new) or any(session.is_modified(each) for each in session.dirty)
                seen["changes"] += any(session.deleted)

            def executing(state: Any) -> None:
                seen["changes"] += state.is_update or state.is_delete or state.is_insert

            sa.event.listen(session, "before_flush", flushing)
            sa.event.listen(session, "do_orm_execute", executing)
            try:
                value = work(session, *given)
                session.flush()
            finally:
                sa.event.remove(session, "before_flush", flushing)
                sa.event.remove(session, "do_orm_execute", executing)
            name = work.__name__
            refused = value is False  # only the try was counted
            if seen["changes"] and not seen["lines"] and not refused and name not in QUIET:
                found.append(f"{name}: no line")
            if seen["lines"] > 1 and name not in SEVERAL:
                found.append(f"{name}: {seen['lines']} lines")
            return value

        value = await self._db.run(counted, *args)
        self._unwritten += found
        return value
