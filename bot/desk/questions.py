"""From inbox to outbox: receive (T1), claim (T2), handle (T3), and what becomes of what was sent (T5)."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from sqlmodel import Session, col, select

from bot import audit, conversations, patience, router, tokens
from bot.conversations import Given, Prompt, Question
from bot.desk import (
    bounces,
    files,
    following,
    hours,
    invitations,
    letters,
    linking,
    noted,
    officer,
    partners,
    privacy,
    reminding,
    replies,
    resending,
)
from bot.desk.replies import Titled
from bot.desk.turns import CHOOSE_FOR, FOLLOW_UP, Desk
from bot.office import Office, in_full
from bot.replying import Said
from bot.say import say
from channels import admission, attachments, directory, mailbox, manners
from channels.contract import Inbound, Outbound, Receipt, Scope
from channels.directory import AddressRow
from channels.mailbox import AttachmentRow, InboxRow, OutboxRow, Sending, Turn
from escalation import officers, tickets
from escalation.tickets import Ticket
from knowledge import entries, translations
from knowledge.entries import Published
from knowledge.matching import Match
from knowledge.translations import LANGUAGES
from scheduler import committees, plan
from scheduler.committees import Committee

MOST_TEXT = 100_000  # characters kept of one message
LIMITS = ((timedelta(minutes=1), 6), (timedelta(hours=1), 30), (timedelta(days=1), 200))
HOLD = conversations.asked_lately()
REFUSED_AT_ONCE = 8  # messages that a ceiling refuses in one look
DISTRESS_NUMBERS = {
    "15": "Urgence médicale : appelez le 15.",
    "17": "Danger immédiat : appelez le 17 (police).",
    "18": "Incendie : appelez le 18 (pompiers).",
    "112": "Urgence : appelez le 112.",
    "114": "Vous ne pouvez pas parler : envoyez un SMS au 114.",
    "115": "Sans toit ce soir : appelez le 115.",
    "119": "Enfant en danger : appelez le 119.",
    "3114": "Idées de suicide : appelez le 3114.",
    "3919": "Violences faites aux femmes : appelez le 3919.",
}


# --- T1: keep ---------------------------------------------------------------------------------------------------------


def receive(session: Session, office: Office, message: Inbound | Receipt, now: datetime) -> bool:
    """Keep what came in; False when we already had it. Once this is committed, it may be acknowledged."""
    if isinstance(message, Receipt):
        return _receipt(session, office, message, now)
    row = directory.keep(session, office.vault, message.sender, now)
    assert row.id is not None
    person = session.get(directory.Person, row.person_id) if row.person_id else None
    text, warnings = _clean(message.text), message.warnings
    if len(text) > MOST_TEXT:
        text, warnings = text[:MOST_TEXT], (*warnings, f"message coupé à {MOST_TEXT} caractères")
    token = message.token or (mailbox.token_of(session, row.id, message.about) if message.about else "")
    kept = replace(message, text=text, token=token, subject=_clean(message.subject)[:500], warnings=warnings)
    quiet = _quiet(session, office, row.id, text, now) if manners(message.sender.channel).waits else None
    new = mailbox.receive(session, kept, row.id, person.council_id if person else None, now, quiet)
    if new is None:
        return False
    row.last_heard_at = now
    session.add(row)
    if message.nature != "machine":
        bounces.heard_again(session, row)
    mailbox.heard_from(session, row.id, now)
    files.keep(session, office, new, message.attachments)
    return True


def _quiet(session: Session, office: Office, address_id: int, text: str, now: datetime) -> timedelta:
    """How long to wait for more: what is short may be the answer to what was asked."""
    short = len(text.split()) <= patience.PROMPTED_WORDS
    prompted = short and conversations.open_prompt(session, address_id, now) is not None
    return patience.quiet(text, prompted=prompted, fragment=office.quiet)


def _clean(text: str) -> str:
    """Without what PostgreSQL cannot hold (NUL) and no text contains (lone surrogates)."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def _receipt(session: Session, office: Office, receipt: Receipt, now: datetime) -> bool:
    row = mailbox.report(session, receipt, now)
    if row is None:
        return mailbox.keep_early(session, receipt, now)
    if receipt.gone:
        bounces.came_back(session, office, row.address_id, receipt.reason, now)
    if row.followed_by and row.state == "delivered":
        follow(session, office, row, now)
    if row is not None and row.sent_at == now:  # its sending was in doubt until now
        invitations.asked(session, row, now)
    return row is not None


# --- T2: claim --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Claimed:
    """A turn, and whether the matcher need look at it."""

    turn: Turn
    to_match: str  # the text to match, empty when a person or a number decides


def claim(session: Session, now: datetime) -> Claimed | None:
    turn = mailbox.claim_turn(session, now)
    if turn is None:
        return None
    if turn.last.nature != "person":
        return Claimed(turn, "")
    return Claimed(turn, _question_of(turn))


