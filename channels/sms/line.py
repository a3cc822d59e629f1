"""One request to a provider, and what its failure means in the three words of the contract."""

import ssl
from collections.abc import Mapping
from typing import Any

import httpx

from channels.contract import TryAgain, Undeliverable, Unsure

SECONDS = 15.0  # that a provider has to answer; the outbox gives us 23
CONNECT_SECONDS = 5.0
REST = 30.0  # seconds for a gateway that is down
LONG_REST = 300.0  # for one that refuses us: someone must mend the settings
_trust: list[ssl.SSLContext] = []


async def call(
    who: str,
    method: str,
    url: str,
    *,
    params: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    auth: tuple[str, str] | None = None,
    content: bytes | None = None,
    seconds: float = SECONDS,
) -> httpx.Response:
    """The answer, whatever its status. TryAgain when nothing can have arrived, Unsure when something may have."""
    if not _trust:
        _trust.append(ssl.create_default_context())
    timeout = httpx.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds))
    try:
        async with httpx.AsyncClient(verify=_trust[0], timeout=timeout) as client:
            request = client.build_request(method, url, params=params, headers=dict(headers or {}), content=content)
            return await client.send(request, auth=httpx.BasicAuth(*auth) if auth else None)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
        raise TryAgain(f"{who} ne répond pas", after=REST, scope="channel") from error
    except httpx.TransportError as error:
        raise Unsure(f"{who} : la ligne a été coupée avant sa réponse ({type(error).__name__})") from error


def judge(who: str, response: httpx.Response, said: str) -> None:
    """Raise what a status means; nothing for a success. `said`: the provider's words, without number or text."""
    status, said = response.status_code, said[:200]
    if response.is_success:
        return
    if status == 429:
        raise TryAgain(f"{who} demande d'attendre", after=wait_of(response), scope="channel")
    if status in (401, 407):
        raise TryAgain(f"{who} refuse nos identifiants : {said}", after=LONG_REST, scope="channel")
    if status == 503:
        raise TryAgain(f"{who} est indisponible", after=wait_of(response), scope="channel")
    if status >= 500:
        raise Unsure(f"{who} a répondu {status}")
    if response.is_redirect:
        raise TryAgain(f"{who} a répondu {status} : vérifiez son adresse", after=LONG_REST, scope="channel")
    raise Undeliverable(f"{who} refuse le message ({status}) : {said}")


def wait_of(response: httpx.Response) -> float:
    """Seconds that the provider asks us to wait (Retry-After), half a minute if it does not say."""
    found = response.headers.get("retry-after", "")
    return min(float(found), 3600.0) if found.isdigit() else REST


def json_of(who: str, response: httpx.Response) -> Any:
    """The answer's JSON; Unsure when it is none: a proxy in between may have swallowed the real one."""
    try:
        return response.json()
    except ValueError as error:
        raise Unsure(f"{who} : réponse illisible ({response.status_code})") from error
