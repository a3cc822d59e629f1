"""What to do with what someone wrote: facts in, decision out; pure."""

import re
import unicodedata
from dataclasses import dataclass, replace

from rapidfuzz import process
from rapidfuzz.distance import OSA

from bot import replying
from knowledge.matching import Match

HELP, HUMAN, STOP, START, MEETINGS, CONTACTS, MORE, MY_DATA, ERASE, RECTIFY, UNDO, LINK, WAY = (
    "help", "human", "stop", "start", "meetings", "contacts", "more", "my-data", "erase", "rectify", "undo", "link",
    "way",
)  # fmt: skip
WORDS: dict[str, str] = {
    "aide": HELP, "help": HELP, "menu": HELP, "aidez moi": HELP,
    "humain": HUMAN, "humaine": HUMAN, "un humain": HUMAN, "personne": HUMAN, "une personne": HUMAN,
    "parler a quelqu un": HUMAN, "parler a une personne": HUMAN, "parler a un humain": HUMAN,
    "parler a l equipe": HUMAN, "je veux parler a quelqu un": HUMAN, "je veux parler a une personne": HUMAN,
    "stop": STOP, "arret": STOP, "arreter": STOP, "arretez": STOP, "stop svp": STOP, "arret svp": STOP,
    "arreter svp": STOP, "desabonner": STOP, "desabonnement": STOP,
    "start": START, "reprendre": START, "debut": START,
    "copil": MEETINGS, "reunions": MEETINGS, "prochaine reunion": MEETINGS, "prochaines reunions": MEETINGS,
    "contacts": CONTACTS, "contact": CONTACTS,
    "suite": MORE, "la suite": MORE, "lire la suite": MORE, "plus d infos": MORE, "plus d informations": MORE,
    "plus de details": MORE, "en savoir plus": MORE,
    "mes donnees": MY_DATA, "mesdonnees": MY_DATA, "rectifier": RECTIFY,
    "annuler": UNDO, "annule": UNDO, "annulez": UNDO, "annuler svp": UNDO, "annulation": UNDO,
    "relier": LINK, "canal": WAY, "changer de canal": WAY,
    "supprimer": ERASE, "supprimer mes donnees": ERASE, "effacer mes donnees": ERASE,
}  # fmt: skip
FORGIVING = 6  # letters from which one slip is forgiven: « humian » is HUMAIN, « copie » is not COPIL
STOP_SENTENCES = re.compile(
    r"^stop\b(?!.*\b(comment|pourquoi|quand|qui|quel)\b)|"
    r"\b(arret\w*|cess\w+) de (m |me )(envoyer|ecrire|contacter|spammer|embeter|harceler)|"
    r"\bne (m |me )(ecrivez|envoyez|contactez|ecris|envoie) plus\b|\bm envoyez plus\b|\bm ecrivez plus\b|"
    r"\b(ne )?(veux|souhaite) plus (de |recevoir |avoir )(\w+ ){0,2}(messages?|sms|mails?|textos?|rappels?)\b|"
    r"\b(me |m )desabonner\b|\bdesabonne[rz]? moi\b|^(arret|arreter|arretez) (les |vos |tout|ca|svp|merci)"
)
STOP_WORDS_MOST = 15  # a longer message is about something else
YES = frozenset({
    "oui", "ouai", "ouais", "oui merci", "yes", "ok", "ok merci", "o", "merci", "merci beaucoup", "parfait", "super",
    "tres bien", "d accord", "si", "sim", "da", "evet", "نعم", "да", "так", "👍", "🙏", "❤️", "❤", "👌",
})  # fmt: skip
THANKS = frozenset({"merci", "merci beaucoup", "parfait", "super", "tres bien", "🙏", "❤️", "❤"})
NO = frozenset({
    "non", "no", "nan", "nao", "nu", "hayir", "hayır", "لا", "нет", "ні", "pas du tout", "non merci",
    "non pas du tout", "pas vraiment", "👎",
})  # fmt: skip
LOST = re.compile(  # « je n'ai rien compris à votre réponse », said of the answer that was just given, and no more
    r"(?:(?:mais|desole|desolee|pardon|je|j|ne|n|ai|y|c|ce|ca|cela|est|vous) )*"
    r"(?:(?:rien|pas(?: bien| tout)?) compris|(?:compris|comprends?) (?:rien|pas)|pas (?:tres )?clair|"
    r"repond(?:s|ez)? pas|pas (?:ma|la) question|pas ce que je (?:demande|demandais|cherche|cherchais))"
    r"(?: (?:a |de )?(?:votre|vos|la|cette|ma) (?:reponse|reponses|message|explication|question))?"
    r"(?: (?:du tout|desole|desolee|merci|tout|bien|grand chose))?"
)
CHAT = {"how": "hello", "test": "hello", "yes": "no", "laugh": "no"}  # asks nothing, so nobody is called for it
A_CALL = 8  # words: « passez-moi une vraie personne »; a longer message says about what
TAKE_BACK = frozenset({"reprendre", "annuler", "ne pas envoyer", "stop"})  # within the two minutes of an answer
NUMBERS = {
    "un": 1, "une": 1, "deux": 2, "trois": 3, "le premier": 1, "le deuxieme": 2, "le troisieme": 3, "la premiere": 1,
    "la deuxieme": 2, "la troisieme": 3, "1️⃣": 1, "2️⃣": 2, "3️⃣": 3,
}  # fmt: skip


