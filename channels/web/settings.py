"""What the environment may say of the web pages: limits, and the names that the law wants on them."""

from collections.abc import Mapping
from dataclasses import dataclass

from channels.contract import BadSetting


@dataclass(frozen=True)
class WebSettings:
    """Limits for each visitor, and what /mentions-legales and /confidentialite say; empty where nobody said it."""

    chats_an_hour: int = 20
    posts_a_minute: int = 60
    director: str = ""  # directrice ou directeur de la publication (loi du 21 juin 2004, art. 1-1)
    postal_address: str = ""
    hosting: str = ""  # name, address and phone of the host
    privacy_contact: str = ""  # where rights are asked for; the phone and email of the house otherwise

    @property
    def missing(self) -> tuple[str, ...]:
        """The variables that the law wants filled in before the page goes public."""
        wanted = {
            "HOTLINE_WEB_DIRECTOR": self.director,
            "HOTLINE_WEB_POSTAL_ADDRESS": self.postal_address,
            "HOTLINE_WEB_HOSTING": self.hosting,
        }
        return tuple(name for name, value in wanted.items() if not value)


def read(environment: Mapping[str, str]) -> WebSettings:
    """The settings of the web pages; BadSetting if a limit is no whole number above zero."""
    text = {
        "director": "HOTLINE_WEB_DIRECTOR",
        "postal_address": "HOTLINE_WEB_POSTAL_ADDRESS",
        "hosting": "HOTLINE_WEB_HOSTING",
        "privacy_contact": "HOTLINE_WEB_PRIVACY_CONTACT",
    }
    return WebSettings(
        _number(environment, "HOTLINE_WEB_CHATS_PER_HOUR", WebSettings.chats_an_hour),
        _number(environment, "HOTLINE_WEB_POSTS_PER_MINUTE", WebSettings.posts_a_minute),
        **{name: environment.get(variable, "").strip() for name, variable in text.items()},
    )


def _number(environment: Mapping[str, str], variable: str, default: int) -> int:
    value = environment.get(variable, "").strip()
    if not value:
        return default
    if not (value.isascii() and value.isdigit() and int(value)):
        raise BadSetting(variable, f"« {value} » n'est pas un nombre entier positif", str(default))
    return int(value)
