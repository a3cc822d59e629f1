"""Signing in by tokens: a strict authorization server, a real Dovecot and a real Postfix that ask it."""

import asyncio
import json
import ssl
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from channels.contract import BadSetting, Drawer, TryAgain
from channels.email import open_channel
from channels.email.channel import EmailChannel
from channels.email.oauth import Provider, SignIn, SignInAway, SignInRefused
from channels.email.settings import OAuth, read_settings
from tests.channels.email.test_transport import Ears, eventually, listening, mail, outbound, run
from tests.peers.mail import Mailbox
from tests.peers.oauth import AuthorizationServer

GMAIL = {
    "HOTLINE_EMAIL_ADDRESS": "hotline@exemple.org",
    "HOTLINE_EMAIL_AUTH": "oauth2",
    "HOTLINE_EMAIL_OAUTH_PROVIDER": "google",
    "HOTLINE_EMAIL_OAUTH_CLIENT_ID": "x.apps.exemple",
    "HOTLINE_EMAIL_OAUTH_CLIENT_SECRET": "shh",
}


class Pocket(Drawer):
    """A drawer in memory."""

    def __init__(self, user: str = "", refresh: str = ""):
        self.kept = json.dumps({"user": user, "refresh": refresh}) if refresh else ""
        self.writes = 0

    async def read(self) -> str:
        return self.kept

    async def write(self, secret: str) -> None:
        self.kept, self.writes = secret, self.writes + 1


@pytest.fixture
def server() -> Iterator[AuthorizationServer]:
    made = AuthorizationServer()
    made.start()
    yield made
    assert made.complaints == []
    made.stop()


def oauth_of(server: AuthorizationServer, user: str = "hotline@exemple.org", **changed: str) -> OAuth:
    given = server.settings(user) | {name.upper(): value for name, value in changed.items()}
    environment = {
        "HOTLINE_EMAIL_ADDRESS": "hotline@exemple.org",
        "HOTLINE_EMAIL_IMAP": "imaps://localhost:1",
        "HOTLINE_EMAIL_SMTP": "smtps://localhost:1",
    }
    settings = read_settings(environment | {f"HOTLINE_EMAIL_{name}": value for name, value in given.items()})
    assert settings is not None
    assert settings.oauth is not None
    return settings.oauth


def sign_in(server: AuthorizationServer, refresh: str = "", **changed: str) -> SignIn:
    made = SignIn(oauth_of(server, **changed), ssl.create_default_context())
    made.drawer = Pocket(made.settings.user, refresh)
    return made


def channel_of(box: Mailbox, refresh: str, **changed: str) -> EmailChannel:
    settings = read_settings(box.token_settings(**changed))
    assert settings is not None
    channel = EmailChannel(settings, poll=5, first_pause=0.1)
    channel.use(Pocket(box.address, refresh))
    return channel


# ---------------------------------------------------------------- settings
def test_the_two_large_providers_need_no_servers_and_no_password() -> None:
    google = read_settings(GMAIL)
    assert google is not None
    assert google.oauth is not None
    assert (google.imap.host, google.imap.port, google.smtp.host) == ("imap.gmail.com", 993, "smtp.gmail.com")
    assert google.oauth.device_url == ""  # Google gives no mail scope to devices
    microsoft = read_settings(GMAIL | {"HOTLINE_EMAIL_OAUTH_PROVIDER": "microsoft"})
    assert microsoft is not None
    assert microsoft.oauth is not None
    assert (microsoft.imap.host, microsoft.smtp.safety) == ("outlook.office365.com", "starttls")
    assert microsoft.oauth.token_url.startswith("https://login.microsoftonline.com/organizations/")
    assert "offline_access" in microsoft.oauth.scope
    assert "shh" not in repr(google)


