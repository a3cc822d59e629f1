"""Who received what was wrong hears of it once, on their channel, after a yes; and the figures are public."""

import re
from dataclasses import replace

from sqlmodel import Session, select

from bot import audit
from bot.conversations import Given, Question
from bot.db import Database
from bot.desk import corrections, reliability
from channels import directory
from channels.contract import Address
from channels.directory import AddressRow, Council, Person
from channels.mailbox import OutboxRow
from knowledge import corrections as store
from knowledge import entries
from tests.knowledge.pages.test_entries import form_of, modify, standing
from tests.office import Bureau
from tests.town import Town

SLUG = "trouver-une-salle"
ASKED = "Où se réunir gratuitement ?"


def corrected(bureau: Bureau, slug: str = SLUG) -> str:
    """An hour later, Nora corrects the entry; the way of the correction."""
    bureau.town.pass_time(hours=1)  # what was asked of someone holds back what nobody waits for
    nora = bureau.signed_in()
    way = f"/bureau/fiches/{slug}/modifier"
    number = bureau.town.db.look(entries.versions, slug)[0].number
    typed = form_of(
        standing(bureau, slug), number, answer="Demandez au gardien. Il a la clé.", reason="le gardien a la clé"
    )
    return nora.post(way, typed | {"corrects": "1"}, page=way).url.path


def sent(town: Town, channel: str, handle: str) -> list[str]:
    return [text for text in town.read(channel, handle) if "La réponse a changé" in text]


def rows(db: Database) -> list[OutboxRow]:
    return db.look(lambda session: list(session.exec(select(OutboxRow).where(OutboxRow.name == "correction")).all()))


def test_everyone_who_received_the_old_answer_gets_the_new_one_once(bureau: Bureau) -> None:
    town = bureau.town
    town.say("telegram", "77", ASKED)
    town.say("telegram", "77", ASKED)  # twice the same: one correction
    town.say("sms", "+33611111111", ASKED)
    town.say("email", "lea@exemple.org", ASKED)
    town.say("sms", "+33622222222", "Qui finance le contrat de ville ?")
    way = corrected(bureau)
    assert way == "/bureau/fiches/corrections/1"
    nora = bureau.signed_in()
    page = nora.get(way).text
    assert "3 personnes ont reçu" in page
    assert re.search(r'data-name="Prix">0,\d\d €', page)
    assert ASKED.replace(" ?", "") in page
    assert rows(town.db) == []  # nothing goes without a yes
    nora.post(way, {"depuis": "2026-12-01", "words": "le gardien a la clé.", "action": "send"}, page=way)
    town.work()
    for channel, handle in (("telegram", "77"), ("sms", "+33611111111"), ("email", "lea@exemple.org")):
        (text,) = sent(town, channel, handle)
        assert "nous avions répondu" in text
        assert "La réponse a changé : le gardien a la clé." in text
    assert "« Où se réunir gratuitement ? »" in sent(town, "email", "lea@exemple.org")[0]
    assert "Demandez au gardien." in sent(town, "telegram", "77")[0]
    assert sent(town, "sms", "+33622222222") == []
    done = nora.get(way).text
    assert "3 sur 3 personnes" in done
    assert "3 envoyées" in done
    assert "Approuvée par Nora" in done
    keys = sorted(row.key for row in rows(town.db))
    assert len(keys) == 3
    assert all(re.fullmatch(r"correction:\d+:\d+", key) for key in keys)
    nora.post(way, {"depuis": "2026-12-01", "words": "encore", "action": "send"}, page=way)
    town.work(ticks=True)
    assert len(rows(town.db)) == 3
    acts = town.db.look(lambda s: [line.act for line in s.exec(select(audit.AuditLine)).all()])
    assert [acts.count(act) for act in ("correction approved", "correction sent")] == [1, 1]
    assert town.db.look(audit.verify) is None


def test_whoever_said_stop_is_not_written_to_and_one_person_hears_once(bureau: Bureau) -> None:
    town = bureau.town
    for handle in ("+33611111111", "+33622222222"):
        town.say("sms", handle, ASKED)
    town.say("telegram", "77", ASKED)
    town.say("sms", "+33611111111", "STOP")

    def one_person(session: Session) -> None:
        person = Person(name="Awa Diallo", created_at=town.at)
        session.add(person)
        session.flush()
        for channel, handle in (("sms", "+33622222222"), ("telegram", "77")):
            row = directory.find(session, town.office.vault, Address(channel, handle))
            assert row is not None
            row.person_id = person.id
            session.add(row)

    town.db.transact(one_person)
    way = corrected(bureau)
    nora = bureau.signed_in()
    assert "2 personnes ont reçu" in nora.get(way).text
    nora.post(way, {"depuis": "2026-12-01", "words": "autre clé", "action": "send"}, page=way)
    town.work()
    assert sent(town, "sms", "+33611111111") == []
    assert sent(town, "sms", "+33622222222") == []
    assert len(sent(town, "telegram", "77")) == 1  # the last one on which she asked
    assert "1 non envoyée : STOP respecté" in nora.get(way).text
    assert [row.state for row in rows(town.db) if row.channel == "sms"] == ["dropped"]


