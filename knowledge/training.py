"""Builds the index from the base; runs in a child process, the only place that imports scikit-learn."""

from __future__ import annotations

import hashlib
import re
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
from knowledge.matching import (
    BLOCK_WEIGHTS,
    BLOCKS,
    FORMAT,
    KINDS_OF_ANSWER,
    LARGE,
    LETTERS,
    SURE,
    Floats,
    Index,
    Integers,
    Material,
    describe,
    evidence,
    features,
    key,
    pack,
    probabilities,
)

FOLDS = 2  # indexes built without a part of the base
PARTS = 8  # of phrasings and of entries; a fold leaves one out, so that its index differs little from the final one
MOST_TRIALS = 2400  # phrasings tried for calibration
SURE_USES = 3  # of a word that no lexicon knows, before spelling is corrected towards it
SOME = 2_000  # texts above which they are read by several processes
MANY = 20_000  # and above which one fold is enough
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
    if size <= LARGE and size > 1:
        from sklearn.svm import LinearSVC

        machine = LinearSVC(C=0.5, tol=0.05, random_state=0).fit(matrix, owners, sample_weight=weight)
        weights = np.zeros((len(names), classes), dtype=np.float32)
        bias = np.full(classes, -2.0, dtype=np.float32)
        if len(machine.classes_) > 2:
            weights[:, machine.classes_] = machine.coef_.T
            bias[machine.classes_] = machine.intercept_
            scale = np.maximum(np.abs(weights).max(axis=0), 1e-6) / 127  # one byte a weight: four times less memory
            arrays |= {
                "linear": np.rint(weights / scale).astype(np.int8), "linear_scale": scale.astype(np.float32),
                "linear_bias": bias,
            }  # fmt: skip
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


def trials(table: Table, fold: int, folds: int, seed: int = 7) -> list[Trial]:
    """Asks what fold `fold` holds out, of an index built without it."""
    entries, rows, classes = table.entries, table.rows, table.classes
    size = len(entries)
    chance = np.random.default_rng(seed)
    parts = max(PARTS, folds)
    of_entry = chance.permutation(size) % parts
    of_row = np.full(len(rows), -1)
    places: dict[tuple[int, str], list[int]] = {}
    for n, row in enumerate(rows):
        places.setdefault((row.owner, row.role), []).append(n)
    for owner in range(classes):
        for role in ("phrasing", "title"):
            mine = places.get((owner, role), [])
            of_row[mine] = (chance.permutation(len(mine)) + chance.integers(parts)) % (parts if owner < size else folds)
    gone = {n for n in range(size) if of_entry[n] == fold} if size >= 2 * parts else set()
    empty = Material("", "", "")
    untitled = {row.owner for n, row in enumerate(rows) if row.role == "title" and of_row[n] == fold}
    without = [
        empty if n in gone else replace(entry, title="") if n in untitled else entry for n, entry in enumerate(entries)
    ]
    kept = [row for n, row in enumerate(rows) if row.owner not in gone and of_row[n] != fold]
    index = assemble(without, kept, table)
    many = sum(row.role == "phrasing" and row.owner < size for row in rows)
    share = MOST_TRIALS / max(many, 1) * parts / folds * (folds if len(rows) > MANY else 1)
    sampled = {"known": share, "near": share, "title": 2000 / max(size, 1), "none": 1.0}
    result = []
    for n, row in enumerate(rows):
        if row.role == "answer":
            continue
        if row.owner in gone:
            if of_row[n] != (fold + 1) % parts:
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
        candidate_rows, null = describe(found)
        right = (int(at[0]),) if nature in ("known", "title") and len(at) else ()
        result.append(Trial(candidate_rows, null, right, found.entries, nature, str(row.owner), row.text))
    return result


def weigh(found: Sequence[Trial]) -> Floats:
    """The weight of each trial, so that together they look like the hotline's traffic."""
    counts = Counter(t.nature for t in found)
    shares = {nature: TRAFFIC[nature] for nature in counts}
    total = sum(shares.values())
    return np.array([shares[t.nature] / total / counts[t.nature] * len(found) for t in found], dtype=np.float32)


