"""Reads tables exported from a spreadsheet: bytes in, rows by column name out, or what is wrong by line; pure."""

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.office import DAYS, MONTHS

MOST_BYTES = 5_000_000
MOST_LINES = 100_000
DELIMITERS = ";,\t"


class BadSheet(Exception):
    """A file that cannot be read as a table; the message is in French."""


class BadCell(ValueError):
    """What a cell says cannot be understood; the message is in French."""


@dataclass(frozen=True)
class Problem:
    """Why a file is refused: where, and what."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where} : {self.what}"


@dataclass(frozen=True)
class Line:
    """One row: the number of the line that it begins on, as a text editor shows it, and its cells by column."""

    number: int
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")

    def problem(self, column: str, what: str) -> Problem:
        return Problem(f"ligne {self.number}, colonne {column}" if column else f"ligne {self.number}", what)


@dataclass(frozen=True)
class Sheet:
    """The rows of a table that could be read, the columns that it has, and what is wrong with it."""

    columns: frozenset[str]
    lines: tuple[Line, ...]
    problems: tuple[Problem, ...] = ()
    unknown: tuple[str, ...] = ()  # columns that mean nothing to us: read over, and said


def read(content: bytes, names: Mapping[str, Iterable[str]], required: Sequence[str]) -> Sheet:
    """A table from CSV bytes; BadSheet if it is none, or if a `required` column is missing.

    `names` says by which headings a column goes; accents, case and punctuation do not matter. The separator may be a
    semicolon, a comma or a tab; the bytes UTF-8 (with or without BOM), UTF-16 with BOM, or Windows-1252.
    """
    text = _decoded(content)
    by_heading = {_heading(heading): column for column, headings in names.items() for heading in (column, *headings)}
    text, skipped = _without_hint(text)
    delimiter = _delimiter(text, by_heading)
    rows = _rows(text, delimiter, skipped)
    first = next(((number, cells) for number, cells in rows if any(cell.strip() for cell in cells)), None)
    if first is None:
        raise BadSheet("le fichier est vide")
    headings = [by_heading.get(_heading(cell), "") for cell in first[1]]
    unknown = tuple(
        cell.strip() for cell, column in zip(first[1], headings, strict=True) if not column and cell.strip()
    )
    twice = [column for column, count in Counter(filter(None, headings)).items() if count > 1]
    if twice:
        raise BadSheet(f"ligne {first[0]} : la colonne « {twice[0]} » est là deux fois")
    missing = [column for column in required if column not in headings]
    if missing:
        seen = ", ".join(f"« {cell.strip()} »" for cell in first[1] if cell.strip())
        raise BadSheet(
            f"ligne {first[0]} : il manque la colonne « {missing[0]} ». Colonnes trouvées : {seen}. "
            f"Colonnes connues : {', '.join(names)}"
        )
    lines, problems = [], []
    for number, cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        if any(cell.strip() for cell in cells[len(headings) :]):
            problems.append(
                Problem(f"ligne {number}", f"{len(cells)} cases au lieu de {len(headings)} (guillemets manquants ?)")
            )
            continue
        filled = {column: _clean(cell) for column, cell in zip(headings, cells, strict=False) if column}
        lines.append(Line(number, filled))
        if len(lines) > MOST_LINES:
            raise BadSheet(f"plus de {MOST_LINES} lignes : coupez le fichier")
    if not lines and not problems:
        raise BadSheet("le fichier n'a que la ligne des titres")
    return Sheet(frozenset(filter(None, headings)), tuple(lines), tuple(problems), unknown)


def fold(text: str) -> str:
    """« Numéro de Téléphone » -> "numero de telephone": without accents, case and punctuation."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return " ".join(re.findall(r"[a-z0-9]+", bare.replace("œ", "oe").replace("æ", "ae")))


def _heading(text: str) -> str:
    return fold(text.replace("(s)", "s").replace("*", ""))  # « Conseil(s) », « Nom * »


def listed(cell: str, separators: str = "|,;\n") -> list[str]:
    """The parts of a cell that holds several things."""
    return [part.strip() for part in re.split(f"[{re.escape(separators)}]", cell) if part.strip()]


def day(text: str) -> date:
    """11/12/2026, 2026-12-11, « 11 décembre 2026 », « jeudi 10 décembre 2026 »; else BadCell."""
    folded = fold(text)
    if re.fullmatch(r"[3-6]\d{4}", folded):  # as a spreadsheet counts them: a cell that lost its form
        return date(1899, 12, 30) + timedelta(days=int(folded))
    if match := re.fullmatch(r"(\d{4}) (\d{1,2}) (\d{1,2})", folded):
        return _date(int(match[1]), int(match[2]), int(match[3]), text)
    if match := re.fullmatch(r"(\d{1,2}) (\d{1,2}) (\d{4}|\d{2})", folded):
        return _date(_year(match[3]), int(match[2]), int(match[1]), text)
    if match := re.fullmatch(r"(?:([a-z]{3,8}) )?(\d{1,2})(?:er)? ([a-z]{3,9}) (\d{4}|\d{2})", folded):
        months = [n for n, name in enumerate(MONTHS, 1) if fold(name).startswith(match[3])]
        if len(months) == 1:
            found = _date(_year(match[4]), months[0], int(match[2]), text)
            named = match[1]
            if named and not DAYS[found.weekday()].startswith(named):
                raise BadCell(f"« {text} » : le {found.day} {MONTHS[found.month - 1]} est un {DAYS[found.weekday()]}")
            return found
    raise BadCell(f"« {text} » n'est pas une date. Exemple : 11/12/2026")


