"""The words that command: HUMAIN, STOP, DONNÉES and their like; what each one does."""

from collections.abc import Callable
from datetime import timedelta

from bot import audit, conversations, router
from bot.desk import erasing, files, following, giving, handing_on, invitations, letters, linking, noted, privacy
from bot.desk.turns import CHOOSE_FOR, FOLLOW_UP, Desk
from bot.say import say
from channels import manners
from scheduler import committees


def command(desk: Desk, name: str) -> None:
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
        giving.notice(desk)
    commands[name]()


def limited(desk: Desk) -> None:
    """Kept, not answered; said once a day."""
    row = desk.asker
    if row.limit_noticed_at is None or desk.now - row.limit_noticed_at >= timedelta(days=1):
        row.limit_noticed_at = desk.now
        desk.session.add(row)
        desk.say("limited", reach=desk.office.reach)


def _human(desk: Desk) -> None:
    """A person is asked for, about the last question if it is recent: always confirmed, always notified."""
    last = conversations.last_question(desk.session, desk.turn.address_id)
    recent = last is not None and desk.now - last.asked_at < CHOOSE_FOR and last.ticket_id is None
    desk.close_prompts()
    if recent and last is not None:
        brought = files.of_question(desk.session, last.id)
        why = "la personne demande quelqu'un (HUMAIN)"
        ticket = handing_on.open_ticket(desk, last.text, why, last.candidates, brought=brought)
        last.ticket_id = ticket.id
        desk.session.add(last)
        handing_on.acknowledge(desk, ticket, "handed_on")
        return
    brought = files.unasked(desk.session, desk.turn.address_id, desk.now - FOLLOW_UP)
    if last is not None and desk.now - last.asked_at < FOLLOW_UP:
        brought = [*files.of_question(desk.session, last.id), *brought]
    text, why = "(La personne demande à parler à quelqu'un.)", "la personne a écrit HUMAIN"
    ticket = handing_on.open_ticket(desk, text, why, [], kind="human", brought=brought)
    handing_on.acknowledge(desk, ticket, "human")


def coming(desk: Desk, answer: str, committee_id: int) -> None:
    before = invitations.said(desk.session, desk.turn.address_id, committee_id)
    committee = invitations.answered(desk.session, desk.turn.address_id, committee_id, answer, desk.now)
    if committee is None:
        desk.say("lapsed")
        return
    what, other = invitations.SAID[answer]
    when = desk.office.when(committee.starts_at)
    desk.say("coming", what=what, title=committee.title, when=when, other=other)
    following.trail(desk, "answer noted", committee)
    opened = following.came(desk, committee, answer, handing_on.open_ticket)
    desk.note("coming", committee=committee_id, answer=before, ticket=opened.id if opened else None)


def _rectify(desk: Desk) -> None:
    ticket = handing_on.open_ticket(
        desk, desk.turn.text, "la personne veut corriger ses données (RECTIFIER)", [], kind="privacy"
    )
    desk.say("rectify", ticket=ticket, number=ticket.id, organisation=desk.office.organisation)


def _ask_code(desk: Desk, what: str) -> None:
    """Data is shown or erased only to whoever reads messages at this address; a page proves that by its session."""
    if manners(desk.to.channel).session and what == router.MY_DATA:
        desk.say("my_data", data=privacy.held(desk.session, desk.office, desk.turn.address_id))
        return
    code, mark = privacy.new_code(desk.office, desk.turn.address_id)
    desk.say("code_for_data" if what == router.MY_DATA else "code_for_erasure", code=code)
    desk.ask("code", [what, mark, "0"], during=privacy.CODE_FOR)


def code(desk: Desk, digits: str) -> None:
    prompt = conversations.newest(desk.session, [desk.turn.address_id], "code")
    assert prompt is not None
    if not privacy.check(desk.session, desk.office, prompt, digits):
        desk.say("wrong_code")
        return
    desk.close_prompts()
    if prompt.offered[0] == router.MY_DATA:
        desk.say("my_data", data=privacy.held(desk.session, desk.office, desk.turn.address_id))
        return
    erasing.erase(desk.session, desk.office, desk.turn.address_id, desk.now)
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
        giving.notice(desk)
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
