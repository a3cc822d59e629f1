"""Brings a file of entries in: what it would change is shown, then the officer says yes; and all of them out."""

from datetime import date, datetime

from sqlmodel import Session, select

from bot import audit
from bot.desk import entries as desk
from bot.desk import sheaf
from escalation.accounts import Who
from knowledge import drafts, entries, seed
from knowledge.differences import NAMES
from knowledge.drafts import EntryImport
from knowledge.pages.desk import Bringing

SHOWN = 50  # faults told of one file
WORDS = {"new": "nouvelle", "changed": "changée"}


def _read(session: Session, filename: str, content: bytes) -> list[seed.Read]:
    standing = entries.published(session, date.min)
    named = {slug for each in standing for slug in each.content.related}  # what leads nowhere already is no new fault
    return sheaf.read(filename, content, {each.content.slug for each in standing} | named)


def show(session: Session, who: Who, filename: str, content: bytes, now: datetime) -> Bringing:
    """What is wrong with a file, by file and line; else what it would change, kept until the yes."""
    try:
        read = _read(session, filename, content)
    except sheaf.BadSheaf as error:
        return Bringing(filename, tuple(str(error).splitlines()), (), 0, None)
    faults = [str(fault) for each in read for fault in each.faults]
    if faults or not read:
        more = [f"et {len(faults) - SHOWN} autres."] if len(faults) > SHOWN else []
        return Bringing(filename, (*faults[:SHOWN], *more) or ("Aucune fiche trouvée.",), (), 0, None)
    found = desk.changes(session, [each.content for each in read if each.content])
    told = tuple(
        (each.slug, WORDS[each.what], ", ".join(NAMES.get(name, name).lower() for name in each.fields))
        for each in found
        if each.what != "same"
    )
    number = drafts.keep_import(session, who.id, filename, content, now) if told else None
    return Bringing(filename, (), told, len(found) - len(told), number)


def bring_in(session: Session, who: Who, import_id: int, reason: str, now: datetime) -> int | None:
    """Import the file that was shown, all or nothing; how many entries changed, None when it is there no more."""
    kept = session.exec(
        select(EntryImport).where(EntryImport.id == import_id, EntryImport.officer_id == who.id)
    ).first()
    if kept is None:
        return None
    read = _read(session, kept.filename, kept.content)
    if any(each.faults for each in read):  # the base changed in between, so that it fits no more
        return None
    contents = [each.content for each in read if each.content]
    done = desk.bring_in(session, contents, f"officer:{who.id}", reason or f"import de {kept.filename}", now)
    session.delete(kept)
    changed = sum(each.what != "same" for each in done)
    audit.append(session, now, f"officer:{who.id}", "entries imported", f"import:{import_id}")
    return changed


def export(session: Session) -> bytes:
    """The whole published base, as a zip of the files that come in."""
    return sheaf.packed(desk.files(session))
