"""Kannel: sendsms by HTTP, and its get-url and dlr-url calling us (Kannel 1.4.5 user guide, chapters 6 and 10)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network, ip_address
from urllib.parse import unquote_to_bytes, urlencode

from starlette.requests import Request
from starlette.responses import Response

from channels.contract import Receipt, TryAgain, Undeliverable
from channels.sms import gsm, line

from .base import Heard, News, Refused, empty_ok, ours

DELIVERED, UNDELIVERED, REJECTED = 1, 2, 16  # bits of dlr-mask; 4 (buffered) and 8 (with the operator) say nothing new
MASK = str(DELIVERED | UNDELIVERED | REJECTED)
WHO = "Kannel"


@dataclass(frozen=True)
class KannelSettings:
    """`url`: of sendsms, without user and password; `callback`: our address as Kannel reaches it."""

    url: str
    user: str
    password: str = field(repr=False)
    callback: str
    networks: tuple[IPv4Network | IPv6Network, ...]


class Kannel:
    """One smsbox. It gives no id for what it takes: ours stands in the address that it reports to."""

    name = "kannel"
    paths = ("recu", "etat")

    def __init__(self, settings: KannelSettings, secret: str, number: str):
        self.settings, self._secret, self._number = settings, secret, number

    async def send(self, to: str, text: str, key: str) -> str:
        id = ours(key)
        report = f"{self.settings.callback}/sms/{self._secret}/etat?id={id}&status=%d&answer=%A"
        asked = self._asked() | {
            "from": self._number,
            "to": to,
            "charset": "UTF-8",
            "coding": "0" if gsm.is_gsm(text) else "2",
            "dlr-mask": MASK,
            "dlr-url": report,
            "text": text,
        }
        response = await line.call(WHO, "GET", f"{self.settings.url}?{urlencode(asked)}")
        said = response.text.strip()
        if response.status_code == 202 or (response.is_success and said.startswith(("0:", "3:", "Sent"))):
            return id
        if response.status_code in (401, 403) and "uthoriz" in said:
            raise TryAgain(f"{WHO} refuse nos identifiants", after=line.LONG_REST, scope="channel")
        if "Not routable" in said:
            raise Undeliverable(f"{WHO} ne sait pas joindre ce numéro")
        line.judge(WHO, response, said)
        raise Undeliverable(f"{WHO} : {said[:200]}")

    def _asked(self) -> dict[str, str]:
        return {"username": self.settings.user, "password": self.settings.password}

    async def check(self) -> str:
        """Ask to send to nobody: a wrong password is refused before that is noticed."""
        response = await line.call(WHO, "GET", f"{self.settings.url}?{urlencode(self._asked())}", seconds=5.0)
        if "uthoriz" in response.text:
            raise TryAgain(f"{WHO} refuse nos identifiants", scope="channel")
        if "Missing receiver" not in response.text:
            raise TryAgain(f"{WHO} a répondu {response.status_code}, ce n'est pas son sendsms", scope="channel")
        return f"SMS : {WHO} répond et connaît notre compte."

    async def read(self, request: Request, path: str) -> Sequence[News]:
        host = request.client.host if request.client else ""
        if not any(_in(host, network) for network in self.settings.networks):
            raise Refused(f"adresse {host}")
        found = request.query_params
        if path == "etat":
            return _report(found.get("id", ""), found.get("status", ""), found.get("answer", ""))
        if not found.get("id"):
            raise Refused("sans identifiant")
        to, text = found.get("to", ""), found.get("text", "")
        header = _bytes_of(request.scope["query_string"], b"header")
        return [Heard(found["id"], found.get("from", ""), to, text, _at(found.get("at", "")), header)]

    def thanks(self) -> Response:
        return empty_ok()  # Kannel would send a body to the phone


def _report(id: str, status: str, answer: str) -> Sequence[News]:
    code = int(status) if status.isdigit() else 0
    if code & DELIVERED:
        return [Receipt("sms", id, "delivered")]
    if code & (UNDELIVERED | REJECTED):
        return [Receipt("sms", id, "failed", reason_of(answer) if answer else "l'opérateur ne l'a pas remis")]
    return []


def reason_of(answer: str) -> str:
    """Why, from a receipt's text (« … stat:UNDELIV err:001 … ») or a refusal (« NACK/0x0000000b/Invalid … »)."""
    words = dict(word.split(":", 1) for word in answer.split() if ":" in word)
    if "stat" in words:
        return f"l'opérateur ne l'a pas remis ({words['stat']}, erreur {words.get('err', 'inconnue')})"
    return f"l'opérateur le refuse ({answer.removeprefix('NACK/')[:120]})"


def _in(host: str, network: IPv4Network | IPv6Network) -> bool:
    try:
        return ip_address(host) in network
    except ValueError:
        return False


def _bytes_of(query: bytes, name: bytes) -> bytes:
    """%u is no text: its bytes stand percent-encoded in the address."""
    for pair in query.split(b"&"):
        key, _, value = pair.partition(b"=")
        if key == name:
            return unquote_to_bytes(value.replace(b"+", b" "))
    return b""


def _at(seconds: str) -> datetime:
    """%T: seconds since 1970; now if Kannel says nothing."""
    return datetime.fromtimestamp(int(seconds), UTC) if seconds.isdigit() and seconds != "0" else datetime.now(UTC)
