"""Writing an entry: checked as it is typed, kept as a draft, read by a second person, published with its reason."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from sqlmodel import Session, col, select

from bot import audit, sheets
from bot.desk import replies
from bot.office import Office
from channels import manners
from channels.contract import Address
from channels.sms import cost, gsm
from escalation.accounts import Who
from escalation.officers import Officer
from knowledge import differences, drafts, entries, lint, seed
from knowledge.corrections import Correction
from knowledge.drafts import EntryDraft
from knowledge.entries import TO_CONFIRM, VALID, Content, EntryRow, Source, VersionRow
from knowledge.french import plain
from knowledge.pages.desk import Checked, DraftRow, Editing, Outcome, Preview, Reading, Writing

SHOWN_ON = ("web", "email", "telegram", "sms")
RESERVED = frozenset(
    {
        "nouvelle", "a-relire", "a-ecrire", "brouillons", "corrections", "depuis", "actualite", "importer", "exporter",
        "apercu",
    }
)  # fmt: skip
SLUG_WORDS, SLUG_MOST = 6, 60
REVIEW_AFTER = 365  # days until a new entry is read again
PLAIN = {  # what the files' checks say, said to who fills in a form
    "aucune façon de poser la question (« phrasings »)": "Écrivez au moins une façon de poser la question.",
    "la date de relecture manque (« review_by »)": "Dites quand relire cette fiche.",
    "un contact ou une actualité a une date de fin (« expires »)": "Un contact ou une actualité a un dernier jour.",
    "une règle de droit validée dit depuis quand elle vaut (« effective_from »)": (
        "Une règle de droit validée dit depuis quand elle vaut."
    ),
    f"sans source, « status » doit être {TO_CONFIRM}": "Sans source, la fiche reste « à valider ». Ajoutez une source.",
    "la réponse manque": "Écrivez la réponse.",
    "le titre manque": "Écrivez un titre.",
    f"la partie SMS manque (après une ligne « {seed.SMS_LINE} »)": "Écrivez la réponse en version SMS.",
}


def authors(session: Session) -> Callable[[str], str]:
    """« Nora » for officer:1; what a program wrote, in words."""
    names = {each.id: each.name for each in session.exec(select(Officer)).all()}
    told = {"content/": "fiches livrées avec le programme", "command": "ligne de commande", "program": "le programme"}

    def of(author: str) -> str:
        kind, _, number = author.partition(":")
        if kind == "officer" and number.isdigit():
            return names.get(int(number), "une personne de l'équipe")
        return told.get(author, author)

    return of


# --- checking ---------------------------------------------------------------------------------------------------------


def checked(session: Session, office: Office, content: Content, today: date, *, strict: bool = True) -> Checked:
    """What is wrong with an entry, what could be better, and how each channel shows it.

    `strict` also looks for phrasings that another entry has, and for references that lead nowhere.
    """
    named = content if content.slug else replace(content, slug="nouvelle-fiche")
    read = seed.read_text(Path(named.kind or "practical") / f"{named.slug}.md", seed.render(named), gsm.length)
    errors: dict[str, str] = {}
    for fault in read.faults:
        errors.setdefault(fault.field or "answer", in_plain_words(fault.what))
    if content.expires and content.expires < today.isoformat() and strict:
        errors.setdefault("expires", "Ce jour est passé : la fiche ne serait jamais répondue.")
    if strict:
        errors = _against_the_others(session, content) | errors
    hints = tuple((hint.field, _sentence(hint.what)) for hint in lint.hints(content))
    return Checked(errors, hints, previews(office, content))


def in_plain_words(what: str) -> str:
    """A fault of a file as a sentence for a form."""
    return PLAIN.get(what) or _sentence(re.sub(r" ?\(« \w+ »\)", "", what))


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}" + ("" if words.endswith((".", "!", "?")) else ".")


def _against_the_others(session: Session, content: Content) -> dict[str, str]:
    """Phrasings that stand elsewhere, twice, or not at all once folded; further reading that does not exist."""
    found: dict[str, str] = {}
    theirs: dict[str, str] = {}
    slugs: dict[str, str] = {}
    for each in entries.published(session, date.min):
        slugs[each.content.slug] = each.content.title
        if each.content.slug != content.slug:
            theirs |= {asked_key(text): each.content.title for text in each.content.phrasings}
    mine: set[str] = set()
    for text in content.phrasings:
        key = asked_key(text)
        if key in theirs:
            found.setdefault("phrasings", f"« {text} » mène déjà à la fiche « {theirs[key]} ».")
        elif key in mine:
            found.setdefault("phrasings", f"« {text} » est là deux fois.")
        elif not plain(text):
            found.setdefault("phrasings", f"« {text} » ne contient aucun mot.")
        mine.add(key)
    entry = entries.find(session, content.slug) if content.slug else None
    standing = entries.current(session, entry) if entry else None
    before = set(standing.body["related"]) if standing else set()  # what led nowhere before is no new fault
    for slug in content.related:
        if slug not in slugs and slug not in before:
            found.setdefault("related", f"Aucune fiche publiée ne s'appelle « {slug} ».")
        elif slug == content.slug:
            found.setdefault("related", "Une fiche ne renvoie pas à elle-même.")
    return found


def asked_key(text: str) -> str:
    """The same for phrasings that seed.py would call the same."""
    return " ".join(re.findall(r"\w+", text.lower()))


def previews(office: Office, content: Content) -> tuple[Preview, ...]:
    """The answer as each channel shows it; for SMS folded, counted and priced."""
    alike: dict[str, Preview] = {}  # channels that say the very same are shown as one
    for channel in SHOWN_ON:
        said = replies.answer([content], Address(channel, ""), office)
        if channel == "sms":
            return (*alike.values(), sms_preview(office, said.text, content.sms))
        subject = f"Objet de l'e-mail : {said.subject}" if channel == "email" and said.subject else ""
        label, before = manners(channel).label, alike.get(said.text)
        alike[said.text] = Preview(
            f"{before.label}, {label}" if before else label[:1].upper() + label[1:],
            said.text,
            (before.note if before else "") or subject,
        )
    return tuple(alike.values())


def sms_preview(office: Office, text: str, own: str) -> Preview:
    """A text as an SMS: folded to GSM-7, with its signs, segments and price; `own` is the part that has a limit."""
    folded = gsm.fold(text)
    length, segments = gsm.length(own), gsm.segments(folded)
    if length is None:
        odd = "".join(dict.fromkeys(char for char in gsm.fold(own) if not gsm.is_gsm(char)))
        return Preview("SMS", folded, f"Un SMS ne sait pas écrire : {odd}", wrong=True)
    note = f"{length} caractères sur {seed.SMS_MOST} ; envoyé avec sa source : {segments} SMS, {price(office, text)}"
    changed = _folded_words(own)
    return Preview(
        "SMS", folded, f"{note}. Récrit pour le SMS : {changed}" if changed else note, length > seed.SMS_MOST
    )


def _folded_words(text: str) -> str:
    """Which signs of a text an SMS writes otherwise: « ç » as c."""
    odd = dict.fromkeys(char for char in text if not gsm.is_gsm(char) and char.strip())
    return ", ".join(f"{char} devient {gsm.fold(char)}" for char in odd if gsm.is_gsm(gsm.fold(char)))


def price(office: Office, text: str) -> str:
    """« 0,16 € »: of one text sent by SMS."""
    return cost.in_euros(euros(office, text))


def euros(office: Office, text: str) -> Decimal:
    meter = office.meters.get("sms")
    each = getattr(meter, "price", cost.PRICE)
    return cost.cost(text, each).euros


# --- forms ------------------------------------------------------------------------------------------------------------


def blank(office: Office, today: date) -> Content:
    """A new entry: to be confirmed, read again in a year."""
    review = date.fromordinal(today.toordinal() + REVIEW_AFTER).isoformat()
    return Content("", "practical", "", "", "", (), TO_CONFIRM, review_by=review)


def editing(session: Session, office: Office, who: Who, slug: str, today: date) -> Editing:
    """The form of an entry: this officer's draft if there is one, else what stands; LookupError if there is none."""
    draft = drafts.mine(session, slug, who.id) if slug else None
    if draft is not None:
        return Editing(_writing(draft), draft.updated_at, draft.note)
    if not slug:
        return Editing(Writing(blank(office, today)))
    entry = entries.find(session, slug)
    standing = entries.current(session, entry) if entry else None
    if standing is None:
        raise LookupError(slug)
    return Editing(Writing(entries.as_content(standing.body), slug, standing.number))


