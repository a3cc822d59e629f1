"""Opening raw mail safely: headers, parts, charsets and file names, with a cap on all that a sender chooses."""

import binascii
import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesHeaderParser
from functools import cached_property
from urllib.parse import unquote_to_bytes

import charset_normalizer

MAX_MAIL = 50_000_000  # bytes; a 25 MB attachment weighs 34 MB once in base64
MAX_HEADERS = 6_000_000  # bytes of headers that are looked at: room for 100,000 recipients
MAX_HEADER_LINES = 150_000
MAX_SAME = 100  # headers of one name
MAX_VALUE = 65_536  # characters of one header value that are decoded
MAX_PARTS = 300
MAX_DEPTH = 12
MAX_TEXT = 400_000  # bytes of one text body that are read
MAX_HTML = 4_000_000  # more, since pictures written into the HTML are dropped before it is rendered

TOO_MANY_PARTS = "trop de parties : les suivantes ne sont pas lues"
TOO_DEEP = "parties emboîtées trop profondément : le fond n'est pas lu"
TEXT_CUT = "texte trop long : seul le début est lu"
HEADERS_CUT = "en-têtes trop longs : seul le début est lu"

_BLANK_LINE = re.compile(rb"\r?\n[ \t]*\r?\n|\r\r")
_ENCODED = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?\r\n]*)\?=")
_BETWEEN = re.compile(r"(\?=)[ \t\r\n]+(?==\?[^?\s]{1,60}\?[bBqQ]\?)")
_PARAM = re.compile(r""";\s*([\w!#$&+.^`|~-]+?)(\*\d{1,3})?(\*)?\s*=\s*(?:"((?:[^"\\]|\\.)*)"?|([^;\s]*))""", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")
_WINDOWS = {"iso8859-1", "latin-1", "latin1", "iso-8859-1", "ascii", "us-ascii", "iso8859-15"}
_FRENCH = frozenset(map(chr, range(128))) | set("àâäçéèêëîïôöùûüÿœæÀÂÄÇÉÈÊËÎÏÔÖÙÛÜŸŒÆ«»‘’“”…–—•€°²³§·\u00a0")
_SLOW_OR_ODD = {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "utf-7", "mbcs", "oem"}


Headers = dict[str, list[str]]  # lower-case name -> raw values, topmost first


class Unreadable(Exception):
    """The mail cannot be read; the reason is in French, for the officer."""


@dataclass(frozen=True)
class Part:
    """One leaf of the MIME tree, its body still encoded."""

    headers: Headers
    body: memoryview
    path: tuple[str, ...]  # the content types of the parts around it, outermost first

    @cached_property
    def declared(self) -> tuple[str, dict[str, str]]:
        return parameters(raw_header(self.headers, "content-type"), "text/plain")

    @property
    def content_type(self) -> str:
        return self.declared[0]

    @cached_property
    def disposition(self) -> tuple[str, dict[str, str]]:
        return parameters(raw_header(self.headers, "content-disposition"), "")

    @property
    def filename(self) -> str:
        name = self.disposition[1].get("filename") or self.declared[1].get("name") or ""
        name = re.split(r"[/\\]", decode_words(name))[-1]
        return " ".join(_CONTROL.sub("", name).split()).strip(". ")[:150]

    def bytes(self, limit: int | None = None) -> bytes:
        """The decoded body; `limit` is how many decoded bytes are wanted."""
        return decode_transfer(self.body, raw_header(self.headers, "content-transfer-encoding"), limit)

    def text(self, limit: int = MAX_TEXT) -> str:
        return decode_charset(self.bytes(limit), self.declared[1].get("charset", ""))


@dataclass(frozen=True)
class Opened:
    """A mail taken apart."""

    headers: Headers
    parts: tuple[Part, ...]
    content_type: str
    parameters: dict[str, str]
    warnings: list[str] = field(default_factory=list)

    def raw(self, name: str) -> str:
        return raw_header(self.headers, name)

    def header(self, name: str) -> str:
        return decode_words(self.raw(name))

    def headers_named(self, name: str) -> tuple[str, ...]:
        return tuple(clean(value[:MAX_VALUE]) for value in self.headers.get(name, ())[:MAX_SAME])


def open_mail(raw: bytes) -> Opened:
    """Split a mail into headers and leaf parts, or raise Unreadable."""
    if len(raw) > MAX_MAIL:
        raise Unreadable(f"message trop volumineux : {len(raw) // 1_000_000} Mo")
    if not raw.strip(b"\x00\r\n\t "):
        raise Unreadable("message vide")
    warnings: list[str] = []
    view = memoryview(raw)
    if raw.startswith(b"From "):  # the first line of an mbox
        view = view[raw.find(b"\n") + 1 :]
    headers, body = split_headers(view, warnings)
    kind, params = parameters(raw_header(headers, "content-type"), "text/plain")
    parts = tuple(_leaves(headers, body, (), warnings))
    return Opened(headers, parts, kind, params, warnings)


def split_headers(view: memoryview, warnings: list[str]) -> tuple[Headers, memoryview]:
    """Parse the header section at the start of some bytes, and give the rest."""
    head = bytes(view[:MAX_HEADERS])
    if head[:2] == b"\r\n" or head[:1] == b"\n":
        return {}, view[2 if head[:2] == b"\r\n" else 1 :]
    end = _BLANK_LINE.search(head)
    start = end.end() if end else len(head)
    section = head[: end.start()] if end else head
    if not re.match(rb"[!-9;-~]+[ \t]*:", section):
        return {}, view  # no headers at all: it is a body
    if (not end and len(view) > MAX_HEADERS) or section.count(b"\n") > MAX_HEADER_LINES:
        warnings.append(HEADERS_CUT)
        section = _first_lines(section)
    return _indexed(BytesHeaderParser().parsebytes(section.replace(b"\x00", b"") + b"\n\n")), view[start:]


def _first_lines(section: bytes) -> bytes:
    """The first header lines; a folded header over the cap loses its tail and nothing else."""
    return b"\n".join(section.split(b"\n", MAX_HEADER_LINES)[:MAX_HEADER_LINES])


def _leaves(headers: Headers, body: memoryview, path: tuple[str, ...], warnings: list[str]) -> Iterator[Part]:
    """Walk the tree depth first with an explicit stack: nesting is chosen by the sender."""
    stack = [(headers, body, path)]
    count = 0
    while stack:
        headers, body, path = stack.pop()
        kind, params = parameters(raw_header(headers, "content-type"), "text/plain")
        boundary = params.get("boundary", "")
        if kind.startswith("multipart/") and boundary and len(path) >= MAX_DEPTH:
            warnings.append(TOO_DEEP)
            continue
        if kind.startswith("multipart/") and boundary:
            children = split_boundary(body, boundary, MAX_PARTS + 1)
            if children:
                default = "message/rfc822" if kind == "multipart/digest" else ""
                for child in reversed(children):
                    inner, content = split_headers(child, warnings)
                    if default:
                        inner.setdefault("content-type", [default])
                    stack.append((inner, content, (*path, kind)))
                continue
        count += 1
        if count > MAX_PARTS:
            warnings.append(TOO_MANY_PARTS)
            return
        yield Part(headers, body, path)


def split_boundary(body: memoryview, boundary: str, limit: int) -> list[memoryview]:
    """The bodies between the delimiter lines of a multipart; one that is never closed runs to the end."""
    # A literal first: the engine then runs through 34 MB of base64 at the speed of memory.
    mark = re.compile(b"--" + re.escape(boundary.encode("latin-1", "replace")) + rb"(--)?[ \t]*(?:\r?\n|\Z)")
    found: list[memoryview] = []
    start = -1
    for match in mark.finditer(body):
        if match.start() and body[match.start() - 1] != 10:
            continue
        if start >= 0:
            found.append(_without_last_newline(body[start : match.start()]))
        start = -1 if match.group(1) else match.end()
        if len(found) >= limit or start < 0:
            break
    if 0 <= start < len(body) and len(found) < limit:
        found.append(body[start:])
    return found


def _without_last_newline(view: memoryview) -> memoryview:
    tail = bytes(view[-2:])
    return view[: len(view) - (2 if tail == b"\r\n" else 1 if tail.endswith(b"\n") else 0)]


# ---------------------------------------------------------------- headers
def raw_header(headers: Headers, name: str) -> str:
    """The first header of that name, as text, unfolded; '' when there is none."""
    values = headers.get(name)
    return clean(values[0][:MAX_VALUE]) if values else ""


def _indexed(message: Message) -> Headers:
    headers: Headers = {}
    for key, value in message.raw_items():
        headers.setdefault(key.lower(), []).append(str(value))
    return headers


def clean(value: str) -> str:
    """Give back the bytes above 127 that the parser hid as surrogates; unfold; drop control characters."""
    if not value.isascii():
        value = decode_charset(value.encode("utf-8", "surrogateescape"), "utf-8")
    return _CONTROL.sub("", re.sub(r"[\r\n]+[ \t]*", " ", value)).strip()


def decode_words(value: str) -> str:
    """RFC 2047 in one pass: `email.policy.default` takes over 20 s on 50,000 encoded words."""
    if "=?" not in value:
        return value
    value = _BETWEEN.sub(r"\1", value[:MAX_VALUE])
    out: list[str] = []
    pending, charset, position = b"", "", 0
    for match in _ENCODED.finditer(value):
        between = value[position : match.start()]
        position = match.end()
        name = match.group(1).split("*")[0].lower()
        if pending and (between or name != charset):
            out.append(decode_charset(pending, charset))
            pending = b""
        out.append(between)
        pending, charset = pending + _word_bytes(match.group(2), match.group(3)), name
    if pending:
        out.append(decode_charset(pending, charset))
    return _CONTROL.sub("", "".join([*out, value[position:]]).replace("\r", " ").replace("\n", " ")).strip()


def _word_bytes(encoding: str, text: str) -> bytes:
    data = text.encode("utf-8", "surrogateescape")
    return _base64(data) if encoding in "bB" else binascii.a2b_qp(data, header=True)


def parameters(value: str, default: str) -> tuple[str, dict[str, str]]:
    """A header's main value, in lower case, and its parameters (RFC 2231 continuations joined)."""
    main = value.split(";", 1)[0].strip().lower()
    pieces: dict[str, list[tuple[int, bool, str]]] = {}
    for name, index, starred, quoted, bare in _PARAM.findall(value[:MAX_VALUE]):
        text = re.sub(r"\\(.)", r"\1", quoted) if quoted else bare
        pieces.setdefault(name.lower(), []).append((int(index[1:]) if index else 0, bool(starred), text))
    if default and not re.fullmatch(r"[\w.+-]+/[\w.+-]+", main):
        main = default
    return main, {name: _join(found) for name, found in pieces.items()}


def _join(pieces: list[tuple[int, bool, str]]) -> str:
    pieces.sort(key=lambda piece: piece[0])
    if not any(starred for _, starred, _ in pieces):
        return pieces[0][2] if len(pieces) == 1 else "".join(text for _, _, text in pieces)
    charset, data = "utf-8", b""
    for place, (_, starred, text) in enumerate(pieces):
        if starred and place == 0 and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)
        data += unquote_to_bytes(text) if starred else text.encode("utf-8", "surrogateescape")
    return decode_charset(data, charset or "utf-8")


