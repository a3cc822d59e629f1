"""Writing one mail: the words as text and as quiet HTML, with what a reply needs to find its way back; pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from email import charset
from email.encoders import encode_base64
from email.header import Header
from email.message import Message
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import format_datetime, formataddr
from hashlib import sha256
from importlib.resources import files

from jinja2 import Environment
from markupsafe import Markup, escape

from channels.contract import Attachment, Outbound, Undeliverable

from .patterns import MARKER

QUOTED_PRINTABLE = charset.Charset("utf-8")
QUOTED_PRINTABLE.body_encoding = charset.QP
MAX_REFERENCES = 20
MAX_SUBJECT = 200
TOKEN = re.compile(r"[a-z2-7]{45}")
INVITING = ("REQUEST", "CANCEL", "REPLY", "COUNTER")

_LINK = re.compile(r"https?://[^\s<>\"«»]+[^\s<>\"«».,;:!?)\]'’]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]|[\ud800-\udfff]")
_BULLET = re.compile(r"^\s*[-•–]\s+")
_METHOD = re.compile(rb"(?im)^METHOD:([A-Z-]{3,20})\s*$")
_NUMBER = re.compile(r"^\s*(\d{1,2})[.)]\s+")


@dataclass(frozen=True)
class Letter:
    """A mail ready to go."""

    message_id: str
    sender: str
    recipient: str
    raw: bytes


@dataclass(frozen=True)
class Block:
    """A piece of a mail's text: a paragraph (`p`), a list (`ul`) or numbered choices (`ol`)."""

    kind: str
    lines: tuple[Markup, ...]
    start: int = 1


def message_id(key: str, token: str, domain: str) -> str:
    """The same for the same key, so that a repeat is recognised; the token in front comes back with a reply."""
    return f"<{token or 'x'}.{sha256(key.encode()).hexdigest()[:20]}@{domain}>"


def is_ours(identifier: str, domain: str) -> bool:
    """Whether a Message-ID looks like those that `message_id` makes."""
    return bool(re.fullmatch(rf"<(?:x|[a-z2-7]{{45}})\.[0-9a-f]{{20}}@{re.escape(domain)}>", identifier.strip(), re.I))


def write_letter(message: Outbound, key: str, address: str, organisation: str, now: datetime) -> Letter:
    """One mail from `address`; Undeliverable if the recipient's address can be none.

    Every header value is put on one line first, so nothing that a person wrote can add a header.
    """
    recipient = _recipient(message.recipient.handle)
    local, _, domain = address.rpartition("@")
    token = message.token if TOKEN.fullmatch(message.token) else ""
    text = _text(message, bool(token))
    subject = _line(message.subject)[:MAX_SUBJECT].strip() or f"Message de la hotline {_line(organisation)}"
    mail = _body(text, subject, [a for a in message.attachments if _method(a) in INVITING])
    if message.attachments:
        whole = MIMEMultipart("mixed", policy=compat32)
        whole.attach(mail)
        for attachment in message.attachments:
            whole.attach(_attached(attachment))
        mail = whole
    identifier = message_id(key, token, domain)
    thread = re.findall(r"<[^<>\s]{1,400}>", message.thread)
    mail["From"] = formataddr((_line(organisation), address))
    mail["To"] = recipient
    mail["Subject"] = subject if subject.isascii() else Header(subject, "utf-8", header_name="Subject").encode()
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = identifier
    if token:
        mail["Reply-To"] = formataddr((_line(organisation), f"{local}+{token}@{domain}"))
    if thread:
        mail["In-Reply-To"] = thread[0]
        mail["References"] = "\r\n ".join([*thread[1:][-MAX_REFERENCES:], thread[0]])
    mail["Auto-Submitted"] = "auto-replied" if thread else "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    # folded by ourselves, where it is needed: a Message-ID must stay on the line of its name
    raw = mail.as_bytes(policy=compat32.clone(linesep="\r\n", max_line_length=None))
    return Letter(identifier, address, recipient, raw)


def _line(text: str) -> str:
    return " ".join(_CONTROL.sub(" ", text).split())


def _recipient(handle: str) -> str:
    local, _, domain = handle.strip().rpartition("@")
    try:
        domain = domain.encode("idna").decode()
    except UnicodeError:
        domain = ""
    address = f"{local}@{domain}"
    if not local or len(address) > 254 or not re.fullmatch(r"[!#$%&'*+/=?^_`{|}~.\w-]+@[\w.-]+", address, re.ASCII):
        raise Undeliverable("l'adresse email n'est pas valable")
    return address


