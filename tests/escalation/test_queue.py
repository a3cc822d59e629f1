"""The queue: what waits, by what is urgent; found by words, kept fresh, and only what one may see."""

from datetime import timedelta

import pytest

from tests.escalation.desk import asked, council, person, ticket
from tests.office import Bureau
from tests.town import Town


def test_an_empty_queue_says_so_kindly(bureau: Bureau) -> None:
    page = bureau.signed_in().get("/bureau")
    assert page.status_code == 200
    assert "Tout a sa réponse." in page.text


def test_what_is_urgent_comes_first_and_what_is_late_says_so(bureau: Bureau) -> None:
    town = bureau.town
    first = asked(town)
    town.pass_time(days=1)
    second = asked(town, "Il me frappe, j'ai peur, aidez-moi", handle="lea")
    town.pass_time(days=4)
    page = bureau.signed_in().get("/bureau").text
    assert page.index(f"/bureau/questions/{second}") < page.index(f"/bureau/questions/{first}")
    assert "en retard" in page
    assert "urgent" in page
    assert "<title>(2) Questions" in page


@pytest.mark.parametrize("words", ["velos", "VÉLOS camion", "n° 1", "1", "diallo"])
def test_a_question_is_found_without_accents_by_number_or_by_name(bureau: Bureau, words: str) -> None:
    person(bureau.town, "Awa Diallo", "telegram", "awa")
    asked(bureau.town)
    other = asked(bureau.town, "Le lampadaire de la rue Watt est cassé depuis mardi dernier", handle="lea")
    page = bureau.signed_in().get(f"/bureau?q={words}").text
    assert "/bureau/questions/1" in page
    assert f"/bureau/questions/{other}" not in page


def test_what_was_added_is_found_too(bureau: Bureau) -> None:
    number = asked(bureau.town, channel="email", handle="awa@exemple.org", subject="Un camion gêne")
    token = bureau.town.channels["email"].to("awa@exemple.org")[-1].token
    bureau.town.say("email", "awa@exemple.org", "J'ai oublié : c'est près du collège.", token=token)
    assert f"/bureau/questions/{number}" in bureau.signed_in().get("/bureau?q=college").text


def test_filters_stand_in_the_address_and_nonsense_in_it_harms_nobody(bureau: Bureau) -> None:
    one = asked(bureau.town)
    two = asked(bureau.town, handle="lea@exemple.org", channel="email", subject="Un camion")
    nora = bureau.signed_in()
    page = nora.get("/bureau?canal=email").text
    assert f"/bureau/questions/{two}" in page
    assert f"/bureau/questions/{one}" not in page
    for way in ("?vue=rien&page=99999999", "?page=-1", "?conseil=%F0%9F%98%80&qui=x&theme='", "?q=%25_%5C", "?qui=9"):
        assert nora.get(f"/bureau{way}").status_code == 200
    assert "Aucune question ne correspond." in nora.get("/bureau?q=introuvable").text
    assert "Aucune question ne correspond." in nora.get("/bureau?q=%25").text


def test_of_another_officers_council_there_is_nothing_to_see(bureau: Bureau) -> None:
    bellevue, malakoff = council(bureau.town, "Bellevue"), council(bureau.town, "Malakoff")
    person(bureau.town, "Awa Diallo", "telegram", "awa", bellevue)
    person(bureau.town, "Léa Martin", "telegram", "lea", malakoff)
    hers, other = asked(bureau.town), asked(bureau.town, handle="lea")
    nobodys = asked(bureau.town, handle="inconnu")
    paul = bureau.signed_in(bureau.officer("Paul", councils=(bellevue,)))
    page = paul.get("/bureau").text
    assert f"/bureau/questions/{hers}" in page
    assert f"/bureau/questions/{nobodys}" in page
    assert f"/bureau/questions/{other}" not in page
    assert paul.get(f"/bureau/questions/{other}").status_code == 404


def test_the_list_is_asked_again_and_told_only_when_it_changed(bureau: Bureau) -> None:
    asked(bureau.town)
    nora = bureau.signed_in()
    first = nora.get("/bureau/flux")
    mark = first.headers["etag"]
    assert first.json()["waiting"] == 1
    again = nora.client.get("/bureau/flux", headers={"If-None-Match": mark})
    assert again.status_code == 304
    asked(bureau.town, handle="lea")
    assert nora.client.get("/bureau/flux", headers={"If-None-Match": mark}).json()["waiting"] == 2


def test_a_page_that_looks_by_itself_keeps_no_session_alive(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    for _ in range(4):
        bureau.town.pass_time(minutes=10)
        last = nora.client.get("/bureau/flux", headers={"Accept": "application/json"})
    assert last.status_code == 401


def test_who_is_at_a_question_is_seen_and_stands_in_nobodys_way(bureau: Bureau) -> None:
    number = asked(bureau.town)
    nora, paul = bureau.signed_in(), bureau.signed_in(bureau.officer("Paul"))
    way = f"/bureau/questions/{number}"
    nora.post(f"{way}/flux", {"vu": "0.0"}, page=way)
    assert "Nora regarde" in paul.get("/bureau").text
    bureau.town.pass_time(minutes=3)  # her page was closed: it is over by itself
    assert "Nora regarde" not in paul.get("/bureau").text
    nora.post(f"{way}/prendre", page=way)
    bureau.town.pass_time(minutes=10)
    assert "Nora s&#39;en occupe" in paul.get("/bureau").text
    assert f"questions/{number}" in nora.get("/bureau?qui=moi").text
    assert f"questions/{number}" not in nora.get("/bureau?qui=personne").text
    assert paul.post(f"{way}/prendre", page=way).status_code == 200


def test_pages_of_the_list_follow_one_another(bureau: Bureau) -> None:
    town: Town = bureau.town
    for number in range(51):
        asked(town, handle=f"p{number}")
    nora = bureau.signed_in()
    first, second = nora.get("/bureau").text, nora.get("/bureau?page=2").text
    assert first.count("data-row=") == 50
    assert second.count("data-row=") == 1
    assert ticket(town, 51).promised_at - ticket(town, 1).promised_at < timedelta(days=1)
