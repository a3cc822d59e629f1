"""Many entries in one file: a zip of their files, or a table; read and checked before anything is written."""

import io
import re
import tempfile
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath

from bot import sheets
from channels.sms import gsm
from knowledge import entries, seed

MOST_FILES = 5000
MOST_BYTES = 40_000_000  # of a zip once unpacked
COLUMNS = {
    "nom": ["slug", "fiche"], "type": ["kind", "genre"], "titre": ["title"], "reponse": ["answer"], "sms": [],
    "phrases": ["phrasings", "questions"], "statut": ["status"], "source": ["titre de la source"],
    "adresse": ["url", "lien"],
    "reference": ["ref", "référence"], "date": ["date de la source"], "depuis": ["effective_from"],
    "relire": ["review_by", "à relire"], "fin": ["expires", "expire"], "voir": ["related", "voir aussi"],
    "repond": ["answers"],
}  # fmt: skip
NEEDED = ("nom", "type", "titre", "reponse", "sms", "phrases")


class BadSheaf(Exception):
    """A file that holds no entries; the message is in French."""


def read(filename: str, content: bytes, known: Collection[str]) -> list[seed.Read]:
    """The entries of a zip or of a CSV, with what is wrong with each; `known` are the entries that stand. BadSheaf."""
    if content.startswith(b"PK\x03\x04"):
        return _from_zip(content, known)
    if filename.lower().endswith(".zip"):
        raise BadSheaf("ce fichier n'est pas un zip, ou il est abîmé")
    try:
        return from_sheet(content, known)
    except sheets.BadSheet as error:
        raise BadSheaf(str(error)) from None


def from_sheet(content: bytes, known: Collection[str]) -> list[seed.Read]:
    """A table of entries, one a line; sheets.BadSheet when it is none, or its cells cannot be read."""
    sheet = sheets.read(content, COLUMNS, NEEDED)
    if sheet.problems:
        raise sheets.BadSheet("\n".join(map(str, sheet.problems[:30])))
    found = []
    for line in sheet.lines:
        source = entries.Source(line["source"], line["adresse"], line["reference"], line["date"] or "s. d.")
        made = entries.Content(
            slug=line["nom"],
            kind=line["type"],
            title=line["titre"],
            answer=line["reponse"],
            sms=line["sms"],
            phrasings=_several(line["phrases"]),
            status=line["statut"] or entries.TO_CONFIRM,
            answers=_several(line["repond"]),
            sources=(source,) if source.title else (),
            related=_several(line["voir"]),
            effective_from=line["depuis"],
            review_by=line["relire"],
            expires=line["fin"],
        )
        path = Path(made.kind) / f"{made.slug}.md"
        checked = seed.read_text(path, seed.render(made), gsm.length)
        faults = tuple(seed.Fault(path, line.number, fault.what, fault.field) for fault in checked.faults)
        found.append(seed.Read(path, made, faults))
    names = {each.content.slug for each in found if each.content} | set(known)
    return [seed.Read(each.path, each.content, (*each.faults, *_astray(each, names))) for each in found]


def _astray(read: seed.Read, names: Collection[str]) -> list[seed.Fault]:
    related = read.content.related if read.content else ()
    return [seed.Fault(read.path, 1, f"« related » : {slug} n'existe pas") for slug in related if slug not in names]


def _several(cell: str) -> tuple[str, ...]:
    """Several texts in one cell, apart by « | » or by lines."""
    return tuple(part.strip() for part in re.split(r"[|\n]", cell) if part.strip())


def _from_zip(content: bytes, known: Collection[str]) -> list[seed.Read]:
    """Entry files in a zip, wherever their folders stand in it; other files are left aside."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            wanted = [each for each in packed.infolist() if _is_entry(each.filename)]
            if not wanted:
                raise BadSheaf("le zip ne contient aucune fiche (fichiers en .md)")
            if len(wanted) > MOST_FILES or sum(each.file_size for each in wanted) > MOST_BYTES:
                raise BadSheaf("le zip est trop gros")
            with tempfile.TemporaryDirectory() as folder:
                for each in wanted:
                    kind, name = PurePosixPath(each.filename).parts[-2:]
                    path = Path(folder) / kind / name
                    if path.exists():
                        raise BadSheaf(f"{kind}/{name} est là deux fois")
                    path.parent.mkdir(exist_ok=True)
                    path.write_bytes(packed.read(each))
                return [_outside(each, Path(folder)) for each in seed.read_folder(Path(folder), gsm.length, known)]
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise BadSheaf("ce fichier n'est pas un zip lisible") from error


def _is_entry(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return (
        len(parts) >= 2
        and name.endswith(".md")
        and not any(part in ("..", "__MACOSX") or part.startswith(".") for part in parts)
        and bool(re.fullmatch(r"[\w-]+/[\w-]+\.md", "/".join(parts[-2:])))
    )


def _outside(read: seed.Read, folder: Path) -> seed.Read:
    """The same without the folder that it was unpacked in."""
    path = read.path.relative_to(folder)
    return seed.Read(path, read.content, tuple(seed.Fault(path, f.line, f.what, f.field) for f in read.faults))


def packed(found: Mapping[str, str]) -> bytes:
    """Files as a zip: the same bytes for the same files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name in sorted(found):
            made.writestr(zipfile.ZipInfo(name, (2000, 1, 1, 0, 0, 0)), found[name].encode(), zipfile.ZIP_DEFLATED)
    return out.getvalue()
