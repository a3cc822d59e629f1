"""The channel on a real Kannel and an operator behind it: both ways, whatever is refused, late, doubled or down."""

import asyncio
import subprocess
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from channels.contract import Address, Outbound, TryAgain, Undeliverable, Unsure
from tests.channels.sms.conftest import Ear, channel_of, served
from tests.peers.kannel import NUMBER, SECRET, Kannel, Operator, Phone
from tests.peers.mail import until
from tests.peers.ports import free_port

AWA = "+33612345678"
_numbers = count(1)
LONG = "Première phrase, à 10 € l'entrée. " * 12  # 3 segments of GSM-7, 408 signs
SAMPLES = (
    "Quand a lieu le COPIL ? 10 € {ok} [~] \\o/ ^^ | é à ù Ç",
    "  deux  espaces\net une\nligne  ",
    "Когда собрание?",
    "متى الاجتماع؟",
    "merci 🙏🏽👩‍👩‍👧",
    LONG,
    "Привет, соседи! " * 12,
    "🙂" * 90,
    "a+b&c=d%20?#é",
)


def message(text: str, to: str = AWA) -> Outbound:
    return Outbound(Address("sms", to), "answer", {}, text)


def send(channel: Any, text: str, to: str = AWA, key: str = "") -> str:
    return str(asyncio.run(channel.send(message(text, to), key or f"inbox:{next(_numbers)}:0")))


@pytest.fixture
def channel(kannel: Kannel) -> Any:
    return channel_of(kannel.settings)


@pytest.fixture
def ears(kannel: Kannel, channel: Any, ear: Ear, sms_port: int) -> Iterator[Ear]:
    """What the webhook delivers, while it is served."""
    with served(channel, ear.deliver, sms_port):
        yield ear


@pytest.fixture
def awa(kannel: Kannel) -> Phone:
    return kannel.operator.phone(AWA)


# --- in ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", SAMPLES, ids=range(len(SAMPLES)))
def test_what_a_phone_writes_arrives_letter_by_letter(ears: Ear, awa: Phone, text: str) -> None:
    awa.says(text)
    until(lambda: ears.inbound)
    (heard,) = ears.inbound
    assert heard.text == text
    assert (heard.sender, heard.account, heard.nature) == (Address("sms", AWA), NUMBER, "person")
    assert abs(heard.heard_at.timestamp() - time.time()) < 60


def test_a_long_message_whose_parts_arrive_backwards_is_one(ears: Ear, awa: Phone) -> None:
    awa.says(LONG, reverse=True)
    until(lambda: ears.inbound)
    assert [each.text for each in ears.inbound] == [LONG]


def test_parts_that_kannel_does_not_join_are_joined_by_us(kannel_in_parts: Kannel, ear: Ear, sms_port: int) -> None:
    channel = channel_of(kannel_in_parts.settings)
    with served(channel, ear.deliver, sms_port):
        phone = kannel_in_parts.operator.phone(AWA)
        phone.says(LONG, reverse=True)
        until(lambda: ear.inbound)
        phone.says("Привет, соседи! " * 12)
        until(lambda: len(ear.inbound) == 2)
    assert [each.text for each in ear.inbound] == [LONG, "Привет, соседи! " * 12]


@pytest.mark.parametrize(
    ("sender", "nature"), [("36111", "machine"), ("Orange", "machine"), ("+32470123456", "unsure")]
)
def test_who_is_no_person_of_ours_is_kept_and_marked(ears: Ear, kannel: Kannel, sender: str, nature: str) -> None:
    kannel.operator.bring(sender, "Gagnez un lot")
    until(lambda: ears.inbound)
    assert (ears.inbound[0].sender.handle, ears.inbound[0].nature) == (sender, nature)


def test_while_we_are_down_kannel_keeps_what_comes_in_and_brings_it_once(
    kannel: Kannel, channel: Any, ear: Ear, sms_port: int, awa: Phone
) -> None:
    for number in range(5):
        awa.says(f"message {number}")
    deadline = time.monotonic() + 1.5  # long enough for several tries to be refused
    until(lambda: time.monotonic() > deadline)
    assert not ear.heard
    with served(channel, ear.deliver, sms_port):
        until(lambda: len(ear.inbound) == 5)
        deadline = time.monotonic() + 1.5
        until(lambda: time.monotonic() > deadline)
    assert sorted(each.text for each in ear.inbound) == [f"message {number}" for number in range(5)]


