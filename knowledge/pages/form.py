"""The form of an entry: what a browser sends, as what is to be written; and back."""

import re
from collections.abc import Mapping
from typing import Any

from knowledge.entries import KINDS, TO_CONFIRM, VALID, Content, Source
from knowledge.pages.desk import Writing

MOST_SOURCES = 6
MOST_PHRASINGS = 400
MOST_TEXT = 20_000
KIND_NAMES = {
    "legislation": "Droit", "contact": "Contact", "glossary": "Mot expliqué", "practical": "Pratique",
    "meeting": "Réunion", "experience": "Expérience", "news": "Actualité",
}  # fmt: skip
STATUS_NAMES = {VALID: "validée", TO_CONFIRM: "à valider"}
ANSWER_NAMES = {
    "definition": "Qu'est-ce que c'est ?", "role": "À quoi ça sert ?", "how": "Comment faire ?",
    "rule": "A-t-on le droit ?", "who": "Qui ?", "contact": "Qui appeler ?", "when": "Quand ?",
    "how_much": "Combien ?", "list": "Lesquels ?", "where": "Où ?", "example": "Un exemple ?", "why": "Pourquoi ?",
    "change": "Qu'est-ce qui change ?",
}  # fmt: skip
assert set(KIND_NAMES) == set(KINDS)


def written(form: Mapping[str, Any], several: Mapping[str, list[str]]) -> Writing:
    """What the form says; `several` holds the fields that may come more than once."""
    sources = []
    for title, url, ref, when in zip(
        *(several.get(f"source_{name}", []) for name in ("title", "url", "ref", "date")), strict=False
    ):
        if any(part.strip() for part in (title, url, ref)):
            named = one_line(ref) or one_line(title)[:60]
            sources.append(Source(one_line(title), one_line(url), named, one_line(when) or "s. d."))
    content = Content(
        slug=one_line(form.get("slug", "")),
        kind=one_line(form.get("kind", "")),
        title=one_line(form.get("title", "")),
        answer=text_of(form.get("answer", "")),
        sms=text_of(form.get("sms", "")),
        phrasings=lines_of(form.get("phrasings", "")),
        status=one_line(form.get("status", "")) or TO_CONFIRM,
        aliases=tuple(re.findall(r"[\w-]+", one_line(form.get("aliases", "")))),
        answers=tuple(dict.fromkeys(several.get("answers", []))),
        sources=tuple(sources[:MOST_SOURCES]),
        related=tuple(dict.fromkeys(re.findall(r"[\w-]+", one_line(form.get("related", ""))))),
        effective_from=one_line(form.get("effective_from", "")),
        review_by=one_line(form.get("review_by", "")),
        expires=one_line(form.get("expires", "")),
    )
    return Writing(
        content=content,
        slug=content.slug,
        base=number(form.get("base", "")) or 0,
        reason=one_line(form.get("reason", ""))[:300],
        corrects=form.get("corrects") == "1",
        ticket_id=number(form.get("ticket", "")),
        draft_id=number(form.get("draft", "")),
    )


def one_line(value: object) -> str:
    return " ".join(str(value).replace("\0", "").split())[:1000] if isinstance(value, str) else ""


def text_of(value: object) -> str:
    """Paragraphs as they were typed, without empty edges."""
    if not isinstance(value, str):
        return ""
    lines = (line.rstrip() for line in value.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()[:MOST_TEXT]


def lines_of(value: object) -> tuple[str, ...]:
    """One text a line; the same one once."""
    lines = (one_line(line) for line in text_of(value).split("\n"))
    return tuple(dict.fromkeys(line for line in lines if line))[:MOST_PHRASINGS]


def number(value: object) -> int | None:
    return int(value) if isinstance(value, str) and value.isdigit() and len(value) < 10 else None
