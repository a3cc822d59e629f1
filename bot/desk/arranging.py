"""What the officer does with a meeting: recorded, changed, its agenda in plain words, papers, dates, decisions."""

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from bot import audit
from bot.desk import following, meetings, preparing, repeating, season
from bot.desk.calendar import MeetingOver, NoSuchMeeting
from bot.desk.reminding import withdraw
from bot.office import Office, in_full
from bot.papers import words_of
from channels import directory
from channels.contract import Address
from channels.directory import Person
from escalation.accounts import Who
from scheduler import agenda, attendance, committees, preparation, repeats
from scheduler.agenda import AgendaItem, CommitteeDocument, CommitteeFile, Decision
from scheduler.attendance import CallNote
from scheduler.committees import CANCELLED, CONFIRMED, KINDS, Committee, CommitteeCouncil, CommitteeSeries
from scheduler.preparation import Preparation, PreparationDate

FAR = timedelta(days=3 * 366)  # a meeting further away is a slip of the pen
LONGEST = timedelta(days=7)
MOST_ITEMS, MOST_DOCUMENTS = 40, 20
DOCUMENT_BYTES = 10 * 1024 * 1024
DOCUMENTS = {  # by their first bytes, never by their name
    b"%PDF-": "application/pdf",
    b"PK\x03\x04": "application/zip",  # docx, odt, xlsx: shown as what their name says
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
}
OFFICE_FILES = {
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "odt": "application/vnd.oasis.opendocument.text",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "odp": "application/vnd.oasis.opendocument.presentation",
}
OUTCOMES = {
    "reached": "jointe : la personne sait tout",
    "message": "message laissé",
    "absent": "pas de réponse",
    "wrong-number": "mauvais numéro",
}
FIRST_DAY, LAST_DAY = 10, 1  # days before a committee between which a preparation takes place
PREPARATION_TITLE = "Préparation : {}"


class Wrong(ValueError):
    """What was filled in cannot be kept: `errors` says why by field, in French."""

    def __init__(self, **errors: str):
        super().__init__(" ".join(errors.values()))
        self.errors = errors


@dataclass(frozen=True)
class Sheet:
    """All that is filled in about a meeting."""

    title: str
    kind: str
    starts_at: datetime | None
    ends_at: datetime | None = None
    place: str = ""
    directions: str = ""
    accessibility: str = ""
    online: str = ""
    organiser: str = ""
    organiser_email: str = ""
    agenda: str = ""
    councils: tuple[int, ...] = ()
    rrule: str = ""  # only when a meeting is recorded


def author(who: Who | None) -> str:
    return f"officer:{who.id}" if who else "command"


def the_meeting(session: Session, who: Who | None, committee_id: int) -> Committee:
    """A meeting that this officer may see; NoSuchMeeting."""
    found = session.get(Committee, committee_id)
    if found is None or (who is not None and not meetings.sees(session, who, committee_id)):
        raise NoSuchMeeting(f"Aucune réunion n'a le numéro {committee_id}.")
    return found


# --- recorded and changed ---------------------------------------------------------------------------------------------


def record(session: Session, office: Office, who: Who | None, sheet: Sheet, now: datetime) -> list[int]:
    """A new meeting, or all those that its rule makes in the next 18 months; their ids. Wrong."""
    _check(session, who, sheet, now, new=True)
    assert sheet.starts_at is not None
    length = sheet.ends_at - sheet.starts_at if sheet.ends_at else None
    moments, series_id = [sheet.starts_at], None
    if sheet.rrule:
        moments = occurrences(sheet.rrule, sheet.starts_at, office)
        series = CommitteeSeries(
            rrule=sheet.rrule, starts_at=sheet.starts_at, made_until=now + repeating.AHEAD, created_at=now
        )
        session.add(series)
        session.flush()
        series_id = series.id
    made = []
    for moment in moments:
        meeting = Committee(
            kind=sheet.kind,
            title=sheet.title,
            starts_at=moment,
            ends_at=moment + length if length else None,
            place=sheet.place,
            series_id=series_id,
            created_at=now,
        )
        _fill(session, office, meeting, sheet, now)
        session.flush()
        committees.link(session, meeting, sheet.councils)
        assert meeting.id is not None
        made.append(meeting.id)
        audit.append(session, now, author(who), "meeting recorded", f"committee:{meeting.id}")
    return made


