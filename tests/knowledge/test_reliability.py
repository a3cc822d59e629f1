"""The public figures add up, hide what is small, and are drawn as they are told."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.reliability import FEW, Count, picture, sentence, shares, shown

COUNTS = st.builds(Count, *[st.integers(0, 3000)] * 4)


def test_the_sentence_tells_useful_and_corrected_of_a_hundred() -> None:
    said = sentence(Count(useful=610, useless=90, corrected=40, silent=260))
    assert said == "Sur 100 réponses automatiques, 61 ont été jugées utiles et 4 ont été corrigées ensuite."
    assert "aucune n'a été corrigée ensuite" in sentence(Count(useful=10, silent=10))
    assert "moins de 3 ont été corrigées" in sentence(Count(useful=100, useless=50, corrected=2, silent=48))


def test_nothing_is_said_under_five() -> None:
    assert sentence(Count(useful=4)) == ""
    assert sentence(Count(useful=5)) != ""


def test_a_small_number_is_hidden_with_another_so_that_nobody_works_it_out() -> None:
    assert shown((100, 2, 50, 48)) == (100, None, 50, None)
    assert shown((100, 0, 50, 48)) == (100, 0, 50, 48)
    assert shown((3, 2, 50, 48)) == (None, None, 50, 48)
    assert shown((0, 3, 0, 0)) == (0, None, 0, 0)


@given(COUNTS)
def test_hundredths_add_up_and_hidden_numbers_are_never_alone(count: Count) -> None:
    assert sum(shares(count)) == (100 if count.answers else 0)
    safe = shown(count.parts)
    assert all(part is None or part == 0 or part >= FEW for part in safe)
    if safe.count(None) == 1:
        assert count.answers < FEW or count.parts[safe.index(None)] == count.answers


@given(COUNTS.filter(lambda count: count.answers >= FEW))
def test_the_picture_has_a_hundred_squares_and_tells_no_hidden_number(count: Count) -> None:
    drawn = picture(count)
    assert drawn.count("<rect") == 100
    safe = shown(count.parts)
    kinds = ("useful", "corrected", "useless", "silent")
    for place, kind in enumerate(kinds):
        if safe[place] is None:
            assert f'class="{kind}"' not in drawn
    heights = [float(y) for y in re.findall(r'<text x="\d+" y="([\d.]+)"', drawn)]
    assert heights == sorted(heights)
    assert all(later - sooner >= 19 for sooner, later in pairwise(heights))
    assert max(heights) <= 285


def test_the_picture_says_what_it_shows() -> None:
    drawn = picture(Count(useful=61, useless=9, corrected=5, silent=25))
    assert drawn.startswith('<svg class="hundred"')
    assert '<title id="hundred-title">Sur 100 réponses automatiques, 61 ont été' in drawn
    assert drawn.count('class="useful"') == 61
    assert "style=" not in drawn


@pytest.mark.parametrize("count", [Count(useful=1000), Count(useful=990, corrected=5, useless=5), Count(silent=5)])
def test_edges_are_drawn(count: Count) -> None:
    assert picture(count).count("<rect") == 100
