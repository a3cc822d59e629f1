"""Around a committee: whom to call and when, who replaces whom, the second letter, members' calendars, steps added."""

import html
from dataclasses import replace
from datetime import date, datetime

import httpx
import pytest
from sqlmodel import Session, select

from bot.desk import reminding, season
from channels import mailbox
from channels.mailbox import OutboxRow
from scheduler.attendance import Attendance
from scheduler.committees import ALTERNATE, Committee, Seat
from tests.office import Browsing, Bureau
from tests.scheduler.test_pages import MEETING, council, recorded
from tests.town import Town

AWA, PAUL = "+33612340100", "+33612340101"


def words(page: httpx.Response) -> str:
    return html.unescape(page.text).replace("\xa0", " ")


def at(town: Town, day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=town.office.zone)


def her_page(bureau: Bureau, person: int, number: int = 1) -> tuple[Browsing, str]:
    """A member's browser, and the way to their page of a meeting."""
    meeting = bureau.town.db.look(lambda session: session.get(Committee, number))
    assert meeting is not None
    office = replace(bureau.town.office, public_url="https://hotline.example")
    return bureau.visitor(), season.member_link(office, meeting, person).partition("hotline.example")[2]


def makes_alternate(town: Town, person: int) -> None:
    def work(session: Session) -> None:
        session.exec(select(Seat).where(Seat.person_id == person)).one().role = ALTERNATE

    town.db.transact(work)


@pytest.mark.parametrize(
    ("day", "listed"),
    [("2026-12-17", date(2026, 12, 11)), ("2026-12-18", date(2026, 12, 11))],
    ids=["a Saturday moves to the Friday", "a Sunday too"],
)
def test_the_call_list_is_there_from_the_hour_of_its_letter_on(bureau: Bureau, day: str, listed: date) -> None:
    town = bureau.town
    recorded(bureau.signed_in(), council(town, "Bellevue", "Awa Diallo"), jour=day)
    for moment, called in ((at(town, listed, 7, 59), False), (at(town, listed, 8), True)):
        town.at = moment
        town.work(ticks=True)
        page = bureau.signed_in().get("/bureau/reunions/appels").text
        assert ("Awa Diallo" in page) is called
    (letter,) = [each for each in town.notices() if each.name == "officer_calls"]
    assert "Awa Diallo" in letter.text


def test_a_call_notes_who_comes_instead_and_asks_them(bureau: Bureau) -> None:
    nora, town = bureau.signed_in(), bureau.town
    recorded(nora, council(town, "Bellevue", "Awa Diallo", "Zoé Petit"))
    makes_alternate(town, 2)
    town.at = at(town, date(2026, 12, 14), 9)
    nora = bureau.signed_in()
    call = {"resultat": "reached", "reponse": "no", "remplace-1-1": "zoe petit", "note-1-1": "malade"}
    nora.post("/bureau/reunions/1/appels/1", call)
    town.work()
    assert [each.name for each in town.channels["sms"].to(PAUL)][-1] == "alternate_call"
    page = nora.get("/bureau/reunions/1").text
    assert "remplacée par Zoé Petit" in page
    said = nora.post(
        "/bureau/reunions/1/appels/1", {"resultat": "reached", "reponse": "prepare", "note-1-1": "le banc"}
    )
    assert "appel est noté" in said.text
    assert "sa préparation" in nora.get("/bureau/reunions/1").text
    assert "le banc" in nora.get("/bureau").text


def test_a_member_names_who_comes_instead_on_their_page_and_they_are_asked(bureau: Bureau) -> None:
    town = bureau.town
    recorded(bureau.signed_in(), council(town, "Bellevue", "Awa Diallo", "Zoé Petit"))
    makes_alternate(town, 2)
    awa, way = her_page(bureau, 1)
    assert "Dans votre conseil : Zoé Petit." in words(awa.get(way))
    said = words(awa.post(way, {"reponse": "no", "remplace": "Zoé"}, page=way))
    assert "Zoé Petit vous remplace" in said
    assert "je lui demande si c'est possible" in said
    town.pass_time(hours=24)
    town.work()
    assert [each.name for each in town.channels["sms"].to(PAUL)] == ["alternate_call"]
    said = awa.post(way, {"reponse": "no", "remplace": "une voisine"}, page=way).text
    assert "Prévenez cette personne" in said
    row = town.db.look(lambda session: session.get(Attendance, (1, 1)))
    assert row is not None
    assert (row.alternate, row.alternate_id) == ("une voisine", None)