def change(session: Session, office: Office, who: Who | None, committee_id: int, sheet: Sheet, now: datetime) -> str:
    """Write what was filled in; what was done, in words. A new date, time or place tells everybody anew. Wrong."""
    meeting = the_meeting(session, who, committee_id)
    _check(session, who, sheet, now, new=False)
    assert sheet.starts_at is not None
    moved = meeting.starts_at != sheet.starts_at
    if moved and meeting.starts_at <= now:
        raise MeetingOver("Cette réunion a déjà commencé : sa date ne change plus.")
    if moved and sheet.starts_at <= now:
        raise Wrong(jour="Cette date est déjà passée.")
    told_anew = committees.move(session, meeting, sheet.starts_at, sheet.ends_at, sheet.place)
    meeting.title, meeting.kind = sheet.title, sheet.kind
    _fill(session, office, meeting, sheet, now)
    hidden = [each for each in committees.councils_of(session, committee_id) if who is not None and not who.sees(each)]
    committees.link(session, meeting, [*sheet.councils, *hidden])  # those of other officers stay
    session.flush()
    if told_anew:
        withdraw(session, now)
    audit.append(session, now, author(who), "meeting changed", f"committee:{committee_id}")
    if told_anew and meeting.starts_at > now:
        return f"C'est noté. {office.when(meeting.starts_at)} : qui était prévenu le sera de nouveau."
    return "C'est noté."


def _fill(session: Session, office: Office, meeting: Committee, sheet: Sheet, now: datetime) -> None:
    meeting.directions, meeting.accessibility = sheet.directions, sheet.accessibility
    meeting.online, meeting.organiser, meeting.agenda = sheet.online, sheet.organiser, sheet.agenda
    meeting.organiser_address_id = None
    if sheet.organiser_email:
        row = directory.keep(session, office.vault, Address("email", sheet.organiser_email.lower()), now)
        meeting.organiser_address_id = row.id
    session.add(meeting)


def _check(session: Session, who: Who | None, sheet: Sheet, now: datetime, *, new: bool) -> None:
    errors: dict[str, str] = {}
    if not sheet.title.strip():
        errors["titre"] = "Donnez un nom à la réunion."
    if len(sheet.title) > 200:
        errors["titre"] = "Ce nom est trop long : 200 caractères au plus."
    if sheet.kind not in KINDS:
        errors["type"] = "Choisissez un type dans la liste."
    if sheet.starts_at is None:
        errors["jour"] = "Donnez le jour et l'heure, par exemple 11/12/2026 à 18:00."
    elif new and sheet.starts_at <= now:
        errors["jour"] = "Cette date est déjà passée."
    elif sheet.starts_at > now + FAR:
        errors["jour"] = "Cette date est dans plus de trois ans. Vérifiez l'année."
    if sheet.starts_at and sheet.ends_at and not timedelta() < sheet.ends_at - sheet.starts_at <= LONGEST:
        errors["fin"] = "La fin vient avant le début, ou plus d'une semaine après."
    if sheet.organiser_email and "@" not in sheet.organiser_email:
        errors["organisateur_email"] = "Écrivez l'adresse e-mail en entier."
    if sheet.online and not sheet.online.startswith(("https://", "http://")):
        errors["en_ligne"] = "Le lien commence par https://."
    if not sheet.councils:
        errors["conseils"] = "Choisissez au moins un conseil citoyen : ce sont ses membres qui sont prévenus."
    elif who is not None and not all(who.sees(each) for each in sheet.councils):
        errors["conseils"] = "L'un de ces conseils n'est pas parmi les vôtres."
    if sheet.rrule and sheet.starts_at is not None:
        try:
            start = sheet.starts_at.replace(tzinfo=None)
            for _ in repeats.dates(sheet.rrule, start, start + repeating.AHEAD):
                pass
        except repeats.BadRule:
            errors["regle"] = "Je ne comprends pas cette répétition, ou elle ne tombe jamais."
    if errors:
        raise Wrong(**errors)


