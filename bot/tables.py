"""Every table of the house, imported once, so that the metadata is whole."""

from sqlmodel import SQLModel

from bot import audit, conversations, db  # noqa: F401  db first: it names the constraints
from channels import attachments, directory, drawers, mailbox  # noqa: F401
from escalation import accounts, answering, closures, officers, partners, tickets  # noqa: F401
from knowledge import corrections, drafts, entries  # noqa: F401
from scheduler import agenda, attendance, committees, feeds, preparation, steps  # noqa: F401

metadata = SQLModel.metadata
