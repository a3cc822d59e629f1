"""Partners, many at once, calls, ready answers, closures, and deadlines that nobody may forget."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import select

from bot.conversations import Question
from bot.desk import hours
from channels.contract import Attachment
from escalation import alike, deadlines
from escalation.partners import PartnerRequest
from escalation.tickets import TicketReply
from tests.channels.files import SECRET_PLACE, picture, voice
from tests.escalation.desk import asked, council, count, hidden, person, ticket
from tests.office import Browsing, Bureau
from tests.town import OFFICER

PARIS = ZoneInfo("Europe/Paris")
CAF = "contact@caf.exemple.org"


def ask_partner(nora: Browsing, number: int, text: str, **more: str) -> str:
    way = f"/bureau/questions/{number}"
    form = {"nom": "La CAF", "adresse": CAF, "partage": text, "dire": "1"} | more
    return nora.post(f"{way}/partenaire", form, page=way).text


def test_a_partner_is_asked_without_any_number_and_the_reply_comes_into_the_question(bureau: Bureau) -> None:
    town = bureau.town
    number = asked(town, channel="sms", handle="+33612345678")
    nora = bureau.signed_in()
    page = ask_partner(nora, number, "Awa demande qui prévenir. Son numéro : 06 12 34 56 78, awa@exemple.org")
    assert "La question est envoyée au partenaire" in page
    assert "en attente d&#39;un partenaire" in page
    town.work()
    letter = town.channels["email"].to(CAF)[-1]
    assert "Awa demande qui prévenir" in letter.text
    assert "12 34 56" not in letter.text
    assert "awa@exemple.org" not in letter.text
    assert "La CAF" in town.read("sms", "+33612345678")[-1]
    assert f"questions/{number}" in nora.get("/bureau?vue=partenaire").text
    town.say("email", CAF, "C'est le bailleur qu'il faut prévenir.", token=letter.token)
    assert "C'est le bailleur" in town.notices()[-1].text
    page = nora.get(f"/bureau/questions/{number}").text
    assert "C&#39;est le bailleur" in page
    assert "a répondu" in page
    assert f"questions/{number}" not in nora.get("/bureau?vue=partenaire").text
    town.say("email", OFFICER.handle, "Prévenez le bailleur.", token=town.notices()[-1].token)
    assert "Prévenez le bailleur." in town.read("sms", "+33612345678")[-1]


def test_what_a_partner_sends_along_is_kept_and_a_colleagues_reply_is_flagged(bureau: Bureau) -> None:
    town = bureau.town
    number = asked(town)
    nora = bureau.signed_in()
    ask_partner(nora, number, "Qui prévenir ?")
    town.work()
    token = town.channels["email"].to(CAF)[-1].token
    plan = Attachment("plan.pdf", "application/pdf", b"%PDF-1.4\n%%EOF\n", whole=True)
    town.say("email", "paul@caf.exemple.org", "Voici le plan.", token=token, attachments=(plan,))
    page = nora.get(f"/bureau/questions/{number}").text
    assert "autre adresse que celle du partenaire" in page
    way = page.partition(f'href="/bureau/questions/{number}/pieces/')[2].partition('"')[0]
    assert way.isdigit(), page
    file = nora.get(f"/bureau/questions/{number}/pieces/{way}")
    assert file.content == plan.content
    assert file.headers["content-disposition"].startswith("attachment;")
    assert file.headers["x-content-type-options"] == "nosniff"
    other = asked(town, handle="lea")
    assert nora.get(f"/bureau/questions/{other}/pieces/{way}").status_code == 404


def test_a_voice_message_is_listened_to_on_the_page_of_its_question(bureau: Bureau) -> None:
    photo = Attachment("photo.jpg", "image/jpeg", picture())
    number = asked(bureau.town, attachments=(Attachment("vocal.ogg", "audio/ogg", voice()), photo))
    nora = bureau.signed_in()
    shown = nora.get(f"/bureau/questions/{number}")
    assert shown.text.count("<audio controls") == 1
    assert "media-src 'self'" in shown.headers["content-security-policy"]
    way = shown.text.partition('<audio controls preload="none" src="')[2].partition('"')[0]
    whole = nora.get(way)
    assert (whole.status_code, whole.headers["content-type"]) == (200, "audio/ogg")
    assert whole.headers["content-disposition"].startswith("inline;")
    assert "sandbox" in whole.headers["content-security-policy"]
    assert SECRET_PLACE not in whole.content
    size = len(whole.content)
    for asked_for, status, told in [
        ("bytes=0-1", 206, f"bytes 0-1/{size}"),
        ("bytes=10-", 206, f"bytes 10-{size - 1}/{size}"),
        (f"bytes={size}-", 416, f"bytes */{size}"),
    ]:
        part = nora.client.get(way, headers={"Range": asked_for})
        assert (part.status_code, part.headers["content-range"]) == (status, told)
    assert nora.client.get(way, headers={"Range": "bytes=10-"}).content == whole.content[10:]
    kept = nora.get(way.removesuffix("?ecouter"))
    assert kept.headers["content-type"] == "application/octet-stream"
    assert kept.headers["content-disposition"].startswith("attachment;")
    picture_way = shown.text.partition("photo.jpg</a>")[0].rpartition('href="')[2].rstrip('">')
    assert nora.get(f"{picture_way}?ecouter").headers["content-type"] == "application/octet-stream"


def test_a_partner_is_reminded_twice_and_then_no_more(bureau: Bureau) -> None:
    town = bureau.town
    number = asked(town)
    ask_partner(bureau.signed_in(), number, "Qui prévenir ?")
    for _ in range(4):
        town.pass_time(days=3, minutes=1)
        town.work(ticks=True)
    subjects = [each.subject for each in town.channels["email"].to(CAF)]
    assert len([each for each in subjects if "Notre question" in each]) == 2


def test_whoever_asks_again_is_told_that_a_partner_is_awaited(bureau: Bureau) -> None:
    town = bureau.town
    number = asked(town, channel="email", handle="awa@exemple.org", subject="Un camion gêne")
    ask_partner(bureau.signed_in(), number, "Qui prévenir ?", dire="")
    town.work()
    token = next(each.token for each in town.channels["email"].to("awa@exemple.org") if each.token)
    (said,) = town.say("email", "awa@exemple.org", "Où en est ma question, s'il vous plaît ?", token=token)
    assert "en attente d'un partenaire : La CAF" in said


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"adresse": "caf"}, "Je ne reconnais pas cette adresse"),
        ({"partage": " "}, "Écrivez la question pour le parten"),
    ],
)
def test_a_wrong_form_for_a_partner_keeps_what_was_typed(bureau: Bureau, form: dict[str, str], words: str) -> None:
    number = asked(bureau.town)
    page = ask_partner(bureau.signed_in(), number, "Qui faut-il prévenir ici ?", **form)
    assert words in page
    assert 'value="La CAF"' in page
    assert count(bureau.town, PartnerRequest) == 0


def test_the_same_partner_is_not_asked_twice(bureau: Bureau) -> None:
    number = asked(bureau.town)
    nora = bureau.signed_in()
    ask_partner(nora, number, "Qui prévenir ?")
    assert "déjà cette question" in ask_partner(nora, number, "Qui prévenir ?")


def test_one_answer_reaches_each_who_asked_the_same_with_their_own_words(bureau: Bureau) -> None:
    town = bureau.town
    words = ("Qui ramasse les encombrants de la rue Watt ?", "les encombrants de la rue Watt, qui les ramasse",
             "Qui ramasse les encombrants rue Watt svp ?")  # fmt: skip
    numbers = [
        asked(town, words[0]), asked(town, words[1], channel="sms", handle="+33612345678"),
        asked(town, words[2], channel="email", handle="lea@exemple.org", subject="Encombrants"),
    ]  # fmt: skip
    asked(town, handle="max")
    nora = bureau.signed_in()
    page = nora.get("/bureau/ensemble").text
    assert page.count('name="question"') == 3
    chosen = [str(each) for each in numbers]
    empty = nora.post("/bureau/ensemble", {"question": chosen, "texte": " "}, page="/bureau/moi")
    assert empty.status_code == 422
    form = {"question": chosen, "texte": "Le service propreté, le mardi.",
            "une-fois": hidden(page, "une-fois")}  # fmt: skip
    read = nora.post("/bureau/ensemble/relire", form, page="/bureau/moi").text
    assert "3 personnes la recevront" in read
    assert read.count("Le service propreté, le mardi.") == 4  # as each reads it, and in the form
    assert "SMS" in read
    assert hidden(read, "une-fois") == form["une-fois"]
    back = nora.post("/bureau/ensemble/relire", form | {"faire": "corriger"}, page="/bureau/moi").text
    assert "Le service propreté, le mardi.</textarea>" in back
    assert nora.post("/bureau/ensemble/relire", {"question": chosen}, page="/bureau/moi").status_code == 422
    assert count(town, TicketReply) == 0
    assert "3 réponses partent" in nora.post("/bureau/ensemble", form, page="/bureau/ensemble").text
    nora.post("/bureau/ensemble", form, page="/bureau/moi")
    town.pass_time(minutes=2)
    town.work()
    assert count(town, TicketReply) == 3
    assert "Le service propreté" in town.read("telegram", "awa")[-1]
    late = nora.post("/bureau/ensemble/relire", form, page="/bureau/moi")
    assert late.status_code == 422
    assert "Ces questions sont déjà répondues." in late.text
    assert words[0] in town.read("telegram", "awa")[-1]
    assert words[1] in town.read("sms", "+33612345678")[-1]
    assert words[2] in town.read("email", "lea@exemple.org")[-1]
    assert "Aucune question n&#39;en répète une autre." in nora.get("/bureau/ensemble").text


def test_strangers_make_no_group() -> None:
    near = {"copil-role": 0.4}
    asked_ = [
        alike.Asked(1, "encombr ramass rue watt", {}), alike.Asked(2, "ramass encombr watt rue", {}),
        alike.Asked(3, "velo local camion", {}), alike.Asked(4, "copil inviter qui", near),
        alike.Asked(5, "qui inviter au copil voisin", near), alike.Asked(6, "", near), alike.Asked(7, "", near),
    ]  # fmt: skip
    assert alike.groups(asked_) == [[1, 2], [4, 5]]
    assert alike.groups([]) == []


def test_a_call_that_was_answered_is_kept_as_a_question(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    found = nora.get("/bureau/appel/fiches?q=c'est quoi un copil").json()["html"]
    assert "C'est ce que j'ai répondu" in found
    page = nora.get("/bureau/appel").text
    form = {"question": "C'est quoi un copil ?", "reponse": "Le comité de pilotage.", "fiche": "copil-role",
            "nom": "Awa", "tel": "06 12 34 56 78",
            "faire": "repondu", "une-fois": hidden(page, "une-fois")}  # fmt: skip
    told = nora.post("/bureau/appel", form, page="/bureau/appel").text
    assert "L&#39;appel et sa réponse sont notés." in told
    nora.post("/bureau/appel", form, page="/bureau/appel")
    assert count(bureau.town, Question) == 1
    kept = bureau.town.db.look(lambda session: session.exec(select(Question)).one())
    assert (kept.decision, kept.channel) == ("call", "phone")


def test_a_call_becomes_a_question_that_is_answered_by_sms(bureau: Bureau) -> None:
    town = bureau.town
    bellevue = council(town, "Bellevue")
    nora = bureau.signed_in()
    form = {"question": "Qui ramasse les encombrants ?", "nom": "Awa Diallo", "tel": "0612345678", "retour": "sms",
            "conseil": str(bellevue), "faire": "garder"}  # fmt: skip
    page = nora.post("/bureau/appel", form, page="/bureau/appel")
    assert "L&#39;appel est gardé" in page.text
    assert page.url.path == "/bureau/questions/1"
    assert "Awa Diallo" in page.text
    assert ticket(town, 1).council_id == bellevue
    seen = hidden(page.text, "vu")
    back = nora.post("/bureau/questions/1/relire", {"texte": "Le mardi.", "vu": seen}, page="/bureau/questions/1").text
    nora.post("/bureau/questions/1/envoyer", {"texte": "Le mardi.", "vu": seen, "une-fois": hidden(back, "une-fois")},
              page="/bureau/questions/1")  # fmt: skip
    town.pass_time(minutes=2)
    town.work()
    assert "Le mardi." in town.read("sms", "+33612345678")[-1]


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"faire": "garder", "question": "Qui ?"}, "Demandez le numéro"),
        ({"faire": "garder", "question": "Qui ?", "tel": "12"}, "Ce numéro n&#39;est pas complet"),
        ({"faire": "garder", "question": "Qui ?", "retour": "email", "adresse": "x"}, "adresse e-mail en entier"),
        ({"faire": "repondu", "question": "Qui ?"}, "Écrivez ce que vous avez répondu"),
        ({"faire": "garder", "question": " "}, "Écrivez ce que la personne demande"),
    ],
)
def test_a_call_that_cannot_be_kept_says_why_and_loses_nothing(
    bureau: Bureau, form: dict[str, str], words: str
) -> None:
    page = bureau.signed_in().post("/bureau/appel", {"nom": "Awa Diallo"} | form, page="/bureau/appel")
    assert page.status_code == 422
    assert words in page.text
    assert 'value="Awa Diallo"' in page.text


def test_without_javascript_a_button_searches_during_a_call(bureau: Bureau) -> None:
    page = bureau.signed_in().post(
        "/bureau/appel", {"question": "c'est quoi un copil", "faire": "chercher"}, page="/bureau/appel"
    )
    assert "comité de pilotage" in page.text.lower()


def test_ready_answers_are_written_changed_and_inserted_without_javascript(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    way = "/bureau/reponses-types"
    nora.post(way, {"titre": "Le gardien", "texte": "Prévenez le gardien."}, page=way)
    assert nora.post(way, {"titre": "", "texte": "x"}, page=way).status_code == 422
    number = asked(bureau.town)
    page = f"/bureau/questions/{number}"
    assert "Le gardien" in nora.get(page).text
    inserted = nora.post(f"{page}/relire", {"texte": "Bonjour,", "vu": "0.0", "inserer": "type:1"}, page=page).text
    assert "Bonjour,\n\nPrévenez le gardien." in inserted
    nora.post(way, {"numero": "1", "faire": "retirer"}, page=way)
    assert "Aucune réponse type encore." in nora.get(way).text


def test_a_closure_moves_what_is_promised(bureau: Bureau) -> None:
    town = bureau.town
    nora = bureau.signed_in()
    way = "/bureau/fermetures"
    before = town.db.look(hours.promised, town.office, None, town.at)
    nora.post(way, {"premier": "2026-12-02", "dernier": "2026-12-04", "motif": "Déménagement"}, page=way)
    assert "Déménagement" in nora.get(way).text
    after = town.db.look(hours.promised, town.office, None, town.at)
    assert after - before == timedelta(days=5)
    assert "avant le premier" in nora.post(way, {"premier": "2026-12-24", "dernier": "2026-12-20"}, page=way).text
    assert "déjà passés" in nora.post(way, {"premier": "2026-11-02"}, page=way).text
    nora.post(way, {"retirer": "1"}, page=way)
    assert town.db.look(hours.promised, town.office, None, town.at) == before


def test_opening_hours_are_read_and_counted_slot_by_slot() -> None:
    week = deadlines.week_of("lundi-jeudi 9h-12h30 14h-17h, vendredi 9-12")
    monday = datetime(2026, 11, 30, 8, tzinfo=PARIS)
    assert deadlines.open_time(monday, monday + timedelta(hours=24), PARIS, (), week) == timedelta(hours=6.5)
    assert deadlines.open_time(monday, monday + timedelta(days=7), PARIS, (), week) == timedelta(hours=29)
    assert deadlines.promised(monday + timedelta(days=3), 1, PARIS, (), week).hour == 12
    closed = {date(2026, 12, 1)}
    assert deadlines.promised(monday, 1, PARIS, closed, week).date() == date(2026, 12, 2)
    assert deadlines.open_time(monday, monday - timedelta(days=1), PARIS, (), week) == timedelta()


@pytest.mark.parametrize(
    "text", ["", "lundy 9h-12h", "lundi", "lundi 12h-9h", "lundi 25h-26h", "lundi 9h-12h 11h-14h", "lundi-x 9h-12h"]
)
def test_opening_hours_that_make_no_sense_are_said_so(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        deadlines.week_of(text)


def test_a_deadline_goes_to_the_deputy_then_to_the_administrator_and_the_asker_hears_why(bureau: Bureau) -> None:
    town = bureau.town
    bureau.officer("Paul", role="deputy")
    bureau.officer("Odile", role="administrator")
    number = asked(town)
    promised = ticket(town, number).promised_at
    town.at = promised - timedelta(hours=2)
    town.work(ticks=True)
    town.work(ticks=True)
    paul, odile = (lambda: town.channels["email"].to("paul@exemple.org")), (
        lambda: [e for e in town.channels["email"].to("odile@exemple.org") if "Toujours" in e.subject]
    )  # fmt: skip
    assert len([each for each in paul() if "promise pour bientôt" in each.subject]) == 1
    assert "tarde" not in " ".join(town.read("telegram", "awa"))
    town.at = promised + timedelta(minutes=1)
    town.work(ticks=True)
    assert "en retard" in paul()[-1].subject
    assert "Ce n'est pas encore fait" in town.read("telegram", "awa")[-1]
    assert odile() == []
    town.at = promised + timedelta(days=1)
    town.work(ticks=True)
    town.work(ticks=True)
    assert len(odile()) == 1
    assert len([each for each in town.read("telegram", "awa") if "Ce n'est pas encore fait" in each]) == 1


def test_a_deadline_that_is_answered_in_time_troubles_nobody(bureau: Bureau) -> None:
    town = bureau.town
    bureau.officer("Paul", role="deputy")
    number = asked(town)
    town.say("email", OFFICER.handle, "Le gardien.", token=town.notices()[0].token)
    town.at = ticket(town, number).promised_at + timedelta(days=2)
    town.work(ticks=True)
    assert not [each for each in town.channels["email"].to("paul@exemple.org") if "retard" in each.subject]


def test_a_person_known_by_her_number_is_known_again(bureau: Bureau) -> None:
    town = bureau.town
    person(town, "Awa Diallo", "phone", "+33612345678")
    form = {"question": "Qui ramasse les encombrants ?", "tel": "06 12 34 56 78", "retour": "phone", "faire": "garder"}
    page = bureau.signed_in().post("/bureau/appel", form, page="/bureau/appel").text
    assert "Awa Diallo" in page
    assert "Noter ce qui a été dit" in page
