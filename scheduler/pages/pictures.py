"""The year of each council as bars: drawn here, labelled beside; pure."""

from markupsafe import Markup


def bar(share: int, fill: str) -> Markup:
    """A bar of a share in percent."""
    return Markup(
        '<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
        '<rect class="fill-open" width="100" height="10"/><rect class="fill-{}" width="{}" height="10"/></svg>'
    ).format(fill, max(0, min(100, share)))
