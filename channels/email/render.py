"""HTML mail to plain lines, the quoted containers of the mail programs being marked for the reader of replies."""

import re

from inscriptis import get_text
from inscriptis.model.config import ParserConfig
from selectolax.lexbor import LexborHTMLParser, LexborNode

MAX_HTML = 400_000  # characters that are rendered
MAX_NESTING = 200  # lxml recurses, and so does inscriptis

# Private characters stand for structure inside the rendered text; those that a sender types are removed first.
OPEN, CLOSE, WEAK_OPEN, WEAK_CLOSE, CUT = "\ue000", "\ue001", "\ue002", "\ue003", "\ue004"
STRONG, WEAK = "\ue005", "\ue006"  # in front of a line: quoted for sure, quoted only if something announces it
_PRIVATE = re.compile("[\ue000-\ue0ff]")
_DATA_URI = re.compile(r"""(?i)(["'(])data:[^"')]{200,}""")
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)\b[^<>]*?(/?)>")
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"]
)

DROPPED = ["script", "style", "head", "title", "template", "iframe", "object", "svg"]
QUOTED = (
    "blockquote[type=cite], blockquote.protonmail_quote, blockquote.tutanota_quote, blockquote.iwcQuote,"
    "blockquote.zmail_quote,"
    "div.yahoo_quoted, div[name=quoted-content], div#zmail_quote, span#OLK_SRC_BODY_SECTION, div.mailcontent-quote"
)
GMAIL_QUOTED = "div.gmail_quote blockquote, div.gmail_quote_container blockquote, div.gmail_extra blockquote"
# What Outlook (web, new, mobile) and Hotmail write right before the original, which follows up to the end.
SPLITS = (
    "div#divRplyFwdMsg, div#x_divRplyFwdMsg, div#mail-editor-reference-message-container,"
    "div.ms-outlook-mobile-reference-message,"
    "hr#stopSpelling, div#reply-intro-outlook"
)


def lines_of_html(html: str) -> tuple[str, bool]:
    """Render HTML; quoted lines start with STRONG or WEAK, Outlook's cut is a line of CUT. Says whether it was cut."""
    html = _DATA_URI.sub(r"\1", _PRIVATE.sub("", html))
    cut = len(html) > MAX_HTML
    html = html[:MAX_HTML]
    if _nesting(html) > MAX_NESTING:
        return _flat(html), cut
    tree = LexborHTMLParser(html)
    tree.strip_tags(DROPPED)
    _mark(tree)
    source = tree.html or ""
    try:
        text = get_text(source, ParserConfig(display_links=False, display_images=False)) if source.strip() else ""
    except (RecursionError, ValueError, IndexError, AttributeError, KeyError, AssertionError):
        return _flat(html), cut  # inscriptis is strict about styles and tables; words matter more than layout
    return _prefix(text), cut


def _mark(tree: LexborHTMLParser) -> None:
    strong = [*tree.css(QUOTED), *tree.css(GMAIL_QUOTED)]
    seen = {node.mem_id for node in strong}
    for node in strong:
        _wrap(node, OPEN, CLOSE)
    for node in tree.css("blockquote"):
        if node.mem_id not in seen:
            _wrap(node, WEAK_OPEN, WEAK_CLOSE)
    for node in tree.css(SPLITS):
        node.insert_before(_paragraph(tree, CUT))
    for node in tree.css("hr"):
        node.insert_before(_paragraph(tree, "-" * 20))


def _wrap(node: LexborNode, opening: str, closing: str) -> None:
    node.insert_before(f"\n{opening}")
    node.insert_after(f"{closing}\n")


def _paragraph(tree: LexborHTMLParser, text: str) -> LexborNode | str:
    made = LexborHTMLParser(f"<div>{text}</div>").css_first("div")
    return made if made is not None else text


def _prefix(text: str) -> str:
    """Turn the opening and closing characters into a prefix on every line between them."""
    out: list[str] = []
    strong = weak = 0
    for line in re.sub(f"([{OPEN}{CLOSE}{WEAK_OPEN}{WEAK_CLOSE}])", r"\n\1\n", text).split("\n"):
        mark = line.strip()
        strong = max(0, strong + (mark == OPEN) - (mark == CLOSE))
        weak = max(0, weak + (mark == WEAK_OPEN) - (mark == WEAK_CLOSE))
        if mark not in (OPEN, CLOSE, WEAK_OPEN, WEAK_CLOSE):
            out.append((STRONG if strong else WEAK if weak else "") + line.rstrip())
    return "\n".join(out)


def _nesting(html: str) -> int:
    depth = deepest = 0
    for match in _TAG.finditer(html):
        if match.group(2).lower() in _VOID or match.group(3):
            continue
        depth += -1 if match.group(1) else 1
        deepest = max(deepest, depth)
    return deepest


def _flat(html: str) -> str:
    """The words alone, without structure."""
    html = re.sub(r"(?is)<(script|style|head|title)\b.{0,50000}?</\1\s*>", " ", html)
    return _prefix(re.sub(r"[ \t]*\n\s*", "\n", re.sub(r"<[^<>]{0,5000}>", "\n", html)))
