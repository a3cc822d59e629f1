"""Voice messages: known by their first bytes, and bare of titles, places and dates before they are kept; pure."""

import struct
from collections.abc import Iterator
from functools import cache

OGG, M4A, AMR, MP3 = "audio/ogg", "audio/mp4", "audio/amr", "audio/mpeg"
ENDINGS = {OGG: "ogg", M4A: "m4a", AMR: "amr", MP3: "mp3"}
PLAYED = (OGG, M4A, MP3)  # by a browser; AMR needs a program of its own
MOST_PIECES = 200_000  # pages or boxes: ten megabytes hold fewer
MOST_FRAMES = 1_000_000  # of AMR, 20 ms each: five hours and a half
_OGG_VOICES = (b"OpusHead", b"\x01vorbis", b"Speex   ")
_COMMENTS = ((b"OpusTags", b""), (b"\x03vorbis", b"\x01"))  # how a page of comments opens, and what ends it
_FREE = (b"udta", b"meta", b"uuid", b"keys", b"ilst")  # boxes that tell who, where and with what
_NESTED = (b"moov", b"trak", b"mdia", b"moof", b"traf")
_DATED = (b"mvhd", b"tkhd", b"mdhd")
_AMR: dict[
    bytes, tuple[int | None, ...]
] = {  # how it opens, and the bytes of a frame by its type (None: there is none)
    b"#!AMR\n": (12, 13, 15, 17, 19, 20, 26, 31, 5, None, None, None, None, None, None, 0),
    b"#!AMR-WB\n": (17, 23, 32, 36, 40, 46, 50, 58, 60, 5, None, None, None, None, 0, 0),
}
_RATES_3 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)  # kbit/s, MPEG-1 layer III
_RATES_3_LOW = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)  # MPEG-2 and 2.5
_HERTZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


class Damaged(ValueError):
    """A recording that does not hold together."""


def kind_of(content: bytes) -> str:
    """The type of a recording by its bytes; empty for what is none, a film with sound for one."""
    if content.startswith(b"OggS"):
        firsts = [body for _at, flags, body in _pages(content) if flags & 2]
        return OGG if firsts and all(body.startswith(_OGG_VOICES) for body in firsts) else ""
    if content[4:8] == b"ftyp":
        handlers = {bytes(content[at + 8 : at + 12]) for kind, at, _end in _boxes(content) if kind == b"hdlr"}
        return M4A if b"soun" in handlers and not handlers & {b"vide", b"pict", b"auxv"} else ""
    if content.startswith(tuple(_AMR)):
        return AMR
    return MP3 if _first_frame(content) is not None else ""


def bare(content: bytes, kind: str) -> bytes:
    """The sound alone; Damaged when it cannot be read."""
    try:
        if kind == OGG:
            return _bare_ogg(content)
        if kind == M4A:
            return _bare_m4a(content)
        if kind == MP3:
            return _bare_mp3(content)
    except (struct.error, IndexError) as error:
        raise Damaged(kind) from error
    return _bare_amr(content)


# --- Ogg (RFC 3533, RFC 7845) -----------------------------------------------------------------------------------------


