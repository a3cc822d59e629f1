"""Signing in to the desk: by a link that serves once, for half an hour of silence, and with forms of that session."""

import re
from datetime import datetime

import pytest
from sqlmodel import select

from bot.db import Database
from bot.desk import demo, entrance, officer
from bot.office import Office
from escalation.accounts import Failure, OfficerSession, SignInLink
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
    assert "Vous êtes sorti" in nora.post("/bureau/sortir", page="/bureau/moi").text
    other = bureau.visitor()
    other.client.cookies.set("bureau", secret)
    assert other.get("/bureau/moi").headers["location"].startswith("/bureau/entrer")


def test_the_page_that_was_asked_for_opens_once_signed_in(bureau: Bureau) -> None:
    visitor = bureau.visitor()
    asked = visitor.get("/bureau/moi").headers["location"]
    assert asked == "/bureau/entrer?vers=/bureau/moi"
    visitor.post("/bureau/entrer", {"email": OFFICER.handle, "vers": "/bureau/moi"}, page=asked)
    assert 'name="vers" value="/bureau/moi"' in visitor.get(asked).text
    way = link_in(bureau)
    assert visitor.post(way, page=way).headers["location"] == "/bureau/moi"


def test_no_link_leads_out_of_the_desk(bureau: Bureau) -> None:
    for bad in ("https://mal.exemple/", "//mal.exemple", "/bureau//mal.exemple", "/bureau\\mal"):
        visitor = bureau.visitor()
        visitor.post("/bureau/entrer", {"email": OFFICER.handle, "vers": bad}, page="/bureau/entrer")
        way = link_in(bureau)
        assert visitor.post(way, page=way).headers["location"] == "/bureau"
        bureau.town.pass_time(minutes=16)


def test_many_links_asked_for_by_others_do_not_close_the_way(bureau: Bureau) -> None:
    visitor = bureau.visitor()
    for _ in range(8):
        visitor.post("/bureau/entrer", {"email": OFFICER.handle}, page="/bureau/entrer")
    bureau.town.work()
    assert len(bureau.town.notices()) == 5, "no flood of mail"
    way = link_in(bureau)
    assert visitor.post(way, page=way).status_code == 303


def test_signing_in_ends_the_session_that_the_browser_had(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    nora.client.follow_redirects = False
    before = nora.client.cookies["bureau"]
    nora.post("/bureau/entrer", {"email": OFFICER.handle}, page="/bureau/entrer")
    way = link_in(bureau)
    assert "bureau=" in nora.post(way, page=way).headers["set-cookie"]
    other = bureau.visitor()
    other.client.cookies.set("bureau", before)
    assert other.get("/bureau/moi").status_code == 303


def test_what_signed_nobody_in_for_days_is_forgotten(bureau: Bureau) -> None:
    bureau.visitor().post("/bureau/entrer", {"email": OFFICER.handle}, page="/bureau/entrer")
    bureau.secret()
    bureau.town.pass_time(days=3)
    bureau.town.work(ticks=True)
    for table in (OfficerSession, SignInLink, Failure):
        assert bureau.town.db.look(lambda session, kind=table: session.exec(select(kind)).first()) is None


def test_the_example_has_an_officer_whose_link_the_terminal_shows(db: Database, office: Office, now: datetime) -> None:
    db.transact(demo.add, office, now)
    way = db.transact(entrance.hand_link, office, "", now)
    secret = way.removeprefix("/bureau/entrer/")
    assert db.transact(entrance.enter_by_link, office, secret, entrance.Browser("tests"), now) is not None
    assert db.transact(entrance.enter_by_link, office, secret, entrance.Browser("tests"), now) is None
    with pytest.raises(LookupError):
        db.transact(entrance.hand_link, office, "personne@exemple.org", now)
    assert db.transact(officer.seed, office, "Nora", "nora@exemple.org", now), "the example stands in nobody's way"
    db.transact(demo.remove)
    with pytest.raises(LookupError):
        db.transact(entrance.hand_link, office, "", now)