def test_the_letter_waits_for_the_agenda_too_and_grows_firmer(bureau: Bureau) -> None:
    nora, town = bureau.signed_in(), bureau.town
    recorded(nora, council(town, "Bellevue", "Awa Diallo"))
    way = "/bureau/reunions/1"
    page = words(nora.post(f"{way}/invitations", {"quoi": "invitation", "conseils": "1"}))
    assert "aucun ordre du jour n'est noté" in page
    assert "Une lettre à l" in page
    assert "Malgré notre premier courrier" not in page
    for moment in (town.at, at(town, date(2026, 12, 3), 9), at(town, date(2026, 12, 7), 9)):  # J-11 is a Sunday
        town.at = moment
        town.work(ticks=True)
    nora = bureau.signed_in()
    page = nora.get(way).text
    assert "Malgré notre premier courrier" in page
    assert "Une seconde lettre" in page
    page = nora.post(f"{way}/invitations", {"quoi": "agenda", "conseils": "1"}).text
    assert "lettre à l" not in page


def test_a_document_says_what_it_is_good_for_once_someone_writes_it(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    recorded(nora, council(bureau.town, "Bellevue", "Awa Diallo"))
    way = "/bureau/reunions/1"
    nora.post(f"{way}/documents", {"nom": "Le plan", "adresse": "https://exemple.org/plan"})
    assert "Écrire à quoi ça sert" in nora.get(way).text
    assert "situer les travaux" in nora.post(f"{way}/documents/1/utilite", {"utilite": "situer les travaux"}).text
    assert "situer les travaux" in nora.get(f"{way}/dossier/1").text
    assert nora.post(f"{way}/documents/9/utilite", {"utilite": "x"}).status_code == 404


def test_a_member_follows_their_meetings_by_a_secret_link_of_their_own(bureau: Bureau) -> None:
    town = bureau.town
    bellevue = council(town, "Bellevue", "Awa Diallo")
    recorded(bureau.signed_in(), bellevue)
    awa, way = her_page(bureau, 1)
    assert "/calendrier/" not in awa.get(way).text
    page = awa.post(f"{way}/agenda", page=way).text
    secret = page.partition("/calendrier/")[2].partition("<")[0]
    assert secret.endswith(".ics")
    calendar: httpx.Response = awa.get(f"/calendrier/{secret}")
    assert "SUMMARY:Comité de pilotage de Bellevue" in calendar.text
    assert awa.get(f"/calendrier/{secret[:-5]}z.ics").status_code == 404


def test_a_step_is_added_to_a_plan_and_carried_out(bureau: Bureau) -> None:
    nora, town = bureau.signed_in(), bureau.town
    more = {"type": "copil", "action": "remind", "ajout_jours": "6", "ajout_heure": "10:30"}
    page = nora.post("/bureau/reunions/plan/ajouter", more)
    assert "étape est ajoutée" in page.text
    assert "10 h 30" in page.text
    assert nora.post("/bureau/reunions/plan/ajouter", more).status_code == 422, "it is there already"
    wrong = nora.post("/bureau/reunions/plan/ajouter", more | {"action": "decided"})
    assert "se fait après la réunion" in wrong.text
    assert nora.post("/bureau/reunions/plan/ajouter", more | {"type": "fête"}).status_code == 404
    recorded(nora, council(town, "Bellevue", "Awa Diallo"))
    for moment in (at(town, date(2026, 12, 7), 9), at(town, date(2026, 12, 11), 11)):
        town.at = moment
        town.work(ticks=True)
    assert [each.name for each in town.channels["sms"].to(AWA)].count("reminder") == 2


def test_tomorrows_details_leave_before_next_weeks_files(bureau: Bureau) -> None:
    nora, town = bureau.signed_in(), bureau.town
    far = council(town, "Bellevue", "Awa Diallo")
    near = council(town, "Malakoff", "Paul Martin")
    recorded(nora, far, jour="2026-12-17")
    recorded(nora, near, jour="2026-12-08", titre="Comité de Malakoff")
    town.at = at(town, date(2026, 12, 7), 8)
    while town.db.transact(reminding.due, town.office, town.at)[1]:
        pass
    rows = town.db.look(lambda s: list(s.exec(select(OutboxRow).where(OutboxRow.kind == mailbox.BULK)).all()))
    by_name = {each.name: each.priority for each in rows}
    assert by_name["reminder"] > mailbox.FIRST_OF_BULK
    first = min(rows, key=lambda each: (each.priority, each.id or 0))
    assert "Malakoff" in first.text
    claimed = town.db.transact(mailbox.claim_sending, town.at, ["sms"], ["sms"])
    assert claimed is not None
    assert claimed.key == first.key
    assert MEETING["titre"] in max(rows, key=lambda each: (each.priority, each.id or 0)).text
