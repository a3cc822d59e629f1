"""OVHcloud, Twilio and SMS Gateway: our requests, their call-backs, their own clients, and all that they may answer."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import ovh
import ovh.client
import pytest
import twilio.rest
from android_sms_gateway import client as android
from android_sms_gateway import domain
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator

from channels.contract import Address, Findable, Outbound, TryAgain, Undeliverable, Unsure
from channels.sms import line
from tests.channels.sms import providers
from tests.channels.sms.conftest import Ear, channel_of, served
from tests.channels.sms.providers import TWILIO_NUMBER, Fault, OvhApi, Provider, SmsgateApi, TwilioApi, signed_call
from tests.peers.mail import until
from tests.peers.ports import free_port

AWA = "+33612345678"
HOUR = timedelta(hours=1)
SECRET = "un-secret-assez-long-pour-les-adresses"
YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).isoformat(timespec="seconds")


@contextlib.contextmanager
def running(kind: Callable[[], Any]) -> Iterator[Any]:
    found = kind()
    try:
        yield found
    finally:
        found.stop()


@pytest.fixture
def ovh_api() -> Iterator[OvhApi]:
    with running(OvhApi) as found:
        yield found


@pytest.fixture
def twilio_api() -> Iterator[TwilioApi]:
    with running(TwilioApi) as found:
        yield found


@pytest.fixture
def smsgate_api() -> Iterator[SmsgateApi]:
    with running(SmsgateApi) as found:
        yield found


@pytest.fixture(params=["ovh_api", "twilio_api", "smsgate_api"])
def provider(request: pytest.FixtureRequest) -> Provider:
    found: Provider = request.getfixturevalue(request.param)
    return found


def settings_of(provider: Any, port: int = 8000) -> dict[str, str]:
    return provider.settings | {"HOTLINE_PUBLIC_URL": f"http://127.0.0.1:{port}"}


def send(provider: Any, text: str = "Bonjour", to: str = AWA, key: str = "inbox:1:0") -> str:
    channel = channel_of(settings_of(provider))
    return str(asyncio.run(channel.send(Outbound(Address("sms", to), "answer", {}, text), key)))


async def listen_until(channel: Any, ear: Ear, done: Callable[[], bool]) -> None:
    """Let it ask until `done`."""
    listening = asyncio.create_task(channel.listen(ear.deliver))
    try:
        async with asyncio.timeout(15):
            while not done() and not listening.done():
                await asyncio.sleep(0.01)
        if listening.done():
            listening.result()
    finally:
        listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await listening


async def all_news(gateway: Any) -> list[Any]:
    news: AsyncIterator[Any] = gateway.news()
    return [each async for each in news]


# --- what all of them share -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "error", "scope"),
    [
        (429, {"code": 20429, "message": "Too many requests"}, TryAgain, "channel"),
        (503, {"message": "maintenance"}, TryAgain, "channel"),
        (401, {"code": 20003, "message": "Authenticate"}, TryAgain, "channel"),
        (403, {"message": "This call has not been granted"}, TryAgain, "channel"),
        (502, {}, Unsure, ""),
        (500, {"message": "oops"}, Unsure, ""),
        (302, {}, TryAgain, "channel"),
        (400, {"code": 21211, "message": "Invalid number"}, Undeliverable, ""),
    ],
)
def test_a_refusal_is_named_by_what_it_means(
    provider: Provider, status: int, body: dict[str, Any], error: type[Exception], scope: str
) -> None:
    provider.faults = [Fault(status, body, {"Retry-After": "7"})]
    with pytest.raises(error) as caught:
        send(provider)
    if isinstance(caught.value, TryAgain):
        assert caught.value.scope == scope
        assert caught.value.after == 7 or status not in (429, 503)
    assert AWA not in str(caught.value)


def test_an_answer_that_is_cut_off_leaves_us_unsure(provider: Provider) -> None:
    provider.faults = [Fault(cut_after=True)]
    with pytest.raises(Unsure):
        send(provider)


def find(provider: Any, text: str = "Bonjour", key: str = "inbox:1:0", to: str = AWA, since: timedelta = HOUR) -> str:
    channel = channel_of(settings_of(provider))
    assert isinstance(channel, Findable)
    message = Outbound(Address("sms", to), "answer", {}, text)
    return asyncio.run(channel.find(message, key, datetime.now(UTC) - since))


@pytest.fixture(params=["ovh_api", "twilio_api"])
def searched(request: pytest.FixtureRequest) -> Any:
    """A provider that can be asked what it took."""
    return request.getfixturevalue(request.param)


def test_a_message_whose_answer_was_lost_is_found_at_its_provider(searched: Any) -> None:
    assert find(searched) == "", "nothing was sent yet"
    searched.faults = [Fault(cut_after=True)]
    with pytest.raises(Unsure):
        send(searched)
    taken = searched.messages[0]["sid"] if isinstance(searched, TwilioApi) else str(next(iter(searched.outgoing)))
    assert find(searched) == taken
    assert searched.refused == [], "every question was put as the documentation says"


def test_a_message_that_the_provider_never_had_is_not_found(searched: Any) -> None:
    send(searched, text="Autre chose", key="inbox:2:0")
    send(searched, to="+33698765432", key="inbox:3:0")
    assert find(searched) == ""


def test_a_provider_that_cannot_say_what_it_took_is_asked_again(searched: Any) -> None:
    send(searched)
    searched.faults = [Fault(503, {"message": "maintenance"}, method="GET")]
    with pytest.raises((TryAgain, Unsure)):
        find(searched)


def test_what_was_said_before_the_lost_message_is_not_taken_for_it(twilio_api: TwilioApi) -> None:
    send(twilio_api)
    assert find(twilio_api, since=-HOUR) == "", "the same words, an hour before"
    twilio_api.row("inbound", TWILIO_NUMBER, AWA, "Bonjour")
    assert find(twilio_api, since=-HOUR) == ""


def test_a_provider_that_cannot_be_reached_rests_the_channel(provider: Provider) -> None:
    provider.stop()
    with pytest.raises(TryAgain) as caught:
        send(provider)
    assert caught.value.scope == "channel"


def test_a_provider_that_never_answers_leaves_us_unsure() -> None:
    """A line that is taken and then silent."""

    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        with pytest.raises(Unsure):
            asyncio.run(line.call("Personne", "POST", address, content=b"x", seconds=0.3))


def test_check_reaches_the_provider_and_sends_nothing(provider: Any) -> None:
    assert "répond" in asyncio.run(channel_of(settings_of(provider)).check())
    assert not provider.refused
    assert all(method == "GET" for method, _ in provider.calls)


@pytest.mark.parametrize("text", ["L’été à 10 €", "متى الاجتماع؟", 'a+b&c=d%20 ?\n#é "x"'])
def test_a_text_arrives_as_it_was_fitted(provider: Any, text: str) -> None:
    send(provider, text)
    said = {
        OvhApi: lambda: provider.jobs[0]["message"],
        TwilioApi: lambda: provider.messages[0]["body"],
        SmsgateApi: lambda: next(iter(provider.messages.values()))["textMessage"]["text"],
    }[type(provider)]()
    assert said == text.replace("’", "'")
    assert not provider.refused


# --- OVHcloud ---------------------------------------------------------------------------------------------------------


def test_ovhs_own_client_is_let_in_where_we_are(ovh_api: OvhApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ovh.client.ENDPOINTS, "essai", ovh_api.api)
    client = ovh.Client("essai", providers.APPLICATION, providers.APPLICATION_SECRET, providers.CONSUMER)
    assert client.get(f"/sms/{providers.SERVICE}")["creditsLeft"] == 421.5
    id = int(send(ovh_api))
    assert client.get(f"/sms/{providers.SERVICE}/outgoing") == [id]
    assert client.get(f"/sms/{providers.SERVICE}/outgoing/{id}")["message"] == "Bonjour"
    assert not ovh_api.refused
    wrong = ovh.Client("essai", providers.APPLICATION, "x", providers.CONSUMER)
    with pytest.raises(ovh.exceptions.APIError):
        wrong.get(f"/sms/{providers.SERVICE}")


def test_ovh_is_not_to_wait_for_the_morning_and_can_be_replied_to(ovh_api: OvhApi) -> None:
    send(ovh_api)
    send(ovh_api, "متى", key="inbox:2:0")
    assert [(job["noStopClause"], job["senderForResponse"], job["coding"]) for job in ovh_api.jobs] == [
        (True, True, "7bit"),
        (True, True, "8bit"),
    ]


def test_a_message_that_ovh_has_already_is_not_sent_again(ovh_api: OvhApi) -> None:
    ovh_api.faults = [Fault(cut_after=True)]
    with pytest.raises(Unsure):
        send(ovh_api)
    again = send(ovh_api)
    assert len(ovh_api.jobs) == 1
    assert again == str(next(iter(ovh_api.outgoing)))


def test_a_number_that_ovh_cannot_reach_is_undeliverable(ovh_api: OvhApi) -> None:
    ovh_api.invalid.add(AWA)
    with pytest.raises(Undeliverable):
        send(ovh_api)


def test_without_credits_the_channel_rests_an_hour(ovh_api: OvhApi) -> None:
    ovh_api.faults = [Fault(400, {"message": "Not enough credits"})]
    with pytest.raises(TryAgain) as caught:
        send(ovh_api)
    assert (caught.value.scope, caught.value.after) == ("channel", 3600)


def test_a_clock_that_is_wrong_is_set_by_theirs(ovh_api: OvhApi) -> None:
    channel = channel_of(ovh_api.settings)

    async def twice() -> None:
        await channel.check()
        ovh_api.clock_ahead = 600  # ours was set back meanwhile
        await channel.send(Outbound(Address("sms", AWA), "answer", {}, "Bonjour"), "k")

    asyncio.run(twice())
    assert ovh_api.refused == ["time"]
    assert len(ovh_api.jobs) == 1


def test_what_came_in_at_ovh_is_fetched_once_in_order(ovh_api: OvhApi, ear: Ear) -> None:
    ids = [ovh_api.receive(AWA, text, YESTERDAY) for text in ("un", "deux", "trois")]
    ovh_api.receive("Orange", "pub", YESTERDAY)
    channel = channel_of(ovh_api.settings)
    ear.refuse = 1
    with pytest.raises(OSError, match="disque plein"):
        asyncio.run(listen_until(channel, ear, lambda: False))
    asyncio.run(listen_until(channel, ear, lambda: len(ear.inbound) == 4))
    assert [(each.external_id, each.text) for each in ear.inbound[:3]] == list(
        zip(map(str, ids), ("un", "deux", "trois"), strict=True)
    )
    assert [each.nature for each in ear.inbound] == ["person"] * 3 + ["machine"]
    asked = len(ovh_api.calls)
    assert asyncio.run(all_news(channel.gateway)) == []
    assert len(ovh_api.calls) - asked == 4, "no message is asked for twice"


def test_a_message_that_is_gone_at_ovh_holds_up_nobody(ovh_api: OvhApi) -> None:
    ovh_api.receive(AWA, "resté", YESTERDAY)
    gone = ovh_api.receive(AWA, "parti", YESTERDAY)
    listed = ovh_api.incoming

    class Vanishing(dict[int, Any]):
        def get(self, key: int, default: Any = None) -> Any:
            return None if key == gone else super().get(key, default)

    ovh_api.incoming = Vanishing(listed)
    found = asyncio.run(all_news(channel_of(ovh_api.settings).gateway))
    assert [each.text for each in found] == ["resté"]


def test_reports_of_ovh_are_told_once(ovh_api: OvhApi, ear: Ear) -> None:
    good, bad, open_ = (int(send(ovh_api, key=f"k{n}")) for n in range(3))
    ovh_api.outgoing[good]["deliveryReceipt"] = 1
    ovh_api.outgoing[bad] |= {"deliveryReceipt": 2, "ptt": 3}
    channel = channel_of(ovh_api.settings)
    first, second = asyncio.run(all_news(channel.gateway))
    assert (first.provider_id, first.state) == (str(good), "delivered")
    assert (second.provider_id, second.state) == (str(bad), "failed")
    assert "code 3" in second.reason
    ovh_api.outgoing[open_]["deliveryReceipt"] = 1
    assert [each.provider_id for each in asyncio.run(all_news(channel.gateway))] == [str(open_)]


def test_ovh_away_is_asked_again(ovh_api: OvhApi, ear: Ear) -> None:
    channel = channel_of(ovh_api.settings)
    channel.pauses = (0.02, 0.1)
    ovh_api.receive(AWA, "enfin", YESTERDAY)
    ovh_api.faults = [Fault(500, method="GET"), Fault(502, method="GET")]
    asyncio.run(listen_until(channel, ear, lambda: bool(ear.inbound)))
    assert ear.inbound[0].text == "enfin"


# --- Twilio -----------------------------------------------------------------------------------------------------------


class HereClient(TwilioHttpClient):
    """Twilio's own HTTP client, turned to this machine."""

    def __init__(self, url: str):
        super().__init__()
        self.here = url

    def request(self, method: str, url: str, *arguments: Any, **more: Any) -> Any:
        return super().request(method, url.replace("https://api.twilio.com", self.here), *arguments, **more)


