"""The keys that keep phone numbers and emails unreadable to whoever has the database alone; pure."""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12


class WrongKey(Exception):
    """What was sealed cannot be opened with this key: it is another installation's, or damaged."""


def new_secret() -> str:
    """A fresh HOTLINE_SECRET: 32 random bytes, URL-safe base64."""
    return secrets.token_urlsafe(32)


@lru_cache(maxsize=64)  # several of them are needed for every message
def _derived(secret: str, purpose: str) -> bytes:
    return HKDF(hashes.SHA256(), 32, None, purpose.encode()).derive(secret.encode())


@dataclass(frozen=True)
class Vault:
    """Seals and opens (AES-256-GCM), and makes the blind index (HMAC-SHA256) by which a handle is found again."""

    secret: str = field(repr=False)

    def key(self, purpose: str) -> bytes:
        """32 bytes derived from the secret for one purpose (HKDF, RFC 5869)."""
        return _derived(self.secret, purpose)

    def seal(self, plain: bytes, context: str = "") -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + AESGCM(self.key("seal")).encrypt(nonce, plain, context.encode())

    def open(self, sealed: bytes, context: str = "") -> bytes:
        """The plain bytes; WrongKey if the key, the context or the bytes are not those that were sealed."""
        try:
            return AESGCM(self.key("seal")).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context.encode())
        except (InvalidTag, ValueError) as error:
            raise WrongKey("sealed under another HOTLINE_SECRET, or damaged") from error

    def blind(self, channel: str, handle: str) -> str:
        """The same 43 characters for the same handle, and nothing to guess it by without the key."""
        digest = hmac.new(self.key("blind"), f"{channel}\0{handle}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")
