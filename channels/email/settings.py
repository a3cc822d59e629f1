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
AUTH = "HOTLINE_EMAIL_AUTH"
PROVIDER = "HOTLINE_EMAIL_OAUTH_PROVIDER"
TENANT = "HOTLINE_EMAIL_OAUTH_TENANT"
USER = "HOTLINE_EMAIL_OAUTH_USER"
CLIENT_ID = "HOTLINE_EMAIL_OAUTH_CLIENT_ID"
CLIENT_SECRET = "HOTLINE_EMAIL_OAUTH_CLIENT_SECRET"
TOKEN_URL = "HOTLINE_EMAIL_OAUTH_TOKEN_URL"
DEVICE_URL = "HOTLINE_EMAIL_OAUTH_DEVICE_URL"
AUTHORIZE_URL = "HOTLINE_EMAIL_OAUTH_AUTHORIZE_URL"
SCOPE = "HOTLINE_EMAIL_OAUTH_SCOPE"
EXAMPLES = {
    ADDRESS: "hotline@exemple.org",
    IMAP: "imaps://utilisateur:motdepasse@imap.exemple.org:993/INBOX",
    SMTP: "smtp+starttls://utilisateur:motdepasse@smtp.exemple.org:587",
    CAFILE: "/etc/ssl/mon-autorite.pem",
    AUTH: "oauth2",
    PROVIDER: "microsoft",
    TENANT: "exemple.onmicrosoft.com",
    USER: "hotline@exemple.org",
    CLIENT_ID: "(l'identifiant de l'application, donné par le fournisseur)",
    TOKEN_URL: "https://connexion.exemple.org/token",
    DEVICE_URL: "https://connexion.exemple.org/device",
    AUTHORIZE_URL: "https://connexion.exemple.org/authorize",
    SCOPE: "mail",
}
LOCAL_PART = 18  # with a plus and a token of 45 characters that makes 64, the most that RFC 5321 allows

Safety = Literal["implicit", "starttls", "none"]
SCHEMES: dict[str, dict[str, tuple[Safety, int]]] = {
    IMAP: {"imaps": ("implicit", 993), "imap+starttls": ("starttls", 143), "imap": ("none", 143)},
    SMTP: {"smtps": ("implicit", 465), "smtp+starttls": ("starttls", 587), "smtp": ("none", 25)},
}
SERVERS = {  # where the two large providers receive and send
    "google": {IMAP: "imaps://imap.gmail.com:993/INBOX", SMTP: "smtps://smtp.gmail.com:465"},
    "microsoft": {
        IMAP: "imaps://outlook.office365.com:993/INBOX",
        SMTP: "smtp+starttls://smtp.office365.com:587",
    },
}
GOOGLE = {  # no device flow: Google allows it for no mail scope (« OAuth 2.0 for TV and limited-input device apps »)
    "token_url": "https://oauth2.googleapis.com/token",
    "authorize_url": "https://accounts.google.com/o/oauth2/v2/auth",
    "scope": "https://mail.google.com/",
    "asked_more": {"access_type": "offline", "prompt": "consent"},
}
MICROSOFT_SCOPE = "https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send offline_access"


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
class OAuth:
    """An authorization server, and who we are to it. `device_url` is empty where it allows no device flow for mail."""

    provider: str
    user: str
    client_id: str
    token_url: str
    scope: str
    client_secret: str = field(default="", repr=False)
    device_url: str = ""
    authorize_url: str = ""
    asked_more: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class EmailSettings:
    address: str
    imap: Server
    smtp: Server
    organisation: str = "RésO Villes"
    authserv_id: str = ""
    cafile: str = ""
    oauth: OAuth | None = None

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
    kind = environment.get(AUTH, "").strip().lower() or "password"
    if kind not in ("password", "oauth2"):
        raise BadSetting(AUTH, f"« {kind} » est inconnu : password ou oauth2", EXAMPLES[AUTH])
    by_token = kind == "oauth2"
    oauth = _oauth(environment, given[ADDRESS].lower()) if by_token else None
    if by_token:
        usual = SERVERS.get(environment.get(PROVIDER, "").strip().lower(), {})
        given = {name: value or usual.get(name, "") for name, value in given.items()}
    for name, value in given.items():
        if not value:
            others = " et ".join(other for other in given if given[other])
            raise BadSetting(name, f"à remplir aussi, puisque vous avez réglé {others}", EXAMPLES[name])
    settings = EmailSettings(
        _address(given[ADDRESS]),
        _server(IMAP, given[IMAP], by_token),
        _server(SMTP, given[SMTP], by_token),
        " ".join(environment.get(ORGANISATION, "").split()) or "RésO Villes",
        environment.get(AUTHSERV_ID, "").strip().lower(),
        environment.get(CAFILE, "").strip(),
        oauth,
    )
    try:
        settings.trust()
    except (OSError, ValueError) as error:
        problem = "ce fichier de certificats (PEM) ne peut pas être lu"
        raise BadSetting(CAFILE, problem, EXAMPLES[CAFILE]) from error
    return settings


