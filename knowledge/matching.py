"""Which entry answers a message: candidates, a calibrated probability, and silence where it is not sure. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import numpy.typing as npt

from knowledge import french, semantic, understanding
from knowledge.chances import Floats, Judge

Decision = Literal["answer", "clarify", "escalate"]
Integers = npt.NDArray[np.int32]

FORMAT = 2  # of features and arrays; raised when they change, so that no older index is read by mistake
BLOCKS = {"w": 0, "b": 0, "p": 0, "c": 1, "=": 2}  # by a feature's first letter: words, letters, concepts
LETTERS = 1
BLOCK_WEIGHTS = (1.0, 1.1, 0.8)  # each block of a question has this length
CANDIDATES = 12  # entries looked at closely
SURE = 0.99  # the confidence of the very words of a phrasing
VOTERS = 10  # phrasings nearest to a question, of all its candidates, that vote for their entries
FEW_STEMS = 2  # up to which a question is a keyword: what it shares with a title tells more than likeness
NEAR = 0.6  # share of words in common from which a phrasing not yet indexed is offered
EFFORT = 4  # of the compression, from 1 to 9
LARGE = 1500  # entries above which no linear classifier is trained: centroids alone find the candidates
KINDS_OF_ANSWER = (
    "definition", "role", "how", "rule", "who", "contact", "when", "how_much", "list", "where", "example", "why",
    "change",
)  # fmt: skip


@dataclass(frozen=True)
class Material:
    """What the matcher needs to know of an entry."""

    slug: str
    kind: str
    title: str
    aliases: tuple[str, ...] = ()
    phrasings: tuple[str, ...] = ()
    answer: str = ""
    answers: tuple[str, ...] = ()
    status: str = "valide"


@dataclass(frozen=True)
class Candidate:
    slug: str
    confidence: float


@dataclass(frozen=True)
class Part:
    """One question of a message, and what was decided about it."""

    text: str
    decision: Decision
    entries: tuple[str, ...]
    confidence: float
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True)
class Match:
    """What the base can say about a message: entries given (answer) or offered (clarify), and how sure it is."""

    decision: Decision
    entries: tuple[str, ...]
    confidence: float
    candidates: tuple[Candidate, ...]
    parts: tuple[Part, ...]
    why: str
    smalltalk: str = ""
    distress: tuple[str, ...] = ()
    language: str = "fr"
    asks: str = ""


# --- from words to features, the same in training and in serving -------------------------------------------------


def features(tokens: Sequence[str]) -> list[str]:
    """Features of a question: `w` stems, `b` pairs of neighbours, `=` concepts of the synonym table, `c` letters."""
    stems = [french.stem(token) for token in tokens]
    meant = [s for s, token in zip(stems, tokens, strict=True) if token not in french.STOP]
    found = ["w" + s for s in meant]
    found += ["b" + a + " " + b for a, b in pairwise(["^", *stems, "$"])]
    found += ["p" + a + " " + b for a, b in pairwise(meant)]
    found += ["=" + concept for concept in french.concepts(stems)]
    for token in tokens:
        found += _letters(token)
    return found


@lru_cache(maxsize=20000)
def _letters(token: str) -> tuple[str, ...]:
    padded = " " + token + " "
    return tuple("c" + padded[i : i + size] for size in (3, 4) for i in range(len(padded) - size + 1))


ONE_FACT = frozenset({"when", "how_much", "contact", "who"})  # kinds of answer that an entry holds or does not
# A candidate's features, in this order; `others` is the best of the other candidates, none included.
CANDIDATE_FEATURES = (
    "linear", "linear_over_others", "centroid", "centroid_over_others", "nearest_words", "nearest_letters",
    "nearest_over_others", "nearest_few", "coverage", "coverage_over_others", "coverage_answer", "title", "asked",
    "not_asked", "linear_first", "nearest_first", "linear_high", "nearest_high", "votes", "votes_of_three",
    "keyword_coverage", "keyword_title", "keyword_linear", "definition_held", "fact_not_held",
)  # fmt: skip
NULL_FEATURES = (
    "one", "none_linear", "none_nearest", "unknown_words", "short", "one_word", "long", "best_linear",
    "best_nearest", "best_coverage", "none_over_linear", "none_over_nearest", "none_votes", "best_votes",
    "none_votes_of_three", "length", "stems", "kind_said", "definition_wanted", *understanding.PARTICULAR,
)  # fmt: skip
# The same, of an index that knows meanings (knowledge/semantic.py): after the others.
SEMANTIC_FEATURES = ("meaning", "meaning_over_others", "nearest_meaning", "nearest_meaning_over_others")
SEMANTIC_NULL = (
    "none_meaning", "none_nearest_meaning", "best_meaning", "best_nearest_meaning", "none_over_meaning",
    "none_over_nearest_meaning",
)  # fmt: skip


@dataclass(frozen=True)
class Meaning:
    """How near in meaning the candidates are, and the none messages."""

    scores: Floats
    nearest: Floats
    none_score: float
    none_nearest: float


@dataclass(frozen=True)
class Evidence:
    """Raw scores of the candidates for one question, and of the none classes."""

    entries: Integers
    linear: Floats
    centroid: Floats
    words: Floats
    letters: Floats
    few: Floats
    coverage: Floats
    coverage_answer: Floats
    title: Floats
    asked: Floats  # 1 declared, -1 not declared, 0 unknown
    none_linear: float
    none_nearest: float
    unknown_words: float
    stems: int
    particular: tuple[str, ...]
    votes: Floats  # shares of the VOTERS nearest phrasings, by likeness; the none messages come last
    votes_of_three: Floats
    length: int  # in words
    asks: str
    none_class: int = -1  # the none class that comes first, before every entry
    meaning: Meaning | None = None


def _over_others(values: Floats) -> Floats:
    if len(values) < 2:
        return values
    order = np.sort(values)
    return np.asarray(values - np.where(values == order[-1], order[-2], order[-1]), dtype=np.float32)


def describe(e: Evidence) -> tuple[Floats, Floats]:
    """The candidates' features (one row each) and the features of « none of these »."""
    nearest = 0.5 * (e.words + e.letters)
    best_linear, best_nearest = float(e.linear.max(initial=-2)), float(nearest.max(initial=0))
    keyword, definition = float(e.stems <= FEW_STEMS), float(e.asks == "definition")
    rows = np.stack(
        [
            e.linear, _over_others(e.linear), e.centroid, _over_others(e.centroid), e.words, e.letters,
            _over_others(nearest), e.few, e.coverage, _over_others(e.coverage), e.coverage_answer, e.title,
            e.asked > 0, e.asked < 0, e.linear >= best_linear, nearest >= best_nearest,
            np.maximum(e.linear, 0), np.maximum(nearest - 0.6, 0), e.votes[:-1], e.votes_of_three[:-1],
            e.coverage * keyword, e.title * keyword, e.linear * keyword, (e.asked > 0) * definition,
            (e.asked < 0) * float(e.asks in ONE_FACT),
        ], axis=1,
    ).astype(np.float32)  # fmt: skip
    null = np.array(
        [
            1.0, e.none_linear, e.none_nearest, e.unknown_words, e.stems <= 2, e.stems <= 1, max(0, e.stems - 8) / 8,
            best_linear, best_nearest, float(e.coverage.max(initial=0)),
            max(0.0, e.none_linear - best_linear), max(0.0, e.none_nearest - best_nearest), e.votes[-1],
            e.votes[:-1].max(initial=0), e.votes_of_three[-1], np.log1p(e.length), e.stems / 10, e.asks != "",
            definition,
            *(name in e.particular for name in understanding.PARTICULAR),
        ], dtype=np.float32,
    )  # fmt: skip
    if (m := e.meaning) is not None:
        more = (m.scores, _over_others(m.scores), m.nearest, _over_others(m.nearest))
        rows = np.concatenate([rows, np.stack(more, axis=1)], axis=1).astype(np.float32)
        score, closest = float(m.scores.max(initial=0)), float(m.nearest.max(initial=-1))
        differences = (max(0.0, m.none_score - score), max(0.0, m.none_nearest - closest))
        beyond = (m.none_score, m.none_nearest, score, closest, *differences)
        null = np.concatenate([null, np.array(beyond, dtype=np.float32)])
    return rows, null


