"""Builds the index from the base; runs in a child process, the only place that imports scikit-learn."""

from __future__ import annotations

import hashlib
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from knowledge import french, semantic, understanding
from knowledge.chances import Curve, Floats, Judge
from knowledge.matching import (
    BLOCK_WEIGHTS,
    BLOCKS,
    FORMAT,
    KINDS_OF_ANSWER,
    LARGE,
    LETTERS,
    SURE,
    Index,
    Integers,
    Material,
    describe,
    evidence,
    features,
    key,
    pack,
)

PARTS = (
    6  # of phrasings and of entries; one is left out of the index that is tried, so that it differs little from ours
)
HALVES = 2  # of titles and of none messages; the trial leaves one out
MOST_TRIALS = 2400  # phrasings tried for calibration
PASSES = 5  # of the linear classifier over the phrasings: more change nothing that is measured
TOGETHER = 64  # entries that it learns at a time: bounds its memory
SURE_USES = 3  # of a word that no lexicon knows, before spelling is corrected towards it
SOME = 2_000  # texts above which they are read by several processes
ANSWER_WEIGHT = 0.6  # of a sentence of the answer beside a phrasing
CENTROID_SIZE = 400  # strongest features kept of an entry's centroid


@dataclass(frozen=True, eq=False)
class Row:
    """A phrasing (or a none message) of a class, with its words and its features as columns of a Table."""

    text: str
    owner: int
    role: str  # phrasing, title, or answer: a sentence of the answer, which teaches less
    tokens: tuple[str, ...]
    columns: Integers
    counts: Floats  # 1 + log of how many times
    meaning: int = -1  # its row in the table's vectors


@dataclass(frozen=True, eq=False)
class Table:
    """All that can be learnt from, tokenised once for every fold."""

    entries: tuple[Material, ...]
    messages: Mapping[str, tuple[str, ...]]
    rows: tuple[Row, ...]
    names: tuple[str, ...]  # features, by column
    said: tuple[str, ...] = ()  # what the encoder was given, one text a vector
    vectors: Floats | None = None

    @property
    def classes(self) -> int:
        return len(self.entries) + len(self.messages)


_SENTENCE = re.compile(r"(?<=[.!?;:])\s+|\n+")


def with_meanings(table: Table, encode: semantic.Encoder, old: Mapping[str, npt.NDArray[Any]] | None = None) -> Table:
    """The same table with the vector of every phrasing, title and none message; none above LARGE entries."""
    if len(table.entries) > LARGE:
        return table
    places = [n for n, row in enumerate(table.rows) if row.role != "answer"]
    said = tuple(understanding.core(table.rows[n].text) for n in places)
    rows = list(table.rows)
    for place, n in enumerate(places):
        rows[n] = replace(rows[n], meaning=place)
    return replace(table, rows=tuple(rows), said=said, vectors=semantic.vectors(encode, said, old))


def tabulate(entries: Iterable[Material], none_messages: Mapping[str, Iterable[str]], jobs: int = 1) -> Table:
    """Titles, phrasings and sentences of answers of the entries, then the none messages, one class a file."""
    entries = tuple(sorted(entries, key=lambda entry: entry.slug))
    messages = {name: tuple(dict.fromkeys(texts)) for name, texts in sorted(none_messages.items())}
    told: list[tuple[str, int, str]] = []
    for owner, entry in enumerate(entries):
        told.append((entry.title, owner, "title"))
        told += [(text, owner, "phrasing") for text in dict.fromkeys(entry.phrasings)]
        told += [(text, owner, "answer") for text in _SENTENCE.split(entry.answer) if len(text.split()) > 3]
    for shift, texts in enumerate(messages.values()):
        told += [(text, len(entries) + shift, "phrasing") for text in texts]
    with _Pool(jobs if len(told) > SOME else 1) as pool:
        spoken = pool.over(_words, [text for text, _, _ in told])
        uses = Counter(
            token
            for (_, owner, _), tokens in zip(told, spoken, strict=True)
            if owner < len(entries)
            for token in tokens
        )
        # A form that no lexicon knows and that the base uses once or twice is one of its authors' own slips.
        sure = {word: n for word, n in uses.items() if n >= SURE_USES or french.frequency(word) >= 0}
        read = pool.over(partial(_features, french.Spelling(sure)), spoken)
    columns: dict[str, int] = {}
    rows = []
    for (text, owner, role), (tokens, names, times) in zip(told, read, strict=True):
        if not names:
            continue
        numbers = np.array([columns.setdefault(name, len(columns)) for name in names], dtype=np.int32)
        counts = (1 + np.log(np.array(times, dtype=np.float32))).astype(np.float32)
        rows.append(Row(text, owner, role, tokens, numbers, counts))
    return Table(entries, messages, tuple(rows), tuple(columns))


