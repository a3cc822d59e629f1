"""Voice messages: known by their bytes, bare of where and when, and as playable as before."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels import recordings
from channels.recordings import AMR, M4A, MP3, OGG, Damaged, bare, kind_of
from tests.channels import files
from tests.channels.files import SECRET_PLACE, m4a, mp3, ogg_pages, ogg_sum, voice


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (voice(), OGG),
        (voice(opening=b"\x01vorbis"), OGG),
        (m4a(), M4A),
        (m4a(brand=b"3gp4"), M4A),
        (mp3(), MP3),
        (files.AMR, AMR),
        (m4a(handler=b"vide"), ""),
        (voice(film=True), ""),
        (voice(opening=b"\x80theora"), ""),
        (b"OggS", ""),
        (b"\xff\xfb\x90\x64", ""),
        (b"\0\0\0\x10ftypM4A \0\0\0\0", ""),
        (b"", ""),
    ],
)
def test_a_recording_is_what_its_bytes_say_and_a_film_is_none(content: bytes, kind: str) -> None:
    assert kind_of(content) == kind


@pytest.mark.parametrize(("content", "kind"), [(voice(), OGG), (m4a(), M4A), (mp3(), MP3)])
def test_a_recording_says_no_more_where_it_was_made(content: bytes, kind: str) -> None:
    assert SECRET_PLACE in content
    kept = bare(content, kind)
    assert SECRET_PLACE not in kept
    assert kind_of(kept) == kind
    assert bare(kept, kind) == kept, "there is nothing left to take out"


def test_a_phones_recording_holds_frames_and_nothing_else() -> None:
    assert bare(files.AMR, AMR) == files.AMR
    wide = b"#!AMR-WB\n" + (b"\x44" + b"\x55" * 60) * 3 + b"\x4c" + b"\x55" * 5
    assert kind_of(wide) == AMR
    assert bare(wide, AMR) == wide
    assert bare(files.AMR + b"\x3c" + b"\x55" * 12, AMR) == files.AMR, "the call was cut off in a frame"


@pytest.mark.parametrize(
    "content",
    [
        files.AMR + b"TITLE=" + SECRET_PLACE,
        files.AMR + b"\0\0\0\x20moov" + SECRET_PLACE,
        b"#!AMR\n" + SECRET_PLACE,
        b"#!AMR\n" + b"\x4c" + b"\x55" * 5,  # a type that only the other kind has
        b"#!AMR\n",
        b"#!AMR\n" + b"\x7c" * 1_000_001,
    ],
)
def test_a_phones_recording_that_holds_anything_else_is_refused(content: bytes) -> None:
    with pytest.raises(Damaged):
        bare(content, AMR)


def test_every_page_of_a_voice_message_still_adds_up_and_its_sound_is_untouched() -> None:
    before, after = ogg_pages(voice()), ogg_pages(bare(voice(), OGG))
    assert len(before) == len(after) == 4
    for page in after:
        assert ogg_sum(page[:22] + bytes(4) + page[26:]) == int.from_bytes(page[22:26], "little")
    assert after[0] == before[0]
    assert after[3] == before[3]
    assert [len(page) for page in before] == [len(page) for page in after]


def test_a_dictaphones_recording_keeps_every_byte_in_its_place() -> None:
    before, after = m4a(), bare(m4a(), M4A)
    assert len(before) == len(after)
    assert after[after.index(b"mdat") :] == before[before.index(b"mdat") :]
    assert (3_800_000_000).to_bytes(4, "big") not in after, "nor when"


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from([voice(), m4a(), mp3(), files.AMR]), st.integers(0, 400), st.binary(max_size=8), st.integers(0, 900)
)
def test_whatever_is_broken_in_it_ends_soon_and_with_a_word(content: bytes, at: int, other: bytes, end: int) -> None:
    broken = (content[:at] + other + content[at + len(other) :])[: end or None]
    began = time.monotonic()
    try:
        kind = kind_of(broken)
        if kind:
            assert len(bare(broken, kind)) <= len(broken)
    except Damaged:
        pass
    assert time.monotonic() - began < 2


def test_ten_megabytes_of_empty_boxes_are_given_up() -> None:
    began = time.monotonic()
    with pytest.raises(Damaged):
        kind_of(files.box(b"ftyp", b"M4A ") + files.box(b"free") * 1_200_000)
    assert time.monotonic() - began < 2
    assert recordings.MOST_PIECES < 1_200_000
