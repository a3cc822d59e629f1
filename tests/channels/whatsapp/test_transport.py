"""The channel against a Graph API server: what it sends, what refusals mean to it, what it believes; and pywa."""

import asyncio
import hashlib
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import httpx
import pytest
from pywa import WhatsApp, types
from pywa.types.templates import BodyText, QuickReplyButton, TemplateLanguage

from channels import whatsapp
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
)  # fmt: skip
from channels.whatsapp.channel import WhatsAppChannel
from channels.whatsapp.settings import API, APP_SECRET, BUSINESS, EXAMPLES, NUMBER, TOKEN, VERIFY, read_settings
from channels.whatsapp.templates import READ, templates
from tests.channels.sms.conftest import Ear
from tests.channels.whatsapp import graph as meta
from tests.channels.whatsapp.conftest import channel_at
from tests.channels.whatsapp.graph import AWA, Fault, Graph
from tests.peers.mail import until

_numbers = count(1)
KINDS = ("type", "sub_type", "index")
REMINDER = {"person": "Awa", "title": "Comité de pilotage", "when": "jeudi 11 décembre 2026 à 18 h", "place": "Nantes"}


@pytest.fixture
def channel(graph: Graph) -> WhatsAppChannel:
    graph.silent = True
    return channel_at(graph)


def out(text: str = "Bonjour", *, hours_ago: float | None = 1, to: str = f"+{AWA}", **more: Any) -> Outbound:
    last = None if hours_ago is None else datetime.now(UTC) - timedelta(hours=hours_ago)
    values = {"name": "answer", "values": {}, "last_heard": last} | more
    return Outbound(Address("whatsapp", to), text=text, **values)


def send(channel: WhatsAppChannel, message: Outbound, key: str = "") -> str:
    return asyncio.run(channel.send(message, key or f"inbox:{next(_numbers)}:0"))


@pytest.fixture
def awa(graph: Graph) -> meta.Phone:
    graph.heard_at[AWA] = graph.clock()
    return graph.phone()


# --- out: within 24 hours ---------------------------------------------------------------------------------------------


def test_an_answer_goes_as_text_under_our_key(channel: WhatsAppChannel, graph: Graph, awa: meta.Phone) -> None:
    id = send(channel, out("Le COPIL a lieu jeudi."), "inbox:7:0")
    (sent,) = graph.to(AWA)
    assert (sent.id, sent.text) == (id, "Le COPIL a lieu jeudi.")
    assert sent.payload == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "biz_opaque_callback_data": "inbox:7:0",
        "to": AWA,
        "type": "text",
        "text": {"body": "Le COPIL a lieu jeudi.", "preview_url": False},
    }


def test_someone_whose_number_we_do_not_know_is_written_to_by_metas_id(
    channel: WhatsAppChannel, graph: Graph, awa: meta.Phone
) -> None:
    send(channel, out(to=f"FR.{AWA}"))
    (sent,) = graph.to(AWA)
    assert sent.payload["recipient"] == f"FR.{AWA}"
    assert "to" not in sent.payload


def test_a_long_text_goes_in_several_messages_and_the_last_stands_for_the_whole(
    channel: WhatsAppChannel, graph: Graph, awa: meta.Phone
) -> None:
    id = send(channel, out("Une phrase assez courte. " * 400), "inbox:8:0")
    sent = graph.to(AWA)
    assert len(sent) == 3
    assert [each.payload["biz_opaque_callback_data"] for each in sent] == ["inbox:8:0#0", "inbox:8:0#1", "inbox:8:0"]
    assert sent[-1].id == id


def test_a_text_that_broke_off_goes_on_where_it_ended(channel: WhatsAppChannel, graph: Graph, awa: meta.Phone) -> None:
    message = out("Une phrase assez courte. " * 400)

    async def twice() -> None:
        with pytest.raises(TryAgain):
            await channel.send(message, "inbox:9:0")
        await channel.send(message, "inbox:9:0")

    graph.faults = [Fault(), Fault(400, 130429)]  # the first goes well
    asyncio.run(twice())
    assert " ".join(awa.reads()) == message.text.strip()


