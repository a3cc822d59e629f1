"""Signing in by an identity provider: a real one (npm's oidc-provider) on the other side."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc.jwk import ECKey, RSAKey
from sqlmodel import select

from escalation.accounts import Identity
from escalation.console.oidc import Provider
from tests.office import Browsing, Bureau, bureau_of
from tests.peers.oidc import OpenId, provider
from tests.town import OFFICER, Town

SECRET = "un secret que seuls deux connaissent, et long"
PEOPLE: dict[str, dict[str, object]] = {
    "nora": {"email": OFFICER.handle, "email_verified": True},
    "doute": {"email": OFFICER.handle, "email_verified": False},
    "passant": {"email": "passant@exemple.org", "email_verified": True},
}


def pem(key: Any) -> str:
    kind = serialization.PrivateFormat.PKCS8
    return str(key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption()).decode())


@dataclass
class Signing:
    """The desk, the provider, and our side of it."""

    bureau: Bureau
    peer: OpenId
    ours: Provider

    def comes_back(self, visitor: Browsing, login: str = "nora", start: str = "/bureau/fournisseur") -> str:
        """The way that the provider sends the browser back to."""
        self.peer.browser.cookies.clear()
        begun = visitor.get(start)
        assert begun.status_code == 303, begun.text
        url = self.peer.goes_through(begun.headers["location"], login)
        assert url.startswith(self.bureau.url)
        return url.removeprefix(self.bureau.url)


@contextmanager
def signing(town: Town, key: Any = None, **more: object) -> Iterator[Signing]:
    ours = Provider("http://127.0.0.1:9", "hotline", "", SECRET)
    with bureau_of(town, provider=ours) as bureau:
        client: dict[str, object] = {
            "client_id": "hotline",
            "redirect_uris": [f"{bureau.url}/bureau/fournisseur/retour"],
            "post_logout_redirect_uris": [f"{bureau.url}/bureau/entrer"],
            **more,
        }
        if key is not None:
            ours.private_key, kind = pem(key), RSAKey if isinstance(key, rsa.RSAPrivateKey) else ECKey
            public = kind.import_key(ours.private_key).as_dict(private=False)
            client |= {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [public]}}
            if kind is ECKey:
                client |= {"token_endpoint_auth_signing_alg": "ES256"}
        else:
            client |= {"client_secret": SECRET, "token_endpoint_auth_method": "client_secret_post"}
        with provider([client], PEOPLE) as peer:
            ours.issuer, ours.public_url = peer.issuer, bureau.url
            yield Signing(bureau, peer, ours)


@pytest.fixture
def signed(town: Town) -> Iterator[Signing]:
    with signing(town) as found:
        yield found


def identities(town: Town) -> int:
    return len(town.db.look(lambda session: list(session.exec(select(Identity)))))


def test_an_officer_signs_in_by_the_provider_and_out_of_both(signed: Signing) -> None:
    visitor = signed.bureau.visitor()
    back = signed.comes_back(visitor, start="/bureau/fournisseur?vers=/bureau/chiffres")
    entered = visitor.get(back)
    assert entered.status_code == 303, entered.text
    assert entered.headers["location"] == "/bureau/chiffres"
    assert "par le service d'identité" in visitor.get("/bureau/moi").text.replace("&#39;", "'")
    visitor.post("/bureau/sortir", page="/bureau/moi")
    gone = visitor.get("/bureau/sorti")
    link = re.search(r'href="(http://127[^"]+/session/end[^"]+)"', gone.text)
    assert link, gone.text
    assert signed.peer.browser.get(link[1].replace("&amp;", "&")).status_code == 200
    assert visitor.get("/bureau/moi").status_code == 303


def test_afterwards_the_number_counts_and_not_the_address(signed: Signing) -> None:
    first = signed.bureau.visitor()
    first.get(signed.comes_back(first))
    later = signed.bureau.visitor()
    assert identities(signed.bureau.town) == 1
    assert later.get(signed.comes_back(later)).status_code == 303
    assert identities(signed.bureau.town) == 1


def test_an_address_that_nobody_proved_opens_nothing(signed: Signing) -> None:
    visitor = signed.bureau.visitor()
    page = visitor.get(signed.comes_back(visitor, "doute"))
    assert page.status_code == 403
    assert "ne confirme pas votre adresse" in page.text
    assert identities(signed.bureau.town) == 0


def test_who_is_not_of_the_team_stays_outside(signed: Signing) -> None:
    visitor = signed.bureau.visitor()
    page = visitor.get(signed.comes_back(visitor, "passant"))
    assert page.status_code == 403
    assert "Demandez à l&#39;administration" in page.text


def test_an_account_that_is_signed_in_ties_itself_to_an_identity(signed: Signing) -> None:
    nora = signed.bureau.visitor()
    nora.client.cookies.set("bureau", signed.bureau.secret())
    nora.get(signed.comes_back(nora, "doute", "/bureau/fournisseur?relier=1"))
    assert "Compte relié" in nora.get("/bureau/moi").text
    visitor = signed.bureau.visitor()
    assert visitor.get(signed.comes_back(visitor, "doute")).status_code == 303
    sam = signed.bureau.visitor()
    sam.client.cookies.set("bureau", signed.bureau.secret(signed.bureau.officer("Sam")))
    sam.get(signed.comes_back(sam, "doute", "/bureau/fournisseur?relier=1"))
    assert "Compte relié" not in sam.get("/bureau/moi").text


def test_an_answer_to_another_browser_or_a_second_time_opens_nothing(signed: Signing) -> None:
    visitor = signed.bureau.visitor()
    back = signed.comes_back(visitor)
    assert signed.bureau.visitor().get(back).status_code == 403
    changed = re.sub(r"state=[^&]+", "state=autre", back)
    assert visitor.get(changed).status_code == 403
    assert visitor.get(back).status_code == 303
    again = signed.bureau.visitor()
    signed.comes_back(again)
    assert again.get(back).status_code == 403


def test_a_nonce_of_another_signing_in_is_refused(signed: Signing) -> None:
    visitor = signed.bureau.visitor()
    begun = visitor.get("/bureau/fournisseur")
    url = re.sub(r"nonce=[^&]+", "nonce=autre", begun.headers["location"])
    back = signed.peer.goes_through(url).removeprefix(signed.bureau.url)
    page = visitor.get(back)
    assert page.status_code == 403
    assert "pas celle que nous attendions" in page.text


@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_a_key_of_our_own_in_place_of_a_secret(town: Town, kind: str) -> None:
    made = rsa.generate_private_key(65537, 2048) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())
    with signing(town, made) as found:
        visitor = found.bureau.visitor()
        assert visitor.get(found.comes_back(visitor)).status_code == 303
        other = rsa.generate_private_key(65537, 2048) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())
        found.ours.private_key = pem(other)
        visitor = found.bureau.visitor()
        assert visitor.get(found.comes_back(visitor)).status_code == 403


def test_userinfo_as_a_signed_token(town: Town) -> None:
    with signing(town, userinfo_signed_response_alg="RS256") as found:
        visitor = found.bureau.visitor()
        assert visitor.get(found.comes_back(visitor)).status_code == 303


def test_a_level_of_assurance_that_was_not_given_is_refused(signed: Signing) -> None:
    signed.ours.acr = "eidas2"
    visitor = signed.bureau.visitor()
    page = visitor.get(signed.comes_back(visitor))
    assert page.status_code == 403
    assert "pas vérifié assez fortement" in page.text


def test_a_provider_that_is_away_is_said_and_the_link_stays(signed: Signing) -> None:
    signed.ours.issuer = "http://127.0.0.1:9"
    page = signed.bureau.visitor().get("/bureau/fournisseur")
    assert page.status_code == 503
    assert "ne répond pas" in page.text
    assert "Recevoir un lien" in page.text


def test_who_gives_up_there_comes_back_to_a_page_that_says_so(signed: Signing) -> None:
    visitor = signed.bureau.visitor()
    begun = visitor.get("/bureau/fournisseur").headers["location"]
    state = re.search(r"state=([^&]+)", begun)
    assert state
    page = visitor.get(f"/bureau/fournisseur/retour?error=access_denied&state={state[1]}")
    assert "pas allé au bout" in page.text
