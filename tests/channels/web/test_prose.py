"""The HTML of answers."""

from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser as HTMLParser

from channels.web.prose import cleaned, html_of, linked


def test_blank_lines_make_paragraphs_and_dashes_make_a_list() -> None:
    html = html_of("Un.\nDeux.\n\nListe :\n- a\n- b\n  suite\nFin.")
    assert html.split("\n") == [
        "<p>Un.<br>Deux.</p>",
        "<p>Liste\u00a0:</p>",
        "<ul><li>a</li><li>b<br>suite</li></ul>",
        "<p>Fin.</p>",
    ]


def test_the_source_and_what_follows_it_are_set_smaller() -> None:
    html = html_of("Oui.\n\nSource : loi, art. 7.\n\nRéponse automatique.")
    assert '<p class="source">Source\u00a0: loi, art. 7.</p>' in html
    assert '<p class="fine">Réponse automatique.</p>' in html
    assert "<p>Oui.</p>" in html


def test_a_web_address_can_be_clicked_without_the_full_stop_that_ends_the_sentence() -> None:
    assert linked("Voir (https://a.fr/x_(y)?b=1&c=2).") == (
        'Voir (<a href="https://a.fr/x_(y)?b=1&amp;c=2" rel="noopener noreferrer">https://a.fr/x_(y)?b=1&amp;c=2</a>).'
    )


def test_phone_numbers_and_mail_addresses_can_be_clicked() -> None:
    assert 'href="tel:+33240123456"' in linked("02 40 12 34 56")
    assert 'href="mailto:a.b@c.fr"' in linked("écrivez à a.b@c.fr.")
    assert "href" not in linked("n° 1102401234567")


def test_no_other_scheme_becomes_a_link() -> None:
    for text in ("javascript:alert(1)", "data:text/html,x", "file:///etc/passwd"):
        assert "href" not in linked(text)


def test_lines_that_repeat_a_choice_are_left_out() -> None:
    text = "Laquelle ?\n\n1. Les frais\n2) Le salaire\n3. Autre chose"
    html = html_of(text, ("Les frais", "Le salaire"))
    assert "Les frais" not in html
    assert "Le salaire" not in html
    assert "3. Autre chose" in html


@given(st.text(alphabet=st.sampled_from("<>&\"' \n-:/.@abhtps0123é:Source"), max_size=80))
def test_whatever_is_written_only_our_own_tags_come_out(text: str) -> None:
    tree = HTMLParser(f"<main>{html_of(text)}</main>")
    assert tree.body is not None
    names = {node.tag for node in tree.body.traverse()}
    assert names <= {"body", "main", "p", "br", "ul", "li", "a"}
    for link in tree.css("a"):
        assert (link.attributes.get("href") or "").startswith(("http://", "https://", "mailto:", "tel:+33"))
        assert set(link.attributes) <= {"href", "rel"}


def test_control_characters_go_and_line_ends_are_plain() -> None:
    assert cleaned(" a\x00b\r\nc\x1b\td\r ") == "ab\nc\td"
