"""Finding what a person wrote among all that their mail program added; losing words is worse than leaking a quote."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from . import patterns as p
from .render import CUT, STRONG, WEAK

MAX_LINES = 1_500  # what comes after is kept as it is
MAX_LINE = 2_000  # characters of a line that patterns are tried on
MAX_BLOCK = 40  # lines of one header block
MAX_SEPARATOR = 160
MAX_SIGNATURE = 40  # full lines at the end among which a signature may begin
UNFOLD = 6  # lines that one attribution may be folded over

Kind = Literal["text", "quoted", "ours", "indented", "cut"]
QUOTED = ("quoted", "ours", "indented")
_BLANKS = dict.fromkeys(map(ord, "\u00a0\u202f\u2007\u2009\u200a\u2002\u2003\u3000\t"), " ")
_INVISIBLE = dict.fromkeys(
    [*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2065), 0xFEFF, 0xAD, 0x180E]
)
_QUOTE_MARK = re.compile(r"^\s{0,3}(?:>|&gt;)")
_MARKS = re.compile(r"^(?:\s{0,3}(?:>|&gt;))+ ?")
_BAR = re.compile(r"^\s?\|(?:\s|$)")
_LINK_ALONE = re.compile(r"^[(<\[]https?://\S+[)>\]]\s?>?$")
_URL_END = re.compile(r"https?://\S+$")
_YEAR = re.compile(r"(?<!\d)(?:(?:19|20)\d\d|\d{1,2}[/.-]\d{1,2}[/.-]\d{2})(?!\d)")
_CLOSED = re.compile(r"[:：][\s*_>-]*$")
_VERB_LAST = re.compile(p.VERB.pattern + r"[\W_]*$", re.I)


@dataclass(frozen=True)
class Reply:
    """One text body, read."""

    visible: str
    signature: str = ""
    quoted: str = ""
    forwarded: bool = False
    whole: bool = False  # nothing but quotes was found, and all of it was kept


@dataclass
class Line:
    text: str
    kind: Kind

    @property
    def blank(self) -> bool:
        return not self.text.strip()

    @cached_property
    def bare(self) -> str:
        """The line without its quote marks, short enough for patterns."""
        return _MARKS.sub("", self.text[:MAX_LINE])

    @cached_property
    def inline(self) -> set[str]:
        return _inline_roles(self.text)

    @cached_property
    def role(self) -> str:
        """The role of the header label that it starts with: from, sent, date, to, cc, subject, other; '' if none."""
        label = p.LABEL_LINE.match(self.bare)
        return _role(label.group(1)) if label else ""


@dataclass
class Segment:
    kind: Literal["text", "quote", "forward"]
    lines: list[Line] = field(default_factory=list)
    announced: bool = False  # an attribution or a header block stands above this quote, or inside at its top


def read_reply(text: str, *, subject: str = "", sent: str = "") -> Reply:
    """Read one rendered body.

    1. A forward, by its subject or by the line that opens it, is kept whole from there.
    2. Attributions, header blocks and separators announce a quote: its marked lines go, or all below if none is.
    3. Quoted lines that nothing announces go when they end the mail, and stay when an answer follows them.
    4. Text between and below quotes is kept; if no word is left, everything is.
    5. Signatures are set apart, and lines of `sent` (what we wrote to this person) count as quoted.
    """
    lines = _lines(text, sent)
    if p.FORWARD_SUBJECT.match(subject):
        return Reply(_join(lines), forwarded=True)
    segments = _Reader(lines).read()
    kept: list[Line] = []
    signature: list[Line] = []
    quoted: list[Line] = []
    answered = False  # a person's words come after the segment at hand
    for segment in reversed(segments):
        if segment.kind == "text":
            body, closing = _split_signature(segment.lines)
            answered = answered or any(not line.blank for line in body)
            kept[:0], signature[:0] = _trim(body), closing
        elif segment.kind == "forward" or (answered and not segment.announced):
            kept[:0] = segment.lines
        else:
            quoted[:0] = segment.lines
    forwarded = any(segment.kind == "forward" for segment in segments)
    if not _has_words(kept) and (_has_words(quoted) or any(not _is_noise(line) for line in signature)):
        return Reply(_join(lines), quoted=_join(quoted), whole=True)
    return Reply(_join(_trim(kept)), _join(signature), _join(quoted), forwarded)


# ---------------------------------------------------------------- lines
def tidy(text: str) -> str:
    """Plain blanks for all the kinds of blank, and nothing invisible."""
    return text.translate(_BLANKS).translate(_INVISIBLE)


def _lines(text: str, sent: str) -> list[Line]:
    ours = _words(sent)
    out: list[Line] = []
    for raw in tidy(text).split("\n", MAX_LINES):
        body = raw.lstrip(STRONG + WEAK)
        out.extend(Line(piece, _kind(raw, piece, ours)) for piece in _unshare(body.rstrip()))
    return out


def _kind(raw: str, piece: str, ours: str) -> Kind:
    if piece.strip() == CUT:
        return "cut"
    if raw.startswith(STRONG) or _QUOTE_MARK.match(piece):
        return "quoted"
    if ours and len(words := _words(_MARKS.sub("", piece))) > 20 and words in ours:
        return "ours"
    return "indented" if raw.startswith(WEAK) else "text"


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", tidy(text).casefold()))


def _unshare(line: str) -> list[str]:
    """Cut a line where a person's words and an attribution, or a header block run on in one line, share it."""
    if len(line) > MAX_LINE:
        return [line]
    for shared in p.SHARED_LINE.finditer(line):
        rest = line[shared.start() :]
        if _QUOTE_MARK.match(line) or p.ORNAMENT.match(line[: shared.start()]):
            break
        if p.DATED.match(rest) and p.ADDRESS.search(rest) and p.CLOCK.search(rest) and _closes(rest, dated=True):
            return [line[: shared.start()].rstrip(" -"), rest]
    run_on = p.RUN_ON.search(line)
    if (
        run_on
        and run_on.start()
        and ("@" in line or p.CLOCK.search(line))
        and len(_inline_roles(line[run_on.start() :])) >= 3
    ):
        return [line[: run_on.start()].rstrip(), line[run_on.start() :]]
    return [line]


