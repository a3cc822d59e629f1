"""Tokens, keys, texts and dates: the small pure parts that everything leans on."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import tokens
from bot.desk import reminding, replies
from bot.office import Office, in_full_iso
from bot.say import NoSuchText, say
from channels.contract import Address
from channels.sms import gsm
from channels.sms.budget import Ceilings, Meter
from channels.vault import Vault, WrongKey
from knowledge import entries

VAULT, OTHER = Vault("one secret of thirty-two characters"), Vault("another secret of thirty-two chars")
NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 3000))
def test_a_token_says_what_was_signed_and_nothing_else(subject: int, who: int, days: int) -> None:
    claim = tokens.Claim(tokens.ASKER, subject, who, NOON.date() + timedelta(days=days))
    token = tokens.sign(VAULT, claim)
    assert tokens.read(VAULT, token, NOON) == claim
    assert tokens.read(OTHER, token, NOON) is None
    assert token == token.lower()
    assert len(f"hotline.nantes+{token}") <= 64


@given(st.text(max_size=60))
def test_no_text_is_mistaken_for_a_token(text: str) -> None:
    assert tokens.read(VAULT, text, NOON) is None


def test_every_changed_character_breaks_a_token() -> None:
    token = tokens.sign(VAULT, tokens.Claim(tokens.OFFICER, 7, 1, date(2027, 1, 1)))
    for place, char in enumerate(token[:-1]):
        changed = token[:place] + ("b" if char != "b" else "c") + token[place + 1 :]
        assert tokens.read(VAULT, changed, NOON) is None


@given(st.binary(max_size=200))
def test_what_is_sealed_opens_with_its_key_and_context_alone(plain: bytes) -> None:
    sealed = VAULT.seal(plain, "sms")
    assert VAULT.open(sealed, "sms") == plain
    assert VAULT.seal(plain, "sms") != sealed
    for vault, context in ((OTHER, "sms"), (VAULT, "email")):
        with pytest.raises(WrongKey):
            vault.open(sealed, context)


def test_the_blind_index_depends_on_the_key_and_the_channel() -> None:
    number = "+33612345678"
    assert VAULT.blind("sms", number) == VAULT.blind("sms", number)
    assert len({VAULT.blind("sms", number), VAULT.blind("whatsapp", number), OTHER.blind("sms", number)}) == 3


def test_a_promise_leaves_out_week_ends_and_holidays() -> None:
    office = Office(vault=VAULT, holidays={date(2026, 12, 25)})
    thursday = datetime(2026, 12, 24, 10, tzinfo=UTC)
    assert office.when(office.promised(thursday)) == "mardi 29 décembre 2026 à 17 h"


@pytest.mark.parametrize(
    ("iso", "words"),
    [("2014-02-21", "21 février 2014"), ("2024-11", "novembre 2024"), ("2017", "2017"), ("2026-05-01", "1er mai 2026")],
)
def test_a_date_is_said_in_full(iso: str, words: str) -> None:
    assert in_full_iso(iso) == words


def test_a_line_whose_value_is_empty_is_left_out() -> None:
    said = say("help", Address("web", "x"), organisation="RésO Villes", reach="")
    assert not said.text.endswith("\n")
    assert "$" not in said.text
    assert said.subject


@pytest.mark.parametrize(
    ("name", "url", "kept"),
    [
        ("RésO Villes", "https://hotline.ville.example", ("RésO Villes", "https://hotline.ville.example/conf")),
        ("Métropole du Grand Quelque Part et Alentours", "https://hotline.ville.example", ("https://hotline.v",)),
        ("RésO Villes", f"https://{'quartiers.' * 4}example", ("données : quartiers.quartiers.",)),
        ("RésO Villes", f"https://{'quartiers.' * 9}example", ("HUMAIN",)),
        ("RésO Villes", "", ("RésO Villes", "HUMAIN")),
    ],
)
def test_who_we_are_takes_one_sms_whatever_we_are_called(name: str, url: str, kept: tuple[str, ...]) -> None:
    meter = Meter(Decimal("0.08"), Ceilings(None, None))
    office = Office(VAULT, organisation=name, public_url=url, meters={"sms": meter})
    text = replies.notice(Address("sms", "+33612345678"), office).text
    assert gsm.segments(gsm.fold(text)) == 1
    assert all(part in text for part in ("HUMAIN", "Je suis un programme", *kept))
    assert name in replies.notice(Address("telegram", "7"), office).text, "where nothing costs, all is said"


def test_user_text_is_never_a_template() -> None:
    said = say("added", Address("web", "x"), number="$organisation ${x}", waiting="", files="")
    assert "$organisation ${x}" in said.text


def test_a_text_that_nobody_wrote_is_an_error() -> None:
    with pytest.raises(NoSuchText):
        say("rien-de-tel", Address("web", "x"))


@given(st.text(alphabet="abcéèàùçêâîôûëïœŒ«»’…–€ \u00a0\u202fÀÉÊÇ°", max_size=200))
def test_french_always_folds_to_gsm(text: str) -> None:
    assert gsm.is_gsm(gsm.fold(text))


@pytest.mark.parametrize(
    ("text", "count"),
    [("a" * 160, 1), ("a" * 161, 2), ("a" * 306, 2), ("a" * 307, 3), ("€" * 80, 1), ("€" * 81, 2), ("я" * 70, 1),
     ("я" * 71, 2), ("😀" * 35, 1), ("😀" * 36, 2), ("", 1)],
)  # fmt: skip
def test_segments_are_counted_as_the_network_counts_them(text: str, count: int) -> None:
    assert gsm.segments(text) == count


def test_what_gsm_keeps_is_kept_and_what_it_lacks_is_folded() -> None:
    assert gsm.fold("« Ça va » à l’été… œuvre n° 5") == '"Ça va" à l\'été... oeuvre no 5'
    assert gsm.length("مرحبا") is None


@pytest.mark.parametrize(
    ("title", "reference", "dated", "said"),
    [
        ("Loi n° 2014-173 du 21 février 2014, art. 7 (copie)", "loi 2014-173, art. 7 (texte de 2014)", "2014",
         "Loi n° 2014-173 du 21 février 2014, art. 7 (copie), texte de 2014."),
        ("Localtis, Les conseils changeront-ils la donne ?", "Localtis, décembre 2015", "2015-12",
         "Localtis, Les conseils changeront-ils la donne ?, décembre 2015."),
        ("NosDéputés, question écrite sur la gouvernance", "question écrite 12600 (Assemblée)", "2018",
         "NosDéputés, question écrite sur la gouvernance, question écrite 12600 (Assemblée), 2018."),
    ],
)  # fmt: skip
def test_a_source_is_not_said_twice(title: str, reference: str, dated: str, said: str) -> None:
    source = entries.Source(title, "", reference, dated)
    content = entries.Content("a", "gloss", "A", "réponse", "sms", (), entries.VALID, sources=(source,))
    assert replies.source_line(content, "web") == f"Source : {said}"


DIRECTIONS = "Pour venir : bus 23, arrêt Lauriers\nAccès : de plain-pied"
FIXED = "Réunion de préparation : mardi 26 janvier 2027 à 18 h."


@pytest.mark.parametrize(
    ("practical", "preparation", "kept"),
    [
        ("", "", ()),
        (DIRECTIONS, "", ("Pour venir : bus 23, arrêt Lauriers. Accès : de plain-pied. Répondez",)),
        (DIRECTIONS, FIXED, ("arrêt Lauriers. Réunion de préparation", FIXED)),
        ("Pour venir : " + "bus 23 puis tram 1 " * 12, FIXED, (FIXED,)),
    ],
)
def test_a_reminder_by_sms_says_how_to_come_where_two_sms_have_room(
    practical: str, preparation: str, kept: tuple[str, ...]
) -> None:
    values = {
        "title": "Comité de pilotage de Bellevue", "when": "vendredi 29 janvier 2027 à 18 h",
        "place": "mairie annexe, 12 rue des Lilas", "practical": practical, "preparation": preparation,
    }  # fmt: skip
    text = say("reminder", Address("sms", ""), **reminding.short("reminder", values)).text
    assert "  " not in text, "no space is left where something is not known"
    assert all(part in text for part in kept)
    assert gsm.septets(gsm.fold(text)) <= reminding.TWO_SMS
