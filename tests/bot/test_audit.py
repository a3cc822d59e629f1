"""The audit chain: one line an act, one chain however many write at once."""

from concurrent.futures import ThreadPoolExecutor

from sqlmodel import Session, col, select

from bot import audit
from bot.audit import AuditLine
from bot.db import Database
from tests.conftest import NOW
from tests.town import Town

WRITERS, EACH = 5, 12


def test_five_writers_at_once_keep_one_chain(db: Database) -> None:
    """On PostgreSQL each is a process of its own, with its own connections."""
    others = (
        [Database(db.url.render_as_string(hide_password=False)) for _ in range(WRITERS)]
        if not db.is_sqlite
        else [db] * WRITERS
    )

    def write(number: int) -> None:
        for turn in range(EACH):
            others[number].transact(
                audit.append, NOW, f"officer:{number}", "note written", f"ticket:{turn}", None, f"{number}.{turn}"
            )

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    if not db.is_sqlite:
        for each in others:
            each.close()
    assert db.look(audit.verify) is None

    def lines(session: Session) -> list[tuple[str, str]]:
        rows = session.exec(select(AuditLine).order_by(col(AuditLine.id))).all()
        return [(row.previous, row.hash) for row in rows]

    found = db.look(lines)
    assert len(found) == WRITERS * EACH
    assert [previous for previous, _ in found] == ["", *(digest for _, digest in found[:-1])]


def acts(town: Town) -> list[tuple[str, str, str]]:
    return town.db.look(
        lambda session: [
            (row.actor, row.act, row.subject) for row in session.exec(select(AuditLine).order_by(col(AuditLine.id)))
        ]
    )


def test_what_an_asker_changes_leaves_a_line_as_well(town: Town) -> None:
    town.say("telegram", "7", "c'est quoi le COPIL ?")
    before = len(acts(town))
    town.say("telegram", "7", "NON")
    town.say("telegram", "7", "ANNULER")
    town.say("telegram", "7", "STOP")
    town.say("telegram", "7", "START")
    assert [(act, subject.split(":")[0]) for _, act, subject in acts(town)[before:]] == [
        ("ticket opened", "ticket"),
        ("ticket closed", "ticket"),
        ("stopped", "address"),
        ("started", "address"),
    ]
    assert town.db.look(audit.verify) is None