def _question_of(turn: Turn) -> str:
    """The words of a turn; an email whose body is short is read with its subject."""
    subject = turn.messages[0].subject
    if subject and len(turn.text.split()) < 6 and not subject.lower().startswith(("re:", "re :", "tr:", "fwd:")):
        return f"{subject}\n{turn.text}".strip()
    return turn.text


# --- T3: decide, act, mark handled ------------------------------------------------------------------------------------


def handle(session: Session, office: Office, claimed: Claimed, match: Match | None, now: datetime) -> str:
    """Facts, decision, what is said, the mark that it is dealt with: one transaction, fenced. The decision's name."""
    turn = claimed.turn
    row = session.get(AddressRow, turn.address_id)
    assert row is not None
    desk = Desk(session, office, turn, row, directory.opened(office.vault, row), now)
    if _links_an_officer(desk):
        mailbox.handled(session, turn, now)
        return "Linked"
    desk.together = tuple(directory.together(session, row))
    prompts = conversations.open_prompts(session, turn.address_id, now, desk.together)
    desk.about = _meeting_to_come(session, prompts, now)
    facts = gather(session, office, turn, row, match, now, prompts)
    decision = router.decide(facts)
    act(desk, decision, facts)
    files.settle(session, desk.came_by, desk.question_id)
    mailbox.handled(session, turn, now)
    return type(decision).__name__


def _links_an_officer(desk: Desk) -> bool:
    """Whether this is the one-time code of an officer, from the other address that they want to be written to."""
    code = desk.turn.last.token or desk.turn.text.strip()
    theirs = manners(desk.to.channel)
    if theirs.session or not theirs.chatting or not re.fullmatch(r"[a-z2-7]{16}", code.lower()):
        return False
    found = officer.link(desk.session, desk.office, code, desk.asker, desk.now)
    if found is not None:
        desk.say("officer_linked", person=found.name, channel=letters.channel_name(desk.to.channel))
    return found is not None


def _meeting_to_come(session: Session, prompts: Sequence[Prompt], now: datetime) -> int | None:
    """The meeting that a question asked now is about, unless it is over or cancelled."""
    number = conversations.meeting_of(prompts)
    meeting = session.get(Committee, number) if number is not None else None
    return number if meeting and meeting.starts_at > now and meeting.state != committees.CANCELLED else None


def gather(
    session: Session,
    office: Office,
    turn: Turn,
    row: AddressRow,
    match: Match | None,
    now: datetime,
    prompts: Sequence[Prompt],
) -> router.Facts:
    """All that the decision may depend on, read in its transaction."""
    assert row.id is not None
    last = turn.last
    claim = tokens.read(office.vault, last.token, now) if last.token else None
    by = officers.at(session, row.id)
    officer_ticket = claim.subject if claim and claim.purpose == tokens.OFFICER else None
    if officer_ticket is not None and session.get(Ticket, officer_ticket) is None:
        officer_ticket = None
    newest_open, answered = tickets.latest(session, row.id, now - FOLLOW_UP)
    asker_ticket = None
    if claim and claim.purpose == tokens.ASKER and claim.who == row.id:
        ticket = session.get(Ticket, claim.subject)
        asker_ticket = ticket.id if ticket and ticket.address_id == row.id else None
    if asker_ticket is None and manners(row.channel).chatting:
        waiting = newest_open
        if waiting and waiting.kind == "human" and now - waiting.opened_at < CHOOSE_FOR:
            asker_ticket = waiting.id  # « HUMAIN », then the question
    pending = tickets.recallable(session, now, f"officer:{by.id}") if by else ()
    asked = [router.OpenPrompt(each.kind, tuple(each.offered), each.question_id) for each in prompts]
    undo = router.command_in(turn.text) == router.UNDO
    last_noted = conversations.last_noted(session, row.id, now) if undo else None
    ids = [message.id for message in turn.messages]
    wordless = not any(sign.isalpha() for sign in turn.text) or turn.text.lstrip().startswith("(")
    has_files = wordless and (
        session.exec(select(AttachmentRow.id).where(col(AttachmentRow.inbox_id).in_(ids)).limit(1)).first() is not None
        or any(admission.is_note(warning) for message in turn.messages for warning in message.warnings)
    )
    return router.Facts(
        text=turn.text,
        nature=last.nature,
        stopped=row.stopped_at is not None,
        limited=by is None and _is_limited(session, row.id, last.received_at),
        officer_id=by.id if by else None,
        officer_ticket=officer_ticket,
        officer_token_of=claim.who if claim and officer_ticket is not None else None,
        recallable=pending[0].ticket_id if pending else None,
        partner_request=claim.subject if claim and claim.purpose == tokens.PARTNER else None,
        partner_wrote=claim is not None and claim.purpose == tokens.PARTNER and claim.who == row.id,
        proven=last.proof != "fail",
        asker_ticket=asker_ticket,
        answered_ticket=answered.id if answered else None,
        prompt=asked[0] if asked else None,
        beneath=tuple(asked[1:]),
        noted=last_noted.what if last_noted else "",
        has_attachments=has_files,
        broken_token=bool(last.token) and claim is None,
        warnings=last.warnings,
        match=match,
        translated=_translated(session, office, turn.text, match, now),
    )


