"""Measure, print a table, and write it to the pages of docs/bench."""

import argparse
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from html import escape
from importlib import import_module
from pathlib import Path
from textwrap import fill

import psutil

from tests.bench.installation import Row

MEASURES = {  # with the page that each writes to; imported when asked for, since each leans on packages of its own
    "answers": "mailbox",
    "reminders": "mailbox",
    "footprint": "mailbox",
    "crash": "mailbox",
    "matching": "matching",
    "labour": "matching",
    "channels": "channels",
    "pages": "pages",
}
HOW = {
    "matching": (
        "Every fifth entry is left out (its questions are unknown), every fifth phrasing of the others is asked, with "
        "a fifth of the messages that no entry answers. All methods learn the same phrasings and get the same "
        "questions, in one process. Phrasings stray from the title on purpose: these questions are harder than "
        "residents' own. « Answered at 95 % right » takes the best threshold in hindsight, for every method alike. "
        "Beyond our own entries the base is synthetic: latency, memory and index time only (at 100,000 entries, "
        "3 phrasings each)."
    ),
    "labour": (
        "273 labour-law matters with phrasings typed by real people; phrasings held out by folds, whole matters held "
        "out as unknowns (15 % of the traffic) with small talk (15 %). Thresholds come from half of the matters at "
        "95 % right and are measured on the other half, mean of 20 splits. An unknown matter may share its official "
        "page with one that is known: both ways of counting that answer are shown."
    ),
}
TITLES = {
    "mailbox": "What the mailbox can do, measured",
    "matching": "What the matcher can do, measured",
    "channels": "Each channel through its peer, measured",
    "pages": "How long the pages of the desk take, measured",
}
DOCS = Path(__file__).parents[2] / "docs/bench"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MEASURES))
    parser.add_argument("--quick", action="store_true", help="a tenth of it, in a few minutes")
    parser.add_argument("--no-write", action="store_true", help="print only")
    told = parser.parse_args()
    if unknown := set(told.names) - MEASURES.keys():
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    found: dict[str, list[Row]] = {}
    for name in told.names or MEASURES:
        found[name] = []
        for row in measure(name)(told.quick):
            print(" | ".join(("", row.what, row.where, row.figure, row.demand, _mark(row), "")).strip(), flush=True)
            found[name].append(row)
    if not told.no_write:
        for page in sorted({MEASURES[name] for name in found}):
            _write(page, found, told.quick)


def measure(name: str) -> Callable[[bool], Iterator[Row]]:
    run: Callable[[bool], Iterator[Row]] = import_module(f"tests.bench.{name}").run
    return run


def _mark(row: Row) -> str:
    return "" if row.good is None else "yes" if row.good else "NO"


def table(rows: list[Row]) -> str:
    head = "| measured | where | figure | demand | met |\n|---|---|---|---|---|\n"
    return head + "".join(f"| {r.what} | {r.where} | {r.figure} | {r.demand} | {_mark(r)} |\n" for r in rows)


