"""The matcher answers what it knows, offers what it doubts, and passes on the rest."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from channels.sms import gsm
from knowledge import indexer, seed, training
from knowledge.matching import Index, Material, match
from knowledge.training import build, fingerprint

TOPICS = {
    "copil-role": (
        "Le comité de pilotage (COPIL)",
        "Le comité de pilotage décide des actions.",
        "copil comité pilotage",
    ),
    "trouver-salle": ("Trouver une salle", "La mairie prête une salle pour se réunir.", "salle local réunir"),
    "garde-enfants": ("Faire garder les enfants", "Une association garde les enfants.", "enfants garderie nounou"),
    "subvention": ("Demander une subvention", "Un formulaire sert à demander.", "subvention argent financement"),
    "tirage-sort": ("Le tirage au sort", "Les membres étaient tirés sur des listes.", "tirage sort hasard"),
    "photos": ("Publier des photos", "Il faut l'accord des personnes.", "photos image filmer"),
    "assurance": ("Assurer le groupe", "Elle couvre les accidents d'une action.", "assurance accident blessé"),
    "journal": ("Tenir un journal", "Un journal de quartier informe les habitants.", "journal gazette page"),
    "jardin": ("Faire un jardin", "Un jardin demande l'accord du propriétaire.", "jardin fleurs potager"),
    "prefet": ("Écrire au préfet", "Le courrier part avec accusé.", "préfet préfecture lettre"),
}
PATTERNS = (
    "{0}",
    "c'est quoi {0}",
    "comment faire pour {0} {1}",
    "je voudrais savoir pour {1}",
    "{2} qui s'en occupe",
    "on a besoin de {2} et {0}",
    "{1} ?",
    "est ce que le {2} c'est possible",
    "qui paie {0}",
    "quand {1} {2}",
)
CHAT = {
    "bavardage": ("quel temps fait il", "raconte une blague", "tu aimes le chocolat", "la recette des crêpes"),
    "loin": ("renouveler mon passeport", "ma carte vitale", "déclarer mes impôts", "prix du pain"),
    "faits-locaux": ("qui a voté contre hier", "le nom du gardien", "combien de logements à Bellevue"),
}


def entries() -> list[Material]:
    made = []
    for slug, (title, answer, words) in TOPICS.items():
        told = tuple(dict.fromkeys(pattern.format(*words.split()) for pattern in PATTERNS))
        made.append(Material(slug, "practical", title, (), told, answer, ("how", "definition")))
    return made


@pytest.fixture(scope="module")
def index() -> Index:
    return build(entries(), CHAT, jobs=1)


def test_the_words_of_a_phrasing_are_answered(index: Index) -> None:
    found = match(index, "Bonjour, comment faire pour salle local ? Merci")
    assert (found.decision, found.entries) == ("answer", ("trouver-salle",))
    assert found.confidence >= 0.99


def test_shorthand_typos_and_capitals_find_the_same_entry(index: Index) -> None:
    for text in ("cc c koi le copil svp", "C'EST QUOI LE COPIL", "c'est quoi le comitté de pilotagge"):
        assert match(index, text).candidates[0].slug == "copil-role"


def test_what_the_base_does_not_know_is_passed_on(index: Index) -> None:
    found = match(index, "quelle est la hauteur de la tour Eiffel")
    assert (found.decision, found.entries) == ("escalate", ())


def test_small_talk_and_other_languages_are_not_put_to_the_base(index: Index) -> None:
    assert match(index, "merci beaucoup").smalltalk == "thanks"
    english = match(index, "Hello, where can I find a room for the meeting?")
    assert (english.decision, english.language) == ("escalate", "en")


def test_danger_is_told_whatever_the_decision(index: Index) -> None:
    assert match(index, "au secours il y a le feu dans mon immeuble").distress[0] == "18"


def test_two_questions_get_two_entries(index: Index) -> None:
    found = match(index, "c'est quoi copil ? et comment faire pour enfants garderie ?")
    assert found.decision == "answer"
    assert found.entries == ("copil-role", "garde-enfants")
    assert [part.entries for part in found.parts] == [("copil-role",), ("garde-enfants",)]


@pytest.mark.parametrize(
    "form",
    [
        "C'est quoi {0} ?\nC'est quoi {1} ?",
        "C'est quoi {0} ? Et {1} ?",
        "c koi {0} et c koi {1}",
        "c'est quoi {0} et {1} ?",
    ],
)
@pytest.mark.parametrize(
    "pair",
    [
        {"le copil": "copil-role", "un potager": "jardin"},
        {"la gazette": "journal", "le copil": "copil-role"},
        {"un potager": "jardin", "la garderie": "garde-enfants"},
    ],
)
def test_two_words_are_explained_in_either_order(index: Index, form: str, pair: dict[str, str]) -> None:
    for words in (tuple(pair), tuple(pair)[::-1]):
        found = match(index, form.format(*words))
        assert (found.decision, found.entries) == ("answer", tuple(pair[word] for word in words))
        assert len(found.parts) == 2


@pytest.mark.parametrize(
    "text",
    [
        "c'est quoi la salle et le local",  # two words for one thing
        "c'est quoi le copil et la licorne",  # the second is not known
        "c'est quoi la différence entre le copil et un potager",
        "c'est quoi le copil et qui y siège",
    ],
)
def test_one_question_is_not_made_into_two(index: Index, text: str) -> None:
    found = match(index, text)
    assert found.why == "one question"
    assert len(found.parts) == 1


def test_an_entry_that_explains_no_word_is_not_given_for_the_meaning_of_one(index: Index) -> None:
    base = [replace(each, answers=("how",)) if each.slug == "jardin" else each for each in entries()]
    how_to = build(base, CHAT, jobs=1)
    text = "c'est quoi le copil et un potager ?"
    assert match(index, text).why == "several words"
    assert match(how_to, text).why == "one question"


def test_two_subjects_named_together_are_both_given(index: Index) -> None:
    found = match(index, "salle local et subvention argent")
    assert (found.decision, found.entries, found.why) == ("answer", ("trouver-salle", "subvention"), "several topics")
    assert match(index, "salle local et local").why == "one question"  # one subject, twice
    assert match(index, "salle local et licorne").why == "one question"  # the second is not known


@pytest.mark.parametrize(
    "text", ["c'est quoi le copil et qui paie la garderie enfants", "c koi le copil é ki pai la garderie"]
)
def test_a_second_question_is_answered_or_offered_however_it_is_spelled(index: Index, text: str) -> None:
    found = match(index, text)
    assert found.decision != "escalate"
    assert set(found.entries) >= {"copil-role", "garde-enfants"}


def test_choices_are_two_or_three_and_never_repeat(index: Index) -> None:
    for text in ("salle enfants", "photos du journal", "argent pour le jardin", "lettre accident"):
        found = match(index, text)
        if found.decision == "clarify":
            assert 2 <= len(found.entries) <= 3
            assert len(set(found.entries)) == len(found.entries)


def test_what_was_just_published_answers_its_own_words(index: Index) -> None:
    text = "le composteur collectif du square"
    assert match(index, text).decision != "answer"
    new = Material("compost", "practical", "Installer un composteur", phrasings=(text,))
    found = match(index, "bonjour, " + text.upper(), overlay=(new,))
    assert (found.decision, found.entries) == ("answer", ("compost",))
    near = match(index, "composteur collectif au square", overlay=(new,))
    assert near.decision != "escalate"
    assert "compost" in {candidate.slug for candidate in near.candidates}


def test_an_index_comes_back_from_disk_as_it_was(index: Index, tmp_path: Path) -> None:
    index.save(tmp_path / "index.npz")
    again = Index.load(tmp_path / "index.npz")
    assert again.fingerprint == index.fingerprint
    for text in ("c'est quoi le copil", "une nounou pendant la séance", "n'importe quoi d'autre"):
        assert match(again, text) == match(index, text)
    assert all(array.dtype != np.object_ for array in again.arrays.values())


def test_the_fingerprint_changes_with_any_word(index: Index) -> None:
    base = entries()
    assert fingerprint(reversed(base), CHAT) == index.fingerprint
    assert fingerprint([replace(base[0], title="Autre"), *base[1:]], CHAT) != index.fingerprint
    assert fingerprint(base, {**CHAT, "loin": ("autre",)}) != index.fingerprint


def test_chances_never_exceed_one(index: Index) -> None:
    for text in ("salle", "photos et jardin", "subvention pour un journal de quartier", "zzz"):
        found = match(index, text)
        assert all(0 <= candidate.confidence <= 1 for candidate in found.candidates)
        assert found.parts
        for part in found.parts:
            assert sum(candidate.confidence for candidate in part.candidates) <= 1.01


def test_neither_serving_nor_learning_needs_scikit_learn_or_scipy() -> None:
    code = (
        "import sys, knowledge.training; print(sorted({m.split('.')[0] for m in sys.modules} & {'sklearn', 'scipy'}))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_the_same_base_gives_the_same_index_whatever_the_processes(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "SOME", 10)
    monkeypatch.setattr(training, "IN_TURN", 1)
    for jobs in (1, 2):
        training.build(entries(), CHAT, jobs=jobs).save(tmp_path / f"{jobs}.npz")
    assert (tmp_path / "1.npz").read_bytes() == (tmp_path / "2.npz").read_bytes()
    assert Index.load(tmp_path / "2.npz").fingerprint == index.fingerprint


def test_the_overlap_linter_names_the_phrasing_that_leads_elsewhere() -> None:
    contents = [each.content for each in seed.read_folder(seed.CONTENT, gsm.length) if each.content]
    few = [indexer.material(each) for each in contents if each.kind == "meeting"]
    copil = next(each for each in few if each.slug == "copil-role")
    others = [each for each in few if each.slug != "copil-role"]
    marche = next(each for each in others if each.slug == "marche-exploratoire")
    wrong = replace(copil, phrasings=(*copil.phrasings, *(f"{text} svp" for text in marche.phrasings[:8])))
    none = {name: messages[::5] for name, messages in seed.none_messages().items()}
    told = training.overlap([wrong, *others], none, jobs=1)
    mine = [each for each in told.stolen if each.slug == "copil-role" and each.thief == "marche-exploratoire"]
    assert mine, "phrasings of a walk that stand under the steering committee must be shown"
    assert set(told.found) == {each.slug for each in few}
    good, tried = told.found["marche-exploratoire"]
    assert 0 < good <= tried
