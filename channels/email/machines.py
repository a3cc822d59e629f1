"""Telling machines from people, and reading bounces: RFC 3834, 3464 and 5965, and what servers really send."""

import logging
import re
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from itertools import islice
from typing import Literal

from flufl.bounce import all_failures

from . import patterns as p
from .parts import Opened, Part, decode_charset

Kind = Literal["human", "bounce", "auto", "complaint", "bulk", "list"]
MAX_REPORT = 200_000  # bytes that are given to flufl.bounce
MAX_BOUNCED = 200
RETURNED = (
    "message/rfc822",
    "text/rfc822-headers",
    "message/rfc822-headers",
    "message/global",
    "message/global-headers",
)

logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)  # it logs the addresses that it finds
_FIELDS = re.compile(r"(?im)^([\w-]+)[ \t]*:[ \t]*(.*(?:\n[ \t]+.*)*)")
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_BRACKETED = re.compile(r"<([^<>\s@]{1,64}@[^<>\s@]{1,255})>")
_REPLY_CODE = re.compile(r"(?<![\d.])([45])\d\d(?=[ -])")
_MESSAGE_ID = re.compile(r"(?im)^Message-Id:[ \t\r\n]*(<[^<>\r\n]{1,250}>)")
_LOOKS_RETURNED = re.compile(
    r"(?i)^[\s>*-]{0,20}(?:-+ ?(?:transcript of session|the following addresses|original message|"
    r"returned message|message original|"
    r"this is a copy of the message|copie du message)|"
    r"(?:your|the following) (?:mail|message|e-?mail)\b.{0,80}\b(?:could not be|cannot be|was not|has not been|"
    r"wasn't|couldn't be|is being returned|"
    r"undeliver|failed|rejected)|(?:i'm |we're |i am )?(?:sorry|afraid)\b.{0,60}\b(?:deliver|unable)|"
    r"hi\. this is the\b.{0,60}|"
    r"this (?:message|is a message|report|mail) .{0,80}(?:undeliver|mail delivery|delivery failure|automatically by)|"
    r"delivery (?:has failed|to the following|of (?:this|your) message)\b|a message that you sent (?:could not|"
    r"contained no)|"
    r"(?:votre|le) (?:message|courriel|courrier|e-?mail)\b.{0,120}\b(?:n'a (?:pas )?pu être|n'a pas été|"
    r"ne peut (?:pas )?être|non remis|a été (?:rejeté|refusé)|"
    r"n’a (?:pas )?pu être|n’a pas été)\b|(?:la remise|échec de la remise|l'envoi) .{0,60}(?:a échoué|"
    r"aux destinataires)|impossible de (?:remettre|délivrer|distribuer)|"
    r"(?:\S+@\S+\s.{0,20})?user unknown|unknown (?:user|recipient)|"
    r"could not be delivered to\b|error: invalid user|\d{3} .{0,60}no such (?:user|mailbox))"
)


@dataclass(frozen=True)
class BouncedRecipient:
    """An address that a mail of ours did not reach; `hard` when it never will."""

    address: str
    status: str
    hard: bool
    message_id_of_original: str = ""


def kind_of(mail: Opened, text: str) -> Kind:
    """Name who wrote a mail; a person is never called a machine on one weak sign.

    1. Reports by their type. 2. Bounces by sender, subject or opening words, two of them, or a sure header.
    3. Automatic replies by RFC 3834 headers or by their subject. 4. Lists and bulk, unless a person writes through.
    """
    if reported := _report(mail):
        return reported
    if _is_complaint(mail):
        return "complaint"
    if _is_bounce(mail, text):
        return "bounce"
    if _is_auto(mail, text):
        return "auto"
    return _mass(mail)


def _report(mail: Opened) -> Kind | None:
    kinds = {part.content_type for part in mail.parts}
    if "message/feedback-report" in kinds or mail.parameters.get("report-type") == "feedback-report":
        return "complaint"
    if mail.content_type == "multipart/report" or "message/delivery-status" in kinds:
        if (
            "message/disposition-notification" in kinds
            or mail.parameters.get("report-type") == "disposition-notification"
        ):
            return "auto"
        # A person forwarding a bounce attaches it; the report is then inside message/rfc822, which is not opened.
        return "bounce"
    return None


