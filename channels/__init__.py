"""How people reach us, and how we reach them: one folder a channel, listed here."""

from collections.abc import Mapping
from importlib import import_module

from channels.contract import Opened

FOLDERS = ("web", "terminal", "email", "telegram", "sms")
ALWAYS = ("web", "terminal")  # the others are opened by a variable of theirs: HOTLINE_EMAIL_..., and cost nothing else


def open_all(environment: Mapping[str, str]) -> dict[str, Opened]:
    """Every channel that these settings switch on, by name; BadSetting if one of them cannot work."""
    wanted = [
        name
        for name in FOLDERS
        if name in ALWAYS or any(key.startswith(f"HOTLINE_{name.upper()}_") for key in environment)
    ]
    found = {name: import_module(f"channels.{name}").open_channel(environment) for name in wanted}
    return {name: opened for name, opened in found.items() if opened is not None}
