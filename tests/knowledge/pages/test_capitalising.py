"""From a ticket to an entry in two clicks, matched a second later by the real matcher; and what to write next."""

import asyncio
import html
import re
import tempfile
from pathlib import Path

from sqlmodel import Session

from bot import library, workers
from bot.library import Library
from channels.directory import Council, Person
from escalation import tickets
from escalation.tickets import Ticket
from knowledge import entries
from tests.office import Bureau
from tests.town import OFFICER, Town

ASKED = "Bonjour, je m'appelle Awa Diallo. À quelle heure passe la navette du marché ? Mon numéro : 06 12 34 56 78"
ALSO = "la navette du marché passe à quelle heure svp"


def asked_and_answered(town: Town, text: str = ASKED) -> int:
    """Someone asks what no entry knows; Nora answers by mail. The ticket's number."""
    town.say("telegram", "77", text)
    number = town.db.look(lambda session: tickets.listed(session)[-1].id)
    token = town.notices()[-1].token
    answer = "Elle passe à 9 h et à 11 h, devant la mairie. Appelez Awa Diallo au 06 12 34 56 78."
    town.say("email", OFFICER.handle, answer, token=token, subject="Re", proof="pass")
    assert number is not None
    return int(number)


def looked_for(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def form_on(page: str) -> dict[str, object]:
    """What the form of the page sends when nothing is typed: what two clicks do."""
    part = page.partition('class="entry-form"')[2]
    found: dict[str, object] = {}
    several: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input[^>]*? name="(\w+)"[^>]*? value="([^"]*)"', part):
        if name.startswith("source_"):
            several.setdefault(name, []).append(html.unescape(value))
        elif name not in ("answers", "jeton"):
            found[name] = html.unescape(value)
    for name, value in re.findall(r'<textarea[^>]*? name="(\w+)"[^>]*>(.*?)</textarea>', part, re.DOTALL):
        found[name] = html.unescape(value)
    for name, options in re.findall(r'<select[^>]*? name="(\w+)">(.*?)</select>', part, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options)
        found[name] = chosen[1] if chosen else ""
    return found | several | {"action": "publish"}


def kept_index(town: Town) -> None:
    """The index of the dozen entries stands in the database, as after a start."""
    with tempfile.TemporaryDirectory() as folder:
        town.index.save(Path(folder) / "index.npz")
        arrays = (Path(folder) / "index.npz").read_bytes()
    name = town.db.look(library.wanted, town.at.date())
    town.db.transact(entries.keep_index, name, arrays, town.at)


def test_a_ticket_becomes_an_entry_in_two_clicks_and_answers_the_next_one(bureau: Bureau) -> None:
    town = bureau.town
    kept_index(town)
    shelf = Library(town.db, town.now, lambda: town.at.date())
    asyncio.run(shelf.refresh(may_build=False))
    assert shelf.index is not None
    number = asked_and_answered(town)
    nora = bureau.signed_in()
    way = f"/bureau/fiches/depuis/{number}"
    page = looked_for(nora.get(way).text)  # the first click, on the ticket
    for struck in ("Awa Diallo", "06 12 34 56 78"):
        assert f"</span>{struck}</del>" in page
    assert "Rayé de votre réponse" in page
    typed = form_on(nora.get(way).text)
    assert "navette" in str(typed["title"])
    assert "Awa" not in str(typed)
    assert "06 12" not in str(typed)
    assert typed["source_title"] == ["Réponse de l'équipe RésO Villes", ""]
    assert typed["phrasings"] == "À quelle heure passe la navette du marché ?"
    done = nora.post(way, typed, page=way)  # the second
    assert "Publiée. Elle répond" in done.text
    assert nora.post(way, typed, page=way).url == done.url  # a double click makes one entry
    assert "Cette question a déjà sa fiche" in nora.get(way).text

    asyncio.run(shelf.refresh(may_build=False))  # a second passes
    town.hear("sms", "+33611111111", "À quelle heure passe la navette du marché ?")
    town.pass_time(seconds=4)

    async def work() -> None:
        while await workers.route_next(town.db, town.office, shelf, town.now):
            pass

    asyncio.run(work())
    town.work()
    said = town.read("sms", "+33611111111")
    assert any("Elle passe à 9 h et à 11 h, devant la mairie." in text for text in said), said


