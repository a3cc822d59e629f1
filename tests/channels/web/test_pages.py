"""The pages as a browser without JavaScript gets them."""

import concurrent.futures
import json
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from bot.web import create_app
from channels.contract import Address, Deliver, Inbound, Opened, Outbound, Receipt, Undeliverable
from channels.web import open_channel
from channels.web.pages import COOKIE, EXAMPLES
from tests.channels.web.conftest import KEY, Site, ask, fields, healthy, write
from tests.channels.web.fake import ANSWER, HOUSE, FakeDesk
from tests.peers.browser import served


def mine(page: httpx.Response) -> list[str]:
    return [text.replace("&#39;", "'") for text in re.findall(r'<p class="said" dir="auto">(.*?)</p>', page.text, re.S)]


# --- asking ----------------------------------------------------------------------------------------------------------


def test_no_cookie_is_set_before_the_first_question(site: Site) -> None:
    with site.visitor() as visitor:
        for path in ("/", "/confidentialite", "/accessibilite", "/mentions-legales"):
            page = visitor.get(path)
            assert page.status_code == 200
            assert "set-cookie" not in page.headers
        assert visitor.get("/conversation").headers["location"] == "/"


def test_the_first_question_opens_the_chat_and_is_answered_with_its_source(site: Site) -> None:
    with site.visitor() as visitor:
        form = fields(visitor.get("/"), "/question")
        answer = visitor.post("/question", data=form | {"texte": "À quoi ça sert ?"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/conversation#dernier")
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert "Secure" not in cookie
        page = visitor.get("/conversation")
        assert mine(page) == ["À quoi ça sert ?"]
        assert '<p class="source">Source\u00a0: loi du 21 février 2014, art. 7 (texte de 2024).</p>' in page.text


def test_the_cookie_is_secure_where_the_public_address_is(make_site: Callable[..., Site]) -> None:
    site = make_site(desk=FakeDesk(replace(HOUSE, public_url="https://hotline.example")))
    with site.visitor() as visitor:
        form = fields(visitor.get("/"), "/question")
        answer = visitor.post(
            "/question", data=form | {"texte": "Bonjour"}, headers={"Origin": "https://hotline.example"}
        )
        assert "Secure" in answer.headers["set-cookie"]
        assert answer.headers["strict-transport-security"]


def test_an_example_is_asked_at_a_click_whatever_stands_in_the_field(site: Site) -> None:
    with site.visitor() as visitor:
        form = fields(visitor.get("/"), "/question")
        page = visitor.post("/question", data=form | {"texte": "", "exemple": EXAMPLES[0]}, follow_redirects=True)
        assert mine(page) == [EXAMPLES[0]]


def test_a_first_question_sent_twice_at_once_is_one_chat_with_one_message(site: Site) -> None:
    with site.visitor() as visitor:
        form = fields(visitor.get("/"), "/question") | {"texte": "Une fois ?"}
    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: httpx.post(site.url + "/question", data=form), range(5)))
    assert {answer.status_code for answer in answers} == {303}
    assert len({answer.cookies[COOKIE] for answer in answers}) == 1
    assert [message.text for message in site.desk.kept.values()] == ["Une fois ?"]


def test_a_further_message_sent_twice_is_one_but_another_text_from_the_same_form_is_kept(site: Site) -> None:
    with site.visitor() as visitor:
        ask(visitor, "Un")
        form = fields(visitor.get("/conversation"), "/conversation")
        for text in ("Deux", "Deux", "Trois"):
            visitor.post("/conversation", data=form | {"texte": text})
        assert mine(visitor.get("/conversation")) == ["Un", "Deux", "Trois"]


def test_two_visitors_never_see_one_another(site: Site) -> None:
    with site.visitor() as one, site.visitor() as other:
        ask(one, "Le secret de l'une")
        page = ask(other, "Bonjour")
        assert mine(page) == ["Bonjour"]
        assert "secret" not in page.text


# --- bad input -------------------------------------------------------------------------------------------------------


def test_an_empty_question_says_so_beside_the_field(site: Site) -> None:
    with site.visitor() as visitor:
        page = ask(visitor, " \n\x00 ")
        assert page.status_code == 422
        assert 'aria-describedby="aide erreur"' in page.text
        assert "Écrivez votre question ici" in page.text
        assert "set-cookie" not in page.headers


