"""Calendars in: iCalendar bytes (RFC 5545) to meetings with a moment each, or what is wrong, in French; pure."""

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events

from scheduler import repeats

MOST_BYTES = 5_000_000
MOST_EVENTS = 2_000
MOST_REPEATS = 100  # occurrences of one rule
AHEAD = timedelta(days=548)  # 18 months
BEYOND = timedelta(days=31)  # after the last day: what expands a rule looks a little further
OLDEST_YEAR = 2000  # a rule that began earlier is a mistake
TOO_OFTEN = ("SECONDLY", "MINUTELY", "HOURLY")


class NotACalendar(Exception):
    """A file that is no calendar, or too large; the message is in French."""


@dataclass(frozen=True)
class Event:
    """One meeting of a calendar; one occurrence of a rule has a uid of its own."""

    where: str
    uid: str
    title: str
    starts_at: datetime
    ends_at: datetime | None = None
    place: str = ""
    agenda: str = ""
    categories: str = ""
    cancelled: bool = False
    sequence: int = 0


@dataclass(frozen=True)
class Fault:
    """Why an event cannot be taken."""

    where: str
    what: str


@dataclass(frozen=True)
class Calendar:
    """What a file holds: meetings to come by date, what is wrong, and what should be known."""

    events: tuple[Event, ...]
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()


class _Bad(Exception):
    """What is wrong with one event."""


def read(content: bytes, zone: ZoneInfo, now: datetime) -> Calendar:
    """The meetings to come of a calendar, repeated ones up to 18 months ahead; NotACalendar.

    Floating times are taken as local to `zone`, and said. What is over is left out, and said.
    """
    calendar = _parsed(content)
    everything = [each for each in calendar.walk("VEVENT") if isinstance(each, icalendar.Event)]
    if len(everything) > MOST_EVENTS:
        raise NotACalendar(f"plus de {MOST_EVENTS} événements : exportez une période plus courte")
    if not everything:
        raise NotACalendar("ce calendrier ne contient aucun événement")
    all_cancelled = str(calendar.get("METHOD", "")).upper() == "CANCEL"
    events: list[Event] = []
    faults: list[Fault] = []
    notes: list[str] = []
    over = 0
    for group in _groups(everything, faults, notes):
        where = _where(group[0], zone)
        try:
            for one in _events(group, where, zone, now, all_cancelled, notes):
                if one.starts_at > now:
                    events.append(one)
                else:
                    over += 1
        except _Bad as error:
            faults.append(Fault(where, str(error)))
    if over:
        notes.append(
            "une réunion déjà passée, laissée de côté"
            if over == 1
            else f"{over} réunions déjà passées, laissées de côté"
        )
    return Calendar(tuple(sorted(events, key=lambda one: one.starts_at)), tuple(faults), tuple(dict.fromkeys(notes)))


def _parsed(content: bytes) -> icalendar.Calendar:
    if len(content) > MOST_BYTES:
        raise NotACalendar("le fichier dépasse 5 Mo : exportez une période plus courte")
    for encoding in ("utf-8-sig", "cp1252", "latin-1"):
        try:
            text = content.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    if "BEGIN:VCALENDAR" not in text.upper():
        raise NotACalendar("ce n'est pas un calendrier (fichier .ics)")
    try:
        parsed = icalendar.Calendar.from_ical(text, multiple=True)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise NotACalendar(f"calendrier illisible ou incomplet ({error})") from error
    calendars = [each for each in parsed if isinstance(each, icalendar.Calendar)]
    if len(calendars) != 1:
        raise NotACalendar("il faut un calendrier par fichier")
    return calendars[0]


def _groups(
    everything: list[icalendar.Event], faults: list[Fault], notes: list[str]
) -> Iterator[list[icalendar.Event]]:
    """Events by uid: the first of a group is the rule, what follows changes single occurrences.

    Of two that are the same, the one with the higher SEQUENCE stands (RFC 5546 2.1.5).
    """
    by_uid: dict[str, dict[str, icalendar.Event]] = {}
    alone: list[icalendar.Event] = []
    for event in everything:
        uid = str(event.get("UID", "")).strip()
        if not uid:
            alone.append(event)
            continue
        changed = _one(event, "RECURRENCE-ID")
        key = changed.to_ical().decode() if changed is not None else ""
        standing = by_uid.setdefault(uid, {}).get(key)
        if standing is None:
            by_uid[uid][key] = event
        elif _sequence(event) == _sequence(standing):
            faults.append(Fault(f"événement « {_title(event)} »", "deux événements ont le même UID"))
        else:
            by_uid[uid][key] = max(event, standing, key=_sequence)
            notes.append(f"événement « {_title(event)} » : deux versions, la plus récente est prise (SEQUENCE)")
    for group in by_uid.values():
        yield sorted(group.values(), key=lambda event: event.get("RECURRENCE-ID") is not None)
    for event in alone:
        yield [event]


