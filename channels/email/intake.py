"""From a raw mail to what the bot understands: a message, or the news that one of ours did not arrive; pure."""

import re
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256

from channels.contract import Address, Attachment, Inbound, Nature, Proof, Receipt

from .letter import TOKEN, is_ours
from .mime import BouncedRecipient, Mail, Unreadable, read_mail
from .parts import TEXT_CUT
from .settings import EmailSettings

MAX_ATTACHMENT = 10_000_000  # bytes
MAX_ATTACHMENTS = 20
MAX_SIZE = 30_000_000  # bytes of a mail that is fetched whole
MAX_REFERENCES = 20
PASSING = (
    "4.",
    "5.2.2",
    "5.2.3",
    "5.3",
    "5.5",
    "5.6",
    "5.7",
)  # a full mailbox, a size, a policy: the address is still someone's
UNKNOWN = "expediteur-inconnu@mail.invalid"  # .invalid never receives anything (RFC 2606)
ILLEGIBLE = "(message illisible)"
TOO_BIG = "(message trop volumineux pour être lu)"

_REPLY_OR_FORWARD = re.compile(r"(?i)^\s*(?:\[[^\]]{0,60}\]\s*)?(?:re|ré[fp]?|tr|fwd?|aw|sv|wg)\s?(?:\[\d+\])?\s?[:：]")
_NO_SUBJECT = re.compile(r"(?i)^\W*(?:(?:sans|aucun|pas d')\s?(?:objet|sujet)|no subject)?\W*$")
TOO_LARGE = ("5.3.4", "5.2.3")  # RFC 3463
_REASONS = {
    "5.1": "cette adresse n'existe pas",
    "5.2.2": "la boîte de réception est pleine",
    "5.2.3": "le message est trop volumineux",
    "5.2": "cette boîte n'accepte pas de message",
    "5.3": "le message est trop volumineux",
    "5.4": "le serveur du destinataire est introuvable",
    "5.7": "le serveur du destinataire refuse nos messages",
}


def understand(raw: bytes, heard_at: datetime, settings: EmailSettings, *, whole: bool = True) -> Inbound | Receipt:
    """What one raw mail says; `whole` is False when only its headers were fetched. No sender can make it raise."""
    try:
        mail = read_mail(raw, own_domains=(settings.domain,))
    except Unreadable as error:
        return _unreadable(raw, heard_at, settings, str(error))
    if failed := _receipt(mail, settings):
        return failed
    text, subject = clean(mail.text), clean(mail.subject)
    warnings = [clean(warning) for warning in mail.warnings]
    nature = _nature(mail, settings)
    if not whole:
        text = TOO_BIG
        warnings.append(f"message de plus de {MAX_SIZE // 1_000_000} Mo : seuls ses en-têtes sont lus")
        nature = "unsure" if nature == "person" else nature
    elif not text.strip() and _tells(mail, subject):
        text, subject = subject, ""
    attachments = _attachments(mail, warnings) if whole else ()
    if whole and TEXT_CUT in mail.warnings:  # what was not read can be read by a person
        attachments = (*_original(raw), *attachments)
    return Inbound(
        external_id=_external_id(raw, mail),
        sender=Address("email", mail.sender.address.lower() or UNKNOWN),
        text=text,
        heard_at=heard_at,
        account=settings.address,
        token=_token(mail.tokens),
        subject=subject,
        thread=" ".join(dict.fromkeys(i for i in (mail.message_id, *mail.references[-MAX_REFERENCES:]) if i)),
        nature=nature,
        proof=proof(mail.authentication_results, settings.authserv_id, mail.sender.address),
        attachments=attachments,
        warnings=tuple(warnings),
    )


