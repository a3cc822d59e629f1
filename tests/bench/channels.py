"""How long an answer takes on each channel, from the message at its peer to the answer there, and how many fit."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bot.app import quiet_logs
from tests.bench.installation import Row, ms, share
from tests.channels.phones import PHONES, Phone
from tests.channels.service import Service, running
from tests.peers.kannel import Kannel, Operator
from tests.peers.mail import serving
from tests.peers.ports import free_port

QUESTIONS = ("C'est quoi le COPIL ?", "C'est quoi un QPV ?", "Où trouver une salle pour se réunir ?")
PEERS = {
    "telegram": "Bot API server of the tests, long polling",
    "sms": "Kannel, SMPP operator of the tests",
    "email": "Postfix, Dovecot, IMAP IDLE",
    "web": "HTTP, uvicorn",
    "whatsapp": "Graph API server of the tests, webhook",
}
DEMANDS = {"telegram": 2.0, "sms": 2.0}  # seconds, p95
LOOK = 0.02  # seconds between two looks at the peer
PATIENCE = 60.0  # seconds


def run(quick: bool) -> Iterator[Row]:
    quiet_logs(40)
    operator = Operator()
    operator.start()
    port = free_port()
    kannel = Kannel(operator, f"http://127.0.0.1:{port}")
    try:
        kannel.start()
        with (
            tempfile.TemporaryDirectory(prefix="hotline-bench-") as folder,
            serving() as mail,
            running(Path(folder), port, mail, kannel, None, quiet=3.0) as service,
        ):
            for name in PEERS:
                yield from _channel(service, name, 8 if quick else 40)
    finally:
        kannel.close()
        operator.stop()


def _channel(service: Service, name: str, many: int) -> Iterator[Row]:
    where = f"{name}: {PEERS[name]}"
    phones = [PHONES[name](service) for _ in range(many)]
    try:
        _answered(phones[0], QUESTIONS[0], 1)  # warm
        phones[0].is_served()
        first = [_answered(phone, QUESTIONS[0], 1) for phone in phones[1:]]
        for phone in phones:
            phone.is_served()
        next_ = [_answered(phone, QUESTIONS[1], 2) for phone in phones]
        for phone in phones:
            phone.is_served()
        began = time.monotonic()
        for phone in phones:
            phone.write(QUESTIONS[2])
        ended = max(_waited(phone, 3, began) for phone in phones)
        doubles = sum(phone.text().count("Source") - 3 for phone in phones)
    finally:
        for phone in phones:
            phone.close()
    p95 = share(next_, 0.95)
    demand = DEMANDS.get(name)
    yield Row("first question, notice included, p50", where, ms(share(first, 0.5)))
    yield Row("first question, notice included, p95", where, ms(share(first, 0.95)))
    yield Row("next question, p50", where, ms(share(next_, 0.5)))
    yield Row(
        "next question, p95", where, ms(p95), f"≤ {demand:.0f} s" if demand else "", p95 <= demand if demand else None
    )
    yield Row(f"{many} people at once, answered", where, f"{many / ended:.1f}/s")
    yield Row("answers too many", where, str(doubles), "0", doubles == 0)


def _answered(phone: Phone, text: str, times: int) -> float:
    """Seconds from the message at the peer to its answer at the peer; each question has one source line."""
    began = time.monotonic()
    phone.write(text)
    return _waited(phone, times, began)


def _waited(phone: Phone, times: int, began: float) -> float:
    end = time.monotonic() + PATIENCE
    while phone.text().count("Source") < times:
        if time.monotonic() > end:
            raise AssertionError(f"{phone.channel}: no answer in {PATIENCE:.0f} s: {phone.read()[-2:]}")
        time.sleep(LOOK)
    return time.monotonic() - began
