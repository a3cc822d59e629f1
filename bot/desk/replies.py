"""How an entry is said: the answer for a channel, its source, what else to read, and that it is automatic."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.office import Office, in_full_iso
from bot.say import say
from channels import manners
from channels.contract import Address, Outbound
from knowledge.entries import TO_CONFIRM, Content

AUTOMATIC = (
    "Réponse automatique. Cela répond-il à votre question ? Écrivez OUI, ou NON pour qu'une personne vous réponde."
)
USEFUL = "Réponse automatique. Utile ? OUI, ou NON : une personne vous répond"
NEW_LINE = "\n"
TO_BE_CONFIRMED = "À confirmer par RésO Villes."


@dataclass(frozen=True)
class Titled:
    """An entry named in a choice or as further reading."""

    slug: str
    title: str


def source_line(content: Content, channel: str) -> str:
    """« Source : loi 2014-173, art. 7, 21 février 2014. », or that it is to be confirmed, or both."""
    if not content.sources:
        return TO_BE_CONFIRMED
    first = content.sources[0]
    date = "sans date" if first.date == "s. d." else in_full_iso(first.date)
    short = manners(channel).short
    if short:
        line = f"Source : {first.ref or first.title}{_unless_said(date, first.ref)}."
    else:
        line = f"Source : {first.title}{_unless_said(first.ref, first.title)}"
        line = f"{line}{_unless_said(date, line)}."
        if first.url:
            line = f"{line} {first.url}"
    return f"{TO_BE_CONFIRMED}{' ' if short else NEW_LINE}{line}" if content.status == TO_CONFIRM else line


def _unless_said(words: str, already: str) -> str:
    return "" if not words or words.lower() in already.lower() else f", {words}"


def answer(
    contents: Sequence[Content],
    to: Address,
    office: Office,
    *,
    see_also: Titled | None = None,
    thread: str = "",
    token: str = "",
    noted: str = "",
    automatic: bool = True,
) -> Outbound:
    """The automatic answer made of one entry, or of up to three when several questions were asked at once."""
    short = manners(to.channel).short
    parts = []
    for content in contents:
        body = content.sms if short else content.answer
        parts.append(body if len(contents) == 1 else f"{body}\n{source_line(content, to.channel)}")
    return say(
        "answer",
        to,
        token=token,
        thread=thread,
        title=contents[0].title,
        answer="\n\n".join(parts),
        source=source_line(contents[0], to.channel) if len(contents) == 1 else "",
        see_also=f"Voir aussi, si vous me le demandez : « {see_also.title} »." if see_also and not short else "",
        automatic=(USEFUL if short else AUTOMATIC) if automatic else "Réponse automatique.",
        noted=noted,
    )


def notice(to: Address, office: Office, *, thread: str = "") -> Outbound:
    """Who we are, that it is automatic, how to reach a person, where the privacy notice is; one SMS where each costs.

    What does not fit in one leaves out our name first (the sender knows whom they wrote to), then « https:// ».
    """
    page = f"{office.public_url}/confidentialite" if office.public_url else ""
    name, meter = office.organisation, office.meters.get(to.channel)
    bare = page.partition("://")[2]
    for by, link in ((f" ({name})", page), ("", page), ("", bare), ("", "")):
        privacy = f"Vos données : {link}" if link else ""
        said = say("notice", to, thread=thread, organisation=name, by=by, privacy=privacy)
        if meter is None or meter.pieces(said.text) <= 1:
            break
    return said


def clarify(titles: Sequence[Titled], to: Address, *, thread: str = "", token: str = "") -> Outbound:
    """Two or three numbered choices, and a last number for « none of these »."""
    numbered = [f"{n}. {each.title}" for n, each in enumerate(titles, 1)]
    none = len(titles) + 1
    numbered.append(f"{none}. Autre chose : parler à l'équipe")
    wanted = ", ".join(str(n) for n in range(1, none)) + f" ou {none}"
    return say(
        "clarify",
        to,
        token=token,
        thread=thread,
        choices=(*(each.title for each in titles), "Autre chose : parler à l'équipe"),
        numbered="\n".join(numbered),
        how=f"Répondez {wanted}.",
    )