def _translated(
    session: Session, office: Office, text: str, match: Match | None, now: datetime
) -> tuple[str, str] | None:
    """The entry whose own translation says what this message asks, and in which language.

    A question that names what has only a French name (« What is a conseil citoyen? ») may be taken for French.
    """
    if match is None or match.smalltalk:
        return None
    if match.language not in LANGUAGES and match.decision == "answer" and not translations.opens_elsewhere(text):
        return None
    languages = (match.language,) if match.language in LANGUAGES else LANGUAGES
    standing = entries.published(session, now.astimezone(office.zone).date())
    for language in languages:
        found = [(each.content.slug, each.content.translated(language)) for each in standing]
        slug = translations.find(text, ((slug, one.phrasings) for slug, one in found if one is not None))
        if slug:
            return slug, language
    return None


def _is_limited(session: Session, address_id: int, at: datetime) -> bool:
    counts = mailbox.heard_since(session, address_id, [at - span for span, _ in LIMITS])
    return any(count > most for count, (_, most) in zip(counts, LIMITS, strict=True))


def act(desk: Desk, decision: router.Decision, facts: router.Facts) -> None:
    """Do what was decided, and say what there is to say."""
    match decision:
        case router.Silence():
            pass
        case router.Limited():
            _limited(desk)
        case router.Relay(ticket_id):
            officer.relay(desk.session, desk.office, ticket_id, facts.text, desk.came_by, desk.asker, desk.now)
        case router.Draft(ticket_id, reason):
            officer.keep_draft(desk.session, desk.office, ticket_id, facts.text, reason, desk.came_by, desk.now)
        case router.TakeBack(ticket_id):
            officer.take_back_by_message(desk.session, desk.office, ticket_id, desk.turn.last.id, desk.asker, desk.now)
        case router.FromPartner(request_id, note):
            partners.heard(desk.session, desk.office, request_id, facts.text, note, desk.turn.last.id, desk.now)
        case router.ToSort(why):
            to_sort(desk, why)
        case router.AddToTicket(ticket_id):
            _add(desk, ticket_id)
        case router.Command(name):
            _command(desk, name)
        case router.SmallTalk(kind):
            _notice(desk)
            desk.say(kind, organisation=desk.office.organisation)
        case router.Answer(slugs, _):
            _answer(desk, slugs, facts)
        case router.InTheirLanguage(slug, language):
            _answer_in(desk, slug, language, facts)
        case router.Clarify(slugs):
            _clarify(desk, slugs, facts)
        case router.Chosen(slug, question_id):
            _chosen(desk, slug, question_id)
        case router.NoneOfThese(question_id):
            _none_of_these(desk, question_id)
        case router.Code(digits):
            _code(desk, digits)
        case router.Coming(answer, committee_id):
            _coming(desk, answer, committee_id)
        case router.Tie(committee_id, then, text):
            _tie(desk, committee_id, then, replace(facts, text=text))
        case router.LinkTo(handle):
            _notice(desk)
            linking.send_code(desk, handle)
        case router.Proven(digits):
            linking.prove(desk, digits)
        case router.Way(address_id):
            linking.choose_way(desk, address_id)
        case router.Useful(yes, question_id, said):
            _useful(desk, yes, question_id, said)
        case Said():
            following.said(desk, decision)
        case router.Escalate(why, distress):
            _notice(desk)
            escalate(desk, facts, why, distress)


def _notice(desk: Desk) -> None:
    """At the first contact: who we are, that it is automatic, how to reach a person, where the privacy notice is."""
    if desk.asker.noticed_at is not None or manners(desk.to.channel).session:
        return
    url = desk.office.public_url
    privacy = f"Vos données : {url}/confidentialite" if url else ""
    desk.say("notice", organisation=desk.office.organisation, privacy=privacy)
    desk.asker.noticed_at = desk.now
    desk.session.add(desk.asker)


def _record(desk: Desk, facts: router.Facts, decision: str, ticket_id: int | None = None) -> Question:
    found = facts.match
    question = Question(
        address_id=desk.turn.address_id,
        council_id=desk.turn.council_id,
        channel=desk.turn.channel,
        text=facts.text,
        decision=decision,
        confidence=found.confidence if found else 0.0,
        candidates=[{"entry": c.slug, "confidence": round(c.confidence, 4)} for c in found.candidates[:5]]
        if found
        else [],
        ticket_id=ticket_id,
        committee_id=desk.about,
        asked_at=desk.turn.last.heard_at,
    )
    desk.session.add(question)
    desk.session.flush()
    desk.question_id = question.id
    return question


