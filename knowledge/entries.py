"""The table of entries and their versions: what is published, what was, and who changed it."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from functools import cache, cached_property
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, Session, SQLModel, col, select

from knowledge import french

KINDS = ("legislation", "contact", "glossary", "practical", "meeting", "experience", "news")
VALID, TO_CONFIRM = "valide", "a_valider"


@dataclass(frozen=True)
class Source:
    """Where an answer comes from; `date` is ISO (year, month or day) or « s. d. »."""

    title: str
    url: str
    ref: str
    date: str


@dataclass(frozen=True)
class Translation:
    """What an entry says in another language, and how it is asked there."""

    language: str
    title: str
    phrasings: tuple[str, ...]
    answer: str
    sms: str


@dataclass(frozen=True)
class Content:
    """All that an entry says: what a file of content/ holds, and what a version keeps."""

    slug: str
    kind: str
    title: str
    answer: str  # plain French, Markdown paragraphs
    sms: str  # at most 306 GSM-7 characters after folding
    phrasings: tuple[str, ...]
    status: str = TO_CONFIRM
    aliases: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()  # the kinds of question that it holds the answer to
    sources: tuple[Source, ...] = ()
    related: tuple[str, ...] = ()
    effective_from: str = ""
    review_by: str = ""
    expires: str = ""
    translations: tuple[Translation, ...] = ()

    def fingerprint(self) -> str:
        """The same for the same words: a load compares it with what it loaded before and with what stands.

        Translations stand behind a plus sign: the matcher's index, which is French, does not depend on them.
        """
        words = asdict(self)
        translations = words.pop("translations")
        mark = _mark(words)
        return f"{mark}+{_mark(translations)}" if translations else mark

    @cached_property
    def folded(self) -> tuple[str, str, str]:
        """What a search looks in, folded: the title; the title and other names; everything that it says."""
        title = french.fold(self.title)
        names = french.fold(f"{self.title} {self.slug} {' '.join(self.aliases)}")
        return title, names, f"{names} {french.fold(self.answer)} {french.fold(' '.join(self.phrasings))}"

    def translated(self, language: str) -> "Translation | None":
        return next((each for each in self.translations if each.language == language), None)


def _mark(words: Any) -> str:
    return hashlib.sha256(json.dumps(words, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


@dataclass(frozen=True)
class Published:
    """A version as it may be answered now."""

    entry_id: int
    version_id: int
    number: int
    content: Content


class EntryRow(SQLModel, table=True):
    """One subject of the base; its words are in its versions."""

    __tablename__ = "entries"
    id: int | None = Field(default=None, primary_key=True)
    slug: str = Field(unique=True)
    kind: str = Field(index=True)
    state: str = "published"  # draft | published | retired
    version_id: int | None = None  # the one that is answered
    loaded: str = ""  # fingerprint of what content/ last brought
    created_at: datetime


class VersionRow(SQLModel, table=True):
    """What an entry said from one day on; never changed, never deleted."""

    __tablename__ = "entry_versions"
    __table_args__ = (sa.UniqueConstraint("entry_id", "number"),)
    id: int | None = Field(default=None, primary_key=True)
    entry_id: int = Field(foreign_key="entries.id")
    number: int
    fingerprint: str
    body: dict[str, Any] = Field(sa_type=sa.JSON)
    author: str
    reason: str = ""
    created_at: datetime


class IndexRow(SQLModel, table=True):
    """The matcher's index of one state of the base, as plain arrays (npz); every process swaps to the newest."""

    __tablename__ = "knowledge_indexes"
    id: int | None = Field(default=None, primary_key=True)
    fingerprint: str = Field(unique=True)
    arrays: bytes
    built_at: datetime


def as_content(body: dict[str, Any]) -> Content:
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in body.items()}
    values["translations"] = tuple(
        Translation(each["language"], each["title"], tuple(each["phrasings"]), each["answer"], each["sms"])
        for each in body.get("translations", ())
    )
    values["sources"] = tuple(Source(**source) for source in body.get("sources", ()))
    return Content(**values)


def find(session: Session, slug: str) -> EntryRow | None:
    return session.exec(select(EntryRow).where(EntryRow.slug == slug)).first()


def current(session: Session, entry: EntryRow) -> VersionRow | None:
    return session.get(VersionRow, entry.version_id) if entry.version_id else None


def put(session: Session, content: Content, author: str, reason: str, now: datetime, *, loaded: str = "") -> bool:
    """Publish a new version of an entry; False when these words are already the ones that stand."""
    entry = find(session, content.slug)
    if entry is None:
        entry = EntryRow(slug=content.slug, kind=content.kind, created_at=now)
        session.add(entry)
        session.flush()
    standing = current(session, entry)
    if loaded:
        entry.loaded = loaded
        session.add(entry)
    fingerprint = content.fingerprint()
    if standing and standing.fingerprint == fingerprint and entry.state == "published":
        return False
    assert entry.id is not None
    last = session.exec(select(sa.func.max(VersionRow.number)).where(VersionRow.entry_id == entry.id)).one() or 0
    version = VersionRow(
        entry_id=entry.id,
        number=last + 1,
        fingerprint=fingerprint,
        body=json.loads(json.dumps(asdict(content))),
        author=author,
        reason=reason,
        created_at=now,
    )
    session.add(version)
    session.flush()
    entry.version_id, entry.kind, entry.state = version.id, content.kind, "published"
    session.add(entry)
    session.flush()
    return True


def retire(session: Session, slug: str) -> bool:
    """Take an entry out of the answers; its versions stay. False if there is none, or it is out already."""
    entry = find(session, slug)
    if entry is None or entry.state == "retired":
        return False
    entry.state = "retired"
    session.add(entry)
    return True


