"""What comes back from the forms of the calendar, read into values; what is wrong is said by field."""

import re
from datetime import date, time
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from scheduler.pages.desk import MeetingsDesk, Refused

REPEATS = {
    "": "une seule fois",
    "FREQ=WEEKLY": "chaque semaine",
    "FREQ=WEEKLY;INTERVAL=2": "toutes les deux semaines",
    "FREQ=MONTHLY": "chaque mois, le même jour du mois",
    "nth": "chaque mois, le même jour de la semaine",
    "FREQ=MONTHLY;INTERVAL=3": "tous les trois mois",
    "FREQ=YEARLY;INTERVAL=1": "chaque année",
}
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
FIELDS = (
    "titre", "type", "jour", "heure", "heure_fin", "lieu", "venir", "acces", "en_ligne", "organisateur",
    "organisateur_email", "a_preparer", "repetition",
)  # fmt: skip


def word(form: FormData, name: str, most: int = 5000) -> str:
    value = form.get(name)
    return value.strip()[:most] if isinstance(value, str) else ""


def numbers(form: FormData, name: str) -> list[int]:
    return [int(each) for each in form.getlist(name) if isinstance(each, str) and re.fullmatch(r"[0-9]{1,9}", each)]


def number_of(request: Request, name: str = "number") -> int:
    """The number in an address; 404 when it is none."""
    text = str(request.path_params[name])
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise HTTPException(404)
    return int(text)


def typed(form: FormData) -> dict[str, str]:
    """All that was typed, to show it again."""
    return {name: word(form, name) for name in FIELDS}


def sheet(form: FormData, desk: MeetingsDesk) -> dict[str, Any]:
    """The values of the form of a meeting (bot.desk.arranging.Sheet by name); Refused."""
    errors: dict[str, str] = {}
    day = _day(word(form, "jour"), "jour", errors)
    hour = _hour(word(form, "heure"), "heure", errors)
    last = _hour(word(form, "heure_fin"), "heure_fin", errors)
    if day and not hour and "heure" not in errors:
        errors["heure"] = "Donnez l'heure du début, par exemple 18:00."
    starts_at = ends_at = None
    if day and hour:
        try:
            starts_at = desk.moment(day, hour)
            ends_at = desk.moment(day, last) if last else None
        except Refused as refused:
            errors |= refused.errors
    if errors:
        raise Refused(errors)
    return {
        "title": word(form, "titre", 300),
        "kind": word(form, "type"),
        "starts_at": starts_at,
        "ends_at": ends_at,
        "place": word(form, "lieu", 300),
        "directions": word(form, "venir", 1000),
        "accessibility": word(form, "acces", 500),
        "online": word(form, "en_ligne", 500),
        "organiser": word(form, "organisateur", 200),
        "organiser_email": word(form, "organisateur_email", 200),
        "agenda": word(form, "a_preparer"),
        "councils": tuple(numbers(form, "conseils")),
        "rrule": _rule(word(form, "repetition"), day),
    }


def _rule(text: str, day: date | None) -> str:
    if text == "nth" and day is not None:
        return f"FREQ=MONTHLY;BYDAY={(day.day - 1) // 7 + 1}{WEEKDAYS[day.weekday()]}"
    return text if text in REPEATS else ""


def _day(text: str, name: str, errors: dict[str, str]) -> date | None:
    if not text:
        return None
    french = re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", text)
    try:
        return date(int(french[3]), int(french[2]), int(french[1])) if french else date.fromisoformat(text)
    except ValueError:
        errors[name] = f"« {text[:30]} » n'est pas une date. Écrivez par exemple 11/12/2026."
        return None


def _hour(text: str, name: str, errors: dict[str, str]) -> time | None:
    if not text:
        return None
    found = re.fullmatch(r"(\d{1,2})\s*(?:[:hH]\s*(\d{2})?)?(?::\d{2})?", text)
    if not found or int(found[1]) > 23 or int(found[2] or 0) > 59:
        errors[name] = f"« {text[:20]} » n'est pas une heure. Écrivez par exemple 18:00."
        return None
    return time(int(found[1]), int(found[2] or 0))


def moments(form: FormData, desk: MeetingsDesk) -> list[Any]:
    """The dates of a proposal: pairs of « date_1 », « heure_1 » up to 5; those left empty do not count. Refused."""
    errors: dict[str, str] = {}
    found = []
    for number in range(1, 6):
        day = _day(word(form, f"date_{number}"), f"date_{number}", errors)
        hour = _hour(word(form, f"heure_{number}"), f"heure_{number}", errors)
        if day and hour:
            found.append(desk.moment(day, hour))
        elif day:
            errors.setdefault(f"heure_{number}", "Donnez l'heure.")
    if errors:
        raise Refused(errors)
    return sorted(set(found))


async def file_of(form: FormData, name: str = "fichier") -> tuple[str, bytes]:
    """(name, bytes) of an uploaded file; empty when none was chosen."""
    value = form.get(name)
    if not isinstance(value, UploadFile) or not value.filename:
        return "", b""
    return value.filename, await value.read()
