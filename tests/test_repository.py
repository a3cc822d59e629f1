"""What the repository promises: nothing of one machine in it, locks that fit, a README that says what is true."""

import hashlib
import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import channels

ROOT = Path(__file__).parents[1]
HOSTS = [  # in pieces, so that this file does not name them
    "pyp" + "i.org", "python" + "hosted.org", "npm" + "js.org", "npm" + "js.com", "yarn" + "pkg.com",
    "proxy.go" + "lang.org", "crates" + ".io", "ruby" + "gems.org", "repo1.ma" + "ven.org", "nu" + "get.org",
    "packa" + "gist.org", "docker" + ".io", "ghcr" + ".io", "quay" + ".io", "gcr" + ".io", "deb.deb" + "ian.org",
    "archive.ubu" + "ntu.com", "conda" + ".anaconda.org",
]  # fmt: skip
HOST = re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, HOSTS))})(?![\w-])")
MACHINE = ["work", "farm", "root", "home/[a-z]", "opt/py" + "pi"]
BUILD = {"hatchling", "editables"}  # what `pip install -e .` needs, locked with the rest
AGPL = "0d96a4ff68ad6d4b6f1f30f713b18d5184912ba8dd389f86aa7710db079abcb0"  # sha256 of the licence's own text
NOT_LOCKS = ("uv.lock", "pylock.toml", "poetry.lock", "pdm.lock", "Pipfile.lock")
SKIPPED = {".git", ".venv", "var", "build", "dist", "node_modules"}


@cache
def tracked() -> tuple[Path, ...]:
    """The files of the repository: what git knows and would take in; without git, what stands there."""
    try:
        found = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, capture_output=True, check=True, timeout=60,
        )  # fmt: skip
        paths = [ROOT / name for name in found.stdout.decode().split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        paths = [
            path
            for path in ROOT.rglob("*")
            if not any(p in SKIPPED or p.endswith(("_cache", ".egg-info")) or p in ("__pycache__", ".hypothesis")
                       for p in path.relative_to(ROOT).parts)
        ]  # fmt: skip
    return tuple(sorted(path for path in paths if path.is_file() and not path.is_symlink()))


def words(path: Path) -> Iterator[tuple[int, str]]:
    try:
        yield from enumerate(path.read_text("utf-8").split("\n"), 1)
    except UnicodeDecodeError:
        yield 0, path.read_bytes().decode("latin-1")


def registry_hosts(text: str) -> list[str]:
    return HOST.findall(text)


def machine_paths(text: str) -> list[str]:
    return re.findall(rf"(?<![\w.:/)-])/(?:{'|'.join(MACHINE)})/[\w./-]+", text)


def test_no_file_names_a_registry() -> None:
    found = [f"{path.relative_to(ROOT)}:{n}" for path in tracked() for n, line in words(path) if registry_hosts(line)]
    assert found == []


def test_no_file_names_a_path_of_one_machine() -> None:
    found = [f"{path.relative_to(ROOT)}:{n}" for path in tracked() for n, line in words(path) if machine_paths(line)]
    assert found == []


def test_a_registry_and_a_path_are_seen() -> None:
    assert registry_hosts("https://files." + "python" + "hosted.org/packages/x.whl")
    assert registry_hosts("image: " + "ghcr" + ".io/someone/x")
    assert not registry_hosts("https://docker.example.org")
    assert machine_paths("open('/" + "work/main/x')")
    assert machine_paths("/" + "root/.cache/x")
    assert not machine_paths("https://exemple.fr/work/page")
    assert not machine_paths("/srv/hotline/var")


def test_no_lock_that_names_registries_is_kept() -> None:
    assert [path.name for path in tracked() if path.name in NOT_LOCKS] == []


def test_nothing_private_is_kept() -> None:
    """A .env, a database or a key has no place here."""
    private = re.compile(r"(^|/)(\.env|secret|[^/]*\.(db|sqlite3?|pem|key))$|^var/")
    assert private.search("var/keys/secret")
    assert private.search(".env")
    assert [p for p in (path.relative_to(ROOT).as_posix() for path in tracked()) if private.search(p)] == []


# --- pyproject.toml and the locks -------------------------------------------------------------------------------------


@cache
def project() -> dict[str, Any]:
    made: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return made


@cache
def lock(name: str) -> dict[str, set[str]]:
    """The versions that a lock holds, by name (one for each Python that needs its own)."""
    text = (ROOT / name).read_text("utf-8")
    made: dict[str, set[str]] = {}
    for line in re.sub(r"\\\n", " ", text).splitlines():
        if line and not line.startswith("#"):
            pinned = re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==(\S+)", line)
            assert pinned, f"{name}: not pinned: {line[:60]}"
            assert "--hash=sha256:" in line, f"{name}: no hash: {line[:60]}"
            made.setdefault(canonicalize_name(pinned[1]), set()).add(pinned[2].rstrip(";"))
    return made


def unmet(wanted: list[str], held: dict[str, set[str]]) -> list[str]:
    """The requirements that a lock does not fulfil."""
    found = []
    for requirement in map(Requirement, wanted):
        versions = held.get(canonicalize_name(requirement.name), set())
        if not versions or not all(requirement.specifier.contains(version) for version in versions):
            found.append(str(requirement))
    return found


def test_the_locks_fulfil_the_project() -> None:
    """If this fails: `make lock`."""
    assert unmet([*project()["dependencies"], *BUILD], lock("requirements.lock")) == []
    everything = [*project()["dependencies"], *project()["optional-dependencies"]["dev"], *BUILD]
    assert unmet(everything, lock("requirements-dev.lock")) == []


def test_tests_run_with_what_is_delivered() -> None:
    delivered, tested = lock("requirements.lock"), lock("requirements-dev.lock")
    assert {name for name in delivered if tested.get(name) != delivered[name]} == set()


def test_the_lock_carries_nothing_that_only_tests_need() -> None:
    assert {"pytest", "mypy", "playwright", "ruff"} & set(lock("requirements.lock")) == set()


def test_an_unmet_requirement_is_seen() -> None:
    held = {"typer": {"0.19.2"}}
    assert unmet(["typer>=0.19"], held) == []
    assert unmet(["typer>=1"], held) == ["typer>=1"]
    assert unmet(["Jinja2>=3"], held) == ["Jinja2>=3"]


def test_the_licence_is_the_agpl_in_full() -> None:
    """aioimaplib is GPL-3.0-only, so the whole is AGPL-3.0-or-later."""
    assert project()["license"] == "AGPL-3.0-or-later"
    assert project()["license-files"] == ["LICENSE"]
    assert "Private :: Do Not Upload" in project()["classifiers"]
    assert hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest() == AGPL
    assert "AGPL-3.0-or-later" in (ROOT / "README.md").read_text("utf-8")


def test_the_newest_version_is_in_the_changelog() -> None:
    assert f"## {project()['version']}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


# --- the README -------------------------------------------------------------------------------------------------------


def readme() -> str:
    return (ROOT / "README.md").read_text("utf-8")


def pages() -> str:
    return readme() + (ROOT / "docs/deployment.md").read_text("utf-8")


def commands() -> set[str]:
    """Every command of `hotline`, a family's with its family: « mail read »."""
    from typer.main import get_command

    from bot.__main__ import app

    def walk(command: Any, before: str = "") -> Iterator[str]:
        for name, each in getattr(command, "commands", {}).items():
            yield f"{before}{name}"
            yield from walk(each, f"{before}{name} ")

    return set(walk(get_command(app)))


def told(text: str) -> set[str]:
    """The commands of `hotline` that a page shows, of one word or two."""
    shown = re.sub(r"#.*", "", code(text)).replace("exec hotline ", "")  # Compose's service is called so too
    return set(re.findall(r"(?<![\w/@=-])(?:\.venv/bin/)?hotline ((?:[a-z]+ )?[a-z]+)(?![\w.=:/-])", shown))


def code(text: str) -> str:
    """What stands between backquotes, in a line or in a block of shell; the map is a block of text."""
    rest = re.sub(r"```.*?```", "", text, flags=re.S)
    return "\n".join([*re.findall(r"```sh\n(.*?)```", text, re.S), *re.findall(r"`([^`\n]+)`", rest)])


def test_every_make_command_told_exists_and_every_one_is_told() -> None:
    targets = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), re.M))
    assert {"run", "test", "check", "bench", "help"} <= targets
    shown = set(re.findall(r"\bmake ([a-z]+)", code(pages())))
    assert shown == targets


