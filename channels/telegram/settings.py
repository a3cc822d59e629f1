"""The settings of the Telegram channel, read from HOTLINE_TELEGRAM_* and checked; pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from channels.contract import BadSetting

TOKEN, API, SECRET = "HOTLINE_TELEGRAM_TOKEN", "HOTLINE_TELEGRAM_API", "HOTLINE_TELEGRAM_WEBHOOK_SECRET"
PUBLIC_URL = "HOTLINE_PUBLIC_URL"
PUBLIC_API = "https://api.telegram.org"
WEBHOOK_PATH = "/telegram"
EXAMPLES = {
    TOKEN: "123456789:AAE5nYourBotFatherGaveYouThisToken0",
    API: "http://127.0.0.1:8081",
    SECRET: "(32 caractères au hasard ou plus : lettres, chiffres, _ et -)",
    PUBLIC_URL: "https://hotline.exemple.fr",
}


@dataclass(frozen=True)
class TelegramSettings:
    """One bot. `webhook_url` is empty when we ask for news ourselves."""

    token: str = field(repr=False)
    api: str = PUBLIC_API
    secret: str = field(default="", repr=False)
    webhook_url: str = ""

    @property
    def bot_id(self) -> int:
        return int(self.token.partition(":")[0])

    @property
    def methods(self) -> str:
        """What PTB calls base_url: the token and the method's name are put behind it."""
        return f"{self.api}/bot"

    @property
    def files(self) -> str:
        return f"{self.api}/file/bot"


def read_settings(environment: Mapping[str, str]) -> TelegramSettings | None:
    """None when Telegram is off; BadSetting names the first variable that cannot work, and never repeats a secret."""
    token = environment.get(TOKEN, "").strip()
    if not token:
        if SECRET in environment:
            raise BadSetting(TOKEN, f"à remplir aussi, puisque vous avez réglé {SECRET}", EXAMPLES[TOKEN])
        return None
    if not re.fullmatch(r"\d{1,18}:[A-Za-z0-9_-]{30,}", token):
        problem = "ce n'est pas un jeton de robot : @BotFather donne un nombre, deux points, puis des lettres"
        raise BadSetting(TOKEN, problem, EXAMPLES[TOKEN])
    api = environment.get(API, "").strip().rstrip("/") or PUBLIC_API
    if not re.fullmatch(r"https?://[^\s/@?#]+(/[^\s?#]*)?", api):
        raise BadSetting(API, "il faut l'adresse d'un serveur Bot API, sans jeton", EXAMPLES[API])
    if SECRET not in environment:
        return TelegramSettings(token, api)
    secret = environment[SECRET].strip()
    if not re.fullmatch(r"[A-Za-z0-9_-]{32,256}", secret):  # https://core.telegram.org/bots/api#setwebhook
        problem = "il faut 32 à 256 caractères, des lettres sans accent, des chiffres, _ et - seulement"
        raise BadSetting(SECRET, problem, EXAMPLES[SECRET])
    public = environment.get(PUBLIC_URL, "").strip().rstrip("/")
    if not public:
        problem = f"à remplir aussi, puisque vous avez réglé {SECRET} : Telegram doit savoir où nous écrire"
        raise BadSetting(PUBLIC_URL, problem, EXAMPLES[PUBLIC_URL])
    if api == PUBLIC_API and urlsplit(public).scheme != "https":
        raise BadSetting(PUBLIC_URL, "Telegram n'écrit qu'à une adresse en https://", EXAMPLES[PUBLIC_URL])
    return TelegramSettings(token, api, secret, public + WEBHOOK_PATH)
