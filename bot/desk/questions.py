"""From inbox to outbox: receive (T1), claim (T2), handle (T3), and what becomes of what was sent (T5)."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select

from bot import audit, conversations, patience, router, tokens
from bot.conversations import Given, Prompt, Question
from bot.desk import following, invitations, letters, officer, privacy, reminding, replies
from bot.desk.replies import Titled
from bot.office import Office
from bot.replying import Said
from bot.say import say
from channels import attachments, directory, mailbox, manners
from channels.contract import Address, Inbound, Outbound, Receipt, Scope
from channels.directory import AddressRow
from channels.mailbox import AttachmentRow, InboxRow, OutboxRow, Sending, Turn
from escalation import officers, tickets
from escalation.tickets import Ticket
from knowledge import entries
from knowledge.entries import Published
from knowledge.matching import Match
from scheduler import committees, plan
from scheduler.committees import Committee

MOST_TEXT = 100_000  # characters kept of one message
LANGUAGES = ("ar", "en", "es", "pt", "ro", "ru", "tr", "uk")  # in which we can say that a person will answer
CHOOSE_FOR = timedelta(minutes=30)
FOLLOW_UP = timedelta(hours=72)
LIMITS = ((timedelta(minutes=1), 6), (timedelta(hours=1), 30), (timedelta(days=1), 200))
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
        return _receipt(session, message, now)
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
    mailbox.heard_from(session, row.id, now)
    for file in message.attachments:
        session.add(
            AttachmentRow(
                inbox_id=new,
                filename=_clean(file.filename)[:200],
                content_type=file.content_type[:100],
                size=len(file.content),
                sealed=office.vault.seal(file.content, "attachment"),
            )
        )
    return True


def _quiet(session: Session, office: Office, address_id: int, text: str, now: datetime) -> timedelta:
    """How long to wait for more: what is short may be the answer to what was asked."""
    short = len(text.split()) <= patience.PROMPTED_WORDS
    prompted = short and conversations.open_prompt(session, address_id, now) is not None
    return patience.quiet(text, prompted=prompted, fragment=office.quiet)


def _clean(text: str) -> str:
    """Without what PostgreSQL cannot hold (NUL) and no text contains (lone surrogates)."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def _receipt(session: Session, receipt: Receipt, now: datetime) -> bool:
    row = mailbox.report(session, receipt, now)
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


@dataclass
class Desk:
    """What acting on one turn needs at hand: it lives for one transaction."""

    session: Session
    office: Office
    turn: Turn
    asker: AddressRow
    to: Address
    now: datetime
    posted: int = 0
    about: int | None = None  # the meeting that this turn is about

    def post(self, message: Outbound, *, ticket_id: int | None = None) -> str:
        """Say something to the one who wrote; the key it went under."""
        key = f"inbox:{self.turn.messages[0].id}:{self.posted}"
        self.posted += 1
        letters.post(
            self.session,
            self.office,
            message,
            key,
            self.asker,
            self.now,
            council_id=self.turn.council_id,
            ticket_id=ticket_id,
        )
        return key

    def say(self, name: str, *, ticket: Ticket | None = None, **values: Any) -> str:
        token = letters.asker_token(self.office, ticket, self.now) if ticket else ""
        message = say(name, self.to, token=token, thread=self.turn.last.thread, **values)
        return self.post(self.threaded(message), ticket_id=ticket.id if ticket else None)

    def threaded(self, message: Outbound) -> Outbound:
        subject = self.turn.messages[0].subject
        if not subject:
            return message
        return replace(message, subject=subject if subject.lower().startswith("re:") else f"Re: {subject}")


