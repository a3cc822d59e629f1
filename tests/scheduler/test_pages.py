"""The calendar on the desk: a committee recorded, prepared, called about, held and decided, by clicks."""

import re
from dataclasses import replace
from datetime import timedelta
from io import BytesIO

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser
from pypdf import PdfReader
from sqlmodel import Session

from bot.desk import season
from channels import directory
from channels.contract import Address
from channels.directory import Council, Person
from scheduler.committees import COPIL, Committee, Seat, link
from tests.office import Browsing, Bureau
from tests.peers.browser import chromium
from tests.town import Town

__all__ = ["chromium"]

MEETING = {
    "titre": "Comité de pilotage de Bellevue",
    "type": "copil",
    "jour": "2026-12-17",
    "heure": "18:00",
    "heure_fin": "20:00",
    "lieu": "maison de quartier, 12 rue des Ormes",
    "organisateur_email": "ville@exemple.org",
}


def council(town: Town, name: str, *members: str) -> int:
    """A council whose members sit on its committees, each with a number."""

    def work(session: Session) -> int:
        made = Council(slug=name.lower(), name=name)
        session.add(made)
        session.flush()
        assert made.id is not None
        for place, member in enumerate(members):
            person = Person(name=member, council_id=made.id, created_at=town.at)
            session.add(person)
            session.flush()
            assert person.id is not None
            number = Address("sms", f"+3361234{made.id:02d}{place:02d}")
            directory.keep(session, town.office.vault, number, town.at).person_id = person.id
            session.add(Seat(council_id=made.id, person_id=person.id, committee_kind=COPIL))
        return made.id

    return town.db.transact(work)


def recorded(nora: Browsing, council_id: int, **more: str) -> httpx.Response:
    return nora.post("/bureau/reunions/nouvelle", MEETING | more | {"conseils": str(council_id)})


