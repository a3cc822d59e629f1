"""The environment (and a .env file), read once: every variable begins HOTLINE_."""

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dotenv import dotenv_values
from holidays.countries.france import France
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from channels.contract import BadSetting
from channels.vault import Vault, new_secret
from escalation import deadlines
from escalation.console.oidc import own_key
from escalation.tickets import fold
from scheduler import plan

VAR = Path("var")
PREFIX = "HOTLINE_"
EXAMPLES = {
    "database_url": "sqlite:///var/data/hotline.db",
    "secret": "(32 caractères au hasard ou plus)",
    "secret_previous": "(l'ancienne HOTLINE_SECRET, entière)",
    "bind": "127.0.0.1:8000",
    "public_url": "https://hotline.exemple.fr",
    "timezone": "Europe/Paris",
    "organisation": "RésO Villes",
    "phone": "02 40 00 00 00",
    "office_hours": "du lundi au vendredi, 9 h à 17 h",
    "source_url": "https://forge.exemple.fr/hotline",
    "officer_email": "chargee.de.mission@exemple.fr",
    "answer_days": "2",
    "semantic": "1",
    "oidc_issuer": "https://auth.exemple.fr/api/v2",
    "oidc_client_id": "hotline",
    "oidc_client_secret": "(le secret que le fournisseur donne)",
    "oidc_private_key": "/srv/hotline/oidc.pem",
    "oidc_scopes": "openid email",
    "oidc_acr": "eidas1",
    "opening": "lundi-vendredi 9h-12h30 14h-17h",
    "quiet_hours": "20h-8h",
    "holidays": "Alsace",
}


class Settings(BaseSettings):
    """What this installation is; each channel's own settings are read in its folder."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    database_url: str = "sqlite:///var/data/hotline.db"
    secret: str = Field(default="", repr=False)
    secret_previous: str = Field(default="", repr=False)
    bind: str = "127.0.0.1:8000"
    public_url: str = ""
    timezone: str = "Europe/Paris"
    organisation: str = "RésO Villes"
    phone: str = ""
    office_hours: str = ""
    source_url: str = ""
    officer_email: str = ""
    answer_days: int = Field(default=2, ge=1, le=30)
    semantic: bool = False
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = Field(default="", repr=False)
    oidc_private_key: str = Field(default="", repr=False)
    oidc_scopes: str = "openid email"
    oidc_acr: str = ""
    opening: str = ""
    quiet_hours: str = "20h-8h"
    holidays: str = ""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)  # the environment is read once, by `environment`, and given

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: str) -> str:
        try:
            name = make_url(value).get_backend_name()
        except ArgumentError:
            raise ValueError("ce n'est pas une adresse de base de données") from None
        if name not in ("sqlite", "postgresql"):
            raise ValueError("la base doit être sqlite:///… ou postgresql://…")
        return value

    @field_validator("secret", "secret_previous")
    @classmethod
    def _secret(cls, value: str) -> str:
        if any(len(line.strip()) < 32 for line in value.splitlines()):
            raise ValueError("trop court : 32 caractères au moins")
        return value

    @field_validator("bind")
    @classmethod
    def _bind(cls, value: str) -> str:
        if not re.fullmatch(r"\S+:\d{1,5}", value) or int(value.rpartition(":")[2]) > 65535:
            raise ValueError("il faut une adresse et un port")
        return value

    @field_validator("oidc_private_key")
    @classmethod
    def _key(cls, value: str) -> str:
        if not value:
            return value
        try:
            pem = value if value.lstrip().startswith("-----BEGIN") else Path(value).read_text("ascii")
            own_key(pem)
        except (OSError, UnicodeDecodeError):
            raise ValueError("ce fichier ne se lit pas") from None
        except ValueError:
            raise ValueError("ce n'est pas une clé privée RSA ou EC (PEM)") from None
        return pem

    @field_validator("oidc_scopes")
    @classmethod
    def _scopes(cls, value: str) -> str:
        if "openid" not in value.split():
            raise ValueError("openid doit y être")
        return value

    @field_validator("public_url", "source_url", "oidc_issuer")
    @classmethod
    def _url(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://[^\s/]+(/\S*)?", value):
            raise ValueError("il faut une adresse qui commence par https://")
        return value.rstrip("/")

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError("ce fuseau horaire n'existe pas") from None
        return value

    @field_validator("officer_email")
    @classmethod
    def _email(cls, value: str) -> str:
        if value and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value):
            raise ValueError("ce n'est pas une adresse e-mail")
        return value.lower()

    @field_validator("opening")
    @classmethod
    def _opening(cls, value: str) -> str:
        if value:
            deadlines.week_of(value)
        return value

    @field_validator("quiet_hours")
    @classmethod
    def _quiet_hours(cls, value: str) -> str:
        plan.waking_hours(value)
        return value

    @field_validator("holidays")
    @classmethod
    def _holidays(cls, value: str) -> str:
        places = {*France.subdivisions, *France.subdivisions_aliases}
        found = next((each for each in places if fold(each) == fold(value)), "") if value else ""
        if value and (not found or found.startswith("Zone")):
            named = ", ".join(each for each in France.subdivisions_aliases if len(each) > 3)
            raise ValueError(f"ce territoire n'est pas connu ({named})")
        return found

    @property
    def host(self) -> str:
        return self.bind.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        return int(self.bind.rpartition(":")[2])


@dataclass(frozen=True)
class Configured:
    """The settings, and the environment that they and the channels' own were read from."""

    settings: Settings
    environment: Mapping[str, str] = field(repr=False)