def _next_full(lines: Sequence[Line], start: int) -> int:
    while start < len(lines) and lines[start].blank:
        start += 1
    return start


# ---------------------------------------------------------------- segments
class _Reader:
    """Walks down the lines and cuts them into segments."""

    def __init__(self, lines: list[Line]) -> None:
        self.lines = lines
        self.here = 0
        self.segments = [Segment("text")]
        self.wrote = False  # a person's words stand above
        self.announced = False  # an attribution or a header block was met: marked lines below are its quote
        self.resent = False  # a mail that was sent on or pasted stands in the text

    def read(self) -> list[Segment]:
        while self.here < len(self.lines):
            self._step()
        return self.segments

    def _step(self) -> None:
        line = self.lines[self.here]
        if line.kind == "cut" or (line.kind == "text" and p.ABOVE.match(line.text[:MAX_LINE])):
            self._take("quote", len(self.lines) if self.wrote else self.here + 1, announced=True)
        elif not self.announced and _forward_at(self.lines, self.here):
            self._take("forward", len(self.lines))
        elif line.kind == "text" and (end := _announcement(self.lines, self.here)):
            self._announcement(end)
        elif line.kind == "text":
            self._keep(self.here + 1)
        else:
            self._passage(line.kind, _run(self.lines, self.here))

    def _announcement(self, end: int) -> None:
        below = _next_full(self.lines, end)
        if _quoted_at(self.lines, below):
            self._take("quote", _run(self.lines, below, bars=True), announced=True)
        elif self.wrote and not self.resent and not self._introduced():
            self._take("quote", len(self.lines), announced=True)
        elif self.wrote or not _attribution(self.lines, self.here):
            # A mail that was sent on, or pasted by the person: from here only marked quotes go.
            self.resent = True
            self._keep(end)
        else:
            self._take("quote", end, announced=True)

    def _introduced(self) -> bool:
        """Whether the person announces what follows: "Voici ce que j'ai reçu :"."""
        above = next((line for line in reversed(self.segments[-1].lines) if not line.blank), None)
        return above is not None and above.text.rstrip().endswith(":") and not above.role

    def _passage(self, kind: Kind, end: int) -> None:
        opens = kind == "ours" or _opens_announced(self.lines[self.here : end])
        if kind == "indented" and not self.announced and not opens:
            self._keep(end)  # the person's own layout
        else:
            self._take("quote", end, announced=self.announced or opens)

    def _keep(self, end: int) -> None:
        kept = self.lines[self.here : end]
        self.segments[-1].lines += kept
        self.wrote = self.wrote or any(not p.ORNAMENT.match(line.text) for line in kept)
        self.here = end

    def _take(self, kind: Literal["quote", "forward"], end: int, announced: bool = False) -> None:
        self.announced = self.announced or announced
        self.segments += [Segment(kind, self.lines[self.here : end], announced), Segment("text")]
        self.here = end


