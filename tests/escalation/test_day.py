"""The officer's day in Chromium: answering three ways, a partner, many at once, a call; by keyboard, seen by axe."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from bot.desk import officer
from tests.escalation.desk import UNKNOWN, asked, council, person, states, ticket
from tests.office import Bureau
from tests.town import OFFICER

ANSWER = "Prévenez le gardien de l'immeuble."
KNOWN = "Qui du troisième étage a parlé du COPIL mardi dernier au chauffeur du camion ?"
LONG = "Anticonstitutionnellement" * 12 + " " + "camion garé devant nos vélos, " * 60


@pytest.fixture
def page(bureau: Bureau, chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(10_000)
    context.add_cookies([bureau.cookie()])  # type: ignore[list-item]
    made = context.new_page()
    yield made
    context.close()


def look(page: Page, name: str) -> None:
    """axe finds nothing; nothing sticks out at 320 pixels (400 % zoom); a picture, where they are asked for."""
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    folder = os.environ.get("SCREENSHOTS")
    for width in (320, 360, 1280) if folder else (320,):
        page.set_viewport_size({"width": width, "height": 900})
        if folder:
            page.screenshot(path=str(Path(folder) / f"{name}-{width}.png"), full_page=True)
        if width == 320:
            assert page.evaluate("document.documentElement.scrollWidth") <= 320, name
    page.set_viewport_size({"width": 1280, "height": 900})


def test_the_officers_day(bureau: Bureau, page: Page) -> None:
    town = bureau.town
    code = town.db.transact(officer.new_code, town.office, OFFICER.handle, town.at)
    town.say("telegram", "nora", code)
    console, mail, chat = asked(town, handle="awa"), asked(town, handle="lea"), asked(town, handle="max")
    notices = {each.text: each for each in town.notices()}

    # at the console: open, write, read back, send; then the queue again
    page.goto(f"{bureau.url}/bureau")
    expect(page).to_have_title("(3) Questions – Hotline des conseils citoyens, RésO Villes")
    page.locator(f'[data-row="{console}"] a').click()
    page.get_by_label("Votre réponse").fill(ANSWER)
    expect(page.locator("#garde")).to_have_text("Brouillon gardé.")
    expect(page.locator("#apercu")).to_contain_text("Comme elle sera lue, par Telegram")
    page.get_by_role("button", name="Relire avant d'envoyer").click()
    expect(page.locator("textarea")).to_be_hidden()  # what is read back is what goes
    page.get_by_role("button", name="Envoyer", exact=True).click()
    expect(page.get_by_role("button", name="Reprendre la réponse")).to_be_visible()

    # by mail, and in Telegram
    token = next(each for each in notices.values() if f"n° {mail}" in each.subject).token
    town.say("email", OFFICER.handle, "Appelez le bailleur.", token=token)
    told = [each for each in town.channels["telegram"].to("nora") if f"{chat}" in each.values.get("number", "")]
    town.say("telegram", "nora", "Appelez la mairie.", token=told[0].token)
    town.pass_time(minutes=2)
    town.work()
    assert ANSWER in town.read("telegram", "awa")[-1]
    assert "bailleur" in town.read("telegram", "lea")[-1]
    assert "mairie" in town.read("telegram", "max")[-1]
    page.goto(f"{bureau.url}/bureau")
    expect(page.get_by_text("Tout a sa réponse.")).to_be_visible()

    # a partner is asked
    number = asked(town, handle="ana")
    page.goto(f"{bureau.url}/bureau/questions/{number}")
    page.get_by_text("Interroger un partenaire").click()
    page.get_by_label("Son nom").fill("La CAF")
    page.get_by_label("Son adresse e-mail").fill("caf@exemple.org")
    page.get_by_role("button", name="Envoyer au partenaire").click()
    expect(page.get_by_text("en attente d'un partenaire", exact=True)).to_be_visible()
    town.work()
    letter = town.channels["email"].to("caf@exemple.org")[-1]
    town.say("email", "caf@exemple.org", "C'est le bailleur.", token=letter.token)
    page.reload()
    page.get_by_role("button", name="Reprendre dans ma réponse").click()
    expect(page.get_by_label("Votre réponse")).to_have_value("C'est le bailleur.")
    page.get_by_role("button", name="Relire avant d'envoyer").click()
    page.get_by_role("button", name="Envoyer", exact=True).click()

    # two who ask the same, one answer
    asked(town, "Qui ramasse les encombrants de la rue Watt ?", handle="eva")
    asked(town, "Qui ramasse les encombrants rue Watt ?", handle="luc")
    page.goto(f"{bureau.url}/bureau/ensemble")
    page.get_by_label("Votre réponse à toutes").fill("Le service propreté.")
    page.get_by_role("button", name="Relire avant d'envoyer").click()
    page.get_by_role("button", name="Envoyer", exact=True).click()
    expect(page.get_by_text("2 réponses partent")).to_be_visible()

    # a call: the answer appears as one types
    page.goto(f"{bureau.url}/bureau/appel")
    page.get_by_label("Ce que la personne demande").press_sequentially("c'est quoi un copil")
    page.get_by_role("button", name="C'est ce que j'ai répondu").first.click()
    expect(page.get_by_label("Ce que vous avez répondu")).not_to_have_value("")
    page.get_by_role("button", name="J'ai répondu", exact=True).click()
    expect(page.get_by_text("L'appel et sa réponse sont notés.")).to_be_visible()
    town.pass_time(minutes=2)
    town.work()
    assert "C'est le bailleur." in town.read("telegram", "ana")[-1]
    assert "propreté" in town.read("telegram", "luc")[-1]


def test_a_known_answer_takes_four_actions_by_keyboard_alone(bureau: Bureau, page: Page) -> None:
    number = asked(bureau.town, KNOWN)
    page.goto(f"{bureau.url}/bureau")
    page.keyboard.press("j")
    page.keyboard.press("Enter")  # 1. open
    page.wait_for_url(f"**/questions/{number}")
    page.locator("#fiches button[data-words]").first.focus()
    page.keyboard.press("Enter")  # 2. insert what the base knows
    expect(page.get_by_label("Votre réponse")).not_to_have_value("")
    page.locator("#f-texte").evaluate("e => e.blur()")
    page.keyboard.press("r")  # 3. read back
    page.wait_for_url("**/relire")
    expect(page.get_by_role("button", name="Envoyer", exact=True)).to_be_focused()
    page.keyboard.press("Enter")  # 4. send
    page.wait_for_url("**/bureau")
    assert states(bureau.town, number) == ["waiting"]
    assert ticket(bureau.town, number).state == "answered"


def test_the_open_queue_shows_a_new_question_by_itself(bureau: Bureau, page: Page) -> None:
    page.goto(f"{bureau.url}/bureau")
    expect(page.get_by_text("Tout a sa réponse.")).to_be_visible()
    number = asked(bureau.town)
    expect(page.locator(f'[data-row="{number}"]')).to_be_visible(timeout=15_000)
    expect(page).to_have_title("(1) Questions – Hotline des conseils citoyens, RésO Villes")


def test_keys_lead_to_the_search_the_help_and_the_call(bureau: Bureau, page: Page) -> None:
    page.goto(f"{bureau.url}/bureau")
    page.keyboard.press("/")
    expect(page.get_by_label("Chercher")).to_be_focused()
    page.keyboard.type("?")  # in a field, a letter is a letter
    expect(page.get_by_label("Chercher")).to_have_value("?")
    page.keyboard.press("Backspace")
    page.get_by_label("Chercher").evaluate("e => e.blur()")
    page.keyboard.press("?")
    page.wait_for_url("**/aide")
    page.goto(f"{bureau.url}/bureau")
    page.keyboard.press("p")
    page.wait_for_url("**/appel")


def test_every_page_stands_with_nothing_with_much_and_with_very_long_words(bureau: Bureau, page: Page) -> None:
    town = bureau.town
    for name in ("", "/aide", "/ensemble", "/appel", "/reponses-types", "/fermetures"):
        page.goto(f"{bureau.url}/bureau{name}")
        look(page, f"vide{name.replace('/', '-')}")
    bellevue = council(town, "Bellevue, Chantenay et Sainte-Anne réunis pour la circonstance")
    person(town, "Marie-Antoinette de la Rochefoucauld-Villeneuve", "telegram", "awa", bellevue)
    number, other = asked(town), asked(town, f"{UNKNOWN} {LONG}", handle="lea")
    asked(town, "Qui ramasse les encombrants de la rue Watt ?", handle="eva")
    asked(town, "Qui ramasse les encombrants rue Watt ?", handle="luc")
    nora = bureau.signed_in()
    nora.post("/bureau/reponses-types", {"titre": "Le gardien", "texte": LONG}, page="/bureau/reponses-types")
    nora.post("/bureau/fermetures", {"premier": "2026-12-24", "dernier": "2027-01-02", "motif": "Fêtes"},
              page="/bureau/fermetures")  # fmt: skip
    for each, words in ((number, ANSWER), (other, LONG)):
        way = f"/bureau/questions/{each}"
        nora.post(f"{way}/note", {"note": words}, page=way)
        nora.post(f"{way}/partenaire", {"nom": words[:100], "adresse": "a@exemple.org", "partage": words}, page=way)
    town.at = ticket(town, number).promised_at
    town.work(ticks=True)
    page.context.add_cookies([bureau.cookie()])  # type: ignore[list-item]
    for name in ("", "?vue=partenaire", "/ensemble", "/reponses-types", "/fermetures", f"/questions/{number}",
                 f"/questions/{other}"):  # fmt: skip
        page.goto(f"{bureau.url}/bureau{name}")
        look(page, f"plein{name.replace('/', '-').replace('?', '-')}")
    page.get_by_label("Votre réponse").fill(LONG)
    page.get_by_role("button", name="Relire avant d'envoyer").click()
    look(page, "relire")