def test_twilios_own_client_is_let_in_where_we_are(twilio_api: TwilioApi) -> None:
    client = twilio.rest.Client(providers.ACCOUNT, providers.TOKEN, http_client=HereClient(twilio_api.url))
    theirs = client.messages.create(to=AWA, from_=providers.TWILIO_NUMBER, body="Bonjour")
    assert theirs.sid == twilio_api.messages[0]["sid"]
    assert send(twilio_api) == twilio_api.messages[1]["sid"]
    same = ("to", "from", "body", "direction")
    assert [twilio_api.messages[0][name] for name in same] == [twilio_api.messages[1][name] for name in same]
    assert not twilio_api.refused


@pytest.mark.parametrize("code", [21211, 21408, 21610, 21614])
def test_a_number_that_twilio_cannot_reach_is_undeliverable(twilio_api: TwilioApi, code: int) -> None:
    twilio_api.faults = [Fault(400, {"code": code, "message": f"The number {AWA} is no good"})]
    with pytest.raises(Undeliverable) as caught:
        send(twilio_api)
    assert AWA not in str(caught.value)


def call_form(sid: str, **more: str) -> dict[str, str]:
    return {
        "MessageSid": sid, "SmsSid": sid, "AccountSid": providers.ACCOUNT, "From": AWA,
        "To": providers.TWILIO_NUMBER, "Body": "Où & quand ? 10 € + é", "NumMedia": "0", "FromCountry": "FR",
    } | more  # fmt: skip