def published(session: Session, today: date, slugs: Sequence[str] | None = None) -> list[Published]:
    """What may be answered today: published, and not past its date."""
    if slugs is None:
        rows = session.execute(_standing(False)).all()
    else:
        rows = session.execute(_standing(True), {"slugs": list(slugs)}).all() if slugs else []
    contents = _contents(session, [(version_id, mark) for _, version_id, _, mark in rows])
    found = []
    for (entry_id, version_id, number, _), content in zip(rows, contents, strict=True):
        if not content.expires or date.fromisoformat(content.expires) >= today:
            found.append(Published(entry_id, version_id, number, content))
    return found


def _contents(session: Session, wanted: Sequence[tuple[int, str]]) -> list[Content]:
    """What these versions say, each read from its JSON once in the life of the process."""
    marks = {version_id: mark for version_id, mark in wanted if (version_id, mark) not in _read}
    fresh: dict[int, Content] = {}
    if marks:
        bodies = sa.select(col(VersionRow.id), col(VersionRow.body)).where(col(VersionRow.id).in_(list(marks)))
        fresh = {version_id: as_content(body) for version_id, body in session.connection().execute(bodies)}
    found = [fresh[version_id] if version_id in fresh else _read[version_id, mark] for version_id, mark in wanted]
    if len(_read) > READ_MOST:
        _read.clear()
    _read.update(((version_id, marks[version_id]), content) for version_id, content in fresh.items())
    return found


@dataclass(frozen=True)
class Standing:
    """An entry, retired or not, with the version that stands."""

    entry_id: int
    state: str  # published | retired
    changed_at: datetime
    content: Content


def every(session: Session) -> list[Standing]:
    """All entries, retired ones too, by name."""
    rows = session.execute(
        sa.select(
            col(EntryRow.id), col(EntryRow.state), col(VersionRow.created_at), col(VersionRow.id),
            col(VersionRow.fingerprint),
        )
        .where(col(EntryRow.version_id) == col(VersionRow.id))
        .order_by(col(EntryRow.slug))
    ).all()  # fmt: skip
    contents = _contents(session, [(version_id, mark) for *_, version_id, mark in rows])
    return [
        Standing(entry_id, state, changed_at, content)
        for (entry_id, state, changed_at, *_), content in zip(rows, contents, strict=True)
    ]


READ_MOST = 2000
_read: dict[tuple[int, str], Content] = {}  # by version and fingerprint: a version never changes


@cache  # built once: putting it together costs more than running it
def _standing(chosen: bool) -> Any:
    query = (
        sa.select(col(EntryRow.id), col(VersionRow.id), col(VersionRow.number), col(VersionRow.fingerprint))
        .where(col(EntryRow.version_id) == col(VersionRow.id), col(EntryRow.state) == "published")
        .order_by(col(EntryRow.slug))
    )
    return query.where(col(EntryRow.slug).in_(sa.bindparam("slugs", expanding=True))) if chosen else query


def versions(session: Session, slug: str) -> list[VersionRow]:
    """Every version of an entry, the newest first."""
    return list(
        session.exec(
            select(VersionRow)
            .where(VersionRow.entry_id == EntryRow.id, EntryRow.slug == slug)
            .order_by(col(VersionRow.number).desc())
        ).all()
    )


def base_fingerprint(session: Session, today: date) -> str:
    """The same as long as the same versions may be answered."""
    rows = session.execute(
        sa.select(col(EntryRow.slug), col(VersionRow.fingerprint), VersionRow.__table__.c.body["expires"].as_string())  # type: ignore[attr-defined]
        .where(col(EntryRow.version_id) == col(VersionRow.id), col(EntryRow.state) == "published")
        .order_by(col(EntryRow.slug))
    ).all()
    return _fingerprint((slug, mark) for slug, mark, expires in rows if not expires or expires >= today.isoformat())


def fingerprint_of(contents: Iterable[Content], today: date) -> str:
    """`base_fingerprint` of a base that would hold these entries and no others."""
    return _fingerprint(
        (each.slug, each.fingerprint())
        for each in sorted(contents, key=lambda each: each.slug)
        if not each.expires or each.expires >= today.isoformat()
    )


def _fingerprint(standing: Iterable[tuple[str, str]]) -> str:
    of_the_index = [(slug, mark.partition("+")[0]) for slug, mark in standing]
    return hashlib.sha256(json.dumps(of_the_index).encode()).hexdigest()


def version_numbers(session: Session, today: date) -> dict[str, int]:
    """The version number of each entry that may be answered."""
    return {each.content.slug: each.number for each in published(session, today)}


def index_named(session: Session, fingerprint: str) -> bytes | None:
    """The stored index of this state of the base, as npz; None if it was not built yet."""
    return session.exec(select(IndexRow.arrays).where(IndexRow.fingerprint == fingerprint)).first()


def keep_index(session: Session, fingerprint: str, arrays: bytes, now: datetime) -> None:
    """Store an index as the newest, and let go of all but the three newest."""
    session.execute(sa.delete(IndexRow).where(col(IndexRow.fingerprint) == fingerprint))
    session.add(IndexRow(fingerprint=fingerprint, arrays=arrays, built_at=now))
    session.flush()
    newest = sa.select(col(IndexRow.id)).order_by(col(IndexRow.id).desc()).limit(3)
    session.execute(sa.delete(IndexRow).where(col(IndexRow.id).not_in(newest)))


def loaded_slugs(session: Session) -> list[str]:
    """The entries that content/ brought."""
    return list(session.exec(select(EntryRow.slug).where(EntryRow.loaded != "").order_by(col(EntryRow.slug))).all())