class _Pool:
    """Maps over lists with several processes, or with none when one is asked for."""

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self.executor = ProcessPoolExecutor(jobs) if jobs > 1 else None

    def __enter__(self) -> _Pool:
        return self

    def __exit__(self, *_: object) -> None:
        if self.executor is not None:
            self.executor.shutdown()

    def over(self, function: Callable[[Sequence[Any]], list[Any]], items: Sequence[Any]) -> list[Any]:
        if self.executor is None:
            return function(items)
        step = max(1, -(-len(items) // (4 * self.jobs)))
        parts = [items[n : n + step] for n in range(0, len(items), step)]
        return [result for part in self.executor.map(function, parts) for result in part]


def _words(texts: Sequence[str]) -> list[tuple[str, ...]]:
    return [tuple(french.plain(understanding.core(text))) for text in texts]


def _features(
    spelling: french.Spelling, spoken: Sequence[tuple[str, ...]]
) -> list[tuple[tuple[str, ...], tuple[str, ...], tuple[int, ...]]]:
    """Corrected words of each text, its features, and how many times it has each."""
    read = []
    for tokens in spoken:
        corrected = tuple(spelling.text(tokens))
        counted = Counter(features(corrected))
        read.append((corrected, tuple(counted), tuple(counted.values())))
    return read


def _csr(rows: Sequence[Row], columns: Integers, width: int) -> sp.csr_matrix:
    """Rows over the kept columns (`columns` gives the new number of each, -1: dropped)."""
    numbers = columns[np.concatenate([row.columns for row in rows])]
    counts = np.concatenate([row.counts for row in rows])
    owners = np.repeat(np.arange(len(rows)), [len(row.columns) for row in rows])
    kept = numbers >= 0
    starts = np.concatenate([[0], np.cumsum(np.bincount(owners[kept], minlength=len(rows)))])
    return sp.csr_matrix((counts[kept], numbers[kept], starts), shape=(len(rows), width), dtype=np.float32)


def _field(texts: Sequence[str], vocabulary: Mapping[str, int]) -> sp.csr_matrix:
    """Which stems each text holds."""
    cells = [
        (number, vocabulary["w" + stem])
        for number, text in enumerate(texts)
        for stem in set(french.content(french.words(text)))
        if "w" + stem in vocabulary
    ]
    at, columns = (np.array([cell[side] for cell in cells], dtype=np.int64) for side in (0, 1))
    return sp.csr_matrix((np.ones(len(cells), dtype=np.float32), (at, columns)), shape=(len(texts), len(vocabulary)))


def _normalise(matrix: sp.csr_matrix, block: npt.NDArray[np.int8]) -> sp.csr_matrix:
    """Each row's words, letters and concepts scaled apart, each to its block's length."""
    owner = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    for number, share in enumerate(BLOCK_WEIGHTS):
        cells = block[matrix.indices] == number
        norms = np.sqrt(np.bincount(owner[cells], weights=matrix.data[cells] ** 2, minlength=matrix.shape[0]))
        matrix.data[cells] *= share / np.maximum(norms, 1e-9)[owner[cells]]
    return matrix


def _postings(matrix: sp.spmatrix, name: str) -> dict[str, npt.NDArray[Any]]:
    columns = sp.csc_matrix(matrix)
    columns.sort_indices()
    return {
        f"{name}_starts": columns.indptr.astype(np.int32),
        f"{name}_owners": columns.indices.astype(np.int32),
        f"{name}_values": columns.data.astype(np.float32),
    }


def assemble(entries: Sequence[Material], rows: Sequence[Row], table: Table) -> Index:
    """The index of these rows of the table, without its calibration."""
    rows = sorted(rows, key=lambda row: (row.role == "answer", row.owner))
    size, classes = len(entries), table.classes
    asked = [row for row in rows if row.role != "answer"]
    frequency = np.bincount(np.concatenate([row.columns for row in asked]), minlength=len(table.names))
    everywhere = np.bincount(np.concatenate([row.columns for row in rows]), minlength=len(table.names))
    # Letters seen once say nothing that their word does not.
    letters = np.array([name[0] == "c" for name in table.names])
    kept = np.flatnonzero(((frequency > 0) & ~letters) | (everywhere > 1))
    columns = np.full(len(table.names), -1, dtype=np.int32)
    columns[kept] = np.arange(len(kept))
    names = [table.names[n] for n in kept]
    vocabulary = {name: number for number, name in enumerate(names)}
    idf = (np.log((1 + len(asked)) / (1 + frequency[kept])) + 1).astype(np.float32)
    block = np.array([BLOCKS[name[0]] for name in names], dtype=np.int8)
    stems = np.array([name[0] == "w" for name in names], dtype=bool)
    counts = _csr(rows, columns, len(names))
    counts.data *= idf[counts.indices]
    matrix = _normalise(counts, block)
    owners = np.array([row.owner for row in rows], dtype=np.int32)
    phrased = matrix[: len(asked)]
    if size > LARGE:  # letters of each phrasing would take most of the memory
        phrased = sp.csr_matrix(phrased.multiply((block != LETTERS)[None, :]).astype(np.float32))
    arrays: dict[str, npt.NDArray[Any]] = {
        "features": pack(names), "idf": idf.astype(np.float32), "block": block, "is_stem": stems,
        "class_rows": np.searchsorted(owners[: len(asked)], np.arange(classes + 1)).astype(np.int32),
        "row_starts": phrased.indptr.astype(np.int32), "row_columns": phrased.indices.astype(np.int32),
        "row_values": phrased.data.astype(np.float32),
    }  # fmt: skip
    weight = np.array([ANSWER_WEIGHT if row.role == "answer" else 1.0 for row in rows], dtype=np.float32)
    known = owners < size
    member = sp.csr_matrix((weight[known], (owners[known], np.flatnonzero(known))), shape=(size, len(rows)))
    arrays |= _postings(_normalise(_strongest(sp.csr_matrix(member @ matrix)), block), "centroid")
    has = sp.csr_matrix(member[:, : len(asked)] @ phrased @ sp.diags(stems.astype(np.float32)))
    has.data = (has.data > 0).astype(np.float32)
    has.eliminate_zeros()
    arrays |= _postings(has, "stems")
    for name, texts in (("answer", [e.answer for e in entries]), ("title", [e.title for e in entries])):
        arrays |= _postings(_field(texts, vocabulary), name)
    if size <= LARGE and size > 1 and len(set(owners.tolist())) > 2:
        arrays |= _linear(matrix, owners, weight, classes)
    if table.vectors is not None:
        at = [row.meaning for row in asked]
        arrays |= semantic.fit(table.vectors[at], [table.said[n] for n in at], owners[: len(asked)], classes)
    arrays["answers"] = np.array(
        [sum(1 << KINDS_OF_ANSWER.index(k) for k in e.answers if k in KINDS_OF_ANSWER) for e in entries], dtype=np.int32
    )
    arrays["none_names"] = pack(list(table.messages))
    words: Counter[str] = Counter(token for row in asked if row.owner < size for token in row.tokens)
    arrays |= {"words": pack(sorted(words)), "word_counts": np.array([words[w] for w in sorted(words)], dtype=np.int32)}
    spoken = Counter(key(row.tokens) for row in asked)
    exact = {key(row.tokens): row.owner for row in asked if row.owner < size and spoken[key(row.tokens)] == 1}
    arrays |= {"exact": pack(sorted(exact)), "exact_entry": np.array([exact[k] for k in sorted(exact)], dtype=np.int32)}
    return Index("", tuple(e.slug for e in entries), arrays)


def _linear(matrix: sp.csr_matrix, owners: Integers, weight: Floats, classes: int) -> dict[str, npt.NDArray[Any]]:
    """Weights of every feature for every class, one against all; one byte a weight: four times less memory."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    linear = np.zeros((matrix.shape[1], classes), dtype=np.int8)
    scale, bias = np.ones(classes, dtype=np.float32), np.full(classes, -2.0, dtype=np.float32)
    present = np.unique(owners)
    for at in range(0, len(present), TOGETHER):
        mine = present[at : at + TOGETHER]
        named = np.where(np.isin(owners, mine), owners, classes)  # the others are one class, learnt and left
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            machine = LinearSVC(C=0.5, tol=0.05, max_iter=PASSES, random_state=0)
            machine.fit(matrix, named, sample_weight=weight)
        if len(machine.classes_) == 2:  # one line for both: the second's
            learnt = dict(zip(machine.classes_.tolist(), (-1.0, 1.0), strict=True))
            found = [(owner, sign * machine.coef_[0], sign * machine.intercept_[0]) for owner, sign in learnt.items()]
        else:
            found = list(zip(machine.classes_.tolist(), machine.coef_, machine.intercept_, strict=True))
        for owner, weights, intercept in found:
            if owner < classes:
                scale[owner] = max(float(np.abs(weights).max()), 1e-6) / 127
                linear[:, owner] = np.rint(weights / scale[owner])
                bias[owner] = intercept
    return {"linear": linear, "linear_scale": scale, "linear_bias": bias}


def _strongest(matrix: sp.csr_matrix) -> sp.csr_matrix:
    keep = np.zeros(matrix.nnz, dtype=bool)
    for row in range(matrix.shape[0]):
        a, b = matrix.indptr[row], matrix.indptr[row + 1]
        if b - a > CENTROID_SIZE:
            keep[a + np.argpartition(-matrix.data[a:b], CENTROID_SIZE)[:CENTROID_SIZE]] = True
        else:
            keep[a:b] = True
    result = matrix.copy()
    result.data[~keep] = 0
    result.eliminate_zeros()
    return result


# --- calibration: phrasings and whole entries held out ------------------------------------------------------------

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


def trials(table: Table, fold: int = 0, folds: int = 1, seed: int = 7) -> list[Trial]:
    """Asks what fold `fold` holds out, of an index built without it."""
    entries, rows, classes = table.entries, table.rows, table.classes
    size = len(entries)
    chance = np.random.default_rng(seed)
    parts, halves = max(PARTS, folds), max(HALVES, folds)
    of_entry = chance.permutation(size) % parts
    of_row = np.full(len(rows), -1)
    places: dict[tuple[int, str], list[int]] = {}
    for n, row in enumerate(rows):
        places.setdefault((row.owner, row.role), []).append(n)
    for owner in range(classes):
        mine = places.get((owner, "phrasing"), [])
        among = parts if owner < size else halves
        of_row[mine] = (chance.permutation(len(mine)) + chance.integers(among)) % among
    titles = [n for n, row in enumerate(rows) if row.role == "title"]
    of_row[titles] = chance.permutation(len(titles)) % halves
    gone = {n for n in range(size) if of_entry[n] == fold} if size >= 2 * parts else set()
    without = [Material("", "", "") if n in gone else entry for n, entry in enumerate(entries)]
    kept = [row for n, row in enumerate(rows) if row.owner not in gone and of_row[n] != fold]
    index = assemble(without, kept, table)
    many = sum(row.role == "phrasing" and row.owner < size for row in rows)
    share = MOST_TRIALS / max(many, 1) * parts / folds
    sampled = {"known": share, "near": share, "title": MOST_TRIALS * halves / folds / max(size, 1), "none": 1.0}
    result = []
    for n, row in enumerate(rows):
        if row.role == "answer":
            continue
        if row.owner in gone:
            if row.role != "phrasing" or of_row[n] != (fold + 1) % parts:
                continue
            nature = "near"
        elif of_row[n] == fold:
            nature = "none" if row.owner >= size else "title" if row.role == "title" else "known"
        else:
            continue
        if chance.random() >= sampled[nature]:
            continue
        tokens, core = index.spelling.text(row.tokens), understanding.core(row.text)
        vector = table.vectors[row.meaning] if table.vectors is not None else None
        found = evidence(index, tokens, understanding.asks(core), understanding.particular(core), vector)
        at = np.flatnonzero(found.entries == row.owner)
        if nature == "title":
            found.title[at] = 0  # its own words would be in it
        candidate_rows, null = describe(found)
        right = (int(at[0]),) if nature in ("known", "title") and len(at) else ()
        result.append(Trial(candidate_rows, null, right, found.entries, nature, str(row.owner), row.text))
    return result


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
    solved = minimize(loss, first, jac=True, method="L-BFGS-B", options={"maxiter": STEPS})
    curves = []
    for (line, bends, shift, pull, base), (mean, scale) in zip(unpacked(solved.x), scales, strict=True):
        line, bends = line * scale, bends * scale[:, None]
        curves.append(Curve(line, bends, shift - mean @ bends, pull, float(base[0] - mean @ line)))
    return Judge(*curves)


TARGET = 0.97  # share of automatic answers that must be right
TARGET_HARD = (
    0.95  # and of those to hard questions alone: what we take people to ask must not be all that keeps us right
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


def build(
    entries: Iterable[Material],
    none_messages: Mapping[str, Iterable[str]],
    *,
    jobs: int = 2,
    encode: semantic.Encoder | None = None,
    old: Mapping[str, npt.NDArray[Any]] | None = None,
) -> Index:
    """The index of these entries, calibrated on what it was not shown.

    1. Phrasings, titles, whole entries and none messages are held out, and asked of an index built without them.
    2. Their answers fit the chances (`calibrate`) and the thresholds (TARGET right).
    3. The index of everything gets both, under a fingerprint of the content.
    `none_messages`: messages that no entry answers, by file name; a name that holds LOCAL says that the topic is ours.
    `encode` makes an index that also knows meanings; `old` holds the arrays of one that knew them, whose vectors serve.
    """
    table = tabulate(entries, none_messages, jobs)
    if encode is not None:
        table = with_meanings(table, encode, old)
    with threadpool_limits(1):  # our processes are the parallelism: waiting threads would only burn the second core
        few = len(table.rows) <= SOME
        return _tried(table, 1 if few else jobs, IN_TURN if few else 1)[0]


JUDGED = 3  # parts of the trials: each is judged by what the others taught
IN_TURN = 3  # of the PARTS: left out one after the other when the base is small, or looked over for what entries steal


def _tried(table: Table, jobs: int, folds: int) -> tuple[Index, list[Trial], list[Floats]]:
    """The index, with what was asked of it while held out, and the chances that others' trials gave each candidate."""
    if jobs > 1:
        with ProcessPoolExecutor(jobs - 1) as pool:
            pending = [pool.submit(trials, table, fold, folds) for fold in range(folds)]
            index = assemble(table.entries, table.rows, table)
            asked = [trial for each in pending for trial in each.result()]
    else:
        asked = [trial for fold in range(folds) for trial in trials(table, fold, folds)]
        index = assemble(table.entries, table.rows, table)
    parts = [asked[n::JUDGED] for n in range(JUDGED)]
    others = [[t for other, found in enumerate(parts) if other != n for t in found] for n in range(JUDGED)]
    with _Pool(jobs) as pool_:
        judge, *judges = pool_.over(_judges, [asked, *others])
    found = [trial for part in parts for trial in part]
    chances = [each.chances(t.rows, t.null) for each, part in zip(judges, parts, strict=True) for t in part]
    far = frozenset(len(table.entries) + n for n, name in enumerate(table.messages) if LOCAL not in name)
    arrays = {**index.arrays, **judge.arrays(), "thresholds": thresholds(found, chances, far)}
    return Index(fingerprint(table.entries, table.messages), index.slugs, arrays), found, chances


def _judges(found: Sequence[Sequence[Trial]]) -> list[Judge]:
    with threadpool_limits(1):
        return [calibrate(each) for each in found]


@dataclass(frozen=True)
class Stolen:
    """A phrasing that, held out, would have been answered by another entry than its own."""

    slug: str
    phrasing: str
    thief: str
    confidence: float


@dataclass(frozen=True)
class Overlap:
    """How well the entries' own phrasings find them when held out: the confident mistakes, and each entry's share."""

    stolen: tuple[Stolen, ...]
    found: Mapping[str, tuple[int, int]]  # slug -> held-out phrasings among its three best, and how many were tried


def overlap(entries: Iterable[Material], none_messages: Mapping[str, Iterable[str]], *, jobs: int = 2) -> Overlap:
    """Entries that would steal each other's questions, from the very trials that calibrate the index."""
    with threadpool_limits(1):
        table = tabulate(entries, none_messages, jobs)
        index, found, chances = _tried(table, jobs, IN_TURN)
    sure = float(index.arrays["thresholds"][0])
    slugs, stolen, shares = index.slugs, [], Counter[str]()
    tried: Counter[str] = Counter()
    for trial, chance in zip(found, chances, strict=True):
        if trial.nature != "known":
            continue
        owner = slugs[int(trial.name)]
        best = trial.entries[np.argsort(-chance[: len(trial.entries)])[:3]].tolist()
        tried[owner] += 1
        shares[owner] += int(trial.name) in best
        confidence = float(chance[: len(trial.entries)].max(initial=0.0))
        if best and best[0] != int(trial.name) and confidence >= sure:
            stolen.append(Stolen(owner, trial.text, slugs[best[0]], confidence))
    ordered = sorted(stolen, key=lambda each: -each.confidence)
    return Overlap(tuple(ordered), {slug: (shares[slug], tried[slug]) for slug in sorted(tried)})


def fingerprint(entries: Iterable[Material], none_messages: Mapping[str, Iterable[str]]) -> str:
    """Sixteen hexadecimal digits that change with any word of the base, of the none messages or of our word lists."""
    told = (
        str(FORMAT),
        *((french.LEXICON / name).read_text("utf-8") for name in ("synonyms.txt", "modern.txt")),
        repr(sorted(entries, key=lambda entry: entry.slug)),
        repr({n: tuple(m) for n, m in sorted(none_messages.items())}),
    )
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]
