"""The spending ceilings: may this message go, when may it, and which alarms does it set off; pure.

The outbox keeps what each message cost and asks before every send, so that no path escapes the ceilings.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from channels.contract import Charge

from .cost import Cost, cost, in_euros

Period = Literal["day", "month"]
ALARMS = (50, 80, 100)  # percent
FOR_ANSWERS = Decimal("0.2")  # of a ceiling that reminders leave to the answers
NAMES: dict[Period, str] = {"day": "du jour", "month": "du mois"}


@dataclass(frozen=True)
class Ceilings:
    """Euros a day and a month of the calendar; None is no ceiling."""

    daily: Decimal | None
    monthly: Decimal | None

    def each(self) -> Iterator[tuple[Period, Decimal]]:
        if self.daily is not None:
            yield "day", self.daily
        if self.monthly is not None:
            yield "month", self.monthly


@dataclass(frozen=True)
class Spent:
    """Euros since midnight and since the first of the month, whatever may have been taken by the provider included."""

    day: Decimal
    month: Decimal

    def of(self, period: Period) -> Decimal:
        return self.day if period == "day" else self.month

    def plus(self, euros: Decimal) -> "Spent":
        return Spent(self.day + euros, self.month + euros)


@dataclass(frozen=True)
class Alarm:
    """A ceiling reached to `percent`: told to the officer once a period, `key` says which."""

    period: Period
    percent: int
    spent: Decimal
    ceiling: Decimal

    @property
    def words(self) -> str:
        share = "le plafond" if self.percent == 100 else f"{self.percent} % du plafond"
        return f"{share} {NAMES[self.period]} : {in_euros(self.spent)} sur {in_euros(self.ceiling)}"


@dataclass(frozen=True)
class Refusal:
    """This message would go beyond a ceiling: it waits until `until`."""

    period: Period
    until: datetime
    reason: str


def since(now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When this day and this month began, by the calendar of the place."""
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight, midnight.replace(day=1)


def refusal(
    ceilings: Ceilings, spent: Spent, euros: Decimal, now: datetime, zone: ZoneInfo, *, bulk: bool = False
) -> Refusal | None:
    """None when the message may go; reminders (`bulk`) leave a fifth of each ceiling to the answers."""
    worst: Refusal | None = None
    for period, ceiling in ceilings.each():
        most = ceiling * (1 - FOR_ANSWERS) if bulk else ceiling
        if spent.of(period) + euros > most:
            reason = f"plafond {NAMES[period]} atteint : {in_euros(spent.of(period))} sur {in_euros(ceiling)}"
            found = Refusal(period, _next(period, now, zone), reason)
            worst = found if worst is None or found.until > worst.until else worst
    return worst


def alarms(ceilings: Ceilings, before: Spent, after: Spent, *, refused: bool = False) -> list[Alarm]:
    """What a send has just set off; of several steps of one ceiling the highest. A refusal counts as 100 %."""
    found = []
    for period, ceiling in ceilings.each():
        old, new = _percent(before.of(period), ceiling), _percent(after.of(period), ceiling)
        if refused and new >= ALARMS[-2]:
            new = Decimal(100)
        crossed = [step for step in ALARMS if old < step <= new]
        if crossed:
            found.append(Alarm(period, crossed[-1], after.of(period), ceiling))
    return found


def alarm_key(alarm: Alarm, now: datetime, zone: ZoneInfo) -> str:
    """The outbox key that makes an alarm go once: « budget:day:2026-12-11:80 »."""
    day, month = since(now, zone)
    moment = f"{day:%Y-%m-%d}" if alarm.period == "day" else f"{month:%Y-%m}"
    return f"budget:{alarm.period}:{moment}:{alarm.percent}"


def _percent(spent: Decimal, ceiling: Decimal) -> Decimal:
    return spent * 100 / ceiling if ceiling else Decimal(100)


def _next(period: Period, now: datetime, zone: ZoneInfo) -> datetime:
    day, month = since(now, zone)
    if period == "day":
        return (day + timedelta(days=1)).replace(tzinfo=zone)
    return (month + timedelta(days=32)).replace(day=1)


@dataclass(frozen=True)
class Verdict:
    """May it go (`refusal` is None), what it costs, and which alarms to tell the officer now, each under its key."""

    cost: Cost
    refusal: Refusal | None
    alarms: tuple[tuple[str, Alarm], ...]


@dataclass(frozen=True)
class Meter:
    """What the outbox asks before every send: `since` for what to add up, then `ask`."""

    price: Decimal
    ceilings: Ceilings

    def pieces(self, text: str) -> int:
        """How many SMS this text becomes."""
        return cost(text, self.price).segments

    def since(self, now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """From when on the outbox adds up what it spent: for the day, and for the month."""
        return since(now, zone)

    def ask(self, text: str, spent: Spent, now: datetime, zone: ZoneInfo, *, bulk: bool = False) -> Verdict:
        """About one message, after `spent`."""
        price = cost(text, self.price)
        no = refusal(self.ceilings, spent, price.euros, now, zone, bulk=bulk)
        refused = no is not None and not bulk  # reminders that make room for answers are no alarm
        after = spent if no else spent.plus(price.euros)
        rung = alarms(self.ceilings, spent, after, refused=refused)
        return Verdict(price, no, tuple((alarm_key(each, now, zone), each) for each in rung))

    def charge(self, text: str, day: int, month: int, now: datetime, zone: ZoneInfo, *, bulk: bool) -> Charge:
        """`ask` in the outbox's words (contract.Meter): thousandths of a euro."""
        verdict = self.ask(text, Spent(Decimal(day) / 1000, Decimal(month) / 1000), now, zone, bulk=bulk)
        no = verdict.refusal
        return Charge(
            int(verdict.cost.euros * 1000),
            no.reason if no else "",
            no.until if no else None,
            tuple((key, alarm.words) for key, alarm in verdict.alarms),
        )
