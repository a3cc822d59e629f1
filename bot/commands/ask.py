"""`hotline ask`: what would be decided about a question, without keeping anything."""

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Annotated, Any

import typer
from rich.progress import Progress
from sqlmodel import Session

from bot import library, router, say
from bot.app import House
from bot.commands import err, house, out, stop
from bot.desk import replies
from bot.desk.handing_on import DISTRESS_NUMBERS
from bot.desk.replies import Titled
from channels.contract import Address
from channels.sms import gsm
from knowledge import entries, indexer, matching, seed
from knowledge.entries import Content, Published
from knowledge.matching import Index

DECISIONS = {router.Answer: "answer", router.Clarify: "clarify", router.Command: "command", router.SmallTalk: "command"}


@dataclass(frozen=True)
class Shelf:
    """The index and the entries that it speaks of."""

    index: Index
    entries: dict[str, Published]
    house: House


def shelf(found: House) -> Shelf:
    """The base as it stands, with its index: the stored one, or one made now and kept for the next time."""
    name, arrays, published = found.db.look(_stored, found)
    if not published:  # nothing was loaded yet: the files that came with the program speak for themselves
        published = [Published(0, 0, 1, each) for each in knowledge_files()]
        fingerprint = entries.fingerprint_of((each.content for each in published), found.today())
        name = library.named(fingerprint, found.encoder is not None)
    arrays = arrays or library.shipped(name)
    if arrays is None:
        cached = found.data / f"index-{name}.npz"
        if cached.is_file():
            arrays = cached.read_bytes()
        else:
            with err.status("Je prépare l'index des questions (une seule fois, une minute au plus)…"):
                arrays = asyncio.run(_made(found, [indexer.material(each.content) for each in published]))
            for old in found.data.glob("index-*.npz"):
                old.unlink(missing_ok=True)
            temporary = cached.with_suffix(".partial")
            temporary.write_bytes(arrays)
            temporary.rename(cached)
    return Shelf(library.opened(arrays), {each.content.slug: each for each in published}, found)


async def _made(found: House, materials: list[matching.Material]) -> bytes:
    """A new index; with meanings, the vectors of the one kept before serve again."""
    before = next(iter(found.data.glob("index-*.npz")), None) if found.encoder is not None else None
    old = before.read_bytes() if before is not None else None
    return await library.build(materials, meanings=found.encoder is not None, old=old)


def knowledge_files() -> list[Content]:
    """The entries of content/; what cannot be read is not among them."""
    return [each.content for each in seed.read_folder(seed.CONTENT, gsm.length) if each.content]


def _stored(session: Session, found: House) -> tuple[str, bytes | None, list[Published]]:
    name = library.wanted(session, found.today(), found.encoder is not None)
    return name, entries.index_named(session, name), entries.published(session, found.today())


def decide(on: Shelf, question: str, channel: str) -> dict[str, Any]:
    """What would be decided and said, as one JSON object."""
    text = question[: library.MOST_MATCHED]
    match = matching.match(on.index, text, channel=channel, encode=on.house.encoder)
    decision = router.decide(router.Facts(text=question, match=match))
    to = Address(channel, "")
    given: tuple[str, ...] = ()
    match decision:
        case router.Answer(slugs, _):
            given = tuple(slug for slug in slugs if slug in on.entries)
            text = replies.answer([on.entries[slug].content for slug in given], to, on.house.office).text
        case router.Clarify(slugs):
            given = tuple(slug for slug in slugs if slug in on.entries)
            text = replies.clarify([Titled(slug, on.entries[slug].content.title) for slug in given], to).text
        case router.SmallTalk(kind):
            text = say.say(kind, to, organisation=on.house.office.organisation).text
        case router.Escalate(_, distress) if distress:
            text = "\n".join(DISTRESS_NUMBERS[n] for n in distress if n in DISTRESS_NUMBERS)
        case _:
            text = ""
    name = DECISIONS.get(type(decision), "escalate")
    return {
        "decision": name,
        "entry": given[0] if name == "answer" and given else None,
        "entries": list(given),
        "confidence": round(float(match.confidence), 4),
        "candidates": [{"entry": c.slug, "confidence": round(float(c.confidence), 4)} for c in match.candidates],
        "text": text,
    }


def ask(
    question: Annotated[str, typer.Argument(help="La question, entre guillemets.", metavar="QUESTION")] = "",
    channel: Annotated[str, typer.Option("--channel", help="web, email, telegram ou sms.")] = "web",
    as_json: Annotated[bool, typer.Option("--json", help="Répondre en JSON.")] = False,
    lines: Annotated[str, typer.Option("--jsonl", help="Un fichier de lignes {id, q, channel}, ou -.")] = "",
) -> None:
    """Dire ce qui serait répondu à une question, sans rien garder."""
    if not lines and not question.strip():
        stop('Écrivez une question : hotline ask "c\'est quoi le COPIL ?"')
    on = shelf(house())
    if lines:
        many(on, lines)
        return
    told = {"id": None, **decide(on, question, channel)}
    if as_json:
        print(json.dumps(told, ensure_ascii=False))
        return
    heads = {"answer": "Réponse", "clarify": "Choix proposés", "escalate": "À l'équipe", "command": "Réponse"}
    out.print(f"{heads[told['decision']]} ({round(100 * told['confidence'])} %)", style="bold")
    out.print(told["text"] or "Je transmets cette question à l'équipe.", markup=False)
    if told["decision"] == "escalate" and told["candidates"]:
        out.print("\nLe plus proche :", style="dim")
        for each in told["candidates"][:3]:
            out.print(f"  {each['entry']} ({round(100 * each['confidence'])} %)", style="dim")


def many(on: Shelf, name: str) -> None:
    """One JSON line out for each line in; status 1 at the end if one could not be read."""
    total = Path(name).read_bytes().count(b"\n") if name != "-" and Path(name).is_file() else None
    failed = 0
    with (
        nullcontext(sys.stdin.buffer) if name == "-" else _open(name) as source,
        Progress(console=err, disable=not err.is_terminal) as progress,
    ):
        task = progress.add_task("Questions", total=total)
        for line in _lines(source):
            told = _one(on, line)
            failed += "error" in told
            print(json.dumps(told, ensure_ascii=False), flush=True)
            progress.advance(task)
    if failed:
        stop(f"{failed} ligne(s) illisible(s).")


def _open(name: str) -> IO[bytes]:
    try:
        return Path(name).open("rb")
    except OSError as error:
        stop(f"Le fichier {name} ne s'ouvre pas : {error.strerror}")


def _lines(source: IO[bytes]) -> Iterator[bytes]:
    for line in source:
        if line.strip():
            yield line


def _one(on: Shelf, line: bytes) -> dict[str, Any]:
    identity = None
    try:
        read = json.loads(line)
        if not isinstance(read, dict):
            raise ValueError("la ligne n'est pas un objet JSON")
        identity = read.get("id")
        if not isinstance(read.get("q"), str):
            raise ValueError("« q » manque, ou n'est pas un texte")
        channel = read.get("channel") or "web"
        if not isinstance(channel, str) or not channel.isalpha():
            raise ValueError("« channel » n'est pas un nom de canal")
        return {"id": identity, **decide(on, read["q"], channel)}
    except (ValueError, UnicodeDecodeError) as error:
        return {"id": identity, "error": str(error)}
