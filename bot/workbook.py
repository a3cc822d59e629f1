"""Turns a workbook (.xlsx, .xls, .ods, .xlsb) into the CSV that bot/sheets.py reads, in a child of little memory.

What is in a file that someone hands us is not to be believed: a few kilobytes may unfold to gigabytes, and one cell at
XFD1048576 may ask for a table of billions. The child has a ceiling of memory and of time, and may die of either.
"""

import csv
import io
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import IO, Any

from bot.sheets import MOST_BYTES, MOST_LINES, BadSheet

OLD = b"\xd0\xcf\x11\xe0"  # .xls, or anything under a password
UNFOLDED = 100_000_000  # bytes that its parts say they hold
MEMORY = 640 * 2**20  # bytes of address space
SECONDS = 30  # of a processor
WIDEST = 200  # columns
REFUSED = 3  # how the child ends when it has said, in French, what is wrong
INSIDE = ("xl/workbook.xml", "xl/workbook.bin", "content.xml")
# A cell of a formula that was never worked out: no program that shows tables saved it.
UNWORKED = re.compile(
    rb'<c r="([A-Z]{1,3}\d{1,7})"(?![^>]*t="str")[^>]*><f[^>]*(?:/>|>[^<]*</f>)(?:<v\s*/>|<v></v>)?</c>'
)
FAILED = re.compile(rb'<c r="([A-Z]{1,3}\d{1,7})"[^>]*\bt="e"')  # of a formula that came to an error
FIRST_SHEET = "xl/worksheets/sheet1.xml"


def plain(content: bytes) -> bytes:
    """The first sheet of a workbook as CSV; anything else as it came. BadSheet, in French, when it cannot be read.

    Slow (half a second): never within a transaction, nor on the event loop.
    """
    if not _is_workbook(content):
        return content
    if len(content) > MOST_BYTES:
        raise BadSheet("le fichier dépasse 5 Mo")
    try:
        child = subprocess.run(
            [sys.executable, "-m", "bot.workbook"], input=content, capture_output=True, timeout=2 * SECONDS,
            check=False, cwd=Path(__file__).parents[1],
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise BadSheet(TOO_MUCH) from None
    if child.returncode == REFUSED:
        raise BadSheet(child.stderr.decode(errors="replace").strip())
    if child.returncode:
        raise BadSheet(TOO_MUCH)
    return child.stdout


TOO_MUCH = "ce classeur demande trop de mémoire ou de temps. Copiez ses lignes dans un fichier neuf, ou donnez un CSV"


def _is_workbook(content: bytes) -> bool:
    if content.startswith(OLD):
        return True
    if not content.startswith(b"PK\x03\x04"):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            found = not set(INSIDE).isdisjoint(file.namelist())
            if found and sum(each.file_size for each in file.infolist()) > UNFOLDED:
                raise BadSheet(TOO_MUCH)
            return found
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return False


# --- in the child -----------------------------------------------------------------------------------------------------


def main(given: IO[bytes], out: IO[bytes]) -> None:
    """CSV of the first sheet that holds something; BadSheet."""
    import python_calamine as calamine  # only the child needs it

    content = given.read(MOST_BYTES + 1)
    try:
        book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        shown = [each.name for each in book.sheets_metadata if each.visible == calamine.SheetVisibleEnum.Visible]
        for name in shown:
            sheet = book.get_sheet_by_name(name)
            if sheet.end is not None:
                break
        else:
            raise BadSheet("le classeur est vide")
        if name == shown[0]:
            _look_at_formulas(content)
        last_row, last_column = sheet.end
        if last_row > MOST_LINES:
            raise BadSheet(f"plus de {MOST_LINES} lignes : coupez le fichier")
        if last_column >= WIDEST:
            raise BadSheet(f"plus de {WIDEST} colonnes : gardez celles qui servent")
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=";", lineterminator="\n").writerows(_rows(sheet))
    except calamine.PasswordError:
        raise BadSheet("ce classeur est protégé par un mot de passe : enregistrez-le sans") from None
    except (calamine.CalamineError, OSError, ValueError) as error:
        if "assword" in str(error):
            raise BadSheet("ce classeur est protégé par un mot de passe : enregistrez-le sans") from None
        raise BadSheet("ce classeur est abîmé, ou ce n'en est pas un. Enregistrez-le de nouveau, ou en CSV") from None
    out.write(text.getvalue().encode())


def _rows(sheet: Any) -> Iterator[list[str]]:
    for row in sheet.to_python(skip_empty_area=False):
        yield [_said(value) for value in row]


def _said(value: object) -> str:
    """A cell as someone would type it: no « .0 » behind a number, days and hours as they are written here."""
    if isinstance(value, bool):
        return "oui" if value else "non"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime):
        return f"{value:%d/%m/%Y}" if value.time() == time(0) else f"{value:%d/%m/%Y %H:%M}"
    if isinstance(value, date):
        return f"{value:%d/%m/%Y}"
    if isinstance(value, time):
        return f"{value:%H:%M}"
    if isinstance(value, timedelta):
        minutes = round(value.total_seconds() / 60)
        return f"{minutes // 60:02}:{minutes % 60:02}"
    return re.sub(r"\r\n?|\n", "\v", str(value))  # a row stays a line, so that faults are told by the right number


def _look_at_formulas(content: bytes) -> None:
    if content.startswith(OLD):
        return
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        cells = file.read(FIRST_SHEET) if FIRST_SHEET in file.namelist() else b""
        if found := FAILED.search(cells):
            raise BadSheet(f"case {found[1].decode()} : la formule donne une erreur. Corrigez-la, puis enregistrez")
        if found := UNWORKED.search(cells):
            raise BadSheet(
                f"case {found[1].decode()} : la formule n'a pas de résultat. "
                "Ouvrez le fichier dans le tableur, enregistrez-le, puis réessayez"
            )


def _limited() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    _limited()
    try:
        main(sys.stdin.buffer, sys.stdout.buffer)
    except BadSheet as error:
        sys.stderr.buffer.write(str(error).encode())
        sys.exit(REFUSED)
    except zipfile.BadZipFile:
        sys.stderr.buffer.write("ce classeur est abîmé : enregistrez-le de nouveau, ou en CSV".encode())
        sys.exit(REFUSED)