def handle(session: Session, office: Office, claimed: Claimed, match: Match | None, now: datetime) -> str:
    """Facts, decision, what is said, the mark that it is dealt with: one transaction, fenced. The decision's name."""
    turn = claimed.turn
    row = session.get(AddressRow, turn.address_id)
    assert row is not None
    desk = Desk(session, office, turn, row, directory.opened(office.vault, row), now)
    if _links_an_officer(desk):
        mailbox.handled(session, turn, now)
        return "Linked"
    prompts = conversations.open_prompts(session, turn.address_id, now)
    desk.about = _meeting_to_come(session, prompts, now)
    facts = gather(session, office, turn, row, match, now, prompts)
    decision = router.decide(facts)
    act(desk, decision, facts)
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
    prompt = next(iter(prompts), None)
    ids = [message.id for message in turn.messages]
    wordless = not any(sign.isalpha() for sign in turn.text) or turn.text.lstrip().startswith("(")
    has_files = wordless and (
        session.exec(select(AttachmentRow.id).where(col(AttachmentRow.inbox_id).in_(ids)).limit(1)).first() is not None
    )
    return router.Facts(
        text=turn.text,
        nature=last.nature,
        stopped=row.stopped_at is not None,
        limited=by is None and _is_limited(session, row.id, last.received_at),
        officer_id=by.id if by else None,
        officer_ticket=officer_ticket,
        officer_token_of=claim.who if claim and officer_ticket is not None else None,
        proven=last.proof != "fail",
        asker_ticket=asker_ticket,
        answered_ticket=answered.id if answered else None,
        prompt=router.OpenPrompt(prompt.kind, tuple(prompt.offered), prompt.question_id) if prompt else None,
        has_attachments=has_files,
        broken_token=bool(last.token) and claim is None,
        warnings=last.warnings,
        match=match,
    )


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
            officer.relay(desk.session, desk.office, ticket_id, facts.text, desk.turn.last.id, desk.asker, desk.now)
        case router.Draft(ticket_id, reason):
            officer.keep_draft(desk.session, desk.office, ticket_id, facts.text, reason, desk.turn.last.id, desk.now)
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
        case router.Clarify(slugs):
            _clarify(desk, slugs, facts)
        case router.Chosen(slug, question_id):
            _chosen(desk, slug, question_id)
        case router.NoneOfThese(question_id):
            _ask_a_person(desk, question_id, "aucune des réponses proposées ne convient")
        case router.Code(digits):
            _code(desk, digits)
        case router.Coming(answer, committee_id):
            _coming(desk, answer, committee_id)
        case Said():
            following.said(desk, decision)
        case router.Useful(yes, question_id):
            _useful(desk, yes, question_id)
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


def _give(desk: Desk, given: list[Published], question: Question) -> None:
    shown = len(given) == 1 and not manners(desk.to.channel).short
    further = next((slug for each in given for slug in each.content.related), "") if shown else ""
    titled = [Titled(slug, each.content.title) for slug, each in _published(desk, [further]).items()] if further else []
    message = replies.answer(
        [each.content for each in given],
        desk.to,
        desk.office,
        see_also=titled[0] if titled and len(given) == 1 else None,
        thread=desk.turn.last.thread,
    )
    key = desk.post(desk.threaded(message))
    assert question.id is not None
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
    conversations.ask(
        desk.session,
        Prompt(
            address_id=desk.turn.address_id,
            kind=kind,
            offered=offered,
            question_id=question.id,
            opened_at=desk.now,
            lapses_at=desk.now + (CHOOSE_FOR if manners(desk.turn.channel).chatting else FOLLOW_UP),
        ),
    )


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
    conversations.close_all(desk.session, desk.turn.address_id, desk.now)
    if question is None or slug not in found:
        desk.say("lapsed")
        return
    question.decision = "chosen"
    desk.session.add(question)
    _give(desk, [found[slug]], question)


def _useful(desk: Desk, yes: bool, question_id: int | None) -> None:
    question = desk.session.get(Question, question_id) if question_id else None
    if question is None:
        desk.say("lapsed")
        return
    question.useful = yes
    desk.session.add(question)
    if yes:
        conversations.close_all(desk.session, desk.turn.address_id, desk.now)
        desk.say("useful")
    else:
        _ask_a_person(desk, question_id, "la réponse automatique n'a pas répondu à la question")


def _ask_a_person(desk: Desk, question_id: int | None, why: str) -> None:
    """Hand an earlier question on."""
    question = desk.session.get(Question, question_id) if question_id else None
    conversations.close_all(desk.session, desk.turn.address_id, desk.now)
    if question is None:
        desk.say("lapsed")
        return
    ticket = open_ticket(desk, question.text, why, question.candidates)
    question.ticket_id = ticket.id
    desk.session.add(question)
    _acknowledge(desk, ticket, "handed_on")


def escalate(desk: Desk, facts: router.Facts, why: str, distress: tuple[str, ...] = ()) -> None:
    """Open a ticket, tell the asker what happens next, and the officer what to do: one transaction."""
    candidates = [
        {"entry": c.slug, "confidence": round(c.confidence, 4)}
        for c in (facts.match.candidates[:3] if facts.match else ())
    ]
    conversations.close_all(desk.session, desk.turn.address_id, desk.now)
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
) -> Ticket:
    """A ticket with its notice to every officer concerned."""
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
            promised_at=desk.office.promised(desk.now),
        ),
    )
    audit.append(
        desk.session, desk.now, f"asker:{turn.address_id}", "ticket opened", f"ticket:{ticket.id}", turn.council_id
    )
    officer.notify(desk.session, desk.office, ticket, desk.to.channel, desk.now, urgent=urgent)
    return ticket


def _acknowledge(desk: Desk, ticket: Ticket, name: str) -> None:
    office = desk.office
    desk.say(
        name,
        ticket=ticket,
        number=ticket.id,
        organisation=office.organisation,
        promised=office.day(ticket.promised_at),
        urgent=f"Si c'est urgent : {office.phone}." if office.phone else "",
    )