# --- the index ---------------------------------------------------------------------------------------------------


def pack(strings: Sequence[str]) -> npt.NDArray[np.uint8]:
    """Strings without line breaks, as an array of bytes."""
    return np.frombuffer("\n".join(strings).encode(), dtype=np.uint8)


def unpack(stored: npt.NDArray[np.uint8]) -> list[str]:
    text = stored.tobytes().decode()
    return text.split("\n") if text else []


@dataclass(frozen=True, eq=False)
class Index:
    """The base as plain arrays, with thresholds bound to it by a fingerprint."""

    fingerprint: str
    slugs: tuple[str, ...]
    arrays: Mapping[str, npt.NDArray[Any]] = field(repr=False)

    def save(self, path: Path) -> None:
        """Written as npz, nothing pickled."""
        arrays = {"fingerprint": pack([self.fingerprint]), "slugs": pack(self.slugs), **self.arrays}
        # As numpy.savez_compressed does, with half of its effort: twice as fast, for 4 % more bytes.
        with ZipFile(path, "w", ZIP_DEFLATED, compresslevel=EFFORT) as file:
            for name, array in arrays.items():
                with file.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)

    @classmethod
    def load(cls, path: Path) -> Index:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files if name not in ("fingerprint", "slugs")}
            return cls(unpack(stored["fingerprint"])[0], tuple(unpack(stored["slugs"])), arrays)

    @cached_property
    def vocabulary(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(unpack(self.arrays["features"]))}

    @cached_property
    def none_names(self) -> tuple[str, ...]:
        return tuple(unpack(self.arrays["none_names"]))

    @cached_property
    def spelling(self) -> french.Spelling:
        words = unpack(self.arrays["words"])
        return french.Spelling(dict(zip(words, self.arrays["word_counts"].tolist(), strict=True)))

    @cached_property
    def judge(self) -> Judge:
        return Judge.of(self.arrays)

    @property
    def is_semantic(self) -> bool:
        """Whether it was built with an encoder, and needs it to be asked."""
        return "semantic_turn" in self.arrays

    @cached_property
    def meanings(self) -> Floats:
        """The phrasings' vectors, whitened, in the order of `class_rows`."""
        found = self.arrays["semantic_vectors"].astype(np.float32)
        return semantic.whiten(found, self.arrays["semantic_mean"], self.arrays["semantic_turn"])

    @cached_property
    def exact(self) -> dict[str, int]:
        """Entry by the very words of a phrasing."""
        return dict(zip(unpack(self.arrays["exact"]), self.arrays["exact_entry"].tolist(), strict=True))


