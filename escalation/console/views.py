"""What the pages of the queue and of a question show: frozen, made by the desk, drawn by the templates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import urlencode

from escalation.answering import Holder

VIEWS = {
    "": "À répondre",
    "retard": "En retard",
    "partenaire": "Chez un partenaire",
    "echecs": "Non arrivés",
    "repondues": "Répondues",
    "fermees": "Fermées",
}
THEMES = {
    "contact": "Contacts",
    "experience": "Retours d'expérience",
    "glossary": "Mots et sigles",
    "legislation": "Textes et règles",
    "meeting": "Réunions",
    "news": "Actualités",
    "practical": "Vie du conseil",
}
KINDS = {
    "question": "",
    "human": "demande une personne",
    "to-sort": "à trier",
    "undelivered": "message non arrivé",
    "reminder": "à prévenir",
    "privacy": "données personnelles",
    "call": "appel",
    "preparation": "préparation d'une réunion",
}
STATES = {"open": "à répondre", "answered": "répondue", "closed": "fermée"}
OUTBOX = {  # state of a message of ours: tone, words
    "waiting": ("waiting", "va partir"),
    "sending": ("waiting", "en train de partir"),
    "sent": ("done", "envoyé"),
    "delivered": ("done", "arrivé"),
    "failed": ("failed", "non arrivé"),
    "dead": ("failed", "non envoyé"),
    "held": ("failed", "arrêté"),
    "unknown": ("failed", "peut-être arrivé"),
    "dropped": ("plain", "non envoyé"),
}


@dataclass(frozen=True)
class Filters:
    """What the address of the queue asks for."""

    view: str = ""
    q: str = ""
    council: str = ""  # an id, or « aucun »
    theme: str = ""
    channel: str = ""
    who: str = ""  # an officer's id, « moi » or « personne »
    page: int = 1

    @classmethod
    def read(cls, given: Mapping[str, str]) -> "Filters":
        """From an address, whatever stands in it."""
        page = given.get("page", "1")
        view = given.get("vue", "")
        return cls(
            view if view in VIEWS else "",
            given.get("q", "").strip()[:200],
            given.get("conseil", "").strip()[:20],
            given.get("theme", "").strip()[:40],
            given.get("canal", "").strip()[:20],
            given.get("qui", "").strip()[:20],
            min(int(page), 100_000) if page.isascii() and page.isdigit() and len(page) < 7 and int(page) else 1,
        )

    @property
    def narrowed(self) -> bool:
        """Whether anything but the tab leaves questions out."""
        return any((self.q, self.council, self.theme, self.channel, self.who))

    def way(self, **other: str) -> str:
        """The address of this list, its page left out; some filters may be others."""
        names = {"view": "vue", "q": "q", "council": "conseil", "theme": "theme", "channel": "canal", "who": "qui"}
        held = replace(self, **other)  # type: ignore[arg-type]
        asked = {word: getattr(held, name) for name, word in names.items() if getattr(held, name)}
        return "/bureau" + (f"?{urlencode(asked)}" if asked else "")


@dataclass(frozen=True)
class Queued:
    """One question in the queue."""

    id: int
    question: str
    kind: str
    state: str
    asker: str
    council: str
    channel: str
    theme: str
    why: str
    opened_at: datetime
    promised_at: datetime
    answered_at: datetime | None
    urgent: bool
    late: bool
    near: bool  # the deadline comes near
    left: str  # « 3 h ouvrées »
    holders: tuple[Holder, ...] = ()
    partner: str = ""  # who is awaited
    meeting: str = ""  # that it is about


@dataclass(frozen=True)
class Recallable:
    """An answer that can still be taken back."""

    reply_id: int
    ticket_id: int
    text: str
    due_at: datetime


@dataclass(frozen=True)
class Queue:
    """A page of the queue."""

    rows: Sequence[Queued]
    total: int
    last_page: int
    counts: Mapping[str, int]
    recallable: Sequence[Recallable] = ()
    councils: Sequence[tuple[str, str]] = ()
    channels: Sequence[tuple[str, str]] = ()
    officers: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class File:
    """A file that came with a message."""

    id: int
    filename: str
    size: int
    sound: bool = False  # a browser can play it


@dataclass(frozen=True)
class Line:
    """One message of the conversation."""

    theirs: bool
    author: str
    channel: str
    text: str
    at: datetime
    tone: str = ""
    state: str = ""
    reason: str = ""
    outbox_id: int = 0
    troubled: bool = False
    files: Sequence[File] = ()
    here: bool = True  # belongs to this question
    recall: Recallable | None = None
    price: str = ""  # of sending it again; where nothing is billed, empty
    ways: Sequence["Way"] = ()  # the person's other addresses, with what it costs there


@dataclass(frozen=True)
class Fitting:
    """An entry that might fit, as it would be inserted."""

    slug: str
    title: str
    percent: int
    text: str


@dataclass(frozen=True)
class Similar:
    """A question that was answered already, with what was answered."""

    id: int
    question: str
    answer: str
    author: str
    answered_at: datetime
    percent: int


@dataclass(frozen=True)
class Way:
    """Another address of the same person."""

    address_id: int
    words: str
    channel: str = ""


@dataclass(frozen=True)
class Asker:
    """Who asks."""

    name: str
    known: bool
    person_id: int | None
    council_id: int | None
    council: str
    language: str
    preferred: str
    handle: str
    stopped: bool
    since: datetime
    earlier: Sequence[tuple[str, datetime, str, int | None]] = ()  # question, when, what became of it, its ticket
    ways: Sequence[Way] = ()


@dataclass(frozen=True)
class Note:
    author: str
    text: str
    at: datetime


@dataclass(frozen=True)
class Waiting:
    """An answer that waits for someone's agreement."""

    id: int
    author: str
    text: str
    reason: str
    at: datetime