def environment(folder: Path | None = None) -> dict[str, str]:
    """HOTLINE_ variables: those of a .env file in the working folder, then the process's own, which win."""
    path = (folder or Path.cwd()) / ".env"
    found = {key: value or "" for key, value in dotenv_values(path).items()} if path.is_file() else {}
    merged = {**found, **os.environ}
    return {key: value.strip() for key, value in merged.items() if key.startswith(PREFIX) and value.strip()}


def read(found: Mapping[str, str]) -> Configured:
    """Settings from HOTLINE_ variables; BadSetting, in French, naming the first that cannot work."""
    values = {key.removeprefix(PREFIX).lower(): value for key, value in found.items()}
    known = {key: value for key, value in values.items() if key in Settings.model_fields}
    try:
        settings = Settings(**known)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        problem = str(first["msg"]).removeprefix("Value error, ")
        if first["type"].startswith(("int_", "greater", "less")):
            problem = "il faut un nombre de 1 à 30"
        if first["type"].startswith("bool_"):
            problem = "il faut 1 (oui) ou 0 (non)"
        raise BadSetting(f"{PREFIX}{name.upper()}", problem, EXAMPLES.get(name, "…")) from None
    if settings.secret_previous and not settings.secret:
        problem = "elle va avec HOTLINE_SECRET ; sans celle-ci, les anciennes clés sont dans var/keys/secret"
        raise BadSetting(f"{PREFIX}SECRET_PREVIOUS", problem, EXAMPLES["secret_previous"])
    if settings.oidc_issuer:
        _whole(settings)
    return Configured(settings, dict(found))


def _whole(settings: Settings) -> None:
    """An identity provider needs all of its settings; BadSetting names the first that is missing."""
    missing = next((name for name in ("oidc_client_id", "public_url") if not getattr(settings, name)), "")
    if not missing and not settings.oidc_client_secret and not settings.oidc_private_key:
        missing = "oidc_client_secret"
    if missing:
        raise BadSetting(f"{PREFIX}{missing.upper()}", "il la faut avec HOTLINE_OIDC_ISSUER", EXAMPLES[missing])


KEYS = VAR / "keys"


def secret_of(settings: Settings, folder: Path = KEYS) -> str:
    """HOTLINE_SECRET, or the one kept beside the data (mode 0600), made on the first run."""
    return settings.secret or KeyFile(folder).secrets()[0]


def vault_of(settings: Settings, folder: Path = KEYS) -> Vault:
    """The secrets of the environment, or those of the file, which is followed while we run; BadSetting."""
    if settings.secret:
        previous = (line.strip() for line in settings.secret_previous.splitlines())
        return Vault(settings.secret, tuple(line for line in previous if line and line != settings.secret))
    kept = KeyFile(folder)
    first, *others = kept.secrets()
    return Vault(first, tuple(others), kept.secrets)


class KeyFile:
    """The secrets beside the data, one a line, the current first (mode 0600); made on the first run.

    Whoever holds this object sees a new secret at once, in every process of the machine: it looks at the file's date
    each time, and reads it again when that changed.
    """

    def __init__(self, folder: Path = KEYS):
        self.path = folder / "secret"
        self._known: tuple[tuple[int, int, int], tuple[str, ...]] | None = None

    def secrets(self) -> tuple[str, ...]:
        """All of them, the current first; BadSetting when they can be neither read nor made."""
        known = self._known  # one look: another thread may put a newer one there
        try:
            try:
                stamp = self._stamp()
            except FileNotFoundError:
                if known is not None:
                    return known[1]  # a file that was taken away must not make us begin anew
                self._make()
                stamp = self._stamp()
            if known is None or known[0] != stamp:
                lines = tuple(line.strip() for line in self.path.read_text("ascii").splitlines() if line.strip())
                if not lines:
                    raise OSError("le fichier est vide")
                self._known = known = (stamp, lines)
        except (OSError, UnicodeDecodeError) as error:
            if known is not None:
                return known[1]
            raise _unkept(self.path.parent, error) from error
        return known[1]

    def write(self, secrets: tuple[str, ...]) -> None:
        """Keep these instead, all or nothing; BadSetting when the disk refuses."""
        try:
            self._written(secrets).replace(self.path)
            self._settle()
        except OSError as error:
            raise _unkept(self.path.parent, error) from error

    def _make(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = self._written((new_secret(),))
        try:
            os.link(temporary, self.path)  # never over one that another process made meanwhile
        except FileExistsError:
            return
        finally:
            temporary.unlink()
        self._settle()

    def _written(self, lines: tuple[str, ...]) -> Path:
        temporary = self.path.parent / f".secret-{secrets.token_hex(4)}"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write("".join(f"{line}\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())
        return temporary

    def _settle(self) -> None:
        """The name itself on disk: rows are sealed anew under what it holds a moment later."""
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _stamp(self) -> tuple[int, int, int]:
        found = self.path.stat()
        return found.st_ino, found.st_mtime_ns, found.st_size


def _unkept(folder: Path, error: Exception) -> BadSetting:
    return BadSetting(f"{PREFIX}SECRET", f"la clé ne peut pas être gardée dans {folder} ({error})", "…")