def key(tokens: Sequence[str]) -> str:
    """What two phrasings share when they are the same words in the same order."""
    return " ".join(tokens)


def _postings(index: Index, name: str, columns: Integers, weights: Floats, size: int) -> Floats:
    """The sum, for each entry, of what these columns hold of it."""
    starts = index.arrays[name + "_starts"]
    first = starts[columns].astype(np.int64)
    lengths = starts[columns + 1] - first
    ends = np.cumsum(lengths)
    if not len(ends) or not ends[-1]:
        return np.zeros(size, dtype=np.float32)
    cells = np.arange(ends[-1]) + np.repeat(first - (ends - lengths), lengths)
    told = index.arrays[name + "_values"][cells] * np.repeat(weights, lengths)
    return np.bincount(index.arrays[name + "_owners"][cells], weights=told, minlength=size).astype(np.float32)


def evidence(
    index: Index,
    tokens: Sequence[str],
    asks: str = "",
    particular: tuple[str, ...] = (),
    vector: Floats | None = None,
) -> Evidence:
    """The raw scores of the entries that come closest to a question; `vector` is its meaning, for a semantic index."""
    a = index.arrays
    size = len(index.slugs)
    found = features(tokens)
    counts: dict[int, int] = {}
    unknown: dict[str, None] = {}
    for name in found:
        column = index.vocabulary.get(name)
        if column is not None:
            counts[column] = counts.get(column, 0) + 1
        elif name[0] == "w":
            unknown[name] = None
    columns = np.fromiter(counts, dtype=np.int32, count=len(counts))
    weights = (1 + np.log(np.fromiter(counts.values(), dtype=np.float32, count=len(counts)))) * a["idf"][columns]
    blocks = a["block"][columns]
    weights = weights.astype(np.float32)
    for block, share in enumerate(BLOCK_WEIGHTS):
        mine = blocks == block
        norm = float(np.sqrt((weights[mine] ** 2).sum()))
        if norm:
            weights[mine] *= share / norm

    stems = a["is_stem"][columns]
    stem_idf = a["idf"][columns[stems]]
    lost = len(unknown) * float(a["idf"].max(initial=1.0))
    mass = float(stem_idf.sum()) + lost

    centroid = _postings(index, "centroid", columns, weights, size)
    if "linear" in a:
        linear_all = (weights @ a["linear"][columns].astype(np.float32)) * a["linear_scale"] + a["linear_bias"]
        linear = linear_all[:size]
        none_linear = float(linear_all[size:].max(initial=-2.0))
        first = int(linear_all.argmax())
        none_class = first - size if first >= size and none_linear > 0 else -1
    else:
        linear, none_linear, none_class = np.zeros(size, dtype=np.float32), -2.0, -1
    ranking = linear + centroid
    if vector is not None:
        turned = semantic.whiten(vector[None, :], a["semantic_mean"], a["semantic_turn"])[0]
        scores = turned @ a["semantic_weights"]
        ranking = ranking + scores[:size]
    best = min(CANDIDATES, size)
    chosen = np.argpartition(-ranking, best - 1)[:best] if best else np.zeros(0, dtype=np.int64)

    dense = np.zeros(len(a["idf"]), dtype=np.float32)
    dense[columns] = weights
    bounds = [(int(a["class_rows"][entry]), int(a["class_rows"][entry + 1])) for entry in chosen.tolist()]
    bounds.append((int(a["class_rows"][size]), int(a["class_rows"][-1])))  # the none messages, together
    near_words, near_letters, few, votes, of_three = _nearest(index, dense, bounds)
    none_nearest = 0.5 * float(near_words[-1] + near_letters[-1])

    meaning = None
    if vector is not None:
        nearest = _nearest_meaning(index, turned, bounds)
        none_score = float(scores[size:].max(initial=0.0))
        meaning = Meaning(scores[chosen], nearest[:-1], none_score, float(nearest[-1]))

    coverage = _postings(index, "stems", columns[stems], stem_idf, size)[chosen] / max(mass, 1e-6)
    answer = _postings(index, "answer", columns[stems], stem_idf, size)[chosen] / max(mass, 1e-6)
    title = _postings(index, "title", columns[stems], stem_idf, size)[chosen] / max(mass, 1e-6)
    asked = np.zeros(best, dtype=np.float32)
    if asks in KINDS_OF_ANSWER:
        declared = a["answers"][chosen]
        says = np.where(declared >> KINDS_OF_ANSWER.index(asks) & 1, 1, -1)
        asked = np.where(declared == 0, 0, says).astype(np.float32)
    return Evidence(
        chosen.astype(np.int32), linear[chosen], centroid[chosen], near_words[:-1], near_letters[:-1], few[:-1],
        coverage, answer, title, asked, none_linear, none_nearest, lost / max(mass, 1e-6),
        int(stems.sum()) + len(unknown), particular, votes, of_three, len(tokens), asks, none_class, meaning,
    )  # fmt: skip


