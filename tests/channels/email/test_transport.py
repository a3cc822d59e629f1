"""The email channel against a real Postfix and a real Dovecot."""

import asyncio
import contextlib
import gc
import imaplib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import pytest

from channels.contract import (
    Address,
    Attachment,
    BadSetting,
    Inbound,
    Outbound,
    Receipt,
    TryAgain,
    Undeliverable,
    Unsure,
)
from channels.email import open_channel
from channels.email.channel import EmailChannel
from channels.email.intake import ILLEGIBLE, TOO_BIG, understand
from channels.email.letter import html_of, is_ours, message_id, write_letter
from channels.email.patterns import MARKER
from channels.email.settings import EmailSettings, read_settings
from tests.peers.mail import DOMAIN, FULL, LATER, NEVER, PASSWORD, Mailbox, MailServer, mail_server, mailbox, until

__all__ = ["mail_server", "mailbox"]
T = TypeVar("T")
TOKEN = "abcdefghijklmnopqrstuvwxyz234567abcdefghijklm"
ASKER = "habitante@quartier.test"
NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


def run(work: Coroutine[Any, Any, T], seconds: float = 60) -> T:
    try:
        return asyncio.run(asyncio.wait_for(work, seconds))
    finally:
        gc.collect()  # a socket left open is a warning, and so an error, of the test that left it


def mail(text: str = "Où est la réunion ?", subject: str = "Réunion de conseil", **headers: str) -> EmailMessage:
    letter = EmailMessage(policy=policy.SMTP.clone(max_line_length=900))
    letter["From"], letter["To"], letter["Subject"] = f"Zoé Légaré <{ASKER}>", f"hotline@{DOMAIN}", subject
    for name, value in headers.items():
        name = name.replace("_", "-")
        del letter[name]
        letter[name] = value
    letter.set_content(text)
    return letter


def settings_of(box: Mailbox, **changed: str) -> EmailSettings:
    settings = read_settings(box.settings(**changed))
    assert settings is not None
    return settings


def channel_of(box: Mailbox, *, poll: float = 50.0, **changed: str) -> EmailChannel:
    return EmailChannel(settings_of(box, **changed), poll=poll, first_pause=0.1)


def understood(raw: bytes, **changed: Any) -> Inbound:
    settings = EmailSettings(f"hotline@{DOMAIN}", None, None, **changed)  # type: ignore[arg-type]
    found = understand(raw, NOW, settings)
    assert isinstance(found, Inbound)
    return found


def outbound(text: str = "Jeudi à 18 h.", to: str = ASKER, **fields: Any) -> Outbound:
    return Outbound(Address("email", to), "answer", {}, text, **fields)


class Ears:
    """Keeps what is delivered; refuses as often as it is told to."""

    def __init__(self, refuse: int = 0, before: Callable[[], None] = lambda: None):
        self.heard: list[Inbound | Receipt] = []
        self.refuse, self.refused, self.before = refuse, 0, before

    async def __call__(self, message: Inbound | Receipt) -> bool:
        await asyncio.to_thread(self.before)
        if self.refused < self.refuse:
            self.refused += 1
            raise RuntimeError("the database is away")
        self.heard.append(message)
        return True

    async def have(self, number: int, seconds: float = 15) -> list[Inbound]:
        await eventually(lambda: len(self.heard) >= number, seconds, f"for {number} messages, have {len(self.heard)}")
        return self.heard  # type: ignore[return-value]


async def eventually(condition: Callable[[], bool], seconds: float = 15, what: str = "") -> None:
    end = time.monotonic() + seconds
    while not await asyncio.to_thread(condition):
        assert time.monotonic() < end, f"waited {seconds:g} s in vain {what}"
        await asyncio.sleep(0.03)


@contextlib.asynccontextmanager
async def listening(channel: EmailChannel, ears: Ears) -> AsyncIterator[None]:
    task = asyncio.create_task(channel.listen(ears))
    try:
        yield
        assert not task.done(), "the loop ended by itself"
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def heard_by(box: Mailbox, number: int = 1, **changed: str) -> list[Inbound]:
    ears = Ears()
    async with listening(channel_of(box, **changed), ears):
        heard = await ears.have(number)
        await eventually(lambda: box.flagged() >= number)
    return heard


class Relay:
    """A TCP proxy whose connections can be cut, or go silent."""

    def __init__(self, port: int):
        self.target, self.port, self.connections = port, 0, 0
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> "Relay":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        far_writer = writer
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
            self._writers.append(far_writer)
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        finally:
            writer.transport.abort()
            far_writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()