def draft_form(session: Session, who: Who, draft_id: int) -> Editing:
    """The form of a draft of one's own; LookupError for another's."""
    draft = _open_draft(session, draft_id)
    if draft.officer_id != who.id:
        raise LookupError(draft_id)
    return Editing(_writing(draft), draft.updated_at, draft.note)


def _open_draft(session: Session, draft_id: int) -> EntryDraft:
    draft = session.get(EntryDraft, draft_id)
    if draft is None or draft.state not in drafts.OPEN:
        raise LookupError(draft_id)
    return draft


def _writing(draft: EntryDraft) -> Writing:
    content = drafts.content_of(draft)
    known = draft.slug if draft.entry_id else ""
    return Writing(
        replace(content, slug=known), known, draft.base_number, draft.reason, draft.corrects, draft.ticket_id, draft.id
    )


def row(session: Session, who: Who, draft: EntryDraft, of: Callable[[str], str]) -> DraftRow:
    """A draft as a list shows it."""
    assert draft.id is not None
    return DraftRow(
        id=draft.id,
        slug=draft.slug if draft.entry_id else "",
        title=drafts.content_of(draft).title or "(sans titre)",
        author=of(f"officer:{draft.officer_id}"),
        mine=draft.officer_id == who.id,
        state=draft.state,
        note=draft.note,
        at=draft.updated_at,
        new=draft.entry_id is None,
    )