def hour(text: str) -> time:
    """18h, 18:00, « 18 h 30 », midi; BadCell if it is none, or no such hour."""
    folded = fold(text)
    if folded == "midi":
        return time(12)
    if match := re.fullmatch(r"0[.,](\d{1,17})", text.strip()):  # a part of the day, as a spreadsheet counts
        minutes = round(24 * 60 * float(f"0.{match[1]}"))
        return time(minutes // 60 % 24, minutes % 60)
    match = re.fullmatch(r"(\d{1,2}) ?(?:h|heures?) ?(?:(\d{2})(?: ?(?:mn|min))?)?", folded)
    match = match or re.fullmatch(r"(\d{1,2}) (\d{2})(?: 00)?", folded)
    hours, minutes = (int(match[1]), int(match[2] or 0)) if match else (24, 0)
    if hours > 23 or minutes > 59:
        raise BadCell(f"« {text} » n'est pas une heure. Exemple : 18 h 30")
    return time(hours, minutes)


def moment(day: date, hour: time, zone: ZoneInfo) -> datetime:
    """A local date and time; BadCell when the clocks jump over it (the last Sunday of March, from 2 h to 3 h).

    An hour that comes twice (the last Sunday of October) is the first of the two.
    """
    local = datetime.combine(day, hour, zone)
    if not exists(local):
        raise BadCell(f"{hour:%H:%M} n'existe pas le {day:%d/%m/%Y} : on passe à l'heure d'été")
    return local


def exists(local: datetime) -> bool:
    """Whether a local time comes at all: clocks jump over an hour in spring."""
    from_utc = datetime.fromtimestamp(local.timestamp(), local.tzinfo)
    return from_utc.replace(tzinfo=None, fold=0) == local.replace(tzinfo=None, fold=0)


def _year(text: str) -> int:
    return int(text) if len(text) == 4 else 2000 + int(text)


def _date(year: int, month: int, day: int, text: str) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise BadCell(f"« {text} » n'existe pas au calendrier") from None


def _decoded(content: bytes) -> str:
    if len(content) > MOST_BYTES:
        raise BadSheet("le fichier dépasse 5 Mo")
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise BadSheet("ce n'est pas un tableau. Dans le tableur : « Enregistrer sous », puis « CSV »")
    marked = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "cp1252", "latin-1"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        return text
    raise BadSheet("ce n'est pas un fichier texte (CSV)")


def _without_hint(text: str) -> tuple[str, int]:
    """Excel's first line « sep=; » is no heading; and how many lines that takes away."""
    match = re.match(r'"?sep=."?\r?\n', text)
    return (text[match.end() :], 1) if match else (text, 0)


def _delimiter(text: str, by_heading: Mapping[str, str]) -> str:
    """The separator that makes most known columns of the first line."""
    first = next((line for line in text.splitlines() if line.strip(DELIMITERS + ' "')), "")

    def known(delimiter: str) -> tuple[int, int]:
        cells = next(csv.reader([first], delimiter=delimiter), [])
        return sum(_heading(cell) in by_heading for cell in cells), len(cells)

    return max(DELIMITERS, key=known)


def _rows(text: str, delimiter: str, skipped: int) -> Iterator[tuple[int, list[str]]]:
    """Each row with the line that it begins on; a cell in quotes may hold newlines."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begins = 1 + skipped
    try:
        for cells in reader:
            yield begins, cells
            begins = reader.line_num + 1 + skipped
    except csv.Error:
        raise BadSheet(f"ligne {begins} : guillemets mal fermés") from None


def _clean(cell: str) -> str:
    """One line, single spaces, and without the quote that guards a formula in an export."""
    lines = (" ".join(line.split()) for line in cell.replace("\u00a0", " ").replace("\u202f", " ").splitlines())
    text = "\n".join(line for line in lines if line)
    return text[1:] if re.match(r"'[=+\-@]", text) else text


FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def write(rows: Iterable[Sequence[str]]) -> bytes:
    """A table for a spreadsheet: UTF-8 with its mark, semicolons; a cell that would be a formula gets a quote first."""
    text = io.StringIO()
    sheet = csv.writer(text, delimiter=";", lineterminator="\r\n")
    for row in rows:
        sheet.writerow([f"'{cell}" if cell.startswith(FORMULAS) else cell for cell in row])
    return text.getvalue().encode("utf-8-sig")
