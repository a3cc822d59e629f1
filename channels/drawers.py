"""The secrets that channels keep over restarts, sealed: one drawer a channel."""

from datetime import datetime

from sqlmodel import Field, Session, SQLModel

from channels.vault import Vault

SEALED_AS = "drawer"


class ChannelSecret(SQLModel, table=True):
    """What one channel must remember, readable with the installation's key alone."""

    __tablename__ = "channel_secrets"
    channel: str = Field(primary_key=True)
    sealed: bytes
    kept_at: datetime


def read(session: Session, vault: Vault, channel: str) -> str:
    """What this channel keeps, empty when nothing; WrongKey if it was sealed elsewhere."""
    row = session.get(ChannelSecret, channel)
    return vault.open(row.sealed, f"{SEALED_AS}:{channel}").decode() if row else ""


def write(session: Session, vault: Vault, channel: str, secret: str, now: datetime) -> None:
    sealed = vault.seal(secret.encode(), f"{SEALED_AS}:{channel}")
    session.merge(ChannelSecret(channel=channel, sealed=sealed, kept_at=now))
