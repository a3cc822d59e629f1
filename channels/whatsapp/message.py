"""What we say, as the fields of Cloud API messages: text in pieces, buttons or a list for choices; pure."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

LIMIT = 4096  # https://developers.facebook.com/docs/whatsapp/cloud-api/messages/text-messages
BODY = 1024  # characters above buttons or a list
BUTTONS, BUTTON = 3, 20  # at most, and characters of each
ROWS, ROW, DETAIL = 10, 24, 72
OPEN = "Choisir"  # on the button that opens a list
CHOICE_LASTS = timedelta(minutes=30)  # a number pressed later would answer another question
ENDS = (r"\n\s*\n", r"\n", r"(?<=[.!?…»])\s", r"[,;:]\s", r"\s")  # where to cut, the best first


def recipient(handle: str) -> dict[str, str]:
    """Whom to write to: a telephone number, or an id that Meta gives us in place of it (BSUID); ValueError if none."""
    if re.fullmatch(r"\+\d{6,15}", handle):
        return {"to": handle[1:]}
    if re.fullmatch(r"[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}", handle):
        return {"recipient": handle}
    raise ValueError(handle)


def pieces(text: str, limit: int = LIMIT) -> list[str]:
    """The text in pieces of at most `limit` characters, none empty; only white space at the cuts is lost."""
    rest, found = text.strip(), []
    while len(rest) > limit:
        end = _cut(rest, limit)
        found.append(rest[:end].rstrip())
        rest = rest[end:].lstrip()
    return [*found, rest] if rest else found


def _cut(text: str, limit: int) -> int:
    for end in ENDS:
        places = [found.end() for found in re.finditer(end, text[:limit])]
        if places and places[-1] > limit // 2:
            return places[-1]
    return limit


def contents(text: str, choices: Sequence[str], now: datetime) -> list[dict[str, Any]]:
    """The messages that say it: each with its `type` and the field of that name; choices go with the last."""
    if not choices or len(choices) > ROWS:
        return [{"type": "text", "text": {"body": piece, "preview_url": False}} for piece in pieces(text)]
    *before, last = pieces(text, BODY) or [""]
    found: list[dict[str, Any]] = [{"type": "text", "text": {"body": each, "preview_url": False}} for each in before]
    asked = _buttons(choices, now) if _are_short(choices) else _list(choices, now)
    return [*found, {"type": "interactive", "interactive": {**asked, "body": {"text": last}}}]


def _are_short(choices: Sequence[str]) -> bool:
    return len(choices) <= BUTTONS and len(set(choices)) == len(choices) and all(len(c) <= BUTTON for c in choices)


def _buttons(choices: Sequence[str], now: datetime) -> dict[str, Any]:
    """A choice of one word (OUI, NON) answers with itself, any other with its number."""
    words = all(len(choice.split()) == 1 for choice in choices)
    buttons = [
        {"type": "reply", "reply": {"id": stamped(choice if words else str(number), now), "title": choice}}
        for number, choice in enumerate(choices, 1)
    ]
    return {"type": "button", "action": {"buttons": buttons}}


def _list(choices: Sequence[str], now: datetime) -> dict[str, Any]:
    rows = []
    for number, choice in enumerate(choices, 1):
        title = shortened(f"{number}. {choice}", ROW)
        row = {"id": stamped(str(number), now), "title": title}
        rows.append(row if title.endswith(choice) else row | {"description": shortened(choice, DETAIL)})
    return {"type": "list", "action": {"button": OPEN, "sections": [{"title": "Réponses", "rows": rows}]}}


def shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def stamped(answer: str, now: datetime) -> str:
    """What a button answers, and when it was offered: WhatsApp does not tell that when it is pressed."""
    return f"{answer}@{int(now.timestamp())}"


def pressed(id: str, now: datetime) -> str:
    """What a button answers; empty if it is none of ours, or was offered too long ago to mean a number."""
    found = re.fullmatch(r"(.{1,40})@(\d{9,11})", id)
    if not found or now - datetime.fromtimestamp(int(found[2]), UTC) > CHOICE_LASTS:
        return ""
    return found[1]
