"""The words that a channel and the bot share; nothing here touches the world."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, runtime_checkable
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Address:
    """Where one person can be reached: a channel's name and the handle that it knows them by."""

    channel: str
    handle: str


@dataclass(frozen=True)
class Attachment:
    """A file that came with a message, or goes with one."""

    filename: str
    content_type: str
    content: bytes
    whole: bool = False  # the message itself, kept as it came since it could not be read
    inline: bool = False  # a picture that stands in the text of a mail: a logo more often than a document


Nature = Literal["person", "machine", "unsure"]
Proof = Literal["", "pass", "fail"]


@dataclass(frozen=True)
class Inbound:
    """What someone wrote, stripped of everything that its channel added."""

    external_id: str  # the provider's id, unique in `account`
    sender: Address
    text: str
    heard_at: datetime
    account: str = ""  # which of our mailboxes, numbers or bots heard it
    token: str = ""  # what may tie it to a ticket or a person; believed only once its signature is checked
    subject: str = ""
    thread: str = ""  # opaque to all but its channel: what a reply needs to stand in the same thread
    about: str = ""  # the provider's id of the message of ours that this one replies to, where the channel knows
    nature: Nature = "person"  # a machine is never answered; what is unsure goes to the officer
    proof: Proof = ""  # what our receiving server says of the sender's identity
    attachments: tuple[Attachment, ...] = ()
    warnings: tuple[str, ...] = ()
    spoken: bool = False  # logged by the officer after a call


@dataclass(frozen=True)
class Receipt:
    """What a provider reports of a message that we sent."""

    channel: str
    provider_id: str
    state: Literal["sent", "delivered", "failed"]  # sent: the provider has it, whatever its answer to us became
    reason: str = ""
    key: str = ""  # ours, where the provider tells it back: finds a message whose id we never learned
    gone: bool = False  # the address itself takes nothing any more, whatever the message
    heavy: bool = False  # it was too large, for its files if it had any


@dataclass(frozen=True)
class Outbound:
    """What we say to someone."""

    recipient: Address
    name: str
    values: Mapping[str, str]
    text: str
    subject: str = ""
    token: str = ""
    choices: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    thread: str = ""
    last_heard: datetime | None = None
    asked: bool = False  # a try ended with TryAgain(scope="person"): they were asked to write first


@dataclass(frozen=True)
class Carried:
    """A file that a message brings, as a page lists it; `id` is what it is asked for by."""

    id: int
    filename: str
    size: int  # bytes


@dataclass(frozen=True)
class Collected:
    """One message as a page shows it: the row's id orders them, and is the browser's Last-Event-ID."""

    id: int
    mine: bool  # written by the person who looks at the page
    text: str
    at: datetime
    choices: tuple[str, ...] = ()
    files: tuple[Carried, ...] = ()


Deliver = Callable[[Inbound | Receipt], Awaitable[bool]]  # returns once it is safe on disk; False: we already had it


Scope = Literal["message", "channel", "person"]


class TryAgain(Exception):
    """Surely not taken: the provider is down, slow or throttling; the message is fine. `after` is in seconds.

    `scope`: what must wait: this message, the whole channel, or this message until the person writes to us.
    """

    def __init__(self, reason: str, after: float | None = None, scope: Scope = "message"):
        super().__init__(reason)
        self.after, self.scope = after, scope


class Undeliverable(Exception):
    """The message will never arrive, however often we try. `gone`: no other to this address will either.

    `heavy`: its files make it too large, its words alone would arrive; `said`: the provider's id for the words, where
    they did.
    """

    def __init__(self, reason: str, gone: bool = False, heavy: bool = False, said: str = ""):
        super().__init__(reason)
        self.gone, self.heavy, self.said = gone, heavy, said


class Unsure(Exception):
    """The provider may have taken the message, or not."""


class Channel(Protocol):
    """A way out; knows one provider, and nothing of questions or tables."""

    @property
    def name(self) -> str: ...

    async def send(self, message: Outbound, key: str) -> str:
        """Hand one message to the provider and return its id for it, or raise TryAgain, Undeliverable or Unsure.

        `key` is the same at every try of the same message: a channel that can makes the provider drop doubles by it.
        """
        ...


@runtime_checkable
class Listener(Protocol):
    """A channel that we must ask for news (Telegram, IMAP)."""

    async def listen(self, deliver: Deliver) -> None: ...