def calibrate(
    found: Sequence[Trial], strength: float = 1.0, start: tuple[Floats, Floats] | None = None
) -> tuple[Floats, Floats]:
    """Weights of the candidates' features and of « none of these », by multinomial logistic regression."""
    many = max(len(t.rows) for t in found)
    n, width, breadth = len(found), found[0].rows.shape[1], len(found[0].null)
    rows = np.zeros((n, many, width))
    present = np.zeros((n, many), dtype=bool)
    for at, t in enumerate(found):
        rows[at, : len(t.rows)] = t.rows
        present[at, : len(t.rows)] = True
    null = np.array([t.null for t in found], dtype=float)
    right = np.zeros((n, many + 1), dtype=bool)
    for at, t in enumerate(found):
        right[at, list(t.right) or [many]] = True
    weights = weigh(found).astype(float)
    scale = rows[present].std(axis=0) + 1e-6
    null_scale = null.std(axis=0) + 1e-6
    null_scale[0] = 1.0

    flat = (rows / scale).reshape(n * many, width)
    null /= null_scale
    absent = np.where(present, 0.0, -1e9)

    def loss(theta: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        scores = np.empty((n, many + 1))
        scores[:, :many] = (flat @ theta[:width]).reshape(n, many) + absent
        scores[:, many] = null @ theta[width:]
        scores -= scores.max(axis=1, keepdims=True)
        chances = np.exp(scores)
        chances /= chances.sum(axis=1, keepdims=True)
        wanted = np.where(right, chances, 0) + 1e-12 * right
        mass = wanted.sum(axis=1, keepdims=True)
        value = -(weights * np.log(mass[:, 0])).sum() + 0.5 * strength * float(theta @ theta)
        error = (chances - wanted / mass) * weights[:, None]
        slope = np.concatenate([error[:, :many].reshape(-1) @ flat, error[:, many] @ null])
        return float(value), slope + strength * theta

    first = np.zeros(width + breadth) if start is None else np.concatenate([start[0] * scale, start[1] * null_scale])
    solved = minimize(loss, first, jac=True, method="L-BFGS-B", options={"maxiter": 200 if start is None else 60})
    return (solved.x[:width] / scale).astype(np.float32), (solved.x[width:] / null_scale).astype(np.float32)


TARGET = 0.97  # share of automatic answers that must be right
FAR_OFFERED = 0.15  # share of held-out far messages that may be offered choices
LEAST_OFFERED = 0.1  # below which the three best together are no choice worth reading
LOCAL = "local"  # none messages of files so named are near the base: they do not bound what is offered


def thresholds(found: Sequence[Trial], chances: Sequence[Floats], far: frozenset[int]) -> Floats:
    """From what confidence to answer, from what sum of the first three to offer, least chance of a third choice."""
    top = np.array([c.max() for c in chances])
    three = np.array([np.sort(c)[-3:].sum() for c in chances])
    right = np.array([int(c.argmax()) in t.right for t, c in zip(found, chances, strict=True)])
    weights = weigh(found)
    order = np.argsort(-top, kind="stable")
    # Few trials are wrong up there: what happened and what was expected together make a steadier curve than either.
    precision = np.cumsum((weights * (right + top) / 2)[order]) / np.cumsum(weights[order])
    good = np.flatnonzero(precision >= TARGET)
    answer = min(float(top[order[good[-1]]]) if len(good) else 1.0, SURE - 0.005)
    distant = [value for value, t in zip(three, found, strict=True) if t.nature == "none" and int(t.name) in far]
    offer = float(np.quantile(distant, 1 - FAR_OFFERED)) if distant else 0.5
    return np.array([answer, min(max(offer, LEAST_OFFERED), answer), 0.04], dtype=np.float32)


def _trials(table: Table, fold: int) -> list[Trial]:
    return trials(table, fold, FOLDS)


def build(
    entries: Iterable[Material],
    none_messages: Mapping[str, Iterable[str]],
    *,
    jobs: int = 2,
    encode: semantic.Encoder | None = None,
    old: Mapping[str, npt.NDArray[Any]] | None = None,
) -> Index:
    """The index of these entries, calibrated on what it was not shown.

    1. Phrasings, whole entries and none messages are held out by folds, and asked of indexes built without them.
    2. Their answers fit the chances (multinomial logistic regression) and the thresholds (TARGET right).
    3. The index of everything gets both, under a fingerprint of the content.
    `none_messages`: messages that no entry answers, by file name; a name that holds LOCAL says that the topic is ours.
    `encode` makes an index that also knows meanings; `old` holds the arrays of one that knew them, whose vectors serve.
    """
    table = tabulate(entries, none_messages, jobs)
    if encode is not None:
        table = with_meanings(table, encode, old)
    with threadpool_limits(1):  # our processes are the parallelism: waiting threads would only burn the second core
        return _tried(table, jobs)[0]


def _tried(table: Table, jobs: int) -> tuple[Index, list[Trial], list[Floats]]:
    """The index, with what was asked of it while held out, and the chances that others' trials gave each candidate."""
    held_out = range(1 if len(table.rows) > MANY else FOLDS)
    if jobs > 1:
        with ProcessPoolExecutor(jobs) as pool:
            pending = [pool.submit(_trials, table, fold) for fold in held_out]
            index = assemble(table.entries, table.rows, table)
            folds = [future.result() for future in pending]
    else:
        folds = [_trials(table, fold) for fold in held_out]
        index = assemble(table.entries, table.rows, table)
    found = [trial for fold in folds for trial in fold]
    candidate_weights, null_weights = calibrate(found)
    chances: list[Floats] = []
    if len(folds) == 1:  # one large fold: cut it, so that no trial judges itself
        folds = [found[0::2], found[1::2]]
        found = [*folds[0], *folds[1]]
    for held, fold in enumerate(folds):
        others = [trial for other, trials_ in enumerate(folds) if other != held for trial in trials_]
        fitted = calibrate(others, start=(candidate_weights, null_weights))
        chances += [probabilities(trial.rows, trial.null, *fitted) for trial in fold]
    far = frozenset(len(table.entries) + n for n, name in enumerate(table.messages) if LOCAL not in name)
    arrays = {
        **index.arrays, "candidate_weights": candidate_weights, "null_weights": null_weights,
        "thresholds": thresholds(found, chances, far),
    }  # fmt: skip
    return Index(fingerprint(table.entries, table.messages), index.slugs, arrays), found, chances


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
        index, found, chances = _tried(table, jobs)
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