@dataclass(frozen=True)
class OpenPrompt:
    """What was asked of this person last, and is still open."""

    kind: str  # choose | useful | code | coming | meeting | about | link | proof | way
    offered: tuple[str, ...] = ()
    question_id: int | None = None


@dataclass(frozen=True)
class Facts:
    """All that a decision may depend on."""

    text: str
    nature: str = "person"
    stopped: bool = False
    limited: bool = False
    officer_id: int | None = None  # written from a registered officer's address
    officer_ticket: int | None = None  # a valid officer's token names this ticket
    officer_token_of: int | None = None  # and was made for this officer
    recallable: int | None = None  # the ticket of an answer that this officer can still take back
    partner_request: int | None = None  # a valid partner's token names this request
    partner_wrote: bool = False  # and it comes from the address that was asked
    proven: bool = True  # our receiving server vouches for the sender, or is not asked to
    asker_ticket: int | None = None  # a valid token shows a reply to this ticket, from the one who asked it
    answered_ticket: int | None = None  # a person answered this asker in the last 72 hours
    prompt: OpenPrompt | None = None
    beneath: tuple[OpenPrompt, ...] = ()  # asked before it, and still open: an invitation
    noted: str = ""  # what the reply understood last was, while it may be taken back
    has_attachments: bool = False
    broken_token: bool = False  # there is a token, and it is not ours, changed or over
    warnings: tuple[str, ...] = ()
    match: Match | None = None
    translated: tuple[str, str] | None = None  # the entry that answers in the message's own language, and which


@dataclass(frozen=True)
class InTheirLanguage:
    """An entry's own translation answers a message that is not French."""

    slug: str
    language: str


@dataclass(frozen=True)
class Answer:
    slugs: tuple[str, ...]
    confidence: float


@dataclass(frozen=True)
class Clarify:
    slugs: tuple[str, ...]


@dataclass(frozen=True)
class Escalate:
    why: str
    distress: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chosen:
    slug: str
    question_id: int | None


@dataclass(frozen=True)
class NoneOfThese:
    question_id: int | None


@dataclass(frozen=True)
class Useful:
    yes: bool
    question_id: int | None
    said: str = ""  # what came with it


@dataclass(frozen=True)
class Code:
    """A code that was asked for before showing or erasing someone's data."""

    digits: str


@dataclass(frozen=True)
class Coming:
    """What someone says to an invitation: yes, no, or that they want to prepare it."""

    answer: str  # yes | no | prepare
    committee_id: int


@dataclass(frozen=True)
class Tie:
    """A meeting is chosen: what follows is about it; `then` is what to do with the question that came along."""

    committee_id: int
    then: "Decision | None" = None
    text: str = ""


@dataclass(frozen=True)
class LinkTo:
    """Another address that is said to be theirs: to be proven by a code."""

    handle: str


