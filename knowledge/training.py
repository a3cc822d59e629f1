"""Builds the index from the base, in a child process: what takes seconds and memory stays out of the others."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from knowledge import french, semantic, understanding
from knowledge.calibration import LOCAL, Trial, calibrate, thresholds
from knowledge.cells import Cells, Floats, Integers
from knowledge.chances import Judge
from knowledge.learning import one_against_all
from knowledge.matching import (
    BLOCK_WEIGHTS,
    BLOCKS,
    FORMAT,
    KINDS_OF_ANSWER,
    LARGE,
    LETTERS,
    Index,
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
SURE_USES = 3  # of a word that no lexicon knows, before spelling is corrected towards it
SOME = 2_000  # texts above which they are read by several processes
ANSWER_WEIGHT = 0.6  # of a sentence of the answer beside a phrasing
CENTROID_SIZE = 400  # strongest features kept of an entry's centroid


@dataclass(frozen=True, eq=False)
class Row:
    """A phrasing (or a none message) of a class, with its words and its features as columns of a Table."""

    text: str
    core: str  # the text without its courtesies
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
    said = tuple(table.rows[n].core for n in places)
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
            for (_, owner, _), (_, tokens) in zip(told, spoken, strict=True)
            if owner < len(entries)
            for token in tokens
        )
        # A form that no lexicon knows and that the base uses once or twice is one of its authors' own slips.
        sure = {word: n for word, n in uses.items() if n >= SURE_USES or french.frequency(word) >= 0}
        found = pool.parts(partial(_features, french.Spelling(sure)), [tokens for _, tokens in spoken])
    columns: dict[str, int] = {}
    read = [each for part in found for each in _numbered(part, columns)]
    rows = [
        Row(text, core, owner, role, tokens, numbers, counts)
        for (text, owner, role), (core, _), (tokens, numbers, counts) in zip(told, spoken, read, strict=True)
        if len(numbers)
    ]
    return Table(entries, messages, tuple(rows), tuple(columns))


class _Pool:
    """Maps over lists with this process and, when more than one job is asked for, others beside it."""

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self.executor = ProcessPoolExecutor(jobs - 1) if jobs > 1 else None

    def __enter__(self) -> _Pool:
        return self

    def __exit__(self, *_: object) -> None:
        if self.executor is not None:
            self.executor.shutdown()

    def parts(self, function: Callable[[Sequence[Any]], Any], items: Sequence[Any]) -> list[Any]:
        """What the function gives for each share of the items, in order; the last share is this process's own."""
        if self.executor is None:
            return [function(items)]
        bounds = [len(items) * n // self.jobs for n in range(self.jobs + 1)]
        *others, own = [items[a:b] for a, b in pairwise(bounds)]
        pending = [self.executor.submit(function, each) for each in others]
        last = function(own)
        return [*(each.result() for each in pending), last]

    def over(self, function: Callable[[Sequence[Any]], list[Any]], items: Sequence[Any]) -> list[Any]:
        return [result for part in self.parts(function, items) for result in part]


def _words(texts: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
    """What is left of each text without its courtesies, and its words."""
    cores = [understanding.core(text) for text in texts]
    return [(core, tuple(french.plain(core))) for core in cores]


@dataclass(frozen=True, eq=False)
class _Read:
    """Corrected words of some texts, and their features by number, one text after the other."""

    names: tuple[str, ...]
    tokens: list[tuple[str, ...]]
    lengths: Integers
    numbers: Integers
    counts: Floats


def _features(spelling: french.Spelling, spoken: Sequence[tuple[str, ...]]) -> _Read:
    """Corrected words of each text, its features, and 1 + log of how many times it has each."""
    columns: dict[str, int] = {}
    corrected = [tuple(spelling.text(tokens)) for tokens in spoken]
    counted = [Counter([columns.setdefault(n, len(columns)) for n in features(tokens)]) for tokens in corrected]
    numbers = np.array([number for each in counted for number in each], dtype=np.int32)
    times = np.array([n for each in counted for n in each.values()], dtype=np.float32)
    lengths = np.array([len(each) for each in counted], dtype=np.int32)
    return _Read(tuple(columns), corrected, lengths, numbers, (1 + np.log(times)).astype(np.float32))


def _numbered(part: _Read, columns: dict[str, int]) -> list[tuple[tuple[str, ...], Integers, Floats]]:
    """Words, features and counts of each text of a part; `columns` numbers the features of all, and grows."""
    number = np.array([columns.setdefault(name, len(columns)) for name in part.names], dtype=np.int32)
    ends = np.cumsum(part.lengths)[:-1]
    shares = zip(part.tokens, np.split(number[part.numbers], ends), np.split(part.counts, ends), strict=True)
    return list(shares)


def _field(texts: Sequence[str], vocabulary: Mapping[str, int]) -> Cells:
    """Which stems each text holds."""
    held = []
    for text in texts:
        names = dict.fromkeys("w" + stem for stem in french.content(french.words(text)))
        held.append(np.array(sorted(vocabulary[n] for n in names if n in vocabulary), dtype=np.int32))
    return Cells.of(held, [np.ones(len(each), dtype=np.float32) for each in held], len(vocabulary))


def _normalise(cells: Cells, block: npt.NDArray[np.int8]) -> Cells:
    """Each row's words, letters and concepts scaled apart, each to its block's length."""
    rows, values = cells.rows, cells.values.copy()
    blocks = block[cells.columns]
    for number, share in enumerate(BLOCK_WEIGHTS):
        mine = blocks == number
        norms = np.sqrt(np.bincount(rows[mine], weights=values[mine] ** 2, minlength=len(cells)))
        values[mine] *= share / np.maximum(norms, 1e-9)[rows[mine]]
    return replace(cells, values=values)


def assemble(entries: Sequence[Material], rows: Sequence[Row], table: Table) -> Index:
    """The index of these rows of the table, without its calibration."""
    rows = sorted(rows, key=lambda row: (row.role == "answer", row.owner))
    size, classes = len(entries), table.classes
    asked = [row for row in rows if row.role != "answer"]
    counts = Cells.of([row.columns for row in rows], [row.counts for row in rows], len(table.names))
    frequency = np.bincount(counts.first(len(asked)).columns, minlength=len(table.names))
    everywhere = np.bincount(counts.columns, minlength=len(table.names))
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
    counts = counts.over(columns, len(names))
    matrix = _normalise(replace(counts, values=counts.values * idf[counts.columns]), block)
    owners = np.array([row.owner for row in rows], dtype=np.int32)
    phrased = matrix.first(len(asked))
    if size > LARGE:  # letters of each phrasing would take most of the memory
        phrased = phrased.where(block[phrased.columns] != LETTERS)
    arrays: dict[str, npt.NDArray[Any]] = {
        "features": pack(names), "idf": idf, "block": block, "is_stem": stems,
        "class_rows": np.searchsorted(owners[: len(asked)], np.arange(classes + 1)).astype(np.int32),
        "row_starts": phrased.starts.astype(np.int32), "row_columns": phrased.columns, "row_values": phrased.values,
    }  # fmt: skip
    weight = np.array([ANSWER_WEIGHT if row.role == "answer" else 1.0 for row in rows], dtype=np.float32)
    arrays |= _normalise(_strongest(matrix.summed(owners, weight, size)), block).by_column("centroid")
    said = phrased.where(stems[phrased.columns])
    has = said.summed(owners[: len(asked)], weight[: len(asked)], size)
    arrays |= replace(has, values=np.ones_like(has.values)).by_column("stems")
    for name, texts in (("answer", [e.answer for e in entries]), ("title", [e.title for e in entries])):
        arrays |= _field(texts, vocabulary).by_column(name)
    if size <= LARGE and size > 1 and len(set(owners.tolist())) > 2:
        arrays |= one_against_all(matrix, owners, weight, classes)
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


def _strongest(cells: Cells) -> Cells:
    keep = np.ones(len(cells.values), dtype=bool)
    for a, b in pairwise(cells.starts.tolist()):
        if b - a > CENTROID_SIZE:
            keep[a:b] = False
            keep[a + np.argpartition(-cells.values[a:b], CENTROID_SIZE)[:CENTROID_SIZE]] = True
    return cells.where(keep)


# --- calibration: phrasings and whole entries held out ------------------------------------------------------------


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
        tokens = index.spelling.text(row.tokens)
        vector = table.vectors[row.meaning] if table.vectors is not None else None
        found = evidence(index, tokens, understanding.asks(row.core), understanding.particular(row.core), vector)
        at = np.flatnonzero(found.entries == row.owner)
        if nature == "title":
            found.title[at] = 0  # its own words would be in it
        candidate_rows, null = describe(found)
        right = (int(at[0]),) if nature in ("known", "title") and len(at) else ()
        result.append(Trial(candidate_rows, null, right, found.entries, nature, str(row.owner), row.text))
    return result


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
        theirs = range(folds - 1) if folds > 1 else range(1)
        with ProcessPoolExecutor(jobs - 1, initializer=_hold, initargs=(table,)) as pool:
            pending = [pool.submit(_held_out, fold, folds) for fold in theirs]
            index = assemble(table.entries, table.rows, table)
            last = [trial for fold in range(len(theirs), folds) for trial in trials(table, fold, folds)]
            asked = [*(trial for each in pending for trial in each.result()), *last]
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


_held: list[Table] = []  # of a process that asks what is held out: it gets the table once, unpickled where it can fork


def _hold(table: Table) -> None:
    _held[:] = [table]


def _held_out(fold: int, folds: int) -> list[Trial]:
    return trials(_held[0], fold, folds)


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
