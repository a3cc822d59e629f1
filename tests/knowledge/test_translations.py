"""What an entry says in another language: read, checked, written back, and found by its own words alone."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.desk import entries as desk
from channels.sms import gsm
from knowledge import entries, indexer, seed, training, translations
from knowledge.understanding import language
from tests.town import Town

BASE = seed.read_folder(seed.CONTENT, gsm.length)
ALL = [each.content for each in BASE if each.content]
WITH = [each for each in ALL if each.translations]


def test_some_entries_of_the_base_speak_another_language_without_fault() -> None:
    assert {"conseil-citoyen-definition", "contact-resovilles", "calendrier-des-instances"} <= {e.slug for e in WITH}
    assert not [fault for each in BASE if each.content in WITH for fault in each.faults]


@pytest.mark.parametrize("content", WITH, ids=lambda each: each.slug)
def test_a_file_with_translations_is_written_back_as_it_was(content: entries.Content) -> None:
    read = seed.read_text(Path(content.kind) / f"{content.slug}.md", seed.render(content), gsm.length)
    assert read.content == content


def test_the_index_does_not_depend_on_translations() -> None:
    without = [replace(each, translations=()) for each in ALL]
    today = datetime(2026, 12, 1, tzinfo=UTC).date()
    assert entries.fingerprint_of(ALL, today) == entries.fingerprint_of(without, today)
    assert WITH[0].fingerprint() != replace(WITH[0], translations=()).fingerprint()


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ('[translations.xx]\ntitle="a"\nphrasings=["b"]\nanswer="c"\nsms="d"', "langue inconnue"),
        ('[translations.en]\ntitle="a"\nphrasings=["b"]\nsms="d"', "il manque answer"),
        ('[translations.en]\ntitle="a"\nanswer="c"\nsms="d"', "aucune façon"),
        ('[translations.en]\ntitle="a"\nphrasings=["b"]\nanswer="c"\nsms="d"\nmore="e"', "champ inconnu"),
        (f'[translations.ar]\ntitle="a"\nphrasings=["b"]\nanswer="c"\nsms="{"س" * 135}"', "trop longue"),
    ],
)
def test_a_bad_translation_is_told_with_its_line(block: str, said: str) -> None:
    text = seed.render(replace(WITH[0], translations=())).replace("\n+++\n", f"\n{block}\n+++\n", 1)
    faults = seed.read_text(Path(WITH[0].kind) / f"{WITH[0].slug}.md", text, gsm.length).faults
    assert [fault for fault in faults if said in fault.what and fault.line > 1], faults


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("What is a conseil citoyen?", "a"),
        ("what is the conseil citoyen ?", "a"),
        ("Where can we find a room?", ""),
        ("what is it", ""),
        ("", ""),
    ],
)
def test_an_entry_is_found_by_its_own_words_alone(text: str, slug: str) -> None:
    base = [("a", ("what is a conseil citoyen",)), ("b", ("when is the next meeting",))]
    assert translations.find(text, base) == slug


def test_two_entries_that_ask_alike_answer_nothing() -> None:
    assert translations.find("when is it", [("a", ("when is it",)), ("b", ("when is it",))]) == ""


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Where can we find a room for our meeting, please?", "en"),
        ("أين يمكننا أن نجد قاعة لاجتماعنا؟", "ar"),
        ("Toplantımız için nerede bir salon bulabiliriz?", "tr"),
        ("Onde podemos encontrar uma sala para a nossa reunião?", "pt"),
        ("Unde putem găsi o sală pentru întâlnirea noastră?", "ro"),
        ("Где нам найти зал для собрания жителей?", "ru"),
        ("Де ми можемо знайти залу для зустрічі мешканців?", "uk"),
        ("¿Dónde podemos encontrar una sala para nuestra reunión?", "es"),
    ],
)
def test_eight_languages_are_told_apart(text: str, code: str) -> None:
    assert language(text) == code


def test_a_common_question_is_answered_in_the_language_that_its_entry_speaks(
    town: Town, contents: list[entries.Content]
) -> None:
    one = next(each for each in WITH if each.slug == "conseil-citoyen-definition")
    town.db.transact(seed.load, [one], town.now())
    few = {name: messages[::4] for name, messages in seed.none_messages().items()}
    town.index = training.build([indexer.material(each) for each in [*contents, one]], few, jobs=1)
    said = town.say("telegram", "42", "What is a conseil citoyen?")[-1]
    assert said.startswith("A conseil citoyen is a group of residents")
    assert "Did it help?" in said
    assert not town.notices()
    assert "n° 1" in town.say("telegram", "42", "no")[-1], "a no reaches a person"
    sms = town.say("sms", "+33612345678", "¿Qué es un conseil citoyen?")[-1]
    assert "reúne a vecinos" in sms


def test_a_spreadsheet_leaves_translations_as_long_as_the_french_stands(town: Town) -> None:
    one = next(each for each in WITH if each.slug == "conseil-citoyen-definition")
    town.db.transact(seed.load, [one], town.now())
    town.db.transact(desk.bring_in, [replace(one, translations=(), title="Autre titre")], "x", "y", town.now())
    standing = lambda: town.db.look(entries.published, town.now().date(), [one.slug])[0].content  # noqa: E731
    assert (standing().title, standing().translations) == ("Autre titre", one.translations)
    town.db.transact(desk.bring_in, [replace(one, translations=(), answer="Tout autre.")], "x", "y", town.now())
    assert standing().translations == ()
