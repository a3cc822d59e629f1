"""What the index learns by: the classifier that scikit-learn would find, the lowest point, sums over sparse rows."""

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.svm import LinearSVC

from knowledge.cells import Cells, Floats, Integers
from knowledge.learning import PENALTY, lowest, one_against_all

CLASSES = 7


def rows_of_classes() -> tuple[Cells, npt.NDArray[np.float32], Integers, Floats]:
    """Two hundred rows of thirty columns, a third of them filled; each class prefers columns of its own."""
    chance = np.random.default_rng(1)
    owners = chance.integers(0, CLASSES - 1, 200).astype(np.int32)  # the last class owns none
    full = chance.random((200, 30)) * (chance.random((200, 30)) < 0.3)
    full[np.arange(200), owners * 3] += 0.6
    full = full.astype(np.float32)
    columns = [np.flatnonzero(row).astype(np.int32) for row in full]
    rows = Cells.of(columns, [row[at] for row, at in zip(full, columns, strict=True)], 30)
    weight = np.where(chance.random(200) < 0.2, 0.6, 1.0).astype(np.float32)
    return rows, full, owners, weight


def test_the_classifier_is_the_one_of_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("knowledge.learning.PASSES", 200)  # few rows take more of them
    rows, full, owners, weight = rows_of_classes()
    found = one_against_all(rows, owners, weight, CLASSES)
    ours = full @ found["linear"].astype(np.float32) * found["linear_scale"] + found["linear_bias"]
    theirs = LinearSVC(C=PENALTY, tol=1e-6, max_iter=10_000, dual=True).fit(full, owners, sample_weight=weight)
    assert np.abs(ours[:, :-1] - theirs.decision_function(full)).max() < 0.1
    assert (ours.argmax(1) == theirs.predict(full)).mean() > 0.98
    assert found["linear_bias"][-1] == -2
    assert not found["linear"][:, -1].any()


def test_classes_learnt_in_turns_are_those_learnt_together(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, _, owners, weight = rows_of_classes()
    together = one_against_all(rows, owners, weight, CLASSES)
    monkeypatch.setattr("knowledge.learning.TOGETHER", 2)
    in_turns = one_against_all(rows, owners, weight, CLASSES)
    assert np.abs(together["linear"].astype(int) - in_turns["linear"]).max() <= 1  # of 127: rounding


def test_the_lowest_point_of_a_bent_valley_is_found() -> None:
    def valley(at: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        x, y = at
        slope = np.array([-400 * x * (y - x * x) - 2 * (1 - x), 200 * (y - x * x)])
        return float(100 * (y - x * x) ** 2 + (1 - x) ** 2), slope

    assert np.allclose(lowest(valley, np.array([-1.2, 1.0]), 100), 1, atol=1e-3)
    assert valley(lowest(valley, np.array([-1.2, 1.0]), 3))[0] > 0.1, "three steps are too few"


def test_rows_are_summed_by_group_and_read_by_column() -> None:
    rows, full, owners, weight = rows_of_classes()
    summed = rows.summed(owners, weight, CLASSES)
    expected = np.stack([(full * weight[:, None])[owners == each].sum(axis=0) for each in range(CLASSES)])
    read = summed.by_column("x")
    held = np.zeros((CLASSES, 30), dtype=np.float32)
    held[read["x_owners"], np.repeat(np.arange(30), np.diff(read["x_starts"]))] = read["x_values"]
    assert np.allclose(held, expected, atol=1e-4)
    half = np.where(np.arange(30) % 2, -1, np.arange(30) // 2).astype(np.int32)
    assert np.allclose(np.bincount(rows.over(half, 15).columns, minlength=15), (full[:, ::2] > 0).sum(axis=0))