@dataclass(frozen=True)
class Proven:
    """A code that was sent to another address, typed here."""

    digits: str


@dataclass(frozen=True)
class Way:
    """Where someone wants their reminders."""

    address_id: int


@dataclass(frozen=True)
class Relay:
    ticket_id: int


@dataclass(frozen=True)
class Draft:
    ticket_id: int
    reason: str


@dataclass(frozen=True)
class TakeBack:
    """An officer takes back the answer that has not left yet."""

    ticket_id: int


@dataclass(frozen=True)
class FromPartner:
    """What a partner who was asked writes back; `note` says what is doubtful about it."""

    request_id: int
    note: str = ""


@dataclass(frozen=True)
class AddToTicket:
    ticket_id: int


@dataclass(frozen=True)
class Command:
    name: str


@dataclass(frozen=True)
class SmallTalk:
    kind: str  # robot | thanks | no | hello | bye | unreadable | empty | which


@dataclass(frozen=True)
class ToSort:
    why: str


@dataclass(frozen=True)
class Limited:
    pass


@dataclass(frozen=True)
class Silence:
    why: str


Decision = (
    Answer | InTheirLanguage | Clarify | Escalate | Chosen | NoneOfThese | Useful | Code | Coming | Tie | LinkTo
    | Proven | Way | Relay | Draft | TakeBack | FromPartner | AddToTicket | Command
    | SmallTalk | ToSort | Limited | Silence
    | replying.Said
)  # fmt: skip


def plain(text: str) -> str:
    """Lower case, without accents or punctuation: « Arrêt ! » is « arret »."""
    folded = unicodedata.normalize("NFKD", text.lower().replace("’", "'"))
    folded = "".join(c for c in folded if not unicodedata.combining(c))
    return " ".join(re.sub(r"[^\w\s👍👎🙏👌❤1-3️⃣]", " ", folded).split())


def command_in(text: str) -> str:
    """The command that a message is, or none: « AIDE », « /aide », « Arrêt svp », « humian », « ne m'écrivez plus »."""
    words = plain(text)
    found = WORDS.get(words, "")
    if found in (MEETINGS, CONTACTS) and "?" in text:
        return ""  # « COPIL ? » asks what it is
    if found:
        return found
    if len(words) >= FORGIVING:
        near = process.extractOne(words, list(WORDS), scorer=OSA.distance, score_cutoff=1)
        if near and len(near[0]) >= FORGIVING:
            return WORDS[near[0]]
    if "?" not in text and len(words.split()) <= STOP_WORDS_MOST and STOP_SENTENCES.search(words):
        return STOP
    return ""


def number_in(text: str, most: int) -> int:
    """The number that someone chose, 1 to `most`; 0 if none."""
    words = plain(text)
    found = re.fullmatch(r"(?:le |la |numero |n |choix |reponse )?(\d)", words)
    number = int(found[1]) if found else NUMBERS.get(words, 0)
    return number if 1 <= number <= most else 0


def decide(facts: Facts) -> Decision:
    """1. whom it is from, and may we answer; 2. what it replies to; 3. commands; 4. what the base knows."""
    if facts.nature == "machine":
        return Silence("message automatique : on n'y répond pas")
    if facts.partner_request is not None:
        return FromPartner(facts.partner_request, _doubt(facts))
    if facts.recallable is not None and facts.proven and plain(facts.text) in TAKE_BACK:
        return TakeBack(facts.recallable)
    if facts.officer_ticket is not None:
        return _from_officer(facts)
    command = command_in(facts.text)
    if facts.stopped and command != START and not (command == UNDO and facts.noted == STOP):
        return Silence("la personne a écrit STOP")
    if facts.nature == "unsure" and facts.limited:
        return Silence("trop de messages incertains de cette adresse : gardés, pas traités")
    if facts.nature == "unsure":
        return ToSort("on ne sait pas si une personne l'a écrit")
    if command in (STOP, START):
        return Command(command)
    if facts.limited:
        return Limited()
    if facts.broken_token and facts.officer_id is not None:
        return ToSort("réponse d'un membre de l'équipe dont le jeton n'est plus valable")
    if command:
        return Command(command)
    if linked := re.match(r"\s*/?relier\b[\s:,]*(?:avec |à |a |au |le )?(\S.*)", facts.text, re.IGNORECASE | re.DOTALL):
        return LinkTo(linked[1].strip())
    distress = facts.match is not None and bool(facts.match.distress)  # never taken for a reply in someone's own words
    asked = [
        each
        for each in ((facts.prompt, *facts.beneath) if facts.prompt else ())
        if not (distress and each.kind in replying.KINDS)
    ]
    for prompt in asked:
        if reply := _reply_to(prompt, facts):
            return reply
    return _question(facts)


