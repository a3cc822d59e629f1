"""Settings that cannot work are named, explained and shown an example; the key is made once and kept to its owner."""

import stat
from pathlib import Path

import pytest

from bot import settings
from channels.contract import BadSetting


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("HOTLINE_DATABASE_URL", "mysql://x/y", "sqlite:///"),
        ("HOTLINE_DATABASE_URL", "n'importe quoi", "adresse de base"),
        ("HOTLINE_SECRET", "court", "32 caractères"),
        ("HOTLINE_BIND", "8000", "port"),
        ("HOTLINE_BIND", "0.0.0.0:99999", "port"),
        ("HOTLINE_PUBLIC_URL", "hotline.exemple.fr", "https://"),
        ("HOTLINE_TIMEZONE", "Europe/Nantes", "fuseau"),
        ("HOTLINE_OFFICER_EMAIL", "nora", "adresse e-mail"),
        ("HOTLINE_ANSWER_DAYS", "deux", "nombre"),
        ("HOTLINE_ANSWER_DAYS", "0", "nombre"),
        ("HOTLINE_SEMANTIC", "peut-être", "1 (oui)"),
    ],
)
def test_a_wrong_setting_is_named_explained_and_shown_an_example(name: str, value: str, words: str) -> None:
    with pytest.raises(BadSetting) as found:
        settings.read({name: value})
    assert found.value.variable == name
    assert words in str(found.value)
    assert f"{name}=" in str(found.value)


def test_nothing_set_is_a_hotline_on_sqlite_here() -> None:
    own = settings.read({}).settings
    assert own.database_url == "sqlite:///var/data/hotline.db"
    assert (own.host, own.port) == ("127.0.0.1", 8000)


def test_the_environment_wins_over_the_env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("HOTLINE_PHONE=01\nHOTLINE_ORGANISATION=Ici\nOTHER=x\n")
    monkeypatch.setenv("HOTLINE_PHONE", "02")
    found = settings.environment(tmp_path)
    assert found["HOTLINE_PHONE"] == "02"
    assert found["HOTLINE_ORGANISATION"] == "Ici"
    assert "OTHER" not in found


def test_the_secret_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    own = settings.read({}).settings
    made = settings.secret_of(own, tmp_path / "keys")
    assert settings.secret_of(own, tmp_path / "keys") == made
    assert len(made) >= 32
    assert stat.S_IMODE((tmp_path / "keys" / "secret").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "keys").iterdir()] == ["secret"]


def test_the_secret_never_shows_in_a_representation() -> None:
    configured = settings.read({"HOTLINE_SECRET": "s" * 40, "HOTLINE_EMAIL_IMAP": "imaps://a:hunter2@host/INBOX"})
    assert "s" * 40 not in repr(configured)
    assert "hunter2" not in repr(configured)
