"""Calendars out: iCalendar text (RFC 5545) of meetings, and the secret links by which programs follow them."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel


class Feed(SQLModel, table=True):
    """A secret link to the meetings of one council or one member; the secret itself is computed, never stored."""

    __tablename__ = "feeds"
    __table_args__ = (sa.UniqueConstraint("council_id"), sa.UniqueConstraint("person_id"))
    id: int | None = Field(default=None, primary_key=True)
    council_id: int | None = Field(default=None, foreign_key="councils.id")
    person_id: int | None = Field(default=None, foreign_key="people.id")
    generation: int = 1  # links made for an earlier one show nothing any more
    made_at: datetime
    read_at: datetime | None = None
