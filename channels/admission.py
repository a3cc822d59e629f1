"""Which files that people send are kept, known by their first bytes, and what is taken out of them first; pure."""

import io
import re
import warnings
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, replace

from channels import heic, recordings
from channels.contract import Attachment, Inbound

MOST_BYTES = 10_000_000  # of one file, and of all files of a message
MOST_FILES = 20
MOST_PIXELS = 200_000_000  # of a JPEG, which can be opened smaller; what says more is no photograph
MOST_PNG_PIXELS = 40_000_000  # of a PNG or a WebP: 160 MB once opened
SIDE = 4_096  # pixels that a picture keeps on its longer side
MOST_ENTRIES, MOST_UNPACKED = 2_000, 300_000_000  # of a document: it is a zip, never unpacked here
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
ODT = "application/vnd.oasis.opendocument.text"
WEBP, HEIC = "image/webp", "image/heic"  # kept as JPEG, which every office opens
ENDINGS = {
    "application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png", DOCX: "docx", ODT: "odt", **recordings.ENDINGS,
}  # fmt: skip
SPELLINGS = {"image/jpeg": ("jpg", "jpeg", "jpe", "jfif")}
ACCEPTED = "PDF, photo (JPEG, PNG, HEIC, WebP), DOCX, ODT ou message vocal"
TOO_BIG = "plus de 10 Mo"
UNKNOWN = f"ce genre de fichier n'est pas gardé ; ce qui l'est : {ACCEPTED}"
DAMAGED = "le fichier est abîmé ou protégé"
MACROS = "le document contient un programme (macro)"
HUGE = "l'image est trop grande"


@dataclass(frozen=True)
class Dropped:
    """A file that is not kept, and why; in French, for the officer."""

    filename: str
    size: int  # bytes
    why: str


class Refused(Exception):
    """This file is not kept; why, in French."""


def admitted(message: Inbound) -> Inbound:
    """The message with the files that may be kept, cleaned, and a note for each that may not.

    Whatever its channel called it, a file is what its first bytes say.
    """
    if not message.attachments:
        return message
    kept: list[Attachment] = []
    dropped: list[Dropped] = []
    room = MOST_BYTES
    for number, file in enumerate(message.attachments):
        try:
            if number >= MOST_FILES:
                raise Refused(f"plus de {MOST_FILES} fichiers")
            cleaned = file if file.whole else clean(file)
            if not file.whole and len(file.content) > room:
                raise Refused("plus de 10 Mo avec les autres fichiers du message")
        except Refused as error:
            dropped.append(Dropped(file.filename, len(file.content), str(error)))
            continue
        kept.append(cleaned)
        room -= len(cleaned.content)
    notes = tuple(f"1 fichier non gardé : {each.filename} ({each.why})" for each in dropped)
    return replace(message, attachments=tuple(kept), warnings=(*message.warnings, *notes))


def is_note(warning: str) -> bool:
    """Whether a warning tells of a file that was not kept."""
    return "non gardé" in warning or "non reçu" in warning


def clean(file: Attachment) -> Attachment:
    """This file as it is kept: its true type, a name that fits it, no metadata in pictures; or Refused."""
    if len(file.content) > MOST_BYTES:
        raise Refused(TOO_BIG)
    kind = type_of(file.content)
    content, name = file.content, file.filename
    if kind in (WEBP, HEIC):
        content, name = _as_jpeg(content, kind), re.sub(r"(?i)\.(webp|hei[cf]s?)$", "", name)
        kind = "image/jpeg"
    elif kind in ("image/jpeg", "image/png"):
        content = _bare_picture(content, kind)
    elif kind in recordings.ENDINGS:
        content = _bare_recording(content, kind)
    elif kind in (DOCX, ODT):
        _without_macros(content, kind)
    elif kind != "application/pdf":
        raise Refused(UNKNOWN)
    return Attachment(named(name, kind), kind, content, inline=file.inline)


def type_of(content: bytes) -> str:
    """What the first bytes say; empty for what we do not keep."""
    if b"%PDF-" in content[:1024]:
        return "application/pdf"
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return WEBP
    if heic.is_heic(content):
        return HEIC
    if content.startswith(b"PK\x03\x04"):
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as found:
                names = set(found.namelist()[:MOST_ENTRIES])
                if "word/document.xml" in names and "[Content_Types].xml" in names:
                    return DOCX
                if "mimetype" in names and _start_of(found, "mimetype", 200).strip() == ODT.encode():
                    return ODT
        except Refused:
            raise
        except Exception as error:  # zipfile raises a dozen kinds on what is damaged
            raise Refused(DAMAGED) from error
    try:
        return recordings.kind_of(content)
    except recordings.Damaged as error:
        raise Refused(DAMAGED) from error