def test_the_question_becomes_a_way_of_asking_for_an_entry_that_stands(bureau: Bureau) -> None:
    town, words = bureau.town, "on aurait besoin d'une piaule pour se réunir entre nous le samedi"
    kept_index(town)
    shelf = Library(town.db, town.now, lambda: town.at.date())
    asyncio.run(shelf.refresh(may_build=False))
    number = asked_and_answered(town, words)
    nora = bureau.signed_in()
    way = f"/bureau/fiches/depuis/{number}"
    page = nora.get(way).text
    assert "Une fiche le dit déjà" in page
    typed = {"slug": "trouver-une-salle", "phrasings": words}
    done = nora.post(f"{way}/facon", typed, page=way)
    assert "cette question trouve maintenant cette fiche" in done.text
    again = nora.post(f"{way}/facon", typed, page=way)
    assert "connaissait déjà" in again.text
    history = town.db.look(entries.versions, "trouver-une-salle")
    assert [each.number for each in history] == [2, 1]
    assert history[0].reason == f"façon de demander, question n° {number}"
    asyncio.run(shelf.refresh(may_build=False))
    found = asyncio.run(shelf.match(words, "sms"))
    assert found is not None
    assert (found.decision, found.entries) == ("answer", ("trouver-une-salle",))


def test_who_asked_the_same_is_proposed_as_ways_of_asking(bureau: Bureau) -> None:
    town = bureau.town
    town.say("telegram", "78", ALSO)
    town.say("sms", "+33622222222", "Qui vide le composteur de la résidence des Tilleuls ?")
    number = asked_and_answered(town)
    page = bureau.signed_in().get(f"/bureau/fiches/depuis/{number}").text
    asked = str(form_on(page)["phrasings"])
    assert "la navette du marché passe à quelle heure" in asked.lower()
    assert "composteur" not in asked


def test_what_to_write_next_is_grouped_the_most_asked_first(bureau: Bureau) -> None:
    town = bureau.town
    assert "Rien à écrire." in bureau.signed_in().get("/bureau/fiches/a-ecrire").text
    town.say("sms", "+33622222222", "Qui vide le composteur de la résidence des Tilleuls ?")
    for handle, text in (("78", ALSO), ("79", "à quelle heure passe la navette du marché")):
        town.say("telegram", handle, text)
    page = bureau.signed_in().get("/bureau/fiches/a-ecrire").text
    assert page.index("navette") < page.index("composteur")
    assert "2 questions" in page
    assert 'href="/bureau/fiches/depuis/' in page


def test_a_ticket_of_another_council_is_no_such_thing(bureau: Bureau) -> None:
    town = bureau.town

    def settle(session: Session) -> tuple[int, int, int]:
        here, there = Council(slug="ici", name="Ici"), Council(slug="la", name="Là")
        session.add_all([here, there, Person(name="Awa Diallo", created_at=town.at)])
        session.flush()
        ticket = session.get(Ticket, number)
        assert ticket is not None
        ticket.council_id = there.id
        session.add(ticket)
        assert here.id is not None
        assert there.id is not None
        return here.id, there.id, number

    number = asked_and_answered(town)
    here, there, number = town.db.transact(settle)
    ways = (f"/bureau/fiches/depuis/{number}", f"/bureau/fiches/depuis/{number}/facon")
    theirs = bureau.signed_in(bureau.officer("Ines", councils=(here,)))
    assert theirs.get(ways[0]).status_code == 404
    for way in ways:
        assert theirs.post(way, {"slug": "copil-role", "phrasings": "x y z", "action": "publish"}).status_code == 404
    assert len(town.db.look(entries.versions, "copil-role")) == 1
    assert bureau.signed_in(bureau.officer("Lou", councils=(there,))).get(ways[0]).status_code == 200
    assert bureau.signed_in().get("/bureau/fiches/depuis/999").status_code == 404


def test_a_ticket_that_nobody_answered_wants_an_answer(bureau: Bureau) -> None:
    town = bureau.town
    town.say("telegram", "77", ASKED)
    nora = bureau.signed_in()
    typed = form_on(nora.get("/bureau/fiches/depuis/1").text)
    page = nora.post("/bureau/fiches/depuis/1", typed, page="/bureau/fiches/depuis/1")
    assert page.status_code == 422
    assert "Écrivez la réponse." in page.text
