"""`hotline simulate`: a season played ahead on a copy, shown day by day, person by person; nothing is sent."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from bot import simulation
from bot.app import House
from bot.commands import err, house, out, stop
from bot.desk.letters import channel_name
from bot.simulation import Day, Sent
from escalation.tickets import fold

MOST_NAMES = 8  # people who are named one by one under the same message, where a day is long
LONG_DAY = 12  # messages of a day that still are told person by person


def simulate(
    days: Annotated[int, typer.Option("--days", min=1, max=400, help="Combien de jours.")] = 90,
    person: Annotated[
        str, typer.Option("--person", help="Seulement ce que recevrait cette personne, en entier.", metavar="NOM")
    ] = "",
    details: Annotated[bool, typer.Option("--details", help="Chaque personne, avec le texte entier.")] = False,
) -> None:
    """Jouer les prochains jours sur une copie : ce qui partirait, à qui et quand. Rien n'est envoyé."""
    found = house()
    played = _played(found, days)
    if person:
        played = _of(played, person)
        if not any(each.sent or each.to_call for each in played):
            stop(f"« {person} » ne recevrait rien en {days} jours. Vérifiez le nom : hotline members list")
    if not played:
        out.print(f"Rien ne partirait dans les {days} prochains jours.")
        return
    for each in played:
        for line in shown(found, each, whole=details or bool(person)):
            out.print(line, soft_wrap=True)
    out.print(summary(played, days), soft_wrap=True)


def _played(found: House, days: int) -> list[Day]:
    now = found.now()
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("jour {task.completed} sur {task.total}"))
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task("Je copie la base…", total=days + 1)
        with simulation.copied(found.db, found.spool.folder, now) as copy:
            bar.update(task, description="Les jours passent…")
            return simulation.play(copy, found.office, now, days, lambda _day: bar.advance(task))


def _of(played: Sequence[Day], person: str) -> list[Day]:
    wanted = fold(person)
    days = [
        Day(
            each.at,
            tuple(sent for sent in each.sent if wanted in fold(sent.to)),
            tuple(name for name in each.to_call if wanted in fold(name)),
        )
        for each in played
    ]
    return [each for each in days if each.sent or each.to_call]


def shown(found: House, day: Day, *, whole: bool) -> Iterator[Text]:
    """One day: its head, then what each person gets; a long day by message, unless all is wanted."""
    yield Text(f"\n{found.office.day(day.at)[:1].upper()}{found.office.day(day.at)[1:]}", style="bold")
    if not whole and len(day.sent) > LONG_DAY:
        yield from _by_message(day.sent)
    else:
        yield from _by_person(found, day.sent, whole=whole)
    for name in day.to_call:
        yield Text(f"  {name} : à appeler, rien ne peut lui être écrit", style="yellow")


def _by_person(found: House, sent: Iterable[Sent], *, whole: bool) -> Iterator[Text]:
    people: dict[str, list[Sent]] = {}
    for each in sent:
        people.setdefault(each.to, []).append(each)
    for to, theirs in people.items():
        for each in theirs:
            yield Text(f"  {to}, par {channel_name(each.channel)} : {_about(each)}")
            if whole:
                yield Text("\n".join(f"    │ {line}".rstrip() for line in each.text.splitlines()), style="dim")


def _by_message(sent: Iterable[Sent]) -> Iterator[Text]:
    """« 12 × rappel, avec le dossier · COPIL de Bellevue : Awa Diallo, Paul Martin et 10 autres (8 SMS, 4 e-mail) »"""
    alike: dict[str, list[Sent]] = {}
    for each in sent:
        alike.setdefault(_about(each), []).append(each)
    for about, theirs in alike.items():
        names = [each.to.partition(" (")[0] for each in theirs]
        more = f" et {len(names) - MOST_NAMES} autres" if len(names) > MOST_NAMES else ""
        ways = Counter(channel_name(each.channel) for each in theirs)
        by = ", ".join(f"{count} {name}" for name, count in sorted(ways.items()))
        yield Text(f"  {len(theirs)} × {about} ({by})")
        yield Text(f"      {', '.join(names[:MOST_NAMES])}{more}", style="dim")


def _about(each: Sent) -> str:
    return each.what + (f" · {each.title}" if each.title else "")


def summary(played: Sequence[Day], days: int) -> Text:
    """How many messages, to how many people, by which channel; and that nothing has left."""
    sent = [message for each in played for message in each.sent]
    ways = Counter(channel_name(each.channel) for each in sent)
    by = ", ".join(f"{count} par {name}" for name, count in ways.most_common())
    people = len({each.to for each in sent})
    calls = sum(len(each.to_call) for each in played)
    parts = [f"En {days} jours : {len(sent)} message(s){f' ({by})' if by else ''}, à {people} personne(s)."]
    parts += [f"{calls} appel(s) à passer."] if calls else []
    return Text("\n" + " ".join([*parts, "Tout s'est joué sur une copie : rien n'est parti."]))
