"""How reliable the automatic answers are: counted, told without showing small numbers, and drawn; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

FEW = 5  # a smaller number could tell about one person: it is not shown


@dataclass(frozen=True)
class Count:
    """Automatic answers, each in one place: corrected afterwards, else found useful, else not, else without a word."""

    useful: int = 0
    useless: int = 0
    corrected: int = 0
    silent: int = 0

    @property
    def answers(self) -> int:
        return self.useful + self.useless + self.corrected + self.silent

    @property
    def parts(self) -> tuple[int, int, int, int]:
        return self.useful, self.corrected, self.useless, self.silent


NAMES = ("utiles", "corrigées ensuite", "pas utiles", "sans avis")


def shares(count: Count) -> tuple[int, int, int, int]:
    """Of 100 answers, how many in each place, in the order of NAMES; they add up to 100 (largest remainders)."""
    if not count.answers:
        return 0, 0, 0, 0
    exact = [100 * part / count.answers for part in count.parts]
    whole = [int(each) for each in exact]
    for place in sorted(range(4), key=lambda n: (whole[n] - exact[n], n))[: 100 - sum(whole)]:
        whole[place] += 1
    return whole[0], whole[1], whole[2], whole[3]


def shown(parts: Sequence[int]) -> tuple[int | None, ...]:
    """Numbers as they may be shown beside their sum: None where one is small, and where it could be worked out."""
    hidden = {place for place, part in enumerate(parts) if 0 < part < FEW}
    if len(hidden) == 1:  # the sum less the others would tell it; the last ones are missed least
        others = [place for place, part in enumerate(parts) if part >= FEW]
        if others:
            hidden.add(min(others, key=lambda place: (place < 2, parts[place])))
    return tuple(None if place in hidden else part for place, part in enumerate(parts))


def sentence(count: Count) -> str:
    """« Sur 100 réponses automatiques, 61 ont été jugées utiles et 4 ont été corrigées. »; empty when too few."""
    if count.answers < FEW:
        return ""
    told = [
        _said(count.parts[place], share, safe is not None, count.answers, *words)
        for place, (share, safe, words) in enumerate(
            zip(
                shares(count)[:2],
                shown(count.parts)[:2],
                (("jugée utile", "jugées utiles"), ("corrigée ensuite", "corrigées ensuite")),
                strict=True,
            )
        )
    ]
    return f"Sur 100 réponses automatiques, {told[0]} et {told[1]}."


def _said(part: int, share: int, safe: bool, of: int, one: str, several: str) -> str:
    if not safe:
        if part < FEW:
            return f"moins de {-(-100 * FEW // of)} ont été {several}"
        return f"au moins {100 * FEW // of} ont été {several}"
    if part == 0:
        return f"aucune n'a été {one}"
    if share == 0:
        return f"moins d'une a été {one}"
    return f"1 a été {one}" if share == 1 else f"{share} ont été {several}"


SIDE, STEP = 22, 27  # of a square, and from one to the next
LABEL_WIDTH = 250
LINE = 20  # from one line of a label to the next
MARKS = {"corrected": "M{x} {y}m6 11 4 4 7-8", "useless": "M{x} {y}m7 7 8 8m0-8-8 8"}  # a tick, a cross


def picture(count: Count) -> str:
    """A hundred small squares, each one answer in a hundred; labelled beside, readable without colours.

    Numbers that may not be shown apart are drawn as one, under their names. SVG for a page: its classes are in the
    style sheet.
    """
    parts = [
        f'<svg class="hundred" viewBox="0 0 {10 * STEP + LABEL_WIDTH} {10 * STEP}" role="img" '
        'aria-labelledby="hundred-title">',
        f'<title id="hundred-title">{escape(sentence(count))}</title>',
    ]
    place = 0
    labels: list[tuple[float, list[str]]] = []
    for name, number, kind in _groups(count):
        if not number:
            continue
        labels.append(((place + (number - 1) / 2) // 10 * STEP + SIDE / 2, _broken(f"{number} {name}")))
        for at in range(place, place + number):
            x, y = at % 10 * STEP, at // 10 * STEP
            parts.append(f'<rect class="{kind}" x="{x}" y="{y}" width="{SIDE}" height="{SIDE}" rx="4"/>')
            if kind in MARKS:
                parts.append(f'<path class="mark-on" d="{MARKS[kind].format(x=x, y=y)}"/>')
        place += number
    for top, lines in _apart(labels):
        for row, words in enumerate(lines):
            parts.append(f'<text x="{10 * STEP + 8}" y="{top + LINE * row:.0f}">{escape(words)}</text>')
    return "\n".join([*parts, "</svg>"])


def _apart(labels: Sequence[tuple[float, list[str]]]) -> list[tuple[float, list[str]]]:
    """Labels beside what they name, pushed down where they would touch, then up where they would fall off."""
    placed: list[tuple[float, list[str]]] = []
    free = 18.0
    for middle, lines in labels:
        top = max(middle + 6, free)
        placed.append((top, lines))
        free = top + LINE * len(lines) + 6
    limit = 10.0 * STEP - 6
    for n in range(len(placed) - 1, -1, -1):
        top, lines = placed[n]
        top = min(top, limit - LINE * (len(lines) - 1))
        placed[n] = (top, lines)
        limit = top - LINE - 6
    return placed


def _groups(count: Count) -> list[tuple[str, int, str]]:
    """Names, numbers of squares and classes; what may not be shown apart is one group."""
    safe, hundred = shown(count.parts), shares(count)
    kinds = ("useful", "corrected", "useless", "silent")
    found = [(NAMES[n], hundred[n], kinds[n]) for n in range(4) if safe[n] is not None]
    hidden = [n for n in range(4) if safe[n] is None]
    if hidden:
        names = [NAMES[n] for n in hidden]
        together = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} ou {names[-1]}"
        found.append((together, sum(hundred[n] for n in hidden), "mixed"))
    return found


def _broken(words: str, most: int = 20) -> list[str]:
    lines = [""]
    for word in words.split():
        if lines[-1] and len(lines[-1]) + len(word) >= most:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