@pytest.mark.parametrize(
    ("changed", "variable"),
    [
        ({"AUTH": "kerberos"}, "AUTH"),
        ({"OAUTH_PROVIDER": "orange"}, "OAUTH_PROVIDER"),
        ({"OAUTH_PROVIDER": ""}, "OAUTH_PROVIDER"),
        ({"OAUTH_CLIENT_ID": ""}, "OAUTH_CLIENT_ID"),
        ({"OAUTH_CLIENT_SECRET": ""}, "OAUTH_CLIENT_SECRET"),
        ({"OAUTH_USER": "élue"}, "OAUTH_USER"),
        ({"OAUTH_PROVIDER": "microsoft", "OAUTH_TENANT": "a/b"}, "OAUTH_TENANT"),
        ({"IMAP": "imaps://u:p@imap.gmail.com"}, "IMAP"),
        ({"OAUTH_PROVIDER": "custom", "IMAP": "imaps://h", "SMTP": "smtps://h"}, "OAUTH_TOKEN_URL"),
        (
            {
                "OAUTH_PROVIDER": "custom",
                "IMAP": "imaps://h",
                "SMTP": "smtps://h",
                "OAUTH_TOKEN_URL": "http://exemple.org/token",
                "OAUTH_DEVICE_URL": "https://exemple.org/device",
                "OAUTH_SCOPE": "mail",
            },
            "OAUTH_TOKEN_URL",
        ),
    ],
)
def test_a_setting_that_cannot_work_is_named(changed: dict[str, str], variable: str) -> None:
    environment = GMAIL | {f"HOTLINE_EMAIL_{name}": value for name, value in changed.items()}
    with pytest.raises(BadSetting) as caught:
        read_settings(environment)
    assert caught.value.variable == f"HOTLINE_EMAIL_{variable}"
    assert "shh" not in str(caught.value)


def test_a_password_is_still_what_a_mailbox_opens_with_by_default() -> None:
    with pytest.raises(BadSetting, match="l'utilisateur ou le mot de passe manque"):
        read_settings(
            GMAIL | {"HOTLINE_EMAIL_AUTH": "", "HOTLINE_EMAIL_IMAP": "imaps://h", "HOTLINE_EMAIL_SMTP": "smtps://h"}
        )


# ---------------------------------------------------------------- the first sign-in
def test_a_technician_signs_in_with_a_code_typed_on_another_device(server: AuthorizationServer) -> None:
    naps: list[float] = []

    async def sleep(seconds: float) -> None:
        naps.append(seconds)

    async def story() -> SignIn:
        ours = sign_in(server)
        device = await ours.provider.device()
        assert (device.code, device.page) == ("WDJB-MJHT", f"{server.url}/code")
        await ours.keep(await ours.provider.wait_for(device, sleep))
        return ours

    ours = run(story())
    assert naps == [5, 5, 5]
    assert server.good[run(ours.access())] == "user@0"


def test_a_provider_that_finds_us_hasty_is_asked_less_often(server: AuthorizationServer) -> None:
    server.slow_down, server.fails, naps = True, [503], []

    async def sleep(seconds: float) -> None:
        naps.append(seconds)

    async def story() -> None:
        provider = sign_in(server).provider
        await provider.wait_for(await provider.device(), sleep)

    run(story())
    assert naps == [5, 10, 15, 20]  # twice as long after a failure, five seconds more each time that it says so


@pytest.mark.parametrize(
    ("trouble", "words"),
    [("denied", "a été refusée"), ("forgotten", "n'est plus valable"), ("endless", "plus valable")],
)
def test_a_sign_in_that_does_not_come_about_is_told(server: AuthorizationServer, trouble: str, words: str) -> None:
    async def sleep(seconds: float) -> None:
        if trouble == "forgotten":
            server.devices.clear()

    async def story() -> None:
        provider = sign_in(server).provider
        server.denied = trouble == "denied"
        server.pending = 10_000 if trouble == "endless" else 1
        await provider.wait_for(await provider.device(), sleep)

    with pytest.raises(SignInRefused, match=words):
        run(story())


def test_a_technician_signs_in_by_the_browser(server: AuthorizationServer) -> None:
    async def story() -> str:
        ours = sign_in(server)
        question = ours.provider.question("http://127.0.0.1:4321/")
        asked = {name: values[0] for name, values in parse_qs(urlsplit(question.page).query).items()}
        assert asked["login_hint"] == "hotline@exemple.org"
        granted = await ours.provider.answered(question, server.authorize(asked, "hotline@exemple.org"))
        await ours.keep(granted)
        return await ours.access()

    assert server.good[run(story())] == "hotline@exemple.org"