def _is_complaint(mail: Opened) -> bool:
    subject = mail.header("subject")
    if re.match(r"(?i)\s*(?:complaint about message from|abuse report\b|email feedback report)", subject):
        return True
    return bool(mail.raw("feedback-type")) or '"notificationType":"Complaint"' in _amazon_notice(mail)


def _amazon_notice(mail: Opened) -> str:
    """The JSON that Amazon SES sends about a mail of ours through its notification service."""
    return _first_text(mail, 20_000).replace(" ", "") if "sns.amazonaws.com" in sender_of(mail).lower() else ""


def sender_of(mail: Opened) -> str:
    return (mail.header("from") or mail.header("sender"))[:1000]


def _null_path(mail: Opened) -> bool:
    return any(re.fullmatch(r"\s*<\s*>\s*|", path) for path in mail.headers_named("return-path"))


def _is_daemon(mail: Opened) -> bool:
    sender = sender_of(mail)
    address = next(iter(re.findall(r"[^\s<>\"()]+@[^\s<>\"()]+", sender)), sender)
    return bool(
        p.DAEMON.match(address) or p.DAEMON.match(sender) or re.search(r"(?i)\(mail delivery (?:sub)?system\)", sender)
    )


def _is_bounce(mail: Opened, text: str) -> bool:
    if mail.raw("x-failed-recipients") or '"notificationType":' in _amazon_notice(mail):
        return True
    subject = bool(p.BOUNCE_SUBJECT.match(mail.header("subject")))
    daemon, opening = _is_daemon(mail), any(_LOOKS_RETURNED.match(line) for line in text[:3000].split("\n"))
    signs = sum((subject, daemon, _null_path(mail), opening))
    if signs >= 2:
        return bool(not _is_vacation(mail) or daemon)
    if daemon and not mail.raw("in-reply-to"):
        return True
    if signs and not mail.raw("in-reply-to"):
        return bool(failures(mail))
    return False


def _is_vacation(mail: Opened) -> bool:
    subject = mail.header("subject")
    return bool(p.AUTO_SUBJECT.match(subject) or p.AUTO_TAIL.search(subject))


def _is_auto(mail: Opened, text: str) -> bool:
    submitted = mail.raw("auto-submitted").split(";")[0].split("(")[0].strip().lower()
    if submitted and submitted != "no":
        return True
    if mail.raw("precedence").lower() in ("auto_reply", "auto-reply") or any(mail.raw(name) for name in p.AUTO_HEADERS):
        return True
    if mail.raw("x-precedence").lower() == "auto_reply" or mail.raw("x-post-messageclass") or _is_vacation(mail):
        return True
    suppress = mail.raw("x-auto-response-suppress").lower()
    if ("all" in suppress or "oof" in suppress or "autoreply" in suppress) and (
        _null_path(mail) or not re.match(r"(?i)\s*re\s?:", mail.header("subject"))
    ):
        return True
    return bool(_null_path(mail) and mail.raw("precedence")) or _opens_automatically(text)


def _opens_automatically(text: str) -> bool:
    return bool(p.AUTO_BODY.match(text[:400].strip())) and "?" not in text[:2000]


def _mass(mail: Opened) -> Kind:
    precedence = mail.raw("precedence").lower()
    listed = any(mail.raw(name) for name in p.LIST_HEADERS)
    if not listed and precedence not in ("bulk", "junk", "list"):
        return "human"
    if mail.raw("in-reply-to") or re.match(r"(?i)\s*(?:\[[^\]]*\]\s*)?(?:re|réf?|aw|sv)\s?:", mail.header("subject")):
        return "human"
    if mail.raw("x-original-from") or re.search(r"(?i)['’\"] via \w", mail.raw("from")):
        return "human"  # a group's address hands on what a person wrote to it
    return (
        "list"
        if (mail.raw("list-id") and mail.raw("list-post")) or (mail.raw("list-id") and precedence == "list")
        else "bulk"
    )


def _first_text(mail: Opened, limit: int) -> str:
    return next(
        (decode_charset(part.bytes(limit), "utf-8") for part in mail.parts if part.content_type == "text/plain"), ""
    )