def test_a_message_that_we_could_not_keep_comes_again(ears: Ear, awa: Phone) -> None:
    ears.refuse = 2
    awa.says("à garder")
    until(lambda: ears.inbound)
    assert [each.text for each in ears.inbound] == ["à garder"]


def test_a_message_kept_without_kannel_hearing_it_comes_again_under_the_same_id(
    kannel: Kannel, channel: Any, sms_port: int, awa: Phone
) -> None:
    told: list[Any] = []

    async def deliver(heard: Any) -> bool:
        told.append(heard)
        if len(told) == 1:
            raise OSError("coupé juste après")
        return False

    with served(channel, deliver, sms_port):
        awa.says("une seule fois")
        until(lambda: len(told) == 2)
    assert told[0].external_id == told[1].external_id


def test_smsbox_killed_loses_nothing_that_phones_write(ears: Ear, kannel: Kannel, awa: Phone) -> None:
    kannel.kill_box("smsbox")
    awa.says("pendant la panne")
    kannel.start_box("smsbox")
    until(lambda: ears.inbound)
    assert [each.text for each in ears.inbound] == ["pendant la panne"]


# --- out --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "reads", "coding", "segments"),
    [
        ("Ça va « bien » ? L’entrée : 10 € {ok}", 'Ça va "bien" ? L\'entrée : 10 € {ok}', 0, 1),
        ("Deux lignes :\n1. oui & non\n2. 100 % + ?", "Deux lignes :\n1. oui & non\n2. 100 % + ?", 0, 1),
        (LONG.strip(), LONG.strip(), 0, 3),
        ("متى الاجتماع؟", "متى الاجتماع؟", 8, 1),
        ("Привет, соседи! " * 6, ("Привет, соседи! " * 6).strip(), 8, 2),
    ],
)
def test_what_we_send_is_read_as_it_was_fitted(
    channel: Any, awa: Phone, text: str, reads: str, coding: int, segments: int
) -> None:
    send(channel, text)
    until(awa.messages)
    (read,) = awa.messages()
    assert (read.text, read.coding, read.segments) == (reads, coding, segments)
    assert channel.cost(text).segments == segments
    assert "+" + read.sender.lstrip("+") == NUMBER


def test_what_is_longer_than_three_segments_is_cut_and_says_how_to_reach_a_person(channel: Any, awa: Phone) -> None:
    send(channel, LONG * 3)
    until(awa.messages)
    (read,) = awa.messages()
    assert read.segments == 3
    assert read.text.endswith("La suite : répondez HUMAIN")


def test_a_delivery_is_reported_under_the_id_that_sending_gave(ears: Ear, channel: Any) -> None:
    id = send(channel, "Bonjour", key="reminder:1")
    until(lambda: ears.of(id))
    assert [each.state for each in ears.of(id)] == ["delivered"]
    assert send(channel, "Bonjour", key="reminder:1") == id, "the same key, the same id: any try's report finds it"
    assert send(channel, "Bonjour", key="reminder:2") != id


def test_what_a_phone_never_got_is_reported_with_the_reason(ears: Ear, kannel: Kannel, channel: Any) -> None:
    kannel.operator.undelivered.add(AWA)
    id = send(channel, "Bonjour")
    until(lambda: ears.of(id))
    assert ears.of(id)[0].state == "failed"
    assert "UNDELIV" in ears.of(id)[0].reason


def test_what_the_operator_refuses_is_reported_with_the_reason(ears: Ear, kannel: Kannel, channel: Any) -> None:
    kannel.operator.refuse[AWA] = 0x0000000B
    id = send(channel, "Bonjour")
    until(lambda: ears.of(id))
    assert ears.of(id)[0].state == "failed"
    assert "Invalid Destination" in ears.of(id)[0].reason


def test_a_report_that_comes_after_kannel_was_restarted_still_finds_its_message(
    ears: Ear, kannel: Kannel, channel: Any, awa: Phone
) -> None:
    kannel.operator.late.add(AWA)
    id = send(channel, "Bonjour")
    until(awa.messages)
    kannel.stop()
    kannel.start()
    kannel.operator.report_late()
    until(lambda: ears.of(id))
    assert ears.of(id)[0].state == "delivered"