@pytest.mark.parametrize("wrong", ["state", "code", "verifier", "denied", "twice"])
def test_an_answer_that_is_not_to_our_question_gives_nothing(server: AuthorizationServer, wrong: str) -> None:
    async def story() -> None:
        provider = sign_in(server).provider
        server.denied = wrong == "denied"
        question, other = (provider.question("http://127.0.0.1:4321/") for _ in range(2))
        asked = {name: values[0] for name, values in parse_qs(urlsplit(question.page).query).items()}
        address = server.authorize(asked, "u")
        if wrong == "state":
            address = address.replace(question.state, other.state)
        elif wrong == "code":
            address = f"http://127.0.0.1:4321/?state={question.state}"
        elif wrong == "verifier":
            question = type(question)(question.settings, question.redirect, question.state, other.verifier)
        elif wrong == "twice":
            await provider.answered(question, address)
        await provider.answered(question, address)

    with pytest.raises(SignInRefused):
        run(story())


# ---------------------------------------------------------------- renewing
def test_an_access_token_is_used_until_shortly_before_its_end_and_renewed_once_for_all(
    server: AuthorizationServer,
) -> None:
    ours = sign_in(server, server.grant("u"))

    async def story() -> list[str]:
        return [*await asyncio.gather(*(ours.access() for _ in range(20))), await ours.access()]

    assert len(set(run(story()))) == 1
    assert [path for path, _ in server.asked] == ["/token"]
    ours._ends = time.monotonic()  # it is five minutes before the end
    assert run(ours.access()) in server.good
    assert len(server.asked) == 2


def test_a_token_that_lives_for_a_minute_is_used_for_half_of_it(server: AuthorizationServer) -> None:
    server.lives = 60
    ours = sign_in(server, server.grant("u"))
    run(ours.access())
    assert 20 < ours._ends - time.monotonic() <= 30


def test_a_provider_that_gives_a_new_refresh_token_each_time_is_followed(server: AuthorizationServer) -> None:
    server.rotates = True
    first = server.grant("u")
    ours = sign_in(server, first)
    for _ in range(3):
        ours.rejected(run(ours.access()))
    assert first not in server.refresh
    kept = json.loads(run(ours.drawer.read()))["refresh"]  # type: ignore[union-attr]
    assert kept in server.refresh


def test_two_processes_that_share_a_drawer_do_not_lock_each_other_out(server: AuthorizationServer) -> None:
    server.rotates = True
    ours, other = sign_in(server, server.grant("u")), sign_in(server)

    class Late(Pocket):
        """What the other process reads first is what ours has used up meanwhile."""

        async def read(self) -> str:
            stale, self.kept = self.kept, await ours.drawer.read()  # type: ignore[union-attr]
            return stale

    late = Late()
    late.kept = ours.drawer.kept  # type: ignore[union-attr]
    other.drawer = late
    run(ours.access())
    assert run(other.access()) in server.good
    assert other.trouble == ""


def test_a_right_that_was_taken_back_is_told_once_and_not_asked_for_again(server: AuthorizationServer) -> None:
    ours = sign_in(server, server.grant("u"))
    run(ours.access())
    server.end("u")
    ours.rejected(run(ours.access()))
    for _ in range(3):
        with pytest.raises(SignInRefused, match="hotline mail login"):
            run(ours.access())
    assert "invalid_grant" in ours.trouble
    assert len(server.asked) == 2
    run(ours.drawer.write(json.dumps({"user": ours.settings.user, "refresh": server.grant("u")})))  # type: ignore[union-attr]
    assert run(ours.access()) in server.good
    assert ours.trouble == ""


def test_a_sign_in_of_another_mailbox_is_not_used(server: AuthorizationServer) -> None:
    ours = sign_in(server, server.grant("u"))
    ours.drawer = Pocket("autre@exemple.org", server.grant("u"))
    with pytest.raises(SignInRefused, match="pas encore autorisée"):
        run(ours.access())


def test_a_client_that_the_provider_does_not_know_names_the_settings(server: AuthorizationServer) -> None:
    ours = sign_in(server, server.grant("u"), oauth_client_secret="autre")
    with pytest.raises(SignInRefused, match="HOTLINE_EMAIL_OAUTH_CLIENT_ID") as caught:
        run(ours.access())
    assert "autre" not in str(caught.value)


