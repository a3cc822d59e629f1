"""The settings of the WhatsApp channel, read from HOTLINE_WHATSAPP_* and checked; pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from channels.contract import BadSetting

TOKEN, NUMBER = "HOTLINE_WHATSAPP_TOKEN", "HOTLINE_WHATSAPP_NUMBER_ID"
APP_SECRET, VERIFY = "HOTLINE_WHATSAPP_APP_SECRET", "HOTLINE_WHATSAPP_VERIFY_TOKEN"
BUSINESS, API = "HOTLINE_WHATSAPP_BUSINESS_ID", "HOTLINE_WHATSAPP_API"
PUBLIC_API = "https://graph.facebook.com/v23.0"
EXAMPLES = {
    TOKEN: "(le jeton permanent d'un utilisateur système, chez Meta)",
    NUMBER: "106540352242922",
    APP_SECRET: "0123456789abcdef0123456789abcdef",
    VERIFY: "(32 caractères au hasard ou plus : lettres, chiffres, _ et -)",
    BUSINESS: "102290129340398",
    API: PUBLIC_API,
}
UNCHECKED = f"{BUSINESS} n'est pas réglé : je ne peux pas vérifier que Meta a accepté les modèles de message."


@dataclass(frozen=True)
class WhatsAppSettings:
    """One number. `api` ends with the version, without a slash; `business` is empty when templates go unchecked."""

    token: str = field(repr=False)
    number: str
    app_secret: str = field(repr=False)
    verify_token: str = field(repr=False)
    business: str = ""
    api: str = PUBLIC_API


def read_settings(environment: Mapping[str, str]) -> WhatsAppSettings | None:
    """None when WhatsApp is off; BadSetting names the first variable that cannot work, and never repeats a secret."""
    given = {name: environment.get(name, "").strip() for name in EXAMPLES}
    set_ = [name for name, value in given.items() if value]
    if not set_:
        return None
    for name in (TOKEN, NUMBER, APP_SECRET, VERIFY):
        if not given[name]:
            raise _bad(name, f"à remplir aussi, puisque vous avez réglé {set_[0]}")
    _check(given, TOKEN, r"[A-Za-z0-9._|-]{20,}", "ce n'est pas un jeton de Meta : il a des lettres et des chiffres")
    _check(given, NUMBER, r"\d{5,20}", "il faut l'identifiant du numéro (des chiffres), pas le numéro de téléphone")
    _check(given, APP_SECRET, r"[0-9a-f]{32}", "il faut la clé secrète de l'application : 32 signes, de 0 à 9 et a à f")
    secret = "il faut 32 caractères ou plus : des lettres sans accent, des chiffres, _ et -"
    _check(given, VERIFY, r"[A-Za-z0-9_-]{32,200}", secret)
    if given[BUSINESS]:
        _check(given, BUSINESS, r"\d{5,20}", "il faut l'identifiant du compte WhatsApp Business (des chiffres)")
    api = given[API].rstrip("/") or PUBLIC_API
    if not re.fullmatch(r"https?://[^\s/@?#]+/v\d+\.\d+", api):
        raise _bad(API, "il faut l'adresse de l'API Graph et sa version")
    return WhatsAppSettings(given[TOKEN], given[NUMBER], given[APP_SECRET], given[VERIFY], given[BUSINESS], api)


def _check(given: Mapping[str, str], name: str, shape: str, problem: str) -> None:
    if not re.fullmatch(shape, given[name]):
        raise _bad(name, problem)


def _bad(name: str, problem: str) -> BadSetting:
    return BadSetting(name, problem, EXAMPLES[name])
