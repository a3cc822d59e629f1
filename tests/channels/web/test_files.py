"""Files in the chat: sent with a question, with or without JavaScript; brought by an answer, and saved safely."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from bot.desk import chat, letters
from channels import directory
from channels.contract import Address, Attachment, Collected, Outbound
from channels.web.pages import COOKIE, MOST_UPLOAD
from tests.channels.files import PDF, SECRET_PLACE, picture
from tests.channels.web.conftest import Site, ask, fields
from tests.town import Town

KIT = Attachment("Kit du comité.pdf", "application/pdf", PDF)


def send(visitor: httpx.Client, text: str, name: str, content: bytes, action: str = "/question") -> httpx.Response:
    page = visitor.get("/" if action == "/question" else action)
    files = {"fichier": (name, content, "application/octet-stream")}
    return visitor.post(action, data=fields(page, action) | {"texte": text}, files=files, follow_redirects=True)


def kept(site: Site) -> list[Attachment]:
    return [file for message in site.desk.kept.values() for file in message.attachments]


@pytest.mark.parametrize("text", ["Que dit cette affiche ?", ""])
def test_a_picture_comes_with_a_question_or_alone(site: Site, text: str) -> None:
    with site.visitor() as visitor:
        page = send(visitor, text, "affiche.jpg", picture())
        assert page.status_code == 200
        assert (text or "(Fichier envoyé)") in page.text
    (file,) = kept(site)
    assert (file.filename, file.content_type) == ("affiche.jpg", "image/jpeg")
    assert SECRET_PLACE not in file.content


def test_a_form_without_a_file_is_a_form_like_any_other(site: Site) -> None:
    with site.visitor() as visitor:
        assert "À quoi ça sert" in send(visitor, "À quoi ça sert ?", "", b"").text
        assert send(visitor, "", "", b"").status_code == 422
    assert kept(site) == []


def test_a_file_that_cannot_be_taken_is_told_and_the_text_stays(site: Site) -> None:
    with site.visitor() as visitor:
        page = send(visitor, "Regardez ceci.", "jeu.exe", b"MZ" * 100)
        assert page.status_code == 422
        assert "Je ne peux pas prendre « jeu.exe »" in page.text
        assert "PDF, JPEG, PNG, DOCX ou ODT" in page.text
        assert "Regardez ceci.</textarea>" in page.text
        ask(visitor, "Bonjour")
        page = send(visitor, "Et ceci.", "jeu.exe", b"MZ" * 100, "/conversation")
        assert page.status_code == 422
        assert "Et ceci.</textarea>" in page.text
    assert kept(site) == []


def test_ten_megabytes_pass_and_more_is_refused_on_these_forms_alone(site: Site) -> None:
    with site.visitor() as visitor:
        assert send(visitor, "Voici.", "a.pdf", PDF + b"x" * 9_900_000).status_code == 200
        assert "plus de 10 Mo" in send(visitor, "Voici.", "b.pdf", PDF + b"x" * 10_100_000, "/conversation").text
        assert send(visitor, "Voici.", "c.pdf", PDF + b"x" * MOST_UPLOAD, "/conversation").status_code == 413
        form = fields(visitor.get("/conversation"), "/conversation/personne")
        large = visitor.post("/conversation/personne", data=form | {"x": "y" * 2_000_000})
        assert large.status_code == 413
    assert [file.filename for file in kept(site)] == ["a.pdf"]


def test_the_same_form_sent_twice_brings_its_file_once(site: Site) -> None:
    with site.visitor() as visitor:
        form = fields(visitor.get("/"), "/question") | {"texte": "Voici."}
        for _ in range(2):
            visitor.post("/question", data=form, files={"fichier": ("a.pdf", PDF, "application/pdf")})
    assert len(kept(site)) == 1


def test_a_file_that_an_answer_brings_is_saved_and_never_run(site: Site) -> None:
    with site.visitor() as visitor, site.visitor() as stranger:
        ask(visitor, "Bonjour")
        ask(stranger, "Bonjour")
        id = site.desk.bring(visitor.cookies[COOKIE], "Voici le kit.", KIT)
        page = visitor.get("/conversation")
        assert f'href="/conversation/fichier/{id}"' in page.text
        assert "Kit du comité.pdf" in page.text
        got = visitor.get(f"/conversation/fichier/{id}")
        assert got.content == PDF
        assert got.headers["content-type"] == "application/pdf"
        assert got.headers["content-disposition"].startswith(
            'attachment; filename="Kit-du-comit-.pdf"; filename*=UTF-8'
        )
        assert got.headers["content-security-policy"] == "sandbox; default-src 'none'"
        assert got.headers["x-content-type-options"] == "nosniff"
        assert stranger.get(f"/conversation/fichier/{id}").status_code == 404
    with site.visitor() as nobody:
        assert nobody.get(f"/conversation/fichier/{id}").status_code == 404


def test_the_desk_gives_a_file_to_the_chat_that_it_was_sent_to(town: Town) -> None:
    def post(session: object, handle: str) -> None:
        to = Address("web", handle)
        row = directory.keep(session, town.office.vault, to, town.at)  # type: ignore[arg-type]
        message = Outbound(to, "answer", {}, "Voici.", attachments=(KIT,))
        letters.post(session, town.office, message, f"k-{handle}", row, town.at)  # type: ignore[arg-type]

    for handle in ("moi", "autre"):
        town.db.transact(post, handle)
    (message,) = town.db.transact(chat.collect, town.office, Address("web", "moi"), 0, town.at)
    assert isinstance(message, Collected)
    (carried,) = message.files
    assert (carried.filename, carried.size) == (KIT.filename, len(PDF))
    assert town.db.look(chat.file, town.office, Address("web", "moi"), carried.id) == KIT
    assert town.db.look(chat.file, town.office, Address("web", "autre"), carried.id) is None
    assert town.db.look(chat.file, town.office, Address("web", "personne"), carried.id) is None


# ---------------------------------------------------------------- in a browser
@pytest.fixture(params=[360, 1280])
def context(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    made = chromium.new_context(viewport={"width": request.param, "height": 800})
    made.set_default_timeout(20_000)
    yield made
    made.close()


def look(page: Page, name: str) -> None:
    """Keep a picture of the page where HOTLINE_SHOTS says, and have it checked."""
    if folder := os.environ.get("HOTLINE_SHOTS"):
        width = (page.viewport_size or {"width": 0})["width"]
        page.screenshot(path=str(Path(folder) / f"{name}-{width}.png"), full_page=True)
    assert Axe().run(page).response["violations"] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_picture_is_sent_in_a_browser_without_a_reload(site: Site, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(site.url)
    page.get_by_text("Joindre un fichier").click()
    look(page, "ask")
    page.get_by_label("Votre question").fill("Que dit cette affiche ?")
    affiche = {"name": "affiche.jpg", "mimeType": "image/jpeg", "buffer": picture()}
    page.locator("#fichier").set_input_files(affiche)  # type: ignore[arg-type]
    page.get_by_role("button", name="Envoyer ma question").click()
    page.wait_for_url("**/conversation*")
    page.get_by_text("Joindre un fichier").click()
    page.locator("#fichier").set_input_files({"name": "jeu.exe", "mimeType": "application/pdf", "buffer": b"MZ" * 99})
    page.get_by_role("button", name="Envoyer", exact=True).click()
    expect(page.locator(".problem-place")).to_contain_text("Je ne peux pas prendre « jeu.exe »")
    look(page, "refused")
    page.locator("#fichier").set_input_files({"name": "plan.pdf", "mimeType": "application/pdf", "buffer": PDF})
    page.get_by_role("button", name="Envoyer", exact=True).click()
    expect(page.get_by_text("(Fichier envoyé : plan.pdf)")).to_be_visible()
    assert page.locator("#fichier").input_value() == ""
    handle = next(str(cookie["value"]) for cookie in context.cookies() if cookie["name"] == COOKIE)
    site.desk.bring(handle, "Voici le kit.", KIT)
    expect(page.get_by_role("link", name="Kit du comité.pdf")).to_be_visible()
    look(page, "chat")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Kit du comité.pdf").click()
    assert Path(waiting.value.path()).read_bytes() == PDF
    assert [file.filename for file in kept(site)] == ["affiche.jpg", "plan.pdf"]
