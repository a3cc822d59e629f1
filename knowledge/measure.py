"""Measures the matcher on questions whose right entries are known: tables, reliability, and a curve."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from time import perf_counter
from typing import Any

from knowledge.matching import Match

Ask = Callable[[str, str], Match]  # text, channel


@dataclass(frozen=True)
class Outcome:
    """One question asked, and how it went: right, wrong, offered (a right one among the choices), missed, escalated."""

    identity: str
    text: str
    style: str
    channel: str
    scope: str
    kind: str
    gold: frozenset[str]
    alt: frozenset[str]
    all_wanted: bool
    match: Match
    milliseconds: float

    @property
    def known(self) -> bool:
        return bool(self.gold)

    @property
    def acceptable(self) -> frozenset[str]:
        return self.gold | self.alt

    def is_right(self, entries: Sequence[str]) -> bool:
        """No entry outside gold and alt, and all of gold where all is wanted."""
        given = frozenset(entries)
        return bool(given) and given <= self.acceptable and (not self.all_wanted or self.gold <= given)

    @property
    def verdict(self) -> str:
        if self.match.decision == "answer":
            return "right" if self.known and self.is_right(self.match.entries) else "wrong"
        if self.match.decision == "clarify":
            return "offered" if self.known and self.acceptable & set(self.match.entries) else "missed"
        return "escalated"

    @property
    def first_is_right(self) -> bool:
        best = self.match.candidates[:1]
        return self.known and bool(best) and best[0].slug in self.acceptable


def wilson(good: float, of: float, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a share (E. B. Wilson, 1927)."""
    if not of:
        return 0.0, 1.0
    share = good / of
    centre = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return max(0.0, centre - half), min(1.0, centre + half)


def _share(good: int, of: int) -> str:
    if not of:
        return "-"
    low, high = wilson(good, of)
    return f"{100 * good / of:.1f} % [{100 * low:.0f}-{100 * high:.0f}] ({good}/{of})"


def _percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