def open_rows(session: Session, who: Who) -> tuple[DraftRow, ...]:
    of = authors(session)
    return tuple(row(session, who, each, of) for each in drafts.open_drafts(session))


def fresh_slug(session: Session, title: str) -> str:
    """A short name for a new entry, made of its title; nobody has it yet."""
    words = sheets.fold(title).split()[:SLUG_WORDS]
    stem = "-".join(words)[:SLUG_MOST].strip("-") or "fiche"
    if stem in RESERVED:
        stem = f"fiche-{stem}"
    taken = set(session.exec(select(EntryRow.slug).where(col(EntryRow.slug).startswith(stem, autoescape=True))).all())
    return next(name for n in range(1, len(taken) + 3) if (name := stem if n == 1 else f"{stem}-{n}") not in taken)


# --- keeping and publishing -------------------------------------------------------------------------------------------


def keep(session: Session, who: Who, writing: Writing, now: datetime, *, state: str = "draft") -> Outcome:
    """Keep what was typed, whatever is wrong with it; one draft an officer and an entry."""
    draft = session.get(EntryDraft, writing.draft_id) if writing.draft_id else None
    if draft is None or draft.officer_id != who.id or draft.state not in drafts.OPEN:
        draft = drafts.mine(session, writing.slug, who.id) if writing.slug else None
    if draft is None:
        entry = entries.find(session, writing.slug) if writing.slug else None
        slug = writing.slug if entry else fresh_slug(session, writing.content.title)
        draft = EntryDraft(
            slug=slug, entry_id=entry.id if entry else None, body={}, officer_id=who.id, created_at=now, updated_at=now
        )
    draft.body = drafts.body_of(replace(writing.content, slug=draft.slug))
    draft.base_number, draft.reason, draft.corrects = writing.base, writing.reason, writing.corrects
    draft.ticket_id = writing.ticket_id or draft.ticket_id
    draft.state, draft.updated_at = state, now
    session.add(draft)
    session.flush()
    return Outcome(state, draft.slug)


def ask_second(session: Session, office: Office, who: Who, writing: Writing, now: datetime) -> Outcome:
    """A draft that waits for another officer's yes; what is wrong with it must be mended first."""
    errors = _errors(session, office, writing, now)
    if errors:
        return Outcome("wrong", errors=errors)
    done = keep(session, who, writing, now, state="waiting")
    audit.append(session, now, f"officer:{who.id}", "second reader asked", f"entry:{done.slug}")
    return done


