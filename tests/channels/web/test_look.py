"""The colours of the style sheet: their contrast, in light and dark (WCAG 2.2, 1.4.3, 1.4.6 and 1.4.11)."""

import re
from importlib.resources import files

import pytest

SHEET = (files("bot") / "static" / "hotline.css").read_text("utf-8")
LIGHT, DARK = (
    dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))
    for block in re.findall(r":root \{(.*?)\}", SHEET, re.DOTALL)[:2]
)
BODY = [(ink, on) for ink in ("ink", "quiet") for on in ("paper", "sheet", "tint", "mine")]
OTHER = [
    ("action", "paper"), ("action", "sheet"), ("action", "tint"), ("action-strong", "mine"), ("on-action", "action"),
    ("on-action", "action-strong"), ("waiting", "waiting-tint"), ("failed", "failed-tint"), ("done", "done-tint"),
]  # fmt: skip


def contrast(one: str, other: str) -> float:
    """The ratio of two colours, as WCAG computes it."""

    def light(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_ratio_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
def test_body_text_has_seven_to_one_and_all_other_text_four_and_a_half(tokens: dict[str, str]) -> None:
    for ink, on in BODY:
        assert contrast(tokens[ink], tokens[on]) >= 7, (ink, on)
    for ink, on in OTHER:
        assert contrast(tokens[ink], tokens[on]) >= 4.5, (ink, on)
    for on in ("paper", "sheet"):
        assert contrast(tokens["edge"], tokens[on]) >= 3, ("edge", on)


def test_every_colour_of_the_light_look_has_its_dark_one() -> None:
    assert LIGHT.keys() == DARK.keys()
