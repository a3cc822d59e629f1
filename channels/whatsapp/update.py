"""What one call of Meta's says: messages to keep, files to fetch, reports on what we sent; pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from channels.contract import Address, Inbound, Receipt

from .graph import said
from .message import pressed
from .templates import READ

NAME = "whatsapp"
AHEAD = timedelta(minutes=5)  # Meta's clock and ours may differ so much
SAID_WITH = frozenset("👍👎🙏👌❤")  # reactions that answer something
EDITED, FORWARDED = "message modifié", "message transféré"
MEDIA = {"image": "photo", "video": "video", "audio": "audio", "document": "document", "sticker": "autocollant"}
SUFFIXES = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp", "video/mp4": ".mp4",
            "audio/ogg": ".ogg", "audio/mpeg": ".mp3", "audio/mp4": ".m4a", "application/pdf": ".pdf"}  # fmt: skip
STATES = {"sent": "sent", "delivered": "delivered", "read": "delivered", "played": "delivered", "failed": "failed"}
UNREADABLE = "(message que WhatsApp ne nous transmet pas)"


@dataclass(frozen=True)
class Wanted:
    """A file that came with a message and is still at Meta's."""

    id: str = field(repr=False)
    filename: str
    content_type: str


@dataclass(frozen=True)
class Heard:
    """A message, and the file that belongs to it."""

    inbound: Inbound
    file: Wanted | None = None


def read(body: Mapping[str, Any], number: str, now: datetime, last: Mapping[str, str]) -> list[Heard | Receipt]:
    """All that a call says about our `number`, oldest message first; `last`: our newest message to a handle.

    A message that is not as documented is kept for the officer to sort, where its sender and id can be read.
    """
    heard: list[Heard] = []
    reports: list[Receipt] = []
    for value in _values(body, number):
        kept = (_kept(message, number, now, last) for message in _dicts(value.get("messages")))
        heard.extend(found for found in kept if found is not None)
        reports += [receipt for status in _dicts(value.get("statuses")) if (receipt := _report(status))]
    heard.sort(key=lambda each: each.inbound.heard_at)
    return [*heard, *reports]


def _values(body: Mapping[str, Any], number: str) -> Iterator[Mapping[str, Any]]:
    for entry in _dicts(body.get("entry")):
        for change in _dicts(entry.get("changes")):
            value = change.get("value")
            if change.get("field") == "messages" and isinstance(value, Mapping):
                metadata = value.get("metadata")
                if isinstance(metadata, Mapping) and str(metadata.get("phone_number_id")) == number:
                    yield value


def _dicts(found: Any) -> Sequence[Mapping[str, Any]]:
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def handle_of(message: Mapping[str, Any]) -> str:
    """The id that Meta gives of a person, which outlives their showing their number; else the number, as +33…"""
    if id := str(message.get("from_user_id") or ""):
        return id
    digits = str(message.get("from") or "")
    return f"+{digits}" if re.fullmatch(r"\d{6,15}", digits) else ""


def _kept(message: Mapping[str, Any], number: str, now: datetime, last: Mapping[str, str]) -> Heard | None:
    id, handle = str(message.get("id") or ""), handle_of(message)
    if not id or not handle or message.get("group_id"):  # we are in no group
        return None
    try:
        return _read(message, number, now, last)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError):
        strange = ("WhatsApp a envoyé ce message sous une forme inconnue",)
        address = Address(NAME, handle)
        text = "(message que je n'ai pas pu lire)"
        return Heard(Inbound(id, address, text, now, account=number, nature="unsure", warnings=strange))


