"""The command line, as a technician and an officer use it: what it says, what it changes, how it ends."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import select
from typer.testing import CliRunner

from bot import app, commands, library, office, settings
from bot.__main__ import app as hotline_app
from channels.contract import Undeliverable
from channels.mailbox import InboxRow, OutboxRow
from escalation.tickets import Ticket
from knowledge import entries, seed
from knowledge.matching import Index
from tests.peers.postgres import Postgres
from tests.town import OFFICER, Town

SECRET = "une clé pour les essais, assez longue pour en être une"
KNOWN = "c'est quoi le COPIL ?"
UNKNOWN = "Qui a repeint le banc devant chez Malik mardi dernier ?"
ENVIRONMENT = {"HOTLINE_SECRET": SECRET, "HOTLINE_OFFICER_EMAIL": OFFICER.handle, "COLUMNS": "200"}


@dataclass
class Hotline:
    """`hotline`, typed in a folder of its own; words in, what it said out."""

    folder: Path
    environment: dict[str, str]
    index: Index
    runner: CliRunner = field(default_factory=CliRunner)
    later: timedelta = timedelta()

    def __call__(self, *words: str, status: int = 0, typed: str | bytes = "", **changed: str) -> str:
        environment = self.environment | {f"HOTLINE_{name.upper()}": value for name, value in changed.items()}
        commands.installation.cache_clear()
        try:
            done = self.runner.invoke(hotline_app, list(words), input=typed, env=environment)
        finally:
            if commands.installation.cache_info().currsize:
                commands.installation().db.close()
            commands.installation.cache_clear()
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == status, done.output
        return done.output

    @contextlib.contextmanager
    def house(self) -> Iterator[app.House]:
        found = app.build(settings.read(self.environment))
        try:
            yield found
        finally:
            found.db.close()

    @contextlib.contextmanager
    def town(self) -> Iterator[Town]:
        """People who write to this installation, and its loops at work."""
        with self.house() as house:
            self.later += timedelta(minutes=1)  # each time after what the one before kept waiting
            yield Town(house.db, house.office, self.index, house.now() + self.later)

    def count(self, table: type) -> int:
        with self.house() as house:
            return house.db.look(lambda session: session.exec(select(sa.func.count()).select_from(table)).one())

    def write(self, name: str, text: str | bytes) -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)


def prepared(url: str, index: Index, folder: Path) -> None:
    """Tables, entries, the officer, and the index of a dozen entries under the name that the commands look for."""
    house = app.build(settings.read(ENVIRONMENT | {"HOTLINE_DATABASE_URL": url}))
    try:
        app.prepare(house)
        index.save(folder / "index.npz")
        name = house.db.look(library.wanted, house.today())
        house.db.transact(entries.keep_index, name, (folder / "index.npz").read_bytes(), house.now())
    finally:
        house.db.close()


@pytest.fixture(scope="session")
def ready(index: Index, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], None]:
    """Prepares a database for the commands, the same for all of them."""
    folder = tmp_path_factory.mktemp("ready")
    return lambda url: prepared(url, index, folder)


@pytest.fixture(scope="session")
def ready_file(ready: Callable[[str], None], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "hotline.db"
    ready(f"sqlite:///{path}")
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def hotline(
    request: pytest.FixtureRequest,
    index: Index,
    ready: Callable[[str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Hotline]:
    """A prepared installation in an empty folder."""
    for name in [name for name in os.environ if name.startswith("HOTLINE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("ready_file"), tmp_path / "hotline.db")
        yield Hotline(tmp_path, ENVIRONMENT | {"HOTLINE_DATABASE_URL": f"sqlite:///{tmp_path}/hotline.db"}, index)
        return
    server: Postgres = request.getfixturevalue("postgres")
    url = server.database(ready)
    yield Hotline(tmp_path, ENVIRONMENT | {"HOTLINE_DATABASE_URL": url}, index)
    server.drop(url)


@pytest.fixture
def on_sqlite(ready_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, index: Index) -> Hotline:
    """A prepared installation where one program does everything."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(ready_file, tmp_path / "hotline.db")
    return Hotline(tmp_path, ENVIRONMENT | {"HOTLINE_DATABASE_URL": f"sqlite:///{tmp_path}/hotline.db"}, index)


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, index: Index) -> Hotline:
    """An empty folder: nothing was ever run in it."""
    for name in [name for name in os.environ if name.startswith("HOTLINE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return Hotline(tmp_path, {"COLUMNS": "200"}, index)


# --- ask --------------------------------------------------------------------------------------------------------------


def test_ask_says_the_answer_and_keeps_nothing(hotline: Hotline) -> None:
    said = hotline("ask", KNOWN)
    assert said.startswith("Réponse (")
    assert "comité de pilotage" in said
    assert "Source : " in said
    assert hotline("ask", UNKNOWN).startswith("À l'équipe (")
    assert [hotline.count(table) for table in (InboxRow, OutboxRow, Ticket)] == [0, 0, 0]


def test_ask_in_json(hotline: Hotline) -> None:
    told = json.loads(hotline("ask", KNOWN, "--json", "--channel", "sms"))
    assert list(told) == ["id", "decision", "entry", "entries", "confidence", "candidates", "text"]
    assert (told["decision"], told["entry"], told["entries"]) == ("answer", "copil-role", ["copil-role"])
    assert 0.5 < told["confidence"] <= 1
    assert told["candidates"][0]["entry"] == "copil-role"
    handed = json.loads(hotline("ask", UNKNOWN, "--json"))
    assert (handed["decision"], handed["entry"], handed["entries"]) == ("escalate", None, [])
    command = json.loads(hotline("ask", "AIDE", "--json"))
    assert command["decision"] == "command"


def test_ask_line_by_line_says_which_line_cannot_be_read(hotline: Hotline) -> None:
    lines = [
        json.dumps({"id": 1, "q": KNOWN, "channel": "sms"}),
        "pas du JSON",
        json.dumps({"id": "deux"}),
        json.dumps([1, 2]),
        json.dumps({"id": 3, "q": UNKNOWN, "channel": "../.."}),
        json.dumps({"id": 4, "q": "\ud83d"}),
        json.dumps({"id": 5, "q": UNKNOWN}),
    ]
    source = "\n".join(lines).encode() + b"\n\xff\xfe\n\n"
    for name, typed in ((hotline.write("q.jsonl", source), b""), ("-", source)):
        said = hotline("ask", "--jsonl", name, typed=typed, status=1)
        told = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        assert len(told) == 8
        assert [each.get("decision", "error") for each in told] == [
            "answer", "error", "error", "error", "error", told[5]["decision"], "escalate", "error",
        ]  # fmt: skip
        assert [each["id"] for each in told] == [1, None, "deux", None, 3, 4, 5, None]
        assert all(set(each) == {"id", "error"} for each in told if "error" in each)
        assert "5 ligne(s) illisible(s)." in said


def test_ask_without_a_question_or_a_file_says_so(hotline: Hotline) -> None:
    assert "Écrivez une question" in hotline("ask", status=1)
    assert "rien.jsonl ne s'ouvre pas" in hotline("ask", "--jsonl", "rien.jsonl", status=1)


# --- tickets ----------------------------------------------------------------------------------------------------------


def test_tickets_are_listed_shown_answered_confirmed_and_closed(hotline: Hotline) -> None:
    assert "Aucune question n'attend" in hotline("tickets")
    with hotline.town() as town:
        for who in ("w1", "w2", "w3"):
            town.say("web", who, UNKNOWN)
        notice = town.notices()[1]
        town.say("email", "intrus@exemple.net", "Appelez plutôt Samira.", token=notice.token)
    listed = hotline("tickets")
    assert re.search(r"^1 +à répondre .* Une personne +la page web +Qui a repeint le banc", listed, re.MULTILINE)
    shown = hotline("tickets", "show", "2")
    assert UNKNOWN in shown
    assert "BROUILLON" in shown
    assert "Appelez plutôt Samira." in shown
    assert "Rien n'est envoyé" in hotline("tickets", "answer", "1", "C'est Paul.", typed="n\n", status=1)
    assert "C'est Paul." in hotline("tickets", "answer", "1", typed="C'est Paul.\ny\n")
    assert "Samira" in hotline("tickets", "confirm", "2")
    assert "La question n° 3 est fermée." in hotline("tickets", "close", "3", "--reason", "doublon")
    assert "Aucune question n'attend" in hotline("tickets")
    everything = hotline("tickets", "--all")
    assert everything.count("répondue") == 2
    assert everything.count("fermée") == 1
    with hotline.town() as town:
        assert "C'est Paul." in town.read("web", "w1")[-1]
        assert "Appelez plutôt Samira." in town.read("web", "w2")[-1]
        assert len(town.read("web", "w3")) == 1


def test_a_ticket_that_is_not_there_is_said_in_one_line(hotline: Hotline) -> None:
    for words in (["show"], ["answer", "--yes"], ["confirm"], ["close"]):
        said = hotline("tickets", words[0], "99", *(["Oui."] if words[0] == "answer" else []), *words[1:], status=1)
        assert said == "La question n° 99 n'existe pas.\n"
    with hotline.town() as town:
        town.say("web", "w1", UNKNOWN)
    assert "n'a pas de réponse en attente d'accord" in hotline("tickets", "confirm", "1", status=1)
    assert "La réponse est vide" in hotline("tickets", "answer", "1", "   ", typed=" \n", status=1)


# --- inbox and outbox -------------------------------------------------------------------------------------------------


def test_the_outbox_shows_what_failed_and_tries_again_or_drops_it(hotline: Hotline) -> None:
    assert "Aucun message n'attend de partir." in hotline("outbox")
    assert "Aucun message reçu n'attend." in hotline("inbox")
    with hotline.town() as town:
        town.channels["telegram"].refuse = [Undeliverable("la personne a bloqué le robot"), Undeliverable("encore")]
        town.say("telegram", "42", KNOWN)
        assert town.read("telegram", "42") == []
    shown = hotline("outbox")
    first, second = re.findall(r"^(\d+) +non envoyé +Telegram .* 1 +", shown, re.MULTILINE)
    assert "la personne a bloqué le robot" in shown
    assert f"Le message n° {first} repart." in hotline("outbox", "retry", first)
    assert f"Le message n° {second} est écarté." in hotline("outbox", "drop", second, "--reason", "déjà dit")
    with hotline.town() as town:
        town.pass_time(seconds=1)
        town.work()
        assert len(town.read("telegram", "42")) == 1
    assert "n'existe pas, ou n'est pas arrêté" in hotline("outbox", "retry", first, status=1)
    assert "est déjà traité" in hotline("outbox", "drop", second, "--reason", "encore", status=1)
    assert "Missing option" in hotline("outbox", "drop", second, status=2)
    assert hotline("audit", "verify") == "La trace est entière.\n"


def test_the_inbox_shows_what_stopped_and_takes_it_up_again(hotline: Hotline) -> None:
    with hotline.town() as town:
        town.hear("web", "w1", KNOWN)
        held = sa.update(InboxRow).values(state="held", reason="5 essais interrompus")
        town.db.transact(lambda session: session.execute(held) and None)
    assert re.search(r"^1 +arrêté +la page web .* 5 essais interrompus", hotline("inbox"), re.MULTILINE)
    assert "Le message n° 1 repart." in hotline("inbox", "retry", "1")
    with hotline.town() as town:
        town.pass_time(seconds=5)
        town.work()
        assert "Source" in town.read("web", "w1")[-1]
    assert "est déjà traité" in hotline("inbox", "drop", "1", "--reason", "essai", status=1)


# --- knowledge --------------------------------------------------------------------------------------------------------


def a_file(slug: str = "gloss-qpv") -> Path:
    (found,) = seed.CONTENT.glob(f"*/{slug}.md")
    return found


def test_knowledge_check_passes_the_base_and_names_file_and_line_of_what_is_broken(hotline: Hotline) -> None:
    assert "rien à corriger" in hotline("knowledge", "check", "--quick")
    text = a_file().read_text("utf-8")
    where = hotline.folder / "fiches"
    hotline.write("fiches/glossary/gloss-qpv.md", re.sub(r"(?m)^slug = .*$", 'slug = "autre-nom"', text))
    hotline.write("fiches/glossary/mal-forme.md", "+++\nslug = \n+++\nBonjour\n")
    hotline.write("fiches/glossary/latin.md", "Échéance".encode("latin-1"))
    said = hotline("knowledge", "check", str(where), status=1)
    for name in ("gloss-qpv.md", "mal-forme.md", "latin.md"):
        assert re.search(rf"{re.escape(name)}:\d+", said), name
    assert re.search(r"mal-forme\.md:2", said)
    assert "à corriger dans 3 fiche(s)" in said
    assert "Rien n'est chargé" in hotline("knowledge", "load", str(where), status=1)
    assert "Rien n'est importé" in hotline("knowledge", "import", str(where), status=1)


def test_knowledge_goes_out_byte_for_byte_and_comes_back_unchanged(hotline: Hotline) -> None:
    said = hotline("knowledge", "export", "sorties")
    files = sorted(path.relative_to(seed.CONTENT) for path in seed.CONTENT.glob("*/*.md"))
    assert f"{len(files)} fiches écrites" in said
    written = hotline.folder / "sorties"
    assert sorted(path.relative_to(written) for path in written.glob("*/*.md")) == files
    changed = [str(f) for f in files if (written / f).read_bytes() != (seed.CONTENT / f).read_bytes()]
    assert changed == []
    assert "n'est pas vide" in hotline("knowledge", "export", "sorties", status=1)
    assert re.search(
        rf"0 nouvelle\(s\), 0 changée\(s\), {len(files)} inchangée", hotline("knowledge", "import", "sorties")
    )


def test_knowledge_import_shows_first_and_then_changes_and_a_load_keeps_it(hotline: Hotline) -> None:
    text = a_file().read_text("utf-8")
    title = re.search(r'(?m)^title = "(.*)"$', text)
    assert title
    hotline.write("fiches/glossary/gloss-qpv.md", text.replace(title[0], 'title = "Les quartiers, en bref"'))
    shown = hotline("knowledge", "import", "fiches", "--dry-run")
    assert "gloss-qpv : changée title" in shown
    assert "Rien n’est écrit" in shown
    assert "gloss-qpv : changée title" in hotline("knowledge", "import", "fiches", "--reason", "plus court")
    assert "gloss-qpv" not in hotline("knowledge", "import", "fiches")
    versions = hotline("knowledge", "versions", "gloss-qpv")
    assert len(re.findall(r"^\d+ ", versions, re.MULTILINE)) == 2
    assert "plus court" in versions
    assert "0 mise(s) à jour" in hotline("knowledge", "load")
    shutil.copytree(seed.CONTENT, hotline.folder / "livrees")
    hotline.write("livrees/glossary/gloss-qpv.md", text.replace(title[0], 'title = "Les quartiers, livrés autrement"'))
    assert "Gardées telles que changées ici : gloss-qpv" in hotline("knowledge", "load", "livrees")
    assert "gloss-qpv" not in hotline("knowledge", "import", "fiches", "--dry-run")
    assert "n'existe pas" in hotline("knowledge", "import", "ailleurs", status=1)


def test_a_piece_of_news_is_published_seen_and_retired(hotline: Hotline) -> None:
    news = ["--title", "La maison de quartier rouvre", "--text", "La maison de quartier rouvre lundi 4 janvier 2027."]
    with hotline.house() as house:
        last = (house.today() + timedelta(days=60)).isoformat()
        today = house.today().isoformat()
    more = ["--expires", last, "--source", "Mairie de Nantes", "--date", today]
    said = hotline("knowledge", "news", *news, *more)
    slug = f"actu-{today}-la-maison-de-quartier-rouvre"
    assert f"Publié sous « {slug} », jusqu'au {office.in_full_iso(last)}." in " ".join(said.split())
    preview = hotline("knowledge", "preview", slug)
    assert preview.count("rouvre lundi 4 janvier") == 4
    assert re.search(r"sms : \d+ caractères, \d SMS", preview)
    assert slug in hotline("knowledge", "review", "--days", "90")
    assert "n'est plus répondue" in hotline("knowledge", "retire", slug)
    assert "Aucune fiche publiée" in hotline("knowledge", "preview", slug, status=1)
    assert "Aucune fiche publiée" in hotline("knowledge", "retire", slug, status=1)
    assert "Aucune fiche ne s'appelle" in hotline("knowledge", "versions", "rien", status=1)
    bad = hotline("knowledge", "news", *news, *more[:1], "bientôt", *more[2:], status=1)
    assert bad.startswith("Rien n'est publié :")


# --- members and committees -------------------------------------------------------------------------------------------


def test_members_are_shown_first_then_imported_all_or_none(hotline: Hotline) -> None:
    good = "conseil;nom;téléphone;email\nBellevue;Awa Diallo;06 12 34 56 78;awa@exemple.org\nBellevue;Zoé;;\n"
    bad = "conseil;nom;téléphone\nBellevue;Paul;06 12\nAilleurs;Marc;\nBellevue;;\n"
    path = hotline.write("membres.csv", b"\xef\xbb\xbf" + good.encode())
    assert "Bellevue" in hotline("members", "import", path, status=1), "the council is not known"
    shown = hotline("members", "import", path, "--dry-run", "--create-councils")
    assert "2 personne(s) : 2 nouveau(s)" in shown
    assert "Essai : rien n'est écrit" in shown
    assert "Personne encore" in hotline("members", "list")
    assert "2 nouveau(s)" in hotline("members", "import", path, "--create-councils")
    assert "0 nouveau(s), 0 changé(s), 2 inchangé(s)" in hotline("members", "import", path)
    listed = hotline("members", "list")
    assert "Awa Diallo" in listed
    assert "12 34 56" not in listed
    assert "awa@exemple.org" not in listed
    said = hotline("members", "import", hotline.write("mauvais.csv", bad.encode("cp1252")), status=1)
    for line in (2, 3, 4):
        assert re.search(rf"(?i)ligne {line}\b", said), line
    assert "3 erreur(s). Rien n'est écrit" in said
    assert "Paul" not in hotline("members", "list")
    assert "fichier introuvable" in hotline("members", "import", "rien.csv", status=1)
    assert "mauvais.csv" in hotline("members", "import", hotline.write("mauvais.csv", "a;b\n1;2\n"), status=1)


def test_a_meeting_alone_and_one_that_is_not_there_have_no_series_to_stop(hotline: Hotline) -> None:
    hotline("members", "import", hotline.write("m.csv", "conseil;nom\nBellevue;Awa Diallo\n"), "--create-councils")
    with hotline.house() as house:
        day = house.today() + timedelta(days=40)
    sheet = f"titre;conseils;date;heure;lieu\nComité de pilotage;Bellevue;{day:%d/%m/%Y};18h30;12 rue des Lilas\n"
    hotline("committees", "import", hotline.write("comites.csv", sheet.encode("cp1252")))
    assert "ne se répète pas" in hotline("committees", "stop", "1", status=1)
    assert "Aucune réunion" in hotline("committees", "stop", "99", status=1)


def test_committees_are_shown_first_then_imported_moved_and_cancelled(hotline: Hotline) -> None:
    hotline("members", "import", hotline.write("m.csv", "conseil;nom\nBellevue;Awa Diallo\n"), "--create-councils")
    with hotline.house() as house:
        day = house.today() + timedelta(days=40)
    head = "titre;conseils;date;heure;lieu\n"
    good = f"{head}Comité de pilotage;Bellevue;{day:%d/%m/%Y};18h30;12 rue des Lilas\n"
    path = hotline.write("comites.csv", good.encode("cp1252"))
    shown = hotline("committees", "import", path, "--dry-run")
    assert "1 réunion(s) : 1 nouvelle(s)" in shown
    assert "Aucune réunion à venir" in hotline("committees", "list")
    hotline("committees", "import", path)
    assert "Comité de pilotage" in hotline("committees", "list")
    assert "19 h" in hotline("committees", "move", "1", "--hour", "19:00")
    assert "Dites ce qui change" in hotline("committees", "move", "1", status=1)
    assert hotline("committees", "move", "99", "--hour", "19:00", status=1).count("\n") == 1
    hotline("committees", "cancel", "1")
    assert "annulée" in hotline("committees", "list") or "Aucune réunion" in hotline("committees", "list")
    wrong = ("Bellevue;01/02/2020;18:00", "Bellevue;31/02/2027;18:00", f"Nulle part;{day:%d/%m/%Y};18:00")
    bad = head + "".join(f"Comité;{each};ici\n" for each in wrong)
    said = hotline("committees", "import", hotline.write("mauvais.csv", bad), status=1)
    for line in (2, 3, 4):
        assert re.search(rf"(?i)ligne {line}\b", said), line
    assert "Rien n'est écrit" in said
    ics = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1@x\r\nDTSTAMP:20261101T090000Z\r\n"
    ics += f"DTSTART:{day:%Y%m%d}T170000Z\r\nSUMMARY:COPIL de printemps\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    assert "1 nouvelle(s)" in hotline("committees", "import", hotline.write("c.ics", ics), "--council", "Bellevue")
    assert "COPIL de printemps" in hotline("committees", "list")
    assert "casse.ics : " in hotline("committees", "import", hotline.write("casse.ics", "BEGIN:VCAL"), status=1)


# --- keeping ----------------------------------------------------------------------------------------------------------


def test_a_backup_comes_back_in_a_new_base(hotline: Hotline, tmp_path: Path) -> None:
    with hotline.town() as town:
        town.say("web", "w1", UNKNOWN)
    said = hotline("backup", "tout.zip")
    assert re.search(r"^\d+ lignes sauvegardées dans tout.zip", said)
    assert "HOTLINE_SECRET" in said
    assert "existe déjà" in hotline("backup", "tout.zip", status=1)
    assert "n'est pas vide" in hotline("restore", "tout.zip", status=1)
    fresh = f"sqlite:///{tmp_path}/neuve/hotline.db"
    assert "lignes restaurées" in hotline("restore", "tout.zip", database_url=fresh)
    assert UNKNOWN in hotline("tickets", "show", "1", database_url=fresh)
    assert hotline("audit", "verify", database_url=fresh) == "La trace est entière.\n"
    another = f"sqlite:///{tmp_path}/autre/hotline.db"
    assert "n'existe pas" in hotline("restore", "rien.zip", status=1, database_url=another)
    hotline.write("faux.zip", "ce n'est pas un zip")
    assert "Rien n'est restauré" in hotline("restore", "faux.zip", status=1, database_url=another)


def test_the_example_comes_and_goes_without_a_trace(hotline: Hotline) -> None:
    assert "Il n'y a pas d'exemple ici." in hotline("demo", "remove")
    assert "L'exemple est là." in hotline("demo", "add")
    assert "L'exemple était déjà là." in hotline("demo", "add")
    assert "(exemple)" in hotline("committees", "list")
    with hotline.town() as town:
        town.work(ticks=True)
    assert hotline.count(OutboxRow) > 2  # both members, and what the officer should know
    assert "L'exemple est enlevé." in hotline("demo", "remove")
    assert "Aucune réunion à venir" in hotline("committees", "list")
    assert "Personne encore" in hotline("members", "list")
    assert hotline.count(OutboxRow) == 0


def test_a_trace_that_someone_changed_is_found(hotline: Hotline) -> None:
    with hotline.town() as town:
        town.say("web", "w1", UNKNOWN)
    hotline("tickets", "answer", "1", "C'est Paul.", "--yes")
    assert hotline("audit", "verify") == "La trace est entière.\n"
    engine = sa.create_engine(hotline.environment["HOTLINE_DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        table = sa.Table("audit_lines", sa.MetaData(), autoload_with=connection)
        triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_lines'"
        if engine.dialect.name == "sqlite":  # someone with the file in hand
            for (name,) in connection.execute(sa.text(triggers)).all():
                connection.execute(sa.text(f"DROP TRIGGER {name}"))
        else:
            connection.execute(sa.text("ALTER TABLE audit_lines DISABLE TRIGGER USER"))
        connection.execute(sa.update(table).where(table.c.id == 1).values(actor="quelqu'un"))
        connection.commit()
    engine.dispose()
    assert hotline("audit", "verify", status=1).startswith("La trace est rompue à la ligne 1")


# --- settings and roles -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("bind", "partout"),
        ("database_url", "mysql://x"),
        ("database_url", "n'importe quoi"),
        ("timezone", "Mars/Olympus"),
        ("answer_days", "bientôt"),
        ("secret", "court"),
        ("public_url", "hotline.fr"),
        ("officer_email", "nora"),
        ("email_address", "hotline@exemple.org"),
        ("telegram_token", "abc"),
    ],
)
def test_a_wrong_setting_is_one_clear_line(bare: Hotline, variable: str, value: str) -> None:
    said = bare("tickets", status=1, **{variable: value})
    assert said.startswith("Réglage incorrect. HOTLINE_"), said
    assert "Exemple : HOTLINE_" in said
    assert said.count("\n") == 1
    assert not (bare.folder / "var/data/hotline.db").exists()


def test_a_first_command_in_an_empty_folder_makes_what_it_needs(bare: Hotline) -> None:
    assert "Aucune question n'attend" in bare("tickets")
    key = bare.folder / "var/keys/secret"
    assert key.stat().st_mode & 0o777 == 0o600
    assert (bare.folder / "var/data/hotline.db").exists()
    assert "Aucune question n'attend" in bare("tickets")


def test_roles_that_cannot_be_are_refused(on_sqlite: Hotline) -> None:
    said = on_sqlite("run", "web", "danser", status=1)
    assert "Rôle inconnu : danser. Possibles : web, listen, route, deliver, tick." in said
    assert "Avec SQLite, un seul programme fait tout" in on_sqlite("run", "web", status=1)


def test_a_second_program_on_the_same_base_is_refused(on_sqlite: Hotline) -> None:
    with on_sqlite.house() as house, app.alone(house):
        assert "La hotline tourne déjà sur cette base" in on_sqlite("run", status=1)
        assert "arrêtez-la d'abord" in on_sqlite("restore", on_sqlite.write("s.zip", "x"), status=1)


def test_a_base_that_does_not_answer_or_is_behind_is_said(bare: Hotline, postgres: Postgres) -> None:
    away = "postgresql://hotline@127.0.0.1:9/hotline"
    for words in (["tickets"], ["run"], ["migrate"]):
        assert "La base de données ne répond pas" in bare(*words, status=1, database_url=away)
    assert "NON Base de données" in bare("check", status=1, database_url=away)
    behind = postgres.database()
    assert "Lancez d'abord : hotline migrate" in bare("tickets", status=1, database_url=behind)
    assert "Lancez d'abord : hotline migrate" in bare("run", status=1, database_url=behind)
    postgres.drop(behind)


# --- as programs of their own -----------------------------------------------------------------------------------------


def program(hotline: Hotline, *words: str, typed: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    root = str(Path(app.__file__).parent.parent)
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": root, "PYTHONIOENCODING": "utf-8:strict"}
    environment |= hotline.environment
    command = [sys.executable, "-m", "bot", *words]
    return subprocess.run(command, input=typed, env=environment, cwd=hotline.folder, capture_output=True, timeout=60)


def test_hotline_alone_says_what_it_can_do(bare: Hotline) -> None:
    done = program(bare)
    said = (done.stdout + done.stderr).decode()
    for word in ("run", "check", "ask", "chat", "tickets", "members", "committees", "knowledge", "backup"):
        assert re.search(rf"\b{word}\b", said), word
    assert "Traceback" not in said


def test_chat_answers_whatever_is_typed(on_sqlite: Hotline) -> None:
    samples = sorted((Path(__file__).parents[1] / "channels/terminal/samples").iterdir())
    assert len(samples) >= 3
    typed = b"".join(path.read_bytes().rstrip(b"\n") + b"\n" for path in samples)
    done = program(on_sqlite, "chat", typed=typed)
    said = done.stdout.decode()
    assert done.returncode == 0, done.stderr.decode()
    assert said.count("Hotline :") == typed.count(b"\n")
    assert said.count("Source") == len([path for path in samples if path.stem.startswith("copil")])
    assert "Traceback" not in done.stderr.decode()


# --- the team ---------------------------------------------------------------------------------------------------------


def test_the_team_is_made_listed_and_changed(hotline: Hotline) -> None:
    assert "reçoit maintenant" in hotline("officer", "add", "sam@exemple.org", "--name", "Sam", "--role", "officer")
    assert "déjà celle" in hotline("officer", "add", "sam@exemple.org", status=1)
    assert "adresse e-mail" in hotline("officer", "add", "sam", status=1)
    assert re.search(r"Sam +sam@exemple.org +officer +tous", hotline("officer", "list"))
    assert "administrator" in hotline("officer", "list")
    assert "doit garder l'administration" in hotline("officer", "role", OFFICER.handle, "reader", status=1)
    assert "est inconnu" in hotline("officer", "role", "sam@exemple.org", "roi", status=1)
    assert "deputy" in hotline("officer", "role", "sam@exemple.org", "deputy")
    assert "Conseil inconnu" in hotline("officer", "councils", "sam@exemple.org", "Nulle part", status=1)
    assert "tous les conseils" in hotline("officer", "councils", "sam@exemple.org")
    with hotline.house() as house:
        first, last = house.today(), house.today() + timedelta(days=9)
    days = (f"{first:%d/%m/%Y}", f"{last:%d/%m/%Y}")
    said = hotline("officer", "absent", OFFICER.handle, *days, "--deputy", "sam@exemple.org")
    assert "absence du" in said
    assert "absence jusqu'au" in hotline("officer", "list")
    assert "avant le départ" in hotline("officer", "absent", OFFICER.handle, *days[::-1], status=1)
    assert "n'est pas une date" in hotline("officer", "absent", OFFICER.handle, "demain", "hier", status=1)
    assert "n'est pas une adresse de l'équipe" in hotline("officer", "role", "x@exemple.org", "reader", status=1)
    assert "ne fait plus partie" in hotline("officer", "role", "sam@exemple.org", "none")
    assert "officer changed" in hotline("audit", "show", "--about", "officer")
    assert hotline("audit", "verify") == "La trace est entière.\n"


def test_what_is_kept_long_enough_is_counted_then_erased_from_the_files(hotline: Hotline) -> None:
    with hotline.town() as town:
        town.at -= timedelta(days=60)
        town.say("web", "w1", "c'est quoi le COPIL, demande Zénobie ?")
    said = hotline("purge", "--dry-run")
    assert re.search(
        r"Questions +30 jours après une réponse automatique, 12 mois après une personne +1\s*$", said, re.M
    )
    assert "rien n'est effacé" in said
    assert "la base est réécrite" in hotline("purge")
    assert not re.search(r" [1-9]\d*\s*$", hotline("purge", "--dry-run"), re.M)
    assert "Questions : 1, Messages" in hotline("audit", "show"), "what went, in French"
    for path in hotline.folder.glob("hotline.db*"):
        assert "Zénobie".encode() not in path.read_bytes()


def test_seats_are_given_and_taken_from_the_command_line(hotline: Hotline) -> None:
    hotline("demo", "add")
    seats = ("committees", "seats", "--council", "exemple")
    said = hotline(*seats, "--add", "awa exemple", "--type", "cotech", "--alternate", "--date", "01/09/2026")
    assert "Awa Exemple siège : comité technique, suppléant depuis le mardi 1er septembre 2026." in said
    line = next(each for each in hotline("committees", "seats").splitlines() if "comité technique" in each)
    assert re.search(r"Awa Exemple\s+suppléant\s+mardi 1er septembre 2026", line)
    assert "ne peut pas finir avant" in hotline(*seats, "--remove", "Awa", "--type", "cotech", "--date", "1/8/2026",
                                               status=1)  # fmt: skip
    assert "Awa Exemple ne siège plus (comité technique)" in hotline(*seats, "--remove", "Awa", "--type", "cotech")
    assert "n'a pas de place (comité technique)" in hotline(*seats, "--remove", "Awa", "--type", "cotech", status=1)
    assert "comité technique" not in hotline("committees", "seats")
    assert "Personne ne s'appelle « Zorro »" in hotline(*seats, "--add", "Zorro", status=1)
    assert "Aucun siège pour « training »" in hotline(*seats, "--add", "Awa", "--type", "training", status=1)
    assert "Plusieurs personnes portent ce nom" in hotline(*seats, "--add", "Exemple", status=1)
    assert "pour quel conseil" in hotline("committees", "seats", "--add", "Awa", status=1)
    assert "conseil inconnu" in hotline("committees", "seats", "--add", "Awa", "--council", "Atlantide", status=1)
    assert "Une seule chose" in hotline(*seats, "--add", "Awa", "--remove", "Awa", status=1)
    assert "Ajoutez --add" in hotline(*seats, status=1)
    assert "au calendrier" in hotline(*seats, "--add", "Awa", "--date", "32/13/2026", status=1)
    assert hotline("audit", "show").count("seat changed") == 2


def test_a_step_of_the_plan_is_changed_from_the_command_line(hotline: Hotline) -> None:
    def line(step: str) -> str:
        return next(each for each in hotline("committees", "plan").splitlines() if each.split()[0] == step)

    edit = ("committees", "plan", "copil", "--step")
    assert "J-12" in hotline(*edit, "j-10", "--day", "J-12", "--hour", "9h30")
    assert re.search(r"J-12 .* 9 h 30 .*avant", line("j-10"))
    hotline(*edit, "J-15", "--off")
    assert line("j-15").endswith("désactivée")
    hotline(*edit, "j-15", "--on")
    assert not line("j-15").endswith("désactivée")
    hotline(*edit, "j-10", "--reset")
    assert re.search(r"J-10 .* 8 h 00", line("j-10"))
    assert "Aucune étape « j-99 »" in hotline(*edit, "j-99", "--day", "5", status=1)
    assert "n'est pas un jour" in hotline(*edit, "j-10", "--day", "mardi", status=1)
    assert "se fait avant" in hotline(*edit, "j-10", "--day", "J+2", status=1)
    assert "de 8 h à 20 h" in hotline(*edit, "j-10", "--hour", "3h", status=1)
    assert "ce qui change" in hotline(*edit, "j-10", status=1)
    assert "quelle étape" in hotline("committees", "plan", "--day", "J-8", status=1)
    assert hotline("audit", "show").count("plan changed") == 4
    more = ("committees", "plan", "cotech", "--add", "remind", "--day", "J-7")
    assert re.search(r"J-7 +rappeler +9 h 15", hotline(*more, "--hour", "9h15"))
    assert "déjà dans le plan" in hotline(*more, status=1)
    assert "--day JOUR" in hotline("committees", "plan", "--add", "remind", status=1)
    assert "action inconnue" in hotline("committees", "plan", "--add", "danser", "--day", "3", status=1).lower()


def test_a_season_from_the_command_line(hotline: Hotline, tmp_path: Path) -> None:
    hotline("demo", "add")
    add = ("committees", "add", "COPIL de Nantes", "--hour", "18:00", "--place", "mairie", "--council")
    number = re.search(r"n° (\d+)", hotline(*add, "exemple", "--date", "15/06/2028"))
    assert number is not None
    assert hotline(*add, "exemple", "--date", "1/1/2020", status=1)
    assert "conseil inconnu" in hotline(*add, "Atlantide", "--date", "15/06/2028", status=1)
    assert "Bilan" in hotline("committees", "agenda", number[1], "--item", "Bilan", "--item", "Budget")
    paper = tmp_path / "plan.pdf"
    paper.write_bytes(b"%PDF-1.4 rien")
    said = hotline("committees", "documents", number[1], "--file", str(paper), "--purpose", "situer", "--invited")
    assert "- plan" in said
    assert "confirmée" in hotline("committees", "confirm", number[1])
    assert "mairie" in hotline("committees", "show", number[1])
    assert "Aucune réunion n'a le numéro 99" in hotline("committees", "show", "99", status=1)
    assert "J-10" in hotline("committees", "plan")
    assert "Type inconnu" in hotline("committees", "plan", "copain", status=1)
    assert "Awa Exemple" in hotline("committees", "seats")
    assert "Aucun comité" in hotline("committees", "report", "--year", "2020")
    assert "Comité;" in hotline("committees", "report", "--csv")
    assert hotline("committees", "calls")
    assert "Personne à appeler" in hotline("committees", "calls", "99")
    assert "personne n'y siège" not in hotline("committees", "list")
    target = tmp_path / "out.ics"
    hotline("committees", "export", str(target))
    assert "BEGIN:VTIMEZONE" in target.read_text("utf-8")
    assert hotline("committees", "feed", "exemple")
    said = hotline("simulate", "--days", "12")
    assert "Awa Exemple (" in said
    assert "rappel, avec le dossier de préparation" in said
    assert "rien n'est parti" in said
    assert "Répondez 1 (je viens)" in hotline("simulate", "--days", "12", "--person", "awa")
    assert "ne recevrait rien" in hotline("simulate", "--days", "2", "--person", "Personne", status=1)
