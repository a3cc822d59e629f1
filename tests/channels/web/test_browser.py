"""The chat in Debian's Chromium: with a mouse, with the keyboard alone, without JavaScript, and looked at by axe."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from channels.web.pages import COOKIE
from tests.channels.web.conftest import Site
from tests.channels.web.fake import ANSWER

QUESTION = "Un conseil citoyen, à quoi ça sert ?"


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    made = chromium.new_context(viewport={"width": 360, "height": 740})
    made.set_default_timeout(10_000)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def ask(page: Page, site: Site, text: str = QUESTION) -> None:
    page.goto(site.url)
    page.get_by_label("Votre question").fill(text)
    page.get_by_role("button", name="Envoyer ma question").click()
    page.wait_for_url("**/conversation*")


def handle_of(page: Page) -> str:
    return next(str(cookie["value"]) for cookie in page.context.cookies() if cookie["name"] == COOKIE)


def test_ask_choose_be_handed_on_and_give_an_address_without_one_reload(site: Site, page: Page) -> None:
    ask(page, site)
    expect(page.locator(".ours")).to_have_count(1)
    loads: list[str] = []
    page.on("framenavigated", lambda frame: loads.append(frame.url))
    page.get_by_label("Votre message").fill("Me faire rembourser ?")
    page.get_by_role("button", name="Envoyer", exact=True).click()
    expect(page.get_by_label("Votre message")).to_have_value("")
    page.get_by_role("button", name="Être remboursé de ses frais").click()
    expect(page.locator(".mine").last).to_contain_text("1. Être remboursé de ses frais")
    expect(page.locator(".choice:visible")).to_have_count(0)
    expect(page.locator(".ours")).to_have_count(3)
    page.get_by_role("button", name="Parler à une personne").click()
    expect(page.get_by_role("complementary")).to_contain_text("Réponse au plus tard jeudi 10 décembre 2026.")
    expect(page.get_by_role("status").first).to_be_empty()
    assert loads == []

    page.get_by_text("Recevoir la réponse par e-mail").click()
    page.get_by_label("Votre adresse e-mail").fill("nimporte")
    page.get_by_role("button", name="Recevoir un code").click()
    expect(page.get_by_label("Votre adresse e-mail")).to_be_focused()
    expect(page.locator("#adresse-erreur")).to_contain_text("Je ne reconnais pas cette adresse")
    page.get_by_label("Votre adresse e-mail").fill("a@exemple.fr")
    page.get_by_role("button", name="Recevoir un code").click()
    page.get_by_label("Le code reçu par e-mail").fill("123456")
    page.get_by_role("button", name="Valider le code").click()
    expect(page.get_by_role("complementary")).to_contain_text("vous arrive aussi par e-mail")


def test_the_personal_link_is_copied_and_opens_the_chat_in_another_browser(
    site: Site, chromium: Browser, context: BrowserContext, page: Page
) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    ask(page, site)
    page.get_by_role("button", name="Parler à une personne").click()
    page.get_by_text("Garder un lien pour revenir").click()
    page.get_by_role("button", name="Copier le lien").click()
    expect(page.get_by_role("button", name="Lien copié")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    elsewhere = chromium.new_context().new_page()
    elsewhere.goto(link)
    elsewhere.get_by_role("button", name="Ouvrir ma conversation").click()
    expect(elsewhere.locator(".mine").first).to_contain_text(QUESTION)
    elsewhere.get_by_role("button", name="Quitter").click()
    expect(elsewhere.get_by_label("Votre question")).to_be_visible()
    assert elsewhere.context.cookies() == []
    elsewhere.context.close()


def test_an_answer_that_comes_later_appears_by_itself(site: Site, page: Page) -> None:
    site.desk.mute = True
    ask(page, site)
    expect(page.get_by_text("Je cherche la réponse…")).to_be_visible()
    site.desk.answer(handle_of(page), ANSWER)
    expect(page.locator(".ours .source")).to_contain_text("art. 7")
    expect(page.get_by_text("Je cherche la réponse…")).to_have_count(0)


def test_after_a_broken_line_the_browser_asks_for_what_it_has_not_seen(
    make_site: Callable[..., Site], page: Page
) -> None:
    line = {"cut": False}
    site = make_site(hang_up=lambda: line["cut"])
    site.desk.mute = True
    ask(page, site)
    first = site.desk.answer(handle_of(page), "La première réponse")
    expect(page.locator(".ours")).to_have_count(1)
    line["cut"] = True
    page.wait_for_event("request", lambda request: request.url.endswith("/flux?apres=0"))
    site.desk.answer(handle_of(page), "La seconde réponse")
    line["cut"] = False
    expect(page.locator(".ours")).to_have_count(2)
    expect(page.locator(".ours").last).to_contain_text("La seconde réponse")
    assert site.desk.collected_after == [0, first], "the stream did not go on from the last event"


def test_a_double_click_sends_one_message(site: Site, page: Page) -> None:
    page.goto(site.url)
    page.get_by_label("Votre question").fill(QUESTION)
    page.get_by_role("button", name="Envoyer ma question").dblclick()
    page.wait_for_url("**/conversation*")
    page.get_by_label("Votre message").fill("Encore une")
    page.get_by_role("button", name="Envoyer", exact=True).dblclick()
    expect(page.locator(".mine")).to_have_count(2)
    expect(page.locator(".ours")).to_have_count(2)
    assert sorted(message.text for message in site.desk.kept.values()) == ["Encore une", QUESTION]


def test_what_could_not_be_kept_stays_in_the_field_with_the_reason(site: Site, page: Page) -> None:
    ask(page, site)
    site.desk.broken = True
    page.get_by_label("Votre message").fill("Important")
    page.get_by_role("button", name="Envoyer", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Un souci technique")
    expect(page.get_by_label("Votre message")).to_have_value("Important")
    site.desk.broken = False
    page.get_by_role("button", name="Envoyer", exact=True).click()
    expect(page.locator(".mine").last).to_contain_text("Important")
    expect(page.get_by_role("alert")).to_be_empty()


def test_without_a_network_the_text_stays(site: Site, context: BrowserContext, page: Page) -> None:
    ask(page, site)
    context.set_offline(True)
    page.get_by_label("Votre message").fill("Dans le tram")
    page.get_by_role("button", name="Envoyer", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Pas de connexion")
    expect(page.get_by_label("Votre message")).to_have_value("Dans le tram")


def test_a_chat_closed_in_another_tab_keeps_the_text_on_a_page_of_its_own(site: Site, page: Page) -> None:
    ask(page, site)
    page.context.clear_cookies()
    page.get_by_label("Votre message").fill("Toujours là")
    page.get_by_role("button", name="Envoyer", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("n'est plus ouverte")
    expect(page.get_by_label("Votre message")).to_have_value("Toujours là")


def test_everything_works_without_javascript(site: Site, chromium: Browser) -> None:
    site.desk.mute = True
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 360, "height": 740})
    context.set_default_timeout(15_000)
    page = context.new_page()
    ask(page, site)
    expect(page.get_by_role("link", name="Actualiser")).to_be_visible()
    expect(page.get_by_label("Votre message")).to_be_hidden()  # a page that refreshes would take away what is typed
    site.desk.answer(handle_of(page), ANSWER)
    expect(page.locator(".ours")).to_have_count(1, timeout=10_000)  # by itself, within 5 seconds
    site.desk.mute = False
    page.get_by_label("Votre message").fill("Me faire rembourser ?")
    page.get_by_role("button", name="Envoyer", exact=True).click()
    page.get_by_role("button", name="Être payé pour ses réunions").click()
    expect(page.locator(".mine").last).to_contain_text("2. Être payé pour ses réunions")
    page.get_by_role("button", name="Parler à une personne").click()
    page.get_by_text("Recevoir la réponse par e-mail").click()
    page.get_by_label("Votre adresse e-mail").fill("a@exemple.fr")
    page.get_by_role("button", name="Recevoir un code").click()
    page.get_by_label("Le code reçu par e-mail").fill("123456")
    page.get_by_role("button", name="Valider le code").click()
    expect(page.get_by_role("complementary")).to_contain_text("vous arrive aussi par e-mail")
    site.desk.mute = True
    page.get_by_label("Votre message").fill("Et après ?")
    page.get_by_role("button", name="Envoyer", exact=True).click()
    page.get_by_role("link", name="Arrêter l'actualisation").click()
    expect(page.get_by_label("Votre message")).to_be_visible()
    context.close()


def test_the_whole_path_works_with_the_keyboard_alone_and_the_focus_is_always_seen(site: Site, page: Page) -> None:
    page.goto(site.url)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Aller au contenu")).to_be_in_viewport()
    page.keyboard.press("Enter")
    reach(page, "#texte")
    page.keyboard.type("Me faire rembourser ?")
    reach(page, ".send")
    page.keyboard.press("Enter")
    page.wait_for_url("**/conversation*")
    expect(page.locator(".choice")).to_have_count(3)
    reach(page, ".choice")
    page.keyboard.press("Enter")
    expect(page.locator(".ours")).to_have_count(2)
    expect(page.get_by_label("Votre message")).to_be_focused()
    reach(page, ".person .button")
    page.keyboard.press("Space")
    expect(page.get_by_role("complementary")).to_be_visible()
    reach(page, "summary")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Votre lien personnel")).to_be_visible()


def reach(page: Page, selector: str) -> None:
    """Press Tab until this has the focus, seeing the focus at every stop."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            continue
        style = page.evaluate(
            "(() => { const s = getComputedStyle(document.activeElement); return [s.outlineStyle, s.outlineWidth] })()"
        )
        assert style == ["solid", "3px"], page.evaluate("document.activeElement.outerHTML")
        if page.evaluate("(s) => document.activeElement.matches(s)", selector):
            return
    raise AssertionError(f"the keyboard never reaches {selector}")