@pytest.fixture
def twilio_hook(twilio_api: TwilioApi, ear: Ear) -> Iterator[str]:
    port = free_port()
    with served(channel_of(settings_of(twilio_api, port)), ear.deliver, port):
        yield f"http://127.0.0.1:{port}/sms/{SECRET}"


def post(url: str, form: dict[str, str], token: str = providers.TOKEN, signed_url: str = "") -> httpx.Response:
    """As Twilio calls: the signature is made by its own library."""
    signature = RequestValidator(token).compute_signature(signed_url or url, form)
    return httpx.post(url, data=form, headers={"X-Twilio-Signature": signature}, trust_env=False)


def test_a_call_signed_by_twilio_is_heard_once(twilio_hook: str, ear: Ear) -> None:
    for _ in range(2):
        answer = post(f"{twilio_hook}/recu", call_form("SM1"))
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/xml")
        assert "<Response/>" in answer.text
    (heard,) = ear.inbound
    assert (heard.external_id, heard.text, heard.sender.handle) == ("SM1", "Où & quand ? 10 € + é", AWA)


def test_a_call_with_a_picture_or_an_empty_text_is_heard_too(twilio_hook: str, ear: Ear) -> None:
    post(f"{twilio_hook}/recu", call_form("SM2", NumMedia="1", Body="", MediaUrl0="https://api.twilio.com/x"))
    assert ear.inbound[0].warnings == ("1 image(s) jointe(s), non lue(s)",)


