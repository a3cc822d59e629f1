"""A real OpenID Connect provider between us and officers: npm's oidc-provider, run by node on a port of its own."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.peers.browser import needed
from tests.peers.leash import held
from tests.peers.ports import free_port

SCRIPT = Path(__file__).with_name("oidc.mjs")
LOGIN = {"login": "nora", "password": "x"}


def folder() -> Path:
    """Where tests/peers/install.sh puts it: outside the repository."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "hotline-peers"


@dataclass
class OpenId:
    """The provider: its issuer, and how a person goes through its pages."""

    issuer: str
    browser: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=20, verify=False))

    def goes_through(self, url: str, login: str = "nora") -> str:
        """Sign in and agree, as a browser does; the address that it is sent back to."""
        page = self.browser.get(url)
        for _ in range(12):
            if page.is_redirect:
                url = str(page.next_request.url) if page.next_request else ""
                if not url.startswith(self.issuer):
                    return url
                page = self.browser.get(url)
                continue
            assert page.status_code == 200, page.text
            prompt = "login" if 'name="login"' in page.text else "consent"
            form = {"prompt": prompt} | ({"login": login, "password": "x"} if prompt == "login" else {})
            page = self.browser.post(page.text.partition('action="')[2].partition('"')[0], data=form)
        raise AssertionError("the provider sends nobody back")


@contextmanager
def provider(
    clients: list[dict[str, object]], accounts: dict[str, dict[str, object]], port: int | None = None
) -> Iterator[OpenId]:
    """A provider that knows these clients (RFC 7591 metadata) and people (their claims by `sub`)."""
    node = shutil.which("node")
    if node is None or not (folder() / "node_modules/oidc-provider").is_dir():
        needed("oidc-provider")
    assert node
    port = port or free_port()
    issuer = f"http://127.0.0.1:{port}"
    configuration = json.dumps({"issuer": issuer, "port": port, "clients": clients, "accounts": accounts})
    script = folder() / f"oidc-{port}.mjs"  # node looks for packages beside the script
    shutil.copy(SCRIPT, script)
    process = subprocess.Popen(
        [node, str(script)],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder(),
        env={"PATH": os.environ.get("PATH", ""), "HOTLINE_PEER": configuration},
    )  # fmt: skip
    held(process)
    found = OpenId(issuer)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                if found.browser.get(f"{issuer}/.well-known/openid-configuration").status_code == 200:
                    break
            except httpx.HTTPError:
                pass
            assert process.poll() is None, "the provider died"
            assert time.monotonic() < deadline, "the provider did not start"
            time.sleep(0.05)
        yield found
    finally:
        found.browser.close()
        process.kill()
        process.communicate(timeout=10)
        script.unlink()