def test_a_file_is_uploaded_and_sent_as_a_document(channel: WhatsAppChannel, graph: Graph, awa: meta.Phone) -> None:
    send(channel, out("Voici.", attachments=(Attachment("copil.pdf", "application/pdf", b"%PDF-1.7"),)))
    text, document = graph.to(AWA)
    assert text.text == "Voici."
    assert (document.kind, document.content) == ("document", b"%PDF-1.7")
    assert document.payload["document"]["filename"] == "copil.pdf"


# --- out: later -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hours", [23.95, 24, 500, None])
def test_a_reminder_goes_by_its_template_outside_the_window(
    channel: WhatsAppChannel, graph: Graph, hours: float | None
) -> None:
    send(channel, out("Bonjour Awa, …", name="reminder", values=REMINDER, hours_ago=hours), "meeting:1.1:2:j10")
    (sent,) = graph.to(AWA)
    assert sent.kind == "template"
    assert "Comité de pilotage a lieu jeudi 11 décembre 2026 à 18 h. Lieu : Nantes." in sent.text
    assert [each["title"] for each in sent.buttons] == ["Je viens", "Je ne viens pas", "Je veux préparer"]


def test_what_has_no_template_knocks_once_and_waits_for_a_word(channel: WhatsAppChannel, graph: Graph) -> None:
    message = out("La réponse de l'équipe, longue et libre.", name="officer_answer", hours_ago=30)
    with pytest.raises(TryAgain) as waits:
        send(channel, message, "ticket:1:answer")
    assert waits.value.scope == "person"
    (knock,) = graph.to(AWA)
    assert knock.payload["template"]["name"] == "hotline_message_en_attente"
    assert knock.buttons == [{"id": READ, "title": "Lire mon message"}]
    again = out(message.text, name="officer_answer", hours_ago=40, asked=True)
    with pytest.raises(TryAgain):
        send(channel, again, "ticket:1:answer")
    assert len(graph.to(AWA)) == 1, "nobody is knocked at twice"


def test_a_reminder_whose_values_do_not_fit_its_template_knocks_instead(channel: WhatsAppChannel, graph: Graph) -> None:
    with pytest.raises(TryAgain) as waits:
        send(channel, out(name="reminder", values=REMINDER | {"title": "x" * 1000}, hours_ago=None))
    assert waits.value.scope == "person"


def test_a_window_that_meta_says_is_closed_is_closed(channel: WhatsAppChannel, graph: Graph) -> None:
    graph.heard_at[AWA] = graph.clock() - 90_000  # our clock says one hour ago
    send(channel, out(name="reminder", values=REMINDER))
    (sent,) = graph.to(AWA)
    assert sent.kind == "template"
    assert graph.refused == [(131047, "Re-engagement message")]


# --- out: refusals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "scope", "after"),
    [
        (Fault(429, 4), "channel", 30),
        (Fault(400, 80007), "channel", 30),
        (Fault(429, 130429, headers={"retry-after": "7"}), "channel", 7),
        (Fault(400, 131048), "channel", 3600),
        (Fault(400, 131056), "message", 10),
        (Fault(401, 190), "channel", 300),
        (Fault(401, 0, "jeton"), "channel", 300),
        (Fault(403, 10), "channel", 300),
        (Fault(403, 200), "channel", 300),
        (Fault(403, 368), "channel", 3600),
        (Fault(403, 131031), "channel", 300),
        (Fault(400, 131042), "channel", 300),
        (Fault(500, 131000), "message", 60),
        (Fault(503, 131016), "message", 60),
        (Fault(500, 2), "message", 30),
        (Fault(400, 131049), "message", 6 * 3600),
        (Fault(429), "channel", 30),
        (Fault(503, headers={"retry-after": "90"}), "channel", 90),
        (Fault(404), "channel", 300),
    ],
    ids=lambda value: str(value.code or value.status) if isinstance(value, Fault) else None,
)
def test_what_meta_did_not_take_is_tried_again(
    channel: WhatsAppChannel, graph: Graph, awa: meta.Phone, fault: Fault, scope: str, after: float
) -> None:
    graph.faults.append(fault)
    with pytest.raises(TryAgain) as error:
        send(channel, out())
    assert (error.value.scope, error.value.after) == (scope, after)
    send(channel, out())


