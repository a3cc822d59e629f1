"""The laws of the house, kept with the standard library's ast; each is first shown to be able to fail."""

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from string import Template

import pytest

import channels
from bot.say import say
from channels.contract import Address

ROOT = Path(__file__).parents[1]
ROOMS = ("bot", "channels", "knowledge", "escalation", "scheduler")
EDGES = (
    "bot/__main__.py", "bot/app.py", "bot/db.py", "bot/doors/*", "bot/gate.py", "bot/library.py", "bot/web.py",
    "bot/workers.py", "bot/commands/*", "channels/*", "escalation/console/*", "*/pages/*", "scheduler/clock.py",
)  # fmt: skip
NO_EDGES = (  # pure code and stores, although they stand in a room of edges
    "channels/__init__.py", "channels/admission.py", "channels/attachments.py", "channels/contract.py",
    "channels/directory.py", "channels/drawers.py",
    "channels/mailbox.py", "channels/recordings.py", "channels/spool.py", "channels/vault.py",
    "channels/email/letter.py", "channels/email/machines.py", "channels/email/mime.py", "channels/email/parts.py",
    "channels/email/patterns.py", "channels/email/render.py", "channels/email/reply.py",
    "channels/sms/budget.py", "channels/sms/cost.py", "channels/sms/gsm.py", "channels/sms/numbers.py",
    "channels/sms/pieces.py",
)  # fmt: skip
NETWORK = {
    "aiohttp", "aioimaplib", "aiosmtplib", "apscheduler", "asyncio", "fastapi", "ftplib", "http", "httpx", "imaplib",
    "poplib", "requests", "select", "selectors", "smtplib", "socket", "socketserver", "ssl", "starlette", "telegram",
    "urllib", "urllib3", "uvicorn", "webbrowser",
}  # fmt: skip
HARMLESS = {"http.HTTPStatus", "urllib.parse"}
TRANSACTIONS = {"begin", "begin_twophase", "commit", "rollback"}  # a savepoint (begin_nested) ends nobody else's work
CLOCKS = {"now", "today", "utcnow"}
OFFICIALESE = ("il convient de", "dans le cadre de", "afin de", "afin d'")
MIDDLE_DOTS = "·‧⋅・ꞏ"


# --- the checkers: a path and its source in, what breaks the law out --------------------------------------------------


def is_edge(path: str) -> bool:
    return any(fnmatch(path, edge) for edge in EDGES) and path not in NO_EDGES


