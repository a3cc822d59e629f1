"""What one SMS of ours carries: the plainest letters, three segments at most, and what is left to say; pure."""

import re
import unicodedata
from dataclasses import dataclass

from . import gsm

MOST = 3  # segments of one message
MORE = "... Répondez SUITE"
TO_A_PERSON = "... La suite : répondez HUMAIN"  # true as long as nobody keeps the rest
WORD_JOINERS = "\u200d\ufe0e\ufe0f"


@dataclass(frozen=True)
class Fitted:
    """What goes out now, and what is left to say after it."""

    text: str
    rest: str
    segments: int


def carried(text: str) -> str:
    """The text in GSM-7 where folding can carry it, without the pictures that alone would forbid it; else as it is."""
    folded = gsm.fold(text)
    if gsm.is_gsm(folded):
        return folded
    plain = gsm.fold(_without_pictures(text))
    if gsm.is_gsm(plain) and any(char.isalnum() for char in plain):
        return plain
    return unicodedata.normalize("NFC", text)


def _without_pictures(text: str) -> str:
    kept = "".join(c for c in text if unicodedata.category(c) not in ("So", "Sk", "Cn") and c not in WORD_JOINERS)
    return re.sub(r"[ \t]+(?=\n|$)|(?<= ) +", "", kept)


def fit(text: str, most: int = MOST, tail: str = MORE) -> Fitted:
    """As much of a text as `most` segments carry, cut behind a sentence, with `tail` to ask for the rest.

    The rest is what `fit` takes next, until it comes back empty. Fits by itself: no tail.
    """
    whole = carried(text.strip())
    if gsm.segments(whole) <= most:
        return Fitted(whole, "", gsm.segments(whole))
    low, high = 1, len(whole)
    while low < high:  # the longest beginning that leaves room for the tail
        middle = (low + high + 1) // 2
        if gsm.segments(whole[:middle] + tail) <= most:
            low = middle
        else:
            high = middle - 1
    cut = _end_of_sentence(whole, low)
    head = whole[:cut].rstrip().removesuffix("...").rstrip()
    said = f"{head}{tail}" if tail.startswith(".") and not head.endswith((".", "!", "?")) else f"{head} {tail}"
    if gsm.segments(said) > most:  # the space was one too many
        said = head + tail
    return Fitted(said, whole[cut:].lstrip(), gsm.segments(said))


def _end_of_sentence(text: str, limit: int) -> int:
    """Where to cut, at `limit` at the latest: at the end of a line, of a sentence, of a word."""
    part = text[: limit + 1]
    for pattern in (r"\n", r"(?<=[.!?])\s|(?<=[.!?][\"»)])\s", r"\s"):
        ends = [found.start() for found in re.finditer(pattern, part) if found.start() <= limit]
        if ends and ends[-1] >= limit // 2:
            return ends[-1]
    return limit