@contextlib.asynccontextmanager
async def scripted(talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[int]:
    """A server that says what the test wants; yields its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError):
                await talk(reader, writer)
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


# ---------------------------------------------------------------- in
def test_a_mail_through_postfix_is_heard_with_all_that_matters(mailbox: Mailbox) -> None:
    letter = mail("Bonjour,\n\nQuand a lieu le comité ? Été, œuvre, 25 €.\n", "Prochain comité à l'école 🎒")
    letter["Message-ID"] = "<un@quartier.test>"
    del letter["To"]
    letter["To"] = mailbox.address
    letter.add_attachment(b"%PDF-1.4 ...", maintype="application", subtype="pdf", filename="été.pdf")
    mailbox.server.post(letter)
    (heard,) = run(heard_by(mailbox))
    assert heard.sender == Address("email", ASKER)
    assert heard.text == "Bonjour,\n\nQuand a lieu le comité ? Été, œuvre, 25 €."
    assert heard.subject == "Prochain comité à l'école 🎒"
    assert heard.account == mailbox.address
    assert heard.external_id.startswith("<un@quartier.test> ")
    assert heard.thread == "<un@quartier.test>"
    assert (heard.nature, heard.proof, heard.token, heard.warnings) == ("person", "", "", ())
    assert [(a.filename, a.content_type, a.content) for a in heard.attachments] == [
        ("été.pdf", "application/pdf", b"%PDF-1.4 ...")
    ]
    assert abs((datetime.now(UTC) - heard.heard_at).total_seconds()) < 60


def test_a_mail_is_flagged_after_it_is_safe_and_left_unread(mailbox: Mailbox) -> None:
    mailbox.receive(mail().as_bytes())
    before: list[int] = []
    ears = Ears(before=lambda: before.append(mailbox.flagged()))

    async def story() -> None:
        async with listening(channel_of(mailbox), ears):
            await ears.have(1)
            await eventually(lambda: mailbox.flagged() == 1)

    run(story())
    assert before == [0]
    assert mailbox.flagged("UNSEEN") == 1


def test_a_mail_that_the_inbox_refuses_comes_again(mailbox: Mailbox) -> None:
    mailbox.receive(mail().as_bytes())
    flagged: list[int] = []
    ears = Ears(refuse=2, before=lambda: flagged.append(mailbox.flagged()))

    async def story() -> None:
        async with listening(channel_of(mailbox), ears):
            await ears.have(1)
            await eventually(lambda: mailbox.flagged() == 1)

    run(story())
    assert flagged == [0, 0, 0]
    assert ears.refused == 2
    assert len(ears.heard) == 1


def test_one_mail_that_is_always_refused_does_not_hold_up_the_others(mailbox: Mailbox) -> None:
    for number in range(4):
        mailbox.receive(mail(f"Question {number}", Message_ID=f"<{number}@quartier.test>").as_bytes())

    class Picky(Ears):
        async def __call__(self, message: Inbound | Receipt) -> bool:
            if isinstance(message, Inbound) and message.text == "Question 0":
                raise RuntimeError("poison")
            return await super().__call__(message)

    ears = Picky()

    async def story() -> None:
        async with listening(channel_of(mailbox), ears):
            await ears.have(3)
            await eventually(lambda: mailbox.flagged() == 3)

    run(story())
    assert [message.text for message in ears.heard] == ["Question 1", "Question 2", "Question 3"]  # type: ignore[union-attr]


def test_a_new_mail_is_pushed_within_seconds(mailbox: Mailbox) -> None:
    ears = Ears()

    async def story() -> list[float]:
        waits = []
        async with listening(channel_of(mailbox), ears):
            for number in range(1, 4):
                began = time.monotonic()
                await asyncio.to_thread(mailbox.receive, mail(f"n° {number}").as_bytes())
                await ears.have(number, 10)
                waits.append(time.monotonic() - began)
                await eventually(lambda number=number: mailbox.flagged() == number)  # type: ignore[misc]
        return waits

    waits = run(story())
    assert max(waits) < 5, waits


def test_a_mail_that_comes_while_another_is_read_is_not_left_until_the_next_poll(mailbox: Mailbox) -> None:
    mailbox.receive(mail("un").as_bytes())
    later = iter([lambda: mailbox.receive(mail("deux").as_bytes())])
    ears = Ears(before=lambda: next(later, lambda: None)())

    async def story() -> None:
        async with listening(channel_of(mailbox), ears):
            await ears.have(2, 5)

    run(story())


def test_the_server_restarted_while_listening_is_found_again(mailbox: Mailbox) -> None:
    server, ears = mailbox.server, Ears()

    async def story() -> None:
        async with listening(channel_of(mailbox), ears):
            await asyncio.to_thread(mailbox.receive, mail("avant").as_bytes())
            await ears.have(1)
            await asyncio.to_thread(server.stop_dovecot)
            await asyncio.to_thread(server.start_dovecot)
            await asyncio.to_thread(mailbox.receive, mail("après").as_bytes())
            await ears.have(2, 10)

    run(story())
    assert [message.text for message in ears.heard] == ["avant", "après"]  # type: ignore[union-attr]


def test_a_connection_dropped_in_idle_is_noticed_at_once(mailbox: Mailbox) -> None:
    ears = Ears()

    async def story() -> float:
        async with Relay(mailbox.server.ports["imaps"]) as relay:
            channel = channel_of(mailbox, imap=mailbox.url("imaps", relay.port))
            async with listening(channel, ears):
                await asyncio.to_thread(mailbox.receive, mail("avant").as_bytes())
                await ears.have(1)
                await eventually(lambda: mailbox.flagged() == 1)
                relay.cut()
                began = time.monotonic()
                await asyncio.to_thread(mailbox.receive, mail("après").as_bytes())
                await ears.have(2, 10)
                assert relay.connections == 2
                return time.monotonic() - began

    assert run(story()) < 5


def test_a_server_that_says_goodbye_in_idle_is_left_at_once(mailbox: Mailbox) -> None:
    goodbyes = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal goodbyes
        writer.write(b"* OK hello\r\n")
        while line := await reader.readline():
            tag, command, *_ = line.decode().split()
            if command == "CAPABILITY":
                writer.write(b"* CAPABILITY IMAP4rev1 IDLE\r\n")
            if command == "SELECT":
                writer.write(b"* OK [UIDVALIDITY 1] ok\r\n* OK [PERMANENTFLAGS (\\Seen \\*)] ok\r\n")
            if command == "UID":
                writer.write(b"* SEARCH\r\n")
            if command == "IDLE":
                writer.write(b"+ idling\r\n* BYE shutting down\r\n")  # and leaves the socket open
                goodbyes += 1
                continue
            writer.write(f"{tag} OK done\r\n".encode())

    async def story() -> None:
        async with scripted(talk) as port:
            url = mailbox.url("imap", port)
            async with listening(channel_of(mailbox, imap=url), Ears()):
                await eventually(lambda: goodbyes >= 2, 10)

    run(story())


def test_a_silent_server_is_looked_at_again_by_the_poll(mailbox: Mailbox) -> None:
    """IDLE that pushes nothing: the next look finds the mail all the same."""
    ears, searches, idle = Ears(), 0, ""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal searches, idle
        writer.write(b"* OK hello\r\n")
        while line := await reader.readline():
            words = line.decode().split()
            tag, command = words[0], words[1] if len(words) > 1 else ""
            if words == ["DONE"]:
                writer.write(f"{idle} OK done\r\n".encode())
                continue
            if command == "IDLE":
                idle = tag
                writer.write(b"+ idling\r\n")
                continue
            if command == "CAPABILITY":
                writer.write(b"* CAPABILITY IMAP4rev1 IDLE\r\n")
            if command == "SELECT":
                writer.write(b"* OK [UIDVALIDITY 1] ok\r\n")
            if "SEARCH" in words:
                searches += 1
                writer.write(b"* SEARCH 7\r\n" if searches == 3 else b"* SEARCH\r\n")
            if "RFC822.SIZE" in line.decode():
                writer.write(b'* 1 FETCH (UID 7 RFC822.SIZE 60 INTERNALDATE "24-Nov-2026 11:00:00 +0100")\r\n')
            if "BODY.PEEK[]" in line.decode():
                body = b"From: a@quartier.test\r\nSubject: Bonsoir\r\n\r\nOui\r\n"
                writer.write(b"* 1 FETCH (UID 7 BODY[] {%d}\r\n%s)\r\n" % (len(body), body))
            writer.write(f"{tag} OK done\r\n".encode())

    async def story() -> None:
        async with (
            scripted(talk) as port,
            listening(channel_of(mailbox, poll=0.2, imap=mailbox.url("imap", port)), ears),
        ):
            (heard,) = await ears.have(1, 10)
        assert heard.heard_at == NOW
        assert heard.text == "Oui"

    run(story())


def test_a_wrong_password_is_tried_again_and_never_logged(mailbox: Mailbox, capsys: pytest.CaptureFixture[str]) -> None:
    good, ears = mailbox.url("imaps", mailbox.server.ports["imaps"]), Ears()

    async def story() -> None:
        async with Relay(mailbox.server.ports["imaps"]) as relay:
            channel = channel_of(mailbox, imap=mailbox.url("imaps", relay.port, "faux-mot-de-passe"))
            async with listening(channel, ears):
                await eventually(lambda: relay.connections >= 2)
                with pytest.raises(TryAgain, match="utilisateur ou mot de passe refusé"):
                    await channel.check()

    run(story())
    said = "".join(capsys.readouterr())
    assert "utilisateur ou mot de passe refusé" in said
    assert "faux-mot-de-passe" not in said
    assert "faux" not in repr(settings_of(mailbox, imap=good.replace("@", "faux@", 1)))


def test_without_keywords_the_seen_flag_serves(mailbox: Mailbox) -> None:
    ears, stored = Ears(), []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK hello\r\n")
        while line := await reader.readline():
            tag, _, rest = line.decode().strip().partition(" ")
            if rest.startswith("CAPABILITY"):
                writer.write(b"* CAPABILITY IMAP4rev1\r\n")
            if rest.startswith("SELECT"):
                writer.write(b"* OK [UIDVALIDITY 1] ok\r\n* OK [PERMANENTFLAGS (\\Seen \\Deleted)] ok\r\n")
            if "SEARCH" in rest:
                assert "UNSEEN" in rest
                writer.write(b"* SEARCH\r\n" if stored else b"* SEARCH 7\r\n")
            if "RFC822.SIZE" in rest:
                writer.write(b"* 1 FETCH (RFC822.SIZE 60 UID 7)\r\n")
            if "BODY.PEEK[]" in rest:
                writer.write(b"* 1 FETCH (UID 7 BODY[] {25}\r\nFrom: a@b.test\r\n\r\nBonjour)\r\n")
            if "STORE" in rest:
                stored.append(rest)
            writer.write(f"{tag} OK done\r\n".encode())

    async def story() -> None:
        async with scripted(talk) as port, listening(channel_of(mailbox, imap=mailbox.url("imap", port)), ears):
            await ears.have(1, 10)
            await eventually(lambda: bool(stored))

    run(story())
    assert stored == ["UID STORE 7 +FLAGS.SILENT (\\Seen)"]


def test_the_same_mail_again_has_the_same_id_and_another_mail_has_another(mailbox: Mailbox) -> None:
    one = mail("Bonjour", Message_ID="<meme@quartier.test>").as_bytes()
    other = mail("Autre chose", Message_ID="<meme@quartier.test>").as_bytes()
    for raw in (one, b"Received: from elsewhere\r\n" + one, other):
        mailbox.receive(raw)
    ids = [heard.external_id for heard in run(heard_by(mailbox, 3))]
    assert ids[0] == ids[1] != ids[2]


def test_what_someone_read_long_before_the_first_look_is_left_alone(mailbox: Mailbox) -> None:
    long_ago, today = '"01-Jan-2020 10:00:00 +0000"', imaplib.Time2Internaldate(time.time())
    with mailbox.opened() as client:
        client.append("INBOX", r"(\Seen)", long_ago, mail("déjà répondu").as_bytes())
        client.append("INBOX", "", long_ago, mail("jamais lu").as_bytes())
        client.append("INBOX", r"(\Seen)", today, mail("lu ce jour").as_bytes())
    heard = run(heard_by(mailbox, 2))
    assert [message.text for message in heard] == ["jamais lu", "lu ce jour"]


@pytest.mark.parametrize("text", ["🎉", "مرحبا، متى الاجتماع؟", "🏳️‍🌈 " * 3_000], ids=["emoji", "right to left", "long"])
def test_odd_words_arrive_as_they_were_written(mailbox: Mailbox, text: str) -> None:
    mailbox.receive(mail(text).as_bytes())
    (heard,) = run(heard_by(mailbox))
    assert _visible(heard.text) == _visible(text)


def _visible(text: str) -> str:
    """Without what only joins or turns signs: the reader takes invisible characters out."""
    return " ".join(text.replace("\u200d", "").split())


def test_a_text_of_one_megabyte_is_read_as_far_as_it_goes_and_kept_whole(mailbox: Mailbox) -> None:
    raw = mail("ligne assez longue\n" * 55_000).as_bytes()
    mailbox.receive(raw)
    (heard,) = run(heard_by(mailbox))
    assert heard.text.startswith("ligne assez longue\n" * 10_000)
    assert any("texte trop long" in warning for warning in heard.warnings)
    assert heard.attachments[0].content.count(b"ligne assez longue") == 55_000


def test_nul_bytes_and_broken_signs_never_reach_the_inbox() -> None:
    raw = (
        b"From: a\x00b@quartier.test\r\nSubject: Que\x00stion\r\nMessage-ID: <a\x00b@c.test>\r\n\r\na\x00b\xff\xfe\r\n"
    )
    heard = understood(raw)
    for value in (heard.text, heard.subject, heard.external_id, heard.thread, heard.sender.handle):
        assert "\x00" not in value
        value.encode("utf-8")
    assert heard.text.startswith("ab")


def test_an_unreadable_mail_is_handed_over_as_it_is_and_the_next_one_is_read(mailbox: Mailbox) -> None:
    mailbox.receive(mail("lisible").as_bytes())
    settings = settings_of(mailbox)
    broken = understand(b"\x00\r\n", NOW, settings)
    assert isinstance(broken, Inbound)
    assert (broken.text, broken.nature) == (ILLEGIBLE, "unsure")
    assert broken.warnings == ("message illisible : message vide",)
    assert broken.attachments[0].content == b"\x00\r\n"
    assert [heard.text for heard in run(heard_by(mailbox))] == ["lisible"]


def test_an_oversized_mail_is_known_by_its_headers() -> None:
    settings = EmailSettings(f"hotline@{DOMAIN}", None, None)  # type: ignore[arg-type]
    raw = mail(subject="Mes photos").as_bytes().partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    heard = understand(raw, NOW, settings, whole=False)
    assert isinstance(heard, Inbound)
    assert (heard.text, heard.subject, heard.nature) == (TOO_BIG, "Mes photos", "unsure")
    assert heard.sender.handle == ASKER
    assert "30 Mo" in heard.warnings[-1]


def test_a_question_in_the_subject_alone_is_the_question() -> None:
    asked = "Quand a lieu la prochaine réunion ?"
    assert (understood(mail("", asked).as_bytes()).text, understood(mail("", asked).as_bytes()).subject) == (asked, "")
    assert understood(mail("", f"Re: {asked}").as_bytes()).text == ""
    assert understood(mail("", "(sans objet)").as_bytes()).text == ""
    assert understood(mail("", asked, In_Reply_To="<a@b.test>").as_bytes()).text == ""


@pytest.mark.parametrize(
    "headers",
    [
        {"To": f"hotline+{TOKEN}@{DOMAIN}"},
        {"To": f"Hotline+{TOKEN.upper()}@{DOMAIN.upper()}"},
        {"Delivered-To": f"hotline+{TOKEN}@{DOMAIN}"},
        {"In-Reply-To": f"<{TOKEN}.0123456789abcdef0123@{DOMAIN}>"},
        {"References": f"<a@b.test> <{TOKEN}.0123456789abcdef0123@{DOMAIN}> <c@d.test>"},
    ],
    ids=["address", "capitals", "delivered to", "in reply to", "references"],
)
def test_a_token_comes_back_by_the_address_or_by_the_thread(headers: dict[str, str]) -> None:
    assert understood(mail(**headers).as_bytes()).token == TOKEN


def test_a_token_at_another_domain_is_not_ours() -> None:
    assert understood(mail(To=f"hotline+{TOKEN}@ailleurs.test").as_bytes()).token == ""
    assert understood(mail(To=f"hotline+court@{DOMAIN}").as_bytes()).token == ""


def test_who_wrote_decides_the_nature() -> None:
    assert understood(mail().as_bytes()).nature == "person"
    assert understood(mail(Auto_Submitted="auto-replied").as_bytes()).nature == "machine"
    assert understood(mail(From=f"hotline@{DOMAIN}").as_bytes()).nature == "machine"
    assert understood(mail(From=f"Nous <hotline+{TOKEN}@{DOMAIN}>").as_bytes()).nature == "machine"
    discussion = {"List-Id": "<voisins.quartier.test>", "List-Post": "<mailto:voisins@quartier.test>"}
    assert understood(mail(**discussion).as_bytes()).nature == "person"
    assert understood(b"Subject: x\r\n\r\nBonjour\r\n").nature == "unsure"


@pytest.mark.parametrize(
    ("results", "verdict"),
    [
        (["mx.hotline.test; dmarc=pass header.from=quartier.test"], "pass"),
        (["MX.hotline.test 1; spf=pass; dmarc=pass (p=none) header.from=quartier.test"], "pass"),
        (["mx.hotline.test; dmarc=fail header.from=quartier.test"], "fail"),
        (["mx.hotline.test; dmarc=pass header.from=ailleurs.test"], "fail"),
        (["mx.hotline.test; spf=pass smtp.mailfrom=x"], "fail"),
        (["mx.hotline.test (dmarc=pass); spf=none"], "fail"),
        (["mx.ailleurs.test; dmarc=pass header.from=quartier.test"], "fail"),
        (["mx.hotline.test; dmarc=fail", "mx.hotline.test; dmarc=pass header.from=quartier.test"], "fail"),
        (["mx.ailleurs.test; dmarc=fail", "mx.hotline.test; dmarc=pass header.from=quartier.test"], "pass"),
        ([], "fail"),
    ],
)
def test_our_receiving_server_says_whether_the_sender_is_proven(results: list[str], verdict: str) -> None:
    raw = b"".join(f"Authentication-Results: {value}\r\n".encode() for value in results) + mail().as_bytes()
    assert understood(raw, authserv_id="mx.hotline.test").proof == verdict
    assert understood(raw).proof == ""


# ---------------------------------------------------------------- out
def test_an_answer_arrives_in_its_thread_and_its_reply_comes_back_to_us(mailbox: Mailbox) -> None:
    asker = mailbox.server.mailbox()
    channel = channel_of(mailbox)
    message = outbound(
        "Bonjour,\n\nC'est jeudi à 18 h, à l'école. Voir https://exemple.org/a?b=1&c=2.",
        asker.address,
        subject="Re: Réunion à l'école 🎒",
        token=TOKEN,
        thread="<question@quartier.test> <plus-tot@quartier.test>",
        attachments=(Attachment("Ordre du jour.pdf", "application/pdf", b"%PDF-1.4 x"),),
    )
    identifier = run(channel.send(message, "inbox:1:1"))
    until(asker.mails)
    got = message_from_bytes(asker.mails()[0], policy=policy.default)
    assert got["Message-ID"].strip() == identifier == message_id("inbox:1:1", TOKEN, DOMAIN)
    assert got["Subject"] == "Re: Réunion à l'école 🎒"
    assert str(got["From"]) == f"RésO Villes <{mailbox.address}>"
    local = mailbox.address.partition("@")[0]
    assert str(got["Reply-To"]) == f"RésO Villes <{local}+{TOKEN}@{DOMAIN}>"
    assert got["In-Reply-To"] == "<question@quartier.test>"
    assert got["References"] == "<plus-tot@quartier.test> <question@quartier.test>"
    assert (got["Auto-Submitted"], got["X-Auto-Response-Suppress"]) == ("auto-replied", "All")
    assert abs((datetime.now(UTC) - parsedate_to_datetime(got["Date"])).total_seconds()) < 60
    text = got.get_body(("plain",)).get_content().replace("\r\n", "\n")  # type: ignore[union-attr]
    assert text == f"{MARKER}\n\n{message.text}\n"
    html = got.get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert '<a href="https://exemple.org/a?b=1&amp;c=2"' in html
    assert [part.get_filename() for part in got.iter_attachments()] == ["Ordre du jour.pdf"]

    reply = mail(
        f"Merci, et où ?\n\nLe mar. 24 nov. 2026 à 11:00, RésO Villes <{mailbox.address}> a écrit :\n"
        + "".join(f"> {line}\n" for line in text.splitlines()),
        "Re: Réunion à l'école 🎒",
        To=got["Reply-To"],
        In_Reply_To=identifier,
    )
    mailbox.receive(reply.as_bytes())
    (heard,) = run(heard_by(mailbox))
    assert (heard.text, heard.token) == ("Merci, et où ?", TOKEN)


def test_the_same_key_gives_the_same_message_id_and_another_key_another(mailbox: Mailbox) -> None:
    asker, channel = mailbox.server.mailbox(), channel_of(mailbox)

    async def story() -> list[str]:
        return [await channel.send(outbound(to=asker.address), key) for key in ("a", "a", "b")]

    first, again, other = run(story())
    assert first == again != other
    until(lambda: len(asker.mails()) == 3)
    assert is_ours(first, DOMAIN)
    assert not is_ours("<autre@hotline.test>", DOMAIN)


@pytest.mark.parametrize("way", ["submission", "smtps"])
@pytest.mark.parametrize("look", ["imap", "imaps"])
def test_both_servers_are_reached_by_either_kind_of_tls(mailbox: Mailbox, way: str, look: str) -> None:
    ports = mailbox.server.ports
    imap = mailbox.url({"imap": "imap+starttls", "imaps": "imaps"}[look], ports[look])
    smtp = mailbox.url({"submission": "smtp+starttls", "smtps": "smtps"}[way], ports[way])
    channel = channel_of(mailbox, imap=imap, smtp=smtp)
    mailbox.receive(mail("par TLS").as_bytes())

    async def story() -> str:
        said = await channel.check()
        await channel.send(outbound(to=mailbox.address), "clé")
        return said

    said = run(story())
    assert "1 à prendre dans INBOX" in said
    assert "HOTLINE_EMAIL_AUTHSERV_ID n'est pas réglé" in said
    assert "par TLS" in [heard.text for heard in run(heard_by(mailbox, 2, imap=imap))]


@pytest.mark.parametrize("scheme", ["imaps", "imap+starttls"])
def test_an_untrusted_imap_certificate_is_refused(mailbox: Mailbox, scheme: str) -> None:
    url = mailbox.url(scheme, mailbox.server.ports[scheme.partition("+")[0]])
    with pytest.raises(TryAgain, match="certificat refusé") as caught:
        run(channel_of(mailbox, imap=url, cafile="").check())
    assert caught.value.scope == "channel"


@pytest.mark.parametrize(("scheme", "port"), [("smtps", "smtps"), ("smtp+starttls", "submission")])
def test_an_untrusted_smtp_certificate_is_refused(mailbox: Mailbox, scheme: str, port: str) -> None:
    url = mailbox.url(scheme, mailbox.server.ports[port])
    with pytest.raises(TryAgain, match="certificat refusé") as caught:
        run(channel_of(mailbox, smtp=url, cafile="").send(outbound(), "k"))
    assert caught.value.scope == "channel"


def test_a_server_without_starttls_gets_no_password(mailbox: Mailbox) -> None:
    heard = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK hello\r\n")
        while line := await reader.readline():
            heard.append(line)
            writer.write(b"* CAPABILITY IMAP4rev1\r\n" + line.split()[0] + b" OK done\r\n")

    async def talk_smtp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        while line := await reader.readline():
            heard.append(line)
            writer.write(b"250-hello\r\n250 AUTH PLAIN LOGIN\r\n")

    async def story() -> None:
        async with scripted(talk) as imap, scripted(talk_smtp) as smtp:
            settings = {"imap": mailbox.url("imap+starttls", imap), "smtp": mailbox.url("smtp+starttls", smtp)}
            with pytest.raises(TryAgain, match="STARTTLS"):
                await channel_of(mailbox, **settings).check()
            with pytest.raises(TryAgain):
                await channel_of(mailbox, **settings).send(outbound(), "k")

    run(story())
    assert heard
    assert not [line for line in heard if b"LOGIN" in line.upper() or b"AUTH" in line.upper()]


def test_refusals_of_postfix_have_their_meaning(mailbox: Mailbox) -> None:
    channel = channel_of(mailbox)
    with pytest.raises(TryAgain) as later:
        run(channel.send(outbound(to=LATER), "k"))
    assert later.value.scope == "message"
    with pytest.raises(Undeliverable) as never:
        run(channel.send(outbound(to=NEVER), "k"))
    for error in (later.value, never.value):
        assert "@" not in str(error), "a reason is stored where no address may stand"
    assert "550" in str(never.value)
    huge = (Attachment("gros.bin", "application/octet-stream", bytes(16_000_000)),)
    with pytest.raises(Undeliverable, match="trop volumineux") as heavy:
        run(channel.send(outbound(attachments=huge), "k"))
    assert (heavy.value.heavy, never.value.heavy) == (True, False)
    with pytest.raises(Undeliverable, match="n'est pas valable"):
        run(channel.send(outbound(to="pas une adresse"), "k"))


def test_a_wrong_smtp_password_pauses_the_channel(mailbox: Mailbox) -> None:
    url = mailbox.url("smtps", mailbox.server.ports["smtps"], "faux")
    with pytest.raises(TryAgain, match="utilisateur ou mot de passe refusé") as caught:
        run(channel_of(mailbox, smtp=url).send(outbound(), "k"))
    assert caught.value.scope == "channel"


def test_no_server_pauses_the_channel(mailbox: Mailbox) -> None:
    with pytest.raises(TryAgain) as caught:
        run(channel_of(mailbox, smtp=mailbox.url("smtp+starttls", 1)).send(outbound(), "k"))
    assert caught.value.scope == "channel"
    with pytest.raises(TryAgain, match="IMAP localhost:1"):
        run(channel_of(mailbox, imap=mailbox.url("imaps", 1)).check())


@pytest.mark.parametrize(
    ("cut_at", "answer", "error", "scope"),
    [
        ("EHLO", b"", TryAgain, "channel"),
        ("MAIL", b"", TryAgain, "channel"),
        ("MAIL", b"451 try later\r\n", TryAgain, "channel"),
        ("RCPT", b"", TryAgain, "channel"),
        ("RCPT", b"421 going down\r\n", TryAgain, "channel"),
        ("DATA", b"451 no room\r\n", TryAgain, "message"),
        ("DATA", b"554 no\r\n", Undeliverable, ""),
        (".", b"", Unsure, ""),
        (".", b"452 no room\r\n", TryAgain, "message"),
        (".", b"554 looks like spam\r\n", Undeliverable, ""),
    ],
)
def test_where_the_talk_ends_decides_what_is_known(
    mailbox: Mailbox, cut_at: str, answer: bytes, error: type[Exception], scope: str
) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        in_data = False
        while line := await reader.readline():
            command = "" if in_data and line != b".\r\n" else line[:4].decode().strip().upper()
            if command == cut_at:
                if not answer:
                    return
                writer.write(answer)
                in_data = False
            elif command == "DATA":
                in_data = True
                writer.write(b"354 go\r\n")
            elif command:
                writer.write(b"221 bye\r\n" if command == "QUIT" else b"250 ok\r\n")

    async def story() -> None:
        async with scripted(talk) as port:
            await channel_of(mailbox, smtp=f"smtp://localhost:{port}").send(outbound(), "k")

    with pytest.raises(error) as caught:
        run(story())
    assert getattr(caught.value, "scope", "") == scope


def test_a_full_mailbox_comes_back_as_a_receipt(mailbox: Mailbox) -> None:
    channel = channel_of(mailbox)
    identifier = run(channel.send(outbound("a" * 4_000, FULL), "bienvenue"))

    async def story() -> list[Any]:
        ears = Ears()
        async with listening(channel, ears):
            return await ears.have(1, 20)

    (receipt,) = run(story())
    assert receipt == Receipt("email", identifier, "failed", "la boîte de réception est pleine (5.2.2)")


def test_a_bounce_of_what_is_not_ours_is_a_machine_and_no_receipt(mailbox: Mailbox) -> None:
    letter = mail(Message_ID="<pas-de-nous@quartier.test>", To=FULL)
    letter.set_content("a" * 4_000)
    letter["Sender"] = mailbox.address
    mailbox.server.post(letter)
    (heard,) = run(heard_by(mailbox))
    assert isinstance(heard, Inbound)
    assert heard.nature == "machine"


# ---------------------------------------------------------------- the letter
def test_nothing_that_a_person_wrote_can_add_a_header() -> None:
    nasty = "Bonjour\r\nBcc: tous@quartier.test\r\n\r\nvoilà\u2028\x85\x0b"
    letter = write_letter(
        outbound(subject=nasty, thread="<a@b.test>\r\nBcc: x@y.test", attachments=(Attachment(nasty, nasty, b"x"),)),
        "k",
        f"hotline@{DOMAIN}",
        f"RésO\r\nBcc: x@y.test {nasty}",
        NOW,
    )
    got = message_from_bytes(letter.raw, policy=policy.default)
    assert set(got.keys()) == {
        *("Content-Type", "MIME-Version", "From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References"),
        *("Auto-Submitted", "X-Auto-Response-Suppress"),
    }
    assert got["Subject"] == "Bonjour Bcc: tous@quartier.test voilà"
    for part in got.walk():
        assert "Bcc" not in part
    for handle in ("a@b.test\r\nBcc: x@y.test", "a@b.test, c@d.test", "<a@b.test>", "a b@c.test", "@b.test", "a@"):
        with pytest.raises(Undeliverable):
            write_letter(outbound(to=handle), "k", f"hotline@{DOMAIN}", "RésO", NOW)


def test_long_headers_stay_whole_within_the_limit_of_a_line() -> None:
    thread = " ".join(f"<{'x' * 90}{number}@quartier.test>" for number in range(60))
    message = outbound(subject="Réunion " * 60, thread=thread, token=TOKEN)
    raw = write_letter(message, "k", f"hotline@{DOMAIN}", "RésO", NOW).raw
    assert max(map(len, raw.split(b"\r\n"))) < 998
    assert f"\r\nMessage-ID: {message_id('k', TOKEN, DOMAIN)}\r\n".encode() in raw
    got = message_from_bytes(raw, policy=policy.default)
    assert got["References"].split() == [*thread.split()[-20:], thread.split()[0]]
    assert got["Subject"] == ("Réunion " * 60)[:200].strip()


def test_only_a_message_that_awaits_a_reply_asks_for_it_above_a_line() -> None:
    for token in (TOKEN, ""):
        raw = write_letter(outbound(token=token), "k", f"hotline@{DOMAIN}", "RésO", NOW).raw
        got = message_from_bytes(raw, policy=policy.default)
        assert got.get_body(("plain",)).get_content().startswith(MARKER) is bool(token)  # type: ignore[union-attr]
        assert (MARKER in got.get_body(("html",)).get_content()) is bool(token)  # type: ignore[union-attr]
        assert ("Reply-To" in got) is bool(token)
        assert got["Auto-Submitted"] == "auto-generated"


def test_the_html_part_says_the_same_words_and_fetches_nothing() -> None:
    text = "Deux <b>choix</b> & « mots » :\n\n1. Un\n2. Deux\n\n- puce\n- autre\n\n"
    text += "javascript:alert(1) http://a.test/?x=\"'><script>"
    html = html_of(text, "Objet <script>")
    assert "<b>" not in html
    assert "<script" not in html
    assert "<ol" in html
    assert html.count("<li") == 4
    assert 'href="javascript' not in html
    assert 'href="http://a.test/?x="' in html
    assert "<img" not in html
    assert "url(" not in html
    assert 'lang="fr"' in html
    assert 'name="color-scheme" content="light dark"' in html


def test_numbers_that_do_not_count_stay_as_they_were_written() -> None:
    assert "<ol" not in html_of("3. Trois\n5. Cinq", "x")
    assert "5. Cinq" in html_of("3. Trois\n5. Cinq", "x")


def test_choices_are_numbered_once() -> None:
    def text_of(message: Outbound) -> str:
        raw = write_letter(message, "k", f"hotline@{DOMAIN}", "RésO", NOW).raw
        plain = message_from_bytes(raw, policy=policy.default).get_body(("plain",))
        assert plain is not None
        return str(plain.get_content()).replace("\r\n", "\n")

    choices = ("Le COPIL", "Autre chose")
    assert text_of(outbound("Laquelle ?", choices=choices)) == "Laquelle ?\n\n1. Le COPIL\n2. Autre chose\n"
    given = "Laquelle ?\n\n1. Le COPIL\n2. Autre chose"
    assert text_of(outbound(given, choices=choices)) == given + "\n"


def test_odd_words_survive_the_way_out(mailbox: Mailbox) -> None:
    asker, channel = mailbox.server.mailbox(), channel_of(mailbox)
    texts = ["🎉", "مرحبا", "a\x00b\ud800c", ".\n..\nFrom moi", "é" * 300_000]

    async def story() -> None:
        for number, text in enumerate(texts):
            await channel.send(outbound(text, asker.address), f"k{number}")

    run(story())
    until(lambda: len(asker.mails()) == len(texts))
    bodies = [
        message_from_bytes(raw, policy=policy.default).get_body(("plain",)).get_content()  # type: ignore[union-attr]
        for raw in asker.mails()
    ]
    expected = ["🎉", "مرحبا", "abc", ".\n..\nFrom moi", "é" * 300_000]
    assert sorted(body.replace("\r\n", "\n").rstrip("\n") for body in bodies) == sorted(expected)


# ---------------------------------------------------------------- settings
GOOD = {
    "HOTLINE_EMAIL_ADDRESS": "Hotline@Exemple.org",
    "HOTLINE_EMAIL_IMAP": "imaps://moi%40exemple.org:p%40ss%3Aw%2Frd@imap.exemple.org/Bo%C3%AEte",
    "HOTLINE_EMAIL_SMTP": "smtp+starttls://moi:secret@smtp.exemple.org",
}


def test_settings_are_read_with_their_usual_ports() -> None:
    settings = read_settings(GOOD)
    assert settings is not None
    assert settings.address == "hotline@exemple.org"
    imap, smtp = settings.imap, settings.smtp
    assert (imap.user, imap.password, imap.port, imap.folder) == ("moi@exemple.org", "p@ss:w/rd", 993, "Boîte")
    assert (smtp.safety, smtp.port) == ("starttls", 587)
    assert "p@ss" not in repr(settings)
    assert "secret" not in repr(settings)


def test_without_settings_the_channel_is_off_and_unproven_senders_are_noted() -> None:
    assert open_channel({}) is None
    opened = open_channel(GOOD)
    assert opened is not None
    assert opened.idempotent
    assert "AUTHSERV_ID" in opened.notes[0]
    proven = open_channel(GOOD | {"HOTLINE_EMAIL_AUTHSERV_ID": "mx.exemple.org"})
    assert proven is not None
    assert proven.notes == ()


@pytest.mark.parametrize(
    ("changed", "variable"),
    [
        ({"HOTLINE_EMAIL_SMTP": ""}, "HOTLINE_EMAIL_SMTP"),
        ({"HOTLINE_EMAIL_ADDRESS": "deux@a.fr, trois@b.fr"}, "HOTLINE_EMAIL_ADDRESS"),
        ({"HOTLINE_EMAIL_ADDRESS": "une-adresse-bien-trop-longue@exemple.org"}, "HOTLINE_EMAIL_ADDRESS"),
        ({"HOTLINE_EMAIL_IMAP": "imap://moi:secret@imap.exemple.org"}, "HOTLINE_EMAIL_IMAP"),
        ({"HOTLINE_EMAIL_IMAP": "imaps://imap.exemple.org"}, "HOTLINE_EMAIL_IMAP"),
        ({"HOTLINE_EMAIL_IMAP": "imaps://moi:secret@"}, "HOTLINE_EMAIL_IMAP"),
        ({"HOTLINE_EMAIL_IMAP": "imaps://moi:se/cret@imap.exemple.org"}, "HOTLINE_EMAIL_IMAP"),
        ({"HOTLINE_EMAIL_IMAP": "imaps://moi:se#cret@imap.exemple.org"}, "HOTLINE_EMAIL_IMAP"),
        ({"HOTLINE_EMAIL_IMAP": "imaps://moi:secret%0D%0A@imap.exemple.org"}, "HOTLINE_EMAIL_IMAP"),
        ({"HOTLINE_EMAIL_SMTP": "smtp://moi:secret@smtp.exemple.org"}, "HOTLINE_EMAIL_SMTP"),
        ({"HOTLINE_EMAIL_SMTP": "smtps://moi:secret@smtp.exemple.org:99999"}, "HOTLINE_EMAIL_SMTP"),
        ({"HOTLINE_EMAIL_SMTP": "https://moi:secret@smtp.exemple.org"}, "HOTLINE_EMAIL_SMTP"),
        ({"HOTLINE_EMAIL_CAFILE": "/nulle/part.pem"}, "HOTLINE_EMAIL_CAFILE"),
    ],
)
def test_a_setting_that_cannot_work_is_named_without_its_password(changed: dict[str, str], variable: str) -> None:
    with pytest.raises(BadSetting) as caught:
        read_settings(GOOD | changed)
    assert caught.value.variable == variable
    assert "secret" not in str(caught.value)
    assert PASSWORD not in str(caught.value)


def test_cleartext_is_fine_on_this_machine() -> None:
    local = {"HOTLINE_EMAIL_IMAP": "imap://moi:secret@127.0.0.1", "HOTLINE_EMAIL_SMTP": "smtp://localhost:2525"}
    settings = read_settings(GOOD | local)
    assert settings is not None
    assert (settings.imap.port, settings.smtp.port, settings.smtp.user) == (143, 2525, "")


def test_the_check_says_what_it_saw(mail_server: MailServer, mailbox: Mailbox) -> None:
    said = run(channel_of(mailbox, authserv_id="mx.hotline.test").check())
    assert f"IMAP localhost:{mail_server.ports['imaps']} : connecté, 0 à prendre dans INBOX." in said
    assert f"SMTP localhost:{mail_server.ports['submission']} : connecté." in said
    assert "Attention" not in said


# ---------------------------------------------------------------- what a letter carries
def calendar_file(method: str) -> Attachment:
    lines = ("BEGIN:VCALENDAR", "VERSION:2.0", f"METHOD:{method}", "END:VCALENDAR", "")
    return Attachment("réunion.ics", "text/calendar", "\r\n".join(lines).encode())


def parts_of(letter: bytes) -> list[EmailMessage]:
    return [part for part in message_from_bytes(letter, policy=policy.default).walk() if not part.is_multipart()]  # type: ignore[misc]


def test_an_invitation_stands_beside_the_words_and_among_the_files() -> None:
    kit = Attachment("kit.pdf", "application/pdf", b"%PDF-1.7")
    letter = write_letter(outbound(attachments=(kit, calendar_file("REQUEST"))), "k", f"hotline@{DOMAIN}", "O", NOW)
    parts = parts_of(letter.raw)
    kinds = ["text/plain", "text/html", "text/calendar", "application/pdf", "text/calendar"]
    assert [part.get_content_type() for part in parts] == kinds
    assert [part.get_content_disposition() for part in parts] == [None, None, None, "attachment", "attachment"]
    assert {part.get_param("method") for part in parts if part.get_content_type() == "text/calendar"} == {"REQUEST"}
    assert parts[4].get_filename() == "réunion.ics"
    assert parts[4].get_content().startswith("BEGIN:VCALENDAR")


def test_a_date_to_keep_is_a_file_that_says_its_method() -> None:
    letter = write_letter(outbound(attachments=(calendar_file("PUBLISH"),)), "k", f"hotline@{DOMAIN}", "O", NOW)
    (calendar,) = [part for part in parts_of(letter.raw) if part.get_content_type() == "text/calendar"]
    assert calendar["Content-Type"].params["method"] == "PUBLISH"
    assert calendar["Content-Type"].params["charset"] == "utf-8"
    assert calendar.get_content_disposition() == "attachment"