def _published(desk: Desk, slugs: Collection[str]) -> dict[str, Published]:
    today = desk.now.astimezone(desk.office.zone).date()
    return {each.content.slug: each for each in entries.published(desk.session, today, list(slugs))}


def _answer(desk: Desk, slugs: tuple[str, ...], facts: router.Facts) -> None:
    found = _published(desk, slugs)
    given = [found[slug] for slug in slugs if slug in found]
    _notice(desk)
    if not given:  # retired or expired since the index was made
        escalate(desk, facts, "la fiche trouvée n'est plus publiée")
        return
    question = _record(desk, facts, "answer")
    _give(desk, given, question)


def _answer_in(desk: Desk, slug: str, language: str, facts: router.Facts) -> None:
    """The entry's own translation, framed in its language; the officer can see what was asked and said."""
    found = _published(desk, [slug]).get(slug)
    words = found.content.translated(language) if found else None
    _notice(desk)
    if found is None or words is None:
        escalate(desk, facts, router.why(facts.match) if facts.match else "")
        return
    question = _record(desk, facts, "answer")
    short = manners(desk.to.channel).short
    text = words.sms if short else words.answer
    message = say(
        f"translated_{language}",
        desk.to,
        thread=desk.turn.last.thread,
        title=words.title,
        answer=text,
        source="" if short else replies.source_line(found.content, desk.to.channel),
    )
    assert question.id is not None
    key = desk.post(desk.threaded(message))
    desk.session.add(
        Given(
            question_id=question.id,
            entry_id=found.entry_id,
            version_id=found.version_id,
            address_id=desk.turn.address_id,
            outbox_key=key,
            given_at=desk.now,
        )
    )
    _prompt(desk, "useful", question, [])


def _give(desk: Desk, given: list[Published], question: Question, noted_: str = "") -> None:
    shown = len(given) == 1 and not manners(desk.to.channel).short
    further = next((slug for each in given for slug in each.content.related), "") if shown else ""
    titled = [Titled(slug, each.content.title) for slug, each in _published(desk, [further]).items()] if further else []
    said = partial(
        replies.answer,
        [each.content for each in given],
        desk.to,
        desk.office,
        see_also=titled[0] if titled and len(given) == 1 else None,
        thread=desk.turn.last.thread,
        noted=noted_,
    )
    message = said()
    shorten = desk.office.shorten.get(desk.to.channel)
    later = shorten is not None and bool(shorten(message.text)[1])
    if later:  # no room for the question whether it helped: it comes once the answer has arrived
        message = said(automatic=False)
    assert question.id is not None
    key = desk.post(desk.threaded(message), followed_by=f"ask_useful:{question.id}" if later else "")
    for each in given:
        desk.session.add(
            Given(
                question_id=question.id,
                entry_id=each.entry_id,
                version_id=each.version_id,
                address_id=desk.turn.address_id,
                outbox_key=key,
                given_at=desk.now,
            )
        )
    _prompt(desk, "useful", question, [])


def _prompt(desk: Desk, kind: str, question: Question, offered: list[str]) -> None:
    desk.ask(kind, offered, question.id, CHOOSE_FOR if manners(desk.turn.channel).chatting else FOLLOW_UP)


def _clarify(desk: Desk, slugs: tuple[str, ...], facts: router.Facts) -> None:
    found = _published(desk, slugs)
    titles = [Titled(slug, found[slug].content.title) for slug in slugs if slug in found]
    if len(titles) < 2:
        _notice(desk)
        escalate(desk, facts, "une fiche proposée n'est plus publiée")
        return
    _notice(desk)
    question = _record(desk, facts, "clarify")
    desk.post(desk.threaded(replies.clarify(titles, desk.to, thread=desk.turn.last.thread)))
    _prompt(desk, "choose", question, [each.slug for each in titles])


def _chosen(desk: Desk, slug: str, question_id: int | None) -> None:
    question = desk.session.get(Question, question_id) if question_id else None
    found = _published(desk, [slug])
    asked = conversations.newest(desk.session, desk.together, "choose", question_id)
    desk.close_prompts()
    if question is None or slug not in found:
        desk.say("lapsed")
        return
    desk.note("choose", prompt=asked.id if asked else None, question=question.id, decision=question.decision)
    question.decision = "chosen"
    desk.session.add(question)
    number = asked.offered.index(slug) + 1 if asked and slug in asked.offered else 1
    _give(desk, [found[slug]], question, f"Noté : la réponse {number}. ANNULER si non.")


