"""The keys that keep phone numbers and emails unreadable to whoever has the database alone; pure."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12
SIGN_BYTES = 4  # before the nonce: under which secret something is sealed, told without opening it


class WrongKey(Exception):
    """What was sealed cannot be opened with this key: it is another installation's, or damaged."""


def new_secret() -> str:
    """A fresh HOTLINE_SECRET: 32 random bytes, URL-safe base64."""
    return secrets.token_urlsafe(32)


@lru_cache(maxsize=256)  # several of them are needed for every message
def _derived(secret: str, purpose: str) -> bytes:
    return HKDF(hashes.SHA256(), 32, None, purpose.encode()).derive(secret.encode())


def sign_of(secret: str) -> bytes:
    """Four bytes that tell one secret from another, and nothing about it."""
    return _derived(secret, "sign")[:SIGN_BYTES]


@dataclass(frozen=True)
class Vault:
    """Seals and opens (AES-256-GCM), and makes the blind index (HMAC-SHA256) by which a handle is found again.

    `secret` seals; what `previous` sealed still opens and is still found. `source` says both anew at each call: the
    newest secret, then those before.
    """

    secret: str = field(repr=False)
    previous: tuple[str, ...] = field(default=(), repr=False)
    source: Callable[[], tuple[str, ...]] | None = field(default=None, repr=False, compare=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """All secrets, the one that seals first."""
        return self.source() if self.source is not None else (self.secret, *self.previous)

    def still(self) -> "Vault":
        """This vault as it is now: what is sealed, marked and looked for together is so under the same secrets."""
        first, *others = self.secrets
        return Vault(first, tuple(others))

    @property
    def sign(self) -> bytes:
        """What everything sealed under the current secret begins with."""
        return sign_of(self.secrets[0])

    def key(self, purpose: str) -> bytes:
        """32 bytes derived from the current secret for one purpose (HKDF, RFC 5869)."""
        return self.keys(purpose)[0]

    def keys(self, purpose: str) -> tuple[bytes, ...]:
        """The same of every secret, the current first: what was marked under an earlier one is recognised."""
        return tuple(_derived(secret, purpose) for secret in self.secrets)

    def seal(self, plain: bytes, context: str = "") -> bytes:
        nonce, secret = secrets.token_bytes(NONCE_BYTES), self.secrets[0]
        sealed = AESGCM(_derived(secret, "seal")).encrypt(nonce, plain, context.encode())
        return sign_of(secret) + nonce + sealed

    def open(self, sealed: bytes, context: str = "") -> bytes:
        """The plain bytes; WrongKey if no key, the context or the bytes are not those that were sealed."""
        known = self.secrets
        tries = [(secret, sealed[SIGN_BYTES:]) for secret in known if sealed[:SIGN_BYTES] == sign_of(secret)]
        tries += [(secret, sealed) for secret in known]  # sealed before the sign was written
        for secret, body in tries:
            try:
                return AESGCM(_derived(secret, "seal")).decrypt(
                    body[:NONCE_BYTES], body[NONCE_BYTES:], context.encode()
                )
            except (InvalidTag, ValueError):
                continue
        raise WrongKey("sealed under another HOTLINE_SECRET, or damaged")

    def blind(self, channel: str, handle: str) -> str:
        """The same 43 characters for the same handle, and nothing to guess it by without the key."""
        return self.blinds(channel, handle)[0]

    def blinds(self, channel: str, handle: str) -> tuple[str, ...]:
        """The same of every secret, the current first: by one of them the handle is found."""
        plain = f"{channel}\0{handle}".encode()
        found = (hmac.new(key, plain, hashlib.sha256).digest() for key in self.keys("blind"))
        return tuple(base64.urlsafe_b64encode(digest).decode().rstrip("=") for digest in found)