def test_a_call_that_twilio_did_not_sign_is_refused(twilio_hook: str, ear: Ear) -> None:
    url = f"{twilio_hook}/recu"
    assert post(url, call_form("SM3"), token="faux").status_code == 403
    assert post(url, call_form("SM3"), signed_url="https://ailleurs.fr/sms").status_code == 403
    assert httpx.post(url, data=call_form("SM3"), trust_env=False).status_code == 403
    signature = RequestValidator(providers.TOKEN).compute_signature(url, call_form("SM3"))
    changed = call_form("SM3", Body="autre chose")
    headers = {"X-Twilio-Signature": signature}
    assert httpx.post(url, data=changed, headers=headers, trust_env=False).status_code == 403
    assert not ear.heard


def test_the_signature_holds_with_the_port_and_without(twilio_api: TwilioApi) -> None:
    gateway = channel_of(settings_of(twilio_api) | {"HOTLINE_PUBLIC_URL": "https://hotline.exemple.fr"}).gateway
    form = call_form("SM4")
    validator = RequestValidator(providers.TOKEN)
    for signed in ("https://hotline.exemple.fr/a", "https://hotline.exemple.fr:443/a"):
        signature = validator.compute_signature(signed, form)
        assert gateway.trusts("https://hotline.exemple.fr/a", form.items(), signature)
    assert not gateway.trusts("https://hotline.exemple.fr/b", form.items(), signature)


