"""How the index learns: a linear classifier, one class against all, and the lowest point of a curve. Pure numpy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from knowledge.cells import Cells, Floats, Integers

PASSES = 5  # over the rows: more change nothing that is measured
PENALTY = 0.5  # of a row on the wrong side of its margin, beside the length of the weights
TOGETHER = 256  # classes learnt at a time: bounds the memory


def one_against_all(rows: Cells, owners: Integers, weight: Floats, classes: int) -> dict[str, npt.NDArray[Any]]:
    """`linear` (columns, classes), a byte a weight, with `linear_scale` and `linear_bias` of each class.

    A class that owns no row keeps no weight and a bias of -2.
    """
    linear = np.zeros((rows.width, classes), dtype=np.int8)
    scale, bias = np.ones(classes, dtype=np.float32), np.full(classes, -2.0, dtype=np.float32)
    present = np.unique(owners)
    for at in range(0, len(present), TOGETHER):
        mine = present[at : at + TOGETHER]
        found = _machines(rows, owners, weight, mine)
        bias[mine] = found[-1]
        for place, owner in enumerate(mine.tolist()):
            weights = found[:-1, place]
            scale[owner] = max(float(np.abs(weights).max(initial=0)), 1e-6) / 127
            linear[:, owner] = np.rint(weights / scale[owner])
    return {"linear": linear, "linear_scale": scale, "linear_bias": bias}


def _machines(rows: Cells, owners: Integers, weight: Floats, mine: Integers) -> Floats:
    """The support vector machine of each of these classes against all other rows; the last line holds the biases.

    Squared hinge, by descent along the dual's coordinates (Hsieh et al., ICML 2008): a row at a time, all the classes
    together, for as long as it takes to read the row.
    """
    size, count = len(rows), len(mine)
    # The bias is the weight of one more column, in which every row holds 1.
    columns = np.insert(rows.columns, rows.starts[1:], rows.width).astype(np.int64)
    values = np.insert(rows.values, rows.starts[1:], 1).astype(np.float32)
    bounds = rows.starts + np.arange(size + 1)
    lengths = np.diff(bounds)
    slack = 0.5 / (PENALTY * weight)
    step = (1 / (np.add.reduceat(values**2, bounds[:-1]) + slack)).astype(np.float32)
    stepped, kept = values * np.repeat(step, lengths), (1 - slack * step).tolist()
    place = np.minimum(np.searchsorted(mine, owners), count - 1)
    own = np.where(mine[place] == owners, place, -1).tolist()
    steps, edges = step.tolist(), bounds.tolist()
    weights = np.zeros((rows.width + 1, count), dtype=np.float32)
    cells, at = weights.reshape(-1), columns * count
    duals = np.zeros((size, count), dtype=np.float32)
    read = np.empty((int(lengths.max()), count), dtype=np.float32)
    chance = np.random.default_rng(0)
    for _ in range(PASSES):
        for n in chance.permutation(size).tolist():
            a, b = edges[n], edges[n + 1]
            moved = stepped[a:b] @ weights.take(columns[a:b], axis=0, out=read[: b - a], mode="clip")
            before, mark = duals[n], own[n]
            if mark >= 0:  # its own class wants it on the other side
                moved[mark] = -moved[mark]
            moved += steps[n]
            moved += before * kept[n]
            np.maximum(moved, 0, out=moved)
            change = before - moved
            if mark >= 0:
                change[mark] = -change[mark]
            told = change.nonzero()[0]
            if len(told):
                duals[n] = moved
                cells[at[a:b, None] + told] += values[a:b, None] * change[told]
    return weights


Loss = Callable[[npt.NDArray[np.float64]], tuple[float, npt.NDArray[np.float64]]]
REMEMBERED = 10  # steps from which the curvature is guessed
LEAST_GAIN = 1e-9  # of a step, as a share of the value: below it the bottom is reached


def lowest(loss: Loss, start: npt.NDArray[np.float64], steps: int) -> npt.NDArray[np.float64]:
    """Where a smooth function is lowest, or nearly (L-BFGS: Nocedal, 1980); `loss` gives its value and its slope."""
    at = start
    value, slope = loss(at)
    moves: list[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], float]] = []
    for _ in range(steps):
        way = _downhill(slope, moves)
        drop, size = float(slope @ way), 1.0 if moves else min(1.0, 1 / max(float(np.abs(slope).sum()), 1e-12))
        while True:
            there = at + size * way
            reached, tilt = loss(there)
            if reached <= value + 1e-4 * size * drop:
                break
            size /= 2
            if size < 1e-6:
                return at
        move, bend = there - at, tilt - slope
        if (turned := float(move @ bend)) > 1e-10 * float(bend @ bend):
            moves = [*moves[1 - REMEMBERED :], (move, bend, turned)]
        gain = value - reached
        at, value, slope = there, reached, tilt
        if gain <= LEAST_GAIN * max(abs(value), 1.0):
            break
    return at


def _downhill(
    slope: npt.NDArray[np.float64], moves: list[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], float]]
) -> npt.NDArray[np.float64]:
    way, shares = -slope, []
    for move, bend, turned in reversed(moves):
        shares.append(float(move @ way) / turned)
        way = way - shares[-1] * bend
    if moves:
        _, bend, turned = moves[-1]
        way = way * (turned / float(bend @ bend))
    for (move, bend, turned), share in zip(moves, reversed(shares), strict=True):
        way = way + (share - float(bend @ way) / turned) * move
    return way
