"""The life of an entry: import with a dry run, export, publish, retire; each with its author and reason."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlmodel import Session, select

from bot import audit
from bot.desk import corrections, drafting, reliability
from bot.office import Office
from escalation.accounts import Who
from escalation.tickets import Ticket
from knowledge import corrections as corrections_store
from knowledge import differences, drafts, entries, french, seed
from knowledge.drafts import EntryDraft
from knowledge.entries import TO_CONFIRM, Content, Standing, VersionRow
from knowledge.pages.desk import Compared, Entry, Figures, Filter, Listed, Row, Version


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


# --- what the pages show ----------------------------------------------------------------------------------------------

PER_PAGE = 50
SOON = timedelta(days=30)  # an entry that ends within this is read again
DOUBTFUL = (4, 0.3)  # found useless so often, and by such a share of those who said


def is_due(content: Content, today: date) -> bool:
    """To be read again: its date is past, it is not confirmed, or it ends soon."""
    return (
        content.status == TO_CONFIRM
        or bool(content.review_by and content.review_by <= today.isoformat())
        or bool(content.expires and content.expires <= (today + SOON).isoformat())
    )


def is_over(content: Content, today: date) -> bool:
    return bool(content.expires and content.expires < today.isoformat())


def _row(entry: Standing, today: date, why: tuple[str, ...] = ()) -> Row:
    content = entry.content
    return Row(
        slug=content.slug,
        title=content.title,
        kind=content.kind,
        state=entry.state,
        status=content.status,
        review_by=content.review_by,
        expires=content.expires,
        phrasings=len(content.phrasings),
        changed_at=entry.changed_at,
        due=is_due(content, today),
        over=is_over(content, today),
        why=why,
    )


def listed(session: Session, wanted: Filter, today: date) -> Listed:
    """A page of entries: those whose title holds the words first, then those that hold them anywhere."""
    words = french.fold(wanted.words).split()
    counts = dict.fromkeys(("", TO_CONFIRM, "a_relire", "finies", "retirees"), 0)
    kept: list[tuple[int, str, Standing]] = []
    for entry in entries.every(session):
        content = entry.content
        if wanted.kind and content.kind != wanted.kind:
            continue
        rank = _rank(words, content)
        if rank is None:
            continue
        states = _states(entry, today)
        for state in states:
            counts[state] += 1
        if wanted.state in states:
            kept.append((rank, content.folded[0], entry))
    kept.sort(key=lambda each: each[:2])
    last = max(1, -(-len(kept) // PER_PAGE))
    page = min(max(1, wanted.page), last)
    shown = kept[(page - 1) * PER_PAGE : page * PER_PAGE]
    figures = reliability.of_entries(session, [entry.entry_id for _, _, entry in shown])
    rows = tuple(replace(_row(entry, today), figures=figures.get(entry.entry_id, Figures())) for _, _, entry in shown)
    return Listed(rows, len(kept), last, counts)


def _rank(words: Sequence[str], content: Content) -> int | None:
    if not words:
        return 0
    _, names, whole = content.folded
    if all(word in names for word in words):
        return 0
    return 1 if all(word in whole for word in words) else None


def _states(entry: Standing, today: date) -> list[str]:
    content = entry.content
    if entry.state == "retired":
        return ["retirees"]
    found = [""]
    if is_over(content, today):
        return ["", "finies"]
    if content.status == TO_CONFIRM:
        found.append(TO_CONFIRM)
    if is_due(content, today):
        found.append("a_relire")
    return found


def to_review(session: Session, today: date, page: int) -> Listed:
    """What is to be read again and why, the oldest duty first."""
    figures = reliability.of_entries(session, None)
    found: list[tuple[str, Row]] = []
    for entry in entries.every(session):
        if entry.state == "retired":
            continue
        content, theirs = entry.content, figures.get(entry.entry_id, Figures())
        why = []
        if is_over(content, today):
            why.append("finie : à renouveler ou à retirer")
        elif content.expires and content.expires <= (today + SOON).isoformat():
            why.append("finit bientôt")
        if content.review_by and content.review_by <= today.isoformat():
            why.append("date de relecture passée")
        said = theirs.useful + theirs.useless
        if theirs.useless >= DOUBTFUL[0] and theirs.useless >= DOUBTFUL[1] * said:
            why.append(f"jugée inutile {theirs.useless} fois sur {said} avis")
        if content.status == TO_CONFIRM:
            why.append("à valider")
        if why:
            row = replace(_row(entry, today, tuple(why)), figures=theirs)
            found.append((min(filter(None, (content.review_by, content.expires)), default="9999"), row))
    found.sort(key=lambda each: (len(each[1].why) == 1 and each[1].why[0] == "à valider", each[0], each[1].slug))
    last = max(1, -(-len(found) // PER_PAGE))
    at = (min(max(1, page), last) - 1) * PER_PAGE
    return Listed(tuple(row for _, row in found[at : at + PER_PAGE]), len(found), last, {})


def entry(session: Session, office: Office, who: Who, slug: str, now: datetime) -> Entry:
    """All that the page of an entry tells; LookupError if there is none."""
    found = entries.find(session, slug)
    standing = entries.current(session, found) if found else None
    if found is None or found.id is None or standing is None:
        raise LookupError(slug)
    today = now.astimezone(office.zone).date()
    content = entries.as_content(standing.body)
    of = drafting.authors(session)
    corrected = {each.version_id for each in corrections_store.listed(session, found.id, 500)}
    related = entries.published(session, date.min, content.related) if content.related else []
    tickets = session.exec(
        select(Ticket).where(
            Ticket.id == EntryDraft.ticket_id, EntryDraft.slug == slug, EntryDraft.state == "published"
        )
    ).all()
    return Entry(
        content=content,
        state=found.state,
        number=standing.number,
        due=is_due(content, today),
        over=is_over(content, today),
        versions=tuple(
            Version(each.number, of(each.author), each.reason, each.created_at, each.id in corrected)
            for each in entries.versions(session, slug)
        ),
        figures=reliability.of_entry(session, found.id, slug, now),
        checked=drafting.checked(session, office, content, today, strict=False),
        related=tuple((each.content.slug, each.content.title) for each in related),
        drafts=tuple(drafting.row(session, who, each, of) for each in drafts.open_of(session, slug)),
        corrections=tuple(corrections.row(session, each) for each in corrections_store.listed(session, found.id)),
        tickets=tuple(each.id or 0 for each in tickets if who.sees(each.council_id)),
    )


def compared(session: Session, slug: str, number: int) -> Compared:
    """A version beside the one before it; LookupError if there is none."""
    history = entries.versions(session, slug)
    place = next((n for n, each in enumerate(history) if each.number == number), None)
    if place is None:
        raise LookupError(slug)
    of = drafting.authors(session)
    marked = {each.version_id for each in corrections_store.listed(session, history[0].entry_id, 500)}

    def told(row: VersionRow) -> Version:
        return Version(row.number, of(row.author), row.reason, row.created_at, row.id in marked)

    this, before = history[place], history[place + 1] if place + 1 < len(history) else None
    content = entries.as_content(this.body)
    changed = differences.between(entries.as_content(before.body), content) if before else []
    return Compared(content, told(this), told(before) if before else None, tuple(changed), place == 0)
