"""Answering from the desk: read back, sent once, taken back in time, never over a colleague's head, and never lost."""

import asyncio

import pytest
from sqlmodel import Session

from bot.desk import officer
from channels import directory
from channels.contract import Address, Undeliverable
from escalation import answering
from escalation.tickets import TicketReply
from tests.escalation.desk import answer, asked, council, count, hidden, person, read_back, states, ticket
from tests.office import Bureau
from tests.town import OFFICER

ANSWER = "Prévenez le gardien de l'immeuble : c'est lui qui appelle la fourrière."


def test_an_answer_is_read_back_and_goes_after_two_minutes(bureau: Bureau) -> None:
    number = asked(bureau.town)
    nora = bureau.signed_in()
    form = read_back(nora, number, ANSWER)
    page = nora.post(f"/bureau/questions/{number}/envoyer", form, page=f"/bureau/questions/{number}")
    assert "part dans deux minutes" in page.text
    assert "Reprendre" in page.text
    bureau.town.work()
    assert ANSWER not in " ".join(bureau.town.read("telegram", "awa"))
    bureau.town.pass_time(minutes=2)
    bureau.town.work()
    assert ANSWER in bureau.town.read("telegram", "awa")[-1]
    assert ticket(bureau.town, number).state == "answered"
    assert "Reprendre" not in nora.get("/bureau").text


def test_an_answer_taken_back_is_a_draft_again(bureau: Bureau) -> None:
    number = asked(bureau.town)
    nora = bureau.signed_in()
    answer(bureau, nora, number, ANSWER)
    way = f"/bureau/questions/{number}"
    reply = hidden(nora.get("/bureau").text, "reponse")
    page = nora.post(f"{way}/reprendre", {"reponse": reply}, page=way)
    assert ANSWER.replace("'", "&#39;") in page.text
    assert "pas partie" in page.text
    bureau.town.pass_time(minutes=3)
    bureau.town.work()
    assert ANSWER not in " ".join(bureau.town.read("telegram", "awa"))
    assert ticket(bureau.town, number).state == "open"
    late = nora.post(f"{way}/reprendre", {"reponse": reply}, page=way)
    assert "Trop tard" in late.text


def test_a_draft_that_is_kept_many_times_at_once_is_kept_once(bureau: Bureau) -> None:
    number = asked(bureau.town)
    bureau.signed_in()
    db, at = bureau.town.db, bureau.town.at

    async def typing() -> None:
        saves = (db.run(answering.save_draft, number, 1, f"{ANSWER} {n}", at) for n in range(40))
        await asyncio.gather(*saves)

    asyncio.run(typing())
    kept = db.look(answering.draft, number, 1)
    assert kept is not None
    assert kept.text.startswith(ANSWER)
    db.transact(answering.save_draft, number, 1, " ", at)
    assert db.look(answering.draft, number, 1) is None


def test_what_has_left_cannot_be_taken_back(bureau: Bureau) -> None:
    number = asked(bureau.town)
    nora = bureau.signed_in()
    answer(bureau, nora, number, ANSWER)
    reply = hidden(nora.get("/bureau").text, "reponse")
    bureau.town.pass_time(minutes=2)
    bureau.town.work()
    page = nora.post(f"/bureau/questions/{number}/reprendre", {"reponse": reply}, page=f"/bureau/questions/{number}")
    assert "Trop tard" in page.text
    assert states(bureau.town, number) == ["sent"]


def test_an_answer_that_may_be_taken_back_holds_up_nothing_else(bureau: Bureau) -> None:
    number = asked(bureau.town)
    answer(bureau, bureau.signed_in(), number, ANSWER)
    said = bureau.town.say("telegram", "awa", "C'est quoi un copil ?")
    assert said
    bureau.town.pass_time(minutes=2)
    bureau.town.work()
    assert ANSWER in bureau.town.read("telegram", "awa")[-1]


def test_a_page_of_the_chat_shows_it_once_its_time_has_come(bureau: Bureau) -> None:
    town = bureau.town
    number = asked(town, channel="web", handle="navigateur")
    answer(bureau, bureau.signed_in(), number, ANSWER)
    town.say("web", "navigateur", "C'est quoi un copil ?")
    assert ANSWER not in " ".join(town.read("web", "navigateur"))
    town.pass_time(minutes=2)
    assert ANSWER in " ".join(town.read("web", "navigateur"))


