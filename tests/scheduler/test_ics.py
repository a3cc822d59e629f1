"""Calendars as Outlook, Google and others export them, and what can be wrong with them."""

import contextlib
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler import ics
from scheduler.ics import NotACalendar

PARIS = ZoneInfo("Europe/Paris")
NOW = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)
OUTLOOK = """BEGIN:VTIMEZONE
TZID:Romance Standard Time
BEGIN:STANDARD
DTSTART:16011028T030000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010325T020000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
END:VTIMEZONE
"""


def event(*lines: str, uid: str = "1@x", title: str = "COPIL Bellevue") -> str:
    return "\n".join(["BEGIN:VEVENT", f"UID:{uid}", f"SUMMARY:{title}", *lines, "END:VEVENT"]) + "\n"


def calendar(*parts: str) -> bytes:
    text = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x//FR\n" + "".join(parts) + "END:VCALENDAR\n"
    return text.replace("\n", "\r\n").encode()


def read(*parts: str) -> ics.Calendar:
    return ics.read(calendar(*parts), PARIS, NOW)


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("", "DTSTART;TZID=Europe/Paris:20270610T180000"),
        (OUTLOOK, "DTSTART;TZID=Romance Standard Time:20270610T180000"),
        ("", "DTSTART;TZID=Romance Standard Time:20270610T180000"),
        ("", "DTSTART:20270610T160000Z"),
        ("", "DTSTART:20270610T180000"),
        ("", "DTSTART;TZID=America/New_York:20270610T120000"),
    ],
)
def test_a_time_is_the_same_moment_however_it_is_written(zone: str, start: str) -> None:
    found = read(zone, event(start, "DURATION:PT2H", "LOCATION:Maison de quartier"))
    assert found.faults == ()
    (one,) = found.events
    assert one.starts_at == datetime(2027, 6, 10, 16, tzinfo=UTC)
    assert one.ends_at == datetime(2027, 6, 10, 18, tzinfo=UTC)
    assert (one.title, one.place, one.uid) == ("COPIL Bellevue", "Maison de quartier", "1@x")


def test_a_floating_time_is_taken_as_local_and_said() -> None:
    found = read(event("DTSTART:20270610T180000"))
    assert "heure de Paris" in found.notes[0]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["DTSTART;VALUE=DATE:20270610"], "toute la journée du 10/06/2027 : il manque l'heure"),
        (["DTSTART;TZID=Europe/Paris:20270328T023000"], "02:30 n'existe pas le 28/03/2027"),
        (["DTSTART:20270328T023000"], "02:30 n'existe pas le 28/03/2027"),
        (["DTSTART;TZID=Mars/Olympus:20270610T180000"], "fuseau horaire inconnu : « Mars/Olympus »"),
        (["DTSTART:20270610T180000Z", "DTEND:20270610T170000Z"], "la fin vient avant le début"),
        (["DTSTART:demain"], "DTSTART illisible"),
        ([], "sans date"),
        (["DTSTART:20270610T180000Z", "RRULE:FREQ=SECONDLY"], "toutes les heures ou plus souvent"),
        (["DTSTART:20270610T180000Z", "RRULE:FREQ=DAILY;BYSECOND=1,2,3"], "plusieurs fois par jour"),
        (["DTSTART:00010101T180000", "RRULE:FREQ=DAILY"], "commence en 1"),
        (["DTSTART;VALUE=DATE:20270610", "RRULE:FREQ=DAILY"], "il manque l'heure"),
    ],
)
def test_what_cannot_be_a_meeting_is_a_fault_that_names_the_event(lines: list[str], said: str) -> None:
    found = read(event(*lines))
    assert found.events == ()
    assert [said in fault.what for fault in found.faults] == [True]
    assert "COPIL Bellevue" in found.faults[0].where


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "pas un calendrier"),
        (b"bonjour", "pas un calendrier"),
        (b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n", "illisible|incomplet|aucun|calendrier"),
        (calendar(), "aucun événement"),
        (b"BEGIN:VCALENDAR" + b" " * 5_000_001, "5 Mo"),
    ],
)
def test_what_is_no_calendar_is_refused_in_french(content: bytes, said: str) -> None:
    with pytest.raises(NotACalendar, match=said):
        ics.read(content, PARIS, NOW)


def test_a_cancelled_event_and_a_cancelling_calendar_say_so() -> None:
    assert read(event("DTSTART:20270610T180000Z", "STATUS:CANCELLED")).events[0].cancelled
    assert read("METHOD:CANCEL\n", event("DTSTART:20270610T180000Z")).events[0].cancelled
    assert not read(event("DTSTART:20270610T180000Z")).events[0].cancelled


def test_what_is_over_is_left_out_and_said() -> None:
    found = read(event("DTSTART:20200610T180000Z"), event("DTSTART:20270610T180000Z", uid="2"))
    assert [one.uid for one in found.events] == ["2"]
    assert found.notes == ("une réunion déjà passée, laissée de côté",)


def test_a_rule_keeps_its_local_hour_over_the_clock_change_and_ends_at_18_months() -> None:
    found = read(event("DTSTART;TZID=Europe/Paris:20270107T180000", "RRULE:FREQ=MONTHLY"))
    assert {one.starts_at.astimezone(PARIS).hour for one in found.events} == {18}
    assert found.events[-1].starts_at <= NOW + timedelta(days=548)
    assert len(found.events) == 17
    assert len({one.uid for one in found.events}) == 17
    assert "sans fin" in found.notes[0]


