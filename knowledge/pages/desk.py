"""What the pages of the entries need of the hotline, and what they are shown; bot/doors fulfils it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

from knowledge.differences import Difference
from knowledge.entries import Content
from knowledge.general import General
from knowledge.reliability import Count

Signed = Any  # whoever the frame found signed in


@dataclass(frozen=True)
class Filter:
    """Which entries to list: words that they hold, kind, and state (valide, a_valider, a_relire, retirees, …)."""

    words: str = ""
    kind: str = ""
    state: str = ""
    page: int = 1


@dataclass(frozen=True)
class Figures:
    """How an entry does: how often it came first, was given, and what became of that."""

    asked: int = 0
    given: int = 0
    useful: int = 0
    useless: int = 0
    corrected: int = 0


@dataclass(frozen=True)
class Row:
    """An entry in a list; `why` says in words why it is to be read again."""

    slug: str
    title: str
    kind: str
    state: str  # published | draft | retired
    status: str
    review_by: str
    expires: str
    phrasings: int
    changed_at: datetime
    due: bool = False
    over: bool = False
    figures: Figures = Figures()
    why: tuple[str, ...] = ()


@dataclass(frozen=True)
class Listed:
    """One page of a list, how many there are in all, and how many by state."""

    rows: tuple[Row, ...]
    total: int
    last: int
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Preview:
    """An answer as one channel shows it; `note` counts what it costs there."""

    label: str
    text: str
    note: str = ""
    wrong: bool = False


@dataclass(frozen=True)
class Checked:
    """What is wrong with an entry being written (by field), what could be better, and how it will be read."""

    errors: Mapping[str, str] = field(default_factory=dict)
    hints: tuple[tuple[str, str], ...] = ()  # field, words
    previews: tuple[Preview, ...] = ()


@dataclass(frozen=True)
class Version:
    """A version in the history of an entry."""

    number: int
    author: str
    reason: str
    at: datetime
    corrects: bool


@dataclass(frozen=True)
class DraftRow:
    """Something that is being written."""

    id: int
    slug: str
    title: str
    author: str
    mine: bool
    state: str  # draft | waiting
    note: str
    at: datetime
    new: bool


@dataclass(frozen=True)
class Entry:
    """An entry with all that its page tells."""

    content: Content
    state: str
    number: int
    due: bool
    over: bool
    versions: tuple[Version, ...]
    figures: Figures
    checked: Checked
    related: tuple[tuple[str, str], ...]  # slug, title
    drafts: tuple[DraftRow, ...]
    corrections: tuple["CorrectionRow", ...]
    tickets: tuple[int, ...]  # the questions that it came from, of those that may be seen


@dataclass(frozen=True)
class Compared:
    """Two versions beside each other."""

    content: Content
    version: Version
    before: Version | None
    differences: tuple[Difference, ...]
    newest: bool


@dataclass(frozen=True)
class Writing:
    """What a form says of an entry; `slug` is empty for a new one, `base` the version that it was begun from."""

    content: Content
    slug: str = ""
    base: int = 0
    reason: str = ""
    corrects: bool = False
    ticket_id: int | None = None
    draft_id: int | None = None


@dataclass(frozen=True)
class Editing:
    """A form as it opens: what stands, or the draft that was kept."""

    writing: Writing
    draft_at: datetime | None = None
    note: str = ""  # what a second reader wrote back


@dataclass(frozen=True)
class Outcome:
    """What became of a form: published, same, moved (someone was faster), draft, waiting, or wrong (see `errors`)."""

    what: str
    slug: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)
    correction_id: int | None = None
    by: str = ""


@dataclass(frozen=True)
class Reading:
    """A draft before its second reader."""

    row: DraftRow
    content: Content
    reason: str
    corrects: bool
    differences: tuple[Difference, ...]
    checked: Checked
    moved: bool  # another version was published since it was begun


@dataclass(frozen=True)
class Near:
    """An entry that may answer a question, and how sure the matcher is."""

    slug: str
    title: str
    answer: str
    percent: int


@dataclass(frozen=True)
class Wording:
    """A way of asking that someone used, made everybody's."""

    text: str
    ticket_id: int | None
    general: General
    mine: bool  # of this very ticket


@dataclass(frozen=True)
class FromTicket:
    """A ticket on its way to being an entry."""

    ticket_id: int
    question: General
    answer: General | None  # what was answered; None when nobody did yet
    wordings: tuple[Wording, ...]
    near: tuple[Near, ...]
    ready: bool  # the matcher is at work
    writing: Writing
    already: tuple[str, str] | None  # slug and title of the entry that it was made into