def _pages(content: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Each page: where it begins, its flags, its body; what is cut off at the end is left out."""
    at = 0
    for _ in range(MOST_PIECES):
        if content[at : at + 4] != b"OggS" or at + 27 > len(content):
            return
        table = content[at + 27 : at + 27 + content[at + 26]]
        body = at + 27 + content[at + 26]
        end = body + sum(table)
        if end > len(content):
            return
        yield at, content[at + 5], content[body:end]
        at = end


def _bare_ogg(content: bytes) -> bytes:
    """The comments emptied in place: no packet changes its length, so that only their pages are summed anew."""
    made = bytearray(content)
    touched: list[int] = []
    packet: list[tuple[int, int]] = []  # where the pieces of the comments stand
    for at, flags, body in _pages(content):
        start = at + 27 + content[at + 26]
        if not packet and (flags & 2 or not body.startswith(tuple(opening for opening, _ in _COMMENTS))):
            continue
        table = content[at + 27 : start]
        length = 0
        for lace in table:
            length += lace
            if lace < 255:
                break
        packet.append((start, start + length))
        touched.append(at)
        if table and any(lace < 255 for lace in table):
            break
    if packet:
        opening, closing = next(each for each in _COMMENTS if content.startswith(each[0], packet[0][0]))
        size = sum(end - begin for begin, end in packet)
        empty = (opening + bytes(8) + closing).ljust(size, b"\0")[:size]
        for begin, end in packet:
            made[begin:end], empty = empty[: end - begin], empty[end - begin :]
    for at in touched:
        end = at + 27 + made[at + 26] + sum(made[at + 27 : at + 27 + made[at + 26]])
        made[at + 22 : at + 26] = bytes(4)
        made[at + 22 : at + 26] = struct.pack("<I", _ogg_sum(bytes(made[at:end])))
    return bytes(made)


@cache
def _sums() -> tuple[int, ...]:
    found = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1) ^ (0x04C11DB7 if value & 0x80000000 else 0)
        found.append(value & 0xFFFFFFFF)
    return tuple(found)


def _ogg_sum(page: bytes) -> int:
    table, value = _sums(), 0
    for byte in page:
        value = ((value << 8) & 0xFFFFFFFF) ^ table[(value >> 24) ^ byte]
    return value


# --- MPEG-4 (ISO 14496-12) --------------------------------------------------------------------------------------------


def _boxes(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Each box, those inside others too: its kind, where its body begins and ends."""
    spans = [(0, len(content))]
    count = 0
    while spans:
        at, limit = spans.pop()
        while at + 8 <= limit:
            count += 1
            if count > MOST_PIECES:
                raise Damaged("boxes without end")
            size, kind = struct.unpack_from(">I4s", content, at)
            body = at + 8
            if size == 1 and at + 16 <= limit:
                size, body = struct.unpack_from(">Q", content, at + 8)[0], at + 16
            elif size == 0:
                size = limit - at
            end = at + size
            if end < body or end > limit:
                return
            yield kind, body, end
            if kind in _NESTED:
                spans.append((body, end))
            at = end


def _bare_m4a(content: bytes) -> bytes:
    """What tells more than the sound becomes free room, and the dates zero: nothing moves."""
    made = bytearray(content)
    for kind, body, end in _boxes(content):
        if kind in _FREE:
            name = content.rindex(kind, 0, body)
            made[name : name + 4] = b"free"
            made[body:end] = bytes(end - body)
        elif kind in _DATED and end - body >= 20:
            wide = 16 if content[body] == 1 else 8  # two dates, of eight or of four bytes
            made[body + 4 : body + 4 + wide] = bytes(wide)
    return bytes(made)


# --- AMR (RFC 4867, section 5) ----------------------------------------------------------------------------------------


def _bare_amr(content: bytes) -> bytes:
    """Frames of sound and nothing else; a last one that was cut off is left out, and whatever is no frame refused."""
    magic = next((each for each in _AMR if content.startswith(each)), None)
    if magic is None:
        raise Damaged(AMR)
    sizes, at = _AMR[magic], len(magic)
    for _ in range(MOST_FRAMES):
        if at >= len(content):
            break
        size = sizes[content[at] >> 3 & 15] if content[at] & 0x87 == 0x04 else None  # sound, undamaged
        if size is None:  # room for words, which no phone writes and no player reads
            raise Damaged(AMR)
        if at + 1 + size > len(content):
            break
        at += 1 + size
    else:
        raise Damaged("frames without end")
    if at == len(magic):
        raise Damaged(AMR)
    return content[:at]


# --- MP3 (ISO 11172-3; ID3) -------------------------------------------------------------------------------------------


def _first_frame(content: bytes) -> int | None:
    """Where the sound begins, behind the tags; None where two frames do not follow one another."""
    at = 0
    while content[at : at + 3] == b"ID3" and len(content) >= at + 10:
        a, b, c, d = (byte & 0x7F for byte in content[at + 6 : at + 10])
        at += 10 + (a << 21 | b << 14 | c << 7 | d) + (10 if content[at + 5] & 0x10 else 0)
    while at < len(content) and content[at] == 0 and at < 4096:
        at += 1
    size = _frame(content, at)
    return at if size and (_frame(content, at + size) or len(content) == at + size) else None


def _frame(content: bytes, at: int) -> int:
    """The length of the frame of layer III that begins there, 0 where none does."""
    head = content[at : at + 4]
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return 0
    version, rate, hertz = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or rate in (0, 15) or hertz == 3:
        return 0
    bits = (_RATES_3 if version == 3 else _RATES_3_LOW)[rate] * 1000
    return (144 if version == 3 else 72) * bits // _HERTZ[version][hertz] + (head[2] >> 1 & 1)


def _bare_mp3(content: bytes) -> bytes:
    start = _first_frame(content)
    if start is None:
        raise Damaged(MP3)
    made = content[start:]
    if made[-128:-125] == b"TAG":
        made = made[:-128]
    if made[-32:-24] == b"APETAGEX":
        made = made[: -(struct.unpack_from("<I", made, len(made) - 20)[0] + 32)]
    return made
