"""What is measured is what happened."""

from xml.etree import ElementTree

from knowledge.matching import Candidate, Match
from knowledge.measure import measure, wilson

KINDS = {"copil": "meeting", "salle": "practical", "fonds": "practical"}
ANSWERS = {
    "juste": Match("answer", ("copil",), 0.99, (Candidate("copil", 0.99),), (), ""),
    "faux": Match("answer", ("salle",), 0.90, (Candidate("salle", 0.90),), (), ""),
    "choix": Match("clarify", ("salle", "copil"), 0.5, (Candidate("salle", 0.5), Candidate("copil", 0.4)), (), ""),
    "silence": Match("escalate", (), 0.1, (Candidate("fonds", 0.1),), (), ""),
    "deux": Match("answer", ("copil", "salle"), 0.95, (Candidate("copil", 0.95),), (), ""),
    "english": Match("escalate", (), 0.0, (), (), "", language="en"),
}


def line(q: str, gold: list[str], **more: object) -> dict[str, object]:
    return {"q": q, "gold": gold, "alt": [], "gold_mode": "any", "scope": "in" if gold else "out-far", **more}


LINES = [
    line("juste", ["gloss-copil"], style="plain", channel="web"),
    line("faux", ["copil"], style="sms", channel="sms"),
    line("choix", ["copil"]),
    line("silence", ["fonds"]),
    line("faux", [], style="plain"),
    line("silence", []),
    line("deux", ["copil", "salle"], gold_mode="all"),
    line("juste", ["copil", "salle"], gold_mode="all"),
    line("deux", ["copil"], alt=["salle"]),
    line("juste", ["copil"], limite=True),
    line("english", ["copil"], style="english"),
]


def asked(text: str, channel: str) -> Match:
    return ANSWERS[text]


def test_verdicts_aliases_and_what_stands_apart() -> None:
    report = measure(LINES, asked, KINDS, {"gloss-copil": "copil"})
    assert [o.verdict for o in report.outcomes] == [
        "right", "wrong", "offered", "escalated", "wrong", "escalated", "right", "wrong", "right",
    ]  # fmt: skip
    assert (len(report.foreign), report.left_out) == (1, 1)
    assert report.precision == 3 / 6
    assert report.answered_or_offered == 4 / 7


def test_the_text_tells_the_bars_and_every_table() -> None:
    text = measure(LINES, asked, KINDS, {}).text()
    for told in (
        "portée",
        "style",
        "canal",
        "genre de fiche",
        "fiabilité",
        "97 %",
        "out-far",
        "1 dans une autre langue",
    ):
        assert told in text


def test_the_plot_is_a_picture() -> None:
    picture = ElementTree.fromstring(measure(LINES, asked, KINDS, {}).svg())
    assert picture.tag.endswith("svg")
    assert any(child.tag.endswith("polyline") for child in picture)


def test_the_interval_holds_the_share() -> None:
    low, high = wilson(97, 100)
    assert 0.91 < low < 0.97 < high < 1
    assert wilson(0, 0) == (0.0, 1.0)
