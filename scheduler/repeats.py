"""Rules that repeat (RFC 5545), walked step by step so that one which never comes cannot hold us; pure.

dateutil goes on to the year 9999 for a rule like « the 30th of February », whatever its UNTIL, and for ever where
INTERVAL is 0.
"""

from collections.abc import Iterator
from datetime import datetime

from dateutil.rrule import DAILY, WEEKLY, YEARLY, rrule, rrulestr  # type: ignore[import-untyped]

SPARE_DAYS = 9 * 366  # past the last day: a 29 February comes within nine years, 1900 and 2100 included
_DAYS = {YEARLY: 365, WEEKLY: 7, DAILY: 1}  # in a step, at least; a month else


class BadRule(ValueError):
    """A rule that cannot be read, comes several times a day, or never."""


class TooManySteps(BadRule):
    """The rule did not come in all the steps that it was given."""


class Steps(int):
    """An interval that counts how often a rule adds it: one step each; TooManySteps after `most` of them."""

    most: int
    taken: int

    def __new__(cls, interval: int, most: int) -> "Steps":
        made = super().__new__(cls, interval)
        made.most, made.taken = most, 0
        return made

    def _step(self) -> None:
        self.taken += 1
        if self.taken > self.most:
            raise TooManySteps(f"{self.most} steps without a date")

    def __radd__(self, other: int) -> int:
        self._step()
        return int(self) + other

    def __mul__(self, other: int) -> int:
        self._step()
        return int(self) * other


def read(text: str, start: datetime, last: datetime) -> tuple[rrule, Steps]:
    """One rule, from `start` on (both on the local clock, without a zone), and the steps it has to come past `last`.

    BadRule when it is no single rule, or repeats more often than daily.
    """
    try:
        found = rrulestr(text, dtstart=start)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise BadRule(f"unreadable rule: {error}") from error
    if not isinstance(found, rrule) or found._freq > DAILY:
        raise BadRule("not a rule of days")
    if found._interval < 1:
        raise BadRule("no interval")
    days = max(0, (last - start).days) + SPARE_DAYS
    steps = Steps(found._interval, days // (_DAYS.get(found._freq, 28) * found._interval) + 2)
    return found.replace(interval=steps), steps


def dates(text: str, start: datetime, last: datetime) -> Iterator[datetime]:
    """When a rule comes, from `start` to `last`; BadRule when it cannot be read, or does not come in time."""
    rule, _ = read(text, start, last)
    try:
        for each in rule:
            if each > last:
                return
            yield each
    except (OverflowError, TypeError) as error:  # dateutil, past the year 9999 or on a number out of range
        raise BadRule(str(error)) from error