def test_a_provider_that_is_away_is_no_reason_to_sign_in_anew(server: AuthorizationServer) -> None:
    ours = sign_in(server, server.grant("u"))
    server.fails = [500, 503]
    for _ in range(2):
        with pytest.raises(SignInAway):
            run(ours.access())
    assert ours.trouble == ""
    assert run(ours.access()) in server.good


def test_nobody_there_is_told_in_french() -> None:
    provider = Provider(OAuth("custom", "u", "c", "http://127.0.0.1:9/token", "s"), ssl.create_default_context())
    with pytest.raises(SignInAway, match="le serveur d'autorisation ne répond pas"):
        run(provider.refreshed("r"))


# ---------------------------------------------------------------- the real servers
@pytest.fixture
def granted(mailbox: Mailbox) -> Iterator[tuple[Mailbox, str]]:
    oauth = mailbox.server.oauth
    oauth.asked.clear()
    yield mailbox, oauth.grant(mailbox.address)
    assert oauth.complaints == []
    oauth.lives, oauth.fails = 3600, []


def test_a_mailbox_is_read_and_written_from_by_token(granted: tuple[Mailbox, str]) -> None:
    box, refresh = granted
    friend = box.server.mailbox("amie")
    channel = channel_of(box, refresh)
    box.receive(mail("Bonjour par jeton").as_bytes())

    async def story() -> str:
        ears = Ears()
        async with listening(channel, ears):
            (heard,) = await ears.have(1)
            await channel.send(outbound("Bonsoir", friend.address), "k1")
        assert heard.text == "Bonjour par jeton"
        return await channel.check()

    assert run(story()).startswith("Connexion par jeton.")
    assert b"Bonsoir" in friend.mails()[0]
    assert [path for path, _ in box.server.oauth.asked] == ["/token"]


def test_a_token_that_ended_early_is_replaced_at_once(granted: tuple[Mailbox, str]) -> None:
    box, refresh = granted
    channel = channel_of(box, refresh)
    old = run(channel.sign_in.access())  # type: ignore[union-attr]
    channel.sign_in._got -= 3600  # type: ignore[union-attr]  an hour ago
    box.server.oauth.end_access(box.address)
    began = time.monotonic()
    run(channel.check())
    assert time.monotonic() - began < 10
    assert old not in box.server.oauth.good
    assert run(channel.sign_in.access()) in box.server.oauth.good  # type: ignore[union-attr]


def test_a_refused_token_never_hangs_and_is_told_to_the_technician(granted: tuple[Mailbox, str]) -> None:
    box, _ = granted
    stranger = channel_of(box, box.server.oauth.grant("quelqu.un@hotline.test"))  # another mailbox's right
    began = time.monotonic()
    with pytest.raises(TryAgain, match=r"IMAP .* refuse le jeton"):
        run(stranger.check())
    with pytest.raises(TryAgain, match="jeton refusé") as caught:
        run(stranger.send(outbound(), "k"))
    assert caught.value.scope == "channel"
    assert time.monotonic() - began < 15
    assert "refuse le jeton" in stranger.trouble


def test_a_right_that_was_taken_back_stops_the_mail_and_a_new_one_starts_it_again(granted: tuple[Mailbox, str]) -> None:
    box, refresh = granted
    oauth = box.server.oauth
    channel = channel_of(box, refresh)
    oauth.end(box.address)
    box.receive(mail("Après la nouvelle autorisation").as_bytes())

    async def story() -> None:
        ears = Ears()
        async with listening(channel, ears):
            await eventually(lambda: "hotline mail login" in channel.trouble)
            with pytest.raises(TryAgain, match="hotline mail login"):
                await channel.send(outbound(), "k")
            new = json.dumps({"user": box.address, "refresh": oauth.grant(box.address)})
            await channel.sign_in.drawer.write(new)  # type: ignore[union-attr]  what the command does
            await ears.have(1)
        assert channel.trouble == ""

    run(story())


def test_the_folder_opens_with_its_drawer_and_tells_its_trouble(mailbox: Mailbox) -> None:
    opened = open_channel(mailbox.token_settings())
    assert opened is not None
    channel: Any = opened.channel
    channel.use(Pocket())
    with pytest.raises(TryAgain, match="pas encore autorisée : lancez « hotline mail login »"):
        run(channel.check())
