"""The image and the compose file, read by the tools that will run them: Docker Compose itself, and hadolint."""

import json
import os
import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
POSTGRES = {
    "COMPOSE_PROFILES": "postgres",
    "HOTLINE_ROLES": "web listen tick",
    "POSTGRES_PASSWORD": "a-word",
    "HOTLINE_DATABASE_URL": "postgresql://hotline:a-word@db/hotline",
}


def compose(*arguments: str, file: Path = ROOT / "docker-compose.yml", **environment: str) -> Any:
    """The real Docker Compose, without an engine; its Python wrapper would swallow the exit status."""
    package = find_spec("compose")
    assert package is not None
    assert package.submodule_search_locations
    binary = Path(package.submodule_search_locations[0]) / "docker-compose"
    return subprocess.run(
        [binary, "--project-directory", file.parent, "--env-file", os.devnull, "--file", file, *arguments],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **environment},
        timeout=60,
    )


def services(**environment: str) -> dict[str, Any]:
    """The services that `docker compose up` would start."""
    found = compose("config", "--format", "json", **environment)
    assert found.returncode == 0, found.stderr
    made: dict[str, Any] = json.loads(found.stdout)["services"]
    return made


def hadolint(path: Path) -> Any:
    program = shutil.which("hadolint") or ROOT / ".venv/bin/hadolint"
    return subprocess.run([program, "--no-color", path], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("profiles", ["", "postgres", "mail", "postgres,mail"])
def test_compose_accepts_the_file_with_each_profile(profiles: str) -> None:
    found = compose("config", "-q", COMPOSE_PROFILES=profiles)
    assert (found.returncode, found.stderr) == (0, "")


def test_compose_refuses_a_wrong_file(tmp_path: Path) -> None:
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text((ROOT / "docker-compose.yml").read_text("utf-8").replace("read_only:", "red_only:"), "utf-8")
    found = compose("config", "-q", file=wrong)
    assert found.returncode != 0
    assert "red_only" in found.stderr


def test_alone_the_hotline_runs_on_sqlite_in_a_volume() -> None:
    made = services()
    assert list(made) == ["hotline"]
    hotline = made["hotline"]
    assert hotline["command"] == ["run"]
    assert hotline["environment"]["HOTLINE_DATABASE_URL"] == "sqlite:///var/data/hotline.db"
    assert {v["target"]: v["type"] for v in hotline["volumes"]}["/srv/hotline/var"] == "volume"
    assert [port["host_ip"] for port in hotline["ports"]] == ["127.0.0.1"]


def test_with_postgres_a_migration_runs_once_and_workers_are_scalable() -> None:
    made = services(**POSTGRES)
    assert set(made) == {"hotline", "db", "migrate", "worker"}
    assert made["hotline"]["command"] == ["run", "web", "listen", "tick"]
    assert made["worker"]["command"] == ["run", "route", "deliver"]
    assert made["migrate"]["command"] == ["migrate"]
    assert made["migrate"]["restart"] == "no"
    for name in ("hotline", "worker"):
        assert made[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    for name in ("hotline", "worker", "migrate"):
        assert made[name]["environment"]["HOTLINE_DATABASE_URL"] == POSTGRES["HOTLINE_DATABASE_URL"]
    assert "container_name" not in made["worker"]
    assert "ports" not in made["worker"]


@pytest.mark.parametrize(
    "environment", [{}, POSTGRES, {"COMPOSE_PROFILES": "postgres,mail"}], ids=["alone", "postgres", "everything"]
)
def test_one_service_at_most_opens_the_mailbox(environment: dict[str, str]) -> None:
    made = services(**environment)
    commands = {name: each["command"] or [] for name, each in made.items() if name in ("hotline", "worker", "migrate")}
    # `run` without a role is every role
    listening = [name for name, words in commands.items() if words == ["run"] or "listen" in words]
    assert listening == ["hotline"]
    assert made["hotline"].get("deploy", {}).get("replicas", 1) == 1


def test_every_service_is_held_tight() -> None:
    made = services(COMPOSE_PROFILES="postgres,mail")
    assert set(made) == {"hotline", "db", "migrate", "worker", "mail"}
    for name, each in made.items():
        assert each["read_only"] is True, name
        assert each["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in each["security_opt"], name
        assert "privileged" not in each, name
        assert all(port["host_ip"] == "127.0.0.1" for port in each.get("ports", [])), name
        if name != "mail":  # Postfix changes users itself
            assert "cap_add" not in each, name
        if name != "migrate":  # it ends
            assert each["healthcheck"]["test"], name


def test_the_files_hold_no_secret() -> None:
    for name in ("docker-compose.yml", "Dockerfile", "docs/mail-server/Dockerfile", ".env.example"):
        text = (ROOT / name).read_text("utf-8")
        assert secrets_in(text) == [], name
    made = services(COMPOSE_PROFILES="postgres,mail")
    told = {key: value for each in made.values() for key, value in each.get("environment", {}).items()}
    assert [key for key in told if re.search("PASSWORD|SECRET", key) and told[key]] == []


def secrets_in(text: str) -> list[str]:
    """What looks like a password or key that is written out, rather than taken from the environment or an example."""
    found = re.findall(r"(?<![\w{])\w*(?:PASSWORD|SECRET|TOKEN)\w*[ ]?[:=][ ]*([^\s$#]\S*)", text)
    found += [word for word in re.findall(r"://[^\s:/@]+:([^\s@$]+)@", text) if word != "motdepasse"]
    return found


def test_a_secret_is_seen() -> None:
    assert secrets_in("POSTGRES_PASSWORD: hunter2")
    assert secrets_in("HOTLINE_SECRET=0123456789abcdef")
    assert secrets_in("postgresql://hotline:hunter2@db/hotline")
    assert not secrets_in("POSTGRES_PASSWORD: ${POSTGRES_PASSWORD:-}\n#MAIL_PASSWORD=\nx://a:${B}@c")


@pytest.mark.parametrize("name", ["Dockerfile", "docs/mail-server/Dockerfile"])
def test_hadolint_has_nothing_to_say(name: str) -> None:
    found = hadolint(ROOT / name)
    assert (found.returncode, found.stdout + found.stderr) == (0, "")


def test_hadolint_speaks_up(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM debian\nRUN cd /tmp && apt-get install python3\n")
    found = hadolint(tmp_path / "Dockerfile")
    assert found.returncode != 0
    assert "DL3006" in found.stdout


def test_the_image_runs_without_rights_and_tells_its_health() -> None:
    last = (ROOT / "Dockerfile").read_text("utf-8").split("\nFROM ")[-1]
    assert re.search(r"^USER 10001:10001$", last, re.M)
    assert "/health" in last.split("HEALTHCHECK")[1]
    assert last.index("USER ") < last.index("ENTRYPOINT")


def test_the_image_holds_every_package_and_nothing_else() -> None:
    """What the Dockerfile copies is let through by .dockerignore, and is what the wheel is made of."""
    text = (ROOT / "Dockerfile").read_text("utf-8")
    copied = {word for line in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.M) for word in line.split()}
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert {line[1:] for line in lines if line.startswith("!")} == copied
    assert "*" in lines
    assert {"bot", "channels", "knowledge", "escalation", "scheduler"} <= copied