@dataclass(frozen=True)
class Asked:
    """A partner who was asked, and what came back."""

    id: int
    name: str
    text: str
    state: str
    asked_at: datetime
    reminders: int
    replies: Sequence[tuple[str, str, datetime, Sequence[File]]] = ()  # text, what is doubtful, when, with it


@dataclass(frozen=True)
class Page:
    """All that the page of a question shows."""

    id: int
    question: str
    kind: str
    state: str
    channel: str  # as people call it
    spoken: bool  # nothing can be sent: to be said by telephone
    theme: str
    why: str
    urgent: bool
    subject: str
    opened_at: datetime
    promised_at: datetime
    answered_at: datetime | None
    closed_reason: str
    late: bool
    left: str
    asker: Asker
    conversation: Sequence[Line] = ()
    more: bool = False  # older messages are there
    fitting: Sequence[Fitting] = ()
    similar: Sequence[Similar] = ()
    notes: Sequence[Note] = ()
    waiting: Sequence[Waiting] = ()
    partners: Sequence[Asked] = ()
    holders: Sequence[Holder] = ()
    draft: str = ""
    seen: str = ""  # how far this page has read: compared before an answer goes
    councils: Sequence[tuple[str, str]] = ()
    canned: Sequence[tuple[int, str, str]] = ()
    known_partners: Sequence[tuple[str, str]] = ()  # email, name
    meeting_id: int | None = None  # that it is about
    meeting: str = ""


@dataclass(frozen=True)
class Preview:
    """An answer as it will be read."""

    to: str
    channel: str
    text: str
    rest: str = ""  # what SUITE brings
    pieces: int = 0
    price: str = ""
    copies: Sequence[str] = ()
    hints: Sequence[str] = ()
    refusal: str = ""  # why it would not go
    cost: int = 0  # thousandths of a euro, copies included


@dataclass(frozen=True)
class News:
    """What happened to a question since a page was opened."""

    seen: str
    replies: Sequence[tuple[str, str, datetime]] = ()  # by colleagues: author, text, when
    messages: Sequence[tuple[str, datetime]] = ()  # by the asker

    @property
    def any(self) -> bool:
        return bool(self.replies or self.messages)


@dataclass(frozen=True)
class Sent:
    """What became of sending: sent, again (it had gone), news (something is to be read first), empty, refused."""

    outcome: str
    news: News | None = None
    undo_until: datetime | None = None
    words: str = ""


@dataclass(frozen=True)
class Group:
    """Questions that ask the same."""

    key: str
    members: Sequence[Queued]
    entry: str = ""


@dataclass(frozen=True)
class Call:
    """What is typed on the page of a call."""

    caller: str = ""
    phone: str = ""
    council: str = ""
    question: str = ""
    answer: str = ""
    slug: str = ""
    back: str = "phone"
    email: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Closure:
    id: int
    first: str  # 2026-12-24
    last: str
    first_words: str  # jeudi 24 décembre 2026
    last_words: str
    reason: str


@dataclass(frozen=True)
class Canned:
    id: int
    title: str
    text: str
    author: str