def _nearest_meaning(index: Index, turned: Floats, bounds: Sequence[tuple[int, int]]) -> Floats:
    """The cosine of each range's phrasing that is nearest in meaning."""
    rows = index.meanings
    return np.array([(rows[a:b] @ turned).max(initial=-1.0) for a, b in bounds], dtype=np.float32)


def _nearest(index: Index, dense: Floats, bounds: Sequence[tuple[int, int]]) -> Floats:
    """Five figures of each range of rows, one row a figure.

    Its closest phrasing by words, and by letters; the mean of its three closest; its share of the VOTERS phrasings
    that are closest of all, weighed by likeness; and of the three closest of all.
    """
    a = index.arrays
    starts = a["row_starts"]
    result = np.zeros((5, len(bounds)), dtype=np.float32)
    filled = [(place, first, last) for place, (first, last) in enumerate(bounds) if last > first]
    if not filled:
        return result
    spans = [(int(starts[first]), int(starts[last])) for _, first, last in filled]
    columns = np.concatenate([a["row_columns"][begin:end] for begin, end in spans])
    products = dense[columns] * np.concatenate([a["row_values"][begin:end] for begin, end in spans])
    lengths = np.concatenate([np.diff(starts[first : last + 1]) for _, first, last in filled])
    edges = np.concatenate([[0], np.cumsum(lengths)])
    both = np.add.reduceat(products, edges[:-1])
    at = 0
    for place, first, last in filled:
        likeness = both[at : at + last - first]
        best = int(likeness.argmax())
        closest = np.partition(likeness, -3)[-3:] if len(likeness) > 3 else likeness
        row = slice(edges[at + best], edges[at + best + 1])
        letters = float(products[row][a["block"][columns[row]] == LETTERS].sum())
        result[:3, place] = float(likeness[best]) - letters, letters, float(closest.sum()) / len(closest) / 2
        at += last - first
    owners = np.repeat([place for place, _, _ in filled], [last - first for _, first, last in filled])
    for figure, voters in ((3, VOTERS), (4, 3)):
        closest = np.argpartition(-both, voters - 1)[:voters] if len(both) > voters else np.arange(len(both))
        weights = np.maximum(both[closest], 0) ** 2 if voters == VOTERS else np.ones(len(closest))
        cast = np.bincount(owners[closest], weights=weights, minlength=len(bounds))
        result[figure] = cast / max(float(cast.sum()), 1e-6)
    return result


