"""WhatsApp: how people write to our business number (Cloud API by Meta), and how we answer them."""

from collections.abc import Mapping

from channels.contract import Manners, Opened

MANNERS = Manners("WhatsApp", phones=True)
LONGEST_CALL = 3 * 1024 * 1024  # bytes: https://developers.facebook.com/docs/graph-api/webhooks


def open_channel(environment: Mapping[str, str]) -> Opened | None:
    """The WhatsApp channel, None when no setting names it, BadSetting when they cannot work together."""
    from channels.whatsapp.channel import WhatsAppChannel
    from channels.whatsapp.settings import UNCHECKED, read_settings

    settings = read_settings(environment)
    if settings is None:
        return None
    notes = () if settings.business else (UNCHECKED,)
    return Opened(WhatsAppChannel(settings), longest_call=LONGEST_CALL, notes=notes)
