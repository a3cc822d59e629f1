"""Rules that repeat: those that come, and those that never do, told apart in a counted number of steps."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.desk import arranging
from bot.office import Office
from scheduler import ics, repeats

PARIS = ZoneInfo("Europe/Paris")
START = datetime(2026, 12, 15, 18)
LAST = START + timedelta(days=548)
NEVER = (
    "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;UNTIL=20270301T000000",
    "FREQ=WEEKLY;BYMONTH=4;BYMONTHDAY=31",
    "FREQ=MONTHLY;BYMONTH=6;BYMONTHDAY=31",
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=DAILY;BYYEARDAY=1;BYMONTH=5",
    "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=9",
)


@pytest.mark.parametrize("rule", NEVER)
def test_a_rule_that_never_comes_is_given_up_after_so_many_steps(rule: str) -> None:
    walked, steps = repeats.read(rule, START, LAST)
    with pytest.raises(repeats.TooManySteps):
        list(walked)
    assert steps.taken <= 548 + repeats.SPARE_DAYS + 3, "dateutil alone takes 2.9 million"


@pytest.mark.parametrize("rule", [*NEVER, "FREQ=DAILY;INTERVAL=0", "FREQ=HOURLY", "FREQ=DAILY\nRRULE:FREQ=WEEKLY", "x"])
def test_the_desk_refuses_a_rule_that_never_comes_or_too_often(office: Office, rule: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        arranging.occurrences(rule, START.replace(tzinfo=PARIS), office)


@pytest.mark.parametrize(
    ("rule", "times", "last"),
    [
        ("FREQ=MONTHLY;BYDAY=3TU", 18, datetime(2028, 5, 16, 18)),
        ("FREQ=MONTHLY;BYDAY=3TU;INTERVAL=2;COUNT=4", 4, datetime(2027, 6, 15, 18)),
        ("RRULE:FREQ=WEEKLY;INTERVAL=2;UNTIL=20270201T000000", 4, datetime(2027, 1, 26, 18)),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", 1, datetime(2028, 2, 29, 18)),
        ("FREQ=DAILY", 549, LAST),
    ],
)
def test_a_rule_that_comes_is_walked_as_before(rule: str, times: int, last: datetime) -> None:
    found = list(repeats.dates(rule, START, LAST))
    assert (len(found), found[-1]) == (times, last)


@pytest.mark.parametrize("rule", NEVER)
def test_a_calendar_with_a_rule_that_never_comes_says_so(rule: str) -> None:
    text = (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:COPIL\r\n"
        f"DTSTART:20261215T170000Z\r\nRRULE:{rule}\r\nEND:VEVENT\r\n"
        "BEGIN:VEVENT\r\nUID:2\r\nSUMMARY:COTECH\r\nDTSTART:20261216T170000Z\r\n"
        "RRULE:FREQ=MONTHLY;COUNT=3\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    found = ics.read(text.encode(), PARIS, datetime(2026, 12, 1, tzinfo=UTC))
    assert [one.title for one in found.events] == ["COTECH"] * 3
    (fault,) = found.faults
    assert "répétition impossible : elle ne tombe jamais" in fault.what