@pytest.mark.parametrize("code", [100, 131009, 131021, 131026, 131030, 130472, 130497, 132000, 132001, 132015, 131051])
def test_what_will_never_arrive_is_given_up_with_a_reason(
    channel: WhatsAppChannel, graph: Graph, awa: meta.Phone, code: int
) -> None:
    graph.faults.append(Fault(400, code, f"Recipient {AWA} is not available"))
    with pytest.raises(Undeliverable) as error:
        send(channel, out())
    assert str(code) in str(error.value)
    assert AWA not in str(error.value), "no number in a reason"


@pytest.mark.parametrize("fault", [Fault(500), Fault(502), Fault(500, 1), Fault(breaks="after")], ids=str)
def test_what_may_have_arrived_is_in_doubt(
    channel: WhatsAppChannel, graph: Graph, awa: meta.Phone, fault: Fault
) -> None:
    graph.faults.append(fault)
    with pytest.raises(Unsure):
        send(channel, out())


def test_nobody_there_is_a_rest_for_the_channel(graph: Graph) -> None:
    settings = read_settings(graph.settings | {API: "http://127.0.0.1:9/v23.0"})
    assert settings is not None
    with pytest.raises(TryAgain) as error:
        send(WhatsAppChannel(settings), out())
    assert error.value.scope == "channel"


@pytest.mark.parametrize("message", [out(to="awa"), out("  ")], ids=["address", "empty"])
def test_what_cannot_be_said_is_not_tried(channel: WhatsAppChannel, graph: Graph, message: Outbound) -> None:
    with pytest.raises(Undeliverable):
        send(channel, message)
    assert graph.calls == []


def test_a_report_settles_what_was_in_doubt_so_that_nothing_goes_twice(graph: Graph, ear: Ear, awa: meta.Phone) -> None:
    """The answer of Meta is lost on the way; its report names our key."""
    channel = channel_at(graph)
    with served_for(channel, ear, graph):
        graph.faults.append(Fault(breaks="after"))
        id = send(channel, out(), "inbox:5:0")
        assert send(channel, out(), "inbox:5:0") == id
        until(graph.idle)
    assert [each.id for each in graph.to(AWA)] == [id]


def test_a_message_that_failed_may_be_sent_again_under_its_key(graph: Graph, ear: Ear, awa: meta.Phone) -> None:
    channel = channel_at(graph)
    with served_for(channel, ear, graph):
        send(channel, out(), "inbox:6:0")
        until(graph.idle)
        graph.report(graph.to(AWA)[0], "failed", (131026, "Message undeliverable"))
        until(graph.idle)
        send(channel, out(), "inbox:6:0")
        until(graph.idle)
    assert len(graph.to(AWA)) == 2


class served_for:
    """The channel's webhook over HTTP, and Meta told where it is."""

    def __init__(self, channel: WhatsAppChannel, ear: Ear, graph: Graph):
        self.channel, self.ear, self.graph = channel, ear, graph

    def __enter__(self) -> None:
        from tests.channels.sms.conftest import Served
        from tests.peers.mail import free_port

        port = free_port()
        self.graph.callback = f"http://127.0.0.1:{port}/whatsapp"
        self.server = Served(self.channel.routes(self.ear.deliver), port)

    def __exit__(self, *_: object) -> None:
        self.server.stop()


# --- in ---------------------------------------------------------------------------------------------------------------


def test_the_address_is_verified_by_its_token(ears: Ear, graph: Graph) -> None:
    asked = {"hub.mode": "subscribe", "hub.verify_token": meta.VERIFY, "hub.challenge": "1158201444"}
    with httpx.Client(trust_env=False) as client:
        answer = client.get(graph.callback, params=asked)
        assert (answer.status_code, answer.text) == (200, "1158201444")
        assert answer.headers["content-type"].startswith("text/plain")
        for wrong in ({"hub.verify_token": "x"}, {"hub.mode": "unsubscribe"}, {"hub.challenge": "<script>"}):
            assert client.get(graph.callback, params=asked | wrong).status_code == 403
        assert client.get(graph.callback).status_code == 403


