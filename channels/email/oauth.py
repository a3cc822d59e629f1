"""Signing in to a mailbox by OAuth 2.0 (RFC 6749, 7636, 8628, 8252): once by a person, then renewed by the program."""

import asyncio
import base64
import hashlib
import json
import secrets
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from channels.contract import Drawer

from .settings import OAuth

SECONDS = 15.0  # that an authorization server may take over one answer
EARLY = 300.0  # seconds before its end in which a token is renewed
REST = 60.0  # seconds in which a token that a mail server refused is not renewed once more
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
LOGIN = "lancez « hotline mail login »"
CLIENT_ERRORS = ("invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope", "invalid_request")
LOST_ERRORS = ("invalid_grant", "interaction_required", "consent_required", "login_required")


class SignInAway(Exception):
    """The authorization server cannot be reached or has no answer now; in French."""


class SignInRefused(Exception):
    """A person must mend something first; what, in French."""


@dataclass(frozen=True)
class Granted:
    """What an authorization server gave; `seconds` is how long the access token lives."""

    access: str
    refresh: str
    seconds: float


@dataclass(frozen=True)
class DeviceCode:
    """What the technician types on the provider's page, and what we ask with meanwhile (RFC 8628, 3.2)."""

    code: str
    page: str
    whole_page: str  # the page with the code filled in; empty where the provider makes none
    device: str
    interval: float
    seconds: float


