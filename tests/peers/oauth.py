"""An authorization server: it checks every parameter of every request, and tells Dovecot which tokens are good."""

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

CLIENT_ID, CLIENT_SECRET, SCOPE = "hotline-app", "s3cret/+=&é", "mail offline_access"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@dataclass
class AuthorizationServer:
    """RFC 6749, 7636 and 8628, as strict as they allow; every complaint is kept in `complaints`."""

    port: int = 0
    rotates: bool = False  # a new refresh token at each renewal, the old one ended
    lives: int = 3600  # seconds of an access token
    pending: int = 2  # how often a device that asks is told to wait
    slow_down: bool = False
    interval: float = 5  # seconds between two questions of a device
    device_user: str = ""  # who says yes to a device
    denied: bool = False
    fails: list[int] = field(default_factory=list)  # statuses of the next token requests
    good: dict[str, str] = field(default_factory=dict)  # access token -> user
    refresh: dict[str, str] = field(default_factory=dict)  # refresh token -> user
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    devices: dict[str, str] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def settings(self, user: str, *, device: bool = True) -> dict[str, str]:
        found = {
            "AUTH": "oauth2",
            "OAUTH_PROVIDER": "custom",
            "OAUTH_USER": user,
            "OAUTH_CLIENT_ID": CLIENT_ID,
            "OAUTH_CLIENT_SECRET": CLIENT_SECRET,
            "OAUTH_SCOPE": SCOPE,
            "OAUTH_TOKEN_URL": f"{self.url}/token",
            "OAUTH_AUTHORIZE_URL": f"{self.url}/authorize",
        }
        return found | ({"OAUTH_DEVICE_URL": f"{self.url}/device"} if device else {})

    def grant(self, user: str) -> str:
        """A refresh token of this user, as if they had signed in."""
        self.refresh[made := f"r-{secrets.token_hex(8)}"] = user
        return made

    def end(self, user: str) -> None:
        """The owner of the mailbox takes the right back."""
        self.refresh = {token: who for token, who in self.refresh.items() if who != user}
        self.end_access(user)

    def end_access(self, user: str) -> None:
        self.good = {token: who for token, who in self.good.items() if who != user}

    # ------------------------------------------------------------ what it answers
    def device(self, form: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        self._client(form)
        self._exactly(form, "scope")
        self._wants(form.get("scope") == SCOPE, "scope")
        device = secrets.token_hex(16)
        self.devices[device] = self.device_user or f"user@{len(self.devices)}"
        return 200, {
            "device_code": device,
            "user_code": "WDJB-MJHT",
            "verification_uri": f"{self.url}/code",
            "expires_in": 600,
            "interval": self.interval,
        }

    def authorize(self, query: Mapping[str, str], user: str) -> str:
        """Where the browser is sent once this user has said yes."""
        for name, value in {"response_type": "code", "client_id": CLIENT_ID, "scope": SCOPE}.items():
            self._wants(query.get(name) == value, name)
        self._wants(query.get("code_challenge_method") == "S256", "code_challenge_method")
        self._wants(len(query.get("code_challenge", "")) == 43, "code_challenge")
        self._wants(len(query.get("state", "")) >= 22, "state")
        self._wants(query.get("redirect_uri", "").startswith("http://127.0.0.1:"), "redirect_uri")
        if self.denied:
            return f"{query['redirect_uri']}?error=access_denied&state={query['state']}"
        code = secrets.token_urlsafe(16)
        self.codes[code] = {**query, "user": user}
        return f"{query['redirect_uri']}?code={code}&state={query['state']}"

    def token(self, form: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        if self.fails:
            return self.fails.pop(0), {"error": "temporarily_unavailable"}
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return 401, {"error": "invalid_client"}
        kind = form.get("grant_type", "")
        if kind == "refresh_token":
            self._exactly(form, "grant_type", "refresh_token")
            user = self.refresh.get(form.get("refresh_token", ""))
            if user is None:
                return 400, {"error": "invalid_grant", "error_description": f"for {form.get('refresh_token')}"}
            if self.rotates:
                del self.refresh[form["refresh_token"]]
            return 200, self._tokens(user, new_refresh=self.rotates)
        if kind == DEVICE_GRANT:
            self._exactly(form, "grant_type", "device_code")
            return self._device_token(form["device_code"])
        if kind == "authorization_code":
            self._exactly(form, "grant_type", "code", "redirect_uri", "code_verifier")
            return self._code_token(form)
        return 400, {"error": "unsupported_grant_type"}

    def _device_token(self, device: str) -> tuple[int, dict[str, Any]]:
        if device not in self.devices:
            return 400, {"error": "expired_token"}
        if self.pending:
            self.pending -= 1
            return 400, {"error": "slow_down" if self.slow_down else "authorization_pending"}
        if self.denied:
            return 400, {"error": "access_denied"}
        return 200, self._tokens(self.devices.pop(device), new_refresh=True)

    def _code_token(self, form: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        asked = self.codes.pop(form["code"], None)  # good for once (RFC 6749, 4.1.2)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        fits = asked and asked["redirect_uri"] == form["redirect_uri"] and asked["code_challenge"] == challenge
        if not asked or not fits:
            return 400, {"error": "invalid_grant"}
        return 200, self._tokens(asked["user"], new_refresh=True)

    def _tokens(self, user: str, *, new_refresh: bool) -> dict[str, Any]:
        self.good[access := f"a-{secrets.token_hex(8)}"] = user
        found: dict[str, Any] = {"access_token": access, "token_type": "Bearer", "expires_in": self.lives}
        return found | ({"refresh_token": self.grant(user)} if new_refresh else {})

    def introspect(self, form: Mapping[str, str]) -> dict[str, Any]:
        """RFC 7662, for Dovecot."""
        user = self.good.get(form.get("token", ""))
        return {"active": True, "username": user, "scope": SCOPE} if user else {"active": False}

    # ------------------------------------------------------------ strictness
    def _wants(self, fits: bool, name: str) -> None:
        if not fits:
            self.complaints.append(name)

    def _client(self, form: Mapping[str, str]) -> None:
        self._wants(form.get("client_id") == CLIENT_ID, "client_id")

    def _exactly(self, form: Mapping[str, str], *names: str) -> None:
        """These, the client, and nothing else (RFC 6749, 3.2: once each)."""
        self._wants(set(form) == {*names, "client_id", "client_secret"}, f"parameters {sorted(form)}")

    # ------------------------------------------------------------ the server itself
    def start(self) -> None:
        handler = type("Bound", (_Handler,), {"ours": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    ours: AuthorizationServer

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        fields = parse_qs(raw, keep_blank_values=True, strict_parsing=bool(raw))
        form = {name: values[0] for name, values in fields.items()}
        path = urlsplit(self.path).path
        if path == "/introspect":
            self._answer(200, self.ours.introspect(form))
            return
        self.ours.asked.append((path, form))
        self.ours._wants(all(len(values) == 1 for values in fields.values()), "a parameter twice")
        kind = self.headers.get("Content-Type", "")
        self.ours._wants(kind.startswith("application/x-www-form-urlencoded"), f"content type {kind}")
        self._answer(*(self.ours.device(form) if path == "/device" else self.ours.token(form)))

    def _answer(self, status: int, found: dict[str, Any]) -> None:
        body = json.dumps(found).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json;charset=UTF-8")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""
