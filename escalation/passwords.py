"""Passwords (argon2id, RFC 9106), codes of six figures (RFC 6238) and recovery codes; pure."""

import secrets
from datetime import datetime
from functools import cache

import pyotp
import segno
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST, LONGEST = 12, 200  # characters of a password
PERIOD = 30  # seconds that one code stands
AROUND = 1  # steps before and after that a slow finger or a wrong clock is forgiven
RECOVERY_CODES = 10
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is read for another
_hasher = PasswordHasher()


def wrong_with(password: str, again: str, about: tuple[str, ...]) -> str:
    """Why a new password will not do, in French; empty when it will. `about`: what others know of the officer."""
    folded = password.casefold()
    if len(password) < SHORTEST:
        return f"Choisissez {SHORTEST} caractères au moins. Une phrase se retient bien."
    if len(password) > LONGEST:
        return f"Choisissez {LONGEST} caractères au plus."
    if len(set(folded)) < 5:
        return "Ce mot de passe se devine : il répète les mêmes signes."
    if any(each and len(each) > 3 and each.casefold() in folded for each in about):
        return "Ce mot de passe se devine : il contient votre nom ou votre adresse."
    if password != again:
        return "Les deux ne sont pas pareils. Écrivez-le de nouveau."
    return ""


def sealed(password: str) -> str:
    """What is kept of a password. About 50 ms and 64 MB: call it in a thread, outside any transaction."""
    return _hasher.hash(password)


def fits(kept: str, password: str) -> bool:
    """Whether this is the password; takes as long when there is none, so that nobody learns which accounts have one."""
    try:
        return _hasher.verify(kept or _nobody(), password[:LONGEST]) and bool(kept)
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobody() -> str:
    return _hasher.hash(secrets.token_urlsafe(24))


def new_secret() -> str:
    """160 bits, as an application takes them by hand or by picture."""
    return pyotp.random_base32()


def address(secret: str, account: str, issuer: str) -> str:
    """The otpauth:// address that the picture says."""
    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=issuer)


def picture(text: str) -> bytes:
    """A QR code, as SVG without a style of its own."""
    found: str = segno.make(text, error="m").svg_inline(scale=6, border=4, omitsize=False, light="#fff")
    return found.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1).encode()


def step_of(secret: str, code: str, now: datetime, last: int) -> int | None:
    """The time step whose code this is, later than `last` (a step serves once); None when it is none."""
    digits = "".join(code.split())
    if len(digits) != 6 or not digits.isascii() or not digits.isdigit():
        return None
    totp, current = pyotp.TOTP(secret, interval=PERIOD), int(now.timestamp()) // PERIOD
    for step in range(current - AROUND, current + AROUND + 1):
        if step > last and secrets.compare_digest(totp.generate_otp(step), digits):
            return step
    return None


def recovery_codes() -> list[str]:
    """« abcd-efgh-jkmn »: 59 bits each."""
    signs = ["".join(secrets.choice(ALPHABET) for _ in range(12)) for _ in range(RECOVERY_CODES)]
    return [f"{each[:4]}-{each[4:8]}-{each[8:]}" for each in signs]


def bare(code: str) -> str:
    """A recovery code as it is compared, however it was typed; empty when it is none."""
    folded = "".join(sign for sign in code.lower() if sign.isalnum())
    return folded if len(folded) == 12 and set(folded) <= set(ALPHABET) else ""


def short_secret(secret: str) -> str:
    """Groups of four, to be typed."""
    return " ".join(secret[i : i + 4] for i in range(0, len(secret), 4))
