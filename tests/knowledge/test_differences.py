"""What changed between two versions is told word by word, in words that stay whole."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from knowledge import differences
from knowledge.entries import Content, Source

BASE = Content("salle", "practical", "Trouver une salle", "Le délai est de 10 jours.", "10 jours.", ("où", "quand"))


def test_a_phrase_that_changed_is_one_piece_out_and_one_in() -> None:
    runs = differences.words(
        "Le délai est de dix jours ouvrés, par écrit.", "Le délai est de quinze jours francs, par écrit."
    )
    assert [(run.state, run.words) for run in runs] == [
        ("same", "Le délai est de "), ("out", "dix"), ("in", "quinze"), ("same", " jours "), ("out", "ouvrés"),
        ("in", "francs"), ("same", ", par écrit."),
    ]  # fmt: skip
    merged = differences.words("une salle", "un lieu")
    assert [(run.state, run.words) for run in merged] == [("out", "une salle"), ("in", "un lieu")]


def test_only_what_changed_is_told_by_its_french_name() -> None:
    after = replace(
        BASE,
        answer="Le délai est de 15 jours.",
        phrasings=("quand", "comment"),
        sources=(Source("Loi", "", "loi", "2014"),),
    )
    found = differences.between(BASE, after)
    assert [each.name for each in found] == ["Réponse", "Façons de demander", "Sources"]
    assert [(run.state, run.words) for run in found[1].runs] == [("out", "où"), ("in", "comment")]
    assert found[2].runs[0].words == "Loi – loi – 2014"
    assert differences.between(BASE, BASE) == []


def test_another_order_is_said_to_be_one() -> None:
    found = differences.between(BASE, replace(BASE, phrasings=("quand", "où")))
    assert found[0].runs[0].words == "(seul l'ordre a changé)"


@given(st.text(max_size=80), st.text(max_size=80))
def test_both_texts_can_be_read_back(before: str, after: str) -> None:
    runs = differences.words(before, after)
    assert "".join(run.words for run in runs if run.state != "in") == before
    assert "".join(run.words for run in runs if run.state != "out") == after
