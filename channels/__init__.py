"""How people reach us, and how we reach them: one folder a channel, listed here."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module

from channels.contract import Manners, Opened

FOLDERS = ("web", "terminal", "email", "telegram", "sms", "whatsapp")
ALWAYS = ("web", "terminal")  # the others are opened by a variable of theirs: HOTLINE_EMAIL_..., and cost nothing else

BESIDE = {"phone": Manners("téléphone", ("telephone", "tel", "appel"), waits=False, writable=False, phones=True)}


@cache
def manners(name: str) -> Manners:
    """How people use a channel, whether it is switched on or not."""
    if name in FOLDERS:
        found: Manners = import_module(f"channels.{name}").MANNERS
        return found
    return BESIDE.get(name) or Manners(name)


def writable() -> tuple[str, ...]:
    """The channels on which people may be written to first."""
    return tuple(name for name in FOLDERS if manners(name).writable)


def by_phone() -> tuple[str, ...]:
    """The channels whose handles are telephone numbers, where they begin with a plus."""
    return tuple(name for name in (*FOLDERS, *BESIDE) if manners(name).phones)


def open_all(environment: Mapping[str, str]) -> dict[str, Opened]:
    """Every channel that these settings switch on, by name; BadSetting if one of them cannot work."""
    wanted = [
        name
        for name in FOLDERS
        if name in ALWAYS or any(key.startswith(f"HOTLINE_{name.upper()}_") for key in environment)
    ]
    found = {name: import_module(f"channels.{name}").open_channel(environment) for name in wanted}
    return {name: opened for name, opened in found.items() if opened is not None}