def test_a_committee_is_recorded_and_seen_in_its_month(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    page = recorded(nora, council(bureau.town, "Bellevue", "Awa Diallo", "Paul Martin"))
    assert "La réunion est notée" in page.text
    assert "Awa Diallo" in page.text
    assert "jeudi 17 décembre 2026 à 18 h" in page.text
    month = nora.get("/bureau/reunions?mois=2026-12").text
    assert "Comité de pilotage de Bellevue" in month
    assert "Pas encore invité : Bellevue" in month
    assert "Comité de pilotage de Bellevue" not in nora.get("/bureau/reunions?mois=2027-01").text
    assert "Comité de pilotage de Bellevue" in nora.get("/bureau/reunions?vue=liste").text


def test_what_is_wrong_is_said_beside_the_field_and_nothing_typed_is_lost(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    page = nora.post("/bureau/reunions/nouvelle", MEETING | {"jour": "2026-11-03", "heure": "25:00", "en_ligne": "x"})
    assert page.status_code == 422
    assert "n&#39;est pas une heure" in page.text
    assert 'value="Comité de pilotage de Bellevue"' in page.text
    page = nora.post("/bureau/reunions/nouvelle", MEETING | {"jour": "2026-11-03"})
    assert "Cette date est déjà passée" in page.text
    assert "Choisissez au moins un conseil citoyen" in page.text
    page = nora.post("/bureau/reunions/nouvelle", MEETING | {"jour": "2027-03-28", "heure": "02:30"})
    assert page.status_code == 422
    assert "Aucune réunion ici" in nora.get("/bureau/reunions").text


def test_a_meeting_that_comes_again_is_noted_for_eighteen_months(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    bellevue = council(bureau.town, "Bellevue")
    page = recorded(nora, bellevue, type="council", titre="Réunion du conseil", repetition="nth")
    assert "réunions sont notées" in page.text
    assert "jeudi 21 janvier 2027" in nora.get("/bureau/reunions?mois=2027-01").text  # the third Thursday


def test_the_agenda_is_put_into_plain_words(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    recorded(nora, council(bureau.town, "Bellevue"))
    way = "/bureau/reunions/1"
    page = nora.post(f"{way}/ordre-du-jour", {"points": "Programmation du QPV\nBilan de l'ANRU"})
    assert "mots simples à écrire" in page.text
    editing = nora.get(f"{way}/ordre-du-jour").text
    assert 'name="mots-1"' in editing
    assert "Quartier prioritaire" in editing or "quartier prioritaire" in editing  # the glossary's word, explained
    nora.post(
        f"{way}/ordre-du-jour",
        {"points": "Programmation du QPV\nBilan de l'ANRU", "mots-1": "Qui reçoit l'argent du quartier"},
    )
    page = nora.get(way)
    assert "Qui reçoit l&#39;argent du quartier" in page.text
    kit = nora.get(f"{way}/dossier/1")
    assert "Qui reçoit l&#39;argent du quartier" in kit.text
    assert nora.get(f"{way}/dossier/1.pdf").content.startswith(b"%PDF-")


def test_a_document_is_kept_by_what_it_is_and_given_back_to_be_saved(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    recorded(nora, council(bureau.town, "Bellevue"))
    way = "/bureau/reunions/1"
    refused = nora.post(
        f"{way}/documents", {"nom": "x"}, files={"fichier": ("a.pdf", b"MZ not a pdf", "application/pdf")}
    )
    assert refused.status_code == 422
    assert "Je garde les PDF" in refused.text
    page = nora.post(
        f"{way}/documents",
        {"nom": "Programmation 2027", "utilite": "Les projets financés"},
        files={"fichier": ("p.pdf", b"%PDF-1.4 damaged", "text/html")},
    )
    assert "Programmation 2027" in page.text
    file = nora.get(f"{way}/documents/1")
    assert file.headers["content-disposition"].startswith("attachment")
    assert file.headers["content-type"] == "application/pdf"
    assert "sandbox" in file.headers["content-security-policy"]
    nora.post(f"{way}/documents/1/retirer")
    assert nora.get(f"{way}/documents/1").status_code == 404


def test_a_preparation_is_proposed_chosen_by_sms_and_fixed(bureau: Bureau) -> None:
    nora, town = bureau.signed_in(), bureau.town
    recorded(nora, council(town, "Bellevue", "Awa Diallo"))
    page = nora.post(
        "/bureau/reunions/1/dates",
        {"date_1": "2026-12-08", "heure_1": "18:00", "date_2": "2026-12-10", "heure_2": "18:30", "lieu": "la Cale"},
    )
    assert "mardi 8 décembre 2026 à 18 h" in page.text
    late = nora.post("/bureau/reunions/1/dates", {"date_1": "2026-12-20", "heure_1": "18:00"})
    assert late.status_code == 422
    assert "du lundi 7 décembre 2026 au mercredi 16 décembre 2026" in late.text
    early = nora.post("/bureau/reunions/1/dates", {"date_1": "2026-12-04", "heure_1": "18:00"})
    assert "dans les dix jours avant le comité" in early.text
    page = nora.post("/bureau/reunions/1/dates/2/choisir")
    assert "La préparation est au calendrier" in page.text
    assert "jeudi 10 décembre 2026 à 18 h 30" in nora.get("/bureau/reunions/2").text
    assert "Préparation sans date" not in page.text


def test_who_has_not_answered_is_called_and_the_call_noted(bureau: Bureau) -> None:
    nora, town = bureau.signed_in(), bureau.town
    recorded(nora, council(town, "Bellevue", "Awa Diallo"))
    assert "Personne à appeler" in nora.get("/bureau/reunions/appels").text
    town.at += timedelta(days=13)
    nora = bureau.signed_in()
    page = nora.get("/bureau/reunions/appels")
    assert "Awa Diallo" in page.text
    assert 'href="tel:+336123401' in page.text
    nora.post("/bureau/reunions/1/appels/1", {"resultat": "reached", "reponse": "yes", "note-1-1": "vient avec Paul"})
    assert "Personne à appeler" in nora.get("/bureau/reunions/appels").text
    assert "vient" in nora.get("/bureau/reunions/1").text
    assert nora.post("/bureau/reunions/1/appels/1", {"resultat": "?"}).status_code == 422


def test_what_was_decided_and_who_came_are_noted_after_it(bureau: Bureau) -> None:
    nora, town = bureau.signed_in(), bureau.town
    recorded(nora, council(town, "Bellevue", "Awa Diallo"))
    early = nora.post("/bureau/reunions/1/decisions", {"decision": "Le local est ouvert"})
    assert early.status_code == 422
    town.at += timedelta(days=17)
    nora = bureau.signed_in()
    page = nora.post("/bureau/reunions/1/decisions", {"decision": "Le local ouvre en mars"})
    assert "Le local ouvre en mars" in page.text
    page = nora.post("/bureau/reunions/1/presences", {"personnes": "1", "venus": "1"})
    assert "checked" in page.text
    nora.post("/bureau/reunions/1/decisions/1", {"garder": "non"})
    assert "Reprendre" in nora.get("/bureau/reunions/1").text


def test_moving_cancelling_and_confirming(bureau: Bureau) -> None:
    nora, town = bureau.signed_in(), bureau.town
    bellevue = council(town, "Bellevue", "Awa Diallo")
    recorded(nora, bellevue)
    assert "est confirmée" in nora.post("/bureau/reunions/1/confirmer").text
    moved = nora.post("/bureau/reunions/1/modifier", MEETING | {"jour": "2026-12-18", "conseils": str(bellevue)})
    assert "Déplacée" in moved.text
    assert "vendredi 18 décembre 2026" in moved.text
    assert "Annulée" in nora.post("/bureau/reunions/1/annuler").text


def test_the_plan_is_changed_and_taken_back(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    assert "J-10" in nora.get("/bureau/reunions/plan").text
    step = {"type": "copil", "etape": "j-10", "jours": "12", "heure": "09:30", "ouvre": "1", "actif": "1"}
    assert "J-12" in nora.post("/bureau/reunions/plan", step).text
    wrong = nora.post("/bureau/reunions/plan", step | {"heure": "03:00"})
    assert wrong.status_code == 422
    assert "l&#39;heure va de 8 h à 20 h" in wrong.text
    nora.post("/bureau/reunions/plan", step | {"defaut": "1"})
    assert nora.post("/bureau/reunions/plan", step | {"etape": "j-999"}).status_code == 404


def test_a_calendar_is_looked_at_before_it_is_imported(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    council(bureau.town, "Bellevue")
    sheet = "titre;conseils;date;heure;lieu\nComité de pilotage;Bellevue;17/12/2026;18:00;mairie\n".encode()
    page = nora.post("/bureau/reunions/importer", {"essai": "1"}, files={"fichier": ("r.csv", sheet, "text/csv")})
    assert "Ce qui serait fait" in page.text
    assert "Aucune réunion ici" in nora.get("/bureau/reunions").text
    nora.post("/bureau/reunions/importer", files={"fichier": ("r.csv", sheet, "text/csv")})
    assert "mairie" in nora.get("/bureau/reunions?mois=2026-12").text
    bad = nora.post(
        "/bureau/reunions/importer", files={"fichier": ("r.ics", b"BEGIN:VCALENDAR\nBROKEN", "text/calendar")}
    )
    assert bad.status_code == 422


def test_another_officers_meeting_is_not_there(bureau: Bureau) -> None:
    nora, town = bureau.signed_in(), bureau.town
    bellevue, breil = council(town, "Bellevue"), council(town, "Breil")
    recorded(nora, bellevue)
    zoe = bureau.signed_in(bureau.officer("Zoé", councils=(breil,)))
    assert zoe.get("/bureau/reunions/1").status_code == 404
    assert "Comité de pilotage de Bellevue" not in zoe.get("/bureau/reunions?mois=2026-12").text
    for way in ("confirmer", "annuler", "modifier", "ordre-du-jour", "documents", "dates", "presences", "preparation"):
        assert zoe.post(
            f"/bureau/reunions/1/{way}", MEETING | {"conseils": str(breil), "adresse": "https://x.fr"}
        ).status_code in (404, 422), way
    refused = zoe.post("/bureau/reunions/nouvelle", MEETING | {"conseils": str(bellevue)})
    assert "n&#39;est pas parmi les vôtres" in refused.text
    reader = bureau.signed_in(bureau.officer("Rita", role="reader"))
    assert reader.get("/bureau/reunions/1").status_code == 200
    assert reader.post("/bureau/reunions/1/annuler").status_code == 403


@pytest.mark.parametrize("width", [320, 1280])
def test_the_calendar_is_read_by_everybody(bureau: Bureau, chromium: Browser, width: int) -> None:
    nora, town = bureau.signed_in(), bureau.town
    recorded(nora, council(town, "Bellevue", "Awa Diallo", "Marie-Antoinette de La Rochefoucauld-Montmorency"))
    nora.post("/bureau/reunions/1/ordre-du-jour", {"points": "Programmation du QPV\n" + "Très long point " * 20})
    nora.post("/bureau/reunions/1/dates", {"date_1": "2026-12-08", "heure_1": "18:00"})
    town.work(ticks=True)
    town.at += timedelta(days=12)
    context = chromium.new_context(viewport={"width": width, "height": 800})
    context.add_cookies([bureau.cookie()])  # type: ignore[list-item]
    page = context.new_page()
    for way in (
        "?mois=2026-12", "?vue=liste", "/1", "/1/modifier", "/1/ordre-du-jour", "/1/dossier/1", "/nouvelle", "/plan",
        "/appels", "/importer",
    ):  # fmt: skip
        page.goto(f"{bureau.url}/bureau/reunions{way}")
        found = Axe().run(page)
        assert found.violations_count == 0, (way, found.generate_report())
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), way
    context.close()


def test_a_calendar_program_follows_a_council_by_its_secret_link(bureau: Bureau) -> None:
    nora, town = bureau.signed_in(), bureau.town
    recorded(nora, council(town, "Bellevue"))
    assert "Créer le lien" in nora.get("/bureau/reunions/agendas").text
    page = nora.post("/bureau/reunions/agendas/1").text
    way = page.partition("<code>")[2].partition("</code>")[0]
    visitor = bureau.visitor()
    found = visitor.get(way)
    assert found.headers["content-type"].startswith("text/calendar")
    assert "Comité de pilotage de Bellevue" in found.text
    assert "TZID:Europe/Paris" in found.text
    nora.post("/bureau/reunions/agendas/1")
    assert visitor.get(way).status_code == 404, "the old link shows nothing any more"
    assert visitor.get("/calendrier/1-x.ics").status_code == 404
    assert visitor.get("/calendrier/x.ics").status_code == 404


def test_the_year_of_each_council(bureau: Bureau) -> None:
    nora, town = bureau.signed_in(), bureau.town
    recorded(nora, council(town, "Bellevue", "Awa Diallo", "Paul Martin"))
    nora.post("/bureau/reunions/1/invitations", {"quoi": "invitation", "conseils": "1"})
    town.work(ticks=True)
    town.at += timedelta(days=7)
    town.work(ticks=True)
    town.say("sms", "+33612340100", "1")
    town.at += timedelta(days=10)
    nora = bureau.signed_in()
    nora.post("/bureau/reunions/1/presences", {"personnes": "1", "venus": "1"})
    page = nora.get("/bureau/reunions/bilan?annee=2026").text
    assert "1 comité, invité à temps 1 fois" in page
    assert page.count("50 %") == 2, "one of two answered, one of two came"
    sheet = nora.get("/bureau/reunions/bilan.csv?annee=2026").content.decode("utf-8-sig")
    assert "Comité de pilotage de Bellevue;jeudi 17 décembre 2026 à 18 h;Bellevue;2;2;1;1;1;0;non;à temps" in sheet
    report = nora.get("/bureau/chiffres.pdf?mois=2026-12").content
    assert "Les comités du mois" in "".join(page.extract_text() for page in PdfReader(BytesIO(report)).pages)
    assert "Aucun comité en 2025" in nora.get("/bureau/reunions/bilan?annee=2025").text


def test_a_member_answers_on_their_own_page(bureau: Bureau) -> None:
    nora, town = bureau.signed_in(), bureau.town
    recorded(nora, council(town, "Bellevue", "Awa Diallo", "Paul Martin"))
    nora.post("/bureau/reunions/1/dates", {"date_1": "2026-12-08", "heure_1": "18:00"})
    meeting = town.db.look(lambda session: session.get(Committee, 1))
    office = replace(town.office, public_url="https://hotline.example")
    way = season.member_link(office, meeting, 1).partition("hotline.example")[2]
    awa = bureau.visitor()
    page = awa.get(way)
    assert "Venez-vous, Awa Diallo" in page.text
    said = awa.post(way, {"reponse": "no", "remplace": "Fatou"}, page=way)
    assert "Fatou vous remplace" in said.text
    awa.post(f"{way}/dates", {"dates": "1"}, page=way)
    assert "1 personne peut venir" in nora.get("/bureau/reunions/1").text.replace("\xa0", " ")
    awa.post(way, {"reponse": "prepare", "dire": "Demander des bancs au square"}, page=way)
    assert "vient, veut préparer" in nora.get("/bureau/reunions/1").text
    town.work()
    assert "Demander des bancs au square" in town.notices()[-1].text
    assert awa.get(f"{way}/dossier.pdf").content.startswith(b"%PDF-")
    assert "BEGIN:VEVENT" in awa.get(f"{way}/reunion.ics").text
    assert awa.get(way[:-1] + "a").status_code == 404
    assert awa.client.post(way, data={"reponse": "yes", "jeton": "x"}).status_code == 403


def test_a_reminder_by_email_brings_its_reader_to_their_page(town: Town) -> None:
    town.office = replace(town.office, public_url="https://hotline.example")
    bellevue = council(town, "Bellevue", "Awa Diallo")

    def prepared(session: Session) -> None:
        row = directory.keep(session, town.office.vault, Address("email", "awa@exemple.org"), town.at)
        row.person_id = 1
        session.get_one(Person, 1).preferred_channel = "email"
        meeting = Committee(title="COPIL", starts_at=town.at + timedelta(days=9), created_at=town.at)
        session.add(meeting)
        session.flush()
        link(session, meeting, [bellevue])

    town.db.transact(prepared)
    town.work(ticks=True)
    mail = town.channels["email"].to("awa@exemple.org")[-1].text
    assert "Répondre en ligne, et voir qui vient : https://hotline.example/reunion/" in mail


NOTES = (
    "Le budget 2027 : demander qui décide.\n\nAwa Diallo répond au 06 12 34 56 78.\nVoirie : les trottoirs de l'école"
)


def test_the_notes_of_a_preparation_become_an_entry_to_write_without_names(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    bellevue, breil = council(bureau.town, "Bellevue", "Awa Diallo"), council(bureau.town, "Breil")
    recorded(nora, bellevue)
    assert 'value="fiche"' in nora.get("/bureau/reunions/1").text
    form = nora.post("/bureau/reunions/1/preparation", {"notes": NOTES, "suite": "fiche"})
    assert form.url.path == "/bureau/fiches/nouvelle"
    assert "Le budget 2027 : demander qui décide." in form.text
    assert "Voirie : les trottoirs de l&#39;école</textarea>" in form.text
    assert "Awa" not in form.text
    assert "06 12 34 56 78" not in form.text
    assert '<option value="meeting" selected' in form.text
    assert "Awa Diallo répond au 06 12 34 56 78" in nora.get("/bureau/reunions/1").text, "the notes stand as written"
    zoe = bureau.signed_in(bureau.officer("Zoé", councils=(breil,)))
    assert zoe.get("/bureau/fiches/nouvelle?preparation=1").status_code == 404
    assert nora.get("/bureau/fiches/nouvelle?preparation=77").status_code == 404


def test_a_preparation_without_notes_makes_no_entry(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    recorded(nora, council(bureau.town, "Bellevue"))
    page = nora.post("/bureau/reunions/1/preparation", {"notes": "  ", "suite": "fiche"})
    assert page.url.path == "/bureau/reunions/1"
    assert nora.get("/bureau/fiches/nouvelle?preparation=1").status_code == 404


def test_a_series_is_stopped_from_the_page_of_a_meeting(bureau: Bureau) -> None:
    nora, bellevue = bureau.signed_in(), council(bureau.town, "Bellevue")
    recorded(nora, bellevue, type="council", titre="Réunion du conseil", repetition="FREQ=MONTHLY")
    assert "Arrêter la série" in nora.get("/bureau/reunions/1").text
    page = nora.post("/bureau/reunions/1/arreter")
    assert "La série est arrêtée" in page.text
    assert "Oui, arrêter la série" not in page.text
    again = nora.post("/bureau/reunions/1/arreter")
    assert again.status_code == 422
    assert "Cette série est déjà arrêtée" in again.text
    other = bureau.signed_in(bureau.officer("Zoé", councils=(council(bureau.town, "Breil"),)))
    assert other.post("/bureau/reunions/1/arreter").status_code == 404
    recorded(nora, bellevue)
    last = max(int(n) for n in re.findall(r"/bureau/reunions/(\d+)", nora.get("/bureau/reunions?mois=2026-12").text))
    assert "Arrêter la série" not in nora.get(f"/bureau/reunions/{last}").text
