"""The message templates that Meta must accept beforehand, read from templates.toml, and filled; pure."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

KNOCK = "knock"  # for what has no template of its own: it asks the person to open the conversation
READ = "lire@hotline"  # what its button answers
LONGEST = 1024  # characters of a filled body


@dataclass(frozen=True)
class Template:
    """One template: `values` fill {{1}}, {{2}}…; `buttons` are quick replies (label, payload)."""

    name: str
    language: str
    values: tuple[str, ...]
    body: str
    buttons: tuple[tuple[str, str], ...]

    def filled(self, given: Mapping[str, str]) -> str:
        """The words as the person reads them."""
        text = self.body
        for number, name in enumerate(self.values, 1):
            text = text.replace(f"{{{{{number}}}}}", one_line(given[name]))
        return text

    def fits(self, given: Mapping[str, str]) -> bool:
        """Whether every value is there and the whole is short enough; no value may be empty."""
        return all(one_line(given.get(name, "")) for name in self.values) and len(self.filled(given)) <= LONGEST

    def payload(self, given: Mapping[str, str]) -> dict[str, Any]:
        """As the `template` field of a message carries it."""
        components: list[dict[str, Any]] = []
        if self.values:
            parameters = [{"type": "text", "text": one_line(given[name])} for name in self.values]
            components.append({"type": "body", "parameters": parameters})
        for index, (_label, payload) in enumerate(self.buttons):
            parameters = [{"type": "payload", "payload": payload}]
            components.append({"type": "button", "sub_type": "quick_reply", "index": index, "parameters": parameters})
        found: dict[str, Any] = {"name": self.name, "language": {"code": self.language}}
        return found | ({"components": components} if components else {})


def one_line(text: str) -> str:
    """A value may hold no line end, no tab and no four spaces in a row."""
    return " ".join(text.split())


@cache
def templates() -> Mapping[str, Template]:
    """By the name of the message that each stands for."""
    read = tomllib.loads((files("channels.whatsapp") / "templates.toml").read_text("utf-8"))
    return {
        name: Template(
            each["name"],
            each["language"],
            tuple(each["values"]),
            each["body"].strip(),
            tuple((label, payload) for label, payload in each["buttons"]),
        )
        for name, each in read.items()
    }
