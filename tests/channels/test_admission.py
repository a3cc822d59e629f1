"""What files people may send: known by their bytes, bare of what pictures tell, and never dangerous to open."""

import io
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from channels import admission
from channels.admission import DOCX, ODT, Refused, clean
from channels.contract import Address, Attachment, Inbound
from tests.channels.files import AMR, PDF, SECRET_PLACE, docx, heic, m4a, mp3, odt, picture, png_bomb, voice, zipped


def sent(name: str, content: bytes, kind: str = "application/octet-stream") -> Attachment:
    return Attachment(name, kind, content)


@pytest.mark.parametrize(
    ("name", "content", "kind", "kept_as"),
    [
        ("ordre.pdf", PDF, "application/pdf", "ordre.pdf"),
        ("photo.JPG", picture(), "image/jpeg", "photo.jpg"),
        ("capture.png", picture("PNG"), "image/png", "capture.png"),
        ("note.docx", docx(), DOCX, "note.docx"),
        ("note.odt", odt(), ODT, "note.odt"),
        ("photo.pdf", picture(), "image/jpeg", "photo.pdf.jpg"),
        ("IMG_0421.HEIC", heic(), "image/jpeg", "IMG_0421.jpg"),
        ("image.webp", picture("WEBP"), "image/jpeg", "image.jpg"),
        ("message-vocal-412.ogg", voice(), "audio/ogg", "message-vocal-412.ogg"),
        ("audio.opus", voice(), "audio/ogg", "audio.opus.ogg"),
        ("Nouvel enregistrement 7.m4a", m4a(), "audio/mp4", "Nouvel enregistrement 7.m4a"),
        ("rappel.mp3", mp3(), "audio/mpeg", "rappel.mp3"),
        ("appel.amr", AMR, "audio/amr", "appel.amr"),
        ("facture.exe", PDF, "application/pdf", "facture.exe.pdf"),
        ("", PDF, "application/pdf", "fichier.pdf"),
        ("../../etc/pass\u202ewd.pdf", PDF, "application/pdf", "pass wd.pdf"),
        ("C:\\docs\\plan\r\n.jpeg", picture(), "image/jpeg", "plan.jpeg"),
    ],
)
def test_a_file_is_what_its_bytes_say(name: str, content: bytes, kind: str, kept_as: str) -> None:
    kept = clean(sent(name, content, "text/html"))
    assert (kept.content_type, kept.filename.replace("plan .", "plan.")) == (kind, kept_as)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"MZ\x90\x00" + b"x" * 100, admission.UNKNOWN),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", admission.UNKNOWN),
        (b"<!doctype html><p>", admission.UNKNOWN),
        (b"GIF89a" + b"x" * 100, admission.UNKNOWN),
        (b"", admission.UNKNOWN),
        (m4a(handler=b"vide"), admission.UNKNOWN),
        (b"RIFF\x10\0\0\0WEBPVP8 " + b"x" * 100, admission.DAMAGED),
        (heic()[:400], f"{admission.DAMAGED} ; une photo au format JPEG passe mieux"),
        (zipped(**{"a.txt": b"a"}), admission.UNKNOWN),
        (b"PK\x03\x04 broken", admission.DAMAGED),
        (b"\xff\xd8\xff\xe0" + b"x" * 1000, admission.DAMAGED),
        (picture()[:300], admission.DAMAGED),
        (b"\x89PNG\r\n\x1a\n", admission.DAMAGED),
        (png_bomb(), admission.HUGE),
        (b"%PDF-1.7" + b"x" * admission.MOST_BYTES, admission.TOO_BIG),
        (docx(**{"word/vbaProject.bin": b"x"}), admission.MACROS),
        (docx(**{"word/embeddings/oleObject1.bin": b"x"}), admission.MACROS),
        (
            zipped(
                **{
                    "word/document.xml": b"<w/>",
                    "[Content_Types].xml": b"application/vnd.ms-word.document.macroEnabled.main+xml",
                }
            ),
            admission.MACROS,
        ),
        (odt(**{"Basic/Standard/Module1.xml": b"x"}), admission.MACROS),
        (odt(**{"Scripts/python/a.py": b"x"}), admission.MACROS),
        (docx(**{"word/media/bombe.bin": b"\0" * (admission.MOST_UNPACKED + 1)}), admission.DAMAGED),
    ],
    ids=lambda value: value[:12] if isinstance(value, str) else None,
)
def test_what_is_no_plain_document_or_picture_is_refused_at_once(content: bytes, why: str) -> None:
    began = time.monotonic()
    with pytest.raises(Refused) as caught:
        clean(sent("piece.pdf", content, "application/pdf"))
    assert str(caught.value) == why
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIC"])
def test_a_picture_says_no_more_where_and_when_it_was_taken(kind: str) -> None:
    raw = heic() if kind == "HEIC" else picture(kind, tail=b"cache: " + SECRET_PLACE)
    assert SECRET_PLACE in raw
    kept = clean(sent("photo", raw))
    assert SECRET_PLACE not in kept.content
    with Image.open(io.BytesIO(kept.content)) as found:
        assert not found.getexif()
        assert not {"exif", "comment", "icc_profile", "xmp"} & set(found.info)
        assert found.size == (80, 40)


