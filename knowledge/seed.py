"""From content/ to the table of entries: reads each file, checks it with file and line, loads what changed."""

import json
import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlmodel import Session

from knowledge import entries
from knowledge.entries import KINDS, TO_CONFIRM, VALID, Content, Source, Translation
from knowledge.translations import LANGUAGES

CONTENT = Path(__file__).parent / "content"
NONE = Path(__file__).parent / "none"
ANSWERS = (
    "definition", "role", "how", "rule", "who", "contact", "when", "how_much", "list", "where", "example", "why",
    "change",
)  # fmt: skip
SMS_MOST = 306  # two segments; frame and source may take a third
SMS_MOST_ELSEWHERE = 134  # characters that GSM-7 has not (Arabic, Cyrillic): two segments
REF_MOST = 60
FIELDS = {
    "slug", "kind", "title", "aliases", "status", "answers", "effective_from", "review_by", "expires", "related",
    "phrasings", "sources", "translations",
}  # fmt: skip
SMS_LINE = "--- sms ---"


@dataclass(frozen=True)
class Fault:
    """What is wrong with a file of content/, where, in French."""

    path: Path
    line: int
    what: str
    field: str = ""  # of Content, where it is about one

    def __str__(self) -> str:
        return f"{self.path}:{self.line} : {self.what}"


@dataclass(frozen=True)
class Read:
    """A file of content/: what it says, if it can be read, and what is wrong with it."""

    path: Path
    content: Content | None
    faults: tuple[Fault, ...]


@dataclass(frozen=True)
class Loaded:
    """What a load did, by slug."""

    added: tuple[str, ...]
    updated: tuple[str, ...]
    unchanged: int
    kept: tuple[str, ...]  # changed by an officer since: left as they are
    gone: tuple[str, ...]  # no longer among the files: left as they are


def none_messages(folder: Path = NONE) -> dict[str, list[str]]:
    """The « none of these » messages by kind: what people write that no entry answers."""
    return {path.stem: path.read_text("utf-8").split("\n")[:-1] for path in sorted(folder.glob("*.txt"))}


def read_folder(folder: Path, septets: Callable[[str], int | None], elsewhere: Collection[str] = ()) -> list[Read]:
    """Every entry file under a folder, checked alone and together.

    `septets` says how long a text is as an SMS, or None when it cannot be one; `elsewhere` are entries that those of
    the folder may refer to.
    """
    found = [read_file(path, septets) for path in sorted(folder.rglob("*.md"))]
    return [
        Read(each.path, each.content, each.faults + tuple(together))
        for each, together in zip(found, _together(found, elsewhere), strict=True)
    ]