# --- the decision ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Asked:
    """One text put to the index."""

    text: str
    candidates: tuple[Candidate, ...]
    none: str = ""  # the file of none messages that it resembles most

    @property
    def confidence(self) -> float:
        return self.candidates[0].confidence if self.candidates else 0.0


@lru_cache(maxsize=4096)
def _said(phrasing: str) -> tuple[str, ...]:
    return tuple(french.plain(understanding.core(phrasing)))


def _ask(index: Index, text: str, overlay: Sequence[Material], encode: semantic.Encoder | None) -> _Asked:
    tokens = index.spelling.text(french.plain(text))
    vector = encode([text])[0] if encode is not None and index.is_semantic else None
    found = evidence(index, tokens, understanding.asks(text), understanding.particular(text), vector)
    chances = index.judge.chances(*describe(found))
    scored = {index.slugs[entry]: float(chance) for entry, chance in zip(found.entries.tolist(), chances, strict=True)}
    exact = index.exact.get(key(tokens))
    if exact is not None:
        scored[index.slugs[exact]] = max(scored.get(index.slugs[exact], 0.0), SURE)
    words = frozenset(french.content(tokens))
    for material in overlay:
        for phrasing in (material.title, *material.phrasings):
            theirs = index.spelling.text(_said(phrasing))
            if theirs == tokens:
                likeness = SURE
            else:
                other = frozenset(french.content(theirs))
                likeness = 0.9 * len(words & other) / max(1, len(words | other))
            if likeness > max(NEAR, scored.get(material.slug, 0.0)):
                scored[material.slug] = likeness
    best = sorted(scored.items(), key=lambda item: (-item[1], item[0]))[:5]
    if best and best[0][1] >= SURE:
        best = [best[0], *((slug, min(chance, 1 - SURE)) for slug, chance in best[1:])]
    none = index.none_names[found.none_class] if found.none_class >= 0 else ""
    return _Asked(text, tuple(Candidate(slug, round(chance, 4)) for slug, chance in best), none)


def _decide(index: Index, asked: _Asked) -> Part:
    answer, offer, least = (float(t) for t in index.arrays["thresholds"])
    top = asked.candidates[:3]
    if asked.confidence >= answer:
        return Part(asked.text, "answer", (top[0].slug,), asked.confidence, asked.candidates)
    if sum(c.confidence for c in top) >= offer:
        offered = [c for n, c in enumerate(top) if n < 2 or c.confidence >= least]
        return Part(asked.text, "clarify", tuple(c.slug for c in offered), asked.confidence, asked.candidates)
    return Part(asked.text, "escalate", (), asked.confidence, asked.candidates)


_CHAT_ONLY = frozenset({"hello", "thanks", "bye", "how", "yes", "laugh", "test", "rude", "empty", "person"})


