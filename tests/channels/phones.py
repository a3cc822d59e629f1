"""One person on one channel, through that channel's real peer: writes, presses, reads, sends a picture, stutters."""

import html
import io
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Any

import httpx
from PIL import Image

from channels.contract import Address
from tests.channels.service import Service
from tests.channels.web.conftest import ask, fields
from tests.peers import kannel
from tests.peers.mail import until
from tests.test_whole import words


def jpeg() -> bytes:
    """A small picture, as a telephone takes it."""
    out = io.BytesIO()
    Image.new("RGB", (64, 48), (90, 120, 60)).save(out, "JPEG")
    return out.getvalue()


class Phone:
    """What every channel can do; what one cannot raises NotImplementedError."""

    channel = ""

    def __init__(self, service: Service):
        self.service = service
        self.number = next(service.numbers)
        self.begin()

    def begin(self) -> None: ...

    def close(self) -> None: ...

    @property
    def address(self) -> Address:
        raise NotImplementedError

    def write(self, text: str) -> None:
        raise NotImplementedError

    def read(self) -> list[str]:
        """All that was said to them, oldest first."""
        raise NotImplementedError

    def press(self, number: int, label: str) -> None:
        """Choose; where there are no buttons, by writing the number."""
        self.write(str(number))

    def picture(self, content: bytes, text: str) -> None:
        raise NotImplementedError

    def again(self) -> None:
        """The provider brings the last message once more."""
        raise NotImplementedError

    def backwards(self, first: str, second: str) -> int:
        """Both arrive, the second before the first; how many messages that makes."""
        raise NotImplementedError

    # ------------------------------------------------------------ the same everywhere
    def text(self) -> str:
        return re.sub(r"[\xa0\u202f]", " ", "\n".join(self.read()))

    def waits_for(self, part: str, times: int = 1, seconds: float = 30) -> str:
        """All that was read, once `part` stands in it so often."""
        try:
            until(lambda: self.text().count(part) >= times, seconds, f"for {part!r}")
        except AssertionError as error:
            kept = [(row.state, row.text[:60], row.reason) for row in self.service.heard(self.address)]
            sent = [(row.state, row.text[:60], row.reason) for row in self.service.said(self.address)]
            raise AssertionError(f"{error}\nread: {self.read()}\nkept: {kept}\nsaid: {sent}") from None
        return self.text()

    def is_served(self) -> None:
        """Until all that was kept of theirs is dealt with, and all that is said to them has left."""
        until(
            lambda: (
                (heard := self.service.heard(self.address))
                and all(row.state == "handled" for row in heard)
                and all(row.state not in ("waiting", "sending") for row in self.service.said(self.address))
            ),
            30,
            "for everything to be dealt with",
        )


class TelegramPhone(Phone):
    channel = "telegram"

    def begin(self) -> None:
        self.phone = self.service.telegram.person(770_000 + self.number)

    @property
    def address(self) -> Address:
        return Address("telegram", str(self.phone.id))

    def write(self, text: str) -> None:
        self._push({"message": self.phone._message(text=text)})

    def _push(self, *updates: dict[str, Any]) -> None:
        api = self.service.telegram
        with api.lock:
            numbered = [{"update_id": next(api._update_ids)} | update for update in updates]
            api.updates += numbered[::-1]
        self.last = numbered[-1]

    def read(self) -> list[str]:
        return self.phone.reads()

    def press(self, number: int, label: str) -> None:
        self.phone.presses(label)

    def picture(self, content: bytes, text: str) -> None:
        file_id = self.service.telegram.hold_file(content, "photos/file_1.jpg")
        photo = [{"file_id": file_id, "file_unique_id": "u", "width": 1, "height": 1, "file_size": len(content)}]
        self._push({"message": self.phone._message(photo=photo, caption=text)})

    def again(self) -> None:
        api = self.service.telegram
        with api.lock:
            api.updates.append(self.last)

    def backwards(self, first: str, second: str) -> int:
        self._push({"message": self.phone._message(text=first)}, {"message": self.phone._message(text=second)})
        return 2


class SmsPhone(Phone):
    channel = "sms"

    def begin(self) -> None:
        self.phone = self.service.kannel.operator.phone(f"+3361{self.number:07d}")

    @property
    def address(self) -> Address:
        return Address("sms", self.phone.number)

    def write(self, text: str) -> None:
        self.phone.says(text)

    def read(self) -> list[str]:
        return self.phone.reads()

    def again(self) -> None:
        """As Kannel calls again when our answer got lost (http-request-retry): the same id."""
        row = self.service.heard(self.address)[-1]
        asked = {
            "id": row.external_id, "from": self.phone.number, "to": kannel.NUMBER,
            "at": str(int(row.heard_at.timestamp())), "text": row.text,
        }  # fmt: skip
        url = f"{self.service.url}/sms/{kannel.SECRET}/recu"
        assert httpx.get(url, params=asked, trust_env=False, verify=False).status_code == 200

    def backwards(self, first: str, second: str) -> int:
        """The parts of one long SMS, the last one first."""
        self.phone.says(f"{first} {'Bonjour à vous. ' * 9}{second}", reverse=True)
        return 1


