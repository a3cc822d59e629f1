"""The life of an entry: import with a dry run, export, publish, retire; each with its author and reason."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlmodel import Session

from bot import audit
from knowledge import entries, seed
from knowledge.entries import Content


@dataclass(frozen=True)
class Change:
    """What an import does, or would do, to one entry: new, changed or same; and in which fields."""

    slug: str
    what: str
    fields: tuple[str, ...] = ()


def changes(session: Session, contents: Iterable[Content]) -> list[Change]:
    """What importing these would change."""
    found = []
    for content in contents:
        content = _with_translations(session, content)
        entry = entries.find(session, content.slug)
        standing = entries.current(session, entry) if entry else None
        if entry is None or standing is None:
            found.append(Change(content.slug, "new"))
            continue
        before = entries.as_content(standing.body)
        fields = tuple(name for name in Content.__dataclass_fields__ if getattr(before, name) != getattr(content, name))
        state = "changed" if fields or entry.state != "published" else "same"
        found.append(Change(content.slug, state, fields))
    return found


def _with_translations(session: Session, content: Content) -> Content:
    """A spreadsheet holds no translations: those that stand are kept as long as the French says what it said."""
    entry = entries.find(session, content.slug)
    standing = entries.current(session, entry) if entry else None
    if standing is None or content.translations:
        return content
    before = entries.as_content(standing.body)
    same = (before.answer, before.sms) == (content.answer, content.sms)
    return replace(content, translations=before.translations) if same else content


def bring_in(session: Session, contents: Sequence[Content], author: str, reason: str, now: datetime) -> list[Change]:
    """Publish these as new versions where they differ from what stands; all or nothing."""
    found = changes(session, contents)
    for content, change in zip(contents, found, strict=True):
        if change.what != "same":
            entries.put(session, _with_translations(session, content), author, reason, now)
            audit.append(session, now, author, f"entry {change.what}", f"entry:{content.slug}")
    return found


def publish(session: Session, content: Content, author: str, reason: str, now: datetime) -> bool:
    """One entry, at once; False when these words stand already."""
    done = entries.put(session, content, author, reason, now)
    if done:
        audit.append(session, now, author, "entry published", f"entry:{content.slug}")
    return done


def retire(session: Session, slug: str, author: str, now: datetime) -> bool:
    done = entries.retire(session, slug)
    if done:
        audit.append(session, now, author, "entry retired", f"entry:{slug}")
    return done


def files(session: Session) -> dict[str, str]:
    """The whole published base as files, path -> text: the bytes of content/ where nothing changed."""
    return {
        f"{each.content.kind}/{each.content.slug}.md": seed.render(each.content)
        for each in entries.published(session, date.min)
    }