def test_every_hotline_command_told_exists_and_every_one_is_told() -> None:
    existing = commands()
    families = {name.split()[0] for name in existing if " " in name}
    for shown in told(pages()):
        first, _, second = shown.partition(" ")
        assert first in {name.split()[0] for name in existing}, shown
        if first in families and second:
            assert shown in existing, shown
    first_words = {shown.split()[0] for shown in told(readme())}
    assert {name.split()[0] for name in existing} - first_words == set()


def test_every_variable_is_told_and_every_one_told_exists() -> None:
    from bot.settings import PREFIX, Settings

    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for name in channels.FOLDERS:
        for path in sorted((ROOT / "channels" / name).rglob("*.py")):
            known |= set(re.findall(r"HOTLINE_[A-Z_]*[A-Z](?![A-Z_*])", path.read_text("utf-8")))
    compose_own = {"HOTLINE_ROLES", "HOTLINE_PUBLISH"}
    own = [page.read_text("utf-8") for page in sorted((ROOT / "channels").glob("*/README.md"))]  # what a folder brings
    pages = "\n".join([readme(), (ROOT / "docs/sms.md").read_text("utf-8"), *own])
    table = set(re.findall(r"^\| `(HOTLINE_[A-Z_]+)`", pages, re.M))
    assert table == known
    examples = "\n".join([(ROOT / ".env.example").read_text("utf-8"), *own])
    example = set(re.findall(r"^#?(HOTLINE_[A-Z_]+)=", examples, re.M))
    assert example == known | compose_own


def test_every_link_of_the_pages_leads_somewhere() -> None:
    for page in (
        ROOT / "README.md",
        *sorted((ROOT / "docs").glob("*.md")),
        *sorted((ROOT / "channels").glob("*/*.md")),
    ):
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            assert target.startswith("http") or (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_readme_can_be_read_in_one_sitting() -> None:
    assert len(readme().splitlines()) <= 250


@pytest.mark.parametrize(
    "name", [".ci/run", "tests/peers/install.sh", "docs/mail-server/start.sh", "docs/sms-gateway/start.sh"]
)
def test_every_script_is_well_formed(name: str) -> None:
    subprocess.run(["bash", "-n", ROOT / name], check=True, timeout=10)
