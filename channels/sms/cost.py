"""What an SMS costs before it is sent; pure."""

from dataclasses import dataclass
from decimal import Decimal

from . import pieces

PRICE = Decimal("0.08")  # euros a segment in France, tax included, when nobody says otherwise


@dataclass(frozen=True)
class Cost:
    """`segments` SMS of 160 or 70 signs, `euros` for all of them."""

    segments: int
    euros: Decimal

    def __str__(self) -> str:
        return f"{self.segments} SMS, {in_euros(self.euros)}"


def cost(text: str, price: Decimal = PRICE) -> Cost:
    """Of a text as it would go out, cut at three segments; `price` is in euros a segment."""
    segments = pieces.fit(text).segments if text.strip() else 0
    return Cost(segments, segments * price)


def in_euros(amount: Decimal) -> str:
    """« 12,50 € »."""
    return f"{amount:.2f} €".replace(".", ",")