def _doubt(facts: Facts) -> str:
    if facts.nature != "person":
        return "le message a l'air automatique"
    if not facts.partner_wrote:
        return "écrit depuis une autre adresse que celle du partenaire"
    return "" if facts.proven else "notre serveur de courrier ne confirme pas l'expéditeur (DMARC)"


def _from_officer(facts: Facts) -> Decision:
    """Relayed only when everything holds; else a draft that the officer confirms."""
    assert facts.officer_ticket is not None
    if facts.nature != "person":
        return Draft(facts.officer_ticket, "le message a l'air automatique")
    if facts.officer_id is None or facts.officer_id != facts.officer_token_of:
        return Draft(facts.officer_ticket, "l'adresse de l'expéditeur n'est pas celle qui a reçu l'avis")
    if not facts.proven:
        return Draft(facts.officer_ticket, "notre serveur de courrier ne confirme pas l'expéditeur (DMARC)")
    if not facts.text.strip() and not facts.has_attachments:
        return Draft(facts.officer_ticket, "la réponse est vide")
    return Relay(facts.officer_ticket)


def _reply_to(prompt: OpenPrompt, facts: Facts) -> Decision | None:
    text = facts.text
    words = plain(text)
    if prompt.kind in ("choose", "meeting", "way") and words in YES and words not in THANKS:
        return SmallTalk("which")
    if prompt.kind in ("meeting", "way", "link", "proof") and words in NO:
        return Command(UNDO)
    if prompt.kind == "meeting":
        return _meeting(prompt, facts)
    if prompt.kind == "link" and ("@" in text or len(re.sub(r"\D", "", text)) >= 9) and len(text) < 120:
        return LinkTo(text.strip())
    if prompt.kind == "proof" and re.fullmatch(r"(code )?\d{3} ?\d{3}", words):
        return Proven(re.sub(r"\D", "", words))
    if prompt.kind == "way":
        return _way(prompt, text, words)
    if prompt.kind == "choose":
        number = number_in(text, len(prompt.offered) + 1)
        if number == len(prompt.offered) + 1:
            return NoneOfThese(prompt.question_id)
        if number:
            return Chosen(prompt.offered[number - 1], prompt.question_id)
        if words in NO or words in ("aucun", "aucune", "aucune des trois", "rien", "0"):
            return NoneOfThese(prompt.question_id)
    if prompt.kind == "code" and re.fullmatch(r"(code )?\d{3} ?\d{3}", words):
        return Code(re.sub(r"\D", "", words))
    if prompt.kind == "coming":
        return _coming(prompt, text, words)
    if prompt.kind in replying.KINDS:
        return _about_a_meeting(replying.read(prompt.kind, prompt.offered, text, words))
    if prompt.kind == "useful":
        if words in YES:
            return Useful(True, prompt.question_id)
        if words in NO:
            return Useful(False, prompt.question_id)
        sure = facts.match is not None and facts.match.decision == "answer"
        if (LOST.fullmatch(words) or re.match(r"non (?!seulement)", words)) and not sure:
            return Useful(False, prompt.question_id, text.strip())
    return None


def _meeting(prompt: OpenPrompt, facts: Facts) -> Tie | None:
    """« 2 », or « 2 qui apporte les documents ? »."""
    number = number_in(facts.text, len(prompt.offered))
    if number:
        return Tie(int(prompt.offered[number - 1]))
    found = re.match(r"\s*(?:la |le |n°? ?)?(\d)\s*[.,:;)\-]?\s+(?=\D)(\S.*)", facts.text, re.DOTALL | re.IGNORECASE)
    if found and 1 <= int(found[1]) <= len(prompt.offered):
        rest = replace(facts, text=found[2])
        return Tie(int(prompt.offered[int(found[1]) - 1]), _question(rest), found[2])
    return None