def _quoted_at(lines: Sequence[Line], here: int) -> bool:
    return here < len(lines) and (lines[here].kind in QUOTED or bool(_BAR.match(lines[here].text)))


def _run(lines: Sequence[Line], start: int, bars: bool = False) -> int:
    """Where a run of quoted lines ends; blanks inside belong to it, and so does a link that was broken in two."""
    end = here = start
    while here < len(lines):
        line = lines[here]
        if line.kind in QUOTED or (bars and _BAR.match(line.text)):
            end = here = here + 1
        elif line.blank or (end == here and here > start and _is_broken_link(lines, here)):
            here += 1
        else:
            break
    return end


def _is_broken_link(lines: Sequence[Line], here: int) -> bool:
    continued = here + 1 < len(lines) and lines[here + 1].kind == "quoted"
    text = lines[here].text.strip()
    return continued and (
        bool(_LINK_ALONE.match(text)) or (" " not in text and bool(_URL_END.search(lines[here - 1].text)))
    )


def _opens_announced(run: Sequence[Line]) -> bool:
    """Whether a quoted run opens with an attribution or a header block of its own, as Apple Mail and Orange write."""
    inner = [Line(line.bare, "text") for line in run[:40]]
    first = _next_full(inner, 0)
    return first < len(inner) and bool(_announcement(inner, first))


def _forward_at(lines: Sequence[Line], here: int) -> bool:
    bare = lines[here].bare
    if p.IS_FORWARD.search(_ruled(bare)):
        return True
    if len(bare) > MAX_SEPARATOR or not p.FORWARD_LINE.match(bare):
        return False
    following = _next_full([Line(line.bare, "text") for line in lines[here + 1 : here + 6]], 0)
    return bool(lines[min(here + 1 + following, len(lines) - 1)].role)


# ---------------------------------------------------------------- announcements
def _ruled(text: str) -> str:
    """What stands between dashes; '' when no dashes do."""
    ruled = p.RULED.match(text) if len(text) <= MAX_SEPARATOR else None
    return ruled.group(1) if ruled else ""


def _is_original(core: str) -> bool:
    if not core or len(core.split()) > 4 or len(core) > 60:
        return False
    return bool(p.ORIGINAL_ALONE.match(core) or (p.IS_MAIL.search(core) and p.IS_ORIGINAL.search(core)))


def _announcement(lines: Sequence[Line], here: int) -> int:
    """The index after an attribution, a separator or a header block that starts here; 0 when there is none."""
    text = lines[here].text[:MAX_LINE]
    if not text.strip():
        return 0
    if _is_original(_ruled(text)) or _is_original(text.strip(" >*_:-")):
        below = _next_full(lines, here + 1)
        block = _header_block(lines, below) if below < len(lines) else 0
        if block or _ruled(text):
            return block or here + 1
    return _header_block(lines, here) or _attribution(lines, here)


def _header_block(lines: Sequence[Line], here: int) -> int:
    """The index after `De : / Envoyé : / À : / Objet :`, one a line, folded or run on; 0 when it is not one."""
    of = bool(p.MESSAGE_OF.match(lines[here].bare))
    if not of and lines[here].role not in ("from", "sent", "date", "to", "subject"):
        return 0
    roles: set[str] = {"date"} if of else set()
    window: list[str] = []
    role, mail = "", False
    end, folded = here, 0
    while end < min(len(lines), here + MAX_BLOCK):
        line = lines[end]
        if line.blank:
            end = _next_full(lines, end)
            if end < len(lines) and end < here + MAX_BLOCK and lines[end].role and lines[end].role not in roles:
                continue
            break
        folded = 0 if line.role else folded + 1
        if line.role in roles - {"cc", "other"} or (folded and end > here and not _continues(line.bare, folded)):
            break
        roles |= ({line.role} if line.role else set()) | line.inline
        role = line.role or role
        mail = mail or (role in ("from", "to", "cc", "other") and bool(p.ADDRESS.search(line.bare)))
        window.append(line.bare)
        end += 1
    return end if _is_header_block(roles, " ".join(window), mail, of) else 0