def test_a_report_that_overtakes_the_note_of_the_sending_is_told_again(
    kannel: Kannel, channel: Any, sms_port: int
) -> None:
    told: list[str] = []

    async def deliver(receipt: Any) -> bool:
        told.append(receipt.provider_id)
        return told.count(receipt.provider_id) == 3

    with served(channel, deliver, sms_port):
        id = send(channel, "Bonjour")
        until(lambda: told.count(id) == 3)


def test_kannel_down_is_a_try_later_for_the_whole_channel_and_up_again_it_sends(
    kannel: Kannel, channel: Any, awa: Phone
) -> None:
    kannel.kill_box("smsbox")
    with pytest.raises(TryAgain) as caught:
        send(channel, "Bonjour")
    assert caught.value.scope == "channel"
    kannel.start_box("smsbox")
    until(kannel.ready)
    send(channel, "Bonjour")
    until(awa.messages)
    assert awa.reads() == ["Bonjour"]


def test_bearerbox_away_is_never_taken_for_a_success(kannel: Kannel, channel: Any) -> None:
    kannel.kill_box("bearerbox")
    with pytest.raises((TryAgain, Unsure)):
        send(channel, "Bonjour")
    kannel.kill_box("smsbox")


def test_the_operator_away_keeps_the_message_in_kannel_until_it_is_back(
    kannel: Kannel, channel: Any, awa: Phone
) -> None:
    """Kannel says « 3: Queued »: it has the message, and must not be given it again."""
    kannel.stop()
    path = kannel.folder / "kannel.conf"
    before = path.read_text("utf-8")
    try:
        path.write_text(before.replace(f"port = {kannel.operator.port}\n", f"port = {free_port()}\n"))
        kannel.start_box("bearerbox")
        kannel.start_box("smsbox")
        until(lambda: "<type>smsbox</type>" in kannel.status(), what="for smsbox")
        assert send(channel, "Bonjour")
        kannel.stop()
        path.write_text(before)
        kannel.start()
        until(awa.messages)
    finally:
        path.write_text(before)
        kannel.stop()
    assert awa.reads() == ["Bonjour"]


def test_a_wrong_password_is_said_and_tried_again_later(kannel: Kannel) -> None:
    wrong = channel_of(kannel.settings | {"HOTLINE_SMS_KANNEL": kannel.url.replace("p%40", "x")})
    with pytest.raises(TryAgain, match="identifiants") as caught:
        send(wrong, "Bonjour")
    assert caught.value.scope == "channel"
    with pytest.raises(TryAgain, match="identifiants"):
        asyncio.run(wrong.check())


@pytest.mark.parametrize("to", ["36111", "+32470123456", "Orange"])
def test_nothing_goes_where_it_must_not(kannel: Kannel, channel: Any, to: str) -> None:
    with pytest.raises(Undeliverable):
        send(channel, "Bonjour", to)
    assert not kannel.operator.submits


def test_check_reaches_kannel_without_sending(kannel: Kannel, channel: Any) -> None:
    assert "répond" in asyncio.run(channel.check())
    assert not kannel.operator.submits


# --- who may call us --------------------------------------------------------------------------------------------------


def test_a_call_without_the_secret_or_from_elsewhere_is_refused(kannel: Kannel, ear: Ear, sms_port: int) -> None:
    query = {"id": "x", "from": AWA, "to": NUMBER, "text": "faux", "at": "1"}
    with served(channel_of(kannel.settings), ear.deliver, sms_port):
        base = f"http://127.0.0.1:{sms_port}/sms"
        assert httpx.get(f"{base}/{SECRET[:-1]}x/recu", params=query, trust_env=False).status_code == 403
        assert httpx.get(f"{base}/{SECRET}/autre", params=query, trust_env=False).status_code == 404
    elsewhere = kannel.settings | {"HOTLINE_SMS_KANNEL_ADDRESSES": "10.1.2.3"}
    with served(channel_of(elsewhere), ear.deliver, sms_port):
        assert httpx.get(f"{base}/{SECRET}/recu", params=query, trust_env=False).status_code == 403
    assert not ear.heard