@dataclass(frozen=True)
class ToWrite:
    """Questions about one thing that no entry answers."""

    questions: tuple[str, ...]
    count: int
    last: datetime
    ticket_id: int | None
    question_id: int | None
    near: Near | None


@dataclass(frozen=True)
class Channelled:
    """How many people a correction reaches by one channel."""

    label: str
    count: int
    stopped: int
    price: str  # of SMS, in euros; empty where sending is free


@dataclass(frozen=True)
class Recipient:
    """Someone who received what was wrong."""

    who: str
    channel: str
    at: datetime
    question: str
    stopped: bool


@dataclass(frozen=True)
class CorrectionRow:
    """A correction in a list."""

    id: int
    slug: str
    title: str
    number: int  # of the version that is right
    state: str
    at: datetime
    total: int
    posted: int
    silent: int


@dataclass(frozen=True)
class CorrectionPage:
    """A correction before, while and after it goes out."""

    row: CorrectionRow
    since: date
    first: date | None  # when the oldest of the wrong answers was given
    words: str
    channels: tuple[Channelled, ...]
    recipients: tuple[Recipient, ...]
    total: int
    last: int
    preview: tuple[Preview, ...]
    differences: tuple[Difference, ...]
    decided_by: str
    decided_at: datetime | None
    outcome: Mapping[str, int]  # how many were sent, are waiting, failed, by French words


@dataclass(frozen=True)
class Bringing:
    """A file of entries: what is wrong with it, or what importing it would change."""

    filename: str
    faults: tuple[str, ...]
    changes: tuple[tuple[str, str, str], ...]  # slug, what happens to it, which fields
    same: int
    import_id: int | None


@dataclass(frozen=True)
class Reliability:
    """How the automatic answers of a year did."""

    since: date
    count: Count


class EntriesDesk(Protocol):
    """Reading and writing entries. LookupError: there is no such thing, or it is not theirs to see."""

    async def listed(self, wanted: Filter) -> Listed: ...

    async def to_review(self, page: int) -> Listed: ...

    async def entry(self, who: Signed, slug: str) -> Entry: ...

    async def compared(self, slug: str, number: int) -> Compared: ...

    async def drafts(self, who: Signed) -> tuple[DraftRow, ...]: ...

    async def editing(self, who: Signed, slug: str) -> Editing:
        """The form of an entry, or of a new one when `slug` is empty."""
        ...

    async def draft(self, who: Signed, draft_id: int) -> Editing:
        """The form of a draft of one's own."""
        ...

    async def reading(self, who: Signed, draft_id: int) -> Reading: ...

    async def check(self, writing: Writing) -> Checked: ...

    async def keep(self, who: Signed, writing: Writing) -> Outcome: ...

    async def ask_second(self, who: Signed, writing: Writing) -> Outcome: ...

    async def publish(self, who: Signed, writing: Writing) -> Outcome: ...

    async def approve(self, who: Signed, draft_id: int) -> Outcome: ...

    async def send_back(self, who: Signed, draft_id: int, note: str) -> None: ...

    async def drop_draft(self, who: Signed, draft_id: int) -> None: ...

    async def retire(self, who: Signed, slug: str) -> bool: ...

    async def restore(self, who: Signed, slug: str, number: int, reason: str) -> Outcome: ...

    async def news(
        self, title: str, text: str, sms: str, asked: str, source: tuple[str, str, str], last: str
    ) -> Writing:
        """A piece of news as an entry; `source`: title, address, date."""
        ...

    async def export(self) -> bytes: ...

    async def bring(self, who: Signed, filename: str, content: bytes) -> Bringing: ...

    async def bring_in(self, who: Signed, import_id: int, reason: str) -> int | None:
        """Import the file that was shown; how many entries changed, None when it is there no more."""
        ...

    async def from_ticket(self, who: Signed, ticket_id: int) -> FromTicket: ...

    async def from_question(self, who: Signed, question_id: int) -> Writing: ...

    async def from_preparation(self, who: Signed, meeting: int) -> Writing:
        """A new entry begun from the notes of the preparation of a meeting; LookupError."""
        ...

    async def add_phrasings(self, who: Signed, ticket_id: int, slug: str, phrasings: tuple[str, ...]) -> Outcome: ...

    async def to_write(self, who: Signed) -> tuple[ToWrite, ...] | None:
        """The themes; None while the matcher is not ready."""
        ...

    async def corrections(self) -> tuple[CorrectionRow, ...]: ...

    async def correction(self, who: Signed, number: int, since: date | None, page: int) -> CorrectionPage: ...

    async def approve_correction(self, who: Signed, number: int, since: date, words: str) -> bool: ...

    async def drop_correction(self, who: Signed, number: int) -> bool: ...

    async def reliability(self) -> Reliability: ...

    def today(self) -> date: ...