@pytest.mark.parametrize(
    ("state", "reported"),
    [("delivered", "delivered"), ("undelivered", "failed"), ("failed", "failed"), ("sent", ""), ("queued", "")],
)
def test_status_call_backs_become_reports(
    twilio_api: TwilioApi, twilio_hook: str, ear: Ear, state: str, reported: str
) -> None:
    form = {"MessageSid": "SM9", "MessageStatus": state, "ErrorCode": "30005" if reported == "failed" else ""}
    assert post(f"{twilio_hook}/etat", form).status_code == 200
    assert [each.state for each in ear.receipts] == ([reported] if reported else [])
    if reported == "failed":
        assert "30005" in ear.receipts[0].reason


def test_the_status_is_asked_for_at_our_secret_address(twilio_api: TwilioApi) -> None:
    send(twilio_api)
    assert twilio_api.messages[0]["callback"] == f"http://127.0.0.1:8000/sms/{SECRET}/etat"


def test_what_a_failed_call_did_not_bring_is_asked_for(twilio_api: TwilioApi, twilio_hook: str, ear: Ear) -> None:
    rows = [twilio_api.row("inbound", AWA, providers.TWILIO_NUMBER, f"message {n}") for n in range(5)]
    twilio_api.row("outbound-api", providers.TWILIO_NUMBER, AWA, "à nous")
    channel = channel_of(settings_of(twilio_api))
    asyncio.run(listen_until(channel, ear, lambda: len(ear.inbound) == 5))
    post(f"{twilio_hook}/recu", call_form(rows[0]["sid"], Body="message 0"))
    assert len(ear.inbound) == 5, "the call that came late is the same message"
    assert asyncio.run(all_news(channel.gateway)) == []


# --- SMS Gateway for Android ------------------------------------------------------------------------------------------


def test_the_phones_own_client_is_let_in_where_we_are(smsgate_api: SmsgateApi) -> None:
    with android.APIClient(providers.LOGIN, providers.PASSWORD, base_url=smsgate_api.api) as client:
        client.send(domain.Message(phone_numbers=[AWA], text_message=domain.TextMessage("Bonjour")))
    send(smsgate_api)
    theirs, ours = smsgate_api.messages.values()
    assert theirs["textMessage"] == ours["textMessage"]
    assert theirs["phoneNumbers"] == ours["phoneNumbers"]
    assert ours["withDeliveryReport"] is True
    assert not smsgate_api.refused


def test_the_same_message_is_taken_once_by_the_phone(smsgate_api: SmsgateApi) -> None:
    smsgate_api.faults = [Fault(cut_after=True)]
    with pytest.raises(Unsure):
        send(smsgate_api)
    assert send(smsgate_api) in smsgate_api.messages
    assert len(smsgate_api.messages) == 1


