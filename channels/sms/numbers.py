"""Phone numbers as gateways write them: whom we may answer, whom we may write to; pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from channels.contract import Nature, Undeliverable

HOME = "FR"
PAYING = (
    PhoneNumberType.PREMIUM_RATE,
    PhoneNumberType.SHARED_COST,
    PhoneNumberType.UAN,
    PhoneNumberType.VOICEMAIL,
    PhoneNumberType.PAGER,
)
# Arcep 2022-1583: canvassing (0162 to 0949) and automatic platforms (0937 to 0939) write from these, people do not.
PLATFORMS = re.compile(r"\+33(?:16[23]|27[01]|37[78]|42[45]|56[89]|94[89]|93[789])\d{6}")


@dataclass(frozen=True)
class Sender:
    """Whom a message is from: E.164 where it is a phone number, else as it came; and whether a person may be there."""

    handle: str
    nature: Nature


def sender(raw: str, countries: Sequence[str]) -> Sender:
    """Short codes and names are machines, never to be answered; a number from elsewhere is for the officer to judge."""
    text = " ".join(raw.split())
    number = _parsed(text)
    if number is None:
        return Sender(text[:40] or "inconnu", "machine")
    handle = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    if phonenumbers.number_type(number) in PAYING or PLATFORMS.fullmatch(handle):
        return Sender(handle, "machine")
    return Sender(handle, "person" if _allowed(number, countries) else "unsure")


def dialable(handle: str, countries: Sequence[str]) -> str:
    """The E.164 number that a message may go to; Undeliverable, in French, if it must not."""
    number = _parsed(handle)
    if number is None:
        raise Undeliverable("ce n'est pas un numéro de téléphone")
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    if not _allowed(number, countries):
        raise Undeliverable(f"pas de SMS vers +{number.country_code} (HOTLINE_SMS_COUNTRIES)")
    if phonenumbers.number_type(number) in PAYING or PLATFORMS.fullmatch(e164):
        raise Undeliverable("c'est un numéro surtaxé ou un automate")
    return e164


def _parsed(text: str) -> phonenumbers.PhoneNumber | None:
    digits = re.sub(r"[\s.()-]", "", text)
    if not re.fullmatch(r"\+?\d{7,15}", digits):
        return None
    tries = [digits] if digits.startswith("+") else [digits, f"+{digits}"]  # 33612… comes from gateways without a plus
    for each in tries:
        try:
            number = phonenumbers.parse(each, HOME)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number) and not number.extension:
            return number
    return None


def _allowed(number: phonenumbers.PhoneNumber, countries: Sequence[str]) -> bool:
    return f"+{number.country_code}" in countries
