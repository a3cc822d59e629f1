"""Files as people send them: pictures with a place in them, documents with and without programs, bombs; made here."""

import io
import struct
import zipfile
import zlib

from PIL import Image

from channels.admission import ODT

SECRET_PLACE = b"47.2184 Nantes 12 rue du Port"
PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


def picture(kind: str = "JPEG", *, orientation: int = 1, size: tuple[int, int] = (80, 40), tail: bytes = b"") -> bytes:
    """Red on the left, blue on the right; it says where it was taken, and when."""
    made = Image.new("RGB", size, (20, 20, 220))
    made.paste((220, 20, 20), (0, 0, size[0] // 2, size[1]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = SECRET_PLACE.decode()
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (47.0, 13.0, 6.0)
    out = io.BytesIO()
    extra = {"comment": SECRET_PLACE} if kind == "JPEG" else {}
    made.save(out, kind, exif=exif, **extra)
    return out.getvalue() + tail


def png_bomb(width: int = 30_000, height: int = 30_000) -> bytes:
    """A few kilobytes that say they are 900 million pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * 1_000_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def zipped(**entries: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name.replace("__", "/"), content)
    return out.getvalue()


def docx(**more: bytes) -> bytes:
    return zipped(**{"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w:document/>"}, **more)


def odt(**more: bytes) -> bytes:
    return zipped(**{"mimetype": ODT.encode(), "content.xml": b"<office/>", "META-INF/manifest.xml": b"<m/>"}, **more)