def _useful(desk: Desk, yes: bool, question_id: int | None, said: str) -> None:
    question = desk.session.get(Question, question_id) if question_id else None
    if question is None:
        desk.say("lapsed")
        return
    asked = conversations.newest(desk.session, desk.together, "useful", question_id)
    question.useful = yes
    desk.session.add(question)
    before = {"question": question.id, "prompt": asked.id if asked else None}
    if yes:
        desk.close_prompts()
        desk.note("useful", **before)
        desk.say("useful")
    else:
        why = "la réponse automatique n'a pas répondu à la question"
        ticket = _ask_a_person(desk, question_id, why, said, "Noté : la réponse ne convient pas. ANNULER si non.")
        desk.note("useful", **before, ticket=ticket.id if ticket else None)


def _none_of_these(desk: Desk, question_id: int | None) -> None:
    asked = conversations.newest(desk.session, desk.together, "choose", question_id)
    why = "aucune des réponses proposées ne convient"
    ticket = _ask_a_person(desk, question_id, why, "", "Noté : aucune de ces réponses. ANNULER si non.")
    if ticket is not None:
        desk.note("none", question=question_id, prompt=asked.id if asked else None, ticket=ticket.id)


def _ask_a_person(desk: Desk, question_id: int | None, why: str, said: str, echo: str) -> Ticket | None:
    """Hand an earlier question on with all that belongs to it: what was answered, and what was said to that."""
    question = desk.session.get(Question, question_id) if question_id else None
    desk.close_prompts()
    if question is None:
        desk.say("lapsed")
        return None
    desk.about = question.committee_id
    told = conversations.told(desk.session, question.id or 0)
    whole = "\n\n".join([why, *(f"J'avais répondu :\n{text}" for text in told)])
    brought = files.of_question(desk.session, question.id)
    ticket = open_ticket(desk, question.text, whole, question.candidates, said=said, brought=brought)
    question.ticket_id = ticket.id
    desk.session.add(question)
    _acknowledge(desk, ticket, "handed_on", noted=echo)
    return ticket


def escalate(desk: Desk, facts: router.Facts, why: str, distress: tuple[str, ...] = ()) -> None:
    """Open a ticket, tell the asker what happens next, and the officer what to do: one transaction."""
    candidates = [
        {"entry": c.slug, "confidence": round(c.confidence, 4)}
        for c in (facts.match.candidates[:3] if facts.match else ())
    ]
    desk.close_prompts()
    text = facts.text.strip() or "(pas de texte)"
    ticket = open_ticket(desk, text, why, candidates, urgent=bool(distress))
    _record(desk, facts, "distress" if distress else "escalate", ticket.id)
    if distress:
        numbers = "\n".join(DISTRESS_NUMBERS[n] for n in distress if n in DISTRESS_NUMBERS)
        desk.say("distress", ticket=ticket, numbers=numbers, number=ticket.id)
    elif facts.match and facts.match.language in LANGUAGES:
        desk.say(f"language_{facts.match.language}", ticket=ticket, number=ticket.id)
    else:
        _acknowledge(desk, ticket, "handed_on")


def open_ticket(
    desk: Desk,
    question: str,
    why: str,
    candidates: list[dict[str, object]],
    *,
    kind: str = "question",
    urgent: bool = False,
    said: str = "",
    brought: Sequence[int] = (),
) -> Ticket:
    """A ticket with its notice to every officer concerned; `said`: what the asker added to the question.

    `brought`: earlier messages whose files belong to it.
    """
    turn = desk.turn
    ticket = tickets.open_ticket(
        desk.session,
        Ticket(
            council_id=turn.council_id,
            address_id=turn.address_id,
            committee_id=desk.about if kind == "question" else None,
            kind=kind,
            question=question,
            subject=turn.messages[0].subject,
            thread=turn.last.thread,
            why=why,
            candidates=candidates,
            opened_at=desk.now,
            promised_at=hours.promised(desk.session, desk.office, turn.council_id, desk.now),
            theme=_theme(desk.session, candidates),
            urgent=urgent,
        ),
    )
    audit.append(
        desk.session, desk.now, f"asker:{turn.address_id}", "ticket opened", f"ticket:{ticket.id}", turn.council_id
    )
    if said:
        tickets.add_message(desk.session, ticket, said, desk.turn.last.heard_at, reopen=False)
        ticket.why = f"{ticket.why}\n\nLa personne ajoute :\n{said}"
        desk.session.add(ticket)
    assert ticket.id is not None
    came_by = [*brought, *(number for number in desk.came_by if number not in brought)]
    files.tie(desk.session, came_by, ticket.id)
    officer.notify(desk.session, desk.office, ticket, desk.to.channel, desk.now, urgent=urgent, came_by=came_by)
    return ticket


def _theme(session: Session, candidates: list[dict[str, object]]) -> str:
    """The kind of the nearest entry: what the queue sorts questions by."""
    nearest = entries.find(session, str(candidates[0]["entry"])) if candidates else None
    return nearest.kind if nearest else ""


def _acknowledge(desk: Desk, ticket: Ticket, name: str, noted: str = "") -> None:
    office = desk.office
    desk.say(
        name,
        ticket=ticket,
        number=ticket.id,
        noted=noted,
        organisation=office.organisation,
        promised=office.day(ticket.promised_at),
        away=_away(desk, ticket),
        urgent=f"Si c'est urgent : {office.phone}." if office.phone else "",
    )


