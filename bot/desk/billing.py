"""What a message will cost before it goes, where its channel costs money: told to whoever is about to send it."""

from dataclasses import dataclass
from datetime import datetime

from bot.office import Office


@dataclass(frozen=True)
class Bill:
    """How many messages the provider bills, and thousandths of a euro for all of them; zero where nothing is billed."""

    pieces: int = 0
    thousandths: int = 0

    def __str__(self) -> str:
        """« 2 SMS, 0,16 € »; empty where nothing is billed."""
        return f"{self.pieces} SMS, {euros(self.thousandths)}" if self.pieces else ""


def euros(thousandths: int) -> str:
    """« 0,16 € »."""
    return f"{thousandths / 1000:.2f} €".replace(".", ",")


def of(office: Office, channel: str, text: str, now: datetime) -> Bill:
    """Of a text as this channel would send it, cut where it cuts."""
    meter, shorten = office.meters.get(channel), office.shorten.get(channel)
    if meter is None or not text.strip():
        return Bill()
    shown = shorten(text)[0] if shorten else text
    return Bill(meter.pieces(shown), meter.charge(shown, 0, 0, now, office.zone, bulk=False).thousandths)


def with_price(words: str, bill: Bill) -> str:
    """« SMS (06 •• •• •• 78), 2 SMS, 0,16 € »: how a way is called, and what it costs."""
    return f"{words}, {bill}" if bill.pieces else words