def test_sent_twice_it_goes_once(bureau: Bureau) -> None:
    number = asked(bureau.town)
    nora = bureau.signed_in()
    form = read_back(nora, number, ANSWER)
    way = f"/bureau/questions/{number}"
    nora.post(f"{way}/envoyer", form, page=way)
    again = nora.post(f"{way}/envoyer", form, page=way)
    assert "une seule part" in again.text
    assert count(bureau.town, TicketReply) == 1
    bureau.town.pass_time(minutes=2)
    bureau.town.work()
    assert " ".join(bureau.town.read("telegram", "awa")).count(ANSWER) == 1


def test_a_session_that_ends_in_mid_answer_loses_no_word(bureau: Bureau) -> None:
    number = asked(bureau.town)
    nora = bureau.signed_in()
    way = f"/bureau/questions/{number}"
    page = nora.get(way).text
    bureau.town.pass_time(minutes=31)
    sent = nora.client.post(f"{way}/relire", data={"jeton": hidden(page, "jeton"), "texte": ANSWER, "vu": "0.0"})
    assert sent.url.path == "/bureau/entrer"
    assert "gardé comme brouillon" in sent.text
    assert ANSWER.replace("'", "&#39;") in bureau.signed_in().get(way).text


def test_the_second_of_two_officers_reads_the_first_before_sending(bureau: Bureau) -> None:
    number = asked(bureau.town)
    nora, paul = bureau.signed_in(), bureau.signed_in(bureau.officer("Paul"))
    way = f"/bureau/questions/{number}"
    late = read_back(paul, number, "Appelez la police municipale.")
    answer(bureau, nora, number, ANSWER)
    page = paul.post(f"{way}/envoyer", late, page=way)
    assert page.status_code == 409
    assert "Nora a déjà répondu" in page.text
    assert count(bureau.town, TicketReply) == 1
    form = {"texte": late["texte"], "vu": hidden(page.text, "vu"), "une-fois": hidden(page.text, "une-fois")}
    assert paul.post(f"{way}/envoyer", form, page=way).status_code == 200
    assert count(bureau.town, TicketReply) == 2


def test_an_empty_answer_is_not_sent_and_a_long_one_is_kept(bureau: Bureau) -> None:
    number = asked(bureau.town)
    nora = bureau.signed_in()
    way = f"/bureau/questions/{number}"
    empty = nora.post(f"{way}/relire", {"texte": "   ", "vu": "0.0"}, page=way)
    assert empty.status_code == 422
    assert "Écrivez d&#39;abord la réponse." in empty.text
    long = nora.post(f"{way}/relire", {"texte": "mot " * 1500, "vu": "0.0"}, page=way)
    assert long.status_code == 422
    assert "mot mot" in nora.get(way).text
    assert nora.post(f"{way}/envoyer", {"texte": "", "vu": "0.0", "une-fois": "x"}, page=way).status_code == 422
    assert count(bureau.town, TicketReply) == 0


def test_a_second_mail_reply_goes_too_and_one_after_a_colleagues_waits(bureau: Bureau) -> None:
    town = bureau.town
    bureau.officer("Paul")
    number = asked(town)
    token = town.notices()[-1].token
    town.say("email", OFFICER.handle, ANSWER, token=token)
    town.say("email", OFFICER.handle, "J'ajoute : il est là le matin.", token=token)
    assert "il est là le matin" in town.read("telegram", "awa")[-1]
    paul = town.channels["email"].to("paul@exemple.org")[0].token
    town.say("email", "paul@exemple.org", "Appelez plutôt la mairie.", token=paul)
    assert "mairie" not in town.read("telegram", "awa")[-1]
    assert "Nora a déjà répondu" in town.channels["email"].to("paul@exemple.org")[-1].text
    nora = bureau.signed_in()
    way = f"/bureau/questions/{number}"
    page = nora.get(way).text
    assert "Une réponse attend votre accord" in page
    waiting = page.partition("/accord")[2]
    sent = nora.post(f"{way}/accord", {"reponse": hidden(waiting, "reponse"), "accord": "oui"}, page=way)
    assert "La réponse est partie." in sent.text
    town.work()
    assert "mairie" in town.read("telegram", "awa")[-1]


