"""Signed tokens for the asker's link, the officer's reply and what follows a ticket; pure.

A token is 45 characters of lower-case base32, so that it survives in the local part of a mail address (RFC 5321: 64 at
most): purpose, key id (the first byte of the secret's sign), subject, who, last day (12 bytes), then 128 bits of
HMAC-SHA256 (16 bytes).
"""

import base64
import binascii
import hashlib
import hmac
import struct
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from channels.vault import Vault, sign_of

OFFICER, ASKER, LINK, PARTNER, MEMBER = "o", "a", "l", "p", "m"
LAYOUT = struct.Struct(">cBIIH")
MAC_BYTES = 16
BEFORE_SIGNS = 1  # the key id of tokens made before secrets had a sign
EPOCH = date(2020, 1, 1)


@dataclass(frozen=True)
class Claim:
    """What a token says: its holder (`who`) may act on `subject` for this purpose until the end of `last_day` (UTC)."""

    purpose: str
    subject: int
    who: int
    last_day: date


def sign(vault: Vault, claim: Claim) -> str:
    vault = vault.still()
    days = (claim.last_day - EPOCH).days
    payload = LAYOUT.pack(claim.purpose.encode(), sign_of(vault.secret)[0], claim.subject, claim.who, days)
    return base64.b32encode(payload + _mac(vault.key("tokens"), payload)).decode().rstrip("=").lower()


def read(vault: Vault, token: str, now: datetime) -> Claim | None:
    """What a token says, or None if it is not one of ours, was changed, or is over.

    A token signed under an earlier secret counts for its whole life, while that secret is kept.
    """
    try:
        raw = base64.b32decode(token.upper() + "=" * (-len(token) % 8))
        purpose, id, subject, who, days = LAYOUT.unpack(raw[: LAYOUT.size])
    except (binascii.Error, ValueError, struct.error):
        return None
    payload, mac = raw[: LAYOUT.size], raw[LAYOUT.size :]
    vault = vault.still()
    signers = zip(vault.secrets, vault.keys("tokens"), strict=True)
    known = [key for secret, key in signers if id in (BEFORE_SIGNS, sign_of(secret)[0])]
    if not any(hmac.compare_digest(mac, _mac(key, payload)) for key in known):
        return None
    claim = Claim(purpose.decode("latin-1"), subject, who, EPOCH + timedelta(days=days))
    return claim if now.astimezone(UTC).date() <= claim.last_day else None


def _mac(key: bytes, payload: bytes) -> bytes:
    return hmac.new(key, payload, hashlib.sha256).digest()[:MAC_BYTES]
