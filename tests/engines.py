"""Engines that outlive a test: a statement that SQLAlchemy has put into SQL once is not compiled again by the next."""

from typing import Any

import sqlalchemy as sa

from bot.db import Database


class Engines:
    """One pair for SQLite and one engine for PostgreSQL, pointed at the database of the test that runs."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[sa.Engine, sa.Engine]] = {}
        self._at: dict[str, tuple[list[Any], dict[str, Any]]] = {}

    def lend(self, db: Database) -> None:
        """Put the kept engines into a database that was just made and has not connected yet."""
        name = db.url.get_backend_name()
        if name not in self._kept:
            self._kept[name] = (db.writer, db.reader)
            for engine in {db.writer, db.reader}:
                sa.event.listen(engine, "do_connect", self._point)
        place = db.writer.url
        db.writer, db.reader = self._kept[name]
        arguments, options = db.writer.dialect.create_connect_args(place)
        self._at[name] = list(arguments), dict(options)

    def _point(self, dialect: Any, _record: Any, arguments: list[Any], options: dict[str, Any]) -> None:
        """Where to connect now; how stays as the engine was made."""
        place, more = self._at[dialect.name]
        arguments[:] = place
        options.update(more)