@runtime_checkable
class Webhook(Protocol):
    """A channel that calls us (an SMS gateway)."""

    def routes(self, deliver: Deliver) -> Sequence[Any]: ...


@runtime_checkable
class Findable(Protocol):
    """A channel whose provider can be asked whether it has a message already."""

    async def find(self, message: Outbound, key: str, since: datetime) -> str:
        """The provider's id of a message of ours, posted at `since`; empty when it surely has none.

        TryAgain or Unsure when it cannot be asked now.
        """
        ...


@runtime_checkable
class Checked(Protocol):
    """A channel that can say whether its server answers: what was seen, in French, or an exception."""

    async def check(self) -> str: ...


class Drawer(Protocol):
    """Where a channel keeps a secret of its own over restarts (a sign-in that renews itself); sealed by the bot."""

    async def read(self) -> str:
        """What was kept, empty when nothing was."""
        ...

    async def write(self, secret: str) -> None: ...


@runtime_checkable
class Remembers(Protocol):
    """A channel that needs a drawer; it is given one before anything else is asked of it."""

    def use(self, drawer: Drawer) -> None: ...


@runtime_checkable
class Troubled(Protocol):
    """A channel that can stop until a person mends something."""

    @property
    def trouble(self) -> str:
        """What to mend, in French; empty while all is well."""
        ...


@runtime_checkable
class Closes(Protocol):
    """A channel that keeps lines open from one call to the next."""

    async def close(self) -> None:
        """Hang up, in the event loop that it was used in; what comes next opens a new line."""
        ...


class Collect(Protocol):
    """What a page may read: the messages of one address after a given id, settled as delivered once read."""

    async def __call__(self, address: Address, after: int) -> list[Collected]: ...


@dataclass(frozen=True)
class Manners:
    """How people use a channel: all that the rest of the house knows of it. A folder's __init__ sets MANNERS."""

    label: str  # in French, as people call it: « Réponse par … »
    words: tuple[str, ...] = ()  # other names that it has in a list of members
    chatting: bool = True  # one short message after another; False: letters
    waits: bool = True  # a question may come in several messages: a short silence tells that it is whole
    writable: bool = True  # may be written to first; a page cannot
    session: bool = False  # its page knows who is there, and says who we are
    short: bool = False  # every sign costs: the short form of an entry, titles and places cut
    phones: bool = False  # its handles are telephone numbers, +33…
    carries: bool = True  # files can go with a message


@dataclass(frozen=True)
class Opened:
    """A channel folder that the settings switch on, with how it treats the outbox."""

    channel: Channel
    idempotent: bool = False  # sending again under the same key makes no second message: R7 may simply resend
    collected: bool = False  # the reader fetches the outbox rows; no worker sends them
    alone: bool = False  # it keeps its provider's rates itself: one process at a time sends on it
    shorten: Callable[[str], tuple[str, str]] | None = None  # what fits of a text, and the rest; None: all fits
    meter: "Meter | None" = None  # what sending costs, and the ceilings
    longest_call: int = 0  # bytes of its provider's longest call to us, where that is more than a page's form
    notes: tuple[str, ...] = field(default=())  # what `hotline check` should tell, in French


@dataclass(frozen=True)
class Charge:
    """What one message would cost, in thousandths of a euro; why and until when it may not go; alarms (key, words)."""

    thousandths: int
    refusal: str = ""
    until: datetime | None = None
    alarms: tuple[tuple[str, str], ...] = ()


class Meter(Protocol):
    """A channel that costs money: asked before every send, so that no path escapes its ceilings."""

    def pieces(self, text: str) -> int:
        """How many messages the provider makes, and bills, of this text."""
        ...

    def since(self, now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """From when on to add up what was spent: for the day, and for the month."""
        ...

    def charge(self, text: str, day: int, month: int, now: datetime, zone: ZoneInfo, *, bulk: bool) -> Charge:
        """About one message, after `day` and `month` (thousandths of a euro) were spent."""
        ...


class BadSetting(Exception):
    """A setting that cannot work: which variable, what is wrong, and an example; in French, for the technician."""

    def __init__(self, variable: str, problem: str, example: str):
        super().__init__(f"{variable} : {problem}. Exemple : {variable}={example}")
        self.variable, self.problem, self.example = variable, problem, example