def _away(desk: Desk, ticket: Ticket) -> str:
    """Why the answer comes later than usual, when everybody is away."""
    today = desk.office.date_of(desk.now)
    back = officers.back_on(desk.session, ticket.council_id, today)
    return f"L'équipe est absente jusqu'au {in_full(back - timedelta(days=1))}." if back else ""


def _add(desk: Desk, ticket_id: int) -> None:
    """What the asker adds goes into their ticket, and reopens it if a person had answered."""
    ticket = desk.session.get(Ticket, ticket_id)
    assert ticket is not None
    if ticket.kind == "human":  # « HUMAIN », and now the question itself
        ticket.kind = "question"
        desk.session.add(ticket)
    if ticket.kind == "preparation":
        following.added(desk, ticket)
    if ticket.state != "open":  # asked again: promised anew
        ticket.promised_at = hours.promised(desk.session, desk.office, ticket.council_id, desk.now)
        ticket.warned = 0
    tickets.add_message(desk.session, ticket, desk.turn.text, desk.turn.last.heard_at, reopen=True)
    files.tie(desk.session, desk.came_by, ticket_id)
    officer.notify_added(desk.session, desk.office, ticket, desk.turn.text, desk.came_by, desk.now)
    waiting = partners.in_words(desk.session, ticket_id)
    desk.say("added", ticket=ticket, number=ticket.id, waiting=waiting)


def to_sort(desk: Desk, why: str) -> None:
    """What nobody can be sure of goes to a person, and is not answered by the program."""
    open_ticket(desk, desk.turn.text.strip() or "(pas de texte)", why, [], kind="to-sort")


def _limited(desk: Desk) -> None:
    """Kept, not answered; said once a day."""
    row = desk.asker
    if row.limit_noticed_at is None or desk.now - row.limit_noticed_at >= timedelta(days=1):
        row.limit_noticed_at = desk.now
        desk.session.add(row)
        desk.say("limited", reach=desk.office.reach)


def _command(desk: Desk, name: str) -> None:
    office = desk.office
    commands: dict[str, Callable[[], object]] = {
        router.HELP: lambda: desk.say("help", organisation=office.organisation, reach=office.reach),
        router.CONTACTS: lambda: desk.say("contacts", organisation=office.organisation, reach=office.reach),
        router.MEETINGS: lambda: _meetings(desk),
        router.HUMAN: lambda: _human(desk),
        router.STOP: lambda: _stop(desk),
        router.START: lambda: _start(desk),
        router.MORE: lambda: _more(desk),
        router.MY_DATA: lambda: _ask_code(desk, router.MY_DATA),
        router.ERASE: lambda: _ask_code(desk, router.ERASE),
        router.RECTIFY: lambda: _rectify(desk),
        router.UNDO: lambda: noted.undo(desk),
        router.LINK: lambda: linking.ask_address(desk),
        router.WAY: lambda: linking.ask_way(desk),
    }
    if name not in (router.STOP, router.START):
        _notice(desk)
    commands[name]()


def _human(desk: Desk) -> None:
    """A person is asked for, about the last question if it is recent: always confirmed, always notified."""
    last = conversations.last_question(desk.session, desk.turn.address_id)
    recent = last is not None and desk.now - last.asked_at < CHOOSE_FOR and last.ticket_id is None
    desk.close_prompts()
    if recent and last is not None:
        brought = files.of_question(desk.session, last.id)
        why = "la personne demande quelqu'un (HUMAIN)"
        ticket = open_ticket(desk, last.text, why, last.candidates, brought=brought)
        last.ticket_id = ticket.id
        desk.session.add(last)
        _acknowledge(desk, ticket, "handed_on")
        return
    brought = files.unasked(desk.session, desk.turn.address_id, desk.now - FOLLOW_UP)
    if last is not None and desk.now - last.asked_at < FOLLOW_UP:
        brought = [*files.of_question(desk.session, last.id), *brought]
    text, why = "(La personne demande à parler à quelqu'un.)", "la personne a écrit HUMAIN"
    ticket = open_ticket(desk, text, why, [], kind="human", brought=brought)
    _acknowledge(desk, ticket, "human")


def _coming(desk: Desk, answer: str, committee_id: int) -> None:
    before = invitations.said(desk.session, desk.turn.address_id, committee_id)
    committee = invitations.answered(desk.session, desk.turn.address_id, committee_id, answer, desk.now)
    if committee is None:
        desk.say("lapsed")
        return
    what, other = invitations.SAID[answer]
    when = desk.office.when(committee.starts_at)
    desk.say("coming", what=what, title=committee.title, when=when, other=other)
    opened = following.came(desk, committee, answer, open_ticket)
    desk.note("coming", committee=committee_id, answer=before, ticket=opened.id if opened else None)


