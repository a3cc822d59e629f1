"""Questions that ask the same are found by the matcher's own eyes, also about what the base does not know."""

import pytest

from knowledge import themes
from knowledge.matching import Index

ASKED = [
    "Qui paie le carburant de la navette du marché ?",
    "on peut avoir un vélo cargo pour le conseil ?",
    "la navette pour le marché elle passe à quelle heure",
    "Comment inscrire mon fils à la cantine ?",
    "navette marché horaires svp",
    "inscription cantine ecole comment faire",
    "Le composteur de la résidence est plein, qui le vide ?",
    "qui s'occupe du compost de la residence",
]


def test_each_theme_holds_its_questions_the_largest_first(index: Index) -> None:
    found = themes.themes([themes.vector(index, text) for text in ASKED])
    assert sorted(found[0].members) == [0, 2, 4]
    assert {tuple(sorted(theme.members)) for theme in found} == {(0, 2, 4), (3, 5), (6, 7), (1,)}
    assert "navette" in ASKED[found[0].members[0]]


def test_every_question_is_in_one_theme(index: Index) -> None:
    found = themes.themes([themes.vector(index, text) for text in ASKED * 10])
    assert sorted(place for theme in found for place in theme.members) == list(range(80))
    assert len(found[0].members) == 30


def test_who_asks_the_same_is_told_closest_first(index: Index) -> None:
    one = themes.vector(index, "à quelle heure passe la navette du marché")
    others = [themes.vector(index, text) for text in ASKED]
    assert sorted(themes.close_to(one, others)) == [0, 2, 4]
    assert themes.close_to(one, others)[0] == 2
    assert themes.close_to(one, []) == []


def test_no_question_is_no_theme_and_too_many_are_refused(index: Index) -> None:
    assert themes.themes([]) == []
    with pytest.raises(ValueError, match="401"):
        themes.themes([{"wa": 1.0}] * 401)


def test_a_question_without_words_is_like_nothing(index: Index) -> None:
    empty = themes.vector(index, "?!")
    assert [theme.members for theme in themes.themes([empty, empty])] == [(0,), (1,)]