def test_hundreds_go_two_hundred_a_transaction_and_a_crash_in_between_changes_nothing(town: Town) -> None:
    def many(session: Session) -> int:
        entry = entries.find(session, SLUG)
        assert entry is not None
        old = entries.current(session, entry)
        assert old is not None
        for n in range(450):
            row = directory.keep(session, town.office.vault, Address("telegram", str(n)), town.at)
            assert row.id is not None
            question = Question(address_id=row.id, channel="telegram", text=ASKED, decision="answer", asked_at=town.at)
            session.add(question)
            session.flush()
            session.add(
                Given(
                    question_id=question.id or 0, entry_id=entry.id or 0, version_id=old.id or 0, address_id=row.id,
                    outbox_key="", given_at=town.at,
                )
            )  # fmt: skip
        content = entries.as_content(old.body)
        entries.put(session, replace(content, answer="Demandez au gardien."), "officer:1", "faux", town.at)
        made = store.Correction(
            entry_id=entry.id or 0, version_id=entry.version_id or 0, since=town.at, words="le gardien",
            state=store.SENDING, created_at=town.at, total=450,
        )  # fmt: skip
        session.add(made)
        session.flush()
        return made.id or 0

    number = town.db.transact(many)
    counts = []
    while town.db.transact(corrections.send_some, town.office, town.at):
        counts.append(len(rows(town.db)))
    assert counts == [200, 400, 450]

    def again(session: Session) -> None:  # as after a crash that lost the mark of how far it went
        found = session.get(store.Correction, number)
        assert found is not None
        found.reached, found.state = 0, store.SENDING
        session.add(found)

    town.db.transact(again)
    while town.db.transact(corrections.send_some, town.office, town.at):
        pass
    assert len(rows(town.db)) == 450


def test_a_period_narrows_who_hears_and_dropping_writes_to_nobody(bureau: Bureau) -> None:
    town = bureau.town
    town.say("telegram", "77", ASKED)
    town.pass_time(days=3)
    town.say("telegram", "78", ASKED)
    way = corrected(bureau)
    nora = bureau.signed_in()
    assert "1 personne a reçu" in nora.get(f"{way}?depuis=2026-12-03").text
    assert "2 personnes ont reçu" in nora.get(way).text
    for typed, words in (
        ({"depuis": "2027-01-01", "words": "x"}, "Choisissez un jour passé."),
        ({"depuis": "2026-12-01", "words": " "}, "Dites en une phrase ce qui a changé."),
    ):
        page = nora.post(way, typed | {"action": "send"}, page=way)
        assert page.status_code == 422
        assert words in page.text
    assert "Personne ne sera prévenu." in nora.post(f"{way}/ecarter", page=way).text
    nora.post(way, {"depuis": "2026-12-01", "words": "trop tard", "action": "send"}, page="/bureau/moi")
    town.work(ticks=True)
    assert rows(town.db) == []


def test_names_of_another_council_are_not_shown_and_a_reader_approves_nothing(bureau: Bureau) -> None:
    town = bureau.town
    town.say("telegram", "77", ASKED)

    def settle(session: Session) -> int:
        here, there = Council(slug="ici", name="Ici"), Council(slug="la", name="Là")
        session.add_all([here, there])
        session.flush()
        person = Person(name="Awa Diallo", council_id=there.id, created_at=town.at)
        session.add(person)
        session.flush()
        row = session.exec(select(AddressRow).where(AddressRow.channel == "telegram")).one()
        row.person_id = person.id
        session.add(row)
        return here.id or 0

    here = town.db.transact(settle)
    way = corrected(bureau)
    assert "Awa Diallo" in bureau.signed_in().get(way).text
    theirs = bureau.signed_in(bureau.officer("Ines", councils=(here,))).get(way).text
    assert "Awa Diallo" not in theirs
    assert ASKED not in theirs
    assert "1 personne a reçu" in theirs
    reader = bureau.signed_in(bureau.officer("Rania", "reader"))
    assert reader.post(way, {"depuis": "2026-12-01", "words": "x", "action": "send"}).status_code == 403
    assert reader.post(f"{way}/ecarter").status_code == 403
    assert reader.get("/bureau/fiches/corrections/99").status_code == 404


def test_the_public_page_counts_each_answer_once_and_shows_nothing_under_five(bureau: Bureau) -> None:
    town = bureau.town
    empty = bureau.visitor().get("/fiabilite")
    assert empty.status_code == 200
    assert "Pas encore assez de réponses." in empty.text
    assert 'href="/fiabilite" aria-current="page"' in empty.text
    for n in range(12):
        town.say("telegram", str(n), ASKED)
        if n < 6:
            town.say("telegram", str(n), "oui")
    found = town.db.look(reliability.of_all, town.office, town.at)
    assert (found.count.useful, found.count.silent, found.count.corrected) == (6, 6, 0)
    corrected(bureau)
    town.say("telegram", "99", ASKED)
    found = town.db.look(reliability.of_all, town.office, town.at)
    assert (found.count.corrected, found.count.useful, found.count.silent) == (12, 0, 1)
    town.pass_time(minutes=11)
    page = bureau.visitor().get("/fiabilite").text
    assert "Sur 100 réponses automatiques" in page
    assert "<svg" in page
    assert "Peu" in page  # the lone silent one is hidden


def test_an_entry_tells_how_it_does(bureau: Bureau) -> None:
    town = bureau.town
    for n in range(3):
        town.say("telegram", str(n), ASKED)
    town.say("telegram", "0", "non")
    town.say("telegram", "1", "oui")
    modify(bureau.signed_in(), bureau, SLUG, title="Trouver un lieu", reason="titre")
    page = re.sub(r"\s+", " ", bureau.signed_in().get(f"/bureau/fiches/{SLUG}").text)
    assert "<dt>Répondue</dt><dd>3 fois</dd>" in page
    assert "<dd>1</dd> <dt>« Non »" in page.replace("\u00a0", " ")
    assert "<dt>Corrigée ensuite</dt><dd>0</dd>" in page
