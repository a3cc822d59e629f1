"""What an SMS can carry: GSM-7 folding and counting (3GPP TS 23.038); pure."""

import unicodedata

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = frozenset("^{}\\[~]|€\f")  # two septets each
FOLDED = str.maketrans(
    {
        "«": '"', "»": '"', "“": '"', "”": '"', "„": '"', "’": "'", "‘": "'", "…": "...", "–": "-", "—": "-", "‑": "-",
        "•": "-", "·": ".", "œ": "oe", "Œ": "OE", "°": "o", "→": ">", "\u00a0": " ", "\u202f": " ", "\u2009": " ",
        "\u200b": "", "\ufeff": "", "\t": " ",
    }
)  # fmt: skip
SINGLE, PART = 160, 153  # septets of a message alone, and of one among several
SINGLE_UCS2, PART_UCS2 = 70, 67  # UTF-16 units


def fold(text: str) -> str:
    """The same text with what GSM-7 lacks written otherwise: « ça » is "ca"; é è à ù stay, they cost nothing."""
    for space in (" ", "\u00a0", "\u202f"):
        text = text.replace(f"«{space}", '"').replace(f"{space}»", '"')
    text = unicodedata.normalize("NFC", text).translate(FOLDED)
    return "".join(char if char in BASIC or char in EXTENDED else _plainer(char) for char in text)


def _plainer(char: str) -> str:
    bare = "".join(c for c in unicodedata.normalize("NFKD", char) if not unicodedata.combining(c))
    return bare if bare and all(c in BASIC or c in EXTENDED for c in bare) else char


def is_gsm(text: str) -> bool:
    return all(char in BASIC or char in EXTENDED for char in text)


def septets(text: str) -> int:
    """Characters of a folded GSM-7 text, escaped ones counted twice."""
    return sum(2 if char in EXTENDED else 1 for char in text)


def segments(text: str) -> int:
    """SMS that a text takes as it stands: 160/153 septets in GSM-7, else 70/67 UTF-16 units."""
    if is_gsm(text):
        length, single, part = septets(text), SINGLE, PART
    else:
        length, single, part = len(text.encode("utf-16-le")) // 2, SINGLE_UCS2, PART_UCS2
    return 1 if length <= single else -(-length // part)


def length(text: str) -> int | None:
    """Septets of a text once folded; None when GSM-7 cannot carry it."""
    folded = fold(text)
    return septets(folded) if is_gsm(folded) else None
