"""The matcher beside what a Python developer would pick: the same questions, the same phrasings, one process."""

import json
import multiprocessing
import random
import resource
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

import bm25s
import numpy as np
from rapidfuzz import fuzz, process, utils
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_union
from sklearn.svm import LinearSVC

from channels.sms import gsm
from knowledge import french, indexer, matching, seed, semantic, training
from knowledge.matching import Material
from tests.bench.installation import SHARED, Row

HELD_OUT = 5  # every fifth phrasing is a question, and every fifth entry is unknown
SIZES = (264, 1_000, 10_000, 100_000)
Answer = tuple[str, float]  # the entry, and how sure


@dataclass(frozen=True)
class Trial:
    """What is known, what is asked, and the right entry of each question (empty: none)."""

    name: str
    known: tuple[Material, ...]
    none: dict[str, list[str]]
    asked: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Method:
    """One way to find the entry: `fit` makes a function from a question to an answer."""

    name: str
    fit: Callable[[Trial], Callable[[str], Answer]]


def phrased(trial: Trial) -> tuple[list[str], list[str]]:
    texts = [(text, each.slug) for each in trial.known for text in (each.title, *each.phrasings)]
    return [text for text, _ in texts], [slug for _, slug in texts]


def by_ratio(scorer: Callable[..., float]) -> Callable[[Trial], Callable[[str], Answer]]:
    def fit(trial: Trial) -> Callable[[str], Answer]:
        texts, owners = phrased(trial)
        texts = [utils.default_process(text) for text in texts]

        def ask(question: str) -> Answer:
            found = process.extractOne(utils.default_process(question), texts, scorer=scorer)
            return (owners[found[2]], found[1] / 100) if found else ("", 0.0)

        return ask

    return fit


def stems(text: str) -> list[str]:
    return [french.stem(word) for word in french.content(french.words(text))]


def by_bm25(trial: Trial) -> Callable[[str], Answer]:
    texts, owners = phrased(trial)
    index = bm25s.BM25()
    index.index([stems(text) or [""] for text in texts], show_progress=False)

    def ask(question: str) -> Answer:
        words = stems(question)
        if not words:
            return "", 0.0
        found, scores = index.retrieve([words], k=1, show_progress=False)
        return owners[int(found[0, 0])], float(scores[0, 0])

    return ask


def by_fts5(trial: Trial) -> Callable[[str], Answer]:
    base = sqlite3.connect(":memory:")
    base.execute("CREATE VIRTUAL TABLE phrasing USING fts5(words, owner UNINDEXED)")
    texts, owners = phrased(trial)
    rows = [(" ".join(stems(text)), owner) for text, owner in zip(texts, owners, strict=True)]
    base.executemany("INSERT INTO phrasing VALUES (?, ?)", rows)

    def ask(question: str) -> Answer:
        words = " OR ".join(f'"{word}"' for word in stems(question))
        query = "SELECT owner, -rank FROM phrasing WHERE phrasing MATCH ? ORDER BY rank LIMIT 1"
        found = base.execute(query, (words,)).fetchone() if words else None
        return (str(found[0]), float(found[1])) if found else ("", 0.0)

    return ask


def by_svc(trial: Trial) -> Callable[[str], Answer]:
    texts, owners = phrased(trial)
    none = [text for messages in trial.none.values() for text in messages]
    features = make_union(
        TfidfVectorizer(sublinear_tf=True, strip_accents="unicode"),
        TfidfVectorizer(sublinear_tf=True, strip_accents="unicode", analyzer="char_wb", ngram_range=(2, 4)),
    )
    model = LinearSVC().fit(features.fit_transform(texts + none), owners + [""] * len(none))

    def ask(question: str) -> Answer:
        scores = model.decision_function(features.transform([question]))[0]
        best = int(np.argmax(scores))
        return str(model.classes_[best]), float(scores[best])

    return ask