def clean(text: str) -> str:
    """Nothing that a database refuses: no NUL, no half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "")


def proof(results: Iterable[str], authserv_id: str, sender: str) -> Proof:
    """What our receiving server says of the sender (RFC 8601): its topmost header; those below may be forged."""
    if not authserv_id:
        return ""
    ours = [authserv_id.lower()]
    for value in results:
        plain = re.sub(r"\([^()]*\)", " ", value)
        server, *claims = plain.split(";")
        if server.lower().split()[:1] != ours:
            continue
        for claim in claims:
            if re.match(r"\s*dmarc\s*=\s*pass\b", claim, re.I):
                return "pass" if _same_domain(claim, sender) else "fail"
        return "fail"
    return "fail"


def _same_domain(claim: str, sender: str) -> bool:
    """DMARC speaks of the domain in From; if the header names it, it must be the one we read."""
    named = re.search(r"header\.from\s*=\s*\"?([^\s\";]+)", claim, re.I)
    domain, claimed = sender.rpartition("@")[2].lower(), named.group(1).lower().rpartition("@")[2] if named else ""
    return not claimed or domain == claimed or domain.endswith("." + claimed)


def _nature(mail: Mail, settings: EmailSettings) -> Nature:
    if _is_us(mail.sender.address, settings):
        return "machine"
    if mail.kind not in ("human", "list"):
        return "machine"
    return "person" if mail.sender.address else "unsure"


def _is_us(address: str, settings: EmailSettings) -> bool:
    local, _, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}" == settings.address


def _tells(mail: Mail, subject: str) -> bool:
    """Whether a subject may stand for a body that is not there."""
    starts = not mail.in_reply_to and not mail.references
    return starts and not _REPLY_OR_FORWARD.match(subject) and not _NO_SUBJECT.match(subject)


def _token(candidates: Iterable[str]) -> str:
    return next((c.lower() for c in candidates if TOKEN.fullmatch(c.lower())), "")


def _external_id(raw: bytes, mail: Mail) -> str:
    """The same however often the mail is fetched, from whatever folder; two mails that share a Message-ID stay two."""
    if not mail.message_id:
        return sha256(raw).hexdigest()
    told = f"{mail.sender.address}\0{mail.text}".encode("utf-8", "replace")
    return clean(f"{mail.message_id} {sha256(told).hexdigest()[:12]}")


def _attachments(mail: Mail, warnings: list[str]) -> tuple[Attachment, ...]:
    kept: list[Attachment] = []
    for found in mail.attachments:
        if found.size > MAX_ATTACHMENT:
            warnings.append(f"pièce jointe non gardée, plus de 10 Mo : {clean(found.filename)}")
        elif len(kept) >= MAX_ATTACHMENTS:
            warnings.append(f"plus de {MAX_ATTACHMENTS} pièces jointes : seules les premières sont gardées")
            break
        else:
            name, kind = clean(found.filename), clean(found.content_type)
            kept.append(Attachment(name, kind, found.content, inline=found.inline))
    return tuple(kept)


def _original(raw: bytes) -> tuple[Attachment, ...]:
    return (Attachment("message.eml", "message/rfc822", raw, whole=True),) if len(raw) <= MAX_ATTACHMENT else ()


def _receipt(mail: Mail, settings: EmailSettings) -> Receipt | None:
    if mail.kind != "bounce":
        return None
    for recipient in mail.bounced:
        if recipient.hard and is_ours(recipient.message_id_of_original, settings.domain):
            gone = not recipient.status.startswith(PASSING)
            original = recipient.message_id_of_original.strip()
            heavy = recipient.status in TOO_LARGE
            return Receipt("email", original, "failed", _reason(recipient), gone=gone, heavy=heavy)
    return None


def _reason(recipient: BouncedRecipient) -> str:
    status = recipient.status
    words = next((_REASONS[s] for s in (status, status[:3]) if s in _REASONS), "le message est revenu")
    return f"{words} ({status})" if status else words


def _unreadable(raw: bytes, heard_at: datetime, settings: EmailSettings, reason: str) -> Inbound:
    head = raw[:100_000].decode("utf-8", "replace")
    sender = re.search(r"(?im)^from:[^\n]{0,500}?([\w.+=-]{1,64}@[\w.-]{1,200})", head)
    subject = re.search(r"(?im)^subject:([^\r\n]{0,500})", head)
    return Inbound(
        external_id=sha256(raw).hexdigest(),
        sender=Address("email", sender.group(1).lower() if sender else UNKNOWN),
        text=ILLEGIBLE,
        heard_at=heard_at,
        account=settings.address,
        subject=clean(subject.group(1)).strip() if subject else "",
        nature="unsure",
        attachments=_original(raw),
        warnings=(f"message illisible : {clean(reason)}",),
    )
