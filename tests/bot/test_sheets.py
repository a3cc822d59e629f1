"""Tables as people export them: separators, encodings, quotes, headings; and dates and hours as people write them."""

import contextlib
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.office import in_full
from bot.sheets import BadCell, BadSheet, day, fold, hour, moment, read

NAMES = {"nom": ("name",), "téléphone": ("tel", "numéro de téléphone"), "siège": ("sièges",)}
PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.parametrize("separator", [";", ",", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_any_separator_and_encoding_reads_the_same(separator: str, encoding: str, newline: str) -> None:
    rows = [["Nom", "NUMÉRO DE TELEPHONE", "Siège"], ["Zoé Lefèvre", "06 12 34 56 78", "copil"]]
    text = newline.join(separator.join(row) for row in rows) + newline
    sheet = read(text.encode(encoding), NAMES, ["nom"])
    assert sheet.lines[0].cells == {"nom": "Zoé Lefèvre", "téléphone": "06 12 34 56 78", "siège": "copil"}
    assert sheet.lines[0].number == 2


def test_a_line_number_is_the_one_that_a_text_editor_shows() -> None:
    text = 'nom;tel\n"Awa\nDiallo";1\n\n;\nPaul;2\n'
    sheet = read(text.encode(), NAMES, ["nom"])
    assert [(line.number, line["nom"]) for line in sheet.lines] == [(2, "Awa\nDiallo"), (6, "Paul")]


def test_the_hint_of_excel_is_no_heading() -> None:
    sheet = read(b"sep=;\nnom;tel\nAwa;1\n", NAMES, ["nom"])
    assert [(line.number, line["nom"]) for line in sheet.lines] == [(3, "Awa")]


def test_a_comma_inside_quotes_does_not_separate() -> None:
    sheet = read('nom,sièges\n"Diallo, Awa","copil,cotech"\n'.encode(), NAMES, ["nom"])
    assert sheet.lines[0].cells == {"nom": "Diallo, Awa", "siège": "copil,cotech"}


def test_columns_that_mean_nothing_are_said() -> None:
    assert read(b"nom;taille\nAwa;1,70\n", NAMES, ["nom"]).unknown == ("taille",)


def test_a_row_with_too_many_cells_is_a_problem_of_its_line() -> None:
    sheet = read(b"nom;tel\nAwa;1;de trop\nPaul;2\n", NAMES, ["nom"])
    assert [str(problem) for problem in sheet.problems] == ["ligne 2 : 3 cases au lieu de 2 (guillemets manquants ?)"]
    assert [line["nom"] for line in sheet.lines] == ["Paul"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "vide"),
        (b"\n\n;;\n", "vide"),
        (b"nom;tel\n", "que la ligne des titres"),
        (b"tel;siege\n1;2\n", "il manque la colonne « nom »"),
        (b"nom;name\nAwa;Awa\n", "la colonne « nom » est là deux fois"),
        (b"PK\x03\x04 and so on", "pas un tableau"),
        (b"nom\n\0\0\0", "pas un fichier texte"),
        (b'nom;tel\n"Awa;1\n', "ligne 2 : guillemets mal fermés"),
        (b"nom\n" + b"x" * 5_000_000, "5 Mo"),
    ],
)
def test_what_is_no_table_is_refused_in_french(content: bytes, said: str) -> None:
    with pytest.raises(BadSheet, match=said):
        read(content, NAMES, ["nom"])


@given(st.binary(max_size=300))
def test_no_bytes_make_it_fail_otherwise(content: bytes) -> None:
    with contextlib.suppress(BadSheet):
        sheet = read(content, NAMES, ["nom"])
        assert sheet.lines or sheet.problems


@given(st.text(max_size=60))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize(
    "text",
    [
        "11/12/2026",
        "2026-12-11",
        "11 décembre 2026",
        "vendredi 11 décembre 2026",
        "11.12.26",
        "11 DEC. 2026",
        "11-12-2026",
    ],
)
def test_a_date_as_people_write_it(text: str) -> None:
    assert day(text) == date(2026, 12, 11)


@given(st.dates(date(2020, 1, 1), date(2099, 12, 31)))
def test_a_date_as_we_write_it_reads_back(wanted: date) -> None:
    assert day(in_full(wanted)) == day(wanted.isoformat()) == day(f"{wanted:%d/%m/%Y}") == wanted


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("30/02/2027", "calendrier"),
        ("bientôt", "pas une date"),
        ("jeudi 11 décembre 2026", "vendredi"),
        ("12/2026", "pas une date"),
        ("11 j 2026", "pas une date"),
        ("11 jui 2026", "pas une date"),
    ],
)
def test_a_date_that_is_none_is_refused(text: str, said: str) -> None:
    with pytest.raises(BadCell, match=said):
        day(text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("18h", time(18)),
        ("18:00", time(18)),
        ("18 h 30", time(18, 30)),
        ("18H30", time(18, 30)),
        ("9 h 05", time(9, 5)),
        ("18:30:00", time(18, 30)),
        ("18 heures", time(18)),
        ("midi", time(12)),
    ],
)
def test_an_hour_as_people_write_it(text: str, wanted: time) -> None:
    assert hour(text) == wanted


@pytest.mark.parametrize("text", ["25h", "18:75", "le soir", "18", ""])
def test_an_hour_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadCell):
        hour(text)


def test_the_hour_that_the_clocks_jump_over_is_refused_and_the_doubled_one_is_the_first() -> None:
    with pytest.raises(BadCell, match="n'existe pas"):
        moment(date(2027, 3, 28), time(2, 30), PARIS)
    assert moment(date(2027, 10, 31), time(2, 30), PARIS).astimezone(UTC) == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)
