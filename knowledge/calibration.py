"""From what was asked of an index that had not seen it, to its judge and its thresholds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from knowledge.chances import Curve, Floats, Judge
from knowledge.learning import lowest
from knowledge.matching import SURE, Integers

# What a hotline hears. Phrasings were written to stray from the title and from one another: held out, they are the
# hard questions; twice as often people ask in plain words near the title. `near`: our topics that have no entry yet.
TRAFFIC = {"known": 0.24, "title": 0.48, "near": 0.03, "none": 0.25}
HARD = {"known": 0.72, "title": 0.0, "near": 0.03, "none": 0.25}  # were nobody to ask in plain words


@dataclass(frozen=True)
class Trial:
    """A question asked of an index that had not seen it, and which of its candidates were right."""

    rows: Floats
    null: Floats
    right: tuple[int, ...]  # none: no candidate is right
    entries: Integers
    nature: str
    name: str
    text: str


def weigh(found: Sequence[Trial], traffic: Mapping[str, float] = TRAFFIC) -> Floats:
    """The weight of each trial, so that together they look like the hotline's traffic."""
    counts = Counter(t.nature for t in found)
    shares = {nature: traffic[nature] for nature in counts}
    total = sum(shares.values()) or 1.0
    return np.array([shares[t.nature] / total / counts[t.nature] * len(found) for t in found], dtype=np.float32)


BENDS = 8  # of each curve
LINE_STRENGTH, BEND_STRENGTH = 2.0, 12.0  # of what holds them back; chosen on held-out phrasings, flat around
STEPS = 120


def calibrate(found: Sequence[Trial]) -> Judge:
    """The judge that makes what happened likeliest: multinomial, the chances of a question's candidates add up to one.

    Weights are held back (ridge), the bends more than the line, so that few trials give a plain logistic regression.
    """
    rows = np.concatenate([t.rows for t in found])
    null = np.array([t.null for t in found], dtype=np.float32)
    lengths = np.array([len(t.rows) for t in found])
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    trial = np.repeat(np.arange(len(found)), lengths)
    right = np.zeros(len(rows), dtype=bool)
    right[[start + place for start, t in zip(starts.tolist(), found, strict=True) for place in t.right]] = True
    none_right = np.array([not t.right for t in found])
    weights = weigh(found).astype(np.float64)
    chance = np.random.default_rng(0)
    parts: list[npt.NDArray[np.float64]] = []
    held: list[npt.NDArray[np.float64]] = []
    scales = []
    for values in (rows, null):
        width = values.shape[1]
        mean, spread = values.mean(axis=0), values.std(axis=0)
        tells = spread > 1e-6
        scales.append((mean, np.where(tells, 1 / np.maximum(spread, 1e-6), 0).astype(np.float32)))
        parts += [
            np.zeros(width), chance.normal(0, 0.6 / np.sqrt(width), (width, BENDS)), np.zeros(BENDS),
            chance.normal(0, 0.1, BENDS), np.zeros(1),
        ]  # fmt: skip
        held += [np.full(part.size, BEND_STRENGTH) for part in parts[-5:]]
        held[-5][:], held[-1][:] = LINE_STRENGTH, 0
    held[4][:] = LINE_STRENGTH  # one base of the two is enough
    shapes = [part.shape for part in parts]
    cuts = np.cumsum([part.size for part in parts])[:-1]
    strength = np.concatenate(held)
    scaled = [np.asarray((v - m) * s, dtype=np.float32) for v, (m, s) in zip((rows, null), scales, strict=True)]

    def unpacked(theta: npt.NDArray[np.float64]) -> list[list[Floats]]:
        pieces = [p.reshape(shape).astype(np.float32) for p, shape in zip(np.split(theta, cuts), shapes, strict=True)]
        return [pieces[:5], pieces[5:]]

    def loss(theta: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        told = []
        for values, (line, bends, shift, pull, base) in zip(scaled, unpacked(theta), strict=True):
            bent = np.tanh(values @ bends + shift)
            told.append((bent, (values @ line + bent @ pull + base[0]).astype(np.float64), pull))
        scores, none = told[0][1], told[1][1]
        highest = np.maximum(np.maximum.reduceat(scores, starts), none)
        chances, none_chance = np.exp(scores - highest[trial]), np.exp(none - highest)
        total = np.add.reduceat(chances, starts) + none_chance
        chances, none_chance = chances / total[trial], none_chance / total
        mass = np.where(none_right, none_chance, np.add.reduceat(np.where(right, chances, 0), starts)) + 1e-12
        value = -(weights * np.log(mass)).sum() + 0.5 * float(strength @ theta**2)
        errors = (
            (weights[trial] * (chances - np.where(right, chances / mass[trial], 0))).astype(np.float32),
            (weights * (none_chance - none_right)).astype(np.float32),
        )
        slope = []
        for values, (bent, _, pull), error in zip(scaled, told, errors, strict=True):
            back = np.outer(error, pull) * (1 - bent**2)
            slope += [values.T @ error, values.T @ back, back.sum(axis=0), error @ bent, error.sum(keepdims=True)]
        return float(value), np.concatenate([piece.reshape(-1) for piece in slope]) + strength * theta

    first = np.concatenate([part.reshape(-1) for part in parts])
    solved = lowest(loss, first, STEPS)
    curves = []
    for (line, bends, shift, pull, base), (mean, scale) in zip(unpacked(solved), scales, strict=True):
        line, bends = line * scale, bends * scale[:, None]
        curves.append(Curve(line, bends, shift - mean @ bends, pull, float(base[0] - mean @ line)))
    return Judge(*curves)


TARGET = 0.97  # share of automatic answers that must be right
TARGET_HARD = (
    0.94  # and of those to hard questions alone: what we take people to ask must not be all that keeps us right
)
FAR_OFFERED = 0.15  # share of held-out far messages that may be offered choices
LEAST_OFFERED = 0.1  # below which the three best together are no choice worth reading
LOCAL = "local"  # none messages of files so named are near the base: they do not bound what is offered


def thresholds(found: Sequence[Trial], chances: Sequence[Floats], far: frozenset[int]) -> Floats:
    """From what confidence to answer, from what sum of the first three to offer, least chance of a third choice."""
    top = np.array([c.max() for c in chances])
    three = np.array([np.sort(c)[-3:].sum() for c in chances])
    right = np.array([int(c.argmax()) in t.right for t, c in zip(found, chances, strict=True)])
    order = np.argsort(-top, kind="stable")
    answer = 0.0
    for traffic, target in ((TRAFFIC, TARGET), (HARD, TARGET_HARD)):
        weights = weigh(found, traffic)[order]
        # Few trials are wrong up there: what happened and what was expected together make a steadier curve.
        precision = np.cumsum(weights * (right + top)[order] / 2) / np.maximum(np.cumsum(weights), 1e-9)
        good = np.flatnonzero(precision >= target)
        answer = max(answer, float(top[order[good[-1]]]) if len(good) else 1.0)
    answer = min(answer, SURE - 0.005)
    distant = [value for value, t in zip(three, found, strict=True) if t.nature == "none" and int(t.name) in far]
    offer = float(np.quantile(distant, 1 - FAR_OFFERED)) if distant else 0.5
    return np.array([answer, min(max(offer, LEAST_OFFERED), answer), 0.04], dtype=np.float32)
