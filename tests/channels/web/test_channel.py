"""The web channel and its settings."""

import asyncio

import pytest

from channels.contract import Address, BadSetting, Outbound, Undeliverable
from channels.web import WebChannel, open_channel
from channels.web.settings import read


def test_the_channel_is_always_on_and_its_messages_are_collected() -> None:
    opened = open_channel({})
    assert opened.channel.name == "web"
    assert opened.collected
    assert any("HOTLINE_WEB_DIRECTOR" in note for note in opened.notes)


def test_nothing_is_missing_once_the_organisation_has_said_it() -> None:
    opened = open_channel(
        {"HOTLINE_WEB_DIRECTOR": "A. B.", "HOTLINE_WEB_POSTAL_ADDRESS": "1 rue X", "HOTLINE_WEB_HOSTING": "Y"}
    )
    assert opened.notes == ()


def test_nothing_is_ever_sent_to_a_page() -> None:
    with pytest.raises(Undeliverable):
        asyncio.run(WebChannel().send(Outbound(Address("web", "x"), "answer", {}, "Oui."), "k"))


@pytest.mark.parametrize("value", ["0", "-1", "beaucoup", "1.5", "²"])
def test_a_limit_that_is_no_number_names_its_variable(value: str) -> None:
    with pytest.raises(BadSetting, match=r"HOTLINE_WEB_CHATS_PER_HOUR.*Exemple"):
        read({"HOTLINE_WEB_CHATS_PER_HOUR": value})