def occurrences(rrule: str, starts_at: datetime, office: Office) -> list[datetime]:
    """When a rule (RFC 5545) comes, from its first time on, 18 months and 100 times at most, on the local clock.

    repeats.BadRule (a ValueError) when it cannot be read, or never comes.
    """
    local = starts_at.astimezone(office.zone).replace(tzinfo=None)
    found = itertools.islice(repeats.dates(rrule, local, local + repeating.AHEAD), repeating.MOST)
    return [each.replace(tzinfo=office.zone) for each in found] or [starts_at]


def stop_series(session: Session, who: Who | None, committee_id: int, now: datetime) -> str:
    """Make no more meetings of this one's series; what stands stays. What was done, in words. Wrong."""
    try:
        return repeating.stop(session, who, the_meeting(session, who, committee_id), now)
    except repeating.Stopped as error:
        raise Wrong(serie=str(error)) from None


def confirm(session: Session, who: Who | None, committee_id: int, now: datetime) -> None:
    """The organiser said that it takes place as written."""
    meeting = the_meeting(session, who, committee_id)
    if meeting.state == CANCELLED:
        raise Wrong(etat="Cette réunion est annulée. Donnez-lui d'abord une nouvelle date.")
    meeting.state = CONFIRMED
    session.add(meeting)
    audit.append(session, now, author(who), "meeting confirmed", f"committee:{committee_id}")


def invited(
    session: Session, who: Who | None, committee_id: int, council_ids: Sequence[int], what: str, now: datetime
) -> None:
    """That the invitation (`what` = invitation) or the agenda reached these councils, and no others of theirs."""
    the_meeting(session, who, committee_id)
    rows = session.exec(select(CommitteeCouncil).where(CommitteeCouncil.committee_id == committee_id)).all()
    for row in rows:
        if who is not None and not who.sees(row.council_id):
            continue
        name = "invited_at" if what == "invitation" else "agenda_at"
        standing = getattr(row, name)
        if (row.council_id in council_ids) != (standing is not None):
            setattr(row, name, now if row.council_id in council_ids else None)
            row.noted_by = author(who)
            session.add(row)
    audit.append(session, now, author(who), f"{what} noted", f"committee:{committee_id}")


# --- agenda and papers ------------------------------------------------------------------------------------------------


def set_agenda(session: Session, who: Who | None, committee_id: int, lines: Sequence[str], now: datetime) -> None:
    """The points of the agenda as received, one a line; the officer's words stay with a point that stays. Wrong."""
    the_meeting(session, who, committee_id)
    wanted = [" ".join(line.split()) for line in lines if line.strip()]
    if len(wanted) > MOST_ITEMS:
        raise Wrong(points=f"{MOST_ITEMS} points au plus.")
    standing = {each.received: each for each in agenda.items_of(session, [committee_id]).get(committee_id, [])}
    for position, received in enumerate(wanted, 1):
        item = standing.pop(received, None) or AgendaItem(
            committee_id=committee_id, position=0, received=received, edited_at=now
        )
        item.position = position
        session.add(item)
    for item in standing.values():
        session.delete(item)
    audit.append(session, now, author(who), "agenda written", f"committee:{committee_id}")


def set_plain(session: Session, who: Who | None, committee_id: int, plain: Mapping[int, str], now: datetime) -> None:
    """The officer's plain words for points of the agenda, by the point's id."""
    the_meeting(session, who, committee_id)
    for item in agenda.items_of(session, [committee_id]).get(committee_id, []):
        words = plain.get(item.id or 0)
        if words is not None and words.strip() != item.plain:
            item.plain, item.edited_by, item.edited_at = words.strip()[:1000], author(who), now
            session.add(item)
    audit.append(session, now, author(who), "agenda in plain words", f"committee:{committee_id}")


