"""French as people type it is read as they meant it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge import french


def test_accents_ligatures_and_typographic_apostrophes_are_folded() -> None:
    assert french.fold("L’Œuvre d’été À Nœuds") == "l'oeuvre d'ete a noeuds"


def test_elisions_are_cut_and_initials_joined() -> None:
    assert french.words("Qu’est-ce que l’A.N.R.U. ?") == ["qu", "est", "ce", "que", "l", "anru"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("cc c koi le copil svp", "bonjour c est quoi le copil s il vous plait"),
        ("ya t il 1 reu", "y a t il 1 reunion"),
        ("jsui mb, pk kel kartier ?", "je suis mb pourquoi quel quartier"),
        ("g bcp de pb", "j ai beaucoup de probleme"),
        ("cest quoi", "c est quoi"),
    ],
)
def test_sms_shorthand_is_spelled_out(typed: str, meant: str) -> None:
    assert " ".join(french.plain(typed)) == meant


def test_the_shorthand_table_is_large_and_never_touches_common_words() -> None:
    assert len(french.SHORTHAND) > 300
    touched = {form for form in french.SHORTHAND if french.frequency(form) >= 7}
    assert not touched


def test_plural_and_singular_share_a_stem() -> None:
    for one, many in (("elu", "elus"), ("reunion", "reunions"), ("bailleur", "bailleurs"), ("local", "locaux")):
        assert french.stem(one) == french.stem(many)


def test_only_words_unknown_to_french_are_corrected() -> None:
    spelling = french.Spelling({"forme": 9, "reunion": 5, "prefecture": 3, "quartier": 8, "conseil": 9, "citoyen": 9})
    assert spelling.word("force") == ("force",)  # correct French, however close to « forme »
    assert spelling.word("reuinon") == ("reunion",)
    assert spelling.word("prefectture") == ("prefecture",)
    assert spelling.word("kartiers") == ("quartier",)
    assert spelling.word("conseilcitoyen") == ("conseil", "citoyen")
    assert spelling.word("zzzz") == ("zzzz",)


def test_the_lexicon_tells_common_words_from_rare_and_from_none() -> None:
    assert french.frequency("maison") > french.frequency("ressourcerie") >= 0
    assert french.frequency("kartier") == -1


def test_residents_and_administrations_words_meet_in_a_concept() -> None:
    hers = set(french.concepts([french.stem(w) for w in french.words("des sous pour le quartier")]))
    theirs = set(french.concepts([french.stem(w) for w in french.words("une subvention pour le QPV")]))
    assert hers & theirs >= {"argent"}


@given(st.text(max_size=80))
def test_any_text_gives_plain_words(text: str) -> None:
    for word in french.plain(text):
        assert word.isascii()
        assert word.isalnum()
        assert word == word.lower()
