"""The rules of the mailbox, R2 to R10, one by one, on both databases."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import Session, col, select

from bot import workers
from bot.db import Database, DatabaseAway
from bot.desk import handing_on, incoming, outgoing
from bot.office import Office
from channels import directory, mailbox
from channels.contract import Address, Inbound, Opened, Outbound, Receipt, TryAgain, Undeliverable, Unsure
from channels.mailbox import ANSWER, BULK, CLAIMS, LEASE, InboxRow, LeaseLost, OutboxRow, Sending, Turn

SECOND = timedelta(seconds=1)


@dataclass
class Box:
    """The mailbox of a test, with a clock of its own."""

    db: Database
    office: Office
    now: datetime
    heard: int = 0
    posted: int = 0

    def later(self, **span: float) -> datetime:
        self.now += timedelta(**span)
        return self.now

    def hear(self, who: str, text: str, *, external: str = "", quiet: float = 0, channel: str = "sms") -> int | None:
        self.heard += 1
        message = Inbound(external or f"m{self.heard}", Address(channel, who), text, self.now, account="ours")

        def keep(session: Session) -> int | None:
            row = directory.keep(session, self.office.vault, message.sender, self.now)
            assert row.id is not None
            return mailbox.receive(session, message, row.id, None, self.now, timedelta(seconds=quiet))

        return self.db.transact(keep)

    def turn(self, lease: timedelta = LEASE) -> Turn | None:
        return self.db.transact(mailbox.claim_turn, self.now, lease)

    def claimed(self, lease: timedelta = LEASE) -> Turn:
        turn = self.turn(lease)
        assert turn is not None
        return turn

    def handled(self, turn: Turn) -> None:
        self.db.transact(mailbox.handled, turn, self.now)

    def say(self, who: str, text: str, *, kind: str = ANSWER, key: str = "", channel: str = "sms", **also: Any) -> int:
        self.posted += 1

        def post(session: Session) -> int | None:
            row = directory.keep(session, self.office.vault, Address(channel, who), self.now)
            assert row.id is not None
            message = Outbound(Address(channel, who), "answer", {}, text)
            return mailbox.post(session, message, key or f"k{self.posted}", row.id, self.now, kind=kind, **also)

        return self.db.transact(post) or 0

    def sending(self, *channels: str, idempotent: tuple[str, ...] = (), lease: timedelta = LEASE) -> Sending | None:
        return self.db.transact(mailbox.claim_sending, self.now, channels or ("sms",), idempotent, lease)

    def taken(self, *channels: str, idempotent: tuple[str, ...] = ()) -> Sending:
        sending = self.sending(*channels, idempotent=idempotent)
        assert sending is not None
        return sending

    def row(self, table: type[Any], id: int | None) -> Any:
        return self.db.look(lambda session: session.get(table, id))

    def state(self, id: int | None, table: type[Any] = OutboxRow) -> str:
        return str(self.row(table, id).state)


@pytest.fixture
def box(db: Database, office: Office, now: datetime) -> Box:
    return Box(db, office, now)


# --- the inbox --------------------------------------------------------------------------------------------------------


def test_the_same_message_is_kept_once(box: Box) -> None:
    first = box.hear("+33600000001", "bonjour", external="x")
    assert first is not None
    assert box.hear("+33600000001", "bonjour", external="x") is None
    assert box.hear("+33600000001", "bonjour", external="y") is not None
    assert box.claimed().messages[0].id == first


def test_ten_deliveries_at_once_of_one_message_keep_one(box: Box) -> None:
    together = threading.Barrier(10)
    kept: list[int | None] = []

    def deliver() -> None:
        together.wait()
        kept.append(box.hear("+33600000001", "bonjour", external="x"))

    threads = [threading.Thread(target=deliver) for _ in range(10)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(kept) == 10
    assert len([id for id in kept if id]) == 1


def test_four_workers_never_overtake_a_sender(box: Box) -> None:
    senders, each = 8, 6
    for number in range(each):
        for who in range(senders):
            box.hear(f"+3360000000{who}", str(number))
    done: dict[int, list[int]] = {}
    twice: list[int] = []
    active: set[int] = set()
    lock = threading.Lock()

    def work() -> None:
        while True:
            turn = box.turn()
            if turn is None:
                with lock:
                    if sum(map(len, done.values())) >= senders * each or failed:
                        return
                continue
            with lock:
                if turn.address_id in active:
                    twice.append(turn.address_id)
                active.add(turn.address_id)
                done.setdefault(turn.address_id, []).extend(int(m.text) for m in turn.messages)
                active.discard(turn.address_id)
            box.handled(turn)

    failed: list[BaseException] = []

    def safely() -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=safely) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failed
    assert not twice
    assert len(done) == senders
    assert all(numbers == list(range(each)) for numbers in done.values())


def test_a_claimed_sender_waits_while_others_go_on(box: Box) -> None:
    box.hear("+33600000001", "un")
    box.hear("+33600000001", "deux")
    box.hear("+33600000002", "autre")
    first = box.claimed()
    assert first.text == "un"
    assert box.claimed().text == "autre"
    assert box.turn() is None
    box.handled(first)
    assert box.claimed().text == "deux"


def test_a_dead_worker_is_replaced_within_thirty_seconds_and_its_late_result_dropped(box: Box) -> None:
    id = box.hear("+33600000001", "bonjour")
    dead = box.claimed()
    box.later(seconds=25)
    assert box.turn() is None
    box.later(seconds=4)
    alive = box.claimed()
    assert alive.messages[0].id == id
    with pytest.raises(LeaseLost):
        box.handled(dead)
    assert box.state(id, InboxRow) == "claimed"
    box.handled(alive)
    assert box.state(id, InboxRow) == "handled"
    with pytest.raises(LeaseLost):
        box.handled(alive)


def test_a_late_worker_cannot_give_back_what_another_has(box: Box) -> None:
    id = box.hear("+33600000001", "bonjour")
    late = box.claimed()
    box.later(seconds=30)
    box.claimed()
    box.db.transact(mailbox.let_go, late, "en retard", box.now)
    assert box.state(id, InboxRow) == "claimed"


def test_messages_sent_together_are_one_turn_after_a_silence(box: Box) -> None:
    for text in ("bonjour", "c'est quoi", "le copil"):
        box.hear("+33600000001", text, quiet=3)
        box.later(seconds=2)
    assert box.turn() is None
    box.later(seconds=1)
    assert box.claimed().text == "bonjour\nc'est quoi\nle copil"


def test_someone_who_never_stops_writing_is_read_after_fifteen_seconds(box: Box) -> None:
    for number in range(8):
        box.hear("+33600000001", str(number), quiet=3)
        box.later(seconds=2)
    assert len(box.claimed().messages) == 8


def test_whole_messages_are_not_joined(box: Box) -> None:
    box.hear("a@exemple.invalid", "un", channel="email")
    box.hear("a@exemple.invalid", "deux", channel="email")
    assert box.claimed().text == "un"


def test_a_message_that_fails_is_tried_again_and_held_after_five_claims_while_others_go_on(box: Box) -> None:
    bad = box.hear("+33600000001", "poison")
    for n in range(CLAIMS):
        turn = box.claimed()
        assert turn.messages[0].id == bad
        box.db.transact(mailbox.let_go, turn, "ValueError: non", box.now)
        assert box.turn() is None
        good = box.hear("+33600000002", f"sain {n}")
        other = box.claimed()
        assert other.messages[0].id == good
        box.handled(other)
        box.later(seconds=11)
    assert box.turn() is None
    held = box.row(InboxRow, bad)
    assert (held.state, held.claims) == ("held", CLAIMS)
    assert "essais" in held.reason


def test_a_message_that_kills_its_worker_is_held_after_five_claims_and_its_sender_goes_on(box: Box) -> None:
    bad = box.hear("+33600000001", "poison")
    after = box.hear("+33600000001", "et ensuite")
    for _ in range(CLAIMS):
        assert box.claimed().messages[0].id == bad  # and nobody ever says what came of it
        box.later(seconds=29)
    assert box.claimed().messages[0].id == after
    assert box.state(bad, InboxRow) == "held"


def test_the_poison_in_a_turn_is_held_alone(box: Box) -> None:
    ids = [box.hear("+33600000001", text, quiet=3) for text in ("avant", "poison", "après")]
    box.later(seconds=4)
    assert len(box.claimed().messages) == 3  # the worker dies
    for _ in range(3 * CLAIMS):
        box.later(seconds=40)
        turn = box.turn()
        if turn is None:
            break
        assert len(turn.messages) == 1
        if turn.text != "poison":
            box.handled(turn)
    assert [box.state(id, InboxRow) for id in ids] == ["handled", "held", "handled"]


def test_those_in_the_hands_of_a_killed_worker_are_not_held_with_the_killer(box: Box) -> None:
    """Four loops of one process claim at once; the poison ends the process before any of the others is done."""
    ids = [box.hear(f"+3360000000{n}", "poison" if n == 0 else "sain") for n in range(4)]
    for _ in range(70):
        box.later(seconds=2.5)  # a supervisor that restarts at once
        in_hand = []
        while (turn := box.turn()) is not None:
            in_hand.append(turn)
        if any(turn.text == "poison" for turn in in_hand):
            continue  # all that this process had in its hands is left as it stands
        for turn in in_hand:
            box.handled(turn)
    assert [box.state(id, InboxRow) for id in ids] == ["held", "handled", "handled", "handled"]


# --- the outbox -------------------------------------------------------------------------------------------------------


def test_a_key_is_posted_once(box: Box) -> None:
    assert box.say("+33600000001", "un", key="inbox:1:0")
    assert not box.say("+33600000001", "autre chose", key="inbox:1:0")
    assert box.taken().text == "un"
    assert box.sending() is None


def test_what_must_not_go_stands_and_is_never_sent(box: Box) -> None:
    id = box.say("+33600000001", "non", dropped="la personne a écrit STOP")
    assert box.sending() is None
    assert box.state(id) == "dropped"


def test_a_conversation_goes_in_order_and_what_stopped_holds_nobody_up(box: Box) -> None:
    first, second, third = (box.say("+33600000001", text) for text in ("un", "deux", "trois"))
    sending = box.taken()
    assert sending.id == first
    assert box.sending() is None
    box.db.transact(mailbox.give_up, sending, "numéro inconnu")
    assert box.state(first) == "dead"
    sending = box.taken()
    assert sending.id == second
    box.db.transact(mailbox.sent, sending, "p2", box.now)
    assert box.taken().id == third


def test_what_is_to_be_sent_later_holds_up_its_own_conversation_only(box: Box) -> None:
    first = box.say("+33600000001", "un")
    box.say("+33600000001", "deux")
    other = box.say("+33600000002", "autre")
    box.db.transact(mailbox.postpone, box.taken(), "occupé", box.now)
    assert box.taken().id == other
    assert box.sending() is None
    box.later(seconds=12.1)
    assert box.taken().id == first


def test_bulk_never_holds_up_an_answer(box: Box) -> None:
    bulk = [box.say("+33600000001", f"rappel {n}", kind=BULK) for n in range(3)]
    answer = box.say("+33600000001", "réponse")
    other = box.say("+33600000002", "réponse")
    assert [box.taken().id for _ in range(3)] == [answer, other, bulk[0]]
    assert box.sending() is None  # the other reminders of this person wait for the first


def test_the_delays_between_tries_are_those_of_the_rule_until_two_days_are_over(box: Box) -> None:
    id = box.say("+33600000001", "un")
    began = box.now
    delays = []
    while (sending := box.sending()) is not None:
        box.db.transact(mailbox.postpone, sending, "le fournisseur est occupé", box.now)
        row = box.row(OutboxRow, id)
        if row.state == "dead":
            break
        delays.append((row.due_at - box.now).total_seconds())
        assert box.sending() is None
        box.now = row.due_at
    wanted = [10, 60, 300, 900, 3600] + [14400] * (len(delays) - 5)
    assert all(0.8 * want <= delay <= 1.2 * want for delay, want in zip(delays, wanted, strict=True))
    assert len(set(delays)) == len(delays)  # never all at once
    assert timedelta(hours=48) <= box.now - began <= timedelta(hours=53)
    assert (box.state(id), box.row(OutboxRow, id).attempts) == ("dead", len(delays) + 1)
    assert "le fournisseur est occupé" in box.row(OutboxRow, id).reason


def test_a_machine_that_was_off_for_two_days_does_not_give_up_at_its_first_try(box: Box) -> None:
    id = box.say("+33600000001", "un")
    box.later(hours=50)
    for _ in range(5):
        box.db.transact(mailbox.postpone, box.taken(), "pas encore de réseau", box.now)
        assert box.state(id) == "waiting"
        box.now = box.row(OutboxRow, id).due_at
    box.db.transact(mailbox.postpone, box.taken(), "pas encore de réseau", box.now)
    assert box.state(id) == "dead"


def test_a_provider_that_says_when_is_taken_at_its_word(box: Box) -> None:
    id = box.say("+33600000001", "un")
    box.db.transact(mailbox.postpone, box.taken(), "429", box.now, 7.0)
    assert box.row(OutboxRow, id).due_at == box.now + 7 * SECOND


def test_a_late_sender_cannot_settle_what_another_has(box: Box) -> None:
    id = box.say("a@exemple.invalid", "un", channel="email")
    late = box.taken("email", idempotent=("email",))
    box.later(seconds=29)
    on_time = box.taken("email", idempotent=("email",))
    assert on_time.id == id
    for settle in (
        lambda: box.db.transact(mailbox.sent, late, "tard", box.now),
        lambda: box.db.transact(mailbox.postpone, late, "tard", box.now),
        lambda: box.db.transact(mailbox.give_up, late, "tard"),
        lambda: box.db.transact(mailbox.unsure, late, "tard", box.now, True),
    ):
        with pytest.raises(LeaseLost):
            settle()
    box.db.transact(mailbox.sent, on_time, "p", box.now)
    assert box.row(OutboxRow, id).provider_id == "p"


@pytest.mark.parametrize("how", ["unsure", "dead worker"])
@pytest.mark.parametrize(
    ("kind", "idempotent", "tries"),
    [(ANSWER, True, 5), (ANSWER, False, 2), (BULK, True, 5), (BULK, False, 1)],
)
def test_what_the_provider_may_have_is_repeated_as_far_as_rule_seven_goes(
    box: Box, how: str, kind: str, idempotent: bool, tries: int
) -> None:
    id = box.say("+33600000001", "un", kind=kind)
    can = ("sms",) if idempotent else ()
    sent = 0
    while sent < 5 and (sending := box.sending(idempotent=can)) is not None:
        sent += 1
        if how == "unsure":
            box.db.transact(mailbox.unsure, sending, "coupure", box.now, idempotent)
        box.later(seconds=29)
    assert sent == tries
    expected = "unknown" if not idempotent else "waiting" if how == "unsure" else "sending"
    assert box.state(id) == expected
    if how == "dead worker" and idempotent:  # five claims that no one ended
        assert box.sending(idempotent=can) is None
        assert box.state(id) == "held"


def test_an_answer_that_killed_its_sender_five_times_is_held_and_the_next_goes(box: Box) -> None:
    bad = box.say("a@exemple.invalid", "poison", channel="email")
    good = box.say("a@exemple.invalid", "sain", channel="email")
    for _ in range(CLAIMS):
        assert box.taken("email", idempotent=("email",)).id == bad
        box.later(seconds=29)
    assert box.taken("email", idempotent=("email",)).id == good
    assert box.state(bad) == "held"


def test_claims_that_ended_do_not_add_up(box: Box) -> None:
    id = box.say("+33600000001", "un")
    for _ in range(2 * CLAIMS):
        box.db.transact(mailbox.postpone, box.taken(), "occupé", box.now, 1.0)
        box.later(seconds=1)
    assert box.state(id) == "waiting"


def test_a_channel_that_rests_sends_nothing_while_the_others_go_on(box: Box) -> None:
    box.say("+33600000001", "un")
    mail = box.say("a@exemple.invalid", "deux", channel="email")
    box.db.transact(mailbox.pause, "sms", box.now + 60 * SECOND, "429")
    box.db.transact(mailbox.pause, "sms", box.now + 30 * SECOND, "moins longtemps : ne compte pas")
    sending = box.taken("sms", "email")
    assert sending.id == mail
    box.db.transact(mailbox.sent, sending, "p", box.now)
    box.later(seconds=31)
    assert box.sending("sms", "email") is None
    box.later(seconds=30)
    assert box.taken("sms", "email").text == "un"


def test_a_delivery_report_is_written_once_and_only_on_our_own(box: Box) -> None:
    id = box.say("+33600000001", "un")
    box.db.transact(mailbox.sent, box.taken(), "p1", box.now)
    assert box.db.transact(mailbox.report, Receipt("sms", "inconnu", "delivered"), box.now) is None
    assert box.db.transact(mailbox.report, Receipt("telegram", "p1", "delivered"), box.now) is None
    assert box.db.transact(mailbox.report, Receipt("sms", "p1", "sent"), box.now) is None
    assert box.db.transact(mailbox.report, Receipt("sms", "p1", "delivered"), box.now) is not None
    assert box.row(OutboxRow, id).delivered_at == box.now
    assert box.db.transact(mailbox.report, Receipt("sms", "p1", "failed", "trop tard"), box.now) is None
    assert box.state(id) == "delivered"


@pytest.mark.parametrize(("kind", "waits_as"), [(ANSWER, "waiting"), (BULK, "unknown")])
def test_our_key_in_a_report_settles_what_may_have_arrived_so_that_it_is_not_repeated(
    box: Box, kind: str, waits_as: str
) -> None:
    id = box.say("+33600000001", "un", key="inbox:1:0", kind=kind)
    report = Receipt("sms", "p1", "sent", key="inbox:1:0")
    sending = box.taken()
    assert box.db.transact(mailbox.report, report, box.now) is None, "whoever sends it will tell"
    box.db.transact(mailbox.unsure, sending, "la ligne a été coupée", box.now, False)
    assert box.state(id) == waits_as
    assert box.db.transact(mailbox.report, Receipt("sms", "p1", "sent", key="inbox:2:0"), box.now) is None
    assert box.db.transact(mailbox.report, report, box.now) is not None
    assert (box.state(id), box.row(OutboxRow, id).provider_id) == ("sent", "p1")
    box.later(minutes=5)
    assert box.sending() is None
    assert box.db.transact(mailbox.report, Receipt("sms", "p1", "delivered", key="inbox:1:0"), box.now) is not None
    assert box.state(id) == "delivered"


def test_what_waits_for_a_word_of_its_reader_goes_when_they_write_and_nothing_else_does(box: Box) -> None:
    waits = box.say("+33600000001", "votre réponse")
    other = box.say("+33600000002", "une autre")
    later = box.say("+33600000001", "bientôt", due_at=box.now + timedelta(days=1), kind=BULK)
    for _ in range(2):
        box.db.transact(mailbox.postpone, box.taken(), "il faut qu'elle écrive", box.now, 8 * 3600.0, True)
    box.later(minutes=5)
    assert box.sending() is None
    who = box.row(OutboxRow, waits).address_id
    box.db.transact(mailbox.heard_from, who, box.now)
    sending = box.taken()
    assert (sending.id, sending.asked) == (waits, True)
    assert box.sending() is None
    assert box.row(OutboxRow, other).due_at > box.row(OutboxRow, waits).due_at
    assert box.row(OutboxRow, later).due_at > box.now


def test_a_page_collects_in_order_and_again_from_any_point(box: Box) -> None:
    first, second = (box.say("s1", text, channel="web") for text in ("un", "deux"))
    box.say("s2", "pour une autre", channel="web")
    later = box.say("s1", "plus tard", channel="web", due_at=box.now + 60 * SECOND)
    who = box.row(OutboxRow, first).address_id
    assert [each.text for each in box.db.transact(mailbox.collect, who, 0, box.now)] == ["un", "deux"]
    assert box.state(first) == box.state(second) == "delivered"
    assert [each.id for each in box.db.transact(mailbox.collect, who, first, box.now)] == [second]
    assert [each.id for each in box.db.transact(mailbox.collect, who, 0, box.now)] == [first, second]
    assert box.db.look(mailbox.newest_for, [who]) == {who: later}


def test_a_stopped_message_is_retried_with_fresh_tries_or_dropped_with_a_reason(box: Box) -> None:
    id = box.say("+33600000001", "un")
    for _ in range(4):
        box.db.transact(mailbox.postpone, box.taken(), "occupé", box.now, 1.0)
        box.later(seconds=1)
    box.db.transact(mailbox.give_up, box.taken(), "numéro inconnu")
    assert box.db.transact(mailbox.retry, OutboxRow, id, box.now)
    assert not box.db.transact(mailbox.retry, OutboxRow, id, box.now)  # it waits by now
    box.db.transact(mailbox.postpone, box.taken(), "occupé", box.now)
    assert box.row(OutboxRow, id).due_at - box.now <= 12 * SECOND
    assert box.db.transact(mailbox.drop, OutboxRow, id, "réglé par téléphone")
    assert (box.state(id), box.row(OutboxRow, id).reason) == ("dropped", "réglé par téléphone")
    assert not box.db.transact(mailbox.drop, OutboxRow, id, "encore")
    assert not box.db.transact(mailbox.retry, OutboxRow, 999, box.now)


def test_what_is_being_sent_is_neither_dropped_nor_retried(box: Box) -> None:
    id = box.say("+33600000001", "un")
    box.taken()
    assert not box.db.transact(mailbox.drop, OutboxRow, id, "non")
    assert not box.db.transact(mailbox.retry, OutboxRow, id, box.now)


def test_a_held_question_can_be_put_back(box: Box) -> None:
    id = box.hear("+33600000001", "poison")
    for _ in range(CLAIMS):
        box.claimed()
        box.later(seconds=29)
    assert box.turn() is None
    assert box.state(id, InboxRow) == "held"
    assert box.db.transact(mailbox.retry, InboxRow, id, box.now)
    assert box.claimed().messages[0].id == id


def test_the_officer_hears_once_of_each_trouble(box: Box) -> None:
    box.hear("+33600000001", "poison")
    for _ in range(CLAIMS + 1):
        box.turn()
        box.later(seconds=29)
    box.say("+33600000002", "perdu")
    box.db.transact(mailbox.give_up, box.taken(), "numéro inconnu")
    tickets = lambda: box.db.look(_tickets)  # noqa: E731
    while box.db.transact(handing_on.tell_troubled, box.office, box.now):
        pass
    assert sorted(tickets()) == [("to-sort", "poison"), ("undelivered", "perdu")]
    while box.db.transact(handing_on.tell_troubled, box.office, box.now):
        pass
    assert len(tickets()) == 2


def _tickets(session: Session) -> list[tuple[str, str]]:
    from escalation.tickets import Ticket

    return [(each.kind, each.question) for each in session.exec(select(Ticket)).all()]


# --- the loops, with a channel whose moods are scripted ---------------------------------------------------------------


@dataclass
class Moody:
    """A way out that answers as it is told, one mood a send; then it takes everything."""

    name: str = "sms"
    moods: list[Exception] = field(default_factory=list)
    taken: list[tuple[str, str]] = field(default_factory=list)

    async def send(self, message: Outbound, key: str) -> str:
        if self.moods:
            raise self.moods.pop(0)
        self.taken.append((key, message.text))
        return f"p{len(self.taken)}"


def _deliver(box: Box, channel: Moody, *, idempotent: bool = False) -> bool:
    opened = {"sms": Opened(channel, idempotent=idempotent)}
    return asyncio.run(workers.deliver_next(box.db, box.office, opened, lambda: box.now))


@pytest.mark.parametrize(
    ("mood", "state"),
    [
        (TryAgain("503"), "waiting"),
        (Undeliverable("numéro inconnu"), "dead"),
        (Unsure("coupure"), "waiting"),
        (RuntimeError("imprévu"), "waiting"),
        (TimeoutError(), "waiting"),
    ],
)
def test_each_answer_of_a_provider_is_settled_by_its_name(box: Box, mood: Exception, state: str) -> None:
    id = box.say("+33600000001", "un")
    assert _deliver(box, Moody(moods=[mood]))
    assert box.state(id) == state
    assert box.row(OutboxRow, id).doubts == (0 if isinstance(mood, (TryAgain, Undeliverable)) else 1)


def test_a_tired_provider_rests_as_a_whole(box: Box) -> None:
    box.say("+33600000001", "un")
    box.say("+33600000002", "deux")
    channel = Moody(moods=[TryAgain("429", after=40, scope="channel")])
    assert _deliver(box, channel)
    assert not _deliver(box, channel)
    box.later(seconds=41)
    assert _deliver(box, channel)
    assert _deliver(box, channel)
    assert [text for _, text in channel.taken] == ["un", "deux"]


def test_a_report_reaches_the_message_through_the_door(box: Box) -> None:
    id = box.say("+33600000001", "un")
    _deliver(box, Moody())
    receipt = Receipt("sms", "p1", "failed", "boîte pleine")
    assert box.db.transact(incoming.receive, box.office, receipt, box.now)
    assert (box.state(id), box.row(OutboxRow, id).reason) == ("failed", "boîte pleine")


class Away(Database):
    """A database that goes away right after a message was sent, for as many calls as it is told."""

    refusals = 0

    async def run(self, work: Any, *args: Any, **kwargs: Any) -> Any:
        if work is outgoing.sent and self.refusals:
            self.refusals -= 1
            raise DatabaseAway("restarting")
        return await super().run(work, *args, **kwargs)


@pytest.fixture
def away(box: Box) -> Iterator[Away]:
    found = Away(box.db.url.render_as_string(hide_password=False))
    yield found
    found.close()


def test_a_message_that_went_is_not_sent_again_because_the_database_was_away(box: Box, away: Away) -> None:
    """The one who knows that it went keeps trying to write it down; the fence tells if that is too late."""
    id = box.say("+33600000001", "un")
    away.refusals = 1
    channel = Moody()
    assert asyncio.run(workers.deliver_next(away, box.office, {"sms": Opened(channel)}, lambda: box.now))
    assert (box.state(id), len(channel.taken)) == ("sent", 1)


def test_rows_done_are_not_shown_and_rows_that_wait_are(box: Box) -> None:
    box.say("+33600000001", "un")
    box.db.transact(mailbox.sent, box.taken(), "p1", box.now)
    waiting = box.say("+33600000001", "deux")
    box.hear("+33600000001", "bonjour")
    shown = box.db.look(mailbox.waiting_or_troubled, OutboxRow)
    assert [row.id for row in shown] == [waiting]
    assert [row.text for row in box.db.look(mailbox.waiting_or_troubled, InboxRow)] == ["bonjour"]


def test_how_much_someone_wrote_is_counted_from_a_moment_on(box: Box) -> None:
    id = box.hear("+33600000001", "un")
    start = box.later(minutes=2)
    box.hear("+33600000001", "deux")
    who = box.row(InboxRow, id).address_id
    assert box.db.look(mailbox.heard_since, who, [start]) == [1]
    assert len(box.db.look(lambda s: s.exec(select(InboxRow).where(col(InboxRow.address_id) == who)).all())) == 2