def test_an_endless_daily_rule_stops_at_a_hundred_and_says_so() -> None:
    found = read(event("DTSTART;TZID=Europe/Paris:20261207T180000", "RRULE:FREQ=DAILY"))
    assert len(found.events) == 100
    assert "100" in found.notes[0]


def test_one_occurrence_may_move_and_one_may_be_left_out() -> None:
    rule = event(
        "DTSTART;TZID=Europe/Paris:20270107T180000",
        "RRULE:FREQ=WEEKLY;COUNT=3",
        "EXDATE;TZID=Europe/Paris:20270114T180000",
    )
    moved = event(
        "RECURRENCE-ID;TZID=Europe/Paris:20270121T180000", "DTSTART;TZID=Europe/Paris:20270122T190000", "SEQUENCE:1"
    )
    found = read(rule, moved)
    assert [one.starts_at.astimezone(PARIS).strftime("%d %H") for one in found.events] == ["07 18", "22 19"]
    again = read(rule)
    assert [one.uid for one in again.events] == [one.uid for one in found.events], "the occurrence keeps its uid"


def test_of_two_events_with_one_uid_the_newer_stands_and_equal_ones_are_a_fault() -> None:
    old, new = event("DTSTART:20270610T180000Z"), event("DTSTART:20270611T180000Z", "SEQUENCE:2")
    assert [one.starts_at.day for one in read(new, old).events] == [11]
    assert "même UID" in read(old, old).faults[0].what


@pytest.mark.parametrize("line", ["DTSTART:20270610T180000Z\nDTSTART:20270611T180000Z", "SEQUENCE:beaucoup"])
def test_odd_properties_do_no_harm(line: str) -> None:
    found = read(event(line))
    assert len(found.faults) == 1


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="ABDENT:;=\r\nVCRLUIS0123456789ZÉ -", max_size=200))
def test_no_text_makes_it_fail_otherwise(text: str) -> None:
    for content in (text.encode(), calendar(event(*text.splitlines()))):
        with contextlib.suppress(NotACalendar):
            assert all(one.starts_at > NOW for one in ics.read(content, PARIS, NOW).events)


def test_a_calendar_of_nearly_5_mb_is_read_and_a_larger_one_is_refused_in_french() -> None:
    long = "DESCRIPTION:" + "Ordre du jour reçu. " * 1150
    parts = [event(f"DTSTART:2027{n % 12 + 1:02d}{n % 28 + 1:02d}T180000Z", long, uid=str(n)) for n in range(200)]
    content = calendar(*parts)
    assert 4_500_000 < len(content) <= ics.MOST_BYTES
    found = ics.read(content, PARIS, NOW)
    assert (len(found.events), found.faults) == (200, ())
    with pytest.raises(NotACalendar, match="le fichier dépasse 5 Mo : exportez une période plus courte"):
        ics.read(calendar(*parts, *parts[:20]), PARIS, NOW)


def test_more_events_than_a_season_holds_are_refused_in_french() -> None:
    parts = [event("DTSTART:20270610T180000Z", uid=str(n)) for n in range(ics.MOST_EVENTS + 1)]
    with pytest.raises(NotACalendar, match="plus de 2000 événements"):
        read(*parts)


def test_a_floating_end_before_its_start_is_a_fault_and_so_is_a_negative_length() -> None:
    assert "la fin vient avant" in read(event("DTSTART:20270610T180000", "DTEND:20270610T170000")).faults[0].what
    assert "la fin vient avant" in read(event("DTSTART:20270610T180000Z", "DURATION:-PT1H")).faults[0].what


def test_a_rule_that_falls_on_an_hour_that_is_left_out_is_a_fault_or_keeps_the_others() -> None:
    """02:30 each Sunday: on 28 March 2027 that hour does not exist."""
    found = read(event("DTSTART;TZID=Europe/Paris:20270314T023000", "RRULE:FREQ=WEEKLY;COUNT=4"))
    stamps = [one.starts_at.astimezone(PARIS).strftime("%d/%m %H:%M") for one in found.events]
    assert "28/03 02:30" not in stamps
    assert stamps[:2] == ["14/03 02:30", "21/03 02:30"]
    assert "02:30 n'existe pas le 28/03/2027" in " ".join(fault.what for fault in found.faults)


def test_hourly_and_minutely_rules_are_refused_even_when_they_end() -> None:
    for rule in ("FREQ=HOURLY;COUNT=2", "FREQ=MINUTELY;UNTIL=20270611T000000Z", "FREQ=SECONDLY;INTERVAL=86400"):
        assert (
            "toutes les heures ou plus souvent"
            in read(event("DTSTART:20270610T180000Z", f"RRULE:{rule}")).faults[0].what
        )


def test_a_zone_of_windows_keeps_its_hour_over_the_clock_change_with_and_without_its_definition() -> None:
    for zone in ("", OUTLOOK):
        for day in ("20270327", "20270329", "20271030", "20271101"):
            (one,) = read(zone, event(f"DTSTART;TZID=Romance Standard Time:{day}T180000")).events
            assert one.starts_at.astimezone(PARIS).strftime("%Y%m%d %H") == f"{day} 18"


def test_a_cancelled_occurrence_is_cancelled_alone() -> None:
    rule = event("DTSTART;TZID=Europe/Paris:20270107T180000", "RRULE:FREQ=WEEKLY;COUNT=3")
    gone = event(
        "RECURRENCE-ID;TZID=Europe/Paris:20270114T180000",
        "DTSTART;TZID=Europe/Paris:20270114T180000",
        "SEQUENCE:1",
        "STATUS:CANCELLED",
    )
    assert [one.cancelled for one in read(rule, gone).events] == [False, True, False]