def test_what_meta_did_not_sign_is_refused(ears: Ear, graph: Graph) -> None:
    body = json.dumps(graph.phone().call(graph.phone().message("text", {"body": "x"}))).encode()
    right = graph.signed(body)
    with httpx.Client(trust_env=False) as client:
        for mark in ("", "sha256=", right["x-hub-signature-256"].removeprefix("sha256=")):
            refused = client.post(graph.callback, content=body, headers={"x-hub-signature-256": mark})
            assert refused.status_code == 403
        assert client.post(graph.callback, content=body).status_code == 403
        assert client.post(graph.callback, content=body + b" ", headers=right).status_code == 403
        assert ears.heard == []
        assert client.post(graph.callback, content=body, headers=right).status_code == 200
        assert client.post(graph.callback, content=b"[]", headers=graph.signed(b"[]")).status_code == 400
        assert client.post(graph.callback, content=b"{", headers=graph.signed(b"{")).status_code == 400
    assert [each.text for each in ears.inbound] == ["x"]


def test_what_people_write_arrives_once_whatever_meta_repeats(ears: Ear, graph: Graph) -> None:
    call = graph.phone().says("C'est quoi le COPIL ? 🏘️")
    graph.push(call)
    until(graph.idle)
    (heard,) = ears.inbound
    assert (heard.text, heard.sender) == ("C'est quoi le COPIL ? 🏘️", Address("whatsapp", f"FR.{AWA}"))


def test_what_could_not_be_kept_comes_again(ears: Ear, graph: Graph) -> None:
    ears.refuse = 2
    graph.phone().says("à garder")
    until(lambda: ears.inbound)
    until(graph.idle)
    assert graph.statuses == [500, 500, 200]


def test_a_picture_comes_with_its_words(ears: Ear, graph: Graph) -> None:
    graph.phone().sends_picture(b"\xff\xd8\xff" * 1000, "Le banc cassé")
    until(lambda: ears.inbound)
    (heard,) = ears.inbound
    (file,) = heard.attachments
    assert (heard.text, file.filename, file.content_type, len(file.content)) == (
        "Le banc cassé", "photo.jpg", "image/jpeg", 3000,
    )  # fmt: skip


def test_a_picture_that_meta_does_not_give_leaves_its_words(ears: Ear, graph: Graph) -> None:
    graph.phone().sends("image", {"id": "404", "mime_type": "image/jpeg", "caption": "Le banc"})
    graph.phone().sends("video", {"id": graph.hold("video/mp4", b"x" * 10_500_000), "mime_type": "video/mp4"})
    until(lambda: len(ears.inbound) == 2)
    first, second = ears.inbound
    assert (first.text, first.attachments) == ("Le banc", ())
    assert first.warnings == ("fichier non reçu : photo.jpg (WhatsApp ne l'a pas donné)",)
    assert second.text == "(fichier non reçu : 10 Mo, 10 Mo au plus)"


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        ("https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1", True),
        ("https://evil.example/fbsbx.com", False),
        ("https://evilfbsbx.com/x", False),
        ("http://lookaside.fbsbx.com/x", False),
        ("file:///etc/passwd", False),
    ],
)
def test_our_token_goes_to_meta_alone(graph: Graph, url: str, ours: bool) -> None:
    assert channel_at(graph)._is_metas(url) is ours


def test_reports_come_in(ears: Ear, graph: Graph, awa: meta.Phone) -> None:
    send(channel_at(graph), out(), "inbox:1:0")
    until(lambda: len(ears.receipts) == 2)
    sent = graph.to(AWA)[0]
    assert ears.receipts == [
        Receipt("whatsapp", sent.id, "sent", key="inbox:1:0"),
        Receipt("whatsapp", sent.id, "delivered", key="inbox:1:0"),
    ]
    graph.report(sent, "failed", (131026, "Message undeliverable"))
    until(lambda: len(ears.receipts) == 3)
    assert "131026" in ears.receipts[-1].reason


