"""Councils, people, addresses and seats from a table: checked by line, all or nothing, again without effect."""

from datetime import datetime, timedelta

import pytest
from sqlmodel import Session, select

from bot.db import Database
from bot.desk import members, members_import
from bot.desk.members_import import Report
from bot.office import Office
from channels import directory
from channels.contract import Address
from channels.directory import AddressRow, Council, Person
from scheduler.committees import Seat

HEADINGS = "Conseil;Ville;Nom;Type;Téléphone;E-mail;Canal;Siège;Langue"
GOOD = f"""{HEADINGS}
Bellevue;Nantes;Awa Diallo;membre;06 12 34 56 78;AWA@Exemple.fr;sms;copil, cotech;
Conseil citoyen de Bellevue;;Paul Le Goff;;+33 6 11 22 33 44;;;copil suppléant;français
BREIL;Nantes;Zoé Lefèvre;;0033 7 61 22 33 44;;e-mail;copil,cotech;suppléante;arabe
;;Marie Martin;Institution;02 40 11 22 33;marie@ville.example;;;
"""


@pytest.fixture
def councils(db: Database) -> None:
    def make(session: Session) -> None:
        session.add(Council(slug="bellevue", name="Conseil citoyen de Bellevue", city="Nantes"))
        session.add(Council(slug="breil", name="Conseil citoyen du Breil"))

    db.transact(make)


@pytest.fixture
def load(db: Database, office: Office, now: datetime):  # type: ignore[no-untyped-def]
    def run(text: str, *, create: bool = False, dry_run: bool = False, later: int = 0) -> Report:
        args = (members_import.import_sheet, office, text.encode(), now + timedelta(days=later), create, dry_run)
        found: Report = db.look(*args) if dry_run else db.transact(*args)
        return found

    return run


def people(db: Database, office: Office) -> dict[str, dict[str, object]]:
    def read(session: Session) -> dict[str, dict[str, object]]:
        found: dict[str, dict[str, object]] = {}
        for person in session.exec(select(Person)).all():
            rows = directory.ways_to(session, person)
            seats = session.exec(select(Seat).where(Seat.person_id == person.id)).all()
            council = session.get(Council, person.council_id) if person.council_id else None
            found[person.name] = {
                "ways": [(row.channel, directory.opened(office.vault, row).handle) for row in rows],
                "seats": sorted((seat.committee_kind, seat.role) for seat in seats if seat.until is None),
                "council": council.slug if council else None,
                "kind": person.kind,
                "language": person.language,
            }
        return found

    return db.look(read)


GOOD_LINES = GOOD.replace("copil,cotech;suppléante", '"copil,cotech;suppléante"')


def test_a_good_file_makes_people_addresses_and_seats(db: Database, office: Office, councils: None, load) -> None:  # type: ignore[no-untyped-def]
    report = load(GOOD_LINES)
    assert report.problems == ()
    assert report.count("new") == 4
    found = people(db, office)
    assert found["Awa Diallo"] == {
        "ways": [("sms", "+33612345678"), ("email", "awa@exemple.fr")],
        "seats": [("copil", "titulaire"), ("cotech", "titulaire")],
        "council": "bellevue",
        "kind": "member",
        "language": "fr",
    }
    assert found["Paul Le Goff"]["seats"] == [("copil", "suppleant")]
    assert found["Paul Le Goff"]["ways"] == [("sms", "+33611223344")]
    assert found["Zoé Lefèvre"]["seats"] == [("copil", "suppleant"), ("cotech", "suppleant")]
    assert (found["Zoé Lefèvre"]["language"], found["Zoé Lefèvre"]["council"]) == ("ar", "breil")
    assert found["Marie Martin"]["kind"] == "institution"
    assert found["Marie Martin"]["ways"] == [("phone", "+33240112233"), ("email", "marie@ville.example")]
    assert any("Zoé Lefèvre préfère e-mail" in note for note in report.notes)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252"])
def test_the_same_file_again_changes_nothing(
    db: Database, office: Office, now: datetime, councils: None, load, encoding: str
) -> None:  # type: ignore[no-untyped-def]
    load(GOOD_LINES)
    before = people(db, office)
    again = db.transact(
        members_import.import_sheet, office, GOOD_LINES.encode(encoding), now + timedelta(days=3), False, False
    )
    assert {change.what for change in again.changes} == {"same"}
    assert people(db, office) == before


