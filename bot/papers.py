"""What is printed: PDFs made with Typst from the templates in templates/papers/, black and white first, tagged."""

import io
import json
import logging
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import as_file, files
from typing import Any

import pypdf
import typst

from bot.desk.figures import Figures, Line
from bot.office import MONTHS, Office, in_full

log = logging.getLogger(__name__)


def pdf(name: str, data: dict[str, Any]) -> bytes:
    """The paper `name` filled with these values, as PDF bytes; the values are data to the template, never code."""
    with as_file(files("bot") / "templates" / "papers") as folder:
        source = folder / f"{name}.typ"
        inputs = {"data": json.dumps(data, ensure_ascii=False)}
        return typst.compile(str(source), root=str(folder), font_paths=_fonts(), sys_inputs=inputs)


@cache  # looking for them takes twice as long as a page
def _fonts() -> typst.Fonts:
    return typst.Fonts()


def png(name: str, data: dict[str, Any], dots: float = 110) -> list[bytes]:
    """The pages of that paper as pictures, at `dots` per inch: to look at them, and for previews."""
    with as_file(files("bot") / "templates" / "papers") as folder:
        made = typst.compile(
            str(folder / f"{name}.typ"),
            root=str(folder),
            font_paths=_fonts(),
            sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
            format="png",
            ppi=dots,
        )
    return made if isinstance(made, list) else [made]


def month_data(
    office: Office, month: Figures, year: Figures, committees: Sequence[Mapping[str, str]] = ()
) -> dict[str, Any]:
    """What the monthly report says: the month in figures, its committees, the year behind it as a picture."""
    times = month.times
    sentences = []
    if times.share_kept is not None:
        sentences.append(f"La promesse de réponse est tenue dans {times.share_kept} % des cas.")
    if times.median_hours is not None:
        hours = f"{times.median_hours:.1f}".replace(".", ",")
        sentences.append(f"Une personne répond en {hours} heures dans un cas sur deux.")
    if times.late:
        sentences.append(f"{times.late} question(s) attendent au-delà du délai promis.")
    return {
        "title": f"{MONTHS[month.since.month - 1].capitalize()} {month.since.year}",
        "organisation": office.organisation,
        "council": month.council,
        "until": in_full(month.until),
        "total": _line(month.total),
        "share": month.share_automatic,
        "sentences": sentences,
        "year": [_line(line) for line in year.months],
        "committees": [dict(each) for each in committees],
        "parts": [
            {"title": title, "first": first, "lines": [_line(line) for line in lines]}
            for title, first, lines in (
                ("Par thème", "Thème", month.themes),
                ("Par canal", "Canal", month.channels),
                ("Par conseil", "Conseil", month.councils),
            )
            if lines
        ],
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "name": line.name, "asked": line.asked, "automatic": line.automatic, "person": line.person,
        "useful": line.useful, "useless": line.useless,
    }  # fmt: skip


def month_report(office: Office, month: Figures, year: Figures, committees: Sequence[Mapping[str, str]] = ()) -> bytes:
    """The report of a month for the steering committee, as PDF."""
    return pdf("month", month_data(office, month, year, committees))


MOST_PAGES, MOST_WORDS = 60, 100_000


def words_of(content: bytes) -> str:
    """The text of a PDF, 60 pages and 100,000 characters at most; empty when it cannot be read."""
    found: list[str] = []
    try:
        reader = pypdf.PdfReader(io.BytesIO(content))
        for page in reader.pages[:MOST_PAGES]:
            found.append(page.extract_text())
            if sum(map(len, found)) > MOST_WORDS:
                break
    except Exception:  # a damaged file raises about anything: it is kept, and simply not read
        log.info("a PDF could not be read")
    return "\n".join(found)[:MOST_WORDS]
