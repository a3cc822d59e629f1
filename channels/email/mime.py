"""Reading one raw mail: who wrote it, what they wrote, what is attached, and whether a machine did."""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from . import machines, parts
from .machines import BouncedRecipient, Kind
from .parts import Opened, Part, Unreadable
from .patterns import MARKER
from .render import lines_of_html
from .reply import Reply, read_reply

__all__ = [
    "MARKER",
    "Attachment",
    "BouncedRecipient",
    "Kind",
    "Mail",
    "Mailbox",
    "Unreadable",
    "kind_of_mail",
    "read_mail",
    "visible_reply",
]

MAX_RECIPIENTS = 1_000
MAX_TOKENS = 50
MAX_TEXT_PARTS = 20
MAX_IDS = 100
RECIPIENTS_CUT = "trop de destinataires : seuls les premiers sont lus"
TNEF = "pièce winmail.dat (format propre à Outlook) : son contenu n'est pas lu"
ALTERED = "le type de « {name} » n'est pas celui qu'il annonce"

_ADDRESS = re.compile(r"(?<![^\s<>()\[\],;:\"'@=])[^\s<>()\[\],;:\"'@=]{1,128}@[^\s<>()\[\],;:\"'@=]{1,253}")
_ID = re.compile(r"<[^<>\s]{1,400}>")
T = TypeVar("T")
_TEXT_HEADERS = ("to", "cc", "delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-delivered-to")


@dataclass(frozen=True)
class Mailbox:
    """A name and an address, as a header gives them."""

    name: str
    address: str


@dataclass(frozen=True)
class Attachment:
    """A file; `content_type` is what its first bytes say, `declared` what the sender says."""

    filename: str
    content_type: str
    declared: str
    size: int
    content: bytes
    inline: bool = False  # a picture that the text shows where it stands


@dataclass(frozen=True)
class Mail:
    """A mail, read. `tokens` are candidates: whoever knows the secret checks them."""

    sender: Mailbox
    recipients: tuple[str, ...]
    subject: str
    text: str
    signature: str
    quoted: str
    kind: Kind
    tokens: tuple[str, ...]
    message_id: str
    in_reply_to: str
    references: tuple[str, ...]
    date: datetime | None
    attachments: tuple[Attachment, ...]
    auto_submitted: str
    authentication_results: tuple[str, ...]
    list_unsubscribe: str
    bounced: tuple[BouncedRecipient, ...]
    warnings: tuple[str, ...]


def visible_reply(raw: bytes, *, sent: str = "") -> str:
    """What the person wrote, without quotes and signature, or Unreadable; `sent`: the mail of ours that it answers."""
    return _guarded(lambda: _body(parts.open_mail(raw), sent)[0].visible)


def kind_of_mail(raw: bytes) -> Kind:
    """human, bounce, auto, complaint, bulk or list; raises Unreadable."""

    def kind() -> Kind:
        mail = parts.open_mail(raw)
        return machines.kind_of(mail, _body(mail, "")[1])

    return _guarded(kind)


def read_mail(raw: bytes, *, own_domains: Collection[str] = (), sent: str = "") -> Mail:
    """Read a whole mail, or raise Unreadable with a reason in French, and nothing else.

    `own_domains`: our mail domains; tokens are then looked for in addresses and Message-IDs of these alone.
    """
    return _guarded(lambda: _read(raw, own_domains, sent))


def _guarded(work: Callable[[], T]) -> T:
    """Whatever a hostile mail breaks, the caller hears one word."""
    try:
        return work()
    except Unreadable:
        raise
    except (RecursionError, MemoryError) as error:
        raise Unreadable("message trop complexe pour être lu") from error
    except Exception as error:
        raise Unreadable(f"message mal formé ({type(error).__name__})") from error


def _read(raw: bytes, own_domains: Collection[str], sent: str) -> Mail:
    mail = parts.open_mail(raw)
    reply, text, warnings = _body(mail, sent)
    kind = machines.kind_of(mail, text)
    recipients = _recipients(mail)
    attachments = tuple(_attachment(part, number) for number, part in enumerate(mail.parts) if not _is_body(part))
    if len(recipients) >= MAX_RECIPIENTS:
        warnings.append(RECIPIENTS_CUT)
    in_reply_to, references = _ids(mail, "in-reply-to"), _ids(mail, "references")
    return Mail(
        sender=_sender(mail),
        recipients=recipients,
        subject=mail.header("subject")[:500],
        text=reply.visible,
        signature=reply.signature,
        quoted=reply.quoted,
        kind=kind,
        tokens=_tokens(mail, (*in_reply_to, *references), {domain.lower().lstrip("@") for domain in own_domains}),
        message_id=next(iter(_ids(mail, "message-id")), ""),
        in_reply_to=next(iter(in_reply_to), ""),
        references=references,
        date=_date(mail.raw("date")),
        attachments=attachments,
        auto_submitted=mail.raw("auto-submitted")[:200],
        authentication_results=mail.headers_named("authentication-results")[:20],
        list_unsubscribe=mail.raw("list-unsubscribe")[:1000],
        bounced=machines.bounced(mail) if kind == "bounce" else (),
        warnings=tuple(dict.fromkeys([*mail.warnings, *warnings, *_doubts(attachments)])),
    )


# ---------------------------------------------------------------- the body
def _is_body(part: Part) -> bool:
    shown = part.content_type in ("text/plain", "text/html")
    return shown and part.disposition[0] != "attachment" and not part.filename