def named(filename: str, kind: str) -> str:
    """A name without a path or a control character, whose ending is that of its type."""
    name = re.split(r"[/\\]", filename)[-1]
    name = " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\"<>|:*?]", " ", name).split())
    ending = ENDINGS[kind]
    stem, dot, last = name.strip(". ").rpartition(".")
    if dot and last.lower() in SPELLINGS.get(kind, (ending,)):
        return f"{stem[:120] or 'fichier'}.{last.lower()}"
    return f"{name.strip('. ')[:120] or 'fichier'}.{ending}"


def _bare_picture(content: bytes, kind: str) -> bytes:
    """The pixels alone, upright: no place, no date, no device, nothing hidden behind them; or Refused."""
    from PIL import Image, ImageOps  # 30 ms that no other message needs

    form = {"image/jpeg": "JPEG", WEBP: "WEBP"}.get(kind, "PNG")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # we count ourselves, before anything opens
            with Image.open(io.BytesIO(content), formats=[form]) as picture:
                pixels = picture.width * picture.height
                if pixels > (MOST_PIXELS if form == "JPEG" else MOST_PNG_PIXELS) or max(picture.size) > 60_000:
                    raise Refused(HUGE)
                if form == "JPEG":
                    picture.draft(None, (SIDE, SIDE))
                upright = ImageOps.exif_transpose(picture)
                upright.thumbnail((SIDE, SIDE))
                plain = upright if form != "JPEG" and upright.mode in ("P", "RGBA", "LA") else upright.convert("RGB")
                if plain.mode == "P":
                    plain = plain.convert("RGBA")
                bare = Image.frombytes(plain.mode, plain.size, plain.tobytes())
        out = io.BytesIO()
        if form == "WEBP" and bare.mode != "RGB":  # what is seen through stands on white
            white = Image.new("RGBA", bare.size, "white")
            bare = Image.alpha_composite(white, bare.convert("RGBA")).convert("RGB")
        bare.save(out, "PNG" if form == "PNG" else "JPEG", **({} if form == "PNG" else {"quality": 88}))
    except Refused:
        raise
    except Exception as error:  # Pillow raises whatever its decoders meet
        raise Refused(HUGE if type(error).__name__ == "DecompressionBombError" else DAMAGED) from error
    return out.getvalue()


def _as_jpeg(content: bytes, kind: str) -> bytes:
    """A picture that few offices can open, made one that all can."""
    if kind == WEBP:
        return _bare_picture(content, kind)
    try:
        return heic.to_jpeg(content)
    except heic.Unreadable as error:
        raise Refused(HUGE if error.huge else f"{DAMAGED} ; une photo au format JPEG passe mieux") from error


def _bare_recording(content: bytes, kind: str) -> bytes:
    try:
        return recordings.bare(content, kind)
    except recordings.Damaged as error:
        raise Refused(DAMAGED) from error


def _without_macros(content: bytes, kind: str) -> None:
    """Refused when a document brings a program, hides its contents, or swells beyond reason when unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as found:
            entries = found.infolist()
            if len(entries) > MOST_ENTRIES or sum(each.file_size for each in entries) > MOST_UNPACKED:
                raise Refused(DAMAGED)
            if any(each.flag_bits & 1 for each in entries):
                raise Refused(DAMAGED)
            names = [each.filename.lower() for each in entries]
            if kind == DOCX:
                types = _start_of(found, "[Content_Types].xml", 1_000_000).lower()
                programs = any(name.endswith(("vbaproject.bin", "vbadata.xml")) for name in names)
                objects = any(name.startswith(("word/embeddings/", "word/activex/")) for name in names)
                if programs or objects or b"macroenabled" in types or b"vbaproject" in types:
                    raise Refused(MACROS)
            else:
                listed = (
                    _start_of(found, "META-INF/manifest.xml", 1_000_000) if "meta-inf/manifest.xml" in names else b""
                )
                if b"encryption-data" in listed:
                    raise Refused(DAMAGED)
                if any(name.startswith(("basic/", "scripts/", "object ")) for name in names):
                    raise Refused(MACROS)
    except Refused:
        raise
    except Exception as error:
        raise Refused(DAMAGED) from error


def _start_of(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    with archive.open(name) as file:
        return file.read(most)


def in_words(size: int) -> str:
    """« 1,2 Mo », « 340 ko »: what a size is to people."""
    if size >= 1_000_000:
        return f"{size / 1_000_000:.1f}".replace(".", ",") + " Mo"
    return f"{max(1, round(size / 1000))} ko"


def listed(files: Iterable[tuple[str, int]]) -> str:
    """« photo.jpg (1,2 Mo), ordre-du-jour.pdf (340 ko) »"""
    return ", ".join(f"{name} ({in_words(size)})" for name, size in files)
