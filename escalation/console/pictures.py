"""Bars that are read at a glance: drawn here, labelled beside, without a style or a script; pure."""

from collections.abc import Sequence

from markupsafe import Markup


def bar(parts: Sequence[tuple[str, int]], most: int) -> Markup:
    """One bar: parts (the name of a fill, a count) side by side, on a scale where `most` is the whole width."""
    drawn, left = [], 0.0
    for fill, count in parts:
        width = 100 * count / most if most else 0.0
        if width:
            drawn.append(Markup('<rect class="fill-{}" x="{:.2f}" y="0" width="{:.2f}" height="10"/>').format(
                fill, left, max(width, 0.6)
            ))  # fmt: skip
        left += width
    return Markup(
        '<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" focusable="false">{}</svg>'
    ).format(Markup("").join(drawn))
