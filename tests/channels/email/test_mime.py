"""A raw mail is read as a person would read it, whoever sent it, and hostile ones break nothing."""

# ruff: noqa: E501 - a mail is kept as it travels

import base64
import subprocess
import sys
import time
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from channels.email.mime import MARKER, Mail, Unreadable, kind_of_mail, read_mail, visible_reply
from tests.channels.email import cases_fr as fr

HEAD = b"From: a@example.org\r\nTo: b+jeton@example.org\r\nSubject: Question\r\nMIME-Version: 1.0\r\n"
SLACK = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def flat(text: str) -> str:
    return " ".join(fr_clean(text).split())


def fr_clean(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u202f", " ").replace("\ufeff", "")


def named(cases: list[fr.Case]) -> list[object]:
    return [pytest.param(case, id=case.name) for case in cases]


def text_mail(body: str, subject: str = "Re: Votre question") -> bytes:
    return fr.headers(subject) + fr.part(body, encoding="base64")


# ---------------------------------------------------------------- French mails
@pytest.mark.parametrize("case", named(fr.REPLIES))
def test_only_what_the_person_answered_is_seen(case: fr.Case) -> None:
    mail = read_mail(case.raw)
    assert flat(mail.text) == flat(case.visible)
    assert not [text for text in case.hidden if text in flat(mail.text)]
    assert mail.kind == "human"


@pytest.mark.parametrize("case", named(fr.KEPT))
def test_nothing_that_the_person_wrote_is_lost(case: fr.Case) -> None:
    assert flat(visible_reply(case.raw)) == flat(case.visible)


@pytest.mark.parametrize("case", named(fr.FORWARDS))
def test_a_forward_is_kept_whole(case: fr.Case) -> None:
    mail = read_mail(case.raw)
    assert [text for text in case.shown if text not in flat(mail.text)] == []
    assert mail.kind == "human"


@pytest.mark.parametrize("case", named(fr.MACHINES))
def test_a_machine_is_recognised(case: fr.Case) -> None:
    assert kind_of_mail(case.raw) == case.kind


@pytest.mark.parametrize("case", named(fr.PEOPLE))
def test_a_person_is_never_taken_for_a_machine(case: fr.Case) -> None:
    assert kind_of_mail(case.raw) == "human"


def test_there_are_at_least_sixty_french_cases() -> None:
    assert len(fr.REPLIES) + len(fr.KEPT) + len(fr.FORWARDS) + len(fr.MACHINES) >= 60


# ---------------------------------------------------------------- bounces
def test_a_bounce_tells_who_was_not_reached_and_which_mail_it_was() -> None:
    case = next(case for case in fr.MACHINES if case.name == "Postfix")
    [recipient] = read_mail(case.raw).bounced
    assert (recipient.address, recipient.status, recipient.hard) == ("parti@example.org", "5.1.1", True)
    assert recipient.message_id_of_original == "<k7f3q9.17@conseils.example.org>"


@pytest.mark.parametrize("name", ["Orange, boîte pleine", "retard de remise"])
def test_a_full_mailbox_and_a_delay_are_not_for_good(name: str) -> None:
    case = next(case for case in fr.MACHINES if case.name == name)
    assert [recipient.hard for recipient in read_mail(case.raw).bounced] == [False]


def test_a_bounce_without_a_report_still_names_the_address() -> None:
    case = next(case for case in fr.MACHINES if case.name == "sans rapport, en français")
    assert [(r.address, r.hard) for r in read_mail(case.raw).bounced] == [("parti@example.org", True)]


# ---------------------------------------------------------------- what surrounds the text
def test_signature_and_quote_are_set_apart_rather_than_thrown_away() -> None:
    mail = read_mail(text_mail(f"Merci !\n\n-- \nAmélie Durand\n\n{fr.GMAIL}\n\n{fr.quoted()}"))
    assert (mail.text, "Amélie Durand" in mail.signature, fr.LEAK in mail.quoted) == ("Merci !", True, True)


def test_the_token_is_found_in_the_address_and_in_the_thread() -> None:
    mail = read_mail(text_mail("Merci"), own_domains=("conseils.example.org",))
    assert mail.tokens[0] == "k7f3q9"
    assert read_mail(text_mail("Merci").replace(b"+k7f3q9", b"")).tokens[0] == "k7f3q9"


def test_tokens_of_other_domains_are_ignored_when_ours_are_known() -> None:
    assert read_mail(HEAD + b"\r\nMerci", own_domains=("conseils.example.org",)).tokens == ()
    assert read_mail(HEAD + b"\r\nMerci", own_domains=("EXAMPLE.org",)).tokens == ("jeton",)


def test_a_token_stands_even_behind_a_hundred_thousand_recipients() -> None:
    crowd = b",\r\n ".join(b'"N" <n%d@example.org>' % number for number in range(100_000))
    mail = read_mail(b"From: a@example.org\r\nTo: " + crowd + b",\r\n b+jeton@example.org\r\nSubject: x\r\n\r\nBonjour")
    assert (mail.tokens, mail.subject, mail.text) == (("jeton",), "x", "Bonjour")
    assert any("destinataires" in warning for warning in mail.warnings)


def test_what_we_sent_is_subtracted_even_when_nothing_marks_it() -> None:
    body = f"D'accord.\n\n{fr.OURS}"
    assert visible_reply(text_mail(body), sent=fr.OURS) == "D'accord.\n\nBonjour,\n\nLa hotline"
    assert visible_reply(text_mail(body)) == body


def test_the_marker_is_the_line_that_our_letters_carry() -> None:
    assert visible_reply(text_mail(f"Oui\n\n{MARKER}\n\n{fr.OURS}")) == "Oui"


@pytest.mark.parametrize(
    ("written", "name", "address"),
    [
        (b"=?utf-8?q?Am=C3=A9lie_Durand?= <Amelie@Example.org>", "Amélie Durand", "amelie@example.org"),
        (b'"Durand, Am\xc3\xa9lie" <a@example.org>', "Durand, Amélie", "a@example.org"),
        (b"a@example.org (Amelie)", "Amelie", "a@example.org"),
        (b"=?iso-8859-1?b?Smlt6W5leg==?= =?iso-8859-1?q?_L=F3pez?= <j@example.org>", "Jiménez López", "j@example.org"),
        (b"undisclosed", "undisclosed", ""),
    ],
)
def test_the_sender_is_read_in_every_spelling(written: bytes, name: str, address: str) -> None:
    sender = read_mail(b"From: " + written + b"\r\n\r\nBonjour").sender
    assert (sender.name, sender.address) == (name, address)


def test_a_character_cut_between_two_encoded_words_is_mended() -> None:
    assert (
        read_mail(
            b"Subject: =?utf-8?b?w4l0w6k=?= =?utf-8?b?IMOg?=\r\n =?utf-8?q?_=C3?= =?utf-8?q?=89vry?=\r\n\r\nx"
        ).subject
        == "Été à Évry"
    )


def test_authentication_results_come_topmost_first() -> None:
    raw = (
        b"Authentication-Results: ours; dmarc=pass\r\nAuthentication-Results: theirs; dmarc=pass\r\n" + HEAD + b"\r\nx"
    )
    assert read_mail(raw).authentication_results == ("ours; dmarc=pass", "theirs; dmarc=pass")


def with_file(content: bytes, declared: str, name: str) -> Mail:
    return read_mail(
        HEAD
        + b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nVoici\r\n--x\r\nContent-Type: "
        + f'{declared}\r\nContent-Disposition: attachment; filename="{name}"\r\nContent-Transfer-Encoding: base64\r\n\r\n'.encode()
        + base64.encodebytes(content)
        + b"\r\n--x--\r\n"
    )


def test_an_attachment_is_known_by_its_first_bytes() -> None:
    mail = with_file(b"%PDF-1.7 ...", "application/octet-stream", "arrêté.pdf")
    [file] = mail.attachments
    assert (file.filename, file.content_type, file.declared, file.size) == (
        "arrêté.pdf",
        "application/pdf",
        "application/octet-stream",
        12,
    )
    assert mail.text == "Voici"


def test_a_program_dressed_as_a_picture_is_told() -> None:
    mail = with_file(b"MZ\x90\x00" + b"\0" * 60, "image/png", "../../photo.png")
    assert mail.attachments[0].filename == "photo.png"
    assert any("n'est pas celui" in warning for warning in mail.warnings)


def test_winmail_dat_is_kept_with_a_warning() -> None:
    mail = with_file(b"\x78\x9f\x3e\x22" + b"\0" * 20, "application/ms-tnef", "winmail.dat")
    assert [file.filename for file in mail.attachments] == ["winmail.dat"]
    assert any("winmail.dat" in warning for warning in mail.warnings)


def test_a_mail_inside_a_mail_is_an_attachment() -> None:
    raw = (
        HEAD
        + b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nVoir\r\n--x\r\nContent-Type: message/rfc822\r\n\r\nSubject: y\r\n\r\nz\r\n--x--"
    )
    mail = read_mail(raw)
    assert (mail.text, [file.filename for file in mail.attachments]) == ("Voir", ["message.eml"])


# ---------------------------------------------------------------- hostile mails
def deep(levels: int) -> bytes:
    return (
        HEAD
        + b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) for n in range(levels))
        + b"\r\nx"
    )


