"""Email: how people write to us from any mail program, and how we read and answer them."""

from collections.abc import Mapping

from channels.contract import Manners, Opened

MANNERS = Manners("e-mail", ("e mail", "mail", "courriel"), chatting=False, waits=False)
UNPROVEN = (
    "HOTLINE_EMAIL_AUTHSERV_ID n'est pas réglé : l'expéditeur d'une réponse de la chargée de mission n'est vérifié que "
    "par son adresse et par le jeton du message."
)


def open_channel(environment: Mapping[str, str]) -> Opened | None:
    """The email channel, None when no setting names it, BadSetting when they cannot work together."""
    from channels.email.channel import EmailChannel  # reading mail (channels.email.mime) needs no network
    from channels.email.settings import read_settings

    settings = read_settings(environment)
    if settings is None:
        return None
    return Opened(EmailChannel(settings), idempotent=True, notes=() if settings.authserv_id else (UNPROVEN,))
