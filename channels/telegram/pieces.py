"""Cuts a long text into messages that Telegram takes, at paragraphs, sentences or words; pure."""

import re

LIMIT = 4096  # https://core.telegram.org/bots/api#sendmessage
ENDS = (r"\n\s*\n", r"\n", r"(?<=[.!?…»])\s", r"[,;:]\s", r"\s")  # where to cut, the best first


def units(text: str) -> int:
    """The length as Telegram counts it: UTF-16 code units, so that an emoji is two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def pieces(text: str, limit: int = LIMIT) -> list[str]:
    """The text in pieces of at most `limit` units, none empty; nothing but the white space at the cuts is lost."""
    rest, found = text.strip(), []
    while units(rest) > limit:
        end = _cut(rest, limit)
        found.append(rest[:end].rstrip())
        rest = rest[end:].lstrip()
    return [*found, rest] if rest else found


def _cut(text: str, limit: int) -> int:
    """Where to cut: as late as the limit allows, at the best place in its second half, else anywhere."""
    fits = min(len(text), limit)
    while units(text[:fits]) > limit:
        fits -= (units(text[:fits]) - limit + 1) // 2 or 1
    for end in ENDS:
        places = [found.end() for found in re.finditer(end, text[:fits])]
        if places and places[-1] > fits // 2:
            return places[-1]
    return fits