def test_a_dry_run_tells_and_writes_nothing(db: Database, office: Office, councils: None, load) -> None:  # type: ignore[no-untyped-def]
    report = load(GOOD_LINES, dry_run=True)
    assert report.count("new") == 4
    assert "SMS : 06 •• •• •• 78" in report.changes[0].details
    assert people(db, office) == {}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("Bellevue;;Awa;;06 12;;;;", "ligne 2, colonne téléphone : « 06 12 » n'est pas un numéro"),
        ("Bellevue;;Awa;;3114;;;;", "ligne 2, colonne téléphone"),
        ("Bellevue;;Awa;;;awa@exemple;;;", "ligne 2, colonne email : « awa@exemple » n'est pas un e-mail"),
        ("Bellevue;;Awa;;;;pigeon;;", "ligne 2, colonne canal : « pigeon » est inconnu"),
        ("Ailleurs;;Awa;;;;;;", "ligne 2, colonne conseil : conseil inconnu : « Ailleurs »"),
        (";;Awa;;;;;;", "ligne 2, colonne conseil : à remplir"),
        (";;Awa;partenaire;;;;copil;", "ligne 2, colonne conseil : à remplir : un siège"),
        ("Bellevue;;;;;;;;", "ligne 2, colonne nom : à remplir"),
        ("Bellevue;;Awa;chef;;;;;", "ligne 2, colonne type : « chef » est inconnu"),
        ("Bellevue;;Awa;;;;;trône;", "ligne 2, colonne siège : « trône » est inconnu"),
        ("Bellevue;;Awa;;;;;;klingon !", "ligne 2, colonne langue"),
        (
            "Bellevue;;Awa;;0612345678;;;;\nBellevue;;Paul;;06 12 34 56 78;;;;",
            "ligne 3, colonne téléphone : déjà ligne 2, pour Awa",
        ),
        ("Bellevue;;Awa;;0612345678;;;;\nBellevue;;AWA;;+33612345678;;;;", "cette personne est déjà ligne 2"),
        ("Bellevue;;Awa;;;;;;\nBellevue;;awa;;;;;;", "ligne 3, colonne nom : cette personne est déjà ligne 2"),
        ("Bellevue;Angers;Awa;;;;;;", "conseil inconnu"),
    ],
)
def test_an_error_names_its_line_and_nothing_at_all_is_written(
    db: Database, office: Office, councils: None, load, lines: str, said: str
) -> None:  # type: ignore[no-untyped-def]
    good = "Breil;;Quelqu'un de bien;;07 61 00 00 01;;;copil;"
    report = load(f"{HEADINGS}\n{lines}\n{good}\n")
    assert any(said in str(problem) for problem in report.problems), [str(problem) for problem in report.problems]
    assert people(db, office) == {}


def test_councils_are_made_only_when_asked_for(db: Database, office: Office, load) -> None:  # type: ignore[no-untyped-def]
    text = (
        f"{HEADINGS}\nDervallières;Nantes;Awa;;;;;copil;\nDERVALLIERES;Nantes;Paul;;;;;;\n"
        "Dervallières;Angers;Zoé;;;;;;\n"
    )
    assert len(load(text).problems) == 3
    report = load(text, create=True)
    assert report.problems == ()
    assert report.new_councils == ("Dervallières", "Dervallières")
    assert {name: each["council"] for name, each in people(db, office).items()} == {
        "Awa": "dervallieres",
        "Paul": "dervallieres",
        "Zoé": "dervallieres-angers",
    }


def test_a_new_number_takes_the_place_of_the_old_one_and_can_come_back(
    db: Database, office: Office, councils: None, load
) -> None:  # type: ignore[no-untyped-def]
    line = f"{HEADINGS}\nBellevue;;Awa Diallo;;%s;;;copil;\n"
    load(line % "06 12 34 56 78")
    report = load(line % "06 99 99 99 99")
    assert report.count("changed") == 1
    assert people(db, office)["Awa Diallo"]["ways"] == [("sms", "+33699999999")]
    load(line % "06 12 34 56 78")
    assert people(db, office)["Awa Diallo"]["ways"] == [("sms", "+33612345678")]
    assert {change.what for change in load(line % "06 12 34 56 78").changes} == {"same"}


def test_an_address_that_the_person_wrote_from_stays(
    db: Database, office: Office, now: datetime, councils: None, load
) -> None:  # type: ignore[no-untyped-def]
    line = f"{HEADINGS}\nBellevue;;Awa Diallo;;%s;;;copil;\n"
    load(line % "06 12 34 56 78")

    def hear(session: Session) -> None:
        row = directory.find(session, office.vault, Address("sms", "+33612345678"))
        assert row is not None
        row.last_heard_at = now

    db.transact(hear)
    load(line % "06 99 99 99 99")
    assert people(db, office)["Awa Diallo"]["ways"] == [("sms", "+33612345678"), ("sms", "+33699999999")]


def test_who_wrote_before_being_listed_is_known_from_then_on(
    db: Database, office: Office, now: datetime, councils: None, load
) -> None:  # type: ignore[no-untyped-def]
    kept = db.transact(lambda s: directory.keep(s, office.vault, Address("sms", "+33612345678"), now).id)
    load(GOOD_LINES)
    person = db.look(lambda s: directory.person_at(s, kept))
    assert person is not None
    assert person.name == "Awa Diallo"
    assert len(db.look(lambda s: s.exec(select(AddressRow)).all())) == 6