def _continues(text: str, folded: int) -> bool:
    return folded <= 1 or ("@" in text and folded <= 20) or bool(_inline_roles(text))


def _is_header_block(roles: set[str], text: str, mail: bool, of: bool) -> bool:
    """Strict enough that "Objet : … Date : …" in a person's own letter stays theirs."""
    dated = bool({"sent", "date"} & roles)
    if "from" in roles:
        return len(roles) >= 2 and (mail or of or "sent" in roles or (dated and "subject" in roles))
    return mail and dated and bool({"to", "subject"} & roles) and bool(p.CLOCK.search(text) or of)


def _role(label: str) -> str:
    return p.ROLE[" ".join(label.casefold().split())]


def _inline_roles(text: str) -> set[str]:
    return {_role(label) for label in p.LABEL_INLINE.findall(text[:MAX_LINE]) if not label[0].islower()}


def _attribution(lines: Sequence[Line], here: int) -> int:
    """The index after "Le mar. 3 nov. 2026 à 10:12, X <x@y> a⏎écrit :", folded over up to six lines, or 0."""
    text = lines[here].text[:MAX_LINE]
    if len(text) > 400:
        return 0
    if p.BARE_NAMED.match(text):
        return here + 1
    dated = bool(p.DATED.match(text) or p.WEEKDAY_ONLY.match(text))
    for end, joined in _unfolded(lines, here):
        if not _closes(joined, dated):
            continue
        end = _extend(lines, here, end, dated)
        # The latest start wins: a person's last line must not be taken for the top of a folded attribution.
        if any(_restarts(lines, later, end, dated) for later in range(here + 1, end)):
            return 0
        apart = (here == 0 or lines[here - 1].blank) and (end >= len(lines) or lines[end].blank)
        if _quoted_at(lines, _next_full(lines, end)) or _is_credible(joined, apart):
            return end
    return 0


def _unfolded(lines: Sequence[Line], here: int) -> list[tuple[int, str]]:
    """Every way to read on from this line: (index after, the lines joined)."""
    joined, out = "", []
    for end in range(here, min(len(lines), here + UNFOLD + 2)):
        text = lines[end].text.strip()
        if not text:
            if end + 1 < len(lines) and lines[end + 1].text.lstrip().startswith("<"):
                continue  # Polymail leaves a blank line before the address
            break
        if end > here and lines[end].kind != "text" and len(text) > 60:
            break
        joined = f"{joined} {text}".strip()
        if len(joined) > 500:
            break
        out.append((end + 1, joined))
    return out


def _restarts(lines: Sequence[Line], later: int, end: int, dated: bool) -> bool:
    """Whether a complete attribution starts at a later line, the one above not being left open by a comma."""
    text, above = lines[later].text, lines[later - 1].text.rstrip()
    starts = bool(p.DATED.match(text) or p.WEEKDAY_ONLY.match(text)) if dated else bool(p.NAMED.match(text))
    joined = " ".join(line.text.strip() for line in lines[later:end])
    return (
        starts
        and not above.endswith((",", "<", '"', "("))
        and _closes(joined, dated)
        and (not dated or bool(_YEAR.search(joined)))
    )


def _extend(lines: Sequence[Line], here: int, end: int, dated: bool) -> int:
    """Take in an address, or a second verb, that was folded below an attribution already complete."""
    below = lines[end].text.lstrip() if end < len(lines) else ""
    if not below.startswith("<") and not (below.startswith(">") and _VERB_LAST.search(below[-45:])):
        return end
    closed = (
        further for further, joined in _unfolded(lines, here) if end < further <= end + 2 and _closes(joined, dated)
    )
    return next(closed, end)