def _write(page: str, found: dict[str, list[Row]], quick: bool) -> None:
    """Each measure is a section between marks of its own, so that one can be taken again alone."""
    DOCS.mkdir(parents=True, exist_ok=True)
    path = DOCS / f"{page}.md"
    old = path.read_text("utf-8") if path.exists() else ""
    load = os.getloadavg()[1] / (os.cpu_count() or 1)
    machine = f"{os.cpu_count()} shared cores, {psutil.virtual_memory().total / 2**30:.0f} GB of memory"
    parts = [f'# {TITLES[page]}\n\n`make bench` measures it again (`make bench ARGS="NAME --quick"` chooses).\n']
    if page == "mailbox" and ("answers" in found or (DOCS / "answers.svg").exists()):
        parts.append("![How long an answer takes at 50 messages a second](answers.svg)\n")
    if page == "matching" and ("matching" in found or (DOCS / "matching.svg").exists()):
        parts.append("![Questions answered while 95 of 100 answers are right](matching.svg)\n")
    for name in (each for each, where in MEASURES.items() if where == page):
        begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
        if name in found:
            day = datetime.now(UTC).date().isoformat()
            size = "a short run" if quick else "the full run"
            said = f"{day}, {machine}, {size}; load around the measure: {load:.1f} a core."
            how = f"{fill(HOW[name], 120)}\n\n" if name in HOW else ""
            parts.append(f"{begin}## {name.capitalize()}\n\n{said}\n\n{how}{table(found[name])}{end}")
        elif begin in old:
            parts.append(begin + old.partition(begin)[2].partition(end)[0] + end)
    path.write_text("\n".join(parts), "utf-8")
    if page == "mailbox" and "answers" in found:
        (DOCS / "answers.svg").write_text(picture(found["answers"]), "utf-8")
    if page == "matching" and "matching" in found:
        (DOCS / "matching.svg").write_text(coverage_picture(found["matching"]), "utf-8")
    print(f"\n{path}")


def picture(rows: list[Row]) -> str:
    """Bars with their figures beside them: the p95 of an answer, ours and the others'."""
    bars = [(r.where, float(r.figure.split()[0])) for r in rows if r.what == "answer with the provider at 50/s, p95"]
    most = max((value for _, value in bars), default=1.0) or 1.0
    lines = []
    for number, (where, value) in enumerate(bars):
        y = 60 + number * 34
        ours = "," not in where
        name = f"hotline, {where}" if ours else f"{where.split(', ')[1]}, {where.split(', ')[0]}"
        lines.append(
            f'<text x="188" y="{y + 16}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="200" y="{y}" width="{max(2, 300 * value / most):.0f}" height="22" rx="3" '
            f'fill="{"#0b5d5b" if ours else "#b8862b"}"/>'
            f'<text x="{208 + max(2, 300 * value / most):.0f}" y="{y + 16}">{value:.0f} ms</text>'
        )
    height = 76 + 34 * len(bars)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 {height}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="14" fill="#1d2b2a">'
        f"<title>How long an answer takes at 50 messages a second</title>"
        f'<rect width="600" height="{height}" fill="#fbf9f4"/>'
        f'<text x="20" y="28" font-weight="600">Answer with the provider: 95 of 100 within (50 a second)</text>'
        f"{''.join(lines)}</svg>\n"
    )


def coverage_picture(rows: list[Row]) -> str:
    """Bars with their figures beside them: how much each method answers while 95 of 100 answers are right."""
    lines, y, before = [], 30, ""
    for row in rows:
        if row.what != "answered at 95 % right":
            continue
        trial, _, method = row.where.partition(", ")
        if trial != before:
            y += 40 if before else 30
            lines.append(f'<text x="20" y="{y}" font-weight="600">{escape(trial.capitalize())}</text>')
            y, before = y + 14, trial
        value = float(row.figure.split()[0])
        ours = method.startswith("this")
        lines.append(
            f'<text x="228" y="{y + 16}" text-anchor="end">{escape(method)}</text>'
            f'<rect x="240" y="{y}" width="{max(2, 280 * value / 100):.0f}" height="22" rx="3" '
            f'fill="{"#0b5d5b" if ours else "#b8862b"}"/>'
            f'<text x="{248 + max(2, 280 * value / 100):.0f}" y="{y + 16}">{value:.0f} %</text>'
        )
        y += 30
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 {y + 16}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="14" fill="#1d2b2a">'
        f"<title>Questions answered while 95 of 100 answers are right</title>"
        f'<rect width="600" height="{y + 16}" fill="#fbf9f4"/>'
        f'<text x="20" y="28" font-weight="600">Known questions answered while 95 of 100 answers are right</text>'
        f"{''.join(lines)}</svg>\n"
    )


if __name__ == "__main__":
    main()