def _body(mail: Opened, sent: str) -> tuple[Reply, str, list[str]]:
    """The reply, the rendered text that it was read from, and warnings."""
    warnings: list[str] = []
    bodies = [part for part in mail.parts if _is_body(part)][:MAX_TEXT_PARTS]
    plain = _plain(part for part in bodies if part.content_type == "text/plain")
    html = _html((part for part in bodies if part.content_type == "text/html"), warnings)
    if any(len(part.body) > parts.MAX_TEXT for part in bodies if part.content_type == "text/plain"):
        warnings.append(parts.TEXT_CUT)
    subject = mail.header("subject")
    alternative = any("multipart/alternative" in part.path for part in bodies)
    if plain.strip() and html.strip() and not alternative:
        html = ""  # a footer or a second text: the plain one comes first and is what was typed
    read_plain = read_reply(plain, subject=subject, sent=sent)
    if not html.strip():
        return read_plain, plain, warnings
    read_html = read_reply(html, subject=subject, sent=sent)
    return (read_html, html, warnings) if _html_says_more(read_plain, read_html) else (read_plain, plain, warnings)


def _html_says_more(plain: Reply, html: Reply) -> bool:
    """Whether the plain part is a stub, or hides quotes that the HTML marks; never at the price of its words."""
    if not html.visible.strip():
        return False
    said = set(re.findall(r"\w+", plain.visible.casefold()))
    if not said or (len(plain.visible) < 400 and "html" in said and len(html.visible) > len(plain.visible)):
        return True
    shared = len(said & set(re.findall(r"\w+", html.visible.casefold()))) / len(said)
    if len(html.visible) > 3 * len(plain.visible) + 200:
        return shared == 1
    hidden = not plain.quoted and not plain.forwarded
    return (hidden or plain.whole) and bool(html.quoted) and not html.whole


def _plain(found: Iterable[Part]) -> str:
    return "\n".join(part.text() for part in found)


def _html(found: Iterable[Part], warnings: list[str]) -> str:
    out = []
    for part in found:
        text, cut = lines_of_html(part.text(parts.MAX_HTML))
        out.append(text)
        if cut:
            warnings.append(parts.TEXT_CUT)
    return "\n".join(out)


# ---------------------------------------------------------------- headers
def _sender(mail: Opened) -> Mailbox:
    """The first mailbox of From: linear, unlike email.utils on hostile values."""
    value = (mail.raw("from") or mail.raw("sender"))[:2000]
    found = re.search(r"<\s*([^<>\s]+@[^<>\s]+)\s*>", value) or _ADDRESS.search(value)
    if not found:
        return Mailbox(parts.decode_words(value)[:200], "")
    address = found.group(found.lastindex or 0).lower()
    name = parts.decode_words(value[: found.start()]).strip().strip("\"' \t,;")
    comment = re.search(r"\(([^()]{1,200})\)\s*$", value[found.end() :])
    return Mailbox(
        (name or (parts.decode_words(comment.group(1)) if comment else "")).replace('\\"', '"')[:200], address
    )


def _values(mail: Opened, names: Collection[str]) -> Iterable[str]:
    """Header values whole, beyond the cap on decoding: our token may stand behind many recipients."""
    return (value for name in names for value in mail.headers.get(name, ()))


def _recipients(mail: Opened) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for value in _values(mail, ("to", "cc")):
        for match in _ADDRESS.finditer(value):
            found[match.group().lower()] = None
            if len(found) >= MAX_RECIPIENTS:
                return tuple(found)
    return tuple(found)


def _ids(mail: Opened, name: str) -> tuple[str, ...]:
    return tuple(_ID.findall(mail.raw(name)))[-MAX_IDS:]


def _tokens(mail: Opened, ids: Iterable[str], own: set[str]) -> tuple[str, ...]:
    """Candidates: what follows a plus in the addresses it came to, and how the Message-IDs it answers begin."""
    found: dict[str, None] = {}
    for value in _values(mail, _TEXT_HEADERS):
        for match in re.finditer(r"\+([\w.=~-]{1,100})@([\w.-]{1,253})", value):
            if not own or match.group(2).lower() in own:
                found[match.group(1)] = None
            if len(found) >= MAX_TOKENS:
                break
    for identifier in reversed(list(ids)):
        local, _, domain = identifier.strip("<>").rpartition("@")
        if local and (not own or domain.lower() in own):
            found[local.split(".")[0]] = None
            found[local] = None
    return tuple(found)[:MAX_TOKENS]


def _date(value: str) -> datetime | None:
    try:
        return parsedate_to_datetime(value[:100])
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


# ---------------------------------------------------------------- attachments
def _attachment(part: Part, number: int) -> Attachment:
    content = part.bytes()
    declared = part.content_type
    names = {
        "message/rfc822": "message.eml",
        "text/calendar": "invitation.ics",
        "text/plain": "texte.txt",
        "text/html": "page.html",
    }
    filename = part.filename or names.get(declared, f"piece-{number}")
    shown = part.disposition[0] != "attachment" and bool(parts.raw_header(part.headers, "content-id"))
    kind = parts.type_by_magic(content, declared)
    return Attachment(filename, kind, declared, len(content), content, shown and kind.startswith("image/"))


def _doubts(attachments: Iterable[Attachment]) -> Iterable[str]:
    for attachment in attachments:
        if attachment.content_type == "application/ms-tnef" or attachment.filename.lower() == "winmail.dat":
            yield TNEF
        elif (
            attachment.content_type in ("application/x-msdownload", "application/x-executable")
            and attachment.declared != attachment.content_type
        ):
            yield ALTERED.format(name=attachment.filename)