class Provider:
    """One authorization server, asked as this client."""

    def __init__(self, settings: OAuth, trust: ssl.SSLContext):
        self.settings, self._trust = settings, trust

    async def _ask(self, url: str, form: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """The status and the JSON of one POST; SignInAway when there is no answer that can be understood."""
        given = {"client_id": self.settings.client_id, **form}
        if self.settings.client_secret:
            given["client_secret"] = self.settings.client_secret
        try:
            async with httpx.AsyncClient(verify=self._trust, timeout=SECONDS, follow_redirects=False) as client:
                async with asyncio.timeout(SECONDS):
                    answer = await client.post(url, data=given, headers={"Accept": "application/json"})
                found = answer.json()
        except (httpx.HTTPError, TimeoutError, OSError, ValueError) as error:
            raise SignInAway(f"le serveur d'autorisation ne répond pas ({type(error).__name__})") from error
        if not isinstance(found, dict):
            raise SignInAway("le serveur d'autorisation répond autre chose que prévu")
        return answer.status_code, found

    async def _token(self, form: Mapping[str, str]) -> Granted:
        status, found = await self._ask(self.settings.token_url, form)
        if status == 200 and isinstance(found.get("access_token"), str) and found["access_token"]:
            if str(found.get("token_type", "")).lower() != "bearer":
                raise SignInRefused("le serveur d'autorisation donne un jeton d'un genre inconnu")
            refresh = found.get("refresh_token")
            return Granted(found["access_token"], refresh if isinstance(refresh, str) else "", _seconds(found))
        raise _meaning(status, found)

    async def refreshed(self, refresh: str) -> Granted:
        """A new access token (RFC 6749, 6); SignInRefused once the provider or the owner took the right back."""
        granted = await self._token({"grant_type": "refresh_token", "refresh_token": refresh})
        return granted if granted.refresh else Granted(granted.access, refresh, granted.seconds)

    # ------------------------------------------------------------ the device flow (RFC 8628)
    async def device(self) -> DeviceCode:
        status, found = await self._ask(self.settings.device_url, {"scope": self.settings.scope})
        if status != 200:
            raise _meaning(status, found)
        try:
            page = found.get("verification_uri") or found["verification_url"]  # Google's older spelling
            return DeviceCode(
                str(found["user_code"]),
                str(page),
                str(found.get("verification_uri_complete", "")),
                str(found["device_code"]),
                float(found.get("interval", 5)),
                float(found["expires_in"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise SignInAway("le serveur d'autorisation répond autre chose que prévu") from error

    async def wait_for(self, device: DeviceCode, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> Granted:
        """Ask at the provider's pace until the technician has said yes or no, or the code is over."""
        interval, waited = device.interval, 0.0
        while waited < device.seconds:
            await sleep(interval)
            waited += interval
            try:
                return await self._token({"grant_type": DEVICE_GRANT, "device_code": device.device})
            except SignInAway:
                interval = min(interval * 2, 60.0)  # RFC 8628, 3.5: on a timeout, less often
            except _Pending as pending:
                interval += 5.0 if pending.slower else 0.0
        raise SignInRefused(f"le code n'est plus valable : {LOGIN} de nouveau")

    # ------------------------------------------------------------ the code flow (RFC 8252, with PKCE)
    def question(self, redirect: str) -> "Question":
        return Question(self.settings, redirect, secrets.token_urlsafe(24), secrets.token_urlsafe(48))

    async def answered(self, question: "Question", address: str) -> Granted:
        """What the address that the browser was sent back to is worth; SignInRefused if it is not an answer to this."""
        given = {key: values[0] for key, values in parse_qs(urlsplit(address.strip()).query).items()}
        if not secrets.compare_digest(given.get("state", "").encode(), question.state.encode()):
            raise SignInRefused("cette adresse n'est pas la réponse à cette demande : copiez-la en entier")
        if "error" in given:
            raise _meaning(400, given)
        if not given.get("code"):
            raise SignInRefused("cette adresse ne contient pas de code : copiez-la en entier")
        return await self._token(
            {
                "grant_type": "authorization_code",
                "code": given["code"],
                "redirect_uri": question.redirect,
                "code_verifier": question.verifier,
            }
        )


@dataclass(frozen=True)
class Question:
    """One sign-in by the browser: `state` ties the answer to it, `verifier` proves that we asked (RFC 7636)."""

    settings: OAuth
    redirect: str
    state: str
    verifier: str

    @property
    def page(self) -> str:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self.redirect,
            "scope": self.settings.scope,
            "state": self.state,
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
            "login_hint": self.settings.user,
            **self.settings.asked_more,
        }
        return f"{self.settings.authorize_url}?{urlencode(asked)}"


class SignIn:
    """The mailbox's right to sign in: kept in a drawer, renewed before it ends; one renewal at a time."""

    def __init__(self, settings: OAuth, trust: ssl.SSLContext):
        self.settings, self.provider = settings, Provider(settings, trust)
        self.drawer: Drawer | None = None
        self.trouble = ""
        self._access, self._ends, self._got, self._refused = "", 0.0, 0.0, ""
        self._gate: tuple[asyncio.AbstractEventLoop, asyncio.Lock] | None = None

    async def keep(self, granted: Granted) -> None:
        """Remember a new sign-in; SignInRefused if the provider gave nothing that can be renewed."""
        if not granted.refresh:
            raise SignInRefused("le serveur d'autorisation ne donne pas de jeton durable (refresh token)")
        assert self.drawer is not None
        await self.drawer.write(json.dumps({"user": self.settings.user, "refresh": granted.refresh}))
        self._note(granted)

    async def access(self) -> str:
        """An access token that is good for a while; SignInRefused, SignInAway."""
        async with self._lock():
            if not self._access or time.monotonic() >= self._ends:
                await self._renew()
            return self._access

    def rejected(self, token: str) -> bool:
        """A mail server refused this token: whether a newer one may help (not when it was new itself)."""
        if token != self._access:
            return True
        fresh = time.monotonic() - self._got < REST
        self._access = ""
        return not fresh

    async def _renew(self) -> None:
        refresh = await self._kept()
        if not refresh:
            self._stop(f"la boîte {self.settings.user} n'est pas encore autorisée : {LOGIN}")
        if refresh == self._refused:
            self._stop(self.trouble)
        try:
            granted = await self.provider.refreshed(refresh)
        except SignInRefused as error:
            if refresh != (newer := await self._kept()):  # another process renewed it meanwhile
                granted = await self.provider.refreshed(newer)
            else:
                self._refused = refresh
                self._stop(str(error))
        if granted.refresh != refresh:  # some providers give a new one each time, and end the old one
            await self.keep(granted)
        self._note(granted)

    def _note(self, granted: Granted) -> None:
        self._access, self._got = granted.access, time.monotonic()
        self._ends = self._got + granted.seconds - min(EARLY, granted.seconds / 2)
        self.trouble = self._refused = ""

    def _stop(self, why: str) -> None:
        self.trouble = why
        raise SignInRefused(why)

    async def _kept(self) -> str:
        kept = await self.drawer.read() if self.drawer is not None else ""
        found = json.loads(kept) if kept else {}
        return str(found["refresh"]) if found.get("user") == self.settings.user else ""

    def _lock(self) -> asyncio.Lock:
        loop = asyncio.get_running_loop()
        if self._gate is None or self._gate[0] is not loop:
            self._gate = (loop, asyncio.Lock())
        return self._gate[1]


class _Pending(Exception):
    """The technician has not answered yet."""

    def __init__(self, slower: bool):
        super().__init__("pending")
        self.slower = slower


def _seconds(found: Mapping[str, Any]) -> float:
    try:
        return max(float(found.get("expires_in", 3600)), 1.0)
    except (TypeError, ValueError):
        return 3600.0


def _meaning(status: int, found: Mapping[str, Any]) -> Exception:
    """What an answer that is no token means; the provider's own words may name the mailbox, so they are left out."""
    error = found.get("error")
    error = error if isinstance(error, str) else ""
    if error in ("authorization_pending", "slow_down"):
        return _Pending(error == "slow_down")
    if error == "access_denied":
        return SignInRefused("l'autorisation a été refusée sur la page du fournisseur")
    if error == "expired_token":
        return SignInRefused(f"le code n'est plus valable : {LOGIN} de nouveau")
    if error in LOST_ERRORS:
        return SignInRefused(f"l'autorisation de la boîte n'est plus valable : {LOGIN} ({error})")
    if error in CLIENT_ERRORS:
        names = "HOTLINE_EMAIL_OAUTH_CLIENT_ID, HOTLINE_EMAIL_OAUTH_CLIENT_SECRET"
        return SignInRefused(f"le fournisseur refuse cette application ({error}) : vérifiez {names}")
    return SignInAway(f"le serveur d'autorisation répond {status}")