def kind_of_document(filename: str, content: bytes) -> str:
    """The type of a file by its first bytes; Wrong when it is none that we keep."""
    for start, kind in DOCUMENTS.items():
        if content.startswith(start):
            if kind != "application/zip":
                return kind
            ending = filename.rpartition(".")[2].lower()
            if ending in OFFICE_FILES:
                return OFFICE_FILES[ending]
    raise Wrong(fichier="Je garde les PDF, les images et les documents de bureau (docx, odt, xlsx, ods, pptx, odp).")


def add_document(
    session: Session,
    who: Who | None,
    committee_id: int,
    title: str,
    purpose: str,
    url: str,
    filename: str,
    content: bytes,
    now: datetime,
) -> None:
    """A document of a meeting: a file (10 MB at most) or an address, with what it is good for. Wrong."""
    the_meeting(session, who, committee_id)
    count = len(agenda.documents_of(session, [committee_id]).get(committee_id, []))
    if count >= MOST_DOCUMENTS:
        raise Wrong(fichier=f"{MOST_DOCUMENTS} documents au plus par réunion.")
    if not content and not url:
        raise Wrong(fichier="Choisissez un fichier, ou donnez l'adresse du document.")
    if url and not url.startswith(("https://", "http://")):
        raise Wrong(adresse="L'adresse commence par https://.")
    if len(content) > DOCUMENT_BYTES:
        raise Wrong(fichier="Ce fichier pèse plus de 10 Mo. Donnez plutôt l'adresse où le lire.")
    file_id = None
    if content:
        kind = kind_of_document(filename, content)
        digest = hashlib.sha256(content).hexdigest()
        row = session.exec(select(CommitteeFile).where(CommitteeFile.digest == digest)).first()
        if row is None:
            row = CommitteeFile(
                digest=digest,
                filename=filename.rpartition("/")[2][-120:],
                content_type=kind,
                size=len(content),
                content=content,
                text=words_of(content) if kind == "application/pdf" else "",
            )
            session.add(row)
            session.flush()
        file_id = row.id
    name = title.strip() or filename.rpartition(".")[0] or url
    session.add(
        CommitteeDocument(
            committee_id=committee_id,
            file_id=file_id,
            title=name[:200],
            purpose=purpose.strip()[:200],
            url=url[:1000],
            added_by=author(who),
            added_at=now,
        )
    )
    audit.append(session, now, author(who), "document added", f"committee:{committee_id}")


def describe_document(
    session: Session, who: Who | None, committee_id: int, document_id: int, purpose: str, now: datetime
) -> None:
    """What a document is good for, in one line: the kit says it beside its title."""
    the_meeting(session, who, committee_id)
    row = session.get(CommitteeDocument, document_id)
    if row is None or row.committee_id != committee_id:
        raise NoSuchMeeting("Ce document n'est plus là.")
    row.purpose = " ".join(purpose.split())[:200]
    session.add(row)
    audit.append(session, now, author(who), "document described", f"committee:{committee_id}")


def drop_document(session: Session, who: Who | None, committee_id: int, document_id: int, now: datetime) -> None:
    """Take a document off; its file goes with the last meeting that had it."""
    the_meeting(session, who, committee_id)
    row = session.get(CommitteeDocument, document_id)
    if row is None or row.committee_id != committee_id:
        raise NoSuchMeeting("Ce document n'est plus là.")
    file_id = row.file_id
    session.delete(row)
    session.flush()
    if (
        file_id is not None
        and not session.exec(select(CommitteeDocument.id).where(CommitteeDocument.file_id == file_id).limit(1)).first()
    ):
        session.execute(sa.delete(CommitteeFile).where(col(CommitteeFile.id) == file_id))
    audit.append(session, now, author(who), "document removed", f"committee:{committee_id}")