# ---------------------------------------------------------------- bounces
def bounced(mail: Opened) -> tuple[BouncedRecipient, ...]:
    """The addresses that a bounce names: its delivery report, else flufl.bounce, then X-Failed-Recipients."""
    original = _original_id(mail)
    found: dict[str, BouncedRecipient] = {}
    for part in mail.parts:
        if part.content_type in ("message/delivery-status", "message/global-delivery-status"):
            for recipient in _delivery_status(part, original):
                found.setdefault(recipient.address.lower(), recipient)
    text = "" if found else _first_text(mail, 20_000)
    status = _status_in(text)
    for address, hard in (failures(mail) if text else {}).items():
        found[address.lower()] = BouncedRecipient(address, status, hard and not status.startswith("4"), original)
    for address in re.findall(r"[^\s,<>]+@[^\s,<>]+", mail.raw("x-failed-recipients")[:5000]):
        found.setdefault(address.lower(), BouncedRecipient(address, "", True, original))
    if not found and status:
        # No report and no known wording: the addresses that the text puts between brackets, beside the code.
        for address in _BRACKETED.findall(text[:3000])[:5]:
            found.setdefault(address.lower(), BouncedRecipient(address, status, status.startswith("5"), original))
    return tuple(found.values())[:MAX_BOUNCED]


def _delivery_status(part: Part, original: str) -> list[BouncedRecipient]:
    out = []
    for block in re.split(r"\n[ \t]*\n", part.text()[:MAX_REPORT])[: MAX_BOUNCED + 1]:
        fields = {name.lower(): " ".join(value.split()) for name, value in _FIELDS.findall(block)}
        address = _recipient(fields.get("final-recipient", "")) or _recipient(fields.get("original-recipient", ""))
        action = fields.get("action", "failed").lower()
        if not address or action in ("delivered", "relayed", "expanded"):
            continue
        status = _status_in(fields.get("status", "")) or _status_in(fields.get("diagnostic-code", ""))
        out.append(BouncedRecipient(address, status, action == "failed" and not status.startswith("4"), original))
    return out


def _recipient(value: str) -> str:
    address = value.rsplit(";", 1)[-1].strip().strip("<>").strip()
    return address if "@" in address else ""


def _status_in(text: str) -> str:
    """An enhanced status code (RFC 3463), or one made from the reply code of SMTP."""
    if status := _STATUS.search(text):
        return status.group(1)
    code = _REPLY_CODE.search(text)
    return f"{code.group(1)}.0.0" if code else ""


def _original_id(mail: Opened) -> str:
    """The Message-ID of the mail that came back, from the part that returns it, else from the text."""
    returned = [decode_charset(part.bytes(50_000), "utf-8") for part in mail.parts if part.content_type in RETURNED]
    for text in (*returned, _first_text(mail, 50_000)):
        if match := _MESSAGE_ID.search(text):
            return match.group(1)
    return mail.raw("in-reply-to")[:250]


def failures(mail: Opened) -> dict[str, bool]:
    """What flufl.bounce finds: address -> whether for good."""
    try:
        temporary, permanent = all_failures(_as_message(mail))
    except Exception:
        return {}
    found = dict.fromkeys(temporary, False) | dict.fromkeys(permanent, True)
    return {text: hard for address, hard in found.items() if (text := _as_text(address))}


def _as_text(address: bytes | str) -> str:
    text = address.decode("utf-8", "replace") if isinstance(address, bytes) else address
    return text.strip() if "@" in text else ""


def _as_message(mail: Opened) -> Message:
    """A small copy for flufl.bounce: its detectors walk and search the whole message."""
    head = b"".join(
        f"{key}: {value[:2000]}\n".encode("utf-8", "replace")
        for key, values in islice(mail.headers.items(), 200)
        for value in values[:3]
    )
    if not mail.content_type.startswith("multipart/"):
        body = mail.parts[0].bytes(MAX_REPORT) if mail.parts else b""
        return message_from_bytes(re.sub(rb"(?im)^content-transfer-encoding:.*\n", b"", head) + b"\n" + body)
    room = MAX_REPORT
    pieces = [
        re.sub(rb"(?im)^content-type:.*\n(?:[ \t].*\n)*", b"", head),
        b'Content-Type: multipart/report; boundary="=_parts"\n\n',
    ]
    for part in mail.parts[:10]:
        body = part.bytes(room)
        room -= len(body)
        pieces += [b"--=_parts\nContent-Type: " + part.content_type.encode("ascii", "replace") + b"\n\n", body, b"\n"]
    return message_from_bytes(b"".join([*pieces, b"--=_parts--\n"]))