@dataclass(frozen=True)
class Report:
    """What was measured; questions not in French stand apart and count nowhere else."""

    outcomes: tuple[Outcome, ...]
    foreign: tuple[Outcome, ...] = ()
    left_out: int = 0

    def count(self, verdict: str, outcomes: Iterable[Outcome] | None = None) -> int:
        return sum(o.verdict == verdict for o in (self.outcomes if outcomes is None else outcomes))

    @property
    def known(self) -> tuple[Outcome, ...]:
        return tuple(o for o in self.outcomes if o.known)

    @property
    def unknown(self) -> tuple[Outcome, ...]:
        return tuple(o for o in self.outcomes if not o.known)

    @property
    def precision(self) -> float:
        right, wrong = self.count("right"), self.count("wrong")
        return right / (right + wrong) if right + wrong else 1.0

    @property
    def answered(self) -> float:
        """Share of the base's questions that were answered by themselves, rightly or not."""
        return sum(o.match.decision == "answer" for o in self.known) / len(self.known) if self.known else 0.0

    @property
    def answered_or_offered(self) -> float:
        """Share of the base's questions answered rightly, or with a right entry among the choices."""
        return sum(o.verdict in ("right", "offered") for o in self.known) / len(self.known) if self.known else 0.0

    def latency(self) -> tuple[float, float]:
        """Milliseconds a question, at the 50th and 95th percentile."""
        times = [o.milliseconds for o in (*self.outcomes, *self.foreign)]
        return _percentile(times, 0.5), _percentile(times, 0.95)

    def bars(self) -> list[tuple[str, str, bool]]:
        """The bars of the project: what, measured, kept or not."""
        unknown = {
            scope: [o for o in self.unknown if o.scope == scope] for scope in sorted({o.scope for o in self.unknown})
        }
        right, wrong = self.count("right"), self.count("wrong")
        taken = sum(o.match.decision == "answer" for o in self.known)
        held = sum(o.verdict in ("right", "offered") for o in self.known)
        lines = [
            ("réponses automatiques justes >= 97 %", _share(right, right + wrong), self.precision >= 0.97),
            ("questions de la base répondues >= 80 %", _share(taken, len(self.known)), self.answered >= 0.80),
            ("répondues ou proposées >= 95 %", _share(held, len(self.known)), self.answered_or_offered >= 0.95),
        ]
        allowed = {"out-far": 0.0, "out-near": 1 / 29, "out-indomain": 6 / 45}
        for scope, outcomes in unknown.items():
            n = sum(o.match.decision == "answer" for o in outcomes)
            limit = allowed.get(scope, 0.0)
            kept = n <= max(limit * len(outcomes), 1 if limit else 0)
            lines.append((f"inconnues répondues, {scope} <= {limit:.0%}", _share(n, len(outcomes)), kept))
        far = unknown.get("out-far", [])
        offered = sum(o.match.decision == "clarify" for o in far)
        lines.append(("choix proposés, out-far <= 20 %", _share(offered, len(far)), offered <= 0.2 * len(far)))
        return lines

    def reliability(
        self, steps: Sequence[float] = (0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.98)
    ) -> list[tuple[float, float, int, float, float]]:
        """For each band of said confidence: from, to, how many, mean said, share right."""
        bands = []
        for low, high in zip(steps, (*steps[1:], 1.0001), strict=True):
            inside = [o for o in self.outcomes if o.match.candidates and low <= o.match.candidates[0].confidence < high]
            if inside:
                said = sum(o.match.candidates[0].confidence for o in inside) / len(inside)
                bands.append(
                    (low, min(high, 1.0), len(inside), said, sum(o.first_is_right for o in inside) / len(inside))
                )
        return bands

    def curve(self) -> list[tuple[float, float, float]]:
        """Coverage of the base's questions, precision and confidence, from the surest question down."""
        ranked = sorted(
            (o for o in self.outcomes if o.match.candidates), key=lambda o: -o.match.candidates[0].confidence
        )
        points, right, known = [], 0, 0
        total = max(1, len(self.known))
        for n, outcome in enumerate(ranked, 1):
            right += outcome.first_is_right
            known += outcome.known
            points.append((known / total, right / n, outcome.match.candidates[0].confidence))
        return points

    def text(self) -> str:
        """The whole report, as tables in plain text."""
        fast, slow = self.latency()
        lines = [
            f"{len(self.outcomes)} questions : {len(self.known)} de la base, {len(self.unknown)} inconnues ; "
            f"{len(self.foreign)} dans une autre langue ; {self.left_out} laissées de côté",
            f"{fast:.1f} ms (médiane), {slow:.1f} ms (p95)",
            "",
        ]
        lines += [f"{'oui' if kept else 'NON'}  {what:<48} {measured}" for what, measured, kept in self.bars()]
        first = sum(o.first_is_right for o in self.known)
        lines += ["", f"bonne fiche en tête : {_share(first, len(self.known))}", ""]
        head = f"{'':<22}{'n':>5} {'juste':>6} {'faux':>6} {'choix+':>7} {'choix-':>7} {'transmis':>9}   justes"
        for title, of in (("portée", "scope"), ("style", "style"), ("canal", "channel"), ("genre de fiche", "kind")):
            lines.append(f"{title}\n{head}")
            groups: dict[str, list[Outcome]] = {}
            for outcome in self.outcomes:
                groups.setdefault(str(getattr(outcome, of)) or "-", []).append(outcome)
            for name in sorted(groups):
                group = groups[name]
                counts = {v: self.count(v, group) for v in ("right", "wrong", "offered", "missed", "escalated")}
                lines.append(
                    f"  {name:<20}{len(group):>5} {counts['right']:>6} {counts['wrong']:>6} {counts['offered']:>7} "
                    f"{counts['missed']:>7} {counts['escalated']:>9}   "
                    + _share(counts["right"], counts["right"] + counts["wrong"])
                )
            lines.append("")
        lines.append("fiabilité : dit -> juste")
        for low, high, n, said, right in self.reliability():
            lines.append(
                f"  {low:.2f}-{high:.2f}  {n:>4} questions   dit {100 * said:.0f} %   juste {100 * right:.0f} %"
            )
        if self.foreign:
            answered = sum(o.match.decision == "answer" for o in self.foreign)
            heard = sum(o.match.language != "fr" for o in self.foreign)
            lines += [
                "",
                f"autres langues : {len(self.foreign)}, reconnues {heard}, répondues {answered}",
            ]
        return "\n".join(lines) + "\n"

    def svg(self, width: int = 640, height: int = 420) -> str:
        """Coverage against precision; the point is where the hotline stands."""
        left, top, right, bottom = 64, 40, 24, 56
        floor = 0.8
        inner, tall = width - left - right, height - top - bottom

        def at(coverage: float, precision: float) -> tuple[float, float]:
            return left + inner * coverage, top + tall * (1 - (max(precision, floor) - floor) / (1 - floor))

        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
            'font-family="sans-serif" font-size="13">',
            "<title>Couverture et justesse</title>",
            f'<rect width="{width}" height="{height}" fill="#fff"/>',
            f'<text x="{left}" y="24" font-size="15" fill="#222">Questions répondues, réponses justes</text>',
        ]
        for step in range(6):
            precision, coverage = floor + step * (1 - floor) / 5, step / 5
            _, y = at(0, precision)
            x, _ = at(coverage, 1)
            parts.append(f'<line x1="{left}" y1="{y:.1f}" x2="{width - right}" y2="{y:.1f}" stroke="#ddd"/>')
            parts.append(
                f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end" fill="#444">{100 * precision:.0f} %</text>'
            )
            parts.append(
                f'<text x="{x:.1f}" y="{height - bottom + 20}" text-anchor="middle" fill="#444">'
                f"{100 * coverage:.0f} %</text>"
            )
        _, bar = at(0, 0.97)
        parts.append(
            f'<line x1="{left}" y1="{bar:.1f}" x2="{width - right}" y2="{bar:.1f}" stroke="#b00020" '
            'stroke-dasharray="5 4"/>'
        )
        parts.append(f'<text x="{width - right}" y="{bar - 5:.1f}" text-anchor="end" fill="#b00020">97 %</text>')
        points = " ".join("{:.1f},{:.1f}".format(*at(coverage, precision)) for coverage, precision, _ in self.curve())
        parts.append(f'<polyline points="{points}" fill="none" stroke="#0b5394" stroke-width="2"/>')
        x, y = at(self.answered, self.precision)
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="#0b5394"/>')
        label = f"{100 * self.answered:.0f} % répondues, {100 * self.precision:.1f} % justes"
        parts.append(f'<text x="{x - 10:.1f}" y="{y + 22:.1f}" text-anchor="end" fill="#0b5394">{escape(label)}</text>')
        parts.append(
            f'<text x="{left + inner / 2:.0f}" y="{height - 12}" text-anchor="middle" fill="#222">'
            "questions de la base répondues sans personne</text>"
        )
        return "\n".join([*parts, "</svg>"]) + "\n"


