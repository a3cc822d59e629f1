"""How long a message waits for more of the same question: a table of cases, and the order in which parts came."""

from datetime import timedelta

import pytest

from bot.patience import AT_ONCE, FRAGMENT, WHOLE, quiet
from tests.town import Town


@pytest.mark.parametrize(
    ("text", "prompted", "waits"),
    [
        ("c'est quoi le copil ?", False, WHOLE),
        ("C koi un QPV?", False, WHOLE),
        ("Je cherche une salle pour notre réunion.", False, WHOLE),
        ("je voudrais savoir comment on fait pour avoir une salle gratuite", False, WHOLE),
        ("أين يمكننا أن نجد قاعة لاجتماعنا؟", False, WHOLE),
        ("bonjour", False, FRAGMENT),
        ("Bonjour !", False, FRAGMENT),
        ("Bonjour madame, monsieur.", False, FRAGMENT),
        ("c'est quoi", False, FRAGMENT),
        ("le copil", False, FRAGMENT),
        ("j'ai une question", False, FRAGMENT),
        ("voilà, je voulais savoir une chose à propos de la réunion,", False, FRAGMENT),
        ("je voudrais savoir pour la réunion de jeudi soir et", False, FRAGMENT),
        ("je cherche une salle pour la réunion de notre", False, FRAGMENT),
        ("alors...", False, FRAGMENT),
        ("", False, FRAGMENT),
        ("\U0001f600", False, FRAGMENT),
        ("HUMAIN", False, AT_ONCE),
        ("Stop", False, AT_ONCE),
        ("mes données", False, AT_ONCE),
        ("2", True, AT_ONCE),
        ("le deuxième", True, AT_ONCE),
        ("Oui", True, AT_ONCE),
        ("non merci", True, AT_ONCE),
        ("👍", True, AT_ONCE),
        ("123 456", True, AT_ONCE),
        ("oui", False, FRAGMENT),
        ("2", False, FRAGMENT),
        ("bonjour", True, FRAGMENT),
    ],
)  # fmt: skip
def test_what_reads_as_whole_is_not_kept_waiting(text: str, prompted: bool, waits: timedelta) -> None:
    assert quiet(text, prompted=prompted) == waits


def test_no_silence_is_longer_than_the_installations_own() -> None:
    assert quiet("c'est quoi le copil ?", fragment=timedelta(seconds=0.1)) == timedelta(seconds=0.1)


def test_a_whole_question_is_answered_within_a_second(town: Town) -> None:
    town.hear("telegram", "42", "c'est quoi le copil ?")
    town.pass_time(seconds=0.9)
    town.work()
    assert "comité de pilotage" in town.read("telegram", "42")[-1]


def test_the_end_of_a_question_brings_its_beginning_along(town: Town) -> None:
    town.hear("sms", "+33612345678", "Bonjour")
    town.pass_time(seconds=1)
    town.hear("sms", "+33612345678", "c'est quoi le copil ?")
    town.pass_time(seconds=0.9)
    town.work()
    assert len(town.read("sms", "+33612345678")) == 2  # the notice and one answer


def test_parts_that_come_out_of_order_and_twice_are_one_question_in_the_order_of_writing(town: Town) -> None:
    first = town.at
    town.pass_time(seconds=1)
    town.hear("telegram", "42", "le copil ?", id="b")
    second, town.at = town.at, first
    town.hear("telegram", "42", "c'est quoi", id="a")
    assert not town.hear("telegram", "42", "le copil ?", id="b")
    town.at = second
    town.pass_time(seconds=3)
    town.work()
    texts = town.read("telegram", "42")
    assert len(texts) == 2
    assert "comité de pilotage" in texts[-1]


def test_a_command_is_never_read_into_a_question_and_hurries_what_came_before(town: Town) -> None:
    town.hear("telegram", "42", "j'ai une question")
    town.hear("telegram", "42", "HUMAIN")
    town.work()
    assert any("n° 1" in text for text in town.read("telegram", "42"))


def test_whoever_never_stops_writing_is_read_after_fifteen_seconds(town: Town) -> None:
    for _ in range(8):
        town.hear("telegram", "42", "et puis aussi le")
        town.pass_time(seconds=2)
        town.work()
    assert town.read("telegram", "42")
