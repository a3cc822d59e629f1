"""A second address: proven by a code that is sent there and typed here; then where the reminders are to come.

Nothing is linked by a name or a guess. What the program alone knows of a person is joined to what the team knows;
two people whom the team knows by name are joined by the team, who hears that they are one.
"""

import hashlib
import hmac
import re
import secrets
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from bot import audit, conversations
from bot.desk import hours, letters, officer
from bot.desk.members import masked, phone
from bot.desk.turns import Desk
from bot.office import Office
from bot.say import say
from channels import directory, manners
from channels.contract import Address
from channels.directory import AddressRow, Person, Proof
from escalation import tickets
from escalation.tickets import Ticket

CODE_FOR = timedelta(minutes=30)
CODE_TRIES = 5
CODES_A_DAY = 5
EMAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s,;<>\"]{2,}")
KIND = "resident"  # a person of whom we know nothing but that two addresses are theirs


def ask_address(desk: Desk) -> None:
    """RELIER: which other address?"""
    desk.say("link_ask")
    desk.ask("link", [], during=CODE_FOR)


def target_of(text: str) -> Address | None:
    """The email or mobile number that someone wrote; None if it is neither, or a fixed line."""
    found = EMAIL.search(text)
    if found and len(found[0]) <= 254:
        return Address("email", found[0].strip(".").lower())
    number = phone(re.sub(r"[^\d+]", "", text))
    return number if number is not None and number.channel == "sms" else None


def send_code(desk: Desk, text: str) -> None:
    """Send a code to the other address, unless that cannot be."""
    to = target_of(text)
    problem = _refusal(desk, to)
    if problem or to is None:
        desk.say("link_problem", problem=problem)
        return
    row = directory.keep(desk.session, desk.office.vault, to, desk.now)
    if problem := _not_now(desk, row):
        desk.say("link_problem", problem=problem)
        return
    code = f"{secrets.randbelow(1_000_000):06d}"
    assert row.id is not None
    proof = Proof(
        address_id=desk.turn.address_id,
        target_id=row.id,
        purpose="link",
        mac=mac(desk.office, desk.turn.address_id, code),
        sent_at=desk.now,
        lapses_at=desk.now + CODE_FOR,
    )
    desk.session.add(proof)
    desk.session.flush()
    message = say("link_code", to, code=code, channel=letters.channel_name(desk.to.channel))
    letters.post(desk.session, desk.office, message, f"proof:{proof.id}", row, desk.now)
    desk.say("link_sent", where=masked(to))
    desk.ask("proof", [str(proof.id)], during=CODE_FOR)


def _refusal(desk: Desk, to: Address | None) -> str:
    if to is None:
        return "Je ne reconnais ni e-mail ni numéro de mobile. Exemples : prenom@exemple.fr, 06 12 34 56 78."
    if to.channel not in desk.office.open_channels:
        return f"Je n'écris pas par {letters.channel_name(to.channel)} pour le moment. Essayez une autre adresse."
    if to == desk.to:
        return "C'est l'adresse d'où vous m'écrivez. Envoyez-m'en une autre."
    return ""


def _not_now(desk: Desk, row: AddressRow) -> str:
    if row.id in desk.together:
        return "Cette adresse est déjà reliée. Pour choisir où recevoir vos rappels, écrivez CANAL."
    if row.stopped_at is not None:
        return "Cette adresse a demandé à ne plus rien recevoir. Écrivez-moi START depuis cette adresse."
    if codes_sent(desk.session, desk.turn.address_id, row.id, desk.now) >= CODES_A_DAY:
        return "J'ai déjà envoyé plusieurs codes aujourd'hui. Essayez demain, ou écrivez HUMAIN."
    return ""


def codes_sent(session: Session, here: int, there: int | None, now: datetime) -> int:
    """How many codes left in a day from this address or for that one."""
    return session.exec(
        select(sa.func.count()).where(
            (Proof.address_id == here) | (Proof.target_id == there), Proof.sent_at >= now - timedelta(days=1)
        )
    ).one()


def mac(office: Office, address_id: int, code: str) -> str:
    """The mark of a code: the table holds no code."""
    return _macs(office, address_id, code)[0]


def is_code(office: Office, address_id: int, code: str, kept: str) -> bool:
    """Whether this code has the mark that was kept, under the current secret or one before."""
    return any(hmac.compare_digest(kept, each) for each in _macs(office, address_id, code))


def _macs(office: Office, address_id: int, code: str) -> list[str]:
    about = f"{address_id}:{code}".encode()
    return [hmac.new(key, about, hashlib.sha256).hexdigest() for key in office.vault.keys("codes")]