def measure(
    lines: Iterable[str | Mapping[str, Any]], ask: Ask, kinds: Mapping[str, str], aliases: Mapping[str, str]
) -> Report:
    """Asks every question of the lines; `kinds` by slug, `aliases` by alias; an alias counts as its entry.

    A line: `q` (or `text`), `gold`, `alt`, `gold_mode` (any, all, none), `scope`, `style`, `channel`; lines with
    `limite` are left out; those in another language (`style` english, or `language`) are reported apart.
    """
    outcomes: list[Outcome] = []
    foreign: list[Outcome] = []
    left_out = 0
    for number, raw in enumerate(lines, 1):
        if isinstance(raw, str):
            if not raw.strip():
                continue
            line: Mapping[str, Any] = json.loads(raw)
        else:
            line = raw
        if line.get("limite"):
            left_out += 1
            continue
        text, channel = str(line.get("q") or line.get("text") or ""), str(line.get("channel") or "web")
        gold, alt = (frozenset(aliases.get(s, s) for s in line.get(field) or ()) for field in ("gold", "alt"))
        started = perf_counter()
        match = ask(text, channel)
        spent = (perf_counter() - started) * 1000
        kind = kinds.get(min(gold), "?") if gold else ""
        style = str(line.get("style") or "")
        outcome = Outcome(
            str(line.get("id") or number), text, style, channel, str(line.get("scope") or ""), kind, gold, alt,
            line.get("gold_mode") == "all", match, spent,
        )  # fmt: skip
        other = style in ("english", "foreign") or str(line.get("language") or "fr") != "fr"
        (foreign if other else outcomes).append(outcome)
    return Report(tuple(outcomes), tuple(foreign), left_out)