def body(kind: bytes, content: bytes) -> bytes:
    return HEAD + b"Content-Type: text/" + kind + b"\r\n\r\n" + content


HOSTILE = {
    "fifty thousand encoded words": b"Subject: " + b"=?utf-8?q?a?= " * 50_000 + b"\r\n\r\nBonjour",
    "a hundred thousand headers": b"To: a@example.org\r\n" * 100_000 + b"\r\nBonjour",
    "a header of five million letters": b"To: " + b"a" * 5_000_000 + b"\r\n\r\nBonjour",
    "three thousand nested parts": deep(3_000),
    "a hundred thousand parts": HEAD
    + b"Content-Type: multipart/mixed; boundary=x\r\n\r\n"
    + b"--x\r\n\r\na\r\n" * 100_000,
    "a million nested elements": body(b"html", b"<div>" * 1_000_000 + b"x"),
    "fifty thousand cells": body(b"html", b"<table><tr>" + b"<td>x" * 50_000),
    "nothing but brackets": body(b"html", b"<" * 900_000),
    "attributions without end": body(b"plain", b"Le 12 mars 2026 a 10:00, x <\r\n" * 30_000),
    "header blocks without end": body(b"plain", b"De : a@b.fr\r\nObjet : a\r\n" * 30_000),
    "dashes": body(b"plain", (b"-" * 1999 + b"\r\n") * 450),
    "rules of signatures": body(b"plain", b"--\r\nSent from my iPhone?\r\n" * 30_000),
    "one line of a megabyte": body(b"plain", b"> De : a " * 120_000),
    "NULs": body(b"plain", b"\x00" * 500_000 + b"x"),
    "every byte": bytes(range(256)) * 2_000,
    "a charset that is none": body(b"plain; charset=zlib", b"\xe9t\xe9"),
    "a file of twenty-five megabytes": HEAD
    + b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nBonjour\r\n--x\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    + base64.encodebytes(bytes(25_000_000)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_mail_is_read_or_refused_within_two_seconds(name: str) -> None:
    began = time.process_time()
    with suppress(Unreadable):
        read_mail(HOSTILE[name])
    assert time.process_time() - began < 2


READ_ALONE = """
import re, sys
from pathlib import Path
from channels.email import mime
raw = sys.stdin.buffer.read()
try:
    mime.read_mail(raw)
except mime.Unreadable:
    pass
print(int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""


@pytest.mark.parametrize(
    "name",
    [
        "fifty thousand encoded words",
        "a hundred thousand headers",
        "a million nested elements",
        "a hundred thousand parts",
        "a file of twenty-five megabytes",
        "fifty thousand cells",
    ],
)
def test_a_hostile_mail_takes_less_than_256_megabytes(name: str) -> None:
    """The whole program that reads it, interpreter and libraries included."""
    told = subprocess.run([sys.executable, "-c", READ_ALONE], input=HOSTILE[name], capture_output=True, check=True)
    assert int(told.stdout) < 256


def test_an_empty_or_a_huge_mail_is_refused_in_french() -> None:
    with pytest.raises(Unreadable, match="vide"):
        read_mail(b"\r\n \x00")
    with pytest.raises(Unreadable, match="volumineux"):
        visible_reply(b"a" * 50_000_001)


PIECES = st.sampled_from(
    [
        *(
            b"From: a@b.fr\r\n",
            b"Subject: =?utf-8?b?w?=\r\n",
            b"Content-Type: multipart/mixed; boundary=x\r\n",
            b"\r\n",
            b"--x\r\n",
            b"--x--\r\n",
        ),
        *(
            b"Content-Type: text/html; charset=utf-16\r\n",
            b"Content-Type: text/plain; charset*0*=''%ff\r\n",
            b"Content-Transfer-Encoding: base64\r\n",
        ),
        *(
            b"Content-Type: message/delivery-status\r\n",
            b"<blockquote type=cite>",
            b"<table><td colspan=-1>",
            b"</div>",
            "Le 3 nov. 2026 à 10:00, X a écrit :\r\n".encode(),
        ),
        *(
            b"> oui\r\n",
            b"De : a@b.fr\r\n",
            b"-- \r\n",
            b"=\r\n",
            b"\xff\xfe\x00",
            b"Content-Type: multipart/report; boundary=x\r\n",
            b"begin 644 a\r\n",
            b"<p style='display:xx;margin:1e9em'>",
        ),
    ]
)


@given(
    st.one_of(st.binary(max_size=400), st.lists(st.one_of(PIECES, st.binary(max_size=20)), max_size=30).map(b"".join))
)
@example(b"Content-Type: multipart/mixed; boundary=\r\n\r\n--\r\n")
@example(b"From: <@>\r\nDate: Mon, 99 Foo 99999999 99:99:99 +9999\r\n\r\n")
@SLACK
def test_reading_never_raises_anything_but_unreadable(raw: bytes) -> None:
    try:
        mail = read_mail(raw, own_domains=("example.org",), sent="Bonjour à tous, voici la réponse")
        mail.text.encode()
        assert "\x00" not in mail.text + mail.subject
    except Unreadable:
        pass


WORDS = st.text(st.sampled_from("abcdefghéèàç'’ ,.!?0123456789:-"), min_size=1, max_size=70)


@given(
    st.lists(WORDS, min_size=1, max_size=12),
    st.sampled_from([fr.GMAIL, fr.GMAIL_NARROW, "Le 03/11/2026 à 09:05, La hotline a écrit :"]),
)
@SLACK
def test_text_outside_quotes_is_never_lost(lines: list[str], attribution: str) -> None:
    written = "\n".join(lines)
    mail = read_mail(text_mail(f"{written}\n\n{attribution}\n\n{fr.quoted()}"))
    kept = flat(f"{mail.text}\n{mail.signature}")
    assert [word for word in flat(written).split() if any(map(str.isalnum, word)) and word not in kept] == []


@given(st.lists(WORDS, min_size=1, max_size=8), st.lists(WORDS, min_size=1, max_size=8))
@SLACK
def test_answers_above_below_and_between_quotes_are_kept(above: list[str], below: list[str]) -> None:
    raw = text_mail(
        "\n".join([*above, "", fr.GMAIL, fr.quoted(), "", *below, "", fr.quoted("Autre point ?"), "", "Fin."])
    )
    mail = read_mail(raw)
    kept = flat(f"{mail.text}\n{mail.signature}")
    assert [
        word for word in flat(" ".join(above + below)).split() if any(map(str.isalnum, word)) and word not in kept
    ] == []
    assert "Fin." in mail.text


@pytest.mark.parametrize(
    ("disposition", "content_id", "inline"),
    [("inline", True, True), ("", True, True), ("attachment", True, False), ("inline", False, False)],
)
def test_a_picture_that_stands_in_the_text_is_told_from_one_that_is_joined(
    disposition: str, content_id: bool, inline: bool
) -> None:
    head = (f"Content-Disposition: {disposition}\r\n" if disposition else "") + (
        "Content-ID: <logo@exemple.org>\r\n" if content_id else ""
    )
    raw = (
        "From: nora@exemple.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\n\r\n"
        "--b\r\nContent-Type: text/html\r\n\r\n<p>Mardi.</p><img src='cid:logo@exemple.org'>\r\n"
        f"--b\r\nContent-Type: image/png; name=logo.png\r\nContent-Transfer-Encoding: base64\r\n{head}\r\n"
        "iVBORw0KGgo=\r\n--b--\r\n"
    )
    (found,) = read_mail(raw.encode()).attachments
    assert (found.filename, found.inline) == ("logo.png", inline)
