"""The team's pages: roles, councils, absences, and the administration that somebody always keeps; the trail."""

from sqlmodel import Session, select

from channels.directory import Council
from escalation.officers import Officer
from tests.office import Bureau


def council(bureau: Bureau, name: str) -> int:
    def work(session: Session) -> int:
        made = Council(slug=name.lower(), name=name)
        session.add(made)
        session.flush()
        return made.id or 0

    return bureau.town.db.transact(work)


def officer_named(bureau: Bureau, name: str) -> Officer:
    found = bureau.town.db.look(lambda session: session.exec(select(Officer).where(Officer.name == name)).one())
    assert isinstance(found, Officer)
    return found


def test_the_first_account_administers_and_adds_others(bureau: Bureau) -> None:
    nora, bellevue = bureau.signed_in(), council(bureau, "Bellevue")
    form: dict[str, object] = {
        "nom": "Sam Le Goff",
        "email": "Sam@exemple.org",
        "role": "officer",
        "conseils": bellevue,
    }
    page = nora.post("/bureau/equipe", form, page="/bureau/equipe/nouveau")
    assert "Sam Le Goff fait partie de l&#39;équipe" in page.text
    assert "Bellevue" in nora.get("/bureau/equipe").text
    again = nora.post("/bureau/equipe", form, page="/bureau/equipe/nouveau")
    assert again.status_code == 422
    assert "déjà celle d&#39;une personne" in again.text
    assert 'value="Sam Le Goff"' in again.text, "what was typed stays"
    sam = bureau.visitor()
    sam.post("/bureau/entrer", {"email": "sam@exemple.org"}, page="/bureau/entrer")
    bureau.town.work()
    assert len(bureau.town.channels["email"].to("sam@exemple.org")) == 1


def test_mistakes_are_said_beside_their_field(bureau: Bureau) -> None:
    form: dict[str, object] = {"nom": " ", "email": "sam", "role": "roi"}
    page = bureau.signed_in().post("/bureau/equipe", form, page="/bureau/equipe/nouveau")
    assert page.status_code == 422
    assert "3 choses sont à corriger" in page.text


def test_the_last_administration_is_not_given_away(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    for form in ({"nom": "Nora", "role": "officer", "actif": "1"}, {"nom": "Nora", "role": "administrator"}):
        page = nora.post("/bureau/equipe/1", dict(form))
        assert page.status_code == 422
        assert "doit garder l&#39;administration" in page.text
    bureau.officer("Sam", "administrator")
    assert nora.post("/bureau/equipe/1", {"nom": "Nora", "role": "officer", "actif": "1"}).status_code == 200
    assert officer_named(bureau, "Nora").role == "officer"


def test_whoever_leaves_is_signed_out_at_once(bureau: Bureau) -> None:
    sam_id = bureau.officer("Sam")
    sam = bureau.signed_in(sam_id)
    assert sam.get("/bureau/moi").status_code == 200
    bureau.signed_in().post(f"/bureau/equipe/{sam_id}", {"nom": "Sam", "role": "officer"})
    sam.client.follow_redirects = False
    assert sam.get("/bureau/moi").status_code == 303


def test_an_officer_notes_an_absence_and_who_stands_in(bureau: Bureau) -> None:
    sam_id = bureau.officer("Sam")
    sam = bureau.signed_in(sam_id)
    way = f"/bureau/equipe/{sam_id}"
    page = sam.post(f"{way}/absence", {"du": "2026-11-30", "au": "2026-12-11"})
    assert "absence est notée" in page.text
    assert "Absence jusqu&#39;au vendredi 11 décembre 2026" in page.text
    assert "suppléance est notée" in sam.post(f"{way}/suppleance", {"suppleance": "1"}).text
    assert "Remplace Sam" in sam.get("/bureau/equipe/1").text
    for first, last, words in (
        ("2026-12-11", "2026-12-01", "avant le départ"),
        ("", "2026-12-01", "Choisissez un jour"),
        ("2020-01-01", "2020-01-05", "déjà finie"),
        ("2026-12-01", "2029-01-05", "un an au plus"),
    ):
        page = sam.post(f"{way}/absence", {"du": first, "au": last})
        assert page.status_code == 422
        assert words in page.text
    assert sam.post("/bureau/equipe/1/absence", {"du": "2026-12-02", "au": "2026-12-03"}).status_code == 403
    assert "est retirée" in sam.post(f"{way}/absence/1").text


def test_the_deputy_sees_the_councils_of_who_is_away(bureau: Bureau) -> None:
    bellevue, malakoff = council(bureau, "Bellevue"), council(bureau, "Malakoff")
    ana, sam = bureau.officer("Ana", councils=(bellevue,)), bureau.officer("Sam", councils=(malakoff,))
    page = bureau.signed_in(sam).get(f"/bureau/chiffres?conseil={bellevue}")
    assert page.status_code == 404
    nora = bureau.signed_in()
    nora.post(f"/bureau/equipe/{ana}/absence", {"du": "2026-12-01", "au": "2026-12-02"})
    nora.post(f"/bureau/equipe/{ana}/suppleance", {"suppleance": sam})
    assert bureau.signed_in(sam).get(f"/bureau/chiffres?conseil={bellevue}").status_code == 200
    bureau.town.pass_time(days=2)
    assert bureau.signed_in(sam).get(f"/bureau/chiffres?conseil={bellevue}").status_code == 404


def test_the_trail_tells_who_did_what_and_is_whole(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    bureau.officer("Sam")
    nora.post("/bureau/equipe/2", {"nom": "Samuel", "role": "reader", "actif": "1"})
    page = nora.get("/bureau/journal?qui=officer:1&objet=officer")
    assert "compte changé" in page.text
    assert "compte n° 2" in page.text
    assert "Aucune ligne" in nora.get("/bureau/journal?objet=fiche&du=2026-01-01&au=n'importe").text
    assert "est entier" in nora.get("/bureau/journal?verifier=1").text
    assert nora.get("/bureau/journal?page=999999999999&du=9999-12-31").status_code == 200
