"""Questions that ask the same, found by the matcher's own features: what to write an entry about next; pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from knowledge import french, understanding
from knowledge.chances import Floats
from knowledge.matching import BLOCK_WEIGHTS, BLOCKS, Index, features

ALIKE = 0.33  # mean likeness from which two groups of questions are one theme
MOST = 400  # questions that are compared with each other
Vector = dict[str, float]  # a question's features, of length one


@dataclass(frozen=True)
class Theme:
    """Questions about one thing, by their places in what was given; the most typical one stands first."""

    members: tuple[int, ...]


def vector(index: Index, text: str) -> Vector:
    """A question as the matcher sees it; words that the base does not hold weigh most."""
    counts: dict[str, int] = {}
    tokens = index.spelling.text(french.plain(understanding.core(text)))
    for name in features(tokens) if tokens else ():
        counts[name] = counts.get(name, 0) + 1
    idf, rarest = index.arrays["idf"], float(index.arrays["idf"].max(initial=1.0))
    found: Vector = {}
    for block, share in enumerate(BLOCK_WEIGHTS):
        mine = {name: count for name, count in counts.items() if BLOCKS[name[0]] == block}
        weights = {
            name: (1 + float(np.log(count)))
            * (float(idf[index.vocabulary[name]]) if name in index.vocabulary else rarest)
            for name, count in mine.items()
        }
        norm = sum(weight * weight for weight in weights.values()) ** 0.5
        found |= {name: share * weight / norm for name, weight in weights.items()}
    length = sum(weight * weight for weight in found.values()) ** 0.5
    return {name: weight / length for name, weight in found.items()} if length else {}


def likeness(vectors: Sequence[Vector]) -> Floats:
    """How alike each two of these are, from 0 for nothing in common to 1; what only one of them says is left out."""
    owners: dict[str, int] = {}
    for each in vectors:
        for name in each:
            owners[name] = owners.get(name, 0) + 1
    columns = {name: place for place, name in enumerate(name for name, count in owners.items() if count > 1)}
    table = np.zeros((len(vectors), max(1, len(columns))), dtype=np.float32)
    for row, each in enumerate(vectors):
        for name, weight in each.items():
            if name in columns:
                table[row, columns[name]] = weight
    return np.asarray(table @ table.T, dtype=np.float32)


def themes(vectors: Sequence[Vector], alike: float = ALIKE) -> list[Theme]:
    """Groups of questions, the largest first: the two most alike are joined until none are alike enough.

    ValueError beyond MOST questions.
    """
    if len(vectors) > MOST:
        raise ValueError(f"{len(vectors)} questions, {MOST} at most")
    pairs = likeness(vectors)
    groups: dict[int, list[int]] = {place: [place] for place in range(len(vectors))}
    means = pairs.copy()
    np.fill_diagonal(means, -1)
    sizes = np.ones(len(vectors), dtype=np.float32)
    while len(groups) > 1:
        best = int(means.argmax())
        first, second = divmod(best, len(vectors))
        if means[first, second] < alike:
            break
        together = (means[first] * sizes[first] + means[second] * sizes[second]) / (sizes[first] + sizes[second])
        together[means[first] < -0.5] = -1
        together[[first, second]] = -1
        means[first], means[:, first] = together, together
        means[second], means[:, second] = -1, -1
        sizes[first] += sizes[second]
        groups[first] += groups.pop(second)
    found = []
    for members in groups.values():
        central = sorted(members, key=lambda place: (-float(pairs[place, members].sum()), place))
        found.append(Theme(tuple(central)))
    return sorted(found, key=lambda theme: (-len(theme.members), min(theme.members)))


def close_to(one: Vector, others: Sequence[Vector], alike: float = ALIKE) -> list[int]:
    """The places of those that ask what `one` asks, the closest first."""
    if not others:
        return []
    near = likeness([one, *others])[0, 1:]
    return [place for place in np.argsort(-near, kind="stable").tolist() if near[place] >= alike]
