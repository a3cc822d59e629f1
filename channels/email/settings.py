"""The settings of the email channel, read from HOTLINE_EMAIL_* and checked; pure but for the certificate file."""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal
from urllib.parse import unquote, urlsplit

from channels.contract import BadSetting

ADDRESS, IMAP, SMTP = "HOTLINE_EMAIL_ADDRESS", "HOTLINE_EMAIL_IMAP", "HOTLINE_EMAIL_SMTP"
AUTHSERV_ID, CAFILE, ORGANISATION = "HOTLINE_EMAIL_AUTHSERV_ID", "HOTLINE_EMAIL_CAFILE", "HOTLINE_ORGANISATION"
EXAMPLES = {
    ADDRESS: "hotline@exemple.org",
    IMAP: "imaps://utilisateur:motdepasse@imap.exemple.org:993/INBOX",
    SMTP: "smtp+starttls://utilisateur:motdepasse@smtp.exemple.org:587",
    CAFILE: "/etc/ssl/mon-autorite.pem",
}
LOCAL_PART = 18  # with a plus and a token of 45 characters that makes 64, the most that RFC 5321 allows

Safety = Literal["implicit", "starttls", "none"]
SCHEMES: dict[str, dict[str, tuple[Safety, int]]] = {
    IMAP: {"imaps": ("implicit", 993), "imap+starttls": ("starttls", 143), "imap": ("none", 143)},
    SMTP: {"smtps": ("implicit", 465), "smtp+starttls": ("starttls", 587), "smtp": ("none", 25)},
}


@dataclass(frozen=True)
class Server:
    """A mail server and how to get in. `safety`: TLS from the first byte, after STARTTLS, or none (loopback only)."""

    safety: Safety
    host: str
    port: int
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    folder: str = "INBOX"


@dataclass(frozen=True)
class EmailSettings:
    address: str
    imap: Server
    smtp: Server
    organisation: str = "RésO Villes"
    authserv_id: str = ""
    cafile: str = ""

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]

    def trust(self) -> ssl.SSLContext:
        """The system's authorities, and the private one if it is set."""
        context = ssl.create_default_context()
        if self.cafile:
            context.load_verify_locations(self.cafile)
        return context


def read_settings(environment: Mapping[str, str]) -> EmailSettings | None:
    """None when email is off; BadSetting names the first variable that cannot work, and never repeats a password."""
    given = {name: environment.get(name, "").strip() for name in (ADDRESS, IMAP, SMTP)}
    if not any(given.values()):
        return None
    for name, value in given.items():
        if not value:
            others = " et ".join(other for other in given if given[other])
            raise BadSetting(name, f"à remplir aussi, puisque vous avez réglé {others}", EXAMPLES[name])
    settings = EmailSettings(
        _address(given[ADDRESS]),
        _server(IMAP, given[IMAP]),
        _server(SMTP, given[SMTP]),
        " ".join(environment.get(ORGANISATION, "").split()) or "RésO Villes",
        environment.get(AUTHSERV_ID, "").strip().lower(),
        environment.get(CAFILE, "").strip(),
    )
    try:
        settings.trust()
    except (OSError, ValueError) as error:
        problem = "ce fichier de certificats (PEM) ne peut pas être lu"
        raise BadSetting(CAFILE, problem, EXAMPLES[CAFILE]) from error
    return settings


def _address(value: str) -> str:
    address = value.lower()
    if not re.fullmatch(r"[a-z0-9._-]+@[a-z0-9-]+(\.[a-z0-9-]+)+", address):
        problem = "ce n'est pas une adresse seule, sans accent et sans « + »"
        raise BadSetting(ADDRESS, problem, EXAMPLES[ADDRESS])
    if len(address.partition("@")[0]) > LOCAL_PART:
        problem = f"la partie avant « @ » est trop longue : {LOCAL_PART} caractères au plus, pour y ajouter un jeton"
        raise BadSetting(ADDRESS, problem, EXAMPLES[ADDRESS])
    return address


def _server(variable: str, value: str) -> Server:
    def bad(problem: str) -> BadSetting:
        return BadSetting(variable, problem, EXAMPLES[variable])

    schemes = SCHEMES[variable]
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise bad(
            "adresse illisible : encodez les signes @ : / ? # % du mot de passe, par exemple %40 pour @"
        ) from None
    if parts.scheme not in schemes:
        raise bad(f"doit commencer par {' ou '.join(name + '://' for name in schemes)}")
    safety, usual_port = schemes[parts.scheme]
    if parts.query or parts.fragment:
        raise bad("encodez les signes ? et # du mot de passe : %3F et %23")
    if not parts.hostname:
        raise bad("le nom du serveur manque")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if bool(user) != bool(password) or (variable == IMAP and not user):
        raise bad("l'utilisateur ou le mot de passe manque")
    if any(ord(sign) < 32 or ord(sign) == 127 for sign in user + password):
        raise bad("l'utilisateur ou le mot de passe contient un caractère de contrôle")
    if safety == "none" and not _is_this_machine(parts.hostname):
        secure = " ou ".join(f"{name}://" for name, (kind, _) in schemes.items() if kind != "none")
        raise bad(f"sans chiffrement, seul un serveur sur cette machine est permis : utilisez {secure}")
    return Server(safety, parts.hostname, port or usual_port, user, password, unquote(parts.path.strip("/")) or "INBOX")


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