def test_a_text_that_is_too_long_stays_in_the_field_and_is_told_by_how_much(site: Site) -> None:
    text = "é" * 5600
    with site.visitor() as visitor:
        page = ask(visitor, text)
        assert page.status_code == 422
        assert text in page.text
        assert "5\u202f600 caractères" in page.text
        assert "Retirez-en 600" in page.text
        ask(visitor, "Court")
        assert text in write(visitor, text).text
        assert ask(visitor, "é" * 5000).status_code == 200
    assert len(site.desk.kept) == 2


@pytest.mark.parametrize("whole", [True, False], ids=["with its length", "in pieces"])
def test_a_megabyte_gets_a_page_in_french(site: Site, whole: bool) -> None:
    body = b"texte=" + b"x" * 1_000_000

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(body), 50_000):
            yield body[start : start + 50_000]

    with site.visitor() as visitor:
        page = visitor.post(
            "/question",
            content=body if whole else pieces(),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        assert page.status_code == 413
        assert "Ce message est trop long" in page.text
        assert "nosniff" in page.headers["x-content-type-options"]
    assert not site.desk.kept


def test_nul_bytes_go_and_emoji_and_right_to_left_text_stay(site: Site) -> None:
    with site.visitor() as visitor:
        ask(visitor, "a\x00b")
        write(visitor, "😀")
        page = write(visitor, "مرحبا")
        assert mine(page) == ["ab", "😀", "مرحبا"]


def test_what_people_write_is_never_markup(site: Site) -> None:
    with site.visitor() as visitor:
        page = ask(visitor, "<script>alert(1)</script>{{ 7*7 }}")
        assert "<script>alert" not in page.text
        assert "{{ 7*7 }}" in page.text


@pytest.mark.parametrize("jeton", ["", "é", "0" * 40])
def test_a_form_that_is_not_ours_is_refused_and_its_text_kept(site: Site, jeton: str) -> None:
    with site.visitor() as visitor:
        page = visitor.post("/question", data={"jeton": jeton, "texte": "Gardez-moi"})
        assert page.status_code == 403
        assert "Gardez-moi</textarea>" in page.text
        assert not site.desk.kept
        again = visitor.post("/question", data=fields(page, "/question") | {"texte": "Gardez-moi"})
        assert again.status_code == 303


@pytest.mark.parametrize(
    "header", [{"Origin": "https://ailleurs.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_a_right_token_from_another_site_is_refused(site: Site, header: dict[str, str]) -> None:
    with site.visitor() as visitor:
        form = fields(visitor.get("/"), "/question")
        assert visitor.post("/question", data=form | {"texte": "Bonjour"}, headers=header).status_code == 403


def test_the_token_of_one_chat_is_worth_nothing_in_another(site: Site) -> None:
    with site.visitor() as one, site.visitor() as other:
        ask(one, "Un")
        ask(other, "Deux")
        form = fields(one.get("/conversation"), "/conversation")
        assert other.post("/conversation", data=form | {"texte": "Trois"}).status_code == 403


def test_every_form_of_every_page_is_refused_without_its_token(site: Site) -> None:
    with site.visitor() as visitor:
        ask(visitor, "Bonjour")
        write(visitor, "Parler à une personne")
        token = next(iter(site.desk.links), "") or "x"
        for path in (
            "/question", "/conversation", "/conversation/choix", "/conversation/personne", "/conversation/lien/annuler",
            "/conversation/email", "/conversation/email/code", "/conversation/quitter", f"/reprendre/{token}",
        ):  # fmt: skip
            page = visitor.post(path, data={"texte": "x", "numero": "1", "adresse": "a@b.fr", "code": "123456"})
            assert page.status_code == 403, path


def test_when_a_message_cannot_be_kept_the_page_keeps_it_and_gives_the_phone(site: Site) -> None:
    site.desk.broken = True
    with site.visitor() as visitor:
        page = ask(visitor, "Important")
        assert page.status_code == 503
        assert "Important</textarea>" in page.text
        assert "02 40 58 02 03" in page.text
        site.desk.broken = False
        page = visitor.post("/question", data=fields(page, "/question") | {"texte": "Important"}, follow_redirects=True)
        assert mine(page) == ["Important"]


def test_too_many_new_chats_are_told_when_to_come_back_and_keep_their_text(make_site: Callable[..., Site]) -> None:
    site = make_site({"HOTLINE_WEB_CHATS_PER_HOUR": "2"})
    for number in range(2):
        with site.visitor() as visitor:
            assert ask(visitor, f"Question {number}").status_code == 200
    with site.visitor() as visitor:
        page = ask(visitor, "La troisième")
        assert page.status_code == 429
        assert "La troisième</textarea>" in page.text
        assert "60 minutes" in page.text
        assert int(page.headers["retry-after"]) > 3500


def test_too_many_posts_wait_a_minute(make_site: Callable[..., Site]) -> None:
    site = make_site({"HOTLINE_WEB_POSTS_PER_MINUTE": "2"})
    with site.visitor() as visitor:
        ask(visitor, "Un")
        write(visitor, "Deux")
        page = write(visitor, "Trois")
        assert page.status_code == 429
        assert "Trois</textarea>" in page.text
        assert len(site.desk.kept) == 2


def test_a_closed_chat_keeps_the_text_and_offers_a_new_one(site: Site) -> None:
    with site.visitor() as visitor:
        ask(visitor, "Un")
        form = fields(visitor.get("/conversation"), "/conversation")
        visitor.cookies.clear()
        page = visitor.post("/conversation", data=form | {"texte": "Deux"})
        assert page.status_code == 401
        page = visitor.post("/question", data=fields(page, "/question") | {"texte": "Deux"}, follow_redirects=True)
        assert mine(page) == ["Deux"]


# --- the chat --------------------------------------------------------------------------------------------------------


def test_a_choice_is_one_button_each_and_a_double_click_chooses_once(site: Site) -> None:
    with site.visitor() as visitor:
        page = ask(visitor, "Me faire rembourser ?")
        assert re.findall(r'name="numero" value="(\d)"', page.text) == ["1", "2", "3"]
        form = fields(page, "/conversation/choix")
        for _ in range(2):
            visitor.post("/conversation/choix", data=form | {"numero": "1"})
        page = visitor.get("/conversation")
        assert mine(page) == ["Me faire rembourser ?", "1. Être remboursé de ses frais"]
        assert 'name="numero"' not in page.text


def test_only_while_an_answer_is_awaited_the_page_looks_again_and_it_can_be_stopped(site: Site) -> None:
    site.desk.mute = True
    with site.visitor() as visitor:
        page = ask(visitor, "Bonjour")
        handle = visitor.cookies[COOKIE]
        refresh = '<noscript><meta http-equiv="refresh" content="5;url=/conversation"></noscript>'
        assert refresh in page.text
        assert "Je cherche la réponse" in page.text
        assert "Actualiser</a>" in page.text
        assert 'http-equiv="refresh"' not in visitor.get("/conversation?pause=1").text
        site.desk.age(handle, timedelta(minutes=2))
        page = visitor.get("/conversation")
        assert 'http-equiv="refresh"' not in page.text
        assert "Pas encore de réponse" in page.text
        site.desk.answer(handle, ANSWER)
        page = visitor.get("/conversation")
        assert 'http-equiv="refresh"' not in page.text
        assert "Pas encore de réponse" not in page.text


def test_a_chat_whose_messages_were_erased_says_so(site: Site) -> None:
    with site.visitor() as visitor:
        ask(visitor, "Bonjour")
        site.desk.said.clear()
        assert "Rien à lire ici" in visitor.get("/conversation").text


def test_leaving_forgets_the_chat_on_this_device(site: Site) -> None:
    with site.visitor() as visitor:
        page = ask(visitor, "Bonjour")
        answer = visitor.post("/conversation/quitter", data=fields(page, "/conversation/quitter"))
        assert answer.status_code == 303
        assert COOKIE not in visitor.cookies
        assert answer.headers["clear-site-data"] == '"cache"'


# --- a person --------------------------------------------------------------------------------------------------------


def escalated(visitor: httpx.Client) -> httpx.Response:
    page = ask(visitor, "Bonjour")
    return visitor.post("/conversation/personne", data=fields(page, "/conversation/personne"), follow_redirects=True)


def link_in(page: httpx.Response) -> str:
    found = re.search(r'id="lien"[^>]*value="([^"]+)"', page.text)
    assert found
    return found[1]


def test_asking_for_a_person_shows_the_number_the_date_and_a_link(site: Site) -> None:
    with site.visitor() as visitor:
        page = escalated(visitor)
        assert mine(page)[-1] == "Parler à une personne"
        assert "N° 142" in page.text.replace("\u00a0", " ")
        assert "Réponse au plus tard jeudi 10 décembre 2026." in page.text
        assert link_in(page).startswith(site.url + "/reprendre/")


def test_the_link_opens_the_chat_elsewhere_but_only_at_a_click(site: Site) -> None:
    with site.visitor() as visitor, site.visitor() as elsewhere:
        link = link_in(escalated(visitor))
        page = elsewhere.get(link)  # as a scanner of mail does
        assert COOKIE not in elsewhere.cookies
        page = elsewhere.post(link, data=fields(page, httpx.URL(link).path), follow_redirects=True)
        assert mine(page) == ["Bonjour", "Parler à une personne"]


def test_a_link_that_was_revoked_explains_itself(site: Site) -> None:
    with site.visitor() as visitor, site.visitor() as elsewhere:
        page = escalated(visitor)
        link, old = link_in(page), elsewhere.get(link_in(page))
        page = visitor.post(
            "/conversation/lien/annuler", data=fields(page, "/conversation/lien/annuler"), follow_redirects=True
        )
        assert "l'ancien lien ne marche plus" in page.text
        assert link_in(page) != link
        for answer in (elsewhere.get(link), elsewhere.post(link, data=fields(old, httpx.URL(link).path))):
            assert answer.status_code == 410
            assert "Poser ma question" in answer.text
        assert COOKIE not in elsewhere.cookies


def test_an_address_is_proven_by_its_code_with_errors_beside_the_field(site: Site) -> None:
    with site.visitor() as visitor:
        page = escalated(visitor)
        for address, told in (("nimporte", "Je ne reconnais pas"), (site.desk.refused_email, "refuse cette adresse")):
            page = visitor.post("/conversation/email", data=fields(page, "/conversation/email") | {"adresse": address})
            assert page.status_code == 422
            assert told in page.text
            assert f'value="{address}" aria-describedby="adresse-aide adresse-erreur" aria-invalid="true"' in page.text
        form = fields(page, "/conversation/email")
        page = visitor.post("/conversation/email", data=form | {"adresse": "a@exemple.fr"}, follow_redirects=True)
        assert "exemple.fr" not in str(page.url)
        for code, told in (("12", "Le code a 6 chiffres"), ("000000", "pas le bon code")):
            form = fields(page, "/conversation/email/code")
            page = visitor.post("/conversation/email/code", data=form | {"code": code})
            assert page.status_code == 422
            assert told in page.text
        form = fields(page, "/conversation/email/code")
        page = visitor.post("/conversation/email/code", data=form | {"code": " 123 456 "}, follow_redirects=True)
        assert "vous arrive aussi par e-mail" in page.text


def test_a_cookie_that_we_did_not_make_is_none(site: Site) -> None:
    with site.visitor() as visitor:
        for value in ("x" * 40, "é", "'; drop table inbox", ""):
            answer = visitor.get("/conversation", headers={b"Cookie": f"{COOKIE}={value}".encode()})
            assert (answer.status_code, answer.headers["location"]) == (303, "/")


# --- live ------------------------------------------------------------------------------------------------------------


def events(
    visitor: httpx.Client, most: int, headers: dict[str, str] | None = None, after: int = 0
) -> list[dict[str, str]]:
    """The first events of the stream."""
    found: list[dict[str, str]] = []
    with visitor.stream("GET", f"/conversation/flux?apres={after}", headers=headers or {}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        event: dict[str, str] = {}
        for line in answer.iter_lines():
            if line:
                name, _, value = line.partition(": ")
                event[name] = value
            elif event:
                if "event" in event:
                    found.append(event)
                event = {}
            if len(found) == most:
                break
    return found


def test_the_stream_goes_on_after_the_last_event_that_the_browser_saw(site: Site) -> None:
    site.desk.mute = True
    with site.visitor() as visitor:
        ask(visitor, "Bonjour")
        handle = visitor.cookies[COOKIE]
        ids = [site.desk.answer(handle, f"Réponse {number}") for number in range(3)]
        assert [int(event["id"]) for event in events(visitor, 3)] == ids
        assert [int(event["id"]) for event in events(visitor, 1, after=ids[1])] == ids[2:]
        resumed = events(visitor, 2, {"Last-Event-ID": str(ids[0])}, after=ids[2])
        assert [json.loads(event["data"])["id"] for event in resumed] == ids[1:]
        assert "Réponse 1" in json.loads(resumed[0]["data"])["html"]


def test_the_stream_tells_that_a_question_went_to_a_person(site: Site) -> None:
    site.desk.mute = True
    with site.visitor() as visitor:
        ask(visitor, "Bonjour")
        handle = visitor.cookies[COOKIE]
        with visitor.stream("GET", "/conversation/flux?apres=0") as answer:
            lines = answer.iter_lines()
            assert next(lines).startswith("retry:")
            site.desk.escalate(handle)
            site.desk.answer(handle, "Je transmets.")
            names = []
            for line in lines:
                if line.startswith("event: "):
                    names.append(line[7:])
                if line.startswith("data: ") and names[-1] == "panneau":
                    assert "/conversation/email" in json.loads(line[6:])["html"]
                    break
        assert names == ["message", "panneau"]


def test_without_a_chat_there_is_no_stream_and_no_second_try(site: Site) -> None:
    assert httpx.get(site.url + "/conversation/flux").status_code == 204


def test_a_page_opened_just_before_the_question_was_handed_on_is_told_too(site: Site) -> None:
    site.desk.mute = True
    with site.visitor() as visitor:
        ask(visitor, "Bonjour")
        handle = visitor.cookies[COOKIE]
        site.desk.escalate(handle)
        site.desk.answer(handle, "Je transmets.")
        assert [event["event"] for event in events(visitor, 2)] == ["message", "panneau"]


def test_the_stream_ends_quietly_when_the_database_goes_away(site: Site) -> None:
    site.desk.mute = True
    with site.visitor() as visitor:
        ask(visitor, "Bonjour")
        site.desk.away = True
        assert visitor.get("/conversation/flux").text == "retry: 2000\n\n"
        page = visitor.get("/conversation")
        assert page.status_code == 503
        assert "Le service est arrêté un moment" in page.text
        assert page.headers["retry-after"] == "30"


def test_a_stream_ends_within_a_second_or_so_when_the_server_stops() -> None:
    desk = FakeDesk()
    with served(
        lambda stopping: create_app(desk, {"web": open_channel({})}, healthy, key=KEY, stopping=stopping)
    ) as url:
        visitor = httpx.Client(base_url=url, timeout=10)
        ask(visitor, "Bonjour")
        answer = visitor.send(visitor.build_request("GET", "/conversation/flux"), stream=True)
        began = time.monotonic()
    assert time.monotonic() - began < 3
    answer.close()
    visitor.close()


# --- the frame -------------------------------------------------------------------------------------------------------


def test_every_answer_carries_the_headers_that_keep_a_browser_safe(site: Site) -> None:
    for path in ("/", "/nulle-part", "/health", "/metrics", "/conversation/flux"):
        headers = httpx.get(site.url + path).headers
        policy = headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"


def test_no_page_holds_inline_script_or_style(site: Site) -> None:
    with site.visitor() as visitor:
        pages = [visitor.get(path) for path in ("/", "/confidentialite", "/accessibilite", "/mentions-legales", "/x")]
        for page in [*pages, escalated(visitor)]:
            assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\bsrc=)", page.text)
            assert '<html lang="fr">' in page.text


def test_static_files_may_be_kept_for_ever_because_their_address_changes(site: Site) -> None:
    address = re.search(r'href="(/static/\w+/hotline\.css)"', httpx.get(site.url + "/").text)
    assert address
    answer = httpx.get(site.url + address[1])
    assert answer.headers["content-type"].startswith("text/css")
    assert "immutable" in answer.headers["cache-control"]
    assert "immutable" not in httpx.get(site.url + "/static/old/hotline.css").headers["cache-control"]
    assert httpx.get(site.url + "/static/x/..%2fbase.html").status_code == 404


def test_an_unknown_page_and_a_form_opened_by_hand_are_told_in_french(site: Site) -> None:
    with site.visitor() as visitor:
        for path in ("/nulle-part", "/question"):
            page = visitor.get(path)
            assert page.status_code == 404
            assert "Cette page n'existe pas" in page.text
    assert httpx.get(site.url + "/nulle-part").text == "Cette page n'existe pas."


def test_health_and_metrics_tell_no_secret(site: Site) -> None:
    with site.visitor() as visitor:
        token = "jeton" * 9
        visitor.get(f"/reprendre/{token}")
        ask(visitor, "Bonjour")
        metrics = visitor.get("/metrics").text
        assert visitor.get("/health").json() == {"ok": True, "waiting": 0}
        assert 'route="/reprendre/{token}",status="410"' in metrics
        assert token not in metrics
        assert visitor.cookies[COOKIE] not in metrics


def test_the_pages_of_law_say_what_is_missing_and_what_is_known(make_site: Callable[..., Site]) -> None:
    assert "HOTLINE_WEB_DIRECTOR" in httpx.get(make_site().url + "/mentions-legales").text
    known = make_site({"HOTLINE_WEB_DIRECTOR": "Camille Exemple", "HOTLINE_WEB_HOSTING": "Chez nous"})
    page = httpx.get(known.url + "/mentions-legales").text
    assert "Camille Exemple" in page
    assert "HOTLINE_WEB_DIRECTOR" not in page


def test_a_house_without_phone_email_or_source_has_pages_without_holes(make_site: Callable[..., Site]) -> None:
    site = make_site(desk=FakeDesk(replace(HOUSE, phone="", hours="", email="", source_url="")))
    with site.visitor() as visitor:
        pages = [visitor.get(path) for path in ("/", "/confidentialite", "/accessibilite", "/mentions-legales", "/x")]
        site.desk.escalate("none", datetime.now(UTC))
        for page in [*pages, escalated(visitor)]:
            text = re.sub(r"<[^>]+>", " ", page.text)
            assert "téléphone :" not in text.lower().replace("\u00a0", " ")
            assert "None" not in text


class Gateway:
    """A channel that calls us."""

    name = "gateway"

    async def send(self, message: Outbound, key: str) -> str:
        raise Undeliverable("never")

    def routes(self, deliver: Deliver) -> Sequence[Any]:
        async def heard(request: Request) -> Response:
            text = (await request.body()).decode()
            await deliver(Inbound("1", Address("gateway", "+33600000000"), text, datetime.now(UTC)))
            return PlainTextResponse("kept")

        return [Route("/hooks/gateway", heard, methods=["POST"])]


def test_a_channel_that_calls_us_gets_its_routes_and_no_form_token_is_asked_of_it() -> None:
    heard: list[str] = []

    async def deliver(message: Inbound | Receipt) -> bool:
        assert isinstance(message, Inbound)
        heard.append(message.text)
        return True

    opened = {"web": open_channel({}), "gateway": Opened(Gateway())}
    with served(lambda _: create_app(FakeDesk(), opened, healthy, key=KEY, deliver=deliver)) as url:
        assert httpx.post(url + "/hooks/gateway", content="Bonjour").text == "kept"
    assert heard == ["Bonjour"]


def app_with(health: Callable[[], Awaitable[dict[str, object]]], _stopping: Callable[[], bool]) -> ASGIApp:
    return create_app(FakeDesk(), {}, health, key=KEY)


def test_health_is_503_when_something_is_wrong_or_cannot_be_told() -> None:
    async def ill() -> dict[str, object]:
        return {"ok": False, "why": "rien ne part"}

    async def silent() -> dict[str, object]:
        raise OSError("gone")

    for health, told in ((ill, {"ok": False, "why": "rien ne part"}), (silent, {"ok": False})):
        with served(partial(app_with, health)) as url:
            answer = httpx.get(url + "/health")
            assert (answer.status_code, answer.json()) == (503, told)


def test_a_fault_of_ours_has_a_page_too_with_the_same_headers() -> None:
    async def broken(request: Request) -> Response:
        raise RuntimeError("a fault")

    def more(frame: object) -> list[Route]:
        return [Route("/fault", broken)]

    with served(lambda _: create_app(FakeDesk(), {}, healthy, key=KEY, more=more)) as url:
        answer = httpx.get(url + "/fault", headers={"Accept": "text/html"})
        assert answer.status_code == 500
        assert "Une erreur de notre côté" in answer.text
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "a fault" not in answer.text
