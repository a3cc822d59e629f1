"""How people reach us, and how we reach them: one folder a channel, listed here."""

from collections.abc import Mapping
from importlib import import_module

from channels.contract import Opened

FOLDERS = ("web", "terminal", "email", "telegram", "sms")


def open_all(environment: Mapping[str, str]) -> dict[str, Opened]:
    """Every channel that these settings switch on, by name; BadSetting if one of them cannot work."""
    found = {name: import_module(f"channels.{name}").open_channel(environment) for name in FOLDERS}
    return {name: opened for name, opened in found.items() if opened is not None}