def _rectify(desk: Desk) -> None:
    ticket = open_ticket(desk, desk.turn.text, "la personne veut corriger ses données (RECTIFIER)", [], kind="privacy")
    desk.say("rectify", ticket=ticket, number=ticket.id, organisation=desk.office.organisation)


def _ask_code(desk: Desk, what: str) -> None:
    """Data is shown or erased only to whoever reads messages at this address; a page proves that by its session."""
    if manners(desk.to.channel).session and what == router.MY_DATA:
        desk.say("my_data", data=privacy.held(desk.session, desk.office, desk.turn.address_id))
        return
    code, mark = privacy.new_code(desk.office, desk.turn.address_id)
    desk.say("code_for_data" if what == router.MY_DATA else "code_for_erasure", code=code)
    desk.ask("code", [what, mark, "0"], during=privacy.CODE_FOR)


def _code(desk: Desk, digits: str) -> None:
    prompt = conversations.newest(desk.session, [desk.turn.address_id], "code")
    assert prompt is not None
    if not privacy.check(desk.session, desk.office, prompt, digits):
        desk.say("wrong_code")
        return
    desk.close_prompts()
    if prompt.offered[0] == router.MY_DATA:
        desk.say("my_data", data=privacy.held(desk.session, desk.office, desk.turn.address_id))
        return
    privacy.erase(desk.session, desk.office, desk.turn.address_id, desk.now)
    desk.say("erased")


def _more(desk: Desk) -> None:
    """The rest of an answer that was too long for its channel."""
    rest = letters.rest_for(desk.session, desk.turn.address_id)
    if not rest:
        desk.say("no_more")
        return
    desk.post(say("more", desk.to, thread=desk.turn.last.thread, text=rest))


def _stop(desk: Desk) -> None:
    if desk.asker.stopped_at is None:
        desk.asker.stopped_at = desk.now
        desk.session.add(desk.asker)
        desk.note("stop")
        _trail(desk, "stopped")
        desk.say("stopped")


def _start(desk: Desk) -> None:
    """START takes STOP back; from whoever never said it, it is a first hello."""
    if desk.asker.stopped_at is None:
        _notice(desk)
        desk.say("hello", organisation=desk.office.organisation)
        return
    desk.asker.stopped_at = None
    desk.session.add(desk.asker)
    _trail(desk, "started")
    desk.say("started")


def _trail(desk: Desk, act: str) -> None:
    address = desk.turn.address_id
    audit.append(desk.session, desk.now, f"asker:{address}", act, f"address:{address}", desk.turn.council_id)


def _meetings(desk: Desk) -> None:
    office = desk.office
    found = committees.upcoming(desk.session, desk.now, desk.turn.council_id)
    if not found:
        desk.say("no_meetings")
        return
    lines = [
        f"{number}. {following.in_a_line(desk.session, office, each, desk.turn.council_id)}"
        for number, each in enumerate(found, 1)
    ]
    desk.say("meetings", list="\n".join(lines), number="1" if len(found) == 1 else f"1 à {len(found)}")
    desk.ask("meeting", [str(each.id) for each in found])


def _tie(desk: Desk, committee_id: int, then: "router.Decision | None", facts: router.Facts) -> None:
    """From now on, for half an hour, what is asked is about this meeting."""
    meeting = desk.session.get(Committee, committee_id)
    if meeting is None or meeting.state == committees.CANCELLED or meeting.starts_at <= desk.now:
        desk.say("lapsed")
        return
    desk.about = committee_id
    desk.ask(conversations.ABOUT, [str(committee_id)])
    if then is None:
        desk.say("meeting_chosen", title=meeting.title, when=desk.office.when(meeting.starts_at))
    else:
        act(desk, then, facts)


# --- T5: what became of what was sent ---------------------------------------------------------------------------------


def claim_sending(
    session: Session, office: Office, channels: Collection[str], idempotent: Collection[str], now: datetime
) -> tuple[Sending, Outbound] | None:
    """T4: the next message to send, with its recipient's address in the clear.

    What a ceiling refuses is put by and the next one taken, a few a look: a morning of refused reminders must not keep
    the senders asleep between them.
    """
    waking = plan.is_waking(now, office.zone, office.waking)  # reminders are for the day; answers go at any hour
    for _ in range(REFUSED_AT_ONCE):
        sending = mailbox.claim_sending(session, now, channels, idempotent, bulk=waking, hold=HOLD)
        if sending is None:
            return None
        if _affordable(session, office, sending, now):
            break
    else:
        return None
    row = session.get(AddressRow, sending.address_id)
    assert row is not None
    return sending, Outbound(
        directory.opened(office.vault, row),
        sending.name,
        sending.filled,
        sending.text,
        sending.subject,
        sending.token,
        sending.choices,
        attachments.attached(session, office.vault, sending.id) if sending.files else (),
        thread=sending.thread,
        last_heard=row.last_heard_at,
        asked=sending.asked,
    )


