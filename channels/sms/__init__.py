"""SMS: how people write to our number through the gateway that the settings choose, and how we answer them."""

from collections.abc import Mapping

from channels.contract import Manners, Opened

MANNERS = Manners("SMS", ("texto",), short=True, phones=True, carries=False)


def open_channel(environment: Mapping[str, str]) -> Opened | None:
    """The SMS channel, None without HOTLINE_SMS_GATEWAY, BadSetting when the settings cannot work together."""
    from channels.sms import opening  # folding and counting (channels.sms.gsm) need no gateway in memory

    return opening.open_channel(environment)
