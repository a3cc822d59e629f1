"""Workbooks as people hand them in: read as they were typed, and refused in clear French when they are hostile."""

import io
import zipfile
from pathlib import Path

import httpx
import pytest

from bot.desk.members import phone
from bot.sheets import BadSheet, day, hour, read
from bot.workbook import plain
from tests.office import Bureau

SAMPLES = Path(__file__).parent / "samples"
NAMES = {"nom": (), "conseil": (), "téléphone": ("tel",), "date": (), "heure": ()}
SPREADSHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
STYLES = (  # 1: a day; 2: an hour
    f'<styleSheet xmlns="{SPREADSHEET}"><fonts count="1"><font/></fonts><fills count="1"><fill/></fills>'
    '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
    '<cellXfs count="3"><xf numFmtId="0"/><xf numFmtId="14" applyNumberFormat="1"/>'
    '<xf numFmtId="20" applyNumberFormat="1"/></cellXfs></styleSheet>'
)


def text(where: str, words: str) -> str:
    return f'<c r="{where}" t="inlineStr"><is><t xml:space="preserve">{words}</t></is></c>'


def number(where: str, value: object, style: int = 0) -> str:
    return f'<c r="{where}" s="{style}"><v>{value}</v></c>'


def xlsx(*rows: str, level: int = 1) -> bytes:
    """A workbook of one sheet, as Excel lays it out."""
    lines = "".join(f'<row r="{n}">{row}</row>' for n, row in enumerate(rows, 1) if row)
    main = f'xmlns="{SPREADSHEET}" xmlns:r="{RELATIONS}"'
    parts = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}"><Relationship Id="rId1" Type="{RELATIONS}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook {main}><sheets><sheet name="Membres" sheetId="1" r:id="rId1"/></sheets>'
        "</workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}"><Relationship Id="rId1" '
        f'Type="{RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" '
        f'Type="{RELATIONS}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": STYLES,
        "xl/worksheets/sheet1.xml": f"<worksheet {main}><sheetData>{lines}</sheetData></worksheet>",
    }
    return zipped(parts, level)


def zipped(parts: dict[str, str], level: int = 1) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as file:
        for name, content in parts.items():
            file.writestr(name, content)
    return out.getvalue()


HEADINGS = text("A1", "Nom") + text("B1", "Conseil") + text("C1", "Tél.") + text("D1", "Date") + text("E1", "Heure")


def refused(content: bytes) -> str:
    with pytest.raises(BadSheet) as error:
        plain(content)
    return str(error.value)


def test_a_workbook_is_read_as_it_was_typed() -> None:
    rows = (
        text("A2", "Awa\nDiallo") + text("B2", "Bellevue; Nord") + number("C2", 612345678) + number("D2", 46367, 1)
        + number("E2", 0.75, 2),
        "",
        text("A4", "Zoé Lefèvre") + number("C4", "6.12345678E8") + number("D4", 46367) + number("E4", 0.75),
    )  # fmt: skip
    sheet = read(plain(xlsx(HEADINGS, *rows)), NAMES, ["nom"])
    first, second = sheet.lines
    assert (first.number, second.number) == (2, 4)
    assert first.cells == {
        "nom": "Awa\nDiallo", "conseil": "Bellevue; Nord", "téléphone": "612345678", "date": "11/12/2026",
        "heure": "18:00",
    }  # fmt: skip
    assert day(second["date"]) == day(first["date"])  # a day that lost its form is still that day
    assert hour(second["heure"]) == hour(first["heure"])
    assert second["téléphone"] == "612345678"


def test_a_number_that_lost_its_zero_or_its_plus_is_still_that_number() -> None:
    assert phone("612345678") == phone("33612345678") == phone("+33612345678") == phone("06 12 34 56 78")


