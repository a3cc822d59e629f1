"""What every channel must survive, as data: named messages, and the names of the replies that make sense to each."""

from dataclasses import dataclass

ANSWER = frozenset({"answer"})
PERSON = frozenset({"handed_on"})
WORDLESS = frozenset({"empty", "unreadable"})
SURE_OR_NOT = frozenset({"answer", "clarify", "handed_on"})
COPIL = "C'est quoi le COPIL ?"
COLUMN = "Le comité de pilotage du quartier a encore changé de date. "


@dataclass(frozen=True)
class Message:
    """One message: the same `id` is the same message, brought again; `minutes_ago` it was written."""

    text: str
    id: str = "1"
    minutes_ago: int = 0


@dataclass(frozen=True)
class Case:
    """What one person sends, in the order that it arrives; each message, once known, gets one reply of these names.

    `refused_by`: where the door itself may say what is wrong, in words, instead of keeping it. `unknown_to`: where it
    is no message at all, so that there is nothing to keep.
    """

    name: str
    messages: tuple[Message, ...]
    replies: frozenset[str]
    refused_by: frozenset[str] = frozenset()
    unknown_to: frozenset[str] = frozenset()

    @property
    def distinct(self) -> dict[str, Message]:
        return {message.id: message for message in self.messages}


def one(name: str, text: str, replies: frozenset[str], *refused_by: str) -> Case:
    return Case(name, (Message(text),), replies, frozenset(refused_by))


CASES = (
    one("plain question", COPIL, ANSWER),
    Case("nothing", (Message(""),), WORDLESS, frozenset({"web"}), frozenset({"telegram"})),
    one("spaces and line ends", " \n\t\r\n ", WORDLESS, "web"),
    one("one megabyte", (COLUMN * 18_000)[:1_000_000], SURE_OR_NOT, "web"),
    one("NUL bytes", "C'est quoi\0 le COPIL ?\0\0", ANSWER),
    one("emoji alone", "🏘️🤔", WORDLESS),
    one("emoji of many parts", "👩🏾‍🤝‍👨🏻🏴󠁧󠁢󠁥󠁮󠁧󠁿🇫🇷", WORDLESS),
    one("a thumb", "👍🏿", frozenset({"thanks", "unreadable"})),
    one("digits alone", "42", WORDLESS),
    one("punctuation alone", "?!…", WORDLESS),
    one("one letter", "a", PERSON),
    one("Arabic", "متى يجتمع المجلس القادم وهل يمكنني الحضور مع جارتي؟", frozenset({"language_ar", "handed_on"})),
    one("Hebrew", "מתי הישיבה הבאה ומי יכול לבוא?", PERSON),
    one("turned around", "\u202eC'est quoi le COPIL ?\u202c\u200f", SURE_OR_NOT),
    one("very long word", "anticonstitutionnellement" * 160, PERSON),
    one("control characters", "C'est quoi\a le\x7f COPIL\x1b[31m\b ?\v\f", SURE_OR_NOT),
    one("lone surrogates", "\udc00C'est quoi le COPIL ?\ud83d", ANSWER),
    one("unassigned and private signs", "C'est quoi le COPIL ? \ue000\uffff\U0010ffff", ANSWER),
    one("a letter under a hundred accents", "C'est quoi le COPI" + "L" + "\u0301\u0327" * 50 + " ?", SURE_OR_NOT),
    one("wide letters", "Ｃ'ｅｓｔ ｑｕｏｉ ｌｅ ＣＯＰＩＬ ？", SURE_OR_NOT),
    one("HTML", "<script>alert(1)</script><b>Qui a volé le vélo de Malik ?</b>", PERSON),
    one("a template", "$answer ${number} {{ 7*7 }} {% raw %} %s %(x)s {0} Qui a volé le vélo de Malik ?", PERSON),
    one("SQL", "Robert'); DROP TABLE inbox; -- qui a volé le vélo de Malik ?", PERSON),
    one("a header slipped in", "Malik\r\nBcc: tous@exemple.org\r\n\r\nQui a volé mon vélo mardi ?", PERSON),
    one("five hundred lines", "Qui a volé le vélo de Malik ?\n" * 160, PERSON),
    Case("brought three times", (Message(COPIL),) * 3, ANSWER),
    Case("two out of order", (Message(COPIL, "2"), Message("C'est quoi un QPV ?", "1", 30)), ANSWER),
    Case(
        "again after another", (Message(COPIL, "1"), Message("C'est quoi un QPV ?", "2"), Message(COPIL, "1")), ANSWER
    ),
)
