"""What the base answers: entries given with their source, choices offered, and whether it helped."""

from collections.abc import Collection
from functools import partial

from bot import conversations, router
from bot.conversations import Given, Question
from bot.desk import handing_on, replies
from bot.desk.replies import Titled
from bot.desk.turns import CHOOSE_FOR, FOLLOW_UP, Desk, recorded
from bot.say import say
from channels import manners
from knowledge import entries
from knowledge.entries import Published


def notice(desk: Desk) -> None:
    """At the first contact: who we are, that it is automatic, how to reach a person, where the privacy notice is."""
    if desk.asker.noticed_at is not None or manners(desk.to.channel).session:
        return
    desk.post(desk.threaded(replies.notice(desk.to, desk.office, thread=desk.turn.last.thread)))
    desk.asker.noticed_at = desk.now
    desk.session.add(desk.asker)


def answer(desk: Desk, slugs: tuple[str, ...], facts: router.Facts) -> None:
    found = _published(desk, slugs)
    given = [found[slug] for slug in slugs if slug in found]
    notice(desk)
    if not given:  # retired or expired since the index was made
        handing_on.escalate(desk, facts, "la fiche trouvée n'est plus publiée")
        return
    question = recorded(desk, facts, "answer")
    _give(desk, given, question)


def answer_in(desk: Desk, slug: str, language: str, facts: router.Facts) -> None:
    """The entry's own translation, framed in its language; the officer can see what was asked and said."""
    found = _published(desk, [slug]).get(slug)
    words = found.content.translated(language) if found else None
    notice(desk)
    if found is None or words is None:
        handing_on.escalate(desk, facts, router.why(facts.match) if facts.match else "")
        return
    question = recorded(desk, facts, "answer")
    short = manners(desk.to.channel).short
    text = words.sms if short else words.answer
    message = say(
        f"translated_{language}",
        desk.to,
        thread=desk.turn.last.thread,
        title=words.title,
        answer=text,
        source="" if short else replies.source_line(found.content, desk.to.channel),
    )
    assert question.id is not None
    key = desk.post(desk.threaded(message))
    desk.session.add(
        Given(
            question_id=question.id,
            entry_id=found.entry_id,
            version_id=found.version_id,
            address_id=desk.turn.address_id,
            outbox_key=key,
            given_at=desk.now,
        )
    )
    _prompt(desk, "useful", question, [])


def _give(desk: Desk, given: list[Published], question: Question, noted_: str = "") -> None:
    shown = len(given) == 1 and not manners(desk.to.channel).short
    further = next((slug for each in given for slug in each.content.related), "") if shown else ""
    titled = [Titled(slug, each.content.title) for slug, each in _published(desk, [further]).items()] if further else []
    said = partial(
        replies.answer,
        [each.content for each in given],
        desk.to,
        desk.office,
        see_also=titled[0] if titled and len(given) == 1 else None,
        thread=desk.turn.last.thread,
        noted=noted_,
    )
    message = said()
    shorten = desk.office.shorten.get(desk.to.channel)
    later = shorten is not None and bool(shorten(message.text)[1])
    if later:  # no room for the question whether it helped: it comes once the answer has arrived
        message = said(automatic=False)
    assert question.id is not None
    key = desk.post(desk.threaded(message), followed_by=f"ask_useful:{question.id}" if later else "")
    for each in given:
        desk.session.add(
            Given(
                question_id=question.id,
                entry_id=each.entry_id,
                version_id=each.version_id,
                address_id=desk.turn.address_id,
                outbox_key=key,
                given_at=desk.now,
            )
        )
    _prompt(desk, "useful", question, [])


def _prompt(desk: Desk, kind: str, question: Question, offered: list[str]) -> None:
    desk.ask(kind, offered, question.id, CHOOSE_FOR if manners(desk.turn.channel).chatting else FOLLOW_UP)


def clarify(desk: Desk, slugs: tuple[str, ...], facts: router.Facts) -> None:
    found = _published(desk, slugs)
    titles = [Titled(slug, found[slug].content.title) for slug in slugs if slug in found]
    if len(titles) < 2:
        notice(desk)
        handing_on.escalate(desk, facts, "une fiche proposée n'est plus publiée")
        return
    notice(desk)
    question = recorded(desk, facts, "clarify")
    desk.post(desk.threaded(replies.clarify(titles, desk.to, thread=desk.turn.last.thread)))
    _prompt(desk, "choose", question, [each.slug for each in titles])


def chosen(desk: Desk, slug: str, question_id: int | None) -> None:
    question = desk.session.get(Question, question_id) if question_id else None
    found = _published(desk, [slug])
    asked = conversations.newest(desk.session, desk.together, "choose", question_id)
    desk.close_prompts()
    if question is None or slug not in found:
        desk.say("lapsed")
        return
    desk.note("choose", prompt=asked.id if asked else None, question=question.id, decision=question.decision)
    question.decision = "chosen"
    desk.session.add(question)
    number = asked.offered.index(slug) + 1 if asked and slug in asked.offered else 1
    _give(desk, [found[slug]], question, f"Noté : la réponse {number}. ANNULER si non.")


def useful(desk: Desk, yes: bool, question_id: int | None, said: str) -> None:
    question = desk.session.get(Question, question_id) if question_id else None
    if question is None:
        desk.say("lapsed")
        return
    asked = conversations.newest(desk.session, desk.together, "useful", question_id)
    question.useful = yes
    desk.session.add(question)
    before = {"question": question.id, "prompt": asked.id if asked else None}
    if yes:
        desk.close_prompts()
        desk.note("useful", **before)
        desk.say("useful")
    else:
        why = "la réponse automatique n'a pas répondu à la question"
        ticket = handing_on.ask_a_person(
            desk, question_id, why, said, "Noté : la réponse ne convient pas. ANNULER si non."
        )
        desk.note("useful", **before, ticket=ticket.id if ticket else None)


def none_of_these(desk: Desk, question_id: int | None) -> None:
    asked = conversations.newest(desk.session, desk.together, "choose", question_id)
    why = "aucune des réponses proposées ne convient"
    ticket = handing_on.ask_a_person(desk, question_id, why, "", "Noté : aucune de ces réponses. ANNULER si non.")
    if ticket is not None:
        desk.note("none", question=question_id, prompt=asked.id if asked else None, ticket=ticket.id)


def _published(desk: Desk, slugs: Collection[str]) -> dict[str, Published]:
    today = desk.now.astimezone(desk.office.zone).date()
    return {each.content.slug: each for each in entries.published(desk.session, today, list(slugs))}
