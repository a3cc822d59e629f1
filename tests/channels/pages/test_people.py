"""The pages of people and councils: found, written, joined, imported and exported; handed their data, and erased."""

import json
import re
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import Session, select

from channels import directory
from channels.contract import Address
from channels.directory import AddressRow, Person
from tests.office import Browsing, Bureau
from tests.peers.bytes import everything

PHONE = "+33612345678"


def bellevue(nora: Browsing, name: str = "Conseil de Bellevue") -> int:
    page = nora.post("/bureau/conseils", {"nom": name, "ville": "Nantes"}, page="/bureau/conseils")
    found = re.search(r"/bureau/conseils/(\d+)", str(page.url))
    assert found, page.text
    return int(found[1])


def awa(nora: Browsing, council: int, **more: str) -> int:
    form: dict[str, object] = {
        "nom": "Awa Diallo", "type": "member", "conseil": council, "langue": "fr", "canal": "sms",
        "telephone": "06 12 34 56 78", "email": "Awa@exemple.org", **more,
    }  # fmt: skip
    page = nora.post("/bureau/personnes", form, page="/bureau/personnes/nouvelle")
    found = re.search(r"/bureau/personnes/(\d+)$", str(page.url))
    assert found, page.text
    return int(found[1])


def test_a_person_is_added_found_and_their_addresses_stay_masked_until_asked_for(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    assert "Personne encore" in nora.get("/bureau/personnes").text
    number = awa(nora, bellevue(nora))
    page = nora.get("/bureau/personnes?q=DIALLO+bellevue")
    assert "Awa Diallo" in page.text
    assert "06 •• •• •• 78" in page.text
    assert "Personne ne correspond" in nora.get("/bureau/personnes?q=zzz").text
    own = nora.get(f"/bureau/personnes/{number}").text
    assert PHONE not in own
    assert "awa@exemple.org" not in own
    shown = nora.post(f"/bureau/personnes/{number}/adresses")
    assert PHONE in shown.text
    assert "awa@exemple.org" in shown.text
    assert "adresse montrée" in nora.get("/bureau/journal?objet=person").text


def test_mistakes_keep_what_was_typed_and_an_address_is_nobody_elses(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    council = bellevue(nora)
    awa(nora, council)
    form: dict[str, object] = {
        "nom": "Paul Martin", "type": "member", "conseil": council, "langue": "fr", "canal": "",
        "telephone": "0612345678", "email": "paul@@exemple",
    }  # fmt: skip
    page = nora.post("/bureau/personnes", form, page="/bureau/personnes/nouvelle")
    assert page.status_code == 422
    assert "déjà l&#39;adresse de Awa Diallo" in page.text
    assert "Ce n&#39;est pas une adresse e-mail" in page.text
    assert 'value="Paul Martin"' in page.text
    assert "Paul Martin" not in nora.get("/bureau/personnes").text


def test_a_paused_address_is_taken_up_again(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    number = awa(nora, bellevue(nora))

    def pause(session: Session) -> int:
        row = session.exec(select(AddressRow).where(AddressRow.person_id == number)).first()
        assert row is not None
        row.paused_at, row.bounces = bureau.town.at, 3
        session.add(row)
        return row.id or 0

    address = bureau.town.db.transact(pause)
    assert "les messages ne passent plus" in nora.get(f"/bureau/personnes/{number}").text
    nora.post(f"/bureau/personnes/{number}/adresses/{address}/reprendre", page=f"/bureau/personnes/{number}")
    assert "ne passent plus" not in nora.get(f"/bureau/personnes/{number}").text


def test_seats_are_given_and_freed_and_the_empty_ones_are_seen(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    council = bellevue(nora)
    number = awa(nora, council)
    way = f"/bureau/conseils/{council}"
    places: dict[str, object] = {"nom": "Conseil de Bellevue", "ville": "Nantes", "places_copil": "2"}
    assert "2 sièges vides" in nora.post(way, places, page=way).text
    seat: dict[str, object] = {"siege_conseil": council, "siege": "copil", "place": "titulaire"}
    assert "Le siège est noté" in nora.post(f"/bureau/personnes/{number}/sieges", seat).text
    assert "1 siège vide" in nora.get("/bureau/conseils").text
    assert "Awa Diallo" in nora.get(way).text
    assert "Le siège est libre" in nora.post(f"/bureau/personnes/{number}/sieges/1/finir").text
    assert "2 sièges vides" in nora.get("/bureau/conseils").text
    assert nora.post(way, places | {"places_copil": "beaucoup"}, page=way).status_code == 422


def test_two_entries_of_one_person_are_joined_by_number_alone(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    council = bellevue(nora)
    first = awa(nora, council)
    second = awa(nora, council, nom="A. Diallo", telephone="06 98 76 54 32", email="")
    way = f"/bureau/personnes/{first}/reunir"
    for wrong in ("9999", str(first), "Awa"):
        assert nora.post(way, {"autre": wrong}).status_code == 422
    assert "ne font plus qu&#39;un" in nora.post(way, {"autre": second}).text
    assert "06 •• •• •• 32" in nora.get(f"/bureau/personnes/{first}").text
    assert nora.get(f"/bureau/personnes/{second}").status_code == 404


def test_a_list_is_shown_first_then_imported_and_exported_safely(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    content = "conseil;nom;téléphone\nMalakoff;=SOMME(A1);06 11 22 33 44\nMalakoff;Zoé;\n"
    token = nora.get("/bureau/moi").text.partition('name="jeton" value="')[2].partition('"')[0]
    shown = nora.client.post(
        "/bureau/personnes/importer", data={"jeton": token, "creer": "1"}, files={"fichier": ("m.csv", content)}
    )
    assert "2 nouvelles personnes" in shown.text
    assert "Zoé" not in nora.get("/bureau/personnes").text
    kept = re.search(r'name="table" value="([^"]+)"', shown.text)
    assert kept
    page = nora.post("/bureau/personnes/importer", {"table": kept[1], "ecrire": "1", "creer": "1"})
    assert "La liste est importée : 2 nouvelles" in page.text
    sheet = nora.get("/bureau/personnes.csv").content.decode("utf-8-sig")
    assert "'=SOMME(A1)" in sheet
    assert "'+33611223344" in sheet
    assert "membres exportés" in nora.get("/bureau/journal").text
    again = nora.post("/bureau/personnes/importer", {"table": "!!"})
    assert "Choisissez un fichier" in again.text


# --- data and erasure -------------------------------------------------------------------------------------------------

SECRETS = (
    "Awa Diallo", "awa@exemple.org", "Le tilleul abattu derrière chez Malik", "Samira passera jeudi",
    "Et mon banc bleu canard ?",
)  # fmt: skip


def lived(bureau: Bureau) -> tuple[Browsing, int]:
    """Awa asked, was answered by a person, and asked again."""
    nora = bureau.signed_in()
    number = awa(nora, bellevue(nora))
    town = bureau.town
    town.say("email", "awa@exemple.org", "Le tilleul abattu derrière chez Malik, qui l'a décidé mardi dernier ?")
    notice = town.notices()[-1]
    town.say("email", "officer@exemple.org", "Samira passera jeudi.", token=notice.token)
    town.say("email", "awa@exemple.org", "Et mon banc bleu canard ?", token=town.channels["email"].sent[-1].token)
    town.pass_time(minutes=1)
    town.work()
    return nora, number


def test_a_persons_data_in_one_click(bureau: Bureau) -> None:
    nora, number = lived(bureau)
    answer = nora.get(f"/bureau/personnes/{number}/donnees.json")
    assert answer.headers["content-disposition"].startswith("attachment")
    data = json.loads(answer.text)
    assert data["personne"]["nom"] == "Awa Diallo"
    assert {each["adresse"] for each in data["adresses"]} == {PHONE, "awa@exemple.org"}
    told = json.dumps(data, ensure_ascii=False)
    assert all(secret in told for secret in SECRETS)
    page = nora.get(f"/bureau/personnes/{number}/donnees").text
    assert "Samira passera jeudi" in page
    assert "données remises" in nora.get("/bureau/journal?objet=person").text


def test_an_erasure_leaves_not_a_byte_and_keeps_the_figures(bureau: Bureau, tmp_path: Path) -> None:
    nora, number = lived(bureau)
    before = everything(bureau.town.db, tmp_path)
    assert all(secret.encode() in before for secret in SECRETS if secret != "awa@exemple.org"), "it could be found"
    way = f"/bureau/personnes/{number}/effacer"
    page = nora.get(way).text
    assert "Ce qui part" in page
    assert "Ce qui reste" in page
    refused = nora.post(way, {"accord": "oui"}, page=way)
    assert refused.status_code == 422
    assert "Écrivez EFFACER" in refused.text
    assert "sont effacées" in nora.post(way, {"accord": "effacer"}, page=way).text
    assert nora.get(f"/bureau/personnes/{number}").status_code == 404
    bureau.town.work(ticks=True)
    bureau.town.pass_time(days=3)
    bureau.town.work(ticks=True)
    bureau.town.db.compact()
    after = everything(bureau.town.db, tmp_path)
    for secret in SECRETS:
        assert secret.encode() not in after, secret
    rows = bureau.town.db.look(lambda session: list(session.exec(select(AddressRow.sealed))))
    assert rows.count(b"") == 2, "both handles are gone"
    person = bureau.town.db.look(lambda session: session.exec(select(Person)).one())
    assert person.name == "(effacé)"
    assert "est entier" in bureau.signed_in().get("/bureau/journal?verifier=1").text


def test_an_officers_own_account_is_not_erased_by_this_way(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    number = awa(nora, bellevue(nora))

    def link(session: Session) -> None:
        row = directory.find(session, bureau.town.office.vault, Address("email", "officer@exemple.org"))
        assert row is not None
        row.person_id = number
        session.add(row)

    bureau.town.db.transact(link)
    way = f"/bureau/personnes/{number}/effacer"
    assert nora.post(way, {"accord": "EFFACER"}, page=way).status_code == 404


def test_what_is_kept_long_enough_is_counted_before_it_goes(bureau: Bureau) -> None:
    nora, _number = lived(bureau)
    bureau.town.pass_time(days=20)
    page = bureau.signed_in().get("/bureau/conservation")
    assert page.status_code == 200
    numbers = re.findall(r'class="numbers">(\d+)</td>', page.text)
    assert numbers[0] == "0"
    assert any(int(each) for each in numbers), "within 30 days something will"
    assert nora is not None


@pytest.mark.parametrize("way", ["/bureau/personnes", "/bureau/conseils"])
def test_five_thousand_people_are_listed_in_time(bureau: Bureau, way: str) -> None:
    import time

    def crowd(session: Session) -> None:
        council = directory.Council(slug="foule", name="Foule")
        session.add(council)
        session.flush()
        rows = [
            {"kind": "member", "name": f"Personne {n}", "council_id": council.id, "language": "fr",
             "preferred_channel": "", "example": False, "created_at": bureau.town.at}
            for n in range(5000)
        ]  # fmt: skip
        session.execute(sa.insert(Person), rows)

    bureau.town.db.transact(crowd)
    nora = bureau.signed_in()
    nora.get(way)
    began = time.perf_counter()
    assert nora.get(way + "?q=personne+49").status_code == 200
    assert time.perf_counter() - began < 2, "200 ms alone on a machine"
