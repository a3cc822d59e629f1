"""Every page of the desk, found by walking the app: who may open it, and that nothing of another council shows."""

import re
from dataclasses import dataclass

import httpx
import pytest
from sqlmodel import Session
from starlette.routing import Route

from bot.doors import Within
from bot.library import Library
from bot.web import PageFrame
from channels import directory
from channels.contract import Address
from channels.directory import Council, Person
from escalation.tickets import Ticket
from scheduler.committees import Committee, CommitteeCouncil
from tests.channels.web.fake import FakeDesk
from tests.office import KEY, Browsing, Bureau
from tests.town import Town

# For whoever is not signed in yet, or no more.
OPEN = r"/bureau/(entrer|entrer/.*|fournisseur|fournisseur/retour|sorti)$|/(calendrier|reunion)/|/fiabilite"
OWN = r"/bureau/(sortir|moi|moi/.*)$"  # everybody's own, whatever their role
SHARED = (  # of no council: the base, the team, figures that the page limits by itself
    r"/bureau$",
    r"/bureau/(fiches|corrections|equipe|journal|chiffres|sante|aide|appel|conservation|ensemble|flux|fermetures|reponses-types)([./].*)?$",
)
HARMLESS = ("/bureau/questions/{number:int}/flux",)  # a form that only says what is new, to readers as well
THEIRS = {  # what of another council stands for the first name in braces
    r"/bureau/questions/\{": "ticket",
    r"/bureau/fiches/depuis/\{": "ticket",
    r"/bureau/personnes/\{": "person",
    r"/bureau/conseils/\{": "council",
    r"/bureau/reunions/\{": "meeting",
}
NO_ONE_THING = r"/bureau/(questions|personnes|conseils|reunions)([./][^{]*)?$"  # lists, and forms for something new


@dataclass(frozen=True)
class Page:
    path: str
    method: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def pages_of(town: Town) -> list[Page]:
    """Every route of the desk as it is served."""
    within = Within(town.db, town.office, town.now, lambda: None, Library(town.db, town.now, lambda: town.at.date()))
    routes = within.pages(PageFrame(FakeDesk(), KEY, town.office.zone, within.entrance()))
    found = []
    for each in routes:
        assert isinstance(each, Route), each
        found += [Page(each.path, method) for method in sorted((each.methods or set()) - {"HEAD"})]
    return sorted(found, key=str)


def kind_of(page: Page) -> str:
    """open, own, shared, list, or what of another council to try; empty: nobody said, and the test fails."""
    if re.match(OPEN, page.path):
        return "open"
    if re.match(OWN, page.path):
        return "own"
    if re.match(NO_ONE_THING, page.path):
        return "list"
    theirs = next((name for pattern, name in THEIRS.items() if re.match(pattern, page.path)), "")
    theirs = theirs or ("council" if "{council:int}" in page.path else "")
    return theirs or ("shared" if any(re.match(each, page.path) for each in SHARED) else "")


def filled(page: Page, first: int = 1) -> str:
    path = re.sub(r"\{[^}]+\}", str(first), page.path, count=1)
    return re.sub(r"\{[^}]+\}", "1", path)


@dataclass
class Two:
    """Two councils, an officer of the first alone, and things of the second."""

    bureau: Bureau
    pages: list[Page]
    officer: int
    of_the_other: dict[str, int]