def imported(tree: ast.AST) -> Iterator[str]:
    """Every module that a source imports, by statement or by name, as « a.b.c »."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and called(node) in ("import_module", "__import__") and node.args:
            first = node.args[0]
            if isinstance(first, ast.JoinedStr) and first.values:
                first = first.values[0]
            if isinstance(first, ast.Constant):
                yield str(first.value)


def called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def foreign_rooms(path: str, source: str) -> list[str]:
    """The rooms that a file imports without being the reception."""
    room = path.split("/")[0]
    names = {name.split(".")[0] for name in imported(ast.parse(source))}
    return [] if room == "bot" else sorted(names & set(ROOMS) - {room})


def transactions(path: str, source: str) -> list[str]:
    """Where a file begins or ends a transaction that is not its own to end."""
    if path == "bot/db.py" or path.startswith("bot/migrations/"):
        return []
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Attribute) and node.func.attr in TRANSACTIONS:
            found.append(f"{node.lineno}: {node.func.attr}()")
        if called(node) in ("text", "execute", "exec_driver_sql"):
            said = [str(each.value) for each in node.args if isinstance(each, ast.Constant)]
            found += [
                f"{node.lineno}: {s}" for s in said if re.match(r"\s*(BEGIN|COMMIT|ROLLBACK|SAVEPOINT)\b", s, re.I)
            ]
    return found


def waits(path: str, source: str) -> list[str]:
    """Where a file that is no edge touches the network or is asynchronous; a Protocol may declare what others do."""
    if is_edge(path):
        return []
    tree = ast.parse(source)
    declared = {
        id(method)
        for each in ast.walk(tree)
        if isinstance(each, ast.ClassDef) and any("Protocol" in ast.unparse(base) for base in each.bases)
        for method in each.body
    }
    found = [f"{n.lineno}: async def {n.name}" for n in ast.walk(tree)
             if isinstance(n, ast.AsyncFunctionDef) and id(n) not in declared]  # fmt: skip
    for name in sorted(set(imported(tree))):
        harmless = any(name == allowed or name.startswith(allowed + ".") for allowed in HARMLESS)
        if name.split(".")[0] in NETWORK and not harmless:
            found.append(f"import {name}")
    return found


def clocks(path: str, source: str) -> list[str]:
    """Where a file that is no edge reads the clock."""
    if is_edge(path):
        return []
    tree = ast.parse(source)
    bare = {name.split(".", 1)[1] for name in imported(tree) if name.startswith("time.")}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = ast.unparse(node.value)
            if node.attr in CLOCKS and owner.split(".")[-1] in ("datetime", "date", "func", "Timestamp"):
                found.append(f"{node.lineno}: {owner}.{node.attr}")
            if owner == "time" and node.attr in ("time", "time_ns", "localtime", "gmtime"):
                found.append(f"{node.lineno}: time.{node.attr}")
        if isinstance(node, ast.Call) and called(node) in CLOCKS:
            found.append(f"{node.lineno}: {called(node)}()")
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in bare & {"time", "time_ns"}
        ):
            found.append(f"{node.lineno}: {node.func.id}()")
    return sorted(set(found))


def undocumented(path: str, source: str) -> list[str]:
    """A module that does not open with a sentence; an empty __init__.py needs none."""
    if not source.strip():
        return []
    first = (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]
    sentence = (
        r"\w{3}.* \w+" if path.startswith("bot/migrations/versions/") else r"\w.*[.;:!?»]$"
    )  # Alembic titles them
    return [] if re.search(sentence, first) else [f"opens with {first!r}"]


def ill_spoken(text: str) -> list[str]:
    """What screen readers stumble over, and the words of an office."""
    said = text.lower().replace("’", "'")
    return [dot for dot in MIDDLE_DOTS if dot in text] + [each for each in OFFICIALESE if each in said]


def strangers(folders: Iterable[str], root: Path = ROOT) -> list[str]:
    """What is installed under the name of one of our rooms without being ours."""
    found = []
    for folder in map(Path, folders):
        if folder.resolve() == root.resolve():
            continue
        found += [str(p) for room in ROOMS for p in (folder / room, folder / f"{room}.py") if p.exists()]
    return found


def unnamed(text: str, names: Iterable[str]) -> list[str]:
    """The names that a map leaves out."""
    return [name for name in names if not re.search(rf"(?<![\w/]){re.escape(name)}(?!\w)", text)]


# --- the house as it stands -------------------------------------------------------------------------------------------


@cache
def sources(*folders: str) -> tuple[tuple[str, str], ...]:
    files = (file for folder in folders for file in sorted((ROOT / folder).rglob("*.py")))
    return tuple((file.relative_to(ROOT).as_posix(), file.read_text("utf-8")) for file in files)


def texts() -> list[Path]:
    return sorted([*(ROOT / "bot/texts").glob("*.txt"), *(ROOT / "channels").glob("*/texts/*.txt")])


LAWS = {
    "only the bot imports rooms": (
        foreign_rooms,
        ["import knowledge.entries", "from channels import contract", "import_module('bot.db')",
         "def f():\n    from scheduler.plan import due", "import_module(f'channels.{name}')"],
        ["import escalation.tickets", "import channelsx", "from knowledges import channels"],
    ),
    "the database alone begins and ends transactions": (
        transactions,
        ["session.commit()", "with session.begin():\n    pass", "session.rollback()",
         "session.execute(text('COMMIT'))"],
        ["session.execute(text('SELECT 1'))", "commit = 1", "session.flush()"],
    ),
    "only the edges wait on the world": (
        waits,
        ["async def f():\n    pass", "import asyncio", "from urllib.request import urlopen", "import httpx",
         "import http.client", "class A:\n    async def f(self): ...", "def f():\n    import socket"],
        ["from urllib.parse import quote", "import urllib.parse", "import email.message",
         "class A(Protocol):\n    async def f(self): ..."],
    ),
    "only the edges read the clock": (
        clocks,
        ["from datetime import datetime\ndatetime.now(UTC)", "date.today()", "import time\ntime.time()",
         "dt.datetime.utcnow()", "Field(default_factory=datetime.now)", "sa.func.now()",
         "from time import time\ntime()"],
        ["moment.time()", "now = facts.now", "time(9, 30)", "from datetime import time\ntime(9)", "deadline(now)"],
    ),
    "a module opens with a sentence": (
        undocumented,
        ["import os", '"""tbd"""', "# The store.\nimport os"],
        ["", '"""The store of questions."""', '"""What is due: pure.\n\nMore.\n"""'],
    ),
}  # fmt: skip


@pytest.mark.parametrize("law", LAWS)
def test_the_law_holds(law: str) -> None:
    check = LAWS[law][0]
    broken = [f"{path}: {fault}" for path, source in sources(*ROOMS) for fault in check(path, source)]
    assert not broken, "\n".join([law, *broken])


@pytest.mark.parametrize(("law", "source"), [(law, bad) for law in LAWS for bad in LAWS[law][1]])
def test_what_breaks_the_law_is_seen(law: str, source: str) -> None:
    assert LAWS[law][0]("escalation/tickets.py", source)


@pytest.mark.parametrize(("law", "source"), [(law, good) for law in LAWS for good in LAWS[law][2]])
def test_what_keeps_the_law_is_left_alone(law: str, source: str) -> None:
    assert not LAWS[law][0]("escalation/tickets.py", source)


def test_the_edges_and_the_database_have_leave() -> None:
    assert not waits("bot/workers.py", "import asyncio\nasync def f(): ...")
    assert waits("channels/mailbox.py", "import asyncio")
    assert not clocks("channels/email/channel.py", "datetime.now(UTC)")
    assert clocks("channels/email/reply.py", "datetime.now(UTC)")
    assert not transactions("bot/db.py", "session.commit()")
    assert transactions("bot/workers.py", "session.commit()")
    assert not foreign_rooms("bot/app.py", "import channels")


def test_every_exception_stands_for_a_file() -> None:
    """An edge or an exception that no file bears any more is a hole in the law."""
    paths = [path for path, _ in sources(*ROOMS)]
    assert [e for e in (*EDGES, *NO_EDGES) if not any(fnmatch(p, e) for p in paths)] == []


def test_tests_open_with_a_sentence_too() -> None:
    assert [path for path, source in sources("tests") if undocumented(path, source)] == []


def test_nothing_foreign_is_installed_under_our_names(tmp_path: Path) -> None:
    assert strangers(sys.path) == []
    owners = packages_distributions()
    assert {owner for room in ROOMS for owner in owners.get(room, [])} <= {"hotline"}
    (tmp_path / "channels").mkdir()  # as Django's Channels would
    assert strangers([str(tmp_path)]) == [str(tmp_path / "channels")]


def test_every_folder_of_tests_is_a_package() -> None:
    """Without tests/__init__.py, `import channels` would find tests/channels."""
    folders = {file.parent for file in (ROOT / "tests").rglob("*.py")}
    assert [str(f.relative_to(ROOT)) for f in sorted(folders) if not (f / "__init__.py").exists()] == []


def test_no_test_patches_by_name() -> None:
    calls = re.compile(r"(?<!\w)(?:mock\.)?patch(?:\.object)?\(")
    assert calls.search('with patch("a.b"):')
    mine = Path(__file__).relative_to(ROOT).as_posix()
    assert [path for path, source in sources("tests") if path != mine and calls.search(source)] == []


@pytest.mark.parametrize("path", texts(), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_every_text_renders(path: Path) -> None:
    template = Template(path.read_text("utf-8"))
    assert template.is_valid(), "a $ that is no placeholder"
    name, _, channel = path.stem.partition(".")
    room, folder, *_ = path.relative_to(ROOT).parts
    if room == "channels":
        channel = folder
    values = dict.fromkeys(template.get_identifiers(), "valeur")
    said = say(name, Address(channel or "web", "x"), **values)  # type: ignore[arg-type]
    assert said.text
    assert "$" not in said.text + said.subject
    assert not ill_spoken(template.template)


def test_what_is_ill_spoken_is_heard() -> None:
    assert ill_spoken("Les habitant·es du quartier")
    assert ill_spoken("Écrivez-nous afin d’être rappelé")
    assert ill_spoken("Il convient de répondre")
    assert not ill_spoken("Écrivez-nous : l'équipe vous répond.")


def test_every_page_is_well_spoken() -> None:
    pages = [p for room in ROOMS for p in sorted((ROOT / room).rglob("*.html"))]
    faults = {p.relative_to(ROOT).as_posix(): ill_spoken(p.read_text("utf-8")) for p in pages}
    assert {path: found for path, found in faults.items() if found} == {}


def test_every_answer_is_well_spoken() -> None:
    entries = sorted((ROOT / "knowledge/content").glob("*/*.md"))
    assert entries
    faults = {p.stem: ill_spoken(p.read_text("utf-8").split("+++", 2)[2]) for p in entries}
    assert {slug: found for slug, found in faults.items() if found} == {}


@pytest.mark.parametrize("name", channels.FOLDERS)
def test_every_channel_has_sample_payloads(name: str) -> None:
    assert has_samples(name)


def has_samples(name: str, tests: Path = ROOT / "tests/channels") -> bool:
    """A folder of samples, or a module that sets SAMPLES or CASES, or a shared one that names the channel."""
    if any((tests / name / "samples").glob("*")):
        return True
    for file in [*(tests / name).glob("*.py"), *tests.glob("*.py")]:
        for node in ast.parse(file.read_text("utf-8")).body:
            if not isinstance(node, ast.Assign | ast.AnnAssign):
                continue
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if not any(isinstance(target, ast.Name) and re.search("SAMPLES|CASES", target.id) for target in targets):
                continue
            named = {c.value for c in ast.walk(node) if isinstance(c, ast.Constant)}
            if file.parent.name == name or name in named:
                return True
    return False


def test_a_channel_without_samples_is_seen(tmp_path: Path) -> None:
    (tmp_path / "pigeon").mkdir()
    (tmp_path / "pigeon" / "test_pigeon.py").write_text('"""No samples here."""\nOTHER = 1\n')
    assert not has_samples("pigeon", tmp_path)
    (tmp_path / "pigeon" / "test_pigeon.py").write_text('SAMPLES = ("roucoule",)\n')
    assert has_samples("pigeon", tmp_path)


def parts() -> list[str]:
    """What the map must name: every module and folder of code in a room; channels/__init__.py lists the channels."""
    found = set()
    for room in ROOMS:
        found.add(f"{room}/")
        for each in (ROOT / room).iterdir():
            if each.suffix == ".py" and each.stem != "__init__":
                found.add(each.stem)
            elif each.is_dir() and each.name != "__pycache__" and any(f.is_file() for f in each.rglob("*")):
                found.add(each.name)
    return sorted(found - set(channels.FOLDERS))


@pytest.mark.parametrize("where", ["bot/__init__.py", "README.md"])
def test_the_map_names_every_part(where: str) -> None:
    assert unnamed((ROOT / where).read_text("utf-8"), parts()) == []


def test_a_part_left_off_the_map_is_seen() -> None:
    assert unnamed("bot/ : router, say", ["bot/", "router", "rout"]) == ["rout"]
