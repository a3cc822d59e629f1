"""Decisions from facts: what a person means by what they write, and who may be relayed."""

from dataclasses import replace

import pytest

from bot import router
from bot.router import Facts, OpenPrompt, decide
from knowledge.matching import Candidate, Match

SURE = Match("answer", ("copil-role",), 0.97, (Candidate("copil-role", 0.97),), (), "")
CLOSE = Match("clarify", ("copil-role", "cotech-role"), 0.5, (), (), "")
LOST = Match("escalate", (), 0.1, (), (), "loin de tout")
CHOICE = OpenPrompt("choose", ("copil-role", "cotech-role"), 4)


@pytest.mark.parametrize("text", ["HUMAIN", "humain", "Humain !", "/humain", "parler à quelqu’un", "Une personne"])
def test_a_person_is_asked_for_in_many_words(text: str) -> None:
    assert decide(Facts(text, match=LOST)) == router.Command(router.HUMAN)


@pytest.mark.parametrize(
    "text",
    [
        "STOP", "stop.", "Arrêt", "ARRET", "arrêter", "stop svp", "arrêtez de m'envoyer des messages", "Stop ça suffit",
        "ne m'écrivez plus svp", "je ne veux plus recevoir vos sms", "je veux me désabonner merci",
    ],
)  # fmt: skip
def test_stop_is_heard_in_any_form(text: str) -> None:
    assert decide(Facts(text, match=SURE)) == router.Command(router.STOP)


@pytest.mark.parametrize(
    ("text", "slug"),
    [("1", "copil-role"), ("2.", "cotech-role"), ("le deuxième", "cotech-role"), ("n° 1", "copil-role")],
)
def test_a_number_chooses_what_was_offered(text: str, slug: str) -> None:
    assert decide(Facts(text, prompt=CHOICE, match=LOST)) == router.Chosen(slug, 4)


@pytest.mark.parametrize("text", ["3", "aucune", "non"])
def test_none_of_the_choices_goes_to_a_person(text: str) -> None:
    assert decide(Facts(text, prompt=CHOICE, match=LOST)) == router.NoneOfThese(4)


def test_a_new_question_is_not_taken_for_a_choice() -> None:
    assert decide(Facts("c'est quoi le copil ?", prompt=CHOICE, match=SURE)) == router.Answer(("copil-role",), 0.97)


def test_a_number_that_was_never_offered_is_not_an_answer() -> None:
    assert isinstance(decide(Facts("7", prompt=CHOICE, match=LOST)), router.SmallTalk)


@pytest.mark.parametrize(("text", "yes"), [("oui", True), ("Merci", True), ("👍", True), ("non", False), ("👎", False)])
def test_yes_and_no_are_about_what_was_asked_last(text: str, yes: bool) -> None:
    assert decide(Facts(text, prompt=OpenPrompt("useful", (), 9), match=LOST)) == router.Useful(yes, 9)


def test_sure_close_and_lost_are_answered_offered_and_handed_on() -> None:
    assert isinstance(decide(Facts("a b c", match=SURE)), router.Answer)
    assert decide(Facts("a b c", match=CLOSE)) == router.Clarify(("copil-role", "cotech-role"))
    assert decide(Facts("a b c", match=LOST)) == router.Escalate("rien d'assez proche dans la base")


OFFICER = Facts("Oui.", officer_id=1, officer_ticket=5, officer_token_of=1)


def test_an_officers_reply_is_relayed_only_when_everything_holds() -> None:
    assert decide(OFFICER) == router.Relay(5)
    for doubt in (
        {"officer_id": None},
        {"officer_id": 2},
        {"proven": False},
        {"nature": "unsure"},
        {"text": "  "},
    ):
        assert isinstance(decide(replace(OFFICER, **doubt)), router.Draft), doubt
    assert isinstance(decide(replace(OFFICER, nature="machine")), router.Silence)


def test_an_officers_relay_is_not_held_up_by_a_limit_or_a_stop_word() -> None:
    assert decide(replace(OFFICER, limited=True)) == router.Relay(5)
    assert decide(replace(OFFICER, text="Stop")) == router.Relay(5)


def test_what_follows_an_answered_question_is_added_unless_the_base_surely_knows() -> None:
    assert decide(Facts("et pour lui ?", answered_ticket=3, match=LOST)) == router.AddToTicket(3)
    assert decide(Facts("et pour lui ?", answered_ticket=3, match=CLOSE)) == router.AddToTicket(3)
    assert isinstance(decide(Facts("c'est quoi le copil", answered_ticket=3, match=SURE)), router.Answer)


