"""What we export, read back by two other programs' ways: the same meetings, at the same moments, on the same clock."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler import feeds, ics
from scheduler.feeds import Entry

PARIS = ZoneInfo("Europe/Paris")
NOW = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)
AROUND_CHANGES = [  # both clock changes of 2027: 28 March, 31 October
    datetime(2027, 3, 27, 18, tzinfo=PARIS),
    datetime(2027, 3, 28, 1, 30, tzinfo=PARIS),
    datetime(2027, 3, 28, 3, 30, tzinfo=PARIS),
    datetime(2027, 3, 28, 18, tzinfo=PARIS),
    datetime(2027, 10, 30, 18, tzinfo=PARIS),
    datetime(2027, 10, 31, 2, 30, tzinfo=PARIS),
    datetime(2027, 10, 31, 3, 30, tzinfo=PARIS),
    datetime(2027, 10, 31, 18, tzinfo=PARIS),
]


def entries_at(moments: list[datetime]) -> list[Entry]:
    return [
        Entry(
            f"{n}@hotline", n, f"COPIL n° {n}", at, at + timedelta(hours=2), "12, rue des Ormes ; salle « A »", "a\nb"
        )
        for n, at in enumerate(moments)
    ]


def moments_of(found: list[icalendar.Event]) -> list[tuple[str, datetime, datetime]]:
    return sorted((str(e["UID"]), e["DTSTART"].dt.astimezone(UTC), e["DTEND"].dt.astimezone(UTC)) for e in found)


def expected(entries: list[Entry]) -> list[tuple[str, datetime, datetime]]:
    return sorted((e.uid, e.starts_at.astimezone(UTC), (e.ends_at or e.starts_at).astimezone(UTC)) for e in entries)


def test_an_export_read_back_gives_the_same_meetings_over_both_clock_changes() -> None:
    entries = entries_at(AROUND_CHANGES)
    text = feeds.calendar(entries, "Bellevue", PARIS, NOW)
    parsed = icalendar.Calendar.from_ical(text)
    assert moments_of([e for e in parsed.walk("VEVENT") if isinstance(e, icalendar.Event)]) == expected(entries)
    between = recurring_ical_events.of(parsed).between(NOW, NOW + timedelta(days=400))
    assert moments_of(list(between)) == expected(entries)
    ours = ics.read(text.encode(), PARIS, NOW)
    assert ours.faults == ()
    assert sorted((e.uid, e.starts_at, e.ends_at) for e in ours.events) == expected(entries)
    assert {(e.title, e.place, e.agenda) for e in ours.events} == {(e.title, e.place, "a\nb") for e in entries}


def test_the_time_zone_is_told_in_full_and_the_local_hours_with_it() -> None:
    """A program that knows no zone but those of the file finds Paris's winter and summer in it."""
    parsed = icalendar.Calendar.from_ical(feeds.calendar(entries_at(AROUND_CHANGES), "Bellevue", PARIS, NOW))
    (zone,) = parsed.walk("VTIMEZONE")
    assert str(zone["TZID"]) == "Europe/Paris"
    offsets = {part["TZOFFSETTO"].td for part in zone.subcomponents}
    assert offsets == {timedelta(hours=1), timedelta(hours=2)}
    told = zone.to_tz()  # type: ignore[attr-defined]
    for at in AROUND_CHANGES:
        if at != datetime(2027, 10, 31, 2, 30, tzinfo=PARIS):  # comes twice that night
            assert at.replace(tzinfo=told).utcoffset() == at.utcoffset(), at


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.datetimes(datetime(2027, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)).map(
            lambda at: at.replace(second=0, microsecond=0)
        ),
        min_size=1,
        max_size=8,
        unique=True,
    )
)
def test_any_moment_of_2027_comes_back_as_it_went(moments: list[datetime]) -> None:
    """But the second 2 o'clock hour of 31 October, which a local time cannot tell from the first."""
    twice = datetime(2027, 10, 31, 1, tzinfo=UTC), datetime(2027, 10, 31, 2, tzinfo=UTC)
    entries = [
        each
        for each in entries_at(moments)
        if not any(twice[0] <= moment < twice[1] for moment in (each.starts_at, each.ends_at or each.starts_at))
    ]
    found = ics.read(feeds.calendar(entries, "x", PARIS, NOW).encode(), PARIS, NOW) if entries else None
    assert sorted((e.uid, e.starts_at, e.ends_at) for e in (found.events if found else ())) == expected(entries)


def test_a_cancelled_and_a_confirmed_meeting_say_so_and_a_newer_one_has_a_higher_sequence() -> None:
    at = AROUND_CHANGES[0]
    entries = [Entry("1@h", 3, "COPIL", at, state="cancelled"), Entry("2@h", 4, "COPIL", at, state="confirmed")]
    found = ics.read(feeds.calendar(entries, "x", PARIS, NOW).encode(), PARIS, NOW)
    assert [(e.uid, e.sequence, e.cancelled) for e in found.events] == [("1@h", 3, True), ("2@h", 4, False)]
