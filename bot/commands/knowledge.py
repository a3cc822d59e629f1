"""`hotline knowledge`: check, load, preview and review the base."""

import asyncio
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.panel import Panel
from rich.progress import Progress
from rich.table import Table

from bot import library, sheets
from bot.commands import ask as ask_command
from bot.commands import err, house, installation, out, stop
from bot.desk import drafting, replies, sheaf
from bot.desk import entries as desk
from bot.office import in_full_iso
from channels.contract import Address
from channels.sms import gsm
from knowledge import entries, indexer, lint, matching, seed
from knowledge import measure as measuring

app = typer.Typer(help="La base de connaissances.", no_args_is_help=True)
Folder = Annotated[Path, typer.Argument(help="Le dossier des fiches.", exists=True, file_okay=False)]


@app.command()
def check(
    folder: Folder = seed.CONTENT,
    quick: Annotated[bool, typer.Option("--quick", help="Sans chercher les fiches qui se confondent.")] = False,
) -> None:
    """Vérifier chaque fiche ; dit le fichier, la ligne, et ce qu'il faut corriger."""
    found = seed.read_folder(folder, gsm.length)
    faults = [fault for each in found for fault in each.faults]
    faults += [fault for each in found if each.content for fault in lint.read(each.path, each.content)]
    for fault in faults:
        out.print(str(fault), markup=False, soft_wrap=True)
    if not faults and not quick:
        faults = _confused(found)
    if faults or not found:
        stop(f"{len(faults)} chose(s) à corriger dans {len(found)} fiche(s).")
    phrasings = sum(len(each.content.phrasings) for each in found if each.content)
    to_confirm = sum(each.content.status == entries.TO_CONFIRM for each in found if each.content)
    out.print(f"{len(found)} fiches, {phrasings} façons de demander, {to_confirm} à valider : rien à corriger.")


LEAST_FOUND = 0.4  # of an entry's own phrasings, held out, that must find it among the first three
LEAST_TRIED = 4
SHOWN = 20


def _confused(read: list[seed.Read]) -> list[seed.Fault]:
    """Entries that would steal each other's questions: what to look at is shown, what is too bad is a fault."""
    by_slug = {each.content.slug: each for each in read if each.content}
    with err.status("Je cherche les fiches qui se confondent (une minute ; --quick pour s'en passer)…"):
        told = asyncio.run(library.overlap([indexer.material(each.content) for each in read if each.content]))
    faults = []
    for slug, (good, tried) in told["found"].items():
        if tried >= LEAST_TRIED and good / tried < LEAST_FOUND:
            path = by_slug[slug].path
            faults.append(seed.Fault(path, 1, f"seules {good} de ses {tried} phrases la retrouvent : elle se confond"))
    for fault in faults:
        out.print(str(fault), markup=False, soft_wrap=True)
    if told["stolen"]:
        out.print(f"À relire : {len(told['stolen'])} phrase(s) qui mènent sûrement à une autre fiche.", style="yellow")
    for each in told["stolen"][:SHOWN]:
        entry = by_slug[each["slug"]]
        text = entry.path.read_text("utf-8").split("\n")
        quoted = seed.quoted(each["phrasing"])
        line = next((n for n, words in enumerate(text, 1) if quoted in words), 1)
        out.print(f"{entry.path}:{line} : « {each['phrasing']} » mène à {each['thief']}", markup=False, soft_wrap=True)
    return faults


@app.command()
def load(folder: Folder = seed.CONTENT) -> None:
    """Charger les fiches dans la base ; ce que la chargée de mission a changé est gardé."""
    installation = house()
    read = seed.read_folder(folder, gsm.length)
    faults = [fault for each in read for fault in each.faults]
    if faults:
        stop("Rien n'est chargé :\n" + "\n".join(map(str, faults[:20])))
    contents = [each.content for each in read if each.content]
    done = installation.db.transact(seed.load, contents, installation.now())
    out.print(f"{len(done.added)} ajoutée(s), {len(done.updated)} mise(s) à jour, {done.unchanged} inchangée(s).")
    if done.kept:
        out.print(f"Gardées telles que changées ici : {', '.join(done.kept)}")
    if done.gone:
        out.print(f"Plus dans les fichiers, gardées dans la base : {', '.join(done.gone)}")


