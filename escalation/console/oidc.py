"""OpenID Connect: an identity provider (ProConnect, or any other) says who signs in.

The code flow of OpenID Connect Core 1.0 with PKCE (RFC 7636), state and nonce; the client proves itself by a secret or
by a key of its own (private_key_jwt, RFC 7523); userinfo comes as JSON or as a signed JWT.
"""

import base64
import hashlib
import logging
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from secrets import compare_digest, token_urlsafe
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

log = logging.getLogger(__name__)

RETURN = "/bureau/fournisseur/retour"
AFTER = "/bureau/entrer"
SECONDS = 10.0  # that the provider has for each answer
KEPT = 3600.0  # seconds that its own description and keys are taken as known
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
LEEWAY = 60  # seconds between two clocks


@cache
def _trust() -> ssl.SSLContext:
    """The authorities that we believe, read once: that takes longer than all else here."""
    return httpx.create_ssl_context()


class Refused(Exception):
    """The provider does not say who this is; the message is in French, for whoever signs in."""


@dataclass(frozen=True)
class Begun:
    """A signing in under way: where the browser goes, and what must come back."""

    url: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True)
class Claims:
    """Who the provider says that it is."""

    issuer: str
    subject: str
    email: str
    verified: bool
    id_token: str


@dataclass
class Provider:
    """One identity provider, by the settings HOTLINE_OIDC_*."""

    issuer: str
    client_id: str
    public_url: str
    client_secret: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)  # PEM; in place of a secret
    scopes: str = "openid email"
    acr: str = ""  # the level of assurance that is asked for, and demanded
    clock: Callable[[], float] = time.time
    _known: tuple[float, dict[str, Any], KeySet] | None = None

    @property
    def name(self) -> str:
        """« ProConnect », or the provider's host."""
        host = urlsplit(self.issuer).hostname or self.issuer
        return "ProConnect" if "proconnect" in host else host

    async def ask(self) -> Begun:
        """Where to send the browser; Refused when the provider cannot be reached."""
        async with self._client() as client:
            about, _ = await self._about(client)
        verifier = token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        begun = Begun("", token_urlsafe(24), token_urlsafe(24), verifier)
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.public_url + RETURN,
            "scope": self.scopes,
            "state": begun.state,
            "nonce": begun.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        } | ({"acr_values": self.acr} if self.acr else {})
        return Begun(f"{about['authorization_endpoint']}?{urlencode(asked)}", begun.state, begun.nonce, verifier)

    async def finish(self, answered: Mapping[str, str], state: str, nonce: str, verifier: str) -> Claims:
        """Who came back; Refused when the answer is not the one to what was asked, or does not hold."""
        if not state or not compare_digest(answered.get("state", "").encode(), state.encode()):
            raise Refused("Cette réponse n'est pas celle que nous attendions. Recommencez.")
        if answered.get("iss", self.issuer) != self.issuer:  # RFC 9207
            raise Refused("Cette réponse vient d'un autre service. Recommencez.")
        if "error" in answered:
            gone = answered["error"] in ("access_denied", "interaction_required", "login_required")
            raise Refused("Vous n'êtes pas allé au bout. Recommencez." if gone else "Le service d'identité refuse.")
        try:
            async with self._client() as client:
                return await self._claims(client, answered.get("code", ""), nonce, verifier)
        except (JoseError, KeyError, ValueError, TypeError) as error:
            log.warning("the identity provider's answer does not hold: %s", type(error).__name__)
            raise Refused("La réponse du service d'identité ne tient pas. Recommencez.") from error

    async def _claims(self, client: httpx.AsyncClient, code: str, nonce: str, verifier: str) -> Claims:
        about, keys = await self._about(client)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.public_url + RETURN,
            "code_verifier": verifier,
        }
        given = await self._token(client, about, form)
        said = self._checked(given["id_token"], keys, about)
        if not compare_digest(str(said.get("nonce", "")).encode(), nonce.encode()):
            raise Refused("Cette réponse n'est pas celle que nous attendions. Recommencez.")
        if self.acr and said.get("acr") not in self.acr.split():
            raise Refused("Le service d'identité n'a pas vérifié assez fortement qui vous êtes.")
        more = await self._userinfo(client, about, keys, given["access_token"]) if "userinfo_endpoint" in about else {}
        if more and more.get("sub") != said["sub"]:
            raise Refused("La réponse du service d'identité ne tient pas. Recommencez.")
        facts = {**said, **more}
        verified = facts.get("email_verified") in (True, "true")
        return Claims(self.issuer, str(said["sub"]), str(facts.get("email", "")), verified, given["id_token"])

    async def _token(self, client: httpx.AsyncClient, about: dict[str, Any], form: dict[str, str]) -> dict[str, Any]:
        where = about["token_endpoint"]
        basic = None
        if self.private_key:
            form |= {
                "client_id": self.client_id,
                "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                "client_assertion": self._assertion(about["issuer"]),
            }
        elif "client_secret_post" in about.get("token_endpoint_auth_methods_supported", ()):
            form |= {"client_id": self.client_id, "client_secret": self.client_secret}
        else:
            basic = httpx.BasicAuth(self.client_id, self.client_secret)
        answer = await self._ask(client, "POST", where, data=form, auth=basic)
        if answer.status_code != 200:
            log.warning("the identity provider gives no token: %s", answer.status_code)
            raise Refused("Le service d'identité refuse. Recommencez, ou entrez par un lien.")
        found: dict[str, Any] = answer.json()
        return found

    def _assertion(self, audience: str) -> str:
        now = int(self.clock())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": audience,
            "jti": token_urlsafe(16),
            "iat": now,
            "exp": now + 60,
        }
        key = own_key(self.private_key)
        return jwt.encode({"alg": "ES256" if isinstance(key, ECKey) else "RS256"}, claims, key)

    async def _userinfo(
        self, client: httpx.AsyncClient, about: dict[str, Any], keys: KeySet, token: str
    ) -> dict[str, Any]:
        where = about["userinfo_endpoint"]
        answer = await self._ask(client, "GET", where, headers={"Authorization": f"Bearer {token}"})
        if answer.status_code != 200:
            raise Refused("Le service d'identité ne dit pas qui vous êtes. Recommencez.")
        if answer.headers.get("content-type", "").startswith("application/jwt"):
            return self._checked(answer.text, keys, about, userinfo=True)
        found: dict[str, Any] = answer.json()
        return found

    def _checked(self, text: str, keys: KeySet, about: dict[str, Any], userinfo: bool = False) -> dict[str, Any]:
        """What a signed token of the provider says, once its signature, issuer, audience and hours hold."""
        found = jwt.decode(text, keys, algorithms=ALGORITHMS).claims
        now = self.clock()
        audience = found.get("aud", [])
        ours = [audience] if isinstance(audience, str) else audience
        if found.get("iss", self.issuer if userinfo else "") != about["issuer"]:
            raise ValueError("iss")
        if (ours or not userinfo) and self.client_id not in ours:
            raise ValueError("aud")
        if len(ours) > 1 and found.get("azp") != self.client_id:
            raise ValueError("azp")
        if not userinfo and found["exp"] < now - LEEWAY:
            raise ValueError("exp")
        if found.get("iat", 0) > now + LEEWAY or found.get("nbf", 0) > now + LEEWAY:
            raise ValueError("iat")
        return dict(found)

    async def goodbye(self, id_token: str) -> str:
        """Where to sign out of the provider as well; empty when it does not say."""
        try:
            async with self._client() as client:
                about, _ = await self._about(client)
        except Refused:
            return ""
        end = about.get("end_session_endpoint", "")
        asked = {
            "id_token_hint": id_token,
            "post_logout_redirect_uri": self.public_url + AFTER,
            "client_id": self.client_id,
            "state": token_urlsafe(16),
        }
        return f"{end}?{urlencode(asked)}" if end else ""

    async def _about(self, client: httpx.AsyncClient) -> tuple[dict[str, Any], KeySet]:
        """What the provider says of itself (OpenID Connect Discovery 1.0), and its keys."""
        if self._known and self._known[0] > self.clock() - KEPT:
            return self._known[1], self._known[2]
        answer = await self._ask(client, "GET", f"{self.issuer}/.well-known/openid-configuration")
        try:
            about: dict[str, Any] = answer.json()
            if about["issuer"].rstrip("/") != self.issuer.rstrip("/"):
                raise ValueError("issuer")
            answer = await self._ask(client, "GET", about["jwks_uri"])
            keys = KeySet.import_key_set(answer.json())
        except (ValueError, KeyError, TypeError, AttributeError, JoseError) as error:
            log.warning("the identity provider does not say what it is: %s", type(error).__name__)
            raise Refused("Le service d'identité est mal réglé. Entrez par un lien.") from error
        self._known = (self.clock(), about, keys)
        return about, keys

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(verify=_trust(), timeout=SECONDS, follow_redirects=False)

    @staticmethod
    async def _ask(client: httpx.AsyncClient, method: str, url: str, **more: Any) -> httpx.Response:
        try:
            return await client.request(method, url, **more)
        except httpx.HTTPError as error:
            log.warning("the identity provider cannot be reached: %s", type(error).__name__)
            raise Refused("Le service d'identité ne répond pas. Entrez par un lien.") from error


def own_key(pem: str) -> "RSAKey | ECKey":
    """The key of private_key_jwt; ValueError when it is none."""
    for kind in (RSAKey, ECKey):
        try:
            found = kind.import_key(pem)
        except (JoseError, ValueError, TypeError):
            continue
        if found.is_private:
            return found
    raise ValueError("no private key")
