"""A turn is dealt with: facts, decision, what is done and said, in one fenced transaction (T3)."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from bot import conversations, router, tokens
from bot.conversations import Prompt
from bot.desk import files, following, giving, handing_on, incoming, keywords, letters, linking, officer, partners
from bot.desk.turns import CHOOSE_FOR, FOLLOW_UP, Desk
from bot.office import Office
from bot.replying import Said
from channels import admission, directory, mailbox, manners
from channels.directory import AddressRow
from channels.mailbox import AttachmentRow, Turn
from escalation import officers, tickets
from escalation.tickets import Ticket
from knowledge import entries, translations
from knowledge.matching import Match
from knowledge.translations import LANGUAGES
from scheduler import committees
from scheduler.committees import Committee

LIMITS = ((timedelta(minutes=1), 6), (timedelta(hours=1), 30), (timedelta(days=1), 200))


def handle(session: Session, office: Office, claimed: incoming.Claimed, match: Match | None, now: datetime) -> str:
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
    if asker_ticket is None and manners(row.channel).chatting:
        waiting = newest_open  # « HUMAIN », then the question; a question, then a picture or one voice message more
        more = waiting and (waiting.kind == "human" or (has_files and waiting.kind == "question"))
        if waiting and more and now - waiting.opened_at < CHOOSE_FOR:
            asker_ticket = waiting.id
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
            keywords.limited(desk)
        case router.Relay(ticket_id):
            officer.relay(desk.session, desk.office, ticket_id, facts.text, desk.came_by, desk.asker, desk.now)
        case router.Draft(ticket_id, reason):
            officer.keep_draft(desk.session, desk.office, ticket_id, facts.text, reason, desk.came_by, desk.now)
        case router.TakeBack(ticket_id):
            officer.take_back_by_message(desk.session, desk.office, ticket_id, desk.turn.last.id, desk.asker, desk.now)
        case router.FromPartner(request_id, note):
            partners.heard(desk.session, desk.office, request_id, facts.text, note, desk.turn.last.id, desk.now)
        case router.ToSort(why):
            handing_on.to_sort(desk, why)
        case router.AddToTicket(ticket_id):
            handing_on.add(desk, ticket_id)
        case router.Command(name):
            keywords.command(desk, name)
        case router.SmallTalk(kind):
            giving.notice(desk)
            desk.say(kind, organisation=desk.office.organisation)
        case router.Answer(slugs, _):
            giving.answer(desk, slugs, facts)
        case router.InTheirLanguage(slug, language):
            giving.answer_in(desk, slug, language, facts)
        case router.Clarify(slugs):
            giving.clarify(desk, slugs, facts)
        case router.Chosen(slug, question_id):
            giving.chosen(desk, slug, question_id)
        case router.NoneOfThese(question_id):
            giving.none_of_these(desk, question_id)
        case router.Code(digits):
            keywords.code(desk, digits)
        case router.Coming(answer, committee_id):
            keywords.coming(desk, answer, committee_id)
        case router.Tie(committee_id, then, text):
            _tie(desk, committee_id, then, replace(facts, text=text))
        case router.LinkTo(handle):
            giving.notice(desk)
            linking.send_code(desk, handle)
        case router.Proven(digits):
            linking.prove(desk, digits)
        case router.Way(address_id):
            linking.choose_way(desk, address_id)
        case router.Useful(yes, question_id, said):
            giving.useful(desk, yes, question_id, said)
        case Said():
            following.said(desk, decision)
        case router.Escalate(why, distress):
            giving.notice(desk)
            handing_on.escalate(desk, facts, why, distress)


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