@app.command()
def preview(slug: Annotated[str, typer.Argument(help="Le nom court de la fiche.")]) -> None:
    """Voir une réponse telle que chaque canal l'envoie."""
    installation = house()
    found = installation.db.look(entries.published, installation.today(), [slug])
    if not found:
        stop(f"Aucune fiche publiée ne s'appelle « {slug} ».")
    content = found[0].content
    for channel in ("web", "email", "telegram", "sms"):
        message = replies.answer([content], Address(channel, ""), installation.office)
        text, title = message.text, channel
        if channel == "sms":
            text = gsm.fold(text)
            title = f"sms : {gsm.septets(text)} caractères, {gsm.segments(text)} SMS"
        out.print(Panel(text, title=title), markup=False)


@app.command()
def review(
    days: Annotated[int, typer.Option("--days", help="Aussi ce qui est à relire dans tant de jours.")] = 0,
) -> None:
    """Les fiches à valider, et celles dont la date de relecture est passée."""
    installation = house()
    found = installation.db.look(entries.published, date.min)
    limit = date.fromordinal(installation.today().toordinal() + days).isoformat()
    table = Table("Fiche", "Titre", "À valider", "À relire avant", "Finit", box=None, pad_edge=False)
    count = 0
    for each in found:
        due = each.content.review_by <= limit or (each.content.expires and each.content.expires <= limit)
        if each.content.status == entries.TO_CONFIRM or due:
            count += 1
            unsure = "oui" if each.content.status == entries.TO_CONFIRM else ""
            table.add_row(each.content.slug, each.content.title, unsure, each.content.review_by, each.content.expires)
    out.print(table if count else "Rien à relire.")


