"""Signing in to the desk: by a link that serves once, for half an hour of silence, and with forms of that session."""

import re

from tests.office import Bureau
from tests.town import OFFICER


def link_in(bureau: Bureau) -> str:
    """The way that the newest mail to Nora brings."""
    bureau.town.work()
    found = re.search(r"/bureau/entrer/\S+", bureau.town.notices()[-1].text)
    assert found
    return found[0]


def test_a_link_opens_the_desk_once(bureau: Bureau) -> None:
    visitor = bureau.visitor()
    assert visitor.get("/bureau/moi").headers["location"] == "/bureau/entrer?vers=/bureau/moi"
    page = visitor.post("/bureau/entrer", {"email": OFFICER.handle}, page="/bureau/entrer")
    assert "un lien vient de partir" in page.text
    way = link_in(bureau)
    assert visitor.get(way).status_code == 200  # looking at it uses nothing up
    entered = visitor.post(way, page=way)
    assert entered.status_code == 303
    assert "bureau=" in entered.headers["set-cookie"]
    assert "httponly" in entered.headers["set-cookie"].lower()
    again = bureau.visitor()
    assert again.post(way, page=way).status_code == 410


def test_a_link_is_over_after_a_quarter_of_an_hour(bureau: Bureau) -> None:
    visitor = bureau.visitor()
    visitor.post("/bureau/entrer", {"email": OFFICER.handle}, page="/bureau/entrer")
    way = link_in(bureau)
    bureau.town.pass_time(minutes=16)
    assert visitor.post(way, page=way).status_code == 410


def test_nobody_is_told_who_works_here(bureau: Bureau) -> None:
    page = bureau.visitor().post("/bureau/entrer", {"email": "curieux@exemple.org"}, page="/bureau/entrer")
    assert "un lien vient de partir" in page.text
    before = len(bureau.town.notices())
    bureau.town.work()
    assert len(bureau.town.notices()) == before


def test_signing_out_ends_the_session(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    secret = nora.client.cookies["bureau"]
    nora.post("/bureau/sortir", page="/bureau/moi")
    other = bureau.visitor()
    other.client.cookies.set("bureau", secret)
    assert other.get("/bureau/moi").headers["location"].startswith("/bureau/entrer")
