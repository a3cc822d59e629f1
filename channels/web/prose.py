"""Turns the plain text of an answer into safe HTML: paragraphs, lists, links and the line of the source; pure."""

import re
from collections.abc import Sequence

from markupsafe import Markup, escape

REACHABLE = re.compile(
    r"https?://[^\s<>«»\"]+"
    r"|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|(?<![\d+])0[1-9](?:[ .\u00a0\u202f]?\d\d){4}(?!\d)"
)
BULLET = re.compile(r"[-•–]\s+")
SOURCE = re.compile(r"sources?\s*:", re.IGNORECASE)
BEFORE = re.compile(r"(?<=\w) (?=[?!;:»](?:\s|$))|(?<=«) | (?=%)|(?<=\bn°) ")  # where French typography allows no break
UNWANTED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def cleaned(text: str) -> str:
    """What someone typed without control characters, with plain line ends and no empty edge."""
    return UNWANTED.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def html_of(text: str, choices: Sequence[str] = ()) -> Markup:
    """The HTML of an answer; lines that only repeat a choice are left out, as the choice is a button below.

    What follows the line of the source is set as small as the source: that it is automatic, and what else there is.
    """
    parts: list[Markup] = []
    sourced = False
    lines: list[str] = []
    items: list[list[str]] = []

    def close() -> None:
        nonlocal lines, items
        if items:
            entries = Markup("").join(Markup("<li>{}</li>").format(_joined(item)) for item in items)
            parts.append(Markup("<ul>{}</ul>").format(entries))
        if lines:
            parts.append(Markup('<p class="fine">{}</p>' if sourced else "<p>{}</p>").format(_joined(lines)))
        lines, items = [], []

    repeated = {f"{number}{mark} {label}" for number, label in enumerate(choices, 1) for mark in (".", ")", " :", ":")}
    for line in text.split("\n"):
        bare = line.strip()
        if bare in repeated:
            continue
        if not bare:
            close()
        elif SOURCE.match(bare):
            close()
            sourced = True
            parts.append(Markup('<p class="source">{}</p>').format(linked(bare)))
        elif mark := BULLET.match(bare):
            if lines:
                close()
            items.append([bare[mark.end() :]])
        elif items and line.startswith((" ", "\t")):
            items[-1].append(bare)
        else:
            if items:
                close()
            lines.append(bare)
    close()
    return Markup("\n").join(parts)


def linked(text: str) -> Markup:
    """Escaped text in which web addresses, mail addresses and French phone numbers can be clicked."""
    result, end = Markup(""), 0
    for found in REACHABLE.finditer(text):
        shown = _without_final_punctuation(found[0]) if found[0].startswith("http") else found[0]
        result += _set(text[end : found.start()]) + Markup('<a href="{}"{}>{}</a>').format(
            _target(shown), Markup(' rel="noopener noreferrer"') if shown.startswith("http") else "", shown
        )
        end = found.start() + len(shown)
    return result + _set(text[end:])


def _set(text: str) -> Markup:
    """Escaped text with the spaces that must not break."""
    return escape(BEFORE.sub("\u00a0", text))


def _target(shown: str) -> str:
    if shown.startswith("http"):
        return shown
    if "@" in shown:
        return "mailto:" + shown
    return "tel:+33" + re.sub(r"\D", "", shown)[1:]


def _without_final_punctuation(url: str) -> str:
    """The address without the full stop or the bracket that closes the sentence around it."""
    while url and (url[-1] in ".,;:!?…'’" or (url[-1] == ")" and url.count("(") < url.count(")"))):
        url = url[:-1]
    return url


def _joined(lines: Sequence[str]) -> Markup:
    return Markup("<br>").join(linked(line) for line in lines)
