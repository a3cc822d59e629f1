"""The pages of signing in, of the team and of people as assistive technology and narrow screens meet them."""

from typing import TYPE_CHECKING

from axe_playwright_python.sync_playwright import Axe

from tests.channels.pages.test_people import awa, bellevue
from tests.office import Bureau

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LONG = "Maximilienne-Anastasie de la Tour-du-Pin-Chambly " * 3


def test_no_page_breaks_a_rule_of_accessibility_or_scrolls_sideways(bureau: Bureau, chromium: "Browser") -> None:
    nora = bureau.signed_in()
    council = bellevue(nora)
    number = awa(nora, council, nom=LONG[:140].strip())
    sam = bureau.officer("Sam")
    nora.post(f"/bureau/equipe/{sam}/absence", {"du": "2026-12-01", "au": "2026-12-09"})
    nora.post("/bureau/moi/code")
    person = f"/bureau/personnes/{number}"
    ways = (
        "/bureau/entrer", "/bureau/entrer/mot-de-passe", "/bureau/moi", "/bureau/moi/code", "/bureau/equipe",
        "/bureau/equipe/nouveau", f"/bureau/equipe/{sam}", "/bureau/journal", "/bureau/personnes", person,
        f"{person}/modifier", f"{person}/donnees", f"{person}/effacer", "/bureau/personnes/nouvelle",
        "/bureau/personnes/importer", "/bureau/conseils", f"/bureau/conseils/{council}", "/bureau/conservation",
    )  # fmt: skip
    faults = []
    for scheme in ("light", "dark"):
        context = chromium.new_context(viewport={"width": 320, "height": 700}, color_scheme=scheme)  # type: ignore[arg-type]
        context.add_cookies([bureau.cookie()])  # type: ignore[list-item]
        page = context.new_page()
        for way in ways:
            page.goto(bureau.url + way)
            found = Axe().run(page)
            faults += [f"{scheme} {way}: {each['id']}" for each in found.response["violations"]]
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                faults.append(f"{scheme} {way}: wider than the screen")
        context.close()
    assert faults == []