def read_file(path: Path, septets: Callable[[str], int | None]) -> Read:
    """One entry file; the content is None when the file cannot be read at all."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return Read(path, None, (Fault(path, 1, f"fichier illisible ({error})"),))
    return read_text(path, text, septets)


def read_text(path: Path, text: str, septets: Callable[[str], int | None]) -> Read:
    lines = text.split("\n")
    ends = [n for n, line in enumerate(lines) if line.strip() == "+++"]
    if len(ends) < 2 or ends[0] != 0:
        return Read(path, None, (Fault(path, 1, "l'en-tête entre deux lignes « +++ » manque"),))
    head, body = "\n".join(lines[1 : ends[1]]), lines[ends[1] + 1 :]
    try:
        fields = tomllib.loads(head)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"line (\d+)", str(error))
        line = int(place[1]) + 1 if place else ends[1]
        return Read(path, None, (Fault(path, line, f"en-tête TOML incorrect ({error})"),))
    marks = [n for n, line in enumerate(body) if line.strip() == SMS_LINE]
    cut = marks[0] if marks else len(body)
    answer, sms = "\n".join(body[:cut]).strip(), "\n".join(body[cut + 1 :]).strip()
    body_line = ends[1] + 2
    check = _Check(path, lines, fields, [], septets)
    content = check.content(answer, sms)
    if not answer:
        check.fault("la réponse manque", "answer", body_line)
    if not marks or not sms:
        check.fault(f"la partie SMS manque (après une ligne « {SMS_LINE} »)", "sms", len(lines))
    else:
        length = septets(sms)
        line = body_line + cut + 1
        if length is None:
            check.fault("la partie SMS contient un caractère qu'un SMS ne sait pas écrire", "sms", line)
        elif length > SMS_MOST:
            check.fault(f"la partie SMS a {length} caractères, {SMS_MOST} au plus", "sms", line)
    return Read(path, content, tuple(check.faults))


@dataclass
class _Check:
    path: Path
    lines: Sequence[str]
    fields: dict[str, Any]
    faults: list[Fault]
    septets: Callable[[str], int | None] = len

    def fault(self, what: str, field: str = "", line: int = 0) -> None:
        self.faults.append(Fault(self.path, line or self.line_of(field), what, field))

    def line_of(self, field: str) -> int:
        pattern = re.compile(rf"^\s*(\[\[)?{re.escape(field)}\b")
        return next((n for n, line in enumerate(self.lines, 1) if field and pattern.match(line)), 1)

    def text(self, name: str, default: str = "") -> str:
        value = self.fields.get(name, default)
        if not isinstance(value, str):
            self.fault(f"« {name} » doit être un texte entre guillemets", name)
            return str(value)
        return value.strip()

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.fields.get(name, [])
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            self.fault(f"« {name} » doit être une liste de textes", name)
            return ()
        return tuple(each.strip() for each in value if each.strip())

    def day(self, name: str) -> str:
        value = self.text(name)
        if value and not _is_day(value):
            self.fault(f"« {name} » doit être une date comme 2026-11-30, pas « {value} »", name)
        return value

    def content(self, answer: str, sms: str) -> Content:
        for name in self.fields.keys() - FIELDS:
            self.fault(f"« {name} » n'est pas un champ connu", name)
        made = Content(
            slug=self.text("slug"),
            kind=self.text("kind"),
            title=self.text("title"),
            answer=answer,
            sms=sms,
            phrasings=self.texts("phrasings"),
            status=self.text("status"),
            aliases=self.texts("aliases"),
            answers=self.texts("answers"),
            sources=self.sources(),
            related=self.texts("related"),
            effective_from=self.day("effective_from"),
            review_by=self.day("review_by"),
            expires=self.day("expires"),
            translations=self.translations(),
        )
        self.rules(made)
        return made

    def sources(self) -> tuple[Source, ...]:
        found = self.fields.get("sources", [])
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            self.fault("« sources » s'écrit en blocs [[sources]]", "sources")
            return ()
        made = []
        for each in found:
            source = Source(*(str(each.get(name, "")).strip() for name in ("title", "url", "ref", "date")))
            where = self.line_of_source(source.title)
            if not source.title:
                self.fault("une source n'a pas de titre", "sources", where)
            if not source.ref or len(source.ref) > REF_MOST:
                self.fault(f"« ref » d'une source : de 1 à {REF_MOST} caractères", "sources", where)
            if not _is_source_date(source.date):
                self.fault(f"date de source « {source.date} » : une date ISO, ou « s. d. »", "sources", where)
            if source.url and not re.fullmatch(r"https?://\S+", source.url):
                self.fault(f"adresse de source incorrecte : {source.url}", "sources", where)
            made.append(source)
        return tuple(made)

    def translations(self) -> tuple[Translation, ...]:
        found = self.fields.get("translations", {})
        if not isinstance(found, dict) or not all(isinstance(each, dict) for each in found.values()):
            self.fault("« translations » s'écrit en blocs [translations.en]", "translations")
            return ()
        made = []
        for language, each in found.items():
            where = next((n for n, line in enumerate(self.lines, 1) if f"[translations.{language}]" in line), 1)
            texts = {name: str(each.get(name, "")).strip() for name in ("title", "answer", "sms")}
            phrasings = tuple(str(text).strip() for text in each.get("phrasings", ()) if str(text).strip())
            if language not in LANGUAGES:
                self.fault(f"langue inconnue : {language} ; possibles : {', '.join(LANGUAGES)}", line=where)
            if missing := [name for name, text in texts.items() if not text]:
                self.fault(f"traduction {language} : il manque {', '.join(missing)}", line=where)
            if not phrasings:
                self.fault(f"traduction {language} : aucune façon de poser la question (« phrasings »)", line=where)
            if unknown := each.keys() - {"title", "answer", "sms", "phrasings"}:
                self.fault(f"traduction {language} : champ inconnu, {', '.join(sorted(unknown))}", line=where)
            length = self.septets(texts["sms"])
            most = SMS_MOST if length is not None else SMS_MOST_ELSEWHERE
            if (length if length is not None else len(texts["sms"])) > most:
                self.fault(f"traduction {language} : la partie SMS est trop longue ({most} au plus)", line=where)
            made.append(Translation(language, texts["title"], phrasings, texts["answer"], texts["sms"]))
        return tuple(sorted(made, key=lambda one: one.language))

    def line_of_source(self, title: str) -> int:
        return next((n for n, line in enumerate(self.lines, 1) if title and title in line), self.line_of("sources"))

    def rules(self, made: Content) -> None:
        if made.slug != self.path.stem:
            self.fault(f"« slug » doit être le nom du fichier, « {self.path.stem} »", "slug")
        if made.kind not in KINDS:
            self.fault(f"« kind » inconnu : {made.kind or '(vide)'} ; possibles : {', '.join(KINDS)}", "kind")
        elif made.kind != self.path.parent.name:
            self.fault(f"« kind » doit être le nom du dossier, « {self.path.parent.name} »", "kind")
        if not made.title:
            self.fault("le titre manque", "title")
        if made.status not in (VALID, TO_CONFIRM):
            self.fault(f"« status » : {VALID} ou {TO_CONFIRM}", "status")
        if not made.phrasings:
            self.fault("aucune façon de poser la question (« phrasings »)", "phrasings")
        if unknown := set(made.answers) - set(ANSWERS):
            self.fault(f"« answers » inconnu : {', '.join(sorted(unknown))}", "answers")
        if not made.sources and made.status == VALID:
            self.fault(f"sans source, « status » doit être {TO_CONFIRM}", "status")
        if made.kind == "legislation" and made.status == VALID and not made.effective_from:
            self.fault("une règle de droit validée dit depuis quand elle vaut (« effective_from »)", "effective_from")
        if not made.review_by:
            self.fault("la date de relecture manque (« review_by »)", "review_by")
        if made.kind in ("contact", "news") and not made.expires:
            self.fault("un contact ou une actualité a une date de fin (« expires »)", "expires")


def _is_day(value: str) -> bool:
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return len(value) == 10


def _is_source_date(value: str) -> bool:
    if value == "s. d.":
        return True
    parts = value.split("-")
    filled = "-".join([*parts, *["01"] * (3 - len(parts))])
    return bool(re.fullmatch(r"\d{4}(-\d\d){0,2}", value)) and _is_day(filled)


def _together(found: Sequence[Read], elsewhere: Collection[str]) -> Iterable[list[Fault]]:
    """What only shows between files: a name or a phrasing that stands twice, a reference that leads nowhere."""
    names: dict[str, Path] = {}
    phrased: dict[str, Path] = {}
    known = {each.content.slug for each in found if each.content} | set(elsewhere)
    for each in found:
        faults: list[Fault] = []
        if each.content:
            check = _Check(each.path, each.path.read_text("utf-8").split("\n"), {}, faults)
            for name in (each.content.slug, *each.content.aliases):
                if name in names:
                    check.fault(f"« {name} » désigne déjà {names[name].name}", "slug")
                names.setdefault(name, each.path)
            for text in each.content.phrasings:
                key = " ".join(re.findall(r"\w+", text.lower()))
                if key in phrased:
                    where = next((n for n, line in enumerate(check.lines, 1) if text in line), 1)
                    check.fault(f"« {text} » est déjà dans {phrased[key].name}", line=where)
                phrased.setdefault(key, each.path)
            for slug in each.content.related:
                if slug not in known:
                    check.fault(f"« related » : {slug} n'existe pas", "related")
        yield faults


def load(session: Session, contents: Iterable[Content], now: datetime) -> Loaded:
    """Bring the files into the table; what an officer changed since the last load is kept (three-way)."""
    added, updated, kept, unchanged, seen = [], [], [], 0, set()
    for content in contents:
        seen.add(content.slug)
        fingerprint = content.fingerprint()
        entry = entries.find(session, content.slug)
        if entry is None:
            entries.put(session, content, "content/", "première version", now, loaded=fingerprint)
            added.append(content.slug)
            continue
        standing = entries.current(session, entry)
        if entry.loaded == fingerprint or (standing and standing.fingerprint == fingerprint):
            unchanged += 1
        elif standing is None or standing.fingerprint == entry.loaded:
            entries.put(session, content, "content/", "nouvelle version des fichiers", now, loaded=fingerprint)
            updated.append(content.slug)
        else:
            kept.append(content.slug)
    gone = [slug for slug in entries.loaded_slugs(session) if slug not in seen]
    return Loaded(tuple(added), tuple(updated), unchanged, tuple(kept), tuple(gone))


ORDER = (
    "slug", "kind", "title", "aliases", "status", "answers", "effective_from", "review_by", "expires", "related",
    "phrasings",
)  # fmt: skip


def render(content: Content) -> str:
    """The file of an entry: what `read_text` reads back to the same content, byte for byte when written again."""
    lines = ["+++"]
    for name in ORDER:
        value = getattr(content, name)
        if not value:
            continue
        if name == "phrasings":
            lines += ["phrasings = [", *(f"  {quoted(text)}," for text in value), "]"]
        elif isinstance(value, tuple):
            lines.append(f"{name} = [{', '.join(map(quoted, value))}]")
        else:
            lines.append(f"{name} = {quoted(value)}")
    for source in content.sources:
        lines += ["", "[[sources]]"]
        lines += [f"{name} = {quoted(getattr(source, name))}" for name in ("title", "url", "ref", "date")]
    for each in content.translations:
        lines += ["", f"[translations.{each.language}]", f"title = {quoted(each.title)}", "phrasings = ["]
        lines += [*(f"  {quoted(text)}," for text in each.phrasings), "]"]
        lines += [f"answer = {quoted(each.answer)}", f"sms = {quoted(each.sms)}"]
    lines += ["+++", content.answer, "", SMS_LINE, content.sms, ""]
    return "\n".join(lines)


def quoted(text: str) -> str:
    """A TOML basic string: JSON's escapes are TOML's."""
    return json.dumps(text, ensure_ascii=False)