def test_an_empty_mail_reply_waits_and_can_be_set_aside(bureau: Bureau) -> None:
    town = bureau.town
    number = asked(town)
    town.say("email", OFFICER.handle, "", token=town.notices()[-1].token)
    nora = bureau.signed_in()
    way = f"/bureau/questions/{number}"
    page = nora.get(way).text
    assert "la réponse est vide" in page
    assert "Envoyer telle quelle" not in page
    form = {"reponse": hidden(page.partition("/accord")[2], "reponse"), "accord": "non"}
    assert "écartée" in nora.post(f"{way}/accord", form, page=way).text
    assert "déjà été traitée" in nora.post(f"{way}/accord", form, page=way).text
    assert ticket(town, number).state == "open"


def test_an_officer_in_telegram_takes_an_answer_back_by_a_word(bureau: Bureau) -> None:
    town = bureau.town
    code = town.db.transact(officer.new_code, town.office, OFFICER.handle, town.at)
    town.say("telegram", "nora", code)
    number = asked(town)
    notice = town.channels["telegram"].to("nora")[-1]
    told = town.say("telegram", "nora", ANSWER, token=notice.token)
    assert "REPRENDRE" in told[-1]
    assert ANSWER not in " ".join(town.read("telegram", "awa"))
    assert "n'est pas partie" in town.say("telegram", "nora", "Reprendre")[-1]
    town.pass_time(minutes=3)
    town.work()
    assert ANSWER not in " ".join(town.read("telegram", "awa"))
    assert ticket(town, number).state == "open"
    town.say("telegram", "nora", ANSWER, token=notice.token)
    town.pass_time(minutes=3)
    town.work()
    assert ANSWER in town.read("telegram", "awa")[-1]


def test_a_follow_up_within_three_days_reopens_with_a_new_promise(bureau: Bureau) -> None:
    town = bureau.town
    number = asked(town)
    before = ticket(town, number).promised_at
    town.say("email", OFFICER.handle, ANSWER, token=town.notices()[-1].token)
    assert ticket(town, number).state == "answered"
    town.pass_time(hours=71)
    town.say("telegram", "awa", "Le gardien ne répond pas à mes appels depuis ce matin, et ensuite ?")
    assert ticket(town, number).state == "open"
    assert ticket(town, number).promised_at > before


def test_a_note_stays_among_colleagues_and_a_council_is_set(bureau: Bureau) -> None:
    bellevue = council(bureau.town, "Bellevue")
    number = asked(bureau.town)
    nora = bureau.signed_in()
    way = f"/bureau/questions/{number}"
    assert "Le gardien est en congé" in nora.post(f"{way}/note", {"note": "Le gardien est en congé"}, page=way).text
    assert nora.post(f"{way}/note", {"note": " "}, page=way).status_code == 422
    assert "Bellevue" in nora.post(f"{way}/conseil", {"conseil": str(bellevue)}, page=way).text
    assert ticket(bureau.town, number).council_id == bellevue
    assert nora.post(f"{way}/conseil", {"conseil": "999"}, page=way).status_code == 404
    bureau.town.work()
    assert "congé" not in " ".join(bureau.town.read("telegram", "awa"))


def test_closing_and_opening_again(bureau: Bureau) -> None:
    number = asked(bureau.town)
    nora = bureau.signed_in()
    way = f"/bureau/questions/{number}"
    assert "est fermée" in nora.post(f"{way}/fermer", {"raison": "en double"}, page=way).text
    assert "en double" in nora.get(way).text
    nora.post(f"{way}/rouvrir", page=way)
    assert ticket(bureau.town, number).state == "open"


def test_news_are_told_and_the_question_still_waits(bureau: Bureau) -> None:
    number = asked(bureau.town)
    nora = bureau.signed_in()
    way = f"/bureau/questions/{number}"
    words = {"nouvelles": "J'attends le retour du bailleur."}
    shown = nora.post(f"{way}/nouvelles", words, page=way).text
    assert "Relire avant d&#39;envoyer" in shown
    assert "J&#39;attends le retour du bailleur." in shown
    bureau.town.work()
    assert "bailleur" not in bureau.town.read("telegram", "awa")[-1], "nothing goes before it was read back"
    assert "bailleur" in nora.post(f"{way}/nouvelles", words | {"relu": ["1", "corriger"]}, page=way).text
    assert "Écrivez d&#39;abord le message" in nora.post(f"{way}/nouvelles", {"nouvelles": " "}, page=way).text
    assert "a des nouvelles" in nora.post(f"{way}/nouvelles", words | {"relu": "1"}, page=way).text
    bureau.town.work()
    assert "J'attends le retour du bailleur." in bureau.town.read("telegram", "awa")[-1]
    assert ticket(bureau.town, number).state == "open"