RECEIVED = {
    "messageId": "abc123",
    "message": "Android est là : 10 € é 🙂",
    "phoneNumber": "0612345678",
    "simNumber": 1,
    "receivedAt": "2026-11-24T15:46:11.000+01:00",
}
SAMPLES = (RECEIVED, RECEIVED | {"sender": AWA, "recipient": None}, RECEIVED | {"simNumber": None})


@pytest.fixture
def phone_hook(smsgate_api: SmsgateApi, ear: Ear) -> Iterator[str]:
    port = free_port()
    with served(channel_of(settings_of(smsgate_api, port)), ear.deliver, port):
        yield f"http://127.0.0.1:{port}/sms/{SECRET}/recu"


def knock(url: str, event: str, payload: dict[str, Any], **more: Any) -> int:
    body, headers = signed_call(event, payload, **more)
    return httpx.post(url, content=body, headers=headers, trust_env=False).status_code


@pytest.mark.parametrize("payload", SAMPLES)
def test_what_the_phone_hears_is_kept_once(phone_hook: str, ear: Ear, payload: dict[str, Any]) -> None:
    assert [knock(phone_hook, "sms:received", payload) for _ in range(2)] == [200, 200]
    (heard,) = ear.inbound
    assert (heard.text, heard.sender.handle) == ("Android est là : 10 € é 🙂", AWA)
    assert heard.heard_at == datetime(2026, 11, 24, 14, 46, 11, tzinfo=UTC)


def test_the_same_words_a_minute_later_are_another_message(phone_hook: str, ear: Ear) -> None:
    """The phone gives both the same messageId."""
    knock(phone_hook, "sms:received", RECEIVED | {"message": "oui"})
    knock(phone_hook, "sms:received", RECEIVED | {"message": "oui", "receivedAt": "2026-11-24T15:47:11.000+01:00"})
    assert len(ear.inbound) == 2
    assert "12345678" not in "".join(each.external_id for each in ear.inbound)


def test_what_the_phone_did_not_sign_is_refused(phone_hook: str, ear: Ear) -> None:
    assert knock(phone_hook, "sms:received", RECEIVED, key="faux") == 403
    body, headers = signed_call("sms:received", RECEIVED)
    changed = body.replace(b"Android", b"Autre")
    assert httpx.post(phone_hook, content=changed, headers=headers, trust_env=False).status_code == 403
    assert httpx.post(phone_hook, content=body, trust_env=False).status_code == 403
    assert not ear.heard


def test_a_phone_that_was_two_days_without_network_is_heard(phone_hook: str, ear: Ear) -> None:
    assert knock(phone_hook, "sms:received", RECEIVED, stamp=int(time.time()) - 2 * 86400) == 200
    assert len(ear.inbound) == 1


def test_what_the_phone_reports_settles_the_message(phone_hook: str, ear: Ear) -> None:
    assert knock(phone_hook, "sms:sent", {"messageId": "m1", "phoneNumber": AWA}) == 200
    assert knock(phone_hook, "sms:delivered", {"messageId": "m1", "phoneNumber": AWA}) == 200
    assert knock(phone_hook, "sms:failed", {"messageId": "m2", "phoneNumber": AWA, "reason": "no service"}) == 200
    assert [(each.provider_id, each.state) for each in ear.receipts] == [("m1", "delivered"), ("m2", "failed")]
    assert "no service" in ear.receipts[1].reason


@pytest.mark.parametrize("payload", [{}, {"message": 3}, {"message": "x", "phoneNumber": AWA, "receivedAt": "hier"}])
def test_a_call_that_makes_no_sense_is_refused(phone_hook: str, ear: Ear, payload: dict[str, Any]) -> None:
    assert knock(phone_hook, "sms:received", payload) == 403
    assert not ear.heard


def test_webhooks_that_are_missing_are_named_by_check(smsgate_api: SmsgateApi) -> None:
    assert "sms:delivered, sms:failed" in asyncio.run(channel_of(settings_of(smsgate_api)).check())


def test_while_we_cannot_keep_a_message_the_phone_is_told_to_come_again(phone_hook: str, ear: Ear) -> None:
    ear.refuse = 1
    assert knock(phone_hook, "sms:received", RECEIVED) == 500
    assert knock(phone_hook, "sms:received", RECEIVED) == 200
    until(lambda: len(ear.inbound) == 1)
