"""The settings of the SMS channel, read from HOTLINE_SMS_* and checked; pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import unquote, urlsplit

from channels.contract import BadSetting

from .budget import Ceilings
from .cost import PRICE as USUAL_PRICE
from .gateways import ovhcloud as ovh
from .gateways import twilio as tw
from .gateways.kannel import KannelSettings
from .gateways.ovhcloud import OvhSettings
from .gateways.smsgate import SmsgateSettings
from .gateways.twilio import TwilioSettings

GATEWAY, NUMBER, SECRET = "HOTLINE_SMS_GATEWAY", "HOTLINE_SMS_NUMBER", "HOTLINE_SMS_SECRET"
KANNEL, NETWORKS, CALLBACK = "HOTLINE_SMS_KANNEL", "HOTLINE_SMS_KANNEL_ADDRESSES", "HOTLINE_SMS_KANNEL_CALLBACK"
OVH, OVH_KEYS, OVH_API = "HOTLINE_SMS_OVH", "HOTLINE_SMS_OVH_KEYS", "HOTLINE_SMS_OVH_API"
TWILIO, TWILIO_API = "HOTLINE_SMS_TWILIO", "HOTLINE_SMS_TWILIO_API"
SMSGATE, SMSGATE_KEY = "HOTLINE_SMS_SMSGATE", "HOTLINE_SMS_SMSGATE_KEY"
PRICE, DAILY, MONTHLY = "HOTLINE_SMS_PRICE", "HOTLINE_SMS_DAILY_EUROS", "HOTLINE_SMS_MONTHLY_EUROS"
COUNTRIES, PUBLIC_URL, BIND = "HOTLINE_SMS_COUNTRIES", "HOTLINE_PUBLIC_URL", "HOTLINE_BIND"
GATEWAYS = ("kannel", "ovhcloud", "twilio", "smsgate")
EXAMPLES = {
    GATEWAY: "kannel",
    NUMBER: "+33700000000",
    SECRET: "(32 caractères au hasard ou plus : lettres, chiffres, _ et -)",
    KANNEL: "http://hotline:motdepasse@127.0.0.1:13013/cgi-bin/sendsms",
    NETWORKS: "127.0.0.1,10.0.0.0/8",
    CALLBACK: "http://127.0.0.1:8000",
    OVH: "sms-ab12345-1",
    OVH_KEYS: "application:secret:consommateur",
    OVH_API: ovh.API,
    TWILIO: "AC0123456789abcdef0123456789abcdef:jeton",
    TWILIO_API: tw.API,
    SMSGATE: "https://utilisateur:motdepasse@api.sms-gate.app/3rdparty/v1",
    SMSGATE_KEY: "(la clé de signature des webhooks, dans l'application)",
    PRICE: "0.08",
    DAILY: "10",
    MONTHLY: "100",
    COUNTRIES: "+33,+32",
    PUBLIC_URL: "https://hotline.exemple.fr",
}
NEAR = "127.0.0.0/8,::1,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fd00::/8"  # this machine and private networks
USUAL_DAILY, USUAL_MONTHLY = Decimal(10), Decimal(100)
NO_CEILING = "aucun"
GatewaySettings = KannelSettings | OvhSettings | TwilioSettings | SmsgateSettings


@dataclass(frozen=True)
class SmsSettings:
    """One gateway. `number`: ours, as people know it; `secret`: stands in the addresses that the gateway calls."""

    gateway: GatewaySettings
    number: str
    secret: str = field(repr=False)
    price: Decimal
    ceilings: Ceilings
    countries: tuple[str, ...]


def read_settings(environment: Mapping[str, str]) -> SmsSettings | None:
    """None when SMS is off; BadSetting names the first variable that cannot work, and never repeats a secret."""
    given = {name: value.strip() for name, value in environment.items() if value.strip()}
    chosen = given.get(GATEWAY, "").lower()
    if not chosen:
        others = sorted(name for name in given if name.startswith("HOTLINE_SMS_"))
        if others:
            raise _bad(GATEWAY, f"à remplir aussi, puisque vous avez réglé {others[0]}")
        return None
    if chosen not in GATEWAYS:
        raise _bad(GATEWAY, f"il faut l'un de : {', '.join(GATEWAYS)}")
    readers: dict[str, Callable[[Mapping[str, str]], GatewaySettings]] = {
        "kannel": _kannel,
        "ovhcloud": _ovhcloud,
        "twilio": _twilio,
        "smsgate": _smsgate,
    }
    gateway = readers[chosen](given)
    return SmsSettings(
        gateway,
        _number(given, needed=chosen in ("kannel", "twilio")),
        "" if chosen == "ovhcloud" else _secret(given),
        _euros(given, PRICE, USUAL_PRICE) or Decimal(0),
        Ceilings(_euros(given, DAILY, USUAL_DAILY), _euros(given, MONTHLY, USUAL_MONTHLY)),
        _countries(given),
    )


def _bad(variable: str, problem: str) -> BadSetting:
    return BadSetting(variable, problem, EXAMPLES[variable])


def _needed(given: Mapping[str, str], variable: str) -> str:
    if variable not in given:
        raise _bad(variable, f"à remplir aussi, puisque {GATEWAY}={given[GATEWAY]}")
    return given[variable]


def _url_with_user(variable: str, value: str) -> tuple[str, str, str]:
    """The address without its user and password, then these."""
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise _bad(variable, "adresse illisible : encodez les signes @ : / ? # % du mot de passe") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise _bad(variable, "il faut une adresse http:// ou https:// ; encodez ? et # du mot de passe (%3F, %23)")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not user or not password:
        raise _bad(variable, "l'utilisateur ou le mot de passe manque")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    where = host + (f":{port}" if port else "")
    return parts._replace(netloc=where).geturl().rstrip("/"), user, password


def _url(variable: str, value: str) -> str:
    if not re.fullmatch(r"https?://[^\s/@?#]+(/[^\s?#]*)?", value):
        raise _bad(variable, "il faut une adresse qui commence par https://")
    return value.rstrip("/")


def _kannel(given: Mapping[str, str]) -> KannelSettings:
    url, user, password = _url_with_user(KANNEL, _needed(given, KANNEL))
    if not urlsplit(url).path:
        url += "/cgi-bin/sendsms"
    port = given.get(BIND, "127.0.0.1:8000").rpartition(":")[2]
    callback = _url(CALLBACK, given.get(CALLBACK, f"http://127.0.0.1:{port}"))
    return KannelSettings(url, user, password, callback, _networks(given.get(NETWORKS, NEAR)))


def _networks(value: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(each.strip(), strict=False) for each in value.split(","))
    except ValueError:
        raise _bad(NETWORKS, "il faut des adresses IP ou des réseaux, séparés par des virgules") from None


def _ovhcloud(given: Mapping[str, str]) -> OvhSettings:
    service = _needed(given, OVH)
    if not re.fullmatch(r"sms-[A-Za-z0-9]+-\d+", service):
        raise _bad(OVH, "ce n'est pas le nom d'un service SMS")
    keys = _needed(given, OVH_KEYS).split(":")
    if len(keys) != 3 or not all(keys):
        raise _bad(OVH_KEYS, "il faut trois clés séparées par deux points")
    return OvhSettings(_url(OVH_API, given.get(OVH_API, ovh.API)), service, *keys)


def _twilio(given: Mapping[str, str]) -> TwilioSettings:
    account, _, token = _needed(given, TWILIO).partition(":")
    if not re.fullmatch(r"AC[0-9a-f]{32}", account) or not token:
        raise _bad(TWILIO, "il faut l'identifiant du compte (AC et 32 signes), deux points, et le jeton")
    public = _url(PUBLIC_URL, _needed(given, PUBLIC_URL))
    return TwilioSettings(_url(TWILIO_API, given.get(TWILIO_API, tw.API)), account, token, public)


def _smsgate(given: Mapping[str, str]) -> SmsgateSettings:
    url, user, password = _url_with_user(SMSGATE, _needed(given, SMSGATE))
    return SmsgateSettings(url, user, password, _needed(given, SMSGATE_KEY))


def _number(given: Mapping[str, str], *, needed: bool) -> str:
    value = re.sub(r"[\s.()-]", "", _needed(given, NUMBER) if needed else given.get(NUMBER, ""))
    if value and not re.fullmatch(r"\+\d{7,15}|\d{3,8}", value):
        raise _bad(NUMBER, "il faut un numéro international, ou un numéro court")
    return value


def _secret(given: Mapping[str, str]) -> str:
    secret = _needed(given, SECRET)
    if not re.fullmatch(r"[A-Za-z0-9_-]{32,200}", secret):
        raise _bad(SECRET, "il faut 32 caractères ou plus : des lettres sans accent, des chiffres, _ et -")
    return secret


def _euros(given: Mapping[str, str], variable: str, usual: Decimal) -> Decimal | None:
    """Euros; None for « aucun », where a ceiling is meant."""
    value = given.get(variable, "").replace(",", ".").lower()
    if not value:
        return usual
    if value == NO_CEILING and variable != PRICE:
        return None
    try:
        amount = Decimal(value)
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or amount < 0:
        more = "" if variable == PRICE else f", ou « {NO_CEILING} »"
        raise _bad(variable, f"il faut un nombre d'euros{more}")
    return amount


def _countries(given: Mapping[str, str]) -> tuple[str, ...]:
    found = tuple(each.strip() for each in given.get(COUNTRIES, "+33").split(",") if each.strip())
    if not found or not all(re.fullmatch(r"\+[1-9]\d{0,2}", each) for each in found):
        raise _bad(COUNTRIES, "il faut des indicatifs séparés par des virgules")
    return found
