"""Every shape of call that Meta documents, read as data; and pywa reads the same words in the same samples."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pywa import WhatsApp, types, utils
from pywa.types.base_update import RawUpdate

from channels.contract import Address, Inbound, Receipt
from channels.whatsapp.message import CHOICE_LASTS, contents, pieces, pressed, recipient, stamped
from channels.whatsapp.templates import KNOCK, LONGEST, templates
from channels.whatsapp.update import Heard, read
from tests.channels.whatsapp.graph import APP_SECRET, NUMBER, TOKEN, Graph

NOW = datetime.fromtimestamp(1796117400, UTC)
OURS, ANOTHER = {"FR.1349120865530274": "wamid.OURS"}, {"FR.1349120865530274": "wamid.LATER"}
FOLDER = Path(__file__).parent / "samples"
SAMPLES: dict[str, Any] = {  # what each says: words, or a tuple of words; () for nothing
    "text": "C'est quoi le COPIL ?",
    "text-of-someone-with-a-username": "Bonjour",
    "text-before-ids-of-people": "Bonjour",
    "reply-to-us": "Et le lieu ?",
    "forwarded": "À lire !",
    "edited": "C'est quoi un QPV ?",
    "deleted": (),
    "button": "OUI",
    "button-of-yesterday": "Trouver une salle",
    "button-of-another-program": "Ancien menu",
    "list": "2",
    "list-of-yesterday": "parler à l'équipe",
    "form": "(formulaire WhatsApp rempli)",
    "button-of-a-template": "je viens",
    "button-that-opens-the-conversation": "lire@hotline",
    "reaction": "👍",
    "reaction-laughing": (),
    "reaction-taken-back": (),
    "image": "Le banc cassé",
    "document": "",
    "voice": "",
    "video": "",
    "sticker": "",
    "position": "(position partagée : 47.21837, -1.55362)",
    "place": "(lieu partagé : Maison de quartier, 12 rue des Lilas, Nantes, 47.21837, -1.55362)",
    "contact": "(contact partagé : Samira B., +33 6 00 00 00 01)",
    "order": "(commande WhatsApp)",
    "unsupported": "(message que WhatsApp ne nous transmet pas [code 131051])",
    "first-opening": "start",
    "number-changed": (),
    "type-of-tomorrow": "(message que WhatsApp ne nous transmet pas)",
    "text-of-another-shape": "(message que je n'ai pas pu lire)",
    "in-a-group": (),
    "status-sent": (),
    "status-delivered": (),
    "status-read": (),
    "status-failed": (),
    "errors-alone": (),
    "two-at-once-in-the-wrong-order": ("Le début", "La suite"),
    "for-another-number": (),
    "template-status": (),
}
FILES = {
    "image": ("photo.jpg", "image/jpeg"),
    "document": ("compte rendu.pdf", "application/pdf"),
    "voice": ("audio.ogg", "audio/ogg"),
    "video": ("video.mp4", "video/mp4"),
    "sticker": ("autocollant.webp", "image/webp"),
}
REPORTS = {
    "status-sent": ("sent", ""),
    "status-delivered": ("delivered", ""),
    "status-read": ("delivered", ""),
    "status-failed": ("failed", "WhatsApp ne l'a pas remis : Message undeliverable (131026)"),
}


def sample(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text("utf-8"))


def heard(name: str, last: dict[str, str] = OURS) -> list[Heard]:
    return [each for each in read(sample(name), NUMBER, NOW, last) if isinstance(each, Heard)]


def only(name: str, last: dict[str, str] = OURS) -> Inbound:
    (found,) = heard(name, last)
    return found.inbound


def test_every_sample_is_described() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == SAMPLES.keys()


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_says_what_it_says(name: str) -> None:
    said = SAMPLES[name]
    assert tuple(each.inbound.text for each in heard(name)) == (said if isinstance(said, tuple) else (said,))


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_wanted_under_a_name(name: str) -> None:
    (found,) = heard(name)
    assert found.file is not None
    assert (found.file.filename, found.file.content_type) == FILES[name]


@pytest.mark.parametrize("name", REPORTS)
def test_a_status_is_a_report_with_our_key(name: str) -> None:
    state, reason = REPORTS[name]
    assert read(sample(name), NUMBER, NOW, OURS) == [
        Receipt("whatsapp", "wamid.OURS", state, reason, "inbox:1:0")  # type: ignore[arg-type]
    ]


def test_who_wrote_is_known_by_metas_id_and_else_by_the_number() -> None:
    for name in ("text", "text-of-someone-with-a-username"):
        assert only(name).sender == Address("whatsapp", "FR.1349120865530274")
    assert only("text-before-ids-of-people").sender == Address("whatsapp", "+33612345678")
    assert only("text").account == NUMBER
    assert only("text").heard_at == NOW


def test_what_surrounds_a_message_is_kept() -> None:
    assert only("reply-to-us").about == "wamid.OURS"
    assert only("forwarded").warnings == ("message transféré",)
    assert only("edited").warnings == ("message modifié",)
    assert only("text-of-another-shape").nature == "unsure"
    assert only("button-that-opens-the-conversation").nature == "machine"


def test_a_number_pressed_under_an_earlier_message_is_its_words_and_a_reaction_to_it_is_nothing() -> None:
    assert only("list", ANOTHER).text == "Trouver une salle"
    assert only("list", {}).text == "2", "after a restart its age alone decides"
    assert heard("reaction", ANOTHER) == []


def test_a_clock_that_goes_ahead_is_not_believed() -> None:
    (found,) = read(sample("text"), NUMBER, NOW - timedelta(days=2), OURS)
    assert isinstance(found, Heard)
    assert found.inbound.heard_at == NOW - timedelta(days=2) + timedelta(minutes=5)


@pytest.mark.parametrize("body", [{}, {"entry": 3}, {"entry": [{"changes": [{"field": "messages", "value": []}]}]}])
def test_what_is_no_call_of_metas_says_nothing(body: Any) -> None:
    assert read(body, NUMBER, NOW, {}) == []


# --- pywa reads the same ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["text", "text-of-someone-with-a-username", "reply-to-us", "forwarded", "image", "document", "voice"]
)
def test_pywa_reads_the_same_words_and_sender_in_a_message(name: str) -> None:
    raw = (FOLDER / f"{name}.json").read_bytes()
    client = WhatsApp(phone_id=NUMBER, token=TOKEN)
    update = types.Message.from_update(client, RawUpdate(raw, hmac_header=None, update_hash=None))
    mine = only(name)
    assert (update.text or update.caption or "") == mine.text
    assert (update.id, update.timestamp) == (mine.external_id, mine.heard_at)
    assert update.from_user.bsuid == mine.sender.handle
    assert update.forwarded == ("message transféré" in mine.warnings)
    assert (update.reply_to_message.id if update.reply_to_message else "") == mine.about
    if name in FILES:
        (found,) = heard(name)
        assert found.file is not None
        assert update.media.id == found.file.id


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("button", types.CallbackButton),
        ("button-of-a-template", types.CallbackButton),
        ("list", types.CallbackSelection),
    ],
)
def test_pywa_reads_the_same_answer_in_a_pressed_button(name: str, kind: Any) -> None:
    raw = (FOLDER / f"{name}.json").read_bytes()
    client = WhatsApp(phone_id=NUMBER, token=TOKEN)
    update = kind.from_update(client, RawUpdate(raw, hmac_header=None, update_hash=None))
    assert update.data.partition("@")[0] == only(name).text


@pytest.mark.parametrize("name", REPORTS)
def test_pywa_reads_the_same_in_a_status(name: str) -> None:
    raw = (FOLDER / f"{name}.json").read_bytes()
    client = WhatsApp(phone_id=NUMBER, token=TOKEN)
    update = types.MessageStatus.from_update(client, RawUpdate(raw, hmac_header=None, update_hash=None))
    (mine,) = read(sample(name), NUMBER, NOW, OURS)
    assert isinstance(mine, Receipt)
    assert (update.id, update.tracker) == (mine.provider_id, mine.key)
    if mine.state == "failed":
        assert update.error is not None
        assert str(update.error.code) in mine.reason


def test_pywa_believes_the_signature_of_our_server() -> None:
    body = (FOLDER / "text.json").read_bytes()
    signature = Graph.signed(body)["x-hub-signature-256"]
    assert utils.webhook_updates_validator(APP_SECRET, body, signature)
    assert not utils.webhook_updates_validator(APP_SECRET, body + b" ", signature)


# --- what we say ------------------------------------------------------------------------------------------------------


def test_a_handle_is_a_number_or_metas_id_and_nothing_else() -> None:
    assert recipient("+33612345678") == {"to": "33612345678"}
    assert recipient("FR.1349120865530274") == {"recipient": "FR.1349120865530274"}
    for bad in ("", "33612345678", "awa@exemple.fr", "FR."):
        with pytest.raises(ValueError, match=r"^"):
            recipient(bad)


def test_a_long_text_is_cut_at_a_sentence_and_nothing_is_lost() -> None:
    text = "Une phrase assez courte. " * 400
    found = pieces(text)
    assert [len(piece) <= 4096 for piece in found] == [True] * len(found)
    assert " ".join(found) == text.strip()
    assert all(piece.endswith(".") for piece in found)
    assert "".join(pieces("x" * 9000)) == "x" * 9000


def test_choices_are_buttons_where_they_are_short_and_a_list_where_they_are_not() -> None:
    (asked,) = contents("Cela vous aide ?", ("OUI", "NON"), NOW)
    buttons = asked["interactive"]["action"]["buttons"]
    assert [each["reply"]["title"] for each in buttons] == ["OUI", "NON"]
    assert [pressed(each["reply"]["id"], NOW) for each in buttons] == ["OUI", "NON"]
    titles = ("Le rôle du COPIL", "Trouver une salle pour se réunir", "Autre chose : parler à l'équipe")
    (asked,) = contents("Laquelle ?", titles, NOW)
    rows = asked["interactive"]["action"]["sections"][0]["rows"]
    assert [pressed(row["id"], NOW) for row in rows] == ["1", "2", "3"]
    assert [row.get("description", "") for row in rows] == ["", *titles[1:]]
    assert contents("Laquelle ?", [f"choix {n}" for n in range(11)], NOW)[0]["type"] == "text"


def test_a_long_question_with_choices_keeps_its_last_part_for_them() -> None:
    *before, asked = contents("Une phrase assez courte. " * 60, ("OUI", "NON"), NOW)
    assert [each["type"] for each in before] == ["text"]
    assert len(asked["interactive"]["body"]["text"]) <= 1024


def test_a_button_answers_for_half_an_hour() -> None:
    id = stamped("1", NOW)
    assert pressed(id, NOW + CHOICE_LASTS) == "1"
    assert pressed(id, NOW + CHOICE_LASTS + timedelta(seconds=1)) == ""
    assert pressed("1", NOW) == ""


def test_every_template_keeps_metas_rules() -> None:
    """https://developers.facebook.com/docs/whatsapp/message-templates/guidelines"""
    for name, each in templates().items():
        assert each.name.replace("_", "").isalnum(), name
        assert each.name.islower(), name
        assert not each.body.startswith("{{"), name
        assert not each.body.endswith("}}"), name
        for number in range(1, len(each.values) + 1):
            assert each.body.count("{{" + str(number) + "}}") == 1, name
        assert len(each.buttons) <= 3
        assert all(len(label) <= 20 for label, _ in each.buttons), name
        assert each.fits(dict.fromkeys(each.values, "x" * 100)), name
        assert not each.fits(dict.fromkeys(each.values, "x" * LONGEST)) or not each.values
        assert "STOP" in each.body
    assert templates()[KNOCK].values == ()


def test_a_value_holds_no_line_end_and_none_is_empty() -> None:
    reminder = templates()["reminder"]
    given = {"person": "Awa", "title": "Comité\nde pilotage", "when": "jeudi\tà 18 h", "place": "ici"}
    assert "Comité de pilotage a lieu jeudi à 18 h." in reminder.filled(given)
    assert not reminder.fits(given | {"place": "  "})
    assert not reminder.fits({"person": "Awa"})
    assert replace(reminder, values=()).payload({})["language"] == {"code": "fr"}