def test_a_reply_in_a_tickets_own_thread_is_always_added() -> None:
    assert decide(Facts("c'est quoi le copil", asker_ticket=3, match=SURE)) == router.AddToTicket(3)


@pytest.mark.parametrize(
    "text",
    [
        "comment arrêter le conseil citoyen", "stop à la violence, qui peut nous aider ?", "copie", "COPIL ?",
        "on veut plus de messages clairs de la mairie, comment faire ?", "il faut arrêter de fumer dans la salle",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_command_is_a_question(text: str) -> None:
    assert router.command_in(text) == ""


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("humian", router.HUMAN), ("contatcs", router.CONTACTS), ("suprimer", router.ERASE),
        ("MES DONNÉES", router.MY_DATA),
        ("mes donées", router.MY_DATA), ("Suite", router.MORE),
        ("copil", router.MEETINGS), ("/mesdonnees", router.MY_DATA),
    ],
)  # fmt: skip
def test_a_slip_in_a_command_is_forgiven(text: str, command: str) -> None:
    assert router.command_in(text) == command


@pytest.mark.parametrize(
    ("text", "answer"), [("1", "yes"), ("je viens", "yes"), ("2", "no"), ("je peux pas", "no"), ("3", "prepare")]
)
def test_an_invitation_is_answered_by_a_number_or_in_words(text: str, answer: str) -> None:
    assert decide(Facts(text, prompt=OpenPrompt("coming", ("12",)), match=LOST)) == router.Coming(answer, 12)


def test_a_code_is_a_code_only_when_one_was_asked_for() -> None:
    assert decide(Facts("123 456", prompt=OpenPrompt("code"), match=LOST)) == router.Code("123456")
    assert not isinstance(decide(Facts("123 456", match=LOST)), router.Code)


@pytest.mark.parametrize(
    "text",
    [
        "je comprends rien à votre réponse", "Je n'ai pas compris", "désolé j'ai rien compris", "c'est pas clair",
        "ça ne répond pas à ma question", "ce n'est pas ce que je demandais", "Je ne comprends pas du tout !",
    ],
)  # fmt: skip
def test_an_answer_that_is_not_understood_goes_to_a_person(text: str) -> None:
    asked = router.OpenPrompt("useful", (), 7)
    assert decide(Facts(text, prompt=asked, match=CLOSE)) == router.Useful(False, 7, text)
    assert isinstance(decide(Facts(text, prompt=asked, match=SURE)), router.Answer)  # it is a question that is known


@pytest.mark.parametrize("text", ["je ne comprends pas l'abattement de la taxe", "c'est pas clair qui vote au comité"])
def test_a_question_about_something_else_is_not_a_complaint(text: str) -> None:
    asked = router.OpenPrompt("useful", (), 7)
    assert decide(Facts(text, prompt=asked, match=CLOSE)) == router.Clarify(("copil-role", "cotech-role"))


def test_a_no_to_nothing_makes_no_question_of_it() -> None:
    assert decide(Facts("NON", match=LOST)) == router.SmallTalk("no")
    assert decide(Facts("non", answered_ticket=3, match=LOST)) == router.AddToTicket(3)


@pytest.mark.parametrize(
    ("said", "told"), [("how", "hello"), ("test", "hello"), ("yes", "no"), ("laugh", "no"), ("thanks", "thanks")]
)
def test_a_message_that_asks_nothing_calls_nobody(said: str, told: str) -> None:
    chat = replace(LOST, smalltalk=said)
    assert decide(Facts("ça va ?", match=chat)) == router.SmallTalk(told)
    assert isinstance(decide(Facts("vous êtes nuls", match=replace(LOST, smalltalk="rude"))), router.Escalate)


def test_a_person_asked_for_in_other_words_is_called() -> None:
    assert decide(Facts("passez-moi un humain", match=replace(LOST, smalltalk="person"))) == router.Command(
        router.HUMAN
    )
    told = "je voudrais parler à quelqu'un de la fête que nous préparons pour le mois de juin"
    assert isinstance(decide(Facts(told, match=replace(LOST, smalltalk="person"))), router.Escalate)


def test_what_asks_nothing_still_reaches_the_person_who_is_waited_for() -> None:
    assert decide(Facts("ça va ?", asker_ticket=3, match=replace(LOST, smalltalk="how"))) == router.AddToTicket(3)


@pytest.mark.parametrize(
    ("text", "kind"), [("😡😡", "unreadable"), ("?", "unreadable"), (" \n", "empty"), ("", "empty")]
)
def test_only_a_message_with_nothing_in_it_is_called_empty(text: str, kind: str) -> None:
    assert decide(Facts(text, match=LOST)) == router.SmallTalk(kind)