def _read(message: Mapping[str, Any], number: str, now: datetime, last: Mapping[str, str]) -> Heard | None:
    handle = handle_of(message)
    at = min(datetime.fromtimestamp(int(message["timestamp"]), UTC), now + AHEAD)
    kind, warnings = str(message["type"]), []
    if kind == "edit":
        message = {**message, **message["edit"]["message"], "id": message["id"], "timestamp": message["timestamp"]}
        kind, warnings = str(message["type"]), [EDITED]
    context = message.get("context") or {}
    if context.get("forwarded") or context.get("frequently_forwarded"):
        warnings.append(FORWARDED)
    text, file, nature = "", None, "person"
    if kind == "text":
        text = str(message["text"]["body"])
    elif kind in MEDIA:
        text, file = _media(message[kind], kind, str(message["id"]))
    elif kind == "button":
        payload = str(message["button"].get("payload") or "")
        text = payload or str(message["button"]["text"])
        if payload == READ:
            nature = "machine"  # the conversation is open again: what waited for that goes, there is nothing to answer
    elif kind == "interactive":
        text = _pressed(message["interactive"], at, context, last.get(handle, ""))
    elif kind == "reaction":
        text = str(message["reaction"].get("emoji") or "").rstrip("\ufe0f")
        newest = last.get(handle, str(message["reaction"]["message_id"]))
        if text not in SAID_WITH or newest != message["reaction"]["message_id"]:
            return None  # taken back, or says nothing that asks for an answer
    elif kind in ("revoke", "system"):
        return None
    elif kind == "request_welcome":
        text = "start"
    else:
        text = _shared(kind, message)
    inbound = Inbound(
        str(message["id"]),
        Address(NAME, handle),
        text,
        at,
        account=number,
        about=str(context.get("id") or "") if kind in ("text", *MEDIA) else "",
        nature=nature,  # type: ignore[arg-type]
        warnings=tuple(warnings),
    )
    return Heard(inbound, file)


def _media(media: Mapping[str, Any], kind: str, id: str) -> tuple[str, Wanted]:
    content_type = str(media.get("mime_type") or "application/octet-stream").partition(";")[0].strip()
    name = str(media.get("filename") or "") or f"{MEDIA[kind]}{SUFFIXES.get(content_type, '')}"
    name = re.sub(r"[\\/\x00-\x1f]", "_", name)[:200]
    return str(media.get("caption") or ""), Wanted(str(media["id"]), name, content_type)


def _pressed(interactive: Mapping[str, Any], now: datetime, context: Mapping[str, Any], newest: str) -> str:
    """What a button answers; its words once it could answer another question than the one it was offered for."""
    kind = str(interactive["type"])
    if kind not in ("button_reply", "list_reply"):
        return "(formulaire WhatsApp rempli)"
    reply = interactive[kind]
    answer = pressed(str(reply["id"]), now)
    if answer and newest in ("", context.get("id", newest)):
        return answer
    words = str(reply.get("description") or "") or re.sub(r"^\d+\.\s*", "", str(reply["title"]))
    return words.removeprefix("Autre chose : ")


def _shared(kind: str, message: Mapping[str, Any]) -> str:
    """Words in parentheses for what was sent without any."""
    if kind == "location":
        place = message["location"]
        name = ", ".join(str(place[key]) for key in ("name", "address") if place.get(key))
        where = f"{float(place['latitude']):.5f}, {float(place['longitude']):.5f}"
        return f"(lieu partagé : {name}, {where})" if name else f"(position partagée : {where})"
    if kind == "contacts":
        return "\n".join(_contact(each) for each in _dicts(message["contacts"])) or "(contact partagé)"
    if kind == "order":
        return "(commande WhatsApp)"
    errors = _dicts(message.get("errors"))
    code = f" (code {errors[0].get('code')})" if errors else ""
    return f"{UNREADABLE[:-1]}{code.replace('(', '[').replace(')', ']')})"


def _contact(contact: Mapping[str, Any]) -> str:
    numbers = [str(phone.get("phone") or phone.get("wa_id") or "") for phone in _dicts(contact.get("phones"))]
    parts = [str(contact["name"]["formatted_name"]), *filter(None, numbers)]
    said_ = ", ".join(parts).replace("(", "").replace(")", "")
    return f"(contact partagé : {said_})"


def _report(status: Mapping[str, Any]) -> Receipt | None:
    state, id = STATES.get(str(status.get("status"))), str(status.get("id") or "")
    if state is None or not id:
        return None
    reason = ""
    if state == "failed":
        errors = _dicts(status.get("errors"))
        first: Mapping[str, Any] = errors[0] if errors else {}
        title = said(str(first.get("title") or first.get("message") or "sans raison donnée"))
        reason = f"WhatsApp ne l'a pas remis : {title} ({first.get('code', 'sans code')})"
    key = str(status.get("biz_opaque_callback_data") or "")
    return Receipt(NAME, id, state, reason, key)  # type: ignore[arg-type]