def test_an_address_of_someone_else_is_refused_and_a_new_family_name_is_not(
    db: Database, office: Office, councils: None, load
) -> None:  # type: ignore[no-untyped-def]
    load(GOOD_LINES)
    stranger = load(f"{HEADINGS}\nBellevue;;Luc Petit;;06 12 34 56 78;;;;\n")
    assert [str(problem) for problem in stranger.problems] == [
        "ligne 2, colonne téléphone : 06 •• •• •• 78 est déjà l'adresse de Awa Diallo"
    ]
    mixed = load(f"{HEADINGS}\nBellevue;;Paul Le Goff;;06 12 34 56 78;;;;\n")
    assert len(mixed.problems) == 1
    married = load(f"{HEADINGS}\nBellevue;;Awa Morvan;;06 12 34 56 78;;;copil, cotech;\n")
    assert (married.problems, married.changes[0].details) == ((), ("nom : Awa Diallo -> Awa Morvan",))
    assert "Awa Morvan" in people(db, office)


def test_one_person_may_sit_for_two_councils(db: Database, office: Office, councils: None, load) -> None:  # type: ignore[no-untyped-def]
    text = f"{HEADINGS}\nBellevue;;Awa;;0612345678;;;copil;\nBreil;;Awa;;0612345678;;;copil;\n"
    report = load(text)
    assert (report.problems, report.count("new")) == ((), 1)
    found = people(db, office)["Awa"]
    assert (found["council"], found["seats"]) == ("bellevue", [("copil", "titulaire"), ("copil", "titulaire")])
    assert {change.what for change in load(text).changes} == {"same"}
    assert {change.what for change in load(text.replace("Bellevue;;Awa;;0612345678;;;copil;\n", "")).changes} == {
        "same"
    }


def test_a_seat_that_is_no_longer_listed_ends_and_may_begin_again(
    db: Database, office: Office, councils: None, load
) -> None:  # type: ignore[no-untyped-def]
    line = f"{HEADINGS}\nBellevue;;Awa;;0612345678;;;%s;\n"
    load(line % "copil, cotech")
    report = load(line % "cotech suppléante")
    assert set(report.changes[0].details) == {
        "siège : comité technique (suppléant), Conseil citoyen de Bellevue",
        "ne siège plus : COPIL, Conseil citoyen de Bellevue",
    }
    assert people(db, office)["Awa"]["seats"] == [("cotech", "suppleant")]
    load(line % "copil, cotech suppléante", later=1)
    assert people(db, office)["Awa"]["seats"] == [("copil", "titulaire"), ("cotech", "suppleant")]


def test_a_file_without_the_seat_column_leaves_seats_alone(db: Database, office: Office, councils: None, load) -> None:  # type: ignore[no-untyped-def]
    load(GOOD_LINES)
    report = load("conseil;nom;langue\nBellevue;Awa Diallo;turc\n")
    assert report.changes[0].details == ("langue : fr -> tr",)
    assert people(db, office)["Awa Diallo"]["seats"] == [("copil", "titulaire"), ("cotech", "titulaire")]


def test_who_changes_council_leaves_the_seats_of_the_old_one(
    db: Database, office: Office, councils: None, load
) -> None:  # type: ignore[no-untyped-def]
    load(f"{HEADINGS}\nBellevue;;Awa;;0612345678;;;copil;\n")
    report = load(f"{HEADINGS}\nBreil;;Awa;;0612345678;;;copil;\n")
    assert "ne siège plus : COPIL, Conseil citoyen de Bellevue" in report.changes[0].details
    found = people(db, office)["Awa"]
    assert (found["council"], found["seats"]) == ("breil", [("copil", "titulaire")])


def test_the_list_shows_no_whole_number(db: Database, office: Office, councils: None, load) -> None:  # type: ignore[no-untyped-def]
    load(GOOD_LINES)
    shown = db.look(members.listed_members, office, "Bellevue")
    assert [member.name for member in shown] == ["Awa Diallo", "Paul Le Goff"]
    assert shown[0].ways == ("SMS 06 •• •• •• 78", "e-mail a•••@exemple.fr")
    with pytest.raises(LookupError, match="inconnu"):
        db.look(members.listed_members, office, "Ailleurs")


def test_a_role_alone_is_a_seat_on_the_steering_committee(db: Database, office: Office, councils: None, load) -> None:  # type: ignore[no-untyped-def]
    line = f"{HEADINGS}\nBellevue;;Awa;;0612345678;;;%s;\n"
    load(line % "titulaire")
    assert people(db, office)["Awa"]["seats"] == [("copil", "titulaire")]
    load(line % "suppléante", later=1)
    assert people(db, office)["Awa"]["seats"] == [("copil", "suppleant")]