def _events(
    group: list[icalendar.Event], where: str, zone: ZoneInfo, now: datetime, cancelled: bool, notes: list[str]
) -> Iterator[Event]:
    rule = group[0]
    for event in group:
        for name, problem in event.errors:
            if name in ("DTSTART", "DTEND", "DURATION", "RRULE", "RECURRENCE-ID"):
                raise _Bad(f"{name} illisible ({problem})")
    if rule.get("RRULE") is None and rule.get("RDATE") is None:
        for event in group:
            yield _event(event, where, zone, cancelled, notes, str(event.get("UID", "")).strip(), _suffix(event))
        return
    _check_rule(rule)
    _comes(rule, _moment(rule, "DTSTART", zone, where, []).astimezone(zone), (now + AHEAD).astimezone(zone))
    small = icalendar.Calendar()
    for event in group:
        small.add_component(event)
    end = now + AHEAD
    try:
        found = recurring_ical_events.of(small, skip_bad_series=False).between(now, end)
        occurrences = list(itertools.islice(found, MOST_REPEATS + 1))
    except (ValueError, TypeError, KeyError, OverflowError, recurring_ical_events.InvalidCalendar) as error:
        raise _Bad(f"répétition illisible ({error})") from error
    if len(occurrences) > MOST_REPEATS:
        notes.append(f"{where} : plus de {MOST_REPEATS} fois, seules les {MOST_REPEATS} premières sont prises")
    elif _endless(rule):
        notes.append(f"{where} : se répète sans fin, pris jusqu'à 18 mois")
    for event in occurrences[:MOST_REPEATS]:
        uid = str(rule.get("UID", "")).strip()
        yield _event(event, where, zone, cancelled, notes, uid, _suffix(event) or _stamp(event["DTSTART"].dt))


def _check_rule(event: icalendar.Event) -> None:
    """A rule that could make thousands of meetings is a mistake."""
    rules = event.get("RRULE")
    for rule in rules if isinstance(rules, list) else [rules] if rules is not None else []:
        if any(str(each).upper() in TOO_OFTEN for each in rule.get("FREQ", [])):
            raise _Bad("se répète toutes les heures ou plus souvent")
        if any(len(rule.get(part, [])) > 1 for part in ("BYHOUR", "BYMINUTE", "BYSECOND")):
            raise _Bad("se répète plusieurs fois par jour")
        if any(int(each) < 1 for each in rule.get("INTERVAL", [])):
            raise _Bad("se répète sans intervalle")
    start = _dt(_one(event, "DTSTART"))
    if isinstance(start, date) and start.year < OLDEST_YEAR:
        raise _Bad(f"commence en {start.year}")


def _comes(event: icalendar.Event, start: datetime, end: datetime) -> None:
    """A rule that never comes would hold whoever expands it: it has to show a date past `end`, or to be over."""
    rules = event.get("RRULE")
    for rule in rules if isinstance(rules, list) else [rules] if rules is not None else []:
        bare = ";".join(
            part for part in rule.to_ical().decode().split(";") if not part.upper().startswith(("UNTIL=", "COUNT="))
        )
        last = end.replace(tzinfo=None) + BEYOND
        try:
            for _ in repeats.dates(bare, start.replace(tzinfo=None), last):
                pass
        except repeats.TooManySteps as error:
            raise _Bad("répétition impossible : elle ne tombe jamais, ou presque") from error
        except repeats.BadRule as error:
            raise _Bad(f"répétition illisible ({error})") from error


def _endless(event: icalendar.Event) -> bool:
    rule = event.get("RRULE")
    return rule is not None and not isinstance(rule, list) and "UNTIL" not in rule and "COUNT" not in rule