def match(
    index: Index,
    text: str,
    *,
    channel: str = "web",
    overlay: Sequence[Material] = (),
    encode: semantic.Encoder | None = None,
) -> Match:
    """Decides about a message: each of its questions, at most three, then the whole.

    1. Small talk and other languages are not put to the base.
    2. The whole message without its courtesies, and each question that it asks, are scored apart.
    3. Several questions that are all surely known: all their entries are given. One known and another not: choices.
       Several words whose meaning is asked count as several questions when the base surely explains each of them.
    `why` of what is passed on names the file of none messages that it resembles ("none: administrations").
    `overlay` holds what was published since the index was built; its very words are answered.
    `encode`: the encoder that a semantic index was built with; without it such an index raises ValueError.
    """
    if index.is_semantic and encode is None:
        raise ValueError("this index was built with an encoder, and none is given")
    u = understanding.understand(text)

    def closed(why: str) -> Match:
        return Match("escalate", (), 0.0, (), (), why, u.smalltalk, u.distress, u.language, u.asks)

    if u.smalltalk in _CHAT_ONLY:
        return closed("smalltalk")
    if u.language != "fr":
        return closed("language")
    explained = [_decide(index, _ask(index, term, overlay, encode)) for term in u.terms]
    if explained and _each_explained(index, explained):
        meant = {candidate.slug: candidate for part in explained for candidate in part.candidates[:1]}
        surest = tuple(sorted(meant.values(), key=lambda c: (-c.confidence, c.slug)))
        least = min(part.confidence for part in explained)
        return _told("answer", tuple(meant), surest, least, tuple(explained), "several words", u)
    asked = _ask(index, u.core, overlay, encode)
    whole = _decide(index, asked)
    if whole.confidence < SURE and (told := _named_together(index, u.topics, whole, overlay, encode)):
        entries = tuple(part.entries[0] for part in told)
        surest = tuple(sorted((part.candidates[0] for part in told), key=lambda c: (-c.confidence, c.slug)))
        return _told("answer", entries, surest, min(part.confidence for part in told), told, "several topics", u)
    parts = [_decide(index, _ask(index, question, overlay, encode)) for question in u.questions if question != u.core]
    if len(parts) < 2:
        best = max([whole, *parts], key=lambda part: part.confidence)
        if best.decision == "escalate" and asked.none:
            return _told("escalate", (), best.candidates, best.confidence, (best,), f"none: {asked.none}", u)
        return _told(best.decision, best.entries, best.candidates, best.confidence, (best,), "one question", u)
    given = tuple(dict.fromkeys(slug for part in parts for slug in part.entries))
    merged: dict[str, float] = {}
    for part in (*parts, whole):
        for candidate in part.candidates[:3]:
            merged[candidate.slug] = max(merged.get(candidate.slug, 0.0), candidate.confidence)
    candidates = tuple(Candidate(s, c) for s, c in sorted(merged.items(), key=lambda item: (-item[1], item[0]))[:5])
    if all(part.decision == "answer" for part in parts):
        return _told(
            "answer", given, candidates, min(p.confidence for p in parts), tuple(parts), "several questions", u
        )
    if whole.decision == "answer":
        if open_ := _left_open(parts, whole):
            offered = (*whole.entries, open_)[:3]
            return _told("clarify", offered, candidates, whole.confidence, tuple(parts), "half of the message", u)
        return _told("answer", whole.entries, whole.candidates, whole.confidence, tuple(parts), "the whole message", u)
    if any(part.decision != "escalate" for part in (*parts, whole)):
        offered = tuple(c.slug for c in candidates[:3])
        return _told("clarify", offered, candidates, candidates[0].confidence, tuple(parts), "several questions", u)
    return _told("escalate", (), candidates, candidates[0].confidence, tuple(parts), "several questions", u)


def _named_together(
    index: Index, topics: Sequence[str], whole: Part, overlay: Sequence[Material], encode: semantic.Encoder | None
) -> tuple[Part, ...]:
    """A part for each subject that a message names, if each is surely known and the whole is no subject of its own."""
    parts = tuple(_decide(index, _ask(index, topic, overlay, encode)) for topic in topics)
    given = {part.entries[0] for part in parts if part.decision == "answer"}
    own = whole.decision == "answer" and whole.entries[0] not in given
    return parts if len(given) == len(parts) and not own else ()


def _left_open(parts: Sequence[Part], whole: Part) -> str:
    """The entry that may answer the question of a message that the answer to the whole leaves aside; "" for none."""
    for part in parts:
        if part.decision == "clarify" and part.candidates[0].slug not in whole.entries:
            return part.candidates[0].slug
    return ""


def _each_explained(index: Index, parts: Sequence[Part]) -> bool:
    """Whether every part is answered, each by an entry of its own that says what a word means."""
    slugs = [part.entries[0] for part in parts if part.decision == "answer"]
    return len(slugs) == len(parts) == len(set(slugs)) and all(_says_meaning(index, slug) for slug in slugs)


def _says_meaning(index: Index, slug: str) -> bool:
    if slug not in index.slugs:  # published since the index was built
        return True
    declared = int(index.arrays["answers"][index.slugs.index(slug)])
    return not declared or bool(declared >> KINDS_OF_ANSWER.index("definition") & 1)


def _told(
    decision: Decision, entries: tuple[str, ...], candidates: tuple[Candidate, ...], confidence: float,
    parts: tuple[Part, ...], why: str, u: understanding.Understanding,
) -> Match:  # fmt: skip
    return Match(decision, entries, confidence, candidates, parts, why, u.smalltalk, u.distress, u.language, u.asks)
