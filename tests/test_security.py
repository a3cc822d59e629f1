"""What keeps others out of our pages and words: headers, cookies, forms, ways back, files, exports, links."""

import csv
import io
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx
import pytest
from starlette.responses import Response

from bot import gate, sheets, tokens
from bot.desk import season
from bot.web import SAFETY, PageFrame
from channels.vault import Vault
from scheduler import feeds
from scheduler.committees import Committee
from tests.channels.web.fake import FakeDesk
from tests.office import KEY, Bureau

AT = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")


def policy() -> dict[str, str]:
    return {part.split()[0]: " ".join(part.split()[1:]) for part in SAFETY["Content-Security-Policy"].split(";")}


def test_no_page_runs_or_loads_what_is_not_ours() -> None:
    found = policy()
    assert found["default-src"] == "'none'"
    assert found["frame-ancestors"] == found["base-uri"] == "'none'"
    assert set(found) <= {"default-src", "style-src", "script-src", "img-src", "media-src", "connect-src",
                          "form-action", "base-uri", "frame-ancestors"}  # fmt: skip
    assert all(sources in ("'self'", "'none'") for sources in found.values()), "no inline script, no other host"


@pytest.mark.parametrize("way", ["/", "/bureau/entrer", "/bureau", "/bureau/personnes", "/nulle-part", "/health"])
def test_every_answer_carries_the_headers(bureau: Bureau, way: str) -> None:
    for browsing in (bureau.visitor(), bureau.signed_in()):
        found = browsing.get(way)
        for name, value in SAFETY.items():
            assert found.headers[name] == value, (way, name)
        assert found.headers["Cache-Control"] == "no-store"
        assert "style=" not in found.text
        assert not re.search(r"<script(?![^>]* src=)|\son[a-z]+=", found.text), "the policy would stop it"


def frame(public_url: str) -> PageFrame:
    desk = FakeDesk()
    house = replace(desk.house(), public_url=public_url)
    desk.house = lambda: house  # type: ignore[method-assign]
    return PageFrame(desk, KEY, PARIS)


@pytest.mark.parametrize(("public_url", "secure"), [("https://hotline.example", True), ("", False)])
def test_the_cookie_of_a_session_is_for_the_browser_alone(public_url: str, secure: bool) -> None:
    response = Response()
    frame(public_url).remember(response, "secret")
    cookie = response.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/bureau" in cookie
    assert ("secure" in cookie.replace("secret", "")) is secure


@pytest.mark.parametrize(
    "way",
    [
        "https://ailleurs.example", "//ailleurs.example", "/\\ailleurs.example", "/bureau//ailleurs.example",
        "/bureau\\..\\..", "javascript:alert(1)", "/bureau?x=javascript:alert(1)", "", "/", "/conversation",
        "\t//ailleurs.example", "/bureau/https://ailleurs.example", "bureau",
    ],
)  # fmt: skip
def test_a_way_back_stays_within_the_desk(way: str) -> None:
    assert gate.own_way(way) == gate.HOME


def test_a_way_back_within_the_desk_is_kept() -> None:
    assert gate.own_way("/bureau/questions/5?tout=1#reponse") == "/bureau/questions/5?tout=1#reponse"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://ailleurs.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
        {"Origin": "null"},
    ],
)  # fmt: skip
def test_a_form_from_elsewhere_is_refused_though_it_holds_the_token(bureau: Bureau, headers: dict[str, str]) -> None:
    nora = bureau.signed_in()
    token = nora.get("/bureau/moi").text.partition('name="jeton" value="')[2].partition('"')[0]
    assert token
    words = {"jeton": token, "nom": "Bellevue", "ville": "", "places_copil": "1"}
    assert nora.client.post("/bureau/conseils", data=words, headers=headers).status_code == 403
    assert "Bellevue" not in nora.get("/bureau/conseils").text


@pytest.mark.parametrize(
    "way",
    [
        "/static/x/..%2f..%2fsettings.py", "/static/..%2f..%2f..%2f/etc/passwd", "/static/x/%2e%2e/hotline.css.bak",
        "/static/x/....//web.py", "/bureau/questions/1/pieces/..%2f1", "/bureau/fiches/..%2f..%2fREADME.md",
    ],
)  # fmt: skip
def test_no_address_leads_to_a_file_that_is_not_ours_to_show(bureau: Bureau, way: str) -> None:
    found = bureau.signed_in().client.send(httpx.Request("GET", f"{bureau.url}{way}"))
    assert found.status_code in (303, 404)
    assert "import" not in found.text


@pytest.mark.parametrize("cell", ["=1+1", "+33612345678", "-2", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x")'])
def test_no_cell_of_an_export_is_a_formula(cell: str) -> None:
    text = sheets.write([["nom", cell]]).decode("utf-8-sig")
    (row,) = csv.reader(io.StringIO(text, newline=""), delimiter=";")
    assert row[1] == f"'{cell}"


def test_words_of_a_meeting_add_nothing_to_a_calendar() -> None:
    evil = "COPIL\r\nATTENDEE:mailto:x@ailleurs.example\nEND:VEVENT\rX-EVIL:1"
    entry = feeds.Entry("1", 0, evil, AT, place=evil, description=evil)
    lines = feeds.calendar([entry], evil, PARIS, AT).split("\r\n")
    assert not [line for line in lines if line.startswith(("ATTENDEE", "X-EVIL"))]
    assert lines.count("BEGIN:VEVENT") == lines.count("END:VEVENT") == 1
    assert all("\n" not in line and "\r" not in line for line in lines)


def test_a_members_link_is_over_a_month_after_the_meeting() -> None:
    vault = Vault("une clé pour les essais, assez longue pour en être une")
    meeting = Committee(title="COPIL", starts_at=AT, created_at=AT)
    last = (meeting.starts_at + season.LINK_FOR).date()
    token = tokens.sign(vault, tokens.Claim(tokens.MEMBER, 1, 1, last))
    assert tokens.read(vault, token, AT + season.LINK_FOR) is not None
    assert tokens.read(vault, token, AT + season.LINK_FOR + timedelta(days=1)) is None
    changed = tokens.Claim(tokens.MEMBER, 1, 2, date(2030, 1, 1))
    other = tokens.sign(Vault("une autre clé, tout aussi longue que la première"), changed)
    assert tokens.read(vault, other, AT) is None
    assert tokens.read(vault, token[:20] + other[20:], AT) is None
