"""A channel's drawer: channels.contract.Drawer over the database."""

from collections.abc import Callable
from datetime import datetime

from bot.db import Database, DatabaseAway
from bot.office import Office
from channels import drawers
from channels.vault import WrongKey


class SecretDrawer:
    """channels.contract.Drawer over the database; OSError while it is away."""

    def __init__(self, db: Database, office: Office, channel: str, now: Callable[[], datetime]):
        self.db, self.office, self.channel, self.now = db, office, channel, now

    async def read(self) -> str:
        try:
            return await self.db.read(drawers.read, self.office.vault, self.channel)
        except WrongKey:  # another installation's: as good as none
            return ""
        except DatabaseAway as error:
            raise OSError(f"la base de données ne répond pas ({error})") from error

    async def write(self, secret: str) -> None:
        try:
            await self.db.run(drawers.write, self.office.vault, self.channel, secret, self.now())
        except DatabaseAway as error:
            raise OSError(f"la base de données ne répond pas ({error})") from error