@pytest.fixture
def two(bureau: Bureau) -> Two:
    town = bureau.town

    def work(session: Session) -> dict[str, int]:
        here, there = Council(slug="ici", name="Ici"), Council(slug="ailleurs", name="Ailleurs")
        session.add_all((here, there))
        session.flush()
        row = directory.keep(session, town.office.vault, Address("sms", "+33612345678"), town.at)
        person = Person(name="Awa Diallo", council_id=there.id, created_at=town.at)
        meeting = Committee(title="COPIL", starts_at=town.at, created_at=town.at)
        session.add_all((person, meeting))
        session.flush()
        row.person_id = person.id
        ticket = Ticket(
            council_id=there.id, address_id=row.id or 0, question="Le secret d'ailleurs ?", opened_at=town.at,
            promised_at=town.at,
        )  # fmt: skip
        session.add_all((row, ticket, CommitteeCouncil(committee_id=meeting.id or 0, council_id=there.id or 0)))
        session.flush()
        return {
            "here": here.id or 0, "council": there.id or 0, "person": person.id or 0, "meeting": meeting.id or 0,
            "ticket": ticket.id or 0,
        }  # fmt: skip

    things = town.db.transact(work)
    return Two(bureau, pages_of(town), bureau.officer("Paul", councils=(things["here"],)), things)


def asked(browsing: Browsing, page: Page, way: str, token: str = "") -> httpx.Response:
    browsing.client.follow_redirects = False
    if page.method == "GET":
        return browsing.get(way)
    return browsing.client.request(page.method, way, data={"jeton": token} if token else {"x": "y"})


def token_of(browsing: Browsing) -> str:
    return browsing.get("/bureau/moi").text.partition('name="jeton" value="')[2].partition('"')[0]


def test_every_page_has_a_case(two: Two) -> None:
    assert len(two.pages) > 30
    assert [str(page) for page in two.pages if not kind_of(page)] == [], "say above whose these pages are"


def test_a_page_that_nobody_spoke_of_would_be_found() -> None:
    assert kind_of(Page("/bureau/nouveaute/{number}", "GET")) == ""
    assert kind_of(Page("/bureau/personnes/{number}/donnees", "GET")) == "person"
    assert kind_of(Page("/bureau/personnes/nouvelle", "GET")) == "list"


def test_nobody_signed_in_is_sent_to_sign_in(two: Two) -> None:
    visitor = two.bureau.visitor()
    for page in two.pages:
        if kind_of(page) != "open":
            found = asked(visitor, page, filled(page))
            sent = found.status_code == 303 and found.headers["location"].startswith("/bureau/entrer")
            assert sent or found.status_code == 401, page


def test_a_reader_changes_nothing(two: Two) -> None:
    reader = two.bureau.signed_in(two.bureau.officer("Lise", "reader"))
    token = token_of(reader)
    assert token
    for page in two.pages:
        if page.method != "GET" and kind_of(page) not in ("open", "own") and page.path not in HARMLESS:
            assert asked(reader, page, filled(page), token).status_code == 403, page


def test_a_form_without_the_token_of_its_session_changes_nothing(two: Two) -> None:
    nora = two.bureau.signed_in()
    other = token_of(two.bureau.signed_in())
    for page in two.pages:
        if page.method != "GET" and kind_of(page) != "open":
            assert asked(nora, page, filled(page)).status_code == 403, page
            assert asked(nora, page, filled(page), other).status_code == 403, page


def test_what_is_of_another_council_is_not_there(two: Two) -> None:
    paul = two.bureau.signed_in(two.officer)
    token, tried = token_of(paul), 0
    for page in two.pages:
        kind = kind_of(page)
        if kind in two.of_the_other:
            tried += 1
            found = asked(paul, page, filled(page, two.of_the_other[kind]), token)
            assert found.status_code in (403, 404), (page, found.status_code)
            if page.method == "GET":
                assert found.status_code == 404 or "manage" in str(page), page
            assert "secret d" not in found.text
        elif kind == "list" and page.method == "GET":
            assert "secret d'ailleurs" not in asked(paul, page, page.path).text.replace("&#39;", "'"), page
            assert "Awa Diallo" not in asked(paul, page, page.path).text, page


def test_only_the_administration_manages(two: Two) -> None:
    paul = two.bureau.signed_in(two.officer)
    for way in ("/bureau/journal", "/bureau/equipe/nouveau"):
        assert paul.get(way).status_code == 403
