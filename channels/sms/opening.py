"""Puts the SMS channel together: the gateway that the settings choose, its ceilings, what `hotline check` says."""

from collections.abc import Mapping

from channels.contract import Opened

from .channel import channel_for
from .cost import in_euros
from .gateways.base import Gateway
from .gateways.kannel import Kannel, KannelSettings
from .gateways.ovhcloud import Ovhcloud, OvhSettings
from .gateways.smsgate import Smsgate
from .gateways.twilio import Twilio, TwilioSettings
from .settings import SmsSettings, read_settings

FRENCH_MOBILE = (
    "HOTLINE_SMS_GATEWAY=smsgate : un automate n'a pas le droit d'écrire depuis un numéro en 06 ou 07 (Arcep). "
    "C'est pour un essai, ou pour recevoir."
)


def open_channel(environment: Mapping[str, str]) -> Opened | None:
    """The SMS channel, None without HOTLINE_SMS_GATEWAY, BadSetting when the settings cannot work together."""
    settings = read_settings(environment)
    if settings is None:
        return None
    gateway = gateway_for(settings)
    ceilings = settings.ceilings
    day = in_euros(ceilings.daily) if ceilings.daily is not None else "aucun"
    month = in_euros(ceilings.monthly) if ceilings.monthly is not None else "aucun"
    notes = [f"Plafonds SMS : {day} par jour, {month} par mois, à {in_euros(settings.price)} l'SMS."]
    if gateway.name == "smsgate":
        notes.append(FRENCH_MOBILE)
    channel = channel_for(settings, gateway)
    return Opened(channel, shorten=channel.fit, meter=channel.meter, notes=tuple(notes))


def gateway_for(settings: SmsSettings) -> Gateway:
    """The gateway that these settings are of."""
    own = settings.gateway
    if isinstance(own, KannelSettings):
        return Kannel(own, settings.secret, settings.number)
    if isinstance(own, OvhSettings):
        return Ovhcloud(own)
    if isinstance(own, TwilioSettings):
        return Twilio(own, settings.secret, settings.number)
    return Smsgate(own, settings.secret)