Slug = Annotated[str, typer.Argument(help="Le nom court de la fiche.", metavar="FICHE")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Montrer ce qui changerait, sans rien écrire.")]
Reason = Annotated[str, typer.Option("--reason", help="Pourquoi ce changement ; gardé avec la version.")]
CHANGES = {"new": "nouvelle", "changed": "changée", "same": "inchangée"}


@app.command("import")
def bring(
    source: Annotated[Path, typer.Argument(help="Un dossier de fiches, ou un tableau CSV.", metavar="DOSSIER|CSV")],
    dry_run: DryRun = False,
    reason: Reason = "import",
) -> None:
    """Faire entrer des fiches ; tout ou rien, et ce qui est pareil ne bouge pas."""
    if not source.exists():
        stop(f"{source} n'existe pas.")
    installation = house()
    known = [each.content.slug for each in installation.db.look(entries.published, date.min)]
    read = seed.read_folder(source, gsm.length, known) if source.is_dir() else _from_sheet(source, known)
    faults = [str(fault) for each in read for fault in each.faults]
    if faults or not read:
        stop("Rien n'est importé :\n" + ("\n".join(faults[:30]) or "aucune fiche trouvée"))
    contents = [each.content for each in read if each.content]
    if dry_run:
        found = installation.db.look(desk.changes, contents)
    else:
        found = installation.db.transact(desk.bring_in, contents, "command", reason, installation.now())
    for change in found:
        if change.what != "same":
            out.print(f"{change.slug} : {CHANGES[change.what]} {', '.join(change.fields)}".rstrip(), markup=False)
    counts = {word: sum(change.what == what for change in found) for what, word in CHANGES.items()}
    said = ", ".join(f"{count} {word}(s)" for word, count in counts.items())
    out.print(f"{said}. {'Rien n’est écrit (--dry-run).' if dry_run else ''}".rstrip())


def _from_sheet(path: Path, known: list[str]) -> list[seed.Read]:
    try:
        return sheaf.from_sheet(path.read_bytes(), known)
    except (OSError, sheets.BadSheet) as error:
        stop(f"Rien n'est importé : {error}")


@app.command()
def export(folder: Annotated[Path, typer.Argument(help="Le dossier à remplir.", file_okay=False)]) -> None:
    """Écrire toute la base en fiches, les mêmes que celles qui entrent."""
    installation = house()
    if folder.exists() and any(folder.iterdir()):
        stop(f"{folder} n'est pas vide : choisissez un autre dossier.")
    found = installation.db.look(desk.files)
    for name, text in found.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    out.print(f"{len(found)} fiches écrites dans {folder}.")


@app.command()
def news(
    title: Annotated[str, typer.Option("--title", prompt="Titre", help="Le titre.")],
    text: Annotated[str, typer.Option("--text", prompt="La nouvelle, en phrases courtes", help="Le texte.")],
    expires: Annotated[str, typer.Option("--expires", prompt="Jusqu'à quel jour (2027-03-31)", help="Dernier jour.")],
    source: Annotated[str, typer.Option("--source", prompt="Source (titre)", help="D'où elle vient.")],
    source_date: Annotated[str, typer.Option("--date", prompt="Date de la source (2026-11-24)", help="Sa date.")],
    url: Annotated[str, typer.Option("--url", help="L'adresse de la source.")] = "",
    sms: Annotated[str, typer.Option("--sms", help="Le texte SMS ; sinon le texte, s'il tient.")] = "",
    ask: Annotated[list[str] | None, typer.Option("--ask", help="Une façon de le demander ; à répéter.")] = None,
) -> None:
    """Publier une actualité, en une minute ; elle n'est plus répondue après son dernier jour."""
    installation = house()
    slug = "-".join(["actu", installation.today().isoformat(), *sheets.fold(title).split()[:5]])
    content = drafting.news(
        installation.office, title, text, sms or text, ask or (), (source, url, source_date), expires,
        installation.today(), slug,
    )  # fmt: skip
    checked = seed.read_text(Path("news") / f"{slug}.md", seed.render(content), gsm.length)
    if checked.faults:
        stop("Rien n'est publié :\n" + "\n".join(f"- {fault.what}" for fault in checked.faults))
    installation.db.transact(desk.publish, content, "command", "actualité", installation.now())
    out.print(f"Publié sous « {slug} », jusqu'au {in_full_iso(expires)}.")


@app.command()
def retire(slug: Slug) -> None:
    """Retirer une fiche des réponses ; ses versions restent."""
    installation = house()
    if not installation.db.transact(desk.retire, slug, "command", installation.now()):
        stop(f"Aucune fiche publiée ne s'appelle « {slug} ».")
    out.print(f"« {slug} » n'est plus répondue.")


@app.command()
def versions(slug: Slug) -> None:
    """Les versions d'une fiche : quand, par qui, pourquoi."""
    installation = house()
    found = installation.db.look(entries.versions, slug)
    if not found:
        stop(f"Aucune fiche ne s'appelle « {slug} ».")
    table = Table("Version", "Le", "Par", "Pourquoi", box=None, pad_edge=False)
    for each in found:
        table.add_row(str(each.number), installation.office.when(each.created_at), each.author, each.reason)
    out.print(table)


@app.command()
def index() -> None:
    """Refaire l'index livré avec le programme (pour qui change les fiches de content/)."""
    contents = ask_command.knowledge_files()
    today = installation().today()
    name = library.named(entries.fingerprint_of(contents, today))
    path = library.SHIPPED / f"{name}.npz"
    if path.is_file():
        out.print("L'index livré est à jour.")
        return
    with err.status("Je prépare l'index (une minute au plus)…"):
        arrays = asyncio.run(library.build([indexer.material(each) for each in contents]))
    path.parent.mkdir(exist_ok=True)
    for old in path.parent.glob("*.npz"):
        old.unlink()
    path.write_bytes(arrays)
    out.print(f"{path.name} : {len(arrays) / 1e6:.1f} Mo.")


@app.command()
def measure(
    file: Annotated[Path, typer.Argument(help="Des questions avec leur réponse attendue (JSONL).", dir_okay=False)],
    plot: Annotated[Path | None, typer.Option("--plot", help="Où dessiner la courbe (SVG).")] = None,
) -> None:
    """Mesurer les réponses sur des questions dont on connaît la bonne fiche."""
    if not file.is_file():
        stop(f"{file} n'existe pas.")
    on = ask_command.shelf(house())
    lines = file.read_text("utf-8").splitlines()
    contents = [each.content for each in on.entries.values()]
    kinds = {content.slug: content.kind for content in contents}
    aliases = {alias: content.slug for content in contents for alias in content.aliases}

    def ask(text: str, channel: str) -> matching.Match:
        return matching.match(on.index, text, channel=channel, encode=on.house.encoder)

    with Progress(console=err, disable=not err.is_terminal) as progress:
        try:
            report = measuring.measure(progress.track(lines, description="Questions"), ask, kinds, aliases)
        except (ValueError, KeyError) as error:
            stop(f"{file} : ligne illisible ({error})")
    print(report.text())
    if plot:
        plot.write_text(report.svg(), "utf-8")
        out.print(f"Courbe : {plot}")