def test_older_and_free_workbooks_are_read_too() -> None:
    assert plain((SAMPLES / "members.xls").read_bytes()).decode() == (
        "Conseil;Nom;Téléphone\nBellevue;Awa Diallo;612345678\n"
    )
    body = (
        '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>'
        '<table:table table:name="Membres"><table:table-row><table:table-cell office:value-type="string">'
        "<text:p>Nom</text:p></table:table-cell></table:table-row><table:table-row>"
        '<table:table-cell office:value-type="float" office:value="612345678"/></table:table-row>'
        '<table:table-row table:number-rows-repeated="1048573"><table:table-cell '
        'table:number-columns-repeated="16384"/></table:table-row></table:table></office:spreadsheet></office:body>'
        "</office:document-content>"
    )
    manifest = '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
    free = zipped(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "META-INF/manifest.xml": manifest,
            "content.xml": body,
        }
    )
    assert plain(free).decode() == "Nom\n612345678\n"


def test_what_is_no_workbook_stays_as_it_is() -> None:
    for content in (b"nom;conseil\n", b"", b"PK\x03\x04 broken", zipped({"fiche.md": "# Une fiche"})):
        assert plain(content) == content


def test_a_formula_is_read_by_its_result() -> None:
    worked = f"{HEADINGS.replace('Nom', 'nom')}", '<c r="A2" t="str"><f>B2&amp;C2</f><v>Awa Diallo</v></c>'
    assert "Awa Diallo" in plain(xlsx(*worked)).decode()
    assert refused(xlsx(HEADINGS, '<c r="A2"><f>B2</f></c>')).startswith("case A2 : la formule n'a pas de résultat")
    assert refused(xlsx(HEADINGS, '<c r="A2"><f>B2</f><v/></c>')).startswith("case A2")
    assert refused(xlsx(HEADINGS, text("A2", "Awa"), '<c r="A3" t="e"><v>#REF!</v></c>')).startswith(
        "case A3 : la formule donne une erreur"
    )


def test_a_formula_typed_as_words_stays_words() -> None:
    assert "=HYPERLINK" in plain(xlsx(HEADINGS, text("A2", "=HYPERLINK(1)"))).decode()


def test_hostile_workbooks_are_refused_in_a_sentence() -> None:
    bomb = xlsx(HEADINGS, text("A2", "a" * 101_000_000))
    assert len(bomb) < 5_000_000
    assert "trop de mémoire" in refused(bomb)
    assert "trop de mémoire" in refused(far_away())


def far_away() -> bytes:
    """Two cells, as far from one another as a sheet allows: as a table, seventeen billion."""
    return xlsx(HEADINGS, *[""] * 1_048_574, text("XFD1048576", "x"))


def test_too_many_rows_or_columns_are_told() -> None:
    assert refused(xlsx(*(number(f"A{n}", n) for n in range(1, 100_010)))) == (
        "plus de 100000 lignes : coupez le fichier"
    )
    assert refused(xlsx(text("A1", "nom") + text("KA1", "x"))).startswith("plus de 200 colonnes")


@pytest.mark.parametrize("content", [
    b"\xd0\xcf\x11\xe0" + b"\0" * 600,
    zipped({"xl/workbook.xml": "<workbook"}),
    xlsx(HEADINGS)[:-40],
    xlsx(),
])  # fmt: skip
def test_damaged_or_empty_workbooks_are_refused(content: bytes) -> None:
    with pytest.raises(BadSheet):
        read(plain(content), NAMES, ["nom"])


def test_a_workbook_is_imported_from_the_page(bureau: Bureau) -> None:
    root = bureau.signed_in(bureau.officer("Ines", "administrator"))
    rows = HEADINGS, text("A2", "Awa Diallo") + text("B2", "Bellevue") + number("C2", 612345678)

    def send(content: bytes) -> httpx.Response:
        token = root.get("/bureau/personnes/importer").text.partition('name="jeton" value="')[2].partition('"')[0]
        return root.client.post(
            "/bureau/personnes/importer", data={"jeton": token, "creer": "1"},
            files={"fichier": ("membres.xlsx", content)},
        )  # fmt: skip

    shown = send(xlsx(*rows)).text
    assert "1 nouvelle personne" in shown
    kept = shown.partition('name="table" value="')[2].partition('"')[0]
    form = {"table": kept, "ecrire": "1", "creer": "1"}
    done = root.post("/bureau/personnes/importer", form, page="/bureau/personnes/importer").text
    assert "1 nouvelles" in done or "est importée" in done
    assert "Awa Diallo" in root.get("/bureau/personnes").text
    wrong = send(far_away())
    assert wrong.status_code == 422
    assert "trop de mémoire" in wrong.text