def _closes(joined: str, dated: bool) -> bool:
    """Whether these lines, joined, read as a whole attribution."""
    if p.TOLD.search(joined) or re.search(r"\w ?[?!] ", joined):
        return False
    ended = bool(_CLOSED.search(joined))
    verb = (ended and p.VERB.search(joined)) or _VERB_LAST.search(joined[-45:])
    if dated:
        return bool(
            verb or (ended and p.ADDRESS.search(joined) and p.CLOCK.search(joined)) or p.ISO_DATED.match(joined)
        )
    named = p.NAMED.match(joined)
    return bool(verb and named and p.VERB.match(joined[named.end() :].lstrip()))


def _is_credible(joined: str, apart: bool) -> bool:
    """Enough to cut unmarked text below: programs write an address, or a time with a year between blank lines."""
    timed = apart and p.CLOCK.search(joined) and _YEAR.search(joined)
    return bool(timed or p.ADDRESS.search(joined) or p.YOU_WROTE.search(joined) or re.search(r"-{2,}\s*$", joined))


# ---------------------------------------------------------------- signatures
def _split_signature(lines: list[Line]) -> tuple[list[Line], list[Line]]:
    full = [here for here, line in enumerate(lines) if not line.blank][-MAX_SIGNATURE:]
    for here in full:
        if _opens_signature(lines[here].text, lines[here + 1 :]):
            return _without_closing(lines[:here], lines[here:])
    return _without_closing(lines, [])


def _without_closing(body: list[Line], signature: list[Line]) -> tuple[list[Line], list[Line]]:
    """Set apart "Cordialement, / Marie Dupont / 06 00 00 00 00": a formula, a name, and contacts alone."""
    full = [here for here, line in enumerate(body) if not line.blank]
    if full and p.SLASHED_NAME.match(body[full[-1]].text):
        return body[: full[-1]], body[full[-1] :] + signature
    for place in range(max(0, len(full) - 7), len(full)):
        below = [body[here].text.strip() for here in full[place + 1 :]]
        named = (
            bool(below) and bool(p.NAME.match(below[0])) and all(p.NAME.match(t) or p.CONTACT.search(t) for t in below)
        )
        if named and p.CLOSING.match(body[full[place]].text):
            return body[: full[place]], body[full[place] :] + signature
    return body, signature


def _opens_signature(text: str, below: Sequence[Line]) -> bool:
    if p.SIGNATURE_RULE.match(text):
        full = [line for line in below if not line.blank]
        if full and full[0].role:
            return False  # the rule that Outlook draws above a header block
        limit = 10 if "_" in text else 25
        # A question below a rule is somebody's question, not their address.
        return len(full) <= limit and not any("?" in re.sub(r"https?://\S+", "", line.text) for line in full)
    return _is_machine_line(text) and all(
        line.blank or _is_machine_line(line.text) or p.ORNAMENT.match(line.text) for line in _before_rule(below)
    )


def _before_rule(lines: Sequence[Line]) -> Sequence[Line]:
    for here, line in enumerate(lines):
        if p.SIGNATURE_RULE.match(line.text) and _opens_signature(line.text, lines[here + 1 :]):
            return lines[:here]
    return lines


def _is_machine_line(text: str) -> bool:
    text = text.strip().strip("*_")
    return 0 < len(text) <= 200 and any(pattern.match(text) for pattern in (*p.MOBILE, *p.FOOTER))


# ---------------------------------------------------------------- putting together
def _trim(lines: list[Line]) -> list[Line]:
    """Drop blank lines at both ends, and rules at the end: they belong to what was cut below."""
    start, end = 0, len(lines)
    while start < end and lines[start].blank:
        start += 1
    while end > start and p.ORNAMENT.match(lines[end - 1].text):
        end -= 1
    return [*lines[start:end], *([Line("", "text")] if start < end < len(lines) else [])]


def _has_words(lines: Sequence[Line]) -> bool:
    return any(line.kind != "cut" and not p.ORNAMENT.match(line.text) for line in lines)


def _is_noise(line: Line) -> bool:
    return bool(p.ORNAMENT.match(line.text)) or _is_machine_line(line.text)


def _join(lines: Sequence[Line]) -> str:
    out = [
        f"> {line.text}" if line.kind == "quoted" and not _QUOTE_MARK.match(line.text) else line.text
        for line in lines
        if line.kind != "cut"
    ]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(out)).strip("\n ")