@pytest.mark.parametrize(
    ("orientation", "size", "red"), [(1, (80, 40), (5, 20)), (3, (80, 40), (75, 20)), (6, (40, 80), (20, 5))]
)
def test_a_picture_stands_upright_without_its_tag(
    orientation: int, size: tuple[int, int], red: tuple[int, int]
) -> None:
    with Image.open(io.BytesIO(clean(sent("p", picture(orientation=orientation))).content)) as found:
        assert found.size == size
        colour = found.getpixel(red)
        assert isinstance(colour, tuple)
        assert colour[0] > 150
        assert colour[2] < 100


def test_a_large_photograph_is_made_smaller_and_stays_legible() -> None:
    raw = picture(size=(9_000, 6_000))
    kept = clean(sent("p.jpg", raw))
    with Image.open(io.BytesIO(kept.content)) as found:
        assert max(found.size) == admission.SIDE


def test_what_is_seen_through_stands_on_white() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(out, "WEBP")
    with Image.open(io.BytesIO(clean(sent("autocollant.webp", out.getvalue())).content)) as found:
        assert found.getpixel((4, 4)) == (255, 255, 255)


STARTS = [
    b"OggS",
    b"RIFF\x10\0\0\0WEBP",
    b"\0\0\0\x18ftypM4A ",
    b"ID3\3\0\0",
    b"",
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"PK\x03\x04",
    b"%PDF-",
]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(STARTS), st.text(max_size=30))
def test_whatever_comes_is_kept_or_refused_with_a_word(content: bytes, start: bytes, name: str) -> None:
    why = ""
    try:
        kept = clean(sent(name, start + content))
    except Refused as error:
        why = str(error)
    if not why:
        assert kept.filename
        assert "/" not in kept.filename
        assert kept.filename.isprintable() or "\u00a0" in kept.filename or not kept.filename.isascii()


def heard(*files: Attachment) -> Inbound:
    return Inbound("m", Address("email", "a@b.fr"), "Voici.", datetime(2026, 12, 1, tzinfo=UTC), attachments=files)


def test_what_is_not_kept_is_told_file_by_file() -> None:
    program = docx(**{"word/vbaProject.bin": b"x"})
    found = admission.admitted(heard(sent("a.pdf", PDF), sent("b.exe", b"MZ"), sent("c.docx", program)))
    assert [file.filename for file in found.attachments] == ["a.pdf"]
    assert found.warnings == (
        f"1 fichier non gardé : b.exe ({admission.UNKNOWN})",
        f"1 fichier non gardé : c.docx ({admission.MACROS})",
    )
    assert all(admission.is_note(warning) for warning in found.warnings)


def test_a_message_has_room_for_ten_megabytes_in_all() -> None:
    large = PDF + b"x" * 4_000_000
    found = admission.admitted(heard(*(sent(f"{n}.pdf", large) for n in range(3)), sent("petit.pdf", PDF)))
    assert [file.filename for file in found.attachments] == ["0.pdf", "1.pdf", "petit.pdf"]
    assert "2.pdf" in found.warnings[0]


def test_a_mail_that_could_not_be_read_is_kept_as_it_came() -> None:
    raw = Attachment("message.eml", "message/rfc822", b"From: x\n\n" + b"\0" * 20, whole=True)
    assert admission.admitted(heard(raw)).attachments == (raw,)
    assert admission.admitted(heard(sent("message.eml", b"From: x\n\n", "message/rfc822"))).attachments == ()


@pytest.mark.parametrize(("size", "words"), [(1, "1 ko"), (340_400, "340 ko"), (1_240_000, "1,2 Mo")])
def test_a_size_is_told_as_people_say_it(size: int, words: str) -> None:
    assert admission.in_words(size) == words