def test_the_same_call_twice_is_one_message(kannel: Kannel, channel: Any, ear: Ear, sms_port: int) -> None:
    query = {"id": "a1", "from": AWA, "to": NUMBER, "text": "oui", "at": str(int(time.time())), "header": ""}
    with served(channel, ear.deliver, sms_port):
        for _ in range(2):
            answer = httpx.get(f"http://127.0.0.1:{sms_port}/sms/{SECRET}/recu", params=query, trust_env=False)
            assert (answer.status_code, answer.text) == (200, ""), "a body would be sent to the phone"
    assert len(ear.inbound) == 1


# --- the profile « sms » ----------------------------------------------------------------------------------------------


def test_the_gateway_of_the_compose_profile_carries_both_ways_and_writes_nobody_down(
    kannel: Kannel, ear: Ear, sms_port: int, tmp_path: Path
) -> None:
    operator = Operator()
    operator.start()
    ports = {name: str(free_port()) for name in ("KANNEL_PORT", "KANNEL_ADMIN_PORT", "KANNEL_BOX_PORT")}
    environment = ports | {
        "PATH": "/usr/sbin:/usr/bin:/bin",
        "HOTLINE_SMS_SECRET": SECRET,
        "HOTLINE_SMS_KANNEL_CALLBACK": f"http://127.0.0.1:{sms_port}",
        "KANNEL_PASSWORD": "mot-de-passe",
        "KANNEL_RUN": str(tmp_path / "run"),
        "KANNEL_SPOOL": str(tmp_path / "spool"),
        "KANNEL_LISTEN": "127.0.0.1",
        "SMPP_HOST": "127.0.0.1",
        "SMPP_PORT": str(operator.port),
        "SMPP_USER": "u",
        "SMPP_PASSWORD": "p",
    }
    url = f"http://hotline:mot-de-passe@127.0.0.1:{ports['KANNEL_PORT']}"
    channel = channel_of(kannel.settings | {"HOTLINE_SMS_KANNEL": url})
    start = Path(__file__).parents[3] / "docs/sms-gateway/start.sh"
    with (tmp_path / "out").open("wb") as out, served(channel, ear.deliver, sms_port):
        process = subprocess.Popen(["/bin/sh", str(start)], env=environment, stdout=out, stderr=out)
        try:
            until(lambda: operator.bound, what="for bearerbox")
            until(lambda: checks(channel), what="for smsbox")
            operator.bring(AWA, "Bonjour")
            until(lambda: ear.inbound)
            id = send(channel, "Bien reçu")
            until(lambda: ear.of(id))
            assert operator.phone(AWA).reads() == ["Bien reçu".replace("ç", "c")]
        finally:
            process.terminate()
            process.wait(20)
            operator.stop()
    assert AWA[1:] not in (tmp_path / "out").read_text("utf-8", "replace"), "which is what `docker logs` would keep"


def checks(channel: Any) -> bool:
    try:
        asyncio.run(channel.check())
    except TryAgain:
        return False
    return True


# --- figures, and what is left behind ---------------------------------------------------------------------------------


def test_a_hundred_each_way_all_arrive_and_no_text_or_number_stays_in_a_log(
    kannel: Kannel, channel: Any, ears: Ear, record_property: Any
) -> None:
    ids: list[str] = []

    async def send_all() -> None:
        for start in range(0, 100, 10):
            texts = [message(f"Réponse secrète {n}") for n in range(start, start + 10)]
            ids.extend(await asyncio.gather(*(channel.send(each, f"inbox:{each.text}:0") for each in texts)))

    began = time.monotonic()
    asyncio.run(send_all())
    until(lambda: len(kannel.operator.inbox) == 100)
    out = 100 / (time.monotonic() - began)
    began = time.monotonic()
    for number in range(100):
        kannel.operator.bring(AWA, f"Question secrète {number}")
    until(lambda: len(ears.inbound) == 100)
    came_in = 100 / (time.monotonic() - began)
    until(lambda: all(map(ears.of, ids)))
    record_property("sms out per second", round(out))
    record_property("sms in per second", round(came_in))
    print(f"\nKannel: {out:.0f} out/s, {came_in:.0f} in/s")
    assert len({each.external_id for each in ears.inbound}) == 100
    left = kannel.written()
    assert "secrète" not in left
    assert "secr%" not in left
    assert AWA[1:] not in left