def _event(
    event: icalendar.Event, where: str, zone: ZoneInfo, cancelled: bool, notes: list[str], uid: str, suffix: str
) -> Event:
    title = _title(event)
    starts_at = _moment(event, "DTSTART", zone, where, notes)
    ends_at = None
    if _one(event, "DTEND") is not None:
        ends_at = _moment(event, "DTEND", zone, where, notes)
    elif isinstance(duration := _dt(_one(event, "DURATION")), timedelta):
        ends_at = starts_at + duration
    if ends_at is not None and ends_at < starts_at:
        raise _Bad("la fin vient avant le début")
    if not uid:
        uid = "sans-uid:" + hashlib.sha256(f"{title}\0{starts_at.isoformat()}".encode()).hexdigest()[:24]
    return Event(
        where=where,
        uid=f"{uid}/{suffix}" if suffix else uid,
        title=title,
        starts_at=starts_at,
        ends_at=None if ends_at == starts_at else ends_at,
        place=_text(event, "LOCATION"),
        agenda=_text(event, "DESCRIPTION", lines=True),
        categories=_categories(event),
        cancelled=cancelled or str(event.get("STATUS", "")).upper() == "CANCELLED",
        sequence=_sequence(event),
    )


def _moment(event: icalendar.Event, name: str, zone: ZoneInfo, where: str, notes: list[str]) -> datetime:
    value = _one(event, name)
    if value is None:
        raise _Bad("sans date")
    moment = _dt(value)
    if not isinstance(moment, datetime):
        if isinstance(moment, date):
            raise _Bad(f"toute la journée du {moment:%d/%m/%Y} : il manque l'heure")
        raise _Bad("date illisible")
    if moment.tzinfo is None:
        named = value.params.get("TZID") if hasattr(value, "params") else None
        if named and str(named) != str(zone):
            raise _Bad(f"fuseau horaire inconnu : « {named} »")
        notes.append(f"{where} : heure sans fuseau, comprise comme l'heure de {str(zone).rpartition('/')[2]}")
        moment = moment.replace(tzinfo=zone)
    back = moment.astimezone(UTC).astimezone(moment.tzinfo)
    if back.replace(tzinfo=None) != moment.replace(tzinfo=None):
        raise _Bad(f"{moment:%H:%M} n'existe pas le {moment:%d/%m/%Y} : on passe à l'heure d'été")
    return moment.astimezone(UTC)


def _dt(value: Any) -> Any:
    """What a date property holds; None where it is missing, doubled or broken."""
    try:
        return value.dt
    except (AttributeError, ValueError):  # icalendar keeps a broken property, and raises when it is read
        return None


def _one(event: icalendar.Event, name: str) -> Any:
    """A property that must stand once."""
    value = event.get(name)
    if isinstance(value, list):
        raise _Bad(f"{name} est là {len(value)} fois")
    return value


def _suffix(event: icalendar.Event) -> str:
    changed = _dt(event.get("RECURRENCE-ID"))
    return _stamp(changed) if isinstance(changed, date) else ""


def _stamp(moment: date) -> str:
    return (moment.astimezone(UTC) if isinstance(moment, datetime) and moment.tzinfo else moment).strftime(
        "%Y%m%dT%H%M"
    )


def _sequence(event: icalendar.Event) -> int:
    try:
        return int(str(event.get("SEQUENCE", 0)))
    except ValueError:
        return 0


def _title(event: icalendar.Event) -> str:
    return _text(event, "SUMMARY") or "Réunion"


def _text(event: icalendar.Event, name: str, *, lines: bool = False) -> str:
    value = event.get(name)
    text = str(value[0] if isinstance(value, list) else value or "").replace("\0", "")
    if lines:
        return "\n".join(line for each in text.splitlines() if (line := " ".join(each.split())))
    return " ".join(text.split())


def _categories(event: icalendar.Event) -> str:
    value = event.get("CATEGORIES")
    found = value if isinstance(value, list) else [value] if value is not None else []
    return " ".join(str(name) for each in found for name in getattr(each, "cats", [each]))


def _where(event: icalendar.Event, zone: ZoneInfo) -> str:
    start = _dt(event.get("DTSTART"))
    if isinstance(start, datetime) and start.tzinfo:
        start = start.astimezone(zone)
    return f"événement « {_title(event)} »" + (f" ({start:%d/%m/%Y})" if isinstance(start, date) else "")