def test_many_at_once_are_all_kept(ears: Ear, graph: Graph) -> None:
    phone = graph.phone()
    graph.push(phone.call(*(phone.message("text", {"body": f"{n}"}) for n in range(200))))
    until(graph.idle)
    assert [each.text for each in ears.inbound] == [str(n) for n in range(200)]


# --- settings and check -----------------------------------------------------------------------------------------------


def test_nothing_set_is_off(graph: Graph) -> None:
    assert whatsapp.open_channel({"HOTLINE_PUBLIC_URL": "https://x.fr"}) is None
    opened = whatsapp.open_channel(graph.settings)
    assert opened is not None
    assert opened.notes == ()


@pytest.mark.parametrize(
    ("changed", "variable"),
    [
        ({TOKEN: ""}, TOKEN),
        ({TOKEN: "court"}, TOKEN),
        ({NUMBER: "+33 7 00 11 22 44"}, NUMBER),
        ({NUMBER: ""}, NUMBER),
        ({APP_SECRET: "pas-une-clé"}, APP_SECRET),
        ({VERIFY: "court"}, VERIFY),
        ({BUSINESS: "RésO Villes"}, BUSINESS),
        ({API: "https://graph.facebook.com"}, API),
    ],
)
def test_a_setting_that_cannot_work_is_named_with_an_example(
    graph: Graph, changed: dict[str, str], variable: str
) -> None:
    with pytest.raises(BadSetting) as error:
        whatsapp.open_channel(graph.settings | changed)
    assert str(error.value).startswith(variable)
    assert EXAMPLES[variable] in str(error.value)
    assert meta.TOKEN not in str(error.value)
    assert meta.APP_SECRET not in str(error.value)


def test_check_tells_the_number_and_which_templates_are_missing(channel: WhatsAppChannel, graph: Graph) -> None:
    assert asyncio.run(channel.check()) == "WhatsApp : RésO Villes (+33 7 00 11 22 44) répond."
    del graph.approved["hotline_rappel_reunion"]
    assert asyncio.run(channel.check()).endswith("Modèles à faire accepter par Meta : hotline_rappel_reunion.")
    settings = read_settings(graph.settings | {TOKEN: "x" * 30})
    assert settings is not None
    with pytest.raises(TryAgain, match="le jeton a expiré"):
        asyncio.run(WhatsAppChannel(settings).check())


# --- pywa on the other side -------------------------------------------------------------------------------------------


class ToGraph(httpx.HTTPTransport):
    """Takes what pywa sends to Meta to our server instead."""

    def __init__(self, graph: Graph):
        super().__init__()
        self.graph = graph

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        assert request.url.host in ("graph.facebook.com", "127.0.0.1")
        request.url = request.url.copy_with(scheme="http", host="127.0.0.1", port=self.graph.port)
        request.headers["host"] = f"127.0.0.1:{self.graph.port}"
        return super().handle_request(request)


@pytest.fixture
def pywa(graph: Graph, awa: meta.Phone) -> Iterator[WhatsApp]:
    graph.silent = True
    with httpx.Client(transport=ToGraph(graph), trust_env=False) as session:
        yield WhatsApp(
            phone_id=meta.NUMBER, token=meta.TOKEN, session=session, api_version=meta.VERSION.removeprefix("v")
        )