def _add(desk: Desk, ticket_id: int) -> None:
    """What the asker adds goes into their ticket, and reopens it if a person had answered."""
    ticket = desk.session.get(Ticket, ticket_id)
    assert ticket is not None
    if ticket.kind == "human":  # « HUMAIN », and now the question itself
        ticket.kind = "question"
        desk.session.add(ticket)
    if ticket.kind == "preparation":
        following.added(desk, ticket)
    tickets.add_message(desk.session, ticket, desk.turn.text, desk.turn.last.heard_at, reopen=True)
    officer.notify_added(desk.session, desk.office, ticket, desk.turn.text, desk.turn.last.id, desk.now)
    desk.say("added", ticket=ticket, number=ticket.id)


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
    }
    if name not in (router.STOP, router.START):
        _notice(desk)
    commands[name]()


def _human(desk: Desk) -> None:
    """A person is asked for, about the last question if it is recent: always confirmed, always notified."""
    last = conversations.last_question(desk.session, desk.turn.address_id)
    recent = last is not None and desk.now - last.asked_at < CHOOSE_FOR and last.ticket_id is None
    conversations.close_all(desk.session, desk.turn.address_id, desk.now)
    if recent and last is not None:
        ticket = open_ticket(desk, last.text, "la personne demande quelqu'un (HUMAIN)", last.candidates)
        last.ticket_id = ticket.id
        desk.session.add(last)
        _acknowledge(desk, ticket, "handed_on")
        return
    ticket = open_ticket(
        desk, "(La personne demande à parler à quelqu'un.)", "la personne a écrit HUMAIN", [], kind="human"
    )
    _acknowledge(desk, ticket, "human")


def _coming(desk: Desk, answer: str, committee_id: int) -> None:
    committee = invitations.answered(desk.session, desk.turn.address_id, committee_id, answer, desk.now)
    if committee is None:
        desk.say("lapsed")
        return
    what, other = invitations.SAID[answer]
    when = desk.office.when(committee.starts_at)
    desk.say("coming", what=what, title=committee.title, when=when, other=other)
    following.came(desk, committee, answer, open_ticket)


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
    conversations.ask(
        desk.session,
        Prompt(
            address_id=desk.turn.address_id,
            kind="code",
            offered=[what, mark, "0"],
            opened_at=desk.now,
            lapses_at=desk.now + privacy.CODE_FOR,
        ),
    )


def _code(desk: Desk, digits: str) -> None:
    prompt = conversations.open_prompt(desk.session, desk.turn.address_id, desk.now)
    assert prompt is not None
    if not privacy.check(desk.session, desk.office, prompt, digits):
        desk.say("wrong_code")
        return
    conversations.close_all(desk.session, desk.turn.address_id, desk.now)
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
        desk.say("stopped")


def _start(desk: Desk) -> None:
    """START takes STOP back; from whoever never said it, it is a first hello."""
    if desk.asker.stopped_at is None:
        _notice(desk)
        desk.say("hello", organisation=desk.office.organisation)
        return
    desk.asker.stopped_at = None
    desk.session.add(desk.asker)
    desk.say("started")


def _meetings(desk: Desk) -> None:
    office = desk.office
    found = committees.upcoming(desk.session, desk.now, desk.turn.council_id)
    if not found:
        desk.say("no_meetings")
        return
    lines = [following.in_a_line(desk.session, office, each, desk.turn.council_id) for each in found]
    desk.say("meetings", list="\n".join(lines))


# --- T5: what became of what was sent ---------------------------------------------------------------------------------


def claim_sending(
    session: Session, office: Office, channels: Collection[str], idempotent: Collection[str], now: datetime
) -> tuple[Sending, Outbound] | None:
    """T4: the next message to send, with its recipient's address in the clear."""
    waking = plan.is_waking(now, office.zone)  # reminders are for the day; answers go at any hour
    sending = mailbox.claim_sending(session, now, channels, idempotent, bulk=waking)
    if sending is None or not _affordable(session, office, sending, now):
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


def sent(session: Session, sending: Sending, provider_id: str, now: datetime) -> None:
    mailbox.sent(session, sending, provider_id, now)
    invitations.asked(session, sending, now)


def postpone(session: Session, sending: Sending, reason: str, now: datetime, after: float | None, scope: Scope) -> None:
    """The provider did not take it: later, or never after two days; a tired channel rests."""
    mailbox.postpone(session, sending, reason, now, after, until_heard=scope == "person")
    if scope == "channel":
        mailbox.pause(session, sending.channel, now + timedelta(seconds=after or 30), reason)


def give_up(session: Session, sending: Sending, reason: str) -> None:
    mailbox.give_up(session, sending, reason)


def unsure(session: Session, sending: Sending, reason: str, now: datetime, idempotent: bool) -> None:
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
            promised_at=office.promised(now),
        ),
    )
    officer.notify(session, office, ticket, row.channel, now)
