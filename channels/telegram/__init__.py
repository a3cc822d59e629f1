"""Telegram: how people write to our bot, in private or by naming it in a group, and how we answer them."""

from collections.abc import Mapping

from channels.contract import Opened

from .channel import TelegramChannel, WebhookTelegram
from .settings import read_settings


def open_channel(environment: Mapping[str, str]) -> Opened | None:
    """The Telegram channel, None without HOTLINE_TELEGRAM_TOKEN, BadSetting when the settings cannot work together."""
    settings = read_settings(environment)
    if settings is None:
        return None
    return Opened(WebhookTelegram(settings) if settings.webhook_url else TelegramChannel(settings))