def _affordable(session: Session, office: Office, sending: Sending, now: datetime) -> bool:
    """Ask the channel's meter, where sending costs: charged and on its way, or put back until the ceiling allows it."""
    meter = office.meters.get(sending.channel)
    if meter is None:
        return True
    day, month = (mailbox.spent(session, sending.channel, since) for since in meter.since(now, office.zone))
    found = meter.charge(sending.text, day, month, now, office.zone, bulk=sending.kind == mailbox.BULK)
    for key, words in found.alarms:
        officer.alarm(session, office, sending.channel, key, words, now)
    if found.until is not None:
        if reminding.refused(session, office, sending, found.refusal, now):
            return False
        mailbox.wait(session, sending, found.until, found.refusal)
        return False
    mailbox.charge(session, sending, found.thousandths, now)
    return True


def sent(session: Session, office: Office, sending: Sending, provider_id: str, now: datetime) -> None:
    """The provider has it; its report may have been faster than we were."""
    mailbox.sent(session, sending, provider_id, now)
    invitations.asked(session, sending, now)
    if provider_id and (early := mailbox.early(session, sending.channel, provider_id)):
        _receipt(session, office, early, now)


def follow(session: Session, office: Office, row: OutboxRow, now: datetime) -> None:
    """What comes after a message that has arrived: whether it helped, unless that is settled by now."""
    name, _, question_id = row.followed_by.partition(":")
    row.followed_by = ""
    session.add(row)
    prompt = conversations.newest(session, [row.address_id], "useful", int(question_id))
    address = session.get(AddressRow, row.address_id)
    if prompt is not None and prompt.closed_at is None and prompt.lapses_at > now and address and address.sealed:
        message = say(name, directory.opened(office.vault, address), thread=row.thread)
        letters.post(session, office, message, f"{row.key}:after", address, now, council_id=row.council_id)


def follow_unreported(session: Session, office: Office, now: datetime) -> None:
    """Not every operator reports: after ten minutes what was sent counts as arrived."""
    for row in mailbox.unfollowed(session, now - timedelta(minutes=10)):
        follow(session, office, row, now)
    mailbox.forget_early(session, now - timedelta(days=1))


def postpone(session: Session, sending: Sending, reason: str, now: datetime, after: float | None, scope: Scope) -> None:
    """The provider did not take it: later, or never after two days; a tired channel rests."""
    mailbox.postpone(session, sending, reason, now, after, until_heard=scope == "person")
    if scope == "channel":
        mailbox.pause(session, sending.channel, now + timedelta(seconds=after or 30), reason)


def give_up(session: Session, office: Office, sending: Sending, reason: str, gone: bool, now: datetime) -> None:
    mailbox.give_up(session, sending, reason)
    if gone:
        bounces.came_back(session, office, sending.address_id, reason, now)


def unsure(session: Session, office: Office, sending: Sending, reason: str, now: datetime, idempotent: bool) -> None:
    """The provider may have it; it has, where a report of its own named our key meanwhile."""
    if provider_id := mailbox.told_of(session, sending.channel, sending.key):
        sent(session, office, sending, provider_id, now)
        return
    mailbox.unsure(session, sending, reason, now, idempotent)


def tell_troubled(session: Session, office: Office, now: datetime, limit: int = 50) -> bool:
    """What stopped or did not arrive becomes a ticket: never silence. True when there is more to tell."""
    stopped = mailbox.untold(session, InboxRow, limit)
    lost = mailbox.untold(session, OutboxRow, limit)
    for row in stopped:
        row.told = True
        session.add(row)
        _trouble(session, office, row, "to-sort", row.text, now)
    for row in lost:
        row.told = True
        session.add(row)
        if reminding.failed(session, office, row, now):
            continue
        if officers.at(session, row.address_id) is None:  # a notice to an officer has its ticket already
            _trouble(session, office, row, "undelivered", row.text, now)
    return len(stopped) == limit or len(lost) == limit


def _trouble(
    session: Session, office: Office, row: InboxRow | OutboxRow, kind: str, question: str, now: datetime
) -> None:
    ticket = tickets.open_ticket(
        session,
        Ticket(
            council_id=row.council_id,
            address_id=row.address_id,
            kind=kind,
            question=question,
            why=row.reason,
            opened_at=now,
            promised_at=hours.promised(session, office, row.council_id, now),
        ),
    )
    audit.append(session, now, "program", "ticket opened", f"ticket:{ticket.id}", row.council_id)
    came_by = [row.id] if isinstance(row, InboxRow) and row.id and ticket.id else []
    files.tie(session, came_by, ticket.id or 0)
    others = resending.in_words(session, office, row) if isinstance(row, OutboxRow) else ""
    officer.notify(session, office, ticket, row.channel, now, came_by=came_by, others=others)