# --- every page and state, looked at ---------------------------------------------------------------------------------


def states(site: Site, page: Page) -> Iterator[str]:
    """Go through every page and state; yields its name once it stands."""
    desk = site.desk
    page.goto(site.url)
    yield "the first page"
    page.get_by_role("button", name="Envoyer ma question").click()
    expect(page.locator("#erreur")).to_be_visible()
    yield "the first page, with an error"
    desk.mute = True
    ask(page, site)
    yield "waiting"
    handle = handle_of(page)
    desk.answer(handle, ANSWER)
    expect(page.locator(".ours")).to_have_count(1)
    yield "answered"
    desk.mute = False
    page.get_by_label("Votre message").fill("Me faire rembourser ?")
    page.get_by_role("button", name="Envoyer", exact=True).click()
    expect(page.locator(".choice")).to_have_count(3)
    yield "choices"
    page.get_by_role("button", name="Parler à une personne").click()
    expect(page.locator("#suivi")).to_be_visible()
    yield "escalated"
    for summary in page.locator("summary").all():
        summary.click()
    yield "escalated, all open"
    page.get_by_role("button", name="Recevoir un code").click()
    expect(page.locator("#adresse-erreur")).to_be_visible()
    yield "a wrong address"
    page.get_by_label("Votre adresse e-mail").fill("a@exemple.fr")
    page.get_by_role("button", name="Recevoir un code").click()
    page.get_by_label("Le code reçu par e-mail").fill("1")
    yield "the code"
    page.get_by_role("button", name="Valider le code").click()
    expect(page.locator("#code-erreur")).to_be_visible()
    yield "a wrong code"
    desk.tickets[handle] = [replace(desk.tickets[handle][0], answered=True, by_email=True)]
    desk.escalate(handle)
    desk.answer(handle, "Un mot très long : " + "anticonstitutionnellement" * 9 + " https://a.example/" + "x-" * 90)
    desk.age(handle, timedelta(days=1))
    page.goto(site.url + "/conversation?lien=neuf#suivi")
    yield "two questions, long words, a new link"
    desk.broken = True
    page.get_by_label("Votre message").fill("Important")
    page.get_by_role("button", name="Envoyer", exact=True).click()
    expect(page.get_by_role("alert")).not_to_be_empty()
    yield "not kept"
    desk.broken = False
    for path in ("confidentialite", "accessibilite", "mentions-legales", "nulle-part", "reprendre/x"):
        page.goto(f"{site.url}/{path}")
        yield path
    page.goto(f"{site.url}/reprendre/{next(iter(desk.links))}")
    yield "resume"
    desk.said.clear()
    page.goto(site.url + "/conversation")
    yield "empty"


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (360, "dark"), (1280, "light"), (1280, "dark")])
def test_no_page_or_state_breaks_a_rule_of_axe_scrolls_sideways_or_has_a_small_target(
    site: Site, chromium: Browser, width: int, scheme: Any
) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 740}, color_scheme=scheme)
    context.set_default_timeout(10_000)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    names = []
    for name in states(site, page):
        names.append(name)
        found = Axe().run(page).response["violations"]
        assert found == [], (name, [(each["id"], each["nodes"][0]["html"]) for each in found])
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} scrolls sideways"
        small = page.evaluate(
            """[...document.querySelectorAll("button, summary, textarea, input:not([type=hidden]), a.button, nav a")]
            .filter((e) => e.checkVisibility() && e.getBoundingClientRect().height < 43.5).map((e) => e.outerHTML)"""
        )
        assert small == [], name
    assert len(names) == 19
    assert errors == []
    context.close()


def test_on_paper_only_the_conversation_stays(site: Site, page: Page) -> None:
    ask(page, site)
    expect(page.locator(".ours")).to_have_count(1)
    page.emulate_media(media="print")
    expect(page.locator(".ours")).to_be_visible()
    for gone in (".composer", ".person", ".leave", ".bottom nav"):
        expect(page.locator(gone)).to_be_hidden()


def test_nothing_moves_for_who_asked_for_stillness(site: Site, chromium: Browser) -> None:
    site.desk.mute = True
    context = chromium.new_context(reduced_motion="reduce")
    page = context.new_page()
    ask(page, site)
    assert page.evaluate("getComputedStyle(document.querySelector('.dots i')).animationName") == "none"
    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
    context.close()


def test_many_messages_open_at_the_last_one(site: Site, page: Page) -> None:
    ask(page, site)
    for number in range(60):
        site.desk.answer(handle_of(page), f"Message {number}\n\n{ANSWER}")
    page.goto(site.url)  # the same address again would be a jump in the page, not a visit
    page.goto(site.url + "/conversation#dernier")
    expect(page.locator(".ours").last).to_be_in_viewport()
    expect(page.locator(".ours")).to_have_count(61)