def _oauth(environment: Mapping[str, str], address: str) -> OAuth:
    """Who gives the tokens; BadSetting names what is missing. The client's secret is never repeated."""
    given = {name: environment.get(name, "").strip() for name in (*EXAMPLES, CLIENT_SECRET)}
    provider = given[PROVIDER].lower()
    if provider not in ("google", "microsoft", "custom"):
        problem = f"« {provider} » est inconnu : google, microsoft ou custom" if provider else "à remplir"
        raise BadSetting(PROVIDER, problem, EXAMPLES[PROVIDER])
    needed = {CLIENT_ID, *((TOKEN_URL, SCOPE) if provider == "custom" else ())}
    if provider == "custom" and not given[DEVICE_URL]:
        needed.add(AUTHORIZE_URL)
    for name in (CLIENT_ID, TOKEN_URL, SCOPE, AUTHORIZE_URL):
        if name in needed and not given[name]:
            raise BadSetting(name, f"à remplir pour {AUTH}=oauth2 et {PROVIDER}={provider}", EXAMPLES[name])
    user = given[USER] or address
    if not re.fullmatch(r"[!-~]+", user):
        raise BadSetting(USER, "le nom de la boîte ne contient ni espace ni accent", EXAMPLES[USER])
    if provider == "google":
        if not given[CLIENT_SECRET]:
            problem = "à remplir : Google en donne un à chaque application « Desktop app »"
            raise BadSetting(CLIENT_SECRET, problem, "(le secret de l'application)")
        return OAuth(provider, user, given[CLIENT_ID], client_secret=given[CLIENT_SECRET], **GOOGLE)  # type: ignore[arg-type]
    if provider == "microsoft":
        tenant = given[TENANT] or "organizations"
        if not re.fullmatch(r"[A-Za-z0-9.-]+", tenant):
            raise BadSetting(TENANT, "ce n'est ni un domaine ni un identifiant d'organisation", EXAMPLES[TENANT])
        base = f"https://login.microsoftonline.com/{tenant}/oauth2/v2.0"
        return OAuth(
            provider,
            user,
            given[CLIENT_ID],
            f"{base}/token",
            MICROSOFT_SCOPE,
            given[CLIENT_SECRET],
            f"{base}/devicecode",
            f"{base}/authorize",
        )
    for name in (TOKEN_URL, DEVICE_URL, AUTHORIZE_URL):
        _web_address(name, given[name])
    return OAuth(
        provider,
        user,
        given[CLIENT_ID],
        given[TOKEN_URL],
        given[SCOPE],
        given[CLIENT_SECRET],
        given[DEVICE_URL],
        given[AUTHORIZE_URL],
    )


def _web_address(variable: str, value: str) -> None:
    parts = urlsplit(value)
    secure = parts.scheme == "https" or (parts.scheme == "http" and _is_this_machine(parts.hostname or ""))
    if value and not (secure and parts.hostname):
        raise BadSetting(variable, "il faut une adresse qui commence par https://", EXAMPLES[variable])


def _address(value: str) -> str:
    address = value.lower()
    if not re.fullmatch(r"[a-z0-9._-]+@[a-z0-9-]+(\.[a-z0-9-]+)+", address):
        problem = "ce n'est pas une adresse seule, sans accent et sans « + »"
        raise BadSetting(ADDRESS, problem, EXAMPLES[ADDRESS])
    if len(address.partition("@")[0]) > LOCAL_PART:
        problem = f"la partie avant « @ » est trop longue : {LOCAL_PART} caractères au plus, pour y ajouter un jeton"
        raise BadSetting(ADDRESS, problem, EXAMPLES[ADDRESS])
    return address


def _server(variable: str, value: str, by_token: bool) -> Server:
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
    if by_token and password:
        raise bad(f"pas de mot de passe ici, puisque {AUTH}=oauth2")
    if not by_token and (bool(user) != bool(password) or (variable == IMAP and not user)):
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