# ---------------------------------------------------------------- bodies
def decode_transfer(body: memoryview, encoding: str, limit: int | None = None) -> bytes:
    """Undo base64, quoted-printable or uuencode; anything else, or anything broken, is given as it is."""
    encoding = encoding.split(";")[0].strip().lower()
    if encoding == "base64":
        wanted = body if limit is None else body[: limit * 3 // 2]
        return _base64(bytes(wanted))[:limit]
    if encoding == "quoted-printable":
        wanted = body if limit is None else body[: limit * 3]
        return binascii.a2b_qp(bytes(wanted))[:limit]
    if encoding in ("x-uuencode", "uuencode", "uue", "x-uue"):
        return _uudecode(bytes(body))[:limit]
    return bytes(body[:limit])


def _base64(data: bytes) -> bytes:
    try:
        return binascii.a2b_base64(data)
    except binascii.Error:
        # Wrong padding, or one stray character at the end: keep the quads that are whole.
        kept = re.sub(rb"[^A-Za-z0-9+/]", b"", data)
        kept = kept[: len(kept) - 1] if len(kept) % 4 == 1 else kept
        return binascii.a2b_base64(kept + b"=" * (-len(kept) % 4))


def _uudecode(data: bytes) -> bytes:
    out = []
    for line in data.splitlines():
        if line[:6] in (b"begin ", b"") or line == b"end":
            continue
        try:
            out.append(binascii.a2b_uu(line))
        except binascii.Error:
            continue
    return b"".join(out)


def decode_charset(data: bytes, charset: str) -> str:
    """Text from bytes whose declared charset is often wrong.

    1. What is valid UTF-8 beyond ASCII is UTF-8, whatever it says, unless it says a stateful charset.
    2. Otherwise what it says, ISO-8859-1 being read as Windows-1252 as browsers do.
    3. Otherwise a guess, and Windows-1252 when there is none.
    """
    name = _codec(charset)
    if name and not name.startswith(("utf-8", "cp1252", "utf_8")) and not _is_utf8_text(data, name):
        decoded = _try(data, name)
        if decoded is not None:
            return _tidy(decoded)
    decoded = _try(data, "utf-8-sig")
    if decoded is None and name.startswith("utf-8"):
        decoded = _of_halves(data)
    if decoded is None and name.startswith("utf-8"):
        replaced = data.decode("utf-8-sig", "replace")
        # A few broken sequences in a long UTF-8 text are damage, not another charset.
        if replaced.count("\ufffd") * 4 <= sum(ord(c) > 127 for c in replaced):
            decoded = replaced
    return _tidy(decoded if decoded is not None else _guess(data, name))


def _codec(charset: str) -> str:
    name = charset.strip().strip("\"'").lower()
    if name in _WINDOWS:
        return "cp1252"
    try:
        info = codecs.lookup(name) if name.isascii() and len(name) < 40 and "\x00" not in name else None
    except LookupError:
        return ""
    if info is None or not getattr(info, "_is_text_encoding", True) or info.name in _SLOW_OR_ODD:
        return ""
    return "cp1252" if info.name in _WINDOWS else info.name


def _is_utf8_text(data: bytes, name: str) -> bool:
    return (
        not data.isascii() and not name.startswith(("utf-16", "utf-32", "iso2022")) and _try(data, "utf-8") is not None
    )


def _try(data: bytes, name: str) -> str | None:
    try:
        return data.decode(name)
    except (UnicodeError, ValueError, LookupError):
        return None


def _of_halves(data: bytes) -> str | None:
    """UTF-8 but for surrogates encoded one by one, as Java and old JavaScript do: a pair is its sign, a half damage."""
    try:
        return data.decode("utf-8", "surrogatepass").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    except UnicodeError:
        return None


def _guess(data: bytes, name: str) -> str:
    western = data.decode("cp1252", "replace")
    if name == "cp1252" or not set(western) - _FRENCH:
        return western
    best = charset_normalizer.from_bytes(
        data[:8_000],
        steps=3,
        chunk_size=256,
        cp_isolation=["cp1252", "cp1250", "cp1251", "mac_roman", "shift_jis", "big5", "gb18030"],
    ).best()
    return data.decode(best.encoding if best else "cp1252", "replace")


def _tidy(text: str) -> str:
    text = (
        text.replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n").replace("\x85", "\n").replace("\u2028", "\n")
    )
    return text.encode("utf-8", "ignore").decode("utf-8")


# ---------------------------------------------------------------- what a file really is
_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"%PDF-", "application/pdf"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (8, b"WAVE", "audio/wav"),
    (4, b"ftypheic", "image/heic"),
    (4, b"ftypmif1", "image/heif"),
    (4, b"ftypM4A", "audio/mp4"),
    (4, b"ftyp", "video/mp4"),
    (0, b"OggS", "audio/ogg"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"#!AMR", "audio/amr"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (0, b"\x78\x9f\x3e\x22", "application/ms-tnef"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (0, b"{\\rtf", "application/rtf"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"Rar!\x1a\x07", "application/vnd.rar"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"MZ", "application/x-msdownload"),
    (0, b"\x7fELF", "application/x-executable"),
    (0, b"#!", "text/x-script"),
    (0, b"BEGIN:VCALENDAR", "text/calendar"),
    (0, b"BEGIN:VCARD", "text/vcard"),
)
_INSIDE_ZIP: tuple[tuple[bytes, str], ...] = (
    (b"word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    (b"xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    (b"ppt/", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    (b"opendocument.text", "application/vnd.oasis.opendocument.text"),
    (b"opendocument.spreadsheet", "application/vnd.oasis.opendocument.spreadsheet"),
    (b"epub+zip", "application/epub+zip"),
)


def type_by_magic(content: bytes, declared: str) -> str:
    """What the first bytes say; the declared type when they say nothing and it is harmless to believe it."""
    head = content[:16]
    for offset, magic, kind in _MAGIC:
        if head[offset:].startswith(magic) and (offset == 0 or head[:4] == b"RIFF" or magic.startswith(b"ftyp")):
            return kind
    if head.startswith(b"PK\x03\x04"):
        sample = content[:4096] + content[-4096:]
        return next((kind for mark, kind in _INSIDE_ZIP if mark in sample), "application/zip")
    if re.match(rb"(?i)\s*(?:<!doctype html|<html|<script|<svg)", content[:200]):
        return "image/svg+xml" if b"<svg" in content[:200].lower() else "text/html"
    claims_a_format = declared in {kind for _, _, kind in _MAGIC} and declared.split("/")[0] in ("image", "application")
    return "application/octet-stream" if claims_a_format and content else declared