def by_ours(trial: Trial) -> Callable[[str], Answer]:
    index = training.build(trial.known, trial.none)

    def ask(question: str) -> Answer:
        found = matching.match(index, question)
        best = found.candidates[0] if found.candidates else None
        return (best.slug, best.confidence) if best else ("", 0.0)

    return ask


def by_ours_with_meanings(trial: Trial) -> Callable[[str], Answer]:
    encode = semantic.load()
    index = training.build(trial.known, trial.none, encode=encode)

    def ask(question: str) -> Answer:
        found = matching.match(index, question, encode=encode)
        best = found.candidates[0] if found.candidates else None
        return (best.slug, best.confidence) if best else ("", 0.0)

    return ask


METHODS = (
    Method("this matcher", by_ours),
    *([Method("this matcher, semantic extra", by_ours_with_meanings)] if semantic.installed() else []),
    Method("rapidfuzz WRatio", by_ratio(fuzz.WRatio)),
    Method("rapidfuzz token_set_ratio", by_ratio(fuzz.token_set_ratio)),
    Method("bm25s, French stems", by_bm25),
    Method("SQLite FTS5, French stems", by_fts5),
    Method("TF-IDF + LinearSVC", by_svc),
)


def held_out(name: str, entries: Sequence[Material], none: dict[str, list[str]]) -> Trial:
    """Every fifth entry is unknown, every fifth phrasing of the others is asked, and a fifth of the none messages."""
    chance = random.Random(7)
    order = sorted(entries, key=lambda each: each.slug)
    chance.shuffle(order)
    unknown, known, asked = order[::HELD_OUT], [], []
    for each in order:
        if each in unknown:
            asked += [(text, "") for text in chance.sample(each.phrasings, min(3, len(each.phrasings)))]
            continue
        texts = list(each.phrasings)
        chance.shuffle(texts)
        cut = max(1, len(texts) // HELD_OUT)
        asked += [(text, each.slug) for text in texts[:cut]]
        known.append(replace(each, phrasings=tuple(texts[cut:])))
    kept = {kind: [m for n, m in enumerate(messages) if n % HELD_OUT] for kind, messages in none.items()}
    asked += [(m, "") for messages in none.values() for n, m in enumerate(messages) if n % HELD_OUT == 0]
    return Trial(name, tuple(known), kept, tuple(asked))


def our_base() -> Trial:
    read = seed.read_folder(seed.CONTENT, gsm.length)
    return held_out("our base", [indexer.material(each.content) for each in read if each.content], seed.none_messages())


def labour_law() -> Trial:
    lines = (SHARED / "labour_law.jsonl").read_text("utf-8").splitlines()
    chat = [json.loads(line)["text"] for line in (SHARED / "smalltalk.jsonl").read_text("utf-8").splitlines()]
    found = [json.loads(line) for line in lines]
    matters = [Material(m["id"], "practical", m["title"], phrasings=tuple(m["phrasings"])) for m in found]
    return held_out("labour law", [m for m in matters if len(m.phrasings) > 1], {"bavardage": chat})


def coverage(scored: Sequence[tuple[float, bool, bool]], wanted: float) -> tuple[float, float]:
    """Share of known questions answered while `wanted` of the answers are right, and of unknown ones then."""
    order = sorted(scored, key=lambda each: -each[0])
    right, best = 0, 0
    for count, (_, good, _) in enumerate(order, 1):
        right += good
        if right / count >= wanted:
            best = count
    known, unknown = sum(k for _, _, k in scored), sum(not k for _, _, k in scored)
    answered = order[:best]
    return sum(k for _, _, k in answered) / known, sum(not k for _, _, k in answered) / max(unknown, 1)


def run(quick: bool) -> Iterator[Row]:
    trials = [our_base()]
    if (SHARED / "labour_law.jsonl").is_file():
        trials.append(labour_law())
    for trial in trials:
        asked = trial.asked[:: 5 if quick else 1]
        for method in METHODS:
            yield from _measure(trial, method, asked)
    yield from sizes(quick)


def _measure(trial: Trial, method: Method, asked: Sequence[tuple[str, str]]) -> Iterator[Row]:
    began = time.perf_counter()
    ask = method.fit(trial)
    made = time.perf_counter() - began
    scored, spent, first = [], [], 0
    for question, gold in asked:
        began = time.perf_counter()
        slug, sure = ask(question)
        spent.append(1000 * (time.perf_counter() - began))
        good = bool(gold) and slug == gold
        first += good
        scored.append((sure if slug else 0.0, good, bool(gold)))
    known = sum(bool(gold) for _, gold in asked)
    at95, at98 = coverage(scored, 0.95), coverage(scored, 0.98)
    spent.sort()
    where = f"{trial.name}, {method.name}"
    del ask
    yield Row("right first", where, f"{100 * first / known:.1f} %", "", None)
    yield Row("answered at 95 % right", where, f"{100 * at95[0]:.0f} % (unknown {100 * at95[1]:.0f} %)", "", None)
    yield Row("answered at 98 % right", where, f"{100 * at98[0]:.0f} % (unknown {100 * at98[1]:.0f} %)", "", None)
    p50, p95 = statistics.median(spent), spent[int(0.95 * len(spent))]
    yield Row("a question, p50 / p95", where, f"{p50:.1f} / {p95:.1f} ms", "", None)
    yield Row("index", where, f"{made:.1f} s", "", None)


def sizes(quick: bool) -> Iterator[Row]:
    """Latency, memory and index time of ours at more entries than we have: synthetic ones, made of real words."""
    for size in SIZES[: 2 if quick else 4]:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            made, spent, memory, building = pool.submit(_at_size, size).result()
        most = 10 if size <= 264 else 30
        p95 = spent[int(0.95 * len(spent))]
        held = size <= 10_000
        where = f"this matcher, {size} entries"
        demand = f"p95 ≤ {most} ms" if held else ""
        figure = f"{statistics.median(spent):.1f} / {p95:.1f} ms"
        yield Row("a question, p50 / p95", where, figure, demand, p95 <= most if held else None)
        limit = 10 if size <= 264 else 60
        yield Row("index", where, f"{made:.0f} s", f"≤ {limit} s" if held else "", made <= limit if held else None)
        yield Row(
            "memory: of the index, at most while building", where, f"{memory:.0f} MB, {building:.0f} MB", "", None
        )


FEW = 3  # phrasings of a synthetic entry at the largest size; 12 at the others


def _at_size(size: int) -> tuple[float, list[float], float, float]:
    """Seconds to build, milliseconds of each question in order, megabytes of the index and at most of the builder."""
    base = our_base()
    trial = replace(base, known=tuple(_made(base.known, size)))
    began = time.perf_counter()
    index = training.build(trial.known, trial.none)
    made = time.perf_counter() - began
    # ru_maxrss is in kilobytes on Linux; the largest of the pool's own processes comes on top.
    own, children = (
        resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    spent = []
    for question, _ in base.asked[:300]:
        began = time.perf_counter()
        matching.match(index, question)
        spent.append(1000 * (time.perf_counter() - began))
    return made, sorted(spent), sum(a.nbytes for a in index.arrays.values()) / 1e6, own + children


def _made(known: Sequence[Material], size: int) -> Iterator[Material]:
    chance = random.Random(3)
    words = sorted({word for each in known for text in each.phrasings for word in text.split()})
    yield from known[:size]
    for number in range(len(known), size):
        like = chance.choice(known)
        texts = tuple(
            " ".join(chance.choice(words) if chance.random() < 0.5 else word for word in text.split())
            for text in like.phrasings[: FEW if size > 10_000 else 12]
        )
        yield Material(f"made-{number}", "practical", texts[0], phrasings=texts, answer=texts[-1])