def _errors(session: Session, office: Office, writing: Writing, now: datetime) -> dict[str, str]:
    today = now.astimezone(office.zone).date()
    content = replace(writing.content, slug=writing.slug or fresh_slug(session, writing.content.title))
    return dict(checked(session, office, content, today).errors)


def publish(session: Session, office: Office, who: Who, writing: Writing, now: datetime) -> Outcome:
    """Publish at once: answered from now on, matched within a second.

    moved: another version was published since the form was opened; nothing is lost, the form says so. wrong: see
    `errors`. same: these very words stand already.
    """
    entry = entries.find(session, writing.slug) if writing.slug else None
    if writing.slug and entry is None:
        raise LookupError(writing.slug)
    if writing.ticket_id is not None and entry is None:
        done = drafts.of_ticket(session, writing.ticket_id)
        if done is not None:  # the same button, twice
            return Outcome("same", done.slug)
    standing = entries.current(session, entry) if entry else None
    content = replace(writing.content, slug=writing.slug or fresh_slug(session, writing.content.title))
    if standing and standing.number != writing.base and standing.fingerprint != content.fingerprint():
        return Outcome("moved", content.slug, by=authors(session)(standing.author))
    errors = _errors(session, office, writing, now)
    if errors:
        return Outcome("wrong", errors=errors)
    reason = writing.reason or ("première version" if standing is None else "")
    if not entries.put(session, content, f"officer:{who.id}", reason, now):
        _settle(session, who, content, writing, now)
        return Outcome("same", content.slug)
    _settle(session, who, content, writing, now)
    audit.append(session, now, f"officer:{who.id}", "entry published", f"entry:{content.slug}")
    correction = _correction(session, writing, standing, content.slug, now) if writing.corrects else None
    return Outcome("published", content.slug, correction_id=correction)


def _settle(session: Session, who: Who, content: Content, writing: Writing, now: datetime) -> None:
    """The drafts that became this version; a ticket that it came from remembers it."""
    found = session.get(EntryDraft, writing.draft_id) if writing.draft_id else None
    ours = [found] if found else [drafts.mine(session, content.slug, who.id)]
    entry = entries.find(session, content.slug)
    for draft in filter(None, ours):
        draft.state, draft.updated_at, draft.slug = "published", now, content.slug
        draft.entry_id = entry.id if entry else None
        draft.reader_id = who.id if draft.officer_id != who.id else None
        draft.ticket_id = draft.ticket_id or writing.ticket_id
        session.add(draft)
    if writing.ticket_id is not None and not any(ours):
        remember_ticket(session, who, content, writing.ticket_id, now)
    session.flush()


def remember_ticket(session: Session, who: Who, content: Content, ticket_id: int, now: datetime) -> None:
    """That a ticket was made into this entry."""
    entry = entries.find(session, content.slug)
    session.add(
        EntryDraft(
            slug=content.slug,
            entry_id=entry.id if entry else None,
            body=drafts.body_of(content),
            officer_id=who.id,
            state="published",
            ticket_id=ticket_id,
            created_at=now,
            updated_at=now,
        )
    )


def _correction(
    session: Session, writing: Writing, standing: VersionRow | None, slug: str, now: datetime
) -> int | None:
    """The correction that waits for the officer's yes; it reaches back to when the wrong version was published."""
    entry = entries.find(session, slug)
    if standing is None or entry is None or entry.id is None or entry.version_id is None:
        return None
    made = Correction(
        entry_id=entry.id, version_id=entry.version_id, since=standing.created_at, words=writing.reason, created_at=now
    )
    session.add(made)
    session.flush()
    return made.id


# --- the second reader ------------------------------------------------------------------------------------------------