def document(session: Session, who: Who | None, committee_id: int, document_id: int) -> tuple[str, str, bytes]:
    """(name, type, bytes) of a document's file; NoSuchMeeting."""
    the_meeting(session, who, committee_id)
    row = session.get(CommitteeDocument, document_id)
    file = session.get(CommitteeFile, row.file_id) if row and row.file_id else None
    if row is None or file is None or row.committee_id != committee_id:
        raise NoSuchMeeting("Ce document n'est plus là.")
    return file.filename, file.content_type, file.content


# --- the preparation --------------------------------------------------------------------------------------------------


def propose(
    session: Session,
    office: Office,
    who: Who | None,
    committee_id: int,
    moments: Sequence[datetime],
    place: str,
    now: datetime,
) -> None:
    """The dates among which members choose, between J-10 and J-1 of the committee. Wrong."""
    meeting = the_meeting(session, who, committee_id)
    day = meeting.starts_at.astimezone(office.zone).date()
    first, last = day - timedelta(days=FIRST_DAY), day - timedelta(days=LAST_DAY)
    if not moments:
        raise Wrong(dates="Donnez au moins une date.")
    if len(moments) > 5:
        raise Wrong(dates="Cinq dates au plus : au-delà, on ne choisit plus.")
    if any(each <= now for each in moments):
        raise Wrong(dates="Une de ces dates est déjà passée.")
    if any(not first <= each.astimezone(office.zone).date() <= last for each in moments):
        words = f"du {in_full(first)} au {in_full(last)}"
        raise Wrong(dates=f"On se prépare dans les dix jours avant le comité : {words}.")
    season.set_dates(session, meeting, moments, place, now)
    audit.append(session, now, author(who), "preparation dates proposed", f"committee:{committee_id}")


def fix_preparation(
    session: Session, who: Who | None, committee_id: int, date_id: int, place: str, now: datetime
) -> int:
    """Pick one of the proposed dates: the preparation enters the calendar and invites by itself; its id. Wrong."""
    meeting = the_meeting(session, who, committee_id)
    chosen = session.get(PreparationDate, date_id)
    row = session.get(Preparation, committee_id)
    if chosen is None or row is None or chosen.committee_id != committee_id:
        raise Wrong(dates="Cette date n'est plus proposée.")
    if chosen.starts_at <= now:
        raise Wrong(dates="Cette date est déjà passée.")
    standing = season.fixed(session, row, meeting)
    if standing is not None and standing.id is not None:
        committees.move(session, standing, chosen.starts_at, None, place or chosen.place)
        session.flush()
        withdraw(session, now)
        made = standing
    else:
        made = Committee(
            kind="preparation",
            title=PREPARATION_TITLE.format(meeting.title)[:200],
            starts_at=chosen.starts_at,
            place=place or chosen.place,
            created_at=now,
        )
        session.add(made)
        session.flush()
        committees.link(session, made, committees.councils_of(session, committee_id))
    row.meeting_id, row.fixed_at = made.id, now
    session.add(row)
    audit.append(session, now, author(who), "preparation fixed", f"committee:{committee_id}")
    assert made.id is not None
    return made.id


# --- who was called, who came, what was decided -----------------------------------------------------------------------


def _theirs(session: Session, who: Who | None, person_id: int) -> Person:
    """Someone whom this officer looks after; NoSuchMeeting for anybody else."""
    person = session.get(Person, person_id)
    if person is None or (who is not None and not who.sees(person.council_id)):
        raise NoSuchMeeting("Cette personne n'est plus là.")
    return person


