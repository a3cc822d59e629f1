"""What people say to a reminder: they come, they do not, or they want to prepare; always echoed, theirs to change."""

import re
from datetime import datetime

from sqlmodel import Session

from bot.desk import following
from channels import directory
from channels.mailbox import OutboxRow, Sending
from scheduler import attendance
from scheduler.committees import Committee

SAID = {
    attendance.YES: ("vous venez", "2 (je ne viens pas) ou 3 (je veux préparer)"),
    attendance.NO: ("vous ne venez pas", "1 (je viens)"),
    attendance.PREPARE: ("vous venez et vous voulez préparer", "2 (je ne viens pas)"),
}


def asked(session: Session, sending: Sending | OutboxRow, now: datetime) -> None:
    """A message of the plan has left: from now on « 1 » from its reader is an answer to it."""
    key = re.match(r"meeting:(\d+)\.", sending.key)
    if key:
        following.asked(session, sending, int(key[1]), now)


def said(session: Session, address_id: int, committee_id: int) -> str:
    """What the person behind an address last said about a meeting; empty when nothing."""
    person = directory.person_at(session, address_id)
    row = session.get(attendance.Attendance, (committee_id, person.id)) if person else None
    return row.answer if row else ""


def answered(session: Session, address_id: int, committee_id: int, answer: str, now: datetime) -> Committee | None:
    """Keep what someone said about a meeting; None when it is over, cancelled, or they are nobody that we know."""
    committee = session.get(Committee, committee_id)
    person = directory.person_at(session, address_id)
    if committee is None or person is None or committee.state == "cancelled" or committee.starts_at <= now:
        return None
    assert person.id is not None
    attendance.say(session, committee_id, person.id, person.council_id, answer, now, committee.revision)
    return committee