def reading(session: Session, office: Office, who: Who, draft_id: int, now: datetime) -> Reading:
    """A draft beside what stands; LookupError if it is no longer open."""
    draft = _open_draft(session, draft_id)
    content = drafts.content_of(draft)
    entry = entries.find(session, draft.slug)
    standing = entries.current(session, entry) if entry else None
    changed: Sequence[differences.Difference] = ()
    if standing is not None:
        changed = differences.between(entries.as_content(standing.body), content)
    return Reading(
        row=row(session, who, draft, authors(session)),
        content=content,
        reason=draft.reason,
        corrects=draft.corrects,
        differences=tuple(changed),
        checked=checked(session, office, content, now.astimezone(office.zone).date()),
        moved=standing is not None and standing.number != draft.base_number,
    )


def approve(session: Session, office: Office, who: Who, draft_id: int, now: datetime) -> Outcome:
    """The second reader's yes publishes it; « own » when the author says it."""
    draft = _open_draft(session, draft_id)
    if draft.state != "waiting":
        raise LookupError(draft_id)
    if draft.officer_id == who.id:
        return Outcome("own", draft.slug)
    done = publish(session, office, who, _writing(draft), now)
    if done.what == "published":
        audit.append(session, now, f"officer:{who.id}", "entry read and approved", f"entry:{done.slug}")
    return done


def send_back(session: Session, who: Who, draft_id: int, note: str, now: datetime) -> None:
    """Back to its author, with a word."""
    draft = _open_draft(session, draft_id)
    draft.state, draft.note, draft.reader_id, draft.updated_at = "draft", note.strip(), who.id, now
    session.add(draft)
    audit.append(session, now, f"officer:{who.id}", "draft sent back", f"entry:{draft.slug}")


def drop(session: Session, who: Who, draft_id: int, now: datetime) -> None:
    """Throw a draft of one's own away; LookupError for another's."""
    draft = _open_draft(session, draft_id)
    if draft.officer_id != who.id:
        raise LookupError(draft_id)
    draft.state, draft.updated_at = "dropped", now
    session.add(draft)
    audit.append(session, now, f"officer:{who.id}", "draft dropped", f"entry:{draft.slug}")


def restore(session: Session, office: Office, who: Who, slug: str, number: int, reason: str, now: datetime) -> Outcome:
    """Publish the words of an earlier version again, or of the last one of a retired entry."""
    version = next((each for each in entries.versions(session, slug) if each.number == number), None)
    if version is None:
        raise LookupError(slug)
    content = entries.as_content(version.body)
    errors = checked(session, office, content, now.astimezone(office.zone).date()).errors
    if errors:
        return Outcome("wrong", slug, errors)
    if not entries.put(session, content, f"officer:{who.id}", reason or f"retour à la version {number}", now):
        return Outcome("same", slug)
    audit.append(session, now, f"officer:{who.id}", "entry restored", f"entry:{slug}")
    return Outcome("published", slug)


# --- news -------------------------------------------------------------------------------------------------------------


def news(
    office: Office, title: str, text: str, sms: str, asked: Sequence[str], source: tuple[str, str, str], last: str,
    today: date, slug: str = "",
) -> Content:  # fmt: skip
    """A piece of news as an entry: no longer answered after its last day. `source`: title, address, date."""
    name, url, when = source
    phrasings = tuple(asked) or (title, f"des nouvelles de {title[:1].lower()}{title[1:]}", f"quoi de neuf : {title}")
    return Content(
        slug=slug,
        kind="news",
        title=title,
        answer=text,
        sms=sms or shortened(text),
        phrasings=phrasings,
        status=VALID,
        answers=("change", "when"),
        sources=(Source(name, url, name[: seed.REF_MOST], when or today.isoformat()),) if name else (),
        review_by=last,
        expires=last,
    )


def shortened(text: str, most: int = seed.SMS_MOST) -> str:
    """As many whole sentences of a text as an SMS takes; its beginning when the first one is too long."""
    whole = " ".join(text.split())
    if (gsm.length(whole) or most + 1) <= most:
        return whole
    said = ""
    for sentence in re.split(r"(?<=[.!?…])\s+", whole):
        longer = f"{said} {sentence}".strip()
        if (gsm.length(longer) or most + 1) > most:
            break
        said = longer
    if said:
        return said
    words = whole.split(" ")
    while words and (gsm.length(" ".join(words) + "…") or most + 1) > most:
        words.pop()
    return " ".join(words) + "…" if words else ""