def test_what_did_not_arrive_is_seen_with_its_reason_and_goes_another_way(bureau: Bureau) -> None:
    town = bureau.town
    someone = person(town, "Awa Diallo", "telegram", "awa")
    number = asked(town)

    def second(session: Session) -> None:
        row = directory.keep(session, town.office.vault, Address("email", "awa@exemple.org"), town.at)
        row.person_id = someone

    town.db.transact(second)
    town.channels["telegram"].refuse = [Undeliverable("la personne a bloqué le robot")]
    town.say("email", OFFICER.handle, ANSWER, token=town.notices()[-1].token)
    town.work(ticks=True)
    nora = bureau.signed_in()
    listed = nora.get("/bureau?vue=echecs").text
    assert "la personne a bloqué le robot" in listed
    way = f"/bureau/questions/{number}"
    page = nora.get(way).text
    assert "la personne a bloqué le robot" in page
    form = page.partition("/renvoyer")[2]
    address = form.partition('name="adresse" value="')[2].partition('"')[0]
    done = nora.post(f"{way}/renvoyer", {"message": hidden(form, "message"), "adresse": address}, page=way)
    assert "repart par e-mail" in done.text
    town.work()
    assert ANSWER in town.read("email", "awa@exemple.org")[-1]
    again = nora.post(f"{way}/renvoyer", {"message": hidden(form, "message"), "adresse": address}, page=way)
    assert "plus à renvoyer" in again.text


def test_what_did_not_arrive_goes_another_way_from_the_page_of_the_person(bureau: Bureau) -> None:
    town = bureau.town
    someone = person(town, "Awa Diallo", "telegram", "awa")
    asked(town)

    def second(session: Session) -> None:
        row = directory.keep(session, town.office.vault, Address("email", "awa@exemple.org"), town.at)
        row.person_id = someone

    town.db.transact(second)
    nora = bureau.signed_in()
    way = f"/bureau/personnes/{someone}"
    assert "ne sont pas arrivés" not in nora.get(way).text
    town.channels["telegram"].refuse = [Undeliverable("la personne a bloqué le robot")]
    town.say("email", OFFICER.handle, ANSWER, token=town.notices()[-1].token)
    town.work(ticks=True)
    page = nora.get(way).text
    assert "Messages qui ne sont pas arrivés" in page
    form = page.partition("/renvoyer")[2]
    address = form.partition('name="adresse" value="')[2].partition('"')[0]
    data = {"message": hidden(form, "message"), "adresse": address}
    assert nora.post(f"{way}/renvoyer", data | {"message": "99999"}, page=way).text.count("plus à renvoyer") == 1
    assert nora.post(f"{way}/renvoyer", data | {"message": "x"}, page=way).status_code == 404
    assert "repart par e-mail" in nora.post(f"{way}/renvoyer", data, page=way).text
    town.work()
    assert ANSWER in town.read("email", "awa@exemple.org")[-1]
    assert "plus à renvoyer" in nora.post(f"{way}/renvoyer", data, page=way).text
    assert "ne sont pas arrivés" not in nora.get(way).text


def test_a_question_that_is_answered_leads_to_an_entry_made_of_it(bureau: Bureau) -> None:
    number = asked(bureau.town)
    nora = bureau.signed_in()
    way, entry = f"/bureau/questions/{number}", f"/bureau/fiches/depuis/{number}"
    assert entry not in nora.get(way).text
    bureau.town.say("email", OFFICER.handle, ANSWER, token=bureau.town.notices()[-1].token)
    bureau.town.work()
    assert entry in nora.get(way).text
    assert nora.get(entry).status_code == 200


@pytest.mark.parametrize("act", ["relire", "envoyer", "note", "fermer", "partenaire", "nouvelles", "prendre"])
def test_a_reader_changes_nothing(bureau: Bureau, act: str) -> None:
    number = asked(bureau.town)
    reader = bureau.signed_in(bureau.officer("Rémi", role="reader"))
    assert reader.get(f"/bureau/questions/{number}").status_code == 200
    assert reader.post(f"/bureau/questions/{number}/{act}", {"texte": "x"}).status_code == 403
