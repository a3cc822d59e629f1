"""A WebDesk in memory: a small hotline that knows three answers, for the tests of the pages."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from bot.db import DatabaseAway
from channels.contract import Attachment, Carried, Collected, Inbound
from channels.web.desk import Escalated, House

HOUSE = House(
    organisation="RésO Villes",
    phone="02 40 58 02 03",
    hours="du lundi au vendredi, 9 h à 17 h",
    source_url="https://forge.example/hotline",
    public_url="",
    email="hotline@conseils.example",
    answer_days=2,
)
ANSWER = """Un conseil citoyen est un groupe d'habitantes, d'habitants et d'associations d'un quartier prioritaire.

Il donne son avis sur le contrat de ville :
- sur les projets du quartier ;
- sur l'argent qui y va.

Pour en parler : 02 40 58 02 03, ou https://www.example.org/conseils?a=1&b=2.

Source : loi du 21 février 2014, art. 7 (texte de 2024).
Réponse automatique. Pour parler à une personne, écrivez HUMAIN."""
CHOICES = ("Être remboursé de ses frais", "Être payé pour ses réunions", "Aucune de ces réponses")
CLARIFY = """Je vois plusieurs réponses possibles. Laquelle cherchez-vous ?

1. Être remboursé de ses frais
2. Être payé pour ses réunions
3. Aucune de ces réponses

Appuyez sur votre choix, ou écrivez son numéro."""


@dataclass
class FakeDesk:
    """Answers at once; `mute` keeps it silent, `broken` stops keeping, `away` reading, `code` is what was sent."""

    shown: House = HOUSE
    mute: bool = False
    broken: bool = False
    away: bool = False
    code: str = "123456"
    refused_email: str = "refus@exemple.fr"
    said: dict[str, list[Collected]] = field(default_factory=dict)
    kept: dict[str, Inbound] = field(default_factory=dict)
    tickets: dict[str, list[Escalated]] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    collected_after: list[int] = field(default_factory=list)
    count: int = 0
    files: dict[tuple[str, int], Attachment] = field(default_factory=dict)

    def bring(self, handle: str, text: str, file: Attachment) -> int:
        """A message that carries a file."""
        id = len(self.files) + 1
        self.files[handle, id] = file
        self.answer(handle, text)
        messages = self.said[handle]
        messages[-1] = replace(messages[-1], files=(Carried(id, file.filename, len(file.content)),))
        return id

    def house(self) -> House:
        return self.shown

    async def deliver(self, message: Inbound) -> bool:
        if self.broken:
            raise OSError(28, "No space left on device")
        if message.external_id in self.kept:
            return True
        self.kept[message.external_id] = message
        handle = message.sender.handle
        self._add(handle, True, message.text, message.heard_at)
        if not self.mute:
            self._react(handle, message.text)
        return True

    def answer(self, handle: str, text: str, choices: tuple[str, ...] = ()) -> int:
        return self._add(handle, False, text, datetime.now(UTC), choices)

    def escalate(self, handle: str, promised: datetime | None = None) -> int:
        tickets = self.tickets.setdefault(handle, [])
        number = 142 + len(tickets)
        tickets.insert(0, Escalated(number, promised or datetime(2026, 12, 10, 17, tzinfo=UTC), False, False))
        return number

    def _react(self, handle: str, text: str) -> None:
        words = text.lower()
        if "personne" in words or "humain" in words:
            number = self.escalate(handle)
            self.answer(
                handle,
                f"C'est noté : une personne de l'équipe RésO Villes vous répond ici même, "
                f"au plus tard jeudi 10 décembre 2026 (n° {number}).",
            )
        elif "rembourser" in words:
            self.answer(handle, CLARIFY, CHOICES)
        else:
            self.answer(handle, ANSWER)

    def _add(self, handle: str, mine: bool, text: str, at: datetime, choices: tuple[str, ...] = ()) -> int:
        self.count += 1
        self.said.setdefault(handle, []).append(Collected(self.count, mine, text, at, choices))
        return self.count

    def age(self, handle: str, by: timedelta) -> None:
        self.said[handle] = [replace(message, at=message.at - by) for message in self.said[handle]]

    async def conversation(self, handle: str) -> list[Collected]:
        if self.away:
            raise DatabaseAway("gone")
        return list(self.said.get(handle, ()))

    async def collect(self, handle: str, after: int) -> list[Collected]:
        self.collected_after.append(after)
        return [m for m in self.said.get(handle, ()) if not m.mine and m.id > after]

    async def newest(self, handle: str) -> int:
        if self.away:
            raise DatabaseAway("gone")
        return max((m.id for m in self.said.get(handle, ()) if not m.mine), default=0)

    async def escalated(self, handle: str) -> list[Escalated]:
        return list(self.tickets.get(handle, ()))

    async def personal_link(self, handle: str) -> str:
        for token, owner in self.links.items():
            if owner == handle:
                return token
        token = f"lien{len(self.links)}" + "a" * 40
        self.links[token] = handle
        return token

    async def enter(self, token: str) -> str | None:
        return self.links.get(token) or None

    async def revoke(self, handle: str) -> None:
        self.links = {token: "" if owner == handle else owner for token, owner in self.links.items()}

    async def offer_email(self, handle: str, email: str) -> str:
        return "Ce serveur de courrier refuse cette adresse." if email == self.refused_email else ""

    async def prove_email(self, handle: str, code: str) -> str:
        if code != self.code:
            return "Ce n'est pas le bon code. Il vous reste 4 essais."
        self.tickets[handle] = [replace(ticket, by_email=True) for ticket in self.tickets[handle]]
        return ""

    async def file(self, handle: str, id: int) -> Attachment | None:
        return self.files.get((handle, id))

    async def choose(self, handle: str, number: int) -> bool:
        raise AssertionError("a choice is delivered like any message")
