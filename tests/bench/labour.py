"""The matcher on labour-law questions typed by real people: thresholds from half of the matters, measured on the other.

Run: python -m tests.bench.labour LABOUR.jsonl SMALLTALK.jsonl (the shared data set; nothing shipped reads it).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from knowledge import semantic
from knowledge.calibration import Trial, calibrate
from knowledge.matching import Material
from knowledge.training import Table, tabulate, trials, with_meanings
from tests.bench.installation import SHARED, Row

FOLDS, SPLITS, WANTED = 4, 20, 0.95
UNKNOWN = 0.30  # of the traffic: half matters held out, half small talk


@dataclass(frozen=True)
class Scored:
    """How sure the matcher was of each question's first candidate, and whether it was right."""

    confidence: np.ndarray
    strict: np.ndarray  # the very matter
    source: np.ndarray  # a matter that shares an official page
    third: np.ndarray  # among three, by source
    nature: np.ndarray
    matter: np.ndarray


def load(labour: Path, smalltalk: Path) -> tuple[Table, np.ndarray]:
    """The matters as entries, and which of them share an official page."""
    matters = [json.loads(line) for line in labour.read_text("utf-8").splitlines()]
    chat = [json.loads(line)["text"] for line in smalltalk.read_text("utf-8").splitlines()]
    entries = [
        Material(m["id"], "practical", m["title"], (), tuple(m["phrasings"]), " \n".join(m["ref_titles"]))
        for m in matters
    ]
    pages = [set(m["refs"]) for m in sorted(matters, key=lambda m: m["id"])]
    same = np.array([[bool(a & b) or a is b for b in pages] for a in pages])
    return tabulate(entries, {"bavardage": chat}), same


def _fold(job: tuple[Table, int]) -> list[Trial]:
    with threadpool_limits(1):
        return trials(*job, FOLDS)


def score(table: Table, same: np.ndarray) -> Scored:
    """Asks every held-out question; chances are fitted on the other folds."""
    with ProcessPoolExecutor(2) as pool:
        folds = list(pool.map(_fold, [(table, fold) for fold in range(FOLDS)]))
    lines = []
    for held, fold in enumerate(folds):
        fitted = calibrate([t for other, found in enumerate(folds) if other != held for t in found])
        for trial in fold:
            if trial.nature == "title":
                continue
            chances = fitted.chances(trial.rows, trial.null)
            ranked = trial.entries[np.argsort(-chances)[:3]]
            matter = int(trial.name)
            near = same[matter] if trial.nature != "none" else np.zeros(len(same), dtype=bool)
            lines.append(
                (chances.max(), ranked[0] == matter, near[ranked[0]], near[ranked].any(), trial.nature, matter)
            )
    return Scored(*(np.array(column) for column in zip(*lines, strict=True)))


def weigh(nature: np.ndarray) -> np.ndarray:
    shares = {"known": 1 - UNKNOWN, "near": UNKNOWN / 2, "none": UNKNOWN / 2}
    return np.array([shares[n] / (nature == n).sum() for n in nature.tolist()])


def threshold(s: Scored, right: np.ndarray, among: np.ndarray) -> float:
    """The least confidence from which WANTED of the answers are right."""
    weights, confidence = weigh(s.nature)[among], s.confidence[among]
    order = np.argsort(-confidence)
    precision = np.cumsum((weights * right[among])[order]) / np.cumsum(weights[order])
    good = np.flatnonzero(precision >= WANTED)
    return float(confidence[order][good[-1]]) if len(good) else 2.0


def honest(s: Scored, right: np.ndarray, matters: int) -> tuple[float, float, float]:
    """On the unseen half, mean of the splits: share right, share of known questions answered; worst share right."""
    chance, weights = np.random.default_rng(0), weigh(s.nature)
    results = []
    for _ in range(SPLITS):
        half = chance.permutation(matters) < matters // 2
        seen = np.where(s.nature == "none", chance.random(len(s.nature)) < 0.5, half[np.minimum(s.matter, matters - 1)])
        answered = ~seen & (s.confidence >= threshold(s, right, seen))
        known = ~seen & (s.nature == "known")
        results.append(
            ((weights * right)[answered].sum() / weights[answered].sum(), (answered & known).sum() / known.sum())
        )
    rights, covers = zip(*results, strict=True)
    return float(np.mean(rights)), float(np.mean(covers)), float(min(rights))


WAYS = (
    ("an unknown matter's own page counts as right", False),
    ("every answer to an unknown counts as wrong", True),
)


def run(quick: bool) -> Iterator[Row]:
    """Rows for docs/bench/matching.md, without the extra and with it when it is installed; nothing without the data."""
    labour, smalltalk = SHARED / "labour_law.jsonl", SHARED / "smalltalk.jsonl"
    if not labour.is_file():
        return
    plain, same = load(labour, smalltalk)
    tables = [("this matcher", plain, 0.83)]
    if semantic.installed() and not quick:
        tables.append(("this matcher, semantic extra", with_meanings(plain, semantic.load()), 0.87))
    for name, table, least in tables:
        s = score(table, same)
        known = s.nature == "known"
        yield Row(
            "right first: strict, by official page", name, f"{s.strict[known].mean():.1%}, {s.source[known].mean():.1%}"
        )
        yield Row("right among three, by official page", name, f"{s.third[known].mean():.1%}")
        for way, strictly in WAYS:
            share, cover, worst = honest(s, (s.source & known if strictly else s.source).astype(bool), len(same))
            figure = f"{share:.1%} right at {cover:.1%} answered (worst split {worst:.1%} right)"
            met = share >= 0.94 and cover >= least
            yield Row(
                f"thresholds from one half, measured on the other; {way}", name, figure, f"≥ 94 % at ≥ {least:.0%}", met
            )


def main(arguments: Sequence[str]) -> None:
    table, same = load(Path(arguments[0]), Path(arguments[1]))
    s = score(table, same)
    known = s.nature == "known"
    print(f"right first: {s.strict[known].mean():.3f}, by official page {s.source[known].mean():.3f}")
    print(f"among three: {s.third[known].mean():.3f}")
    for name, strictly in WAYS:
        share, cover, worst = honest(s, (s.source & known if strictly else s.source).astype(bool), len(same))
        print(f"{name}: {share:.1%} right at {cover:.1%} answered (worst split {worst:.1%})")


if __name__ == "__main__":
    main(sys.argv[1:])
