"""Which questions ask the same, by their words and by what the matcher thought of them; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rapidfuzz import fuzz, process

SAME_WORDS = 82  # of 100: the same words, in any order
SAME_ENTRY = 55  # enough in common when the matcher thinks of the same entry
THOUGHT = 0.15  # below, the matcher thought nothing of it


@dataclass(frozen=True)
class Asked:
    """A question: its words (stems, without the empty ones), and the entries that are near, the nearest first."""

    id: int
    words: str
    near: Mapping[str, float]


def groups(asked: Sequence[Asked]) -> list[list[int]]:
    """Those that ask the same, two or more together, in the order in which they came; each in one group at most.

    A question joins the group whose first it resembles: so a chain of small steps makes no group of strangers.
    """
    texts = [each.words for each in asked]
    scores: Any = process.cdist(texts, texts, scorer=fuzz.token_sort_ratio) if texts else []
    found: list[list[int]] = []
    for number, each in enumerate(asked):
        for group in found:
            first = asked[group[0]]
            if _same(first, each, float(scores[group[0]][number])):
                group.append(number)
                break
        else:
            found.append([number])
    return [[asked[number].id for number in group] for group in found if len(group) > 1]


def _same(one: Asked, other: Asked, score: float) -> bool:
    if not one.words or not other.words:
        return False
    nearest = [max(each.near, key=lambda slug: each.near[slug], default="") for each in (one, other)]
    thought = all(max(each.near.values(), default=0.0) >= THOUGHT for each in (one, other))
    return score >= SAME_WORDS or (thought and nearest[0] == nearest[1] and score >= SAME_ENTRY)
