"""From the outbox to the provider: what is claimed to be sent (T4), and what became of it (T5)."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlmodel import Session

from bot import conversations
from bot.desk import bounces, invitations, letters, officer, reminding, too_heavy
from bot.office import Office
from bot.say import say
from channels import attachments, directory, mailbox
from channels.contract import Outbound, Receipt, Scope
from channels.directory import AddressRow
from channels.mailbox import OutboxRow, Sending
from scheduler import plan

HOLD = conversations.asked_lately()
REFUSED_AT_ONCE = 8  # messages that a ceiling refuses in one look


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
        receipt(session, office, early, now)


def receipt(session: Session, office: Office, receipt: Receipt, now: datetime) -> bool:
    row = mailbox.report(session, receipt, now)
    if row is None:
        return mailbox.keep_early(session, receipt, now)
    if receipt.heavy and receipt.state == "failed" and row.files and row.id:
        too_heavy.left_behind(session, office, row.id, receipt.reason, now)
        return True
    if receipt.gone:
        bounces.came_back(session, office, row.address_id, receipt.reason, now)
    if row.followed_by and row.state == "delivered":
        follow(session, office, row, now)
    if row is not None and row.sent_at == now:  # its sending was in doubt until now
        invitations.asked(session, row, now)
    return row is not None


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


def without_files(session: Session, office: Office, sending: Sending, reason: str, said: str, now: datetime) -> None:
    """The provider finds its files too large; `said`: its id for the words, where they arrived alone."""
    if said:
        sent(session, office, sending, said, now)
        too_heavy.after_the_words(session, office, sending.id, reason, now)
    else:
        mailbox.give_up(session, sending, reason)
        too_heavy.left_behind(session, office, sending.id, reason, now)


def unsure(session: Session, office: Office, sending: Sending, reason: str, now: datetime, idempotent: bool) -> None:
    """The provider may have it; it has, where a report of its own named our key meanwhile."""
    if provider_id := mailbox.told_of(session, sending.channel, sending.key):
        sent(session, office, sending, provider_id, now)
        return
    mailbox.unsure(session, sending, reason, now, idempotent)
