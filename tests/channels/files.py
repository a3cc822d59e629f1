"""Files as people send them: pictures with a place in them, documents with and without programs, bombs; made here."""

import io
import struct
import zipfile
import zlib

import pillow_heif
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


def heic(size: tuple[int, int] = (80, 40)) -> bytes:
    """As an iPhone keeps a picture; it says where it was taken."""
    with Image.open(io.BytesIO(picture(size=size))) as found:
        made = pillow_heif.from_pillow(found.convert("RGB"))
        made.info["exif"] = found.getexif().tobytes()
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


# --- recordings -------------------------------------------------------------------------------------------------------


def ogg_sum(page: bytes) -> int:
    """The checksum of a page, bit by bit (RFC 3533, 6)."""
    value = 0
    for byte in page:
        value ^= byte << 24
        for _ in range(8):
            value = ((value << 1) ^ (0x04C11DB7 if value & 0x80000000 else 0)) & 0xFFFFFFFF
    return value


def ogg_page(body: bytes, number: int, flags: int = 0, *, goes_on: bool = False) -> bytes:
    laces = [255] * (len(body) // 255) + ([] if goes_on else [len(body) % 255])
    head = b"OggS\0" + bytes([flags]) + struct.pack("<QIII", number * 960, 7, number, 0) + bytes([len(laces), *laces])
    return head[:22] + struct.pack("<I", ogg_sum(head + body)) + head[26:] + body


def ogg_pages(content: bytes) -> list[bytes]:
    """Each page; the last is what does not hold together, if anything is."""
    found = []
    while content[:4] == b"OggS":
        size = 27 + content[26] + sum(content[27 : 27 + content[26]])
        found.append(content[:size])
        content = content[size:]
    return [*found, content] if content else found


def voice(secret: bytes = SECRET_PLACE, opening: bytes = b"OpusHead", film: bool = False) -> bytes:
    """A voice message as Telegram and WhatsApp bring it; its comments say where, over two pages."""
    said = b"ARTIST=" + secret + b"x" * 600
    comments = b"OpusTags" + struct.pack("<I", 4) + b"made" + struct.pack("<II", 1, len(said)) + said
    first = ogg_page(opening + bytes([1, 1, 0, 0]) + struct.pack("<IHB", 48000, 0, 0), 0, 2)
    first += ogg_page(b"\x80theora", 0, 2) if film else b""
    return (
        first
        + ogg_page(comments[:510], 1, goes_on=True)
        + ogg_page(comments[510:], 2, 1)
        + ogg_page(b"\xfc\xff\xfe" * 20, 3, 4)
    )


def box(kind: bytes, *bodies: bytes, wide: bool = False) -> bytes:
    body = b"".join(bodies)
    if wide:
        return struct.pack(">I4sQ", 1, kind, len(body) + 16) + body
    return struct.pack(">I4s", len(body) + 8, kind) + body


def m4a(secret: bytes = SECRET_PLACE, handler: bytes = b"soun", brand: bytes = b"M4A ") -> bytes:
    """A recording of a dictaphone: its title says where, its head says when."""
    track = box(
        b"trak",
        box(b"tkhd", b"\0\0\0\7", struct.pack(">II", 3_800_000_000, 3_800_000_000), bytes(72)),
        box(
            b"mdia",
            box(b"mdhd", b"\1\0\0\0", struct.pack(">QQ", 3_800_000_000, 3_800_000_000), bytes(16)),
            box(b"hdlr", bytes(8), handler, bytes(12), b"SoundHandler\0"),
        ),
    )
    head = box(b"mvhd", b"\0\0\0\0", struct.pack(">II", 3_800_000_000, 3_800_000_000), bytes(88))
    told = box(b"udta", box(b"\xa9xyz", secret), wide=True)
    return box(b"ftyp", brand, bytes(4)) + box(b"moov", head, track, told) + box(b"mdat", b"\x21\x10\x04" * 20)


def mp3(secret: bytes = SECRET_PLACE, frames: int = 3) -> bytes:
    """Silence under a title before it and another behind."""
    frame = b"\xff\xfb\x90\x64" + bytes(413)
    title = b"TIT2" + struct.pack(">IH", len(secret) + 1, 0) + b"\0" + secret
    return b"ID3\3\0\0" + bytes([0, 0, 0, len(title)]) + title + frame * frames + (b"TAG" + secret).ljust(128, b"\0")


AMR = b"#!AMR\n" + (b"\x3c" + b"\x55" * 31) * 5 + b"\x7c"  # five frames of 12.2 kbit/s, and one without sound
