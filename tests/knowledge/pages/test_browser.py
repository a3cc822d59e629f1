"""The entries in Chromium: published in two clicks, corrected and approved; by keyboard, narrow, and through axe."""

import os
from collections.abc import Iterator
from dataclasses import replace

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from bot.desk import drafting
from escalation.accounts import Who
from knowledge.pages.desk import Writing
from tests.knowledge.pages.test_capitalising import asked_and_answered
from tests.knowledge.pages.test_correcting import ASKED, SLUG
from tests.office import Bureau
from tests.peers.browser import chromium

__all__ = ["chromium"]


@pytest.fixture
def page(chromium: Browser, bureau: Bureau) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(15_000)
    context.add_cookies([bureau.cookie()])  # type: ignore[list-item]
    yield context.new_page()
    context.close()


def seen(page: Page, name: str) -> None:
    """Nothing wrong for axe, nothing beyond a narrow window's edge; a picture where PICTURES says."""
    found = Axe().run(
        page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    )
    assert found.response["violations"] == [], (name, found.generate_report())
    for width in (1280, 360, 320):
        page.set_viewport_size({"width": width, "height": 900})
        beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert beyond <= 0, f"{name}: {beyond} pixels beyond the edge at {width}"
        if (folder := os.environ.get("PICTURES")) and width != 320:
            page.screenshot(path=f"{folder}/{name}-{width}.png", full_page=True)
    page.set_viewport_size({"width": 1280, "height": 900})


def test_a_question_is_published_in_two_clicks(bureau: Bureau, page: Page) -> None:
    bureau.town.say("telegram", "78", "la navette du marché passe à quelle heure svp")
    number = asked_and_answered(bureau.town)
    page.goto(f"{bureau.url}/bureau/fiches/depuis/{number}")  # the first click, on the question's page
    seen(page, "depuis")
    page.get_by_role("button", name="Publier", exact=True).first.click()  # the second
    expect(page.get_by_role("status")).to_contain_text("Publiée")
    expect(page.get_by_role("heading", level=1)).to_contain_text("navette")
    seen(page, "fiche-neuve")


def test_an_entry_is_corrected_and_who_received_it_is_told(bureau: Bureau, page: Page) -> None:
    town = bureau.town
    town.say("telegram", "77", ASKED)
    town.say("sms", "+33611111111", ASKED)
    town.pass_time(minutes=29)
    page.goto(f"{bureau.url}/bureau/fiches/{SLUG}")
    seen(page, "fiche")
    page.get_by_role("link", name="Modifier").click()
    page.get_by_label("Réponse", exact=True).fill("Demandez au gardien. Il a la clé.")
    page.get_by_label("Réponse par SMS").fill("Demandez au gardien « ça » 漢")
    expect(page.locator("[data-beside-content]")).to_contain_text("Un SMS ne sait pas écrire : 漢")  # as it is typed
    page.get_by_label("Réponse par SMS").fill("Demandez au gardien.")
    expect(page.locator("[data-beside-content]")).to_contain_text("20 caractères sur 306")
    page.get_by_label("Pourquoi ce changement").fill("le gardien a la clé")
    page.get_by_label("Corrige une erreur").check()
    seen(page, "modifier")
    page.get_by_role("button", name="Publier", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Prévenir de la correction")
    seen(page, "correction")
    page.get_by_role("button", name="D'accord : prévenir 2 personnes").click()
    expect(page.get_by_text("2 sur 2 personnes")).to_be_visible()
    seen(page, "correction-envoyee")
    page.goto(f"{bureau.url}/bureau/fiches/{SLUG}/versions/2")
    seen(page, "version")


def test_every_page_of_the_entries_passes_empty_and_with_long_words(bureau: Bureau, page: Page) -> None:
    ways = (
        "",
        "/a-relire",
        "/a-ecrire",
        "/brouillons",
        "/corrections",
        "/nouvelle",
        "/actualite",
        "/importer",
        "?q=zzz",
    )
    for way in ways:
        page.goto(f"{bureau.url}/bureau/fiches{way}")
        seen(page, "vide" + way.replace("/", "-").replace("?", "-"))
    page.goto(f"{bureau.url}/fiabilite")
    seen(page, "fiabilite-vide")
    town = bureau.town
    town.say("telegram", "77", "Anticonstitutionnellement" * 12 + " " + "qui s'occupe du compost ? " * 60)
    for n in range(12):
        town.say("telegram", str(n), ASKED)
        if n < 6:
            town.say("telegram", str(n), "oui" if n < 5 else "non")
    nora = Who(1, "Nora", "officer", None, "x")
    content = drafting.blank(town.office, town.at.date())
    long = replace(content, title="Titre " + "interminable" * 20, answer="mot " * 900, sms="x", phrasings=("y" * 400,))
    town.db.transact(drafting.keep, nora, Writing(long), town.at)
    for way in ("/a-ecrire", "/brouillons", "/brouillons/1", "/brouillons/1/modifier", "/depuis/1"):
        page.goto(f"{bureau.url}/bureau/fiches{way}")
        seen(page, "long" + way.replace("/", "-"))
    town.pass_time(minutes=11)  # the public figures are ten minutes old at most
    page.goto(f"{bureau.url}/fiabilite")
    expect(page.locator("svg.hundred rect")).to_have_count(100)
    seen(page, "fiabilite")


def test_the_list_is_searched_and_an_entry_opened_by_keyboard_alone(bureau: Bureau, page: Page) -> None:
    page.goto(f"{bureau.url}/bureau/fiches")
    page.get_by_label("Chercher").focus()
    page.keyboard.type("salle")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Trouver une salle pour se réunir")).to_be_visible()
    page.get_by_role("link", name="Trouver une salle pour se réunir").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Trouver une salle pour se réunir")
