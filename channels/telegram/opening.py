"""Opens the Telegram channel that the settings describe."""

from collections.abc import Mapping

from channels.contract import Opened

from .channel import TelegramChannel, WebhookTelegram
from .settings import read_settings


def open_channel(environment: Mapping[str, str]) -> Opened | None:
    settings = read_settings(environment)
    if settings is None:
        return None
    return Opened(WebhookTelegram(settings) if settings.webhook_url else TelegramChannel(settings), alone=True)
