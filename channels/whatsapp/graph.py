"""One request to the Graph API, and what its refusals mean in the three words of the contract."""

import re
import ssl
from collections.abc import Mapping
from typing import Any

import httpx

from channels.contract import TryAgain, Undeliverable, Unsure

from .settings import APP_SECRET, TOKEN, WhatsAppSettings

WHO = "WhatsApp"
SECONDS, CONNECT_SECONDS = 15.0, 5.0  # that Meta has to answer; the outbox gives us 23
REST, LONG_REST, HOUR = 30.0, 300.0, 3600.0  # seconds
# https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes
WINDOW_CLOSED = 131047
PAIR = 131056  # too many messages to this one person
THROTTLED = {4: REST, 80007: REST, 130429: REST, 133016: HOUR, 131048: HOUR}  # seconds to rest if Meta does not say
OURS_TO_MEND = {
    0: f"le jeton est refusé : vérifiez {TOKEN}",
    3: f"le jeton n'a pas les droits qu'il faut : vérifiez {TOKEN}",
    10: f"le jeton n'a pas les droits qu'il faut : vérifiez {TOKEN}",
    190: f"le jeton a expiré : remplacez {TOKEN}",
    368: "le compte est suspendu pour non-respect des règles de Meta",
    131005: f"le jeton n'a pas les droits qu'il faut : vérifiez {TOKEN}",
    131031: "le compte WhatsApp Business est bloqué",
    131042: "le moyen de paiement du compte est refusé",
    131045: "le numéro n'est pas inscrit à l'API",
    131057: "le compte est en maintenance",
    133010: "le numéro n'est pas inscrit à l'API",
}
LATER = {2: REST, 131000: 60.0, 131016: 60.0, 131049: 6 * HOUR}  # 131049: Meta spares this person for now
NEVER = {
    131021: "c'est notre propre numéro",
    131026: "la personne n'est pas sur WhatsApp, nous a bloqués, ou n'a pas accepté ses conditions",
    131030: "ce numéro n'est pas dans la liste d'essai de Meta",
    130472: "Meta mène une expérience avec cette personne",
    130497: "Meta ne permet pas d'écrire dans ce pays",
    132000: "le modèle de message n'a pas le bon nombre de valeurs",
    132001: "le modèle de message n'existe pas chez Meta, ou pas en français",
    132005: "le modèle de message rempli est trop long",
    132007: "le modèle de message ne respecte pas les règles de Meta",
    132012: "une valeur du modèle de message n'a pas la bonne forme",
    132015: "Meta a mis le modèle de message en pause",
    132016: "Meta a retiré le modèle de message",
}
_trust: list[ssl.SSLContext] = []


class WindowClosed(Exception):
    """Meta says that this person has not written for 24 hours: a template only."""


async def call(
    settings: WhatsAppSettings,
    method: str,
    path: str,
    *,
    json: Mapping[str, Any] | None = None,
    data: Mapping[str, str] | None = None,
    files: Mapping[str, tuple[str, bytes, str]] | None = None,
    params: Mapping[str, str] | None = None,
    seconds: float = SECONDS,
) -> httpx.Response:
    """The answer, whatever its status. TryAgain when nothing can have arrived, Unsure when something may have.

    `path` below the API's address, or a whole address that the API gave.
    """
    if not _trust:
        _trust.append(ssl.create_default_context())
    url = path if path.startswith("http") else f"{settings.api}/{path}"
    timeout = httpx.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds))
    try:
        async with httpx.AsyncClient(verify=_trust[0], timeout=timeout) as client:
            return await client.request(
                method,
                url,
                json=json,
                data=data,
                files=files,
                params=params,
                headers={"Authorization": f"Bearer {settings.token}"},
            )
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
        raise TryAgain(f"{WHO} ne répond pas", after=REST, scope="channel") from error
    except httpx.TransportError as error:
        raise Unsure(f"{WHO} : la ligne a été coupée avant sa réponse ({type(error).__name__})") from error


def json_of(response: httpx.Response) -> Any:
    """The answer's JSON once it is a success; WindowClosed, TryAgain, Undeliverable or Unsure otherwise."""
    if not response.is_success:
        raise meaning(response)
    try:
        return response.json()
    except ValueError as error:
        raise Unsure(f"{WHO} : réponse illisible ({response.status_code})") from error


def meaning(response: httpx.Response) -> Exception:
    """What a refusal means for the message. The code decides: Meta warns against the words and the status."""
    code, words = _error(response)
    if code == WINDOW_CLOSED:
        return WindowClosed()
    if code == PAIR:
        return TryAgain(f"{WHO} : trop de messages à cette personne ({code})", after=_wait(response, 10.0))
    if code in THROTTLED:
        return TryAgain(f"{WHO} demande d'attendre ({code})", after=_wait(response, THROTTLED[code]), scope="channel")
    if code in OURS_TO_MEND or 200 <= code <= 299:
        what = OURS_TO_MEND.get(code, OURS_TO_MEND[10])
        return TryAgain(f"{WHO} : {what} ({code})", after=HOUR if code == 368 else LONG_REST, scope="channel")
    if code in LATER:
        return TryAgain(f"{WHO} n'a pas pris le message ({code}) : {words}", after=_wait(response, LATER[code]))
    if code in NEVER:
        return Undeliverable(f"{WHO} : {NEVER[code]} ({code})")
    return _by_status(response, code, words)


def _by_status(response: httpx.Response, code: int, words: str) -> Exception:
    status = response.status_code
    if status == 429:
        return TryAgain(f"{WHO} demande d'attendre", after=_wait(response, REST), scope="channel")
    if status in (401, 403, 404):
        return TryAgain(f"{WHO} nous refuse ({status}, {code}) : {words}", after=LONG_REST, scope="channel")
    if status == 503:
        return TryAgain(f"{WHO} est indisponible", after=_wait(response, REST), scope="channel")
    if status >= 500:
        return Unsure(f"{WHO} a répondu {status} : {words}")
    if 300 <= status < 400:
        return TryAgain(f"{WHO} a répondu {status} : vérifiez son adresse", after=LONG_REST, scope="channel")
    heavy = status == 413 or re.search(r"file size|too (large|big)", words, re.I) is not None
    return Undeliverable(f"{WHO} refuse le message ({status}, {code}) : {words}", heavy=heavy)


def _error(response: httpx.Response) -> tuple[int, str]:
    try:
        found = response.json()["error"]
        code = int(found.get("code") or 0)
        more = found.get("error_data")
        words = str((more or {}).get("details") or found.get("message", "")) if isinstance(more, dict | None) else ""
    except (ValueError, KeyError, TypeError, AttributeError):
        return -1, "sans explication"
    return code, said(words)


def said(words: str) -> str:
    """Meta's words on one line, without any number that could be a person's."""
    return re.sub(r"\d{6,}", "…", " ".join(words.split()))[:160]


def _wait(response: httpx.Response, usual: float) -> float:
    found = response.headers.get("retry-after", "")
    return min(float(found), 86_400.0) if found.isdigit() else usual


def hint(problem: str) -> str:
    """What to look at when Meta's calls are refused here."""
    return f"{problem} : vérifiez {APP_SECRET} chez Meta"