def _text(message: Outbound, awaits_reply: bool) -> str:
    text = _CONTROL.sub("", message.text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if message.choices and not all(choice in text for choice in message.choices):
        text += "\n\n" + "\n".join(f"{n}. {_line(choice)}" for n, choice in enumerate(message.choices, 1))
    return f"{MARKER}\n\n{text}\n" if awaits_reply else f"{text}\n"


def _body(text: str, subject: str, invitations: Iterable[Attachment]) -> Message:
    """The words twice, and an invitation beside them: there the mail programs look for its buttons (RFC 6047, 2.4)."""
    both = MIMEMultipart("alternative", policy=compat32)
    for kind, words in (("plain", text), ("html", html_of(text, subject))):
        part = MIMEText("", kind, policy=compat32)
        del part["Content-Transfer-Encoding"]
        part.set_payload(words, QUOTED_PRINTABLE)
        both.attach(part)
    for invitation in invitations:
        calendar = _attached(invitation)
        del calendar["Content-Disposition"]
        both.attach(calendar)
    both["Content-Language"] = "fr"
    return both


def _method(attachment: Attachment) -> str:
    """What a calendar file asks for (RFC 5546); empty when it asks for nothing, or is none."""
    if _type(attachment) != "text/calendar":
        return ""
    found = _METHOD.search(attachment.content[:4000])
    return found.group(1).decode().upper() if found else ""


def _type(attachment: Attachment) -> str:
    return _line(attachment.content_type).partition(";")[0].strip().lower()


def _attached(attachment: Attachment) -> Message:
    main, _, sub = _type(attachment).partition("/")
    known = re.fullmatch(r"[\w.+-]+", main, re.ASCII) and re.fullmatch(r"[\w.+-]+", sub, re.ASCII)
    if not known or main in ("multipart", "message"):
        main, sub = "application", "octet-stream"
    part = MIMEBase(main, sub, policy=compat32)
    if (main, sub) == ("text", "calendar"):
        part.set_param("charset", "utf-8")
        if method := _method(attachment):
            part.set_param("method", method)
    part.set_payload(attachment.content)
    encode_base64(part)
    name = re.sub(r'[/\\"]', "-", _line(attachment.filename))[:150] or "piece"
    part.add_header("Content-Disposition", "attachment", filename=name if name.isascii() else ("utf-8", "fr", name))
    return part


# ---------------------------------------------------------------- the HTML part
_TEMPLATE = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
    (files("channels.email") / "templates" / "letter.html").read_text("utf-8")
)


def html_of(text: str, subject: str) -> str:
    """The same words in one column that a screen reader, a phone and a dark screen show well; nothing is fetched."""
    marker, rest = (MARKER, text[len(MARKER) :]) if text.startswith(MARKER) else ("", text)
    return _TEMPLATE.render(subject=subject, marker=marker, blocks=_blocks(rest))


def _blocks(text: str) -> list[Block]:
    blocks: list[Block] = []
    for paragraph in re.split(r"\n[ \t]*\n", text.strip("\n")):
        run: list[Markup] = []
        kind, start = "p", 1
        for line in paragraph.split("\n"):
            line_kind, mark = "p", None
            if mark := _BULLET.match(line):
                line_kind = "ul"
            elif mark := _NUMBER.match(line):
                # a list counts on by itself: a number that does not follow stays as it was written
                number = int(mark.group(1))
                if number == (start + len(run) if kind == "ol" and run else 1):
                    line_kind = "ol"
                else:
                    mark = None
            if line_kind != kind and run:
                blocks.append(Block(kind, tuple(run), start))
                run, start = [], 1
            kind = line_kind
            run.append(_linked(line[mark.end() :] if mark else line))
        if any(str(line).strip() for line in run):
            blocks.append(Block(kind, tuple(run), start))
    return blocks


def _linked(line: str) -> Markup:
    out, last = Markup(""), 0
    for match in _LINK.finditer(line):
        link = match.group()
        out += escape(line[last : match.start()])
        out += Markup('<a href="{0}" style="color:#0b5563">{0}</a>').format(link)
        last = match.end()
    return out + escape(line[last:])
