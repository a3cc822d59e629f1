"""The kit on paper: one page or two that a member prints and takes along."""

import io
import re
from dataclasses import asdict
from functools import lru_cache
from typing import Any

import pypdf

from bot import papers
from bot.desk.kit import Kit
from channels.contract import Attachment

MOST_PAGES = 2
LIMITS: tuple[dict[str, int], ...] = (  # how many of each, and how long; the next when it takes more than two pages
    {"decisions": 5, "points": 10, "words": 8, "papers": 6, "open": 5, "answered": 4, "characters": 420, "short": 200},
    {"decisions": 4, "points": 9, "words": 6, "papers": 5, "open": 4, "answered": 3, "characters": 220, "short": 140},
    {"decisions": 3, "points": 8, "words": 4, "papers": 4, "open": 3, "answered": 2, "characters": 120, "short": 80},
)


def kit_file(kit: Kit) -> Attachment:
    """The kit as a file that people print."""
    return Attachment("dossier-de-preparation.pdf", "application/pdf", kit_pdf(kit))


@lru_cache(maxsize=32)  # those who sit for one council get the same
def kit_pdf(kit: Kit) -> bytes:
    """A4, one page or two, tagged."""
    for limits in LIMITS:
        made = papers.pdf("kit", _data(kit, limits))
        if pages_of(made) <= MOST_PAGES:
            break
    return made


def pages_of(pdf: bytes) -> int:
    """Of a PDF that we made: its first page tree says how many, which spares reading it all."""
    found = re.search(rb"/Type/Pages/Count (\d+)", pdf)
    return int(found[1]) if found else len(pypdf.PdfReader(io.BytesIO(pdf)).pages)


def kit_pictures(kit: Kit, dots: float = 110) -> list[bytes]:
    """The pages as PNG, at `dots` per inch: to look at them."""
    for limits in LIMITS:
        made = papers.png("kit", _data(kit, limits), dots)
        if len(made) <= MOST_PAGES:
            break
    return made


def _data(kit: Kit, limits: dict[str, int]) -> dict[str, Any]:
    return asdict(kit) | {"limits": limits}
