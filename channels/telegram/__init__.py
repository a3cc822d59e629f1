"""Telegram: how people write to our bot, in private or by naming it in a group, and how we answer them."""

from collections.abc import Mapping

from channels.contract import Manners, Opened

MANNERS = Manners("Telegram")


def open_channel(environment: Mapping[str, str]) -> Opened | None:
    """The Telegram channel, None without HOTLINE_TELEGRAM_TOKEN, BadSetting when the settings cannot work together."""
    from channels.telegram import opening  # the library weighs on the memory of those who do without

    return opening.open_channel(environment)
