"""All that the hotline says: one text a message, in French, by name and channel; pure.

A text is looked for in channels/<channel>/texts/<name>.txt, bot/texts/<name>.<channel>.txt, then bot/texts/<name>.txt.
Its first line may be « Objet : … », then an empty line. `$word` is filled in; lines that come out empty because what
they hold is empty are left out, and so is the space before an empty word, so a text may name what is not always known.
"""

import re
from functools import lru_cache
from importlib.resources import files
from string import Template

from channels.contract import Address, Outbound

SUBJECT = "Objet : "


class NoSuchText(KeyError):
    """A text that nobody wrote."""


@lru_cache(maxsize=512)
def text_of(name: str, channel: str) -> str:
    """The text of a message for a channel, unfilled; NoSuchText if there is none."""
    bot, folder = files("bot") / "texts", files("channels") / channel / "texts"
    for path in (folder / f"{name}.txt", bot / f"{name}.{channel}.txt", bot / f"{name}.txt"):
        if path.is_file():
            return path.read_text("utf-8")
    raise NoSuchText(name)


def say(
    name: str, to: Address, /, *, token: str = "", thread: str = "", choices: tuple[str, ...] = (), **values: object
) -> Outbound:
    """The message `name` for this recipient, with its values filled in; KeyError if one is missing."""
    filled = {key: str(value) for key, value in values.items()}
    template = text_of(name, to.channel)
    subject = ""
    if template.startswith(SUBJECT):
        first, _, template = template.partition("\n\n")
        subject = " ".join(Template(first.removeprefix(SUBJECT)).substitute(filled).split())
    text = "\n".join(_filled_lines(template, filled))
    text = re.sub(r"\n{3,}", "\n\n", text).strip()
    return Outbound(to, name, filled, text, subject, token, choices, thread=thread)


def _filled_lines(template: str, values: dict[str, str]) -> list[str]:
    lines = []
    for line in template.split("\n"):
        filled = Template(_without_empty(line, values)).substitute(values) if "$" in line else line
        if filled.strip() or not line.strip():
            lines.append(filled.rstrip())
    return lines


def _without_empty(line: str, values: dict[str, str]) -> str:
    """The line without the words that are empty, where they stand between two spaces or at its end."""
    return re.sub(r" \$([a-z_]+)(?= |$)", lambda found: found[0] if values.get(found[1], "x").strip() else "", line)