class WhatsAppPhone(Phone):
    channel = "whatsapp"

    def begin(self) -> None:
        self.phone = self.service.graph.phone(f"3362{self.number:07d}")

    @property
    def address(self) -> Address:
        return Address("whatsapp", self.phone.handle)

    def write(self, text: str) -> None:
        self.last = self.phone.says(text)

    def read(self) -> list[str]:
        return self.phone.reads()

    def press(self, number: int, label: str) -> None:
        self.last = self.phone.presses(label)

    def picture(self, content: bytes, text: str) -> None:
        self.last = self.phone.sends_picture(content, text)

    def again(self) -> None:
        self.service.graph.push(self.last)

    def backwards(self, first: str, second: str) -> int:
        earlier = self.phone.call(self.phone.message("text", {"body": first}, at=self.service.graph.clock() - 20))
        self.phone.says(second)
        self.service.graph.push(earlier)
        return 2


class EmailPhone(Phone):
    channel = "email"

    def begin(self) -> None:
        self.box = self.service.mailbox()
        self.last: EmailMessage | None = None

    @property
    def address(self) -> Address:
        return Address("email", self.box.address)

    def mail(self, text: str, minutes_ago: float = 0) -> EmailMessage:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = self.box.address, self.service.hotline.address, "Une question"
        mail["Date"] = format_datetime(datetime.now(UTC) - timedelta(minutes=minutes_ago))
        mail["Message-ID"] = make_msgid(domain="quartier.test")
        mail.set_content(text)
        return mail

    def post(self, mail: EmailMessage) -> None:
        self.last = mail
        self.service.mail.post(mail)

    def write(self, text: str) -> None:
        self.post(self.mail(text))

    def read(self) -> list[str]:
        return [words(message_from_bytes(raw, policy=policy.default)) for raw in self.box.mails()]

    def picture(self, content: bytes, text: str) -> None:
        mail = self.mail(text)
        mail.add_attachment(content, maintype="image", subtype="jpeg", filename="banc.jpg")
        self.post(mail)

    def again(self) -> None:
        assert self.last is not None
        self.service.mail.post(self.last)

    def backwards(self, first: str, second: str) -> int:
        earlier = self.mail(first, minutes_ago=5)
        self.post(self.mail(second))
        self.post(earlier)
        return 2


@dataclass
class _Form:
    path: str
    data: dict[str, str] = field(default_factory=dict)


class WebPhone(Phone):
    """A browser without JavaScript."""

    channel = "web"

    def begin(self) -> None:
        self.browser = httpx.Client(
            base_url=self.service.url, headers={"Accept": "text/html"}, timeout=20, trust_env=False
        )

    def close(self) -> None:
        self.browser.close()

    @property
    def address(self) -> Address:
        return Address("web", self.browser.cookies.get("conversation", ""))

    def write(self, text: str) -> None:
        if "conversation" not in self.browser.cookies:
            ask(self.browser, text)
            return
        form = fields(self.browser.get("/conversation"), "/conversation")
        self.last = _Form("/conversation", form | {"texte": text})
        self.send(self.last)

    def send(self, form: _Form) -> None:
        answer = self.browser.post(form.path, data=form.data)
        assert answer.status_code == 303, answer.text

    def read(self) -> list[str]:
        if "conversation" not in self.browser.cookies:
            return []
        page = self.browser.get("/conversation").text
        log = page[page.index('role="log"') : page.index('id="etat"')]
        ours = re.findall(r'<article class="message ours".*?</article>', log, re.DOTALL)
        return [html.unescape(re.sub(r"<[^>]+>", "", each)) for each in ours]

    def press(self, number: int, label: str) -> None:
        page = self.browser.get("/conversation")
        shown = re.search(rf'name="numero" value="{number}" data-label="([^"]*)"', page.text)
        assert shown
        assert label in html.unescape(shown[1])
        self.send(_Form("/conversation/choix", fields(page, "/conversation/choix") | {"numero": str(number)}))

    def again(self) -> None:
        self.send(self.last)


PHONES: dict[str, type[Phone]] = {
    each.channel: each for each in (TelegramPhone, SmsPhone, EmailPhone, WebPhone, WhatsAppPhone)
}