def prove(desk: Desk, digits: str) -> None:
    """The code that was sent to the other address: both are one person's from now on."""
    asked = conversations.newest(desk.session, [desk.turn.address_id], "proof")
    proof = desk.session.get(Proof, int(asked.offered[0])) if asked else None
    if proof is None or proof.lapses_at <= desk.now or proof.tries >= CODE_TRIES or proof.proven_at is not None:
        desk.close_prompts()
        desk.say("link_problem", problem="Ce code n'est plus valable. Pour en recevoir un autre, écrivez RELIER.")
        return
    proof.tries += 1
    desk.session.add(proof)
    if not is_code(desk.office, desk.turn.address_id, digits, proof.mac):
        left = CODE_TRIES - proof.tries
        more = f"Il vous reste {left} essai{'s' if left > 1 else ''}." if left else "Écrivez RELIER pour un autre code."
        desk.say("link_problem", problem=f"Ce n'est pas le bon code. {more}")
        return
    proof.proven_at = desk.now
    target = desk.session.get(AddressRow, proof.target_id)
    assert target is not None
    desk.asker.verified_at = target.verified_at = desk.now
    desk.session.add(target)
    joined = _join(desk, target)
    audit.append(
        desk.session,
        desk.now,
        f"asker:{desk.turn.address_id}",
        "addresses linked" if joined else "addresses proven",
        f"address:{target.id}",
    )
    if not joined:
        desk.close_prompts()
        desk.say("link_problem", problem="C'est prouvé. L'équipe connaît vos deux adresses à part : elle les réunit.")
        return
    desk.together = tuple(directory.together(desk.session, desk.asker))
    _ask_way(desk, "C'est relié.")


def _join(desk: Desk, target: AddressRow) -> bool:
    """One person behind both; False when the team knows two people here, and is told."""
    mine = desk.session.get(Person, desk.asker.person_id) if desk.asker.person_id else None
    theirs = desk.session.get(Person, target.person_id) if target.person_id else None
    if mine and theirs and mine.kind != KIND and theirs.kind != KIND:
        _tell(desk, mine, theirs)
        return False
    keep = theirs if theirs and (mine is None or mine.kind == KIND) else mine
    if keep is None:
        keep = Person(kind=KIND, name="", created_at=desk.now)
        desk.session.add(keep)
        desk.session.flush()
    gone = {person.id for person in (mine, theirs) if person is not None and person.id != keep.id}
    desk.asker.person_id = target.person_id = keep.id
    desk.session.flush()
    if gone:  # all that a person whom only the program knew had
        desk.session.execute(sa.update(AddressRow).where(col(AddressRow.person_id).in_(gone)).values(person_id=keep.id))
    audit.append(desk.session, desk.now, f"asker:{desk.turn.address_id}", "person joined", f"person:{keep.id}")
    return True


def _tell(desk: Desk, mine: Person, theirs: Person) -> None:
    question = f"{mine.name} et {theirs.name} : la même personne, d'après un code envoyé à l'une et tapé chez l'autre."
    ticket = tickets.open_ticket(
        desk.session,
        Ticket(
            council_id=mine.council_id or theirs.council_id,
            address_id=desk.turn.address_id,
            kind="to-sort",
            question=question,
            why="deux fiches à réunir",
            opened_at=desk.now,
            promised_at=hours.promised(desk.session, desk.office, None, desk.now),
        ),
    )
    actor = f"asker:{desk.turn.address_id}"
    audit.append(desk.session, desk.now, actor, "ticket opened", f"ticket:{ticket.id}", ticket.council_id)
    officer.notify(desk.session, desk.office, ticket, desk.to.channel, desk.now)


# --- where reminders come ---------------------------------------------------------------------------------------------


def ask_way(desk: Desk) -> None:
    """CANAL: where are the reminders to come?"""
    _ask_way(desk, "")


def _ask_way(desk: Desk, done: str) -> None:
    ways = _ways(desk)
    if len(ways) < 2:
        desk.say("way_one", channel=letters.channel_name(desk.to.channel))
        return
    numbered = [
        f"{number}. {letters.channel_name(row.channel)} ({masked(directory.opened(desk.office.vault, row))})"
        if row.channel != "telegram"
        else f"{number}. {letters.channel_name(row.channel)}"
        for number, row in enumerate(ways, 1)
    ]
    numbers = [str(number) for number in range(1, len(ways) + 1)]
    how = f"Répondez {', '.join(numbers[:-1])} ou {numbers[-1]}."
    desk.say("way_ask", done=done, numbered="\n".join(numbered), how=how)
    desk.ask("way", [_offered(row) for row in ways])


def _offered(row: AddressRow) -> str:
    theirs = manners(row.channel)
    return ":".join((str(row.id), row.channel, theirs.label, *theirs.words))


def _ways(desk: Desk) -> list[AddressRow]:
    """Where this person may be written to, the oldest address first; one a channel."""
    rows = desk.session.exec(
        select(AddressRow)
        .where(col(AddressRow.id).in_(desk.together), col(AddressRow.stopped_at).is_(None))
        .order_by(col(AddressRow.id))
    ).all()
    found: dict[str, AddressRow] = {}
    for row in rows:
        if row.paused_at is None and row.channel in desk.office.open_channels:
            found.setdefault(row.channel, row)
    return list(found.values())


def choose_way(desk: Desk, address_id: int) -> None:
    """Reminders come there from now on."""
    row = desk.session.get(AddressRow, address_id)
    person = desk.session.get(Person, desk.asker.person_id) if desk.asker.person_id else None
    desk.close_prompts()
    if row is None or person is None or row.person_id != person.id:
        desk.say("lapsed")
        return
    desk.note("way", person=person.id, channel=person.preferred_channel)
    person.preferred_channel = row.channel
    desk.session.add(person)
    audit.append(desk.session, desk.now, f"asker:{desk.turn.address_id}", "way chosen", f"person:{person.id}")
    desk.say("way", channel=letters.channel_name(row.channel))