def same(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """The same message, whatever stands in it as default."""
    for each in (ours, theirs):
        each.get("text", {}).pop("preview_url", None)
    assert ours == theirs


def test_pywa_and_we_send_the_same_text(channel: WhatsAppChannel, pywa: WhatsApp, graph: Graph) -> None:
    send(channel, out("Bonjour"), "inbox:1:0")
    pywa.send_message(AWA, "Bonjour", tracker="inbox:1:0")
    same(*(each.payload for each in graph.to(AWA)))
    send(channel, out("Bonjour", to=f"FR.{AWA}"), "inbox:2:0")
    pywa.send_message(f"FR.{AWA}", "Bonjour", tracker="inbox:2:0")
    same(*(each.payload for each in graph.to(AWA)[2:]))


def test_pywa_and_we_send_the_same_buttons_and_list(channel: WhatsAppChannel, pywa: WhatsApp, graph: Graph) -> None:
    send(channel, out("Cela vous aide ?", choices=("OUI", "NON")), "inbox:1:0")
    ids = [each["id"] for each in graph.to(AWA)[0].buttons]
    buttons = [types.Button(title, id) for title, id in zip(("OUI", "NON"), ids, strict=True)]
    pywa.send_message(AWA, "Cela vous aide ?", buttons=buttons, tracker="inbox:1:0")
    same(*(each.payload for each in graph.to(AWA)))
    titles = ("Le rôle du COPIL", "Trouver une salle pour se réunir", "Autre chose : parler à l'équipe")
    send(channel, out("Laquelle ?", choices=titles), "inbox:2:0")
    rows = [types.SectionRow(e["title"], e["id"], e.get("description")) for e in graph.to(AWA)[2].buttons]
    asked = types.SectionList("Choisir", [types.Section("Réponses", rows)])
    pywa.send_message(AWA, "Laquelle ?", buttons=asked, tracker="inbox:2:0")
    same(*(json.loads(json.dumps(each.payload)) for each in graph.to(AWA)[2:]))


def test_pywa_and_we_fill_the_same_template(channel: WhatsAppChannel, pywa: WhatsApp, graph: Graph) -> None:
    send(channel, out(name="reminder", values=REMINDER, hours_ago=None), "meeting:1")
    template = templates()["reminder"]
    params = [
        BodyText.params(*(REMINDER[name] for name in template.values)),
        *(QuickReplyButton.params(callback_data=payload, index=n) for n, (_, payload) in enumerate(template.buttons)),
    ]
    pywa.send_template(AWA, template.name, TemplateLanguage.FRENCH, params, tracker="meeting:1")
    ours, theirs = (json.loads(json.dumps(each.payload)) for each in graph.to(AWA))
    assert plain(ours) == plain(theirs)


def plain(found: Any) -> Any:
    """Meta takes kinds in capitals too, and numbers in quotes."""
    if isinstance(found, dict):
        return {name: str(plain(each)).lower() if name in KINDS else plain(each) for name, each in found.items()}
    return [plain(each) for each in found] if isinstance(found, list) else found


def test_pywa_and_we_upload_and_fetch_the_same_file(channel: WhatsAppChannel, pywa: WhatsApp, graph: Graph) -> None:
    send(channel, out("", attachments=(Attachment("copil.pdf", "application/pdf", b"%PDF-1.7"),)), "inbox:1:0")
    pywa.send_document(AWA, b"%PDF-1.7", filename="copil.pdf", mime_type="application/pdf", tracker="inbox:1:0")
    ours, theirs = graph.to(AWA)
    assert ours.content == theirs.content
    assert ours.payload["document"]["filename"] == theirs.payload["document"]["filename"]
    id = graph.hold("image/jpeg", b"\xff\xd8\xff")
    found = pywa.get_media_url(id)
    assert found.sha256 == hashlib.sha256(b"\xff\xd8\xff").hexdigest()
    assert asyncio.run(channel._fetched(id)) == ("", b"\xff\xd8\xff")


def test_pywa_hears_the_same_calls_from_our_server(graph: Graph, ears: Ear, pywa: WhatsApp) -> None:
    heard: list[str] = []
    arrived = threading.Event()

    @pywa.on_message
    def hear(_: WhatsApp, message: types.Message) -> None:
        heard.append(message.text or "")
        arrived.set()

    call = graph.phone().says("C'est quoi un QPV ?")
    until(lambda: ears.inbound)
    pywa.webhook_update_handler(json.dumps(call).encode())
    assert arrived.wait(10)
    assert heard == [each.text for each in ears.inbound if isinstance(each, Inbound)]