def _way(prompt: OpenPrompt, text: str, words: str) -> Way | None:
    """A number, or the channel by its name; each is offered as « <address>:<channel>:<names> »."""
    offered = [each.split(":", 1) for each in prompt.offered]
    number = number_in(text, len(offered))
    for place, (address_id, names) in enumerate(offered, 1):
        if place == number or words.removeprefix("par ") in map(plain, names.split(":")):
            return Way(int(address_id))
    return None


def _coming(prompt: OpenPrompt, text: str, words: str) -> Coming | None:
    committee = int(prompt.offered[0])
    number = number_in(text, 3)
    if number == 1 or words in ("oui", "je viens", "oui je viens", "present", "presente", "ok", "👍", "j y serai"):
        return Coming("yes", committee)
    if number == 2 or words in ("non", "je ne viens pas", "je ne peux pas", "je peux pas", "absent", "absente", "👎"):
        return Coming("no", committee)
    if number == 3 or words in ("je veux preparer", "preparer", "je veux le preparer"):
        return Coming("prepare", committee)
    return None


def _about_a_meeting(said: replying.Said | None) -> Decision | None:
    """What was said to a committee's message; what they want to prepare goes into its ticket."""
    if said is not None and said.kind == replying.COMING:
        return Coming(said.value, said.committee_id)
    return AddToTicket(int(said.value)) if said is not None and said.kind == replying.PREPARE else said


def _question(facts: Facts) -> Decision:
    match, words = facts.match, plain(facts.text)
    if words in YES:
        return SmallTalk("thanks")
    if words in NO and not (facts.asker_ticket or facts.answered_ticket):
        return SmallTalk("no")  # to nothing that is open: said twice, or too late
    shared = re.fullmatch(r"\s*\([^()]*\)\s*", facts.text) is not None  # « (position partagée) »: no question in it
    if shared and facts.asker_ticket:
        return AddToTicket(facts.asker_ticket)
    if shared:
        return Escalate("quelque chose est partagé, sans question")
    if not any(c.isalpha() for c in facts.text):
        if facts.asker_ticket and (facts.has_attachments or words):
            return AddToTicket(facts.asker_ticket)
        if facts.has_attachments:
            return Escalate("une pièce jointe sans question")
        return SmallTalk("unreadable" if facts.text.strip() else "empty")
    if match is None:
        return Escalate("la base n'est pas encore chargée")
    if match.distress:
        return Escalate("la personne semble en danger ou en détresse", match.distress)
    if match.smalltalk == "thanks":
        return SmallTalk("thanks")
    if match.smalltalk in ("robot", "hello", "bye"):
        return SmallTalk(match.smalltalk)
    if not (facts.asker_ticket or facts.answered_ticket):
        if match.smalltalk in CHAT:
            return SmallTalk(CHAT[match.smalltalk])
        if match.smalltalk == "person" and len(words.split()) <= A_CALL:
            return Command(HUMAN)  # about what was asked last, as the word HUMAIN is
    if facts.translated and facts.asker_ticket is None:
        return InTheirLanguage(*facts.translated)
    sure = match.decision == "answer" and match.entries
    ticket = facts.asker_ticket or facts.answered_ticket
    if sure and facts.asker_ticket is None:
        return Answer(match.entries, match.confidence)
    if ticket is not None:
        return AddToTicket(ticket)
    if match.decision == "clarify" and len(match.entries) > 1:
        return Clarify(match.entries[:3])
    return Escalate(why(match))


def why(match: Match) -> str:
    """Why the base does not answer, in words for the officer."""
    if match.language not in ("", "fr"):
        return f"le message n'est pas en français ({match.language})"
    best = match.candidates[0].confidence if match.candidates else 0.0
    if best >= 0.5:
        return "une fiche est proche, mais pas assez sûre pour répondre seul"
    if best >= 0.15:
        return "plusieurs fiches y ressemblent un peu, aucune n'est sûre"
    return "rien d'assez proche dans la base"
