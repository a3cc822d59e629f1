"""What is read in an update: payloads as Telegram sends them, with what they must say."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.telegram.pace import Pace
from channels.telegram.pieces import LIMIT, pieces, units
from channels.telegram.update import ALLOWED, Me, read, rescued
from tests.peers.telegram import BOT

ME = Me(int(str(BOT["id"])), str(BOT["username"]))
NOW = datetime.fromtimestamp(1796117400, UTC)
SAMPLES = sorted((Path(__file__).parent / "samples").glob("*.json"))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_says_what_it_must(path: Path) -> None:
    sample = json.loads(path.read_text("utf-8"))
    heard = read(sample["update"], ME, NOW, {})
    expect = sample["expect"]
    if expect.get("nothing"):
        assert heard.inbound is None
        assert not heard.files
        return
    inbound = heard.inbound
    assert inbound is not None
    assert inbound.external_id == str(sample["update"]["update_id"])
    assert inbound.account == str(ME.id)
    assert inbound.sender.channel == "telegram"
    assert inbound.heard_at.tzinfo is not None
    found = {
        "text": inbound.text,
        "handle": inbound.sender.handle,
        "thread": inbound.thread,
        "token": inbound.token,
        "warnings": list(inbound.warnings),
        "files": [[file.file_id, file.filename, file.content_type, file.size] for file in heard.files],
        "pressed": heard.pressed.message_id if heard.pressed else None,
        "about": inbound.about,
    }
    usual = {"handle": "5550142", "thread": "", "token": "", "warnings": [], "files": [], "pressed": None, "about": ""}
    assert found == usual | expect


def test_what_is_asked_of_telegram_is_what_the_samples_hold() -> None:
    kinds = {next(k for k in json.loads(p.read_text("utf-8"))["update"] if k != "update_id") for p in SAMPLES}
    assert set(ALLOWED) <= kinds


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["message", "chat", "id", "type", "text", "from", "date", "message_id"]), inner
        )
    ),
    max_leaves=12,
)


@given(st.sampled_from(ALLOWED), JSON)
def test_rescuing_never_fails_whatever_came(kind: str, content: object) -> None:
    found = rescued({"update_id": 1, kind: content}, ME, NOW)
    assert found is None or (found.nature == "unsure" and found.text)


@given(st.text(alphabet="ab .!?\n😀é", max_size=300), st.integers(2, 40))
def test_pieces_hold_all_the_words_and_none_is_too_long(text: str, limit: int) -> None:
    found = pieces(text, limit)
    assert all(0 < units(piece) <= limit and piece.strip() for piece in found)
    assert "".join("".join(found).split()) == "".join(text.split())


def test_pieces_end_at_paragraphs_then_sentences_then_words() -> None:
    assert pieces("Un. Deux.\n\nTrois. Quatre.", 20) == ["Un. Deux.", "Trois. Quatre."]
    assert pieces("Une phrase. Une autre phrase.", 20) == ["Une phrase.", "Une autre phrase."]
    assert pieces("mot " * 10, 12) == ["mot mot mot"] * 3 + ["mot"]
    assert pieces("x" * 5000) == ["x" * LIMIT, "x" * (5000 - LIMIT)]
    assert [units(piece) for piece in pieces("😀" * 2049)] == [4096, 2]
    assert pieces("  \n ") == []


def test_a_chat_gets_two_messages_at_once_then_one_a_second_and_others_do_not_wait() -> None:
    pace = Pace()
    assert pace.reserve(1, 100.0) == 0
    assert pace.reserve(1, 100.1) == 0, "who we are, then the answer"
    assert pace.reserve(1, 100.2) == pytest.approx(0.8)
    assert pace.reserve(1, 100.3) == pytest.approx(1.7), "more than a second: no place is kept"
    assert pace.reserve(1, 102.0) == 0
    assert pace.reserve(1, 102.1) == pytest.approx(0.9), "a burst comes back with silence"
    assert pace.reserve(2, 100.3) == 0


def test_a_minute_of_words_to_one_person_stays_at_one_a_second() -> None:
    pace = Pace()
    at, sent = 0.0, 0
    while at < 60:
        wait = pace.reserve(1, at)
        sent += wait <= 1.0
        at += max(wait, 0.01)
    assert sent in (60, 61, 62)


def test_a_group_gets_no_burst() -> None:
    pace = Pace()
    assert pace.reserve(-7, 10.0) == 0
    assert pace.reserve(-7, 10.1) == pytest.approx(0.9)


def test_all_chats_together_get_fewer_than_thirty_a_second() -> None:
    pace = Pace()
    waits = [pace.reserve(chat, 50.0) for chat in range(1, 40)]
    assert sum(wait <= 1.0 for wait in waits) in range(24, 30)
    assert max(waits) < 1.1, "what finds no place takes none"
    assert pace.reserve(99, 52.0) == 0


def test_a_group_gets_twenty_a_minute() -> None:
    pace = Pace()
    assert [pace.reserve(-7, 10.0 + n) for n in range(20)] == [0] * 20
    assert pace.reserve(-7, 30.0) == pytest.approx(40.0)
    assert pace.reserve(7, 30.0) == 0
    assert pace.reserve(-7, 70.0) == 0


def test_the_pace_forgets_chats_that_are_silent() -> None:
    pace = Pace()
    for chat in range(1, 12_000):
        pace.reserve(chat, chat * 0.1)
    assert len(pace._chats) < 6000