def note_call(
    session: Session, who: Who | None, committee_id: int, person_id: int, outcome: str, text: str, now: datetime
) -> None:
    """What came of a call about a meeting. Wrong."""
    the_meeting(session, who, committee_id)
    if outcome not in OUTCOMES:
        raise Wrong(resultat="Choisissez ce que l'appel a donné.")
    _theirs(session, who, person_id)
    session.add(
        CallNote(
            committee_id=committee_id,
            person_id=person_id,
            outcome=outcome,
            text=text.strip()[:1000],
            author=author(who),
            noted_at=now,
        )
    )
    # its words stand in the note alone, and go with it
    audit.append(session, now, author(who), "call noted", f"committee:{committee_id}")


def said_by_phone(
    session: Session,
    office: Office,
    who: Who | None,
    committee_id: int,
    person_id: int,
    answer: str,
    now: datetime,
    alternate: str = "",
    wish: str = "",
) -> None:
    """What someone said over the phone: they come, they do not, they want to prepare; as a reply would. Wrong.

    `alternate`, the name of who comes instead, is asked to come; `wish` is what someone wants to prepare.
    """
    meeting = the_meeting(session, who, committee_id)
    person = _theirs(session, who, person_id)
    if answer not in (attendance.YES, attendance.NO, attendance.PREPARE):
        raise Wrong(reponse="Choisissez une réponse.")
    if meeting.starts_at <= now or meeting.state == CANCELLED:
        raise Wrong(reponse="Cette réunion est passée ou annulée : il n'y a plus à répondre.")
    row = attendance.say(session, committee_id, person_id, person.council_id, answer, now, meeting.revision)
    if answer == attendance.NO and alternate.strip():
        following.name_alternate(session, office, meeting, person, row, " ".join(alternate.split())[:200], now)
    if answer == attendance.PREPARE:
        preparing.open_for(session, office, meeting, person, row, wish, author(who), now, who.id if who else None)
    audit.append(session, now, author(who), "answer noted", f"committee:{committee_id}")


def came(session: Session, who: Who | None, committee_id: int, here: Mapping[int, bool], now: datetime) -> None:
    """Who came to a meeting that is over, by person."""
    meeting = the_meeting(session, who, committee_id)
    for person_id, was_here in here.items():
        row = following.attendance_row(session, meeting, _theirs(session, who, person_id), now)
        row.came = was_here
        session.add(row)
    audit.append(session, now, author(who), "attendance noted", f"committee:{committee_id}")


def decided(session: Session, office: Office, who: Who | None, committee_id: int, text: str, now: datetime) -> None:
    """What a meeting decided, as the officer reports it. Wrong."""
    meeting = the_meeting(session, who, committee_id)
    if not text.strip():
        raise Wrong(decision="Écrivez ce qui a été décidé.")
    if meeting.starts_at > now:
        raise Wrong(decision="Cette réunion n'a pas encore eu lieu.")
    following.keep_decision(session, office, meeting, text, None, author(who), now)
    audit.append(session, now, author(who), "decision noted", f"committee:{committee_id}")


def set_aside(
    session: Session, who: Who | None, committee_id: int, decision_id: int, kept: bool, now: datetime
) -> None:
    """Set a reported decision aside (it stays, and is told no more), or take it back."""
    the_meeting(session, who, committee_id)
    row = session.get(Decision, decision_id)
    if row is None or row.committee_id != committee_id:
        raise NoSuchMeeting("Cette décision n'est plus là.")
    row.kept = kept
    session.add(row)
    audit.append(session, now, author(who), "decision set aside", f"committee:{committee_id}")


def preparation_notes(session: Session, who: Who | None, committee_id: int, text: str, now: datetime) -> None:
    """What was said at the preparation, in the officer's words."""
    the_meeting(session, who, committee_id)
    row = session.get(Preparation, committee_id) or Preparation(committee_id=committee_id, opened_at=now)
    row.notes = text.strip()[:10_000]
    session.add(row)
    audit.append(session, now, author(who), "preparation noted", f"committee:{committee_id}")


def votes(session: Session, committee_id: int) -> dict[int, int]:
    """How many people can come on each proposed date, by the date's id."""
    return {each: len(people) for each, people in preparation.votes_of(session, committee_id).items()}
