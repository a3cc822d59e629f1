"""What one line of a table of members says: who, of which council, how they are reached, where they sit."""

import re
from dataclasses import dataclass

from bot.desk.members import EMAIL, KINDS, LANGUAGES, phone
from bot.sheets import Line, Problem, fold, listed
from channels import manners, writable
from channels.contract import Address

COLUMNS: dict[str, tuple[str, ...]] = {
    "conseil": ("conseil citoyen", "nom du conseil", "quartier", "council"),
    "ville": ("commune", "city"),
    "nom": ("personne", "nom et prénom", "prénom et nom", "nom prénom", "prénom nom", "membre", "name"),
    "prénom": ("first name",),
    "type": ("statut", "kind"),
    "téléphone": ("tel", "mobile", "portable", "numéro", "numéro de téléphone", "n de téléphone", "sms", "phone"),
    "email": ("e-mail", "mail", "courriel", "adresse mail", "adresse e-mail", "adresse électronique"),
    "canal": ("canal préféré", "préférence", "préféré", "channel"),
    "siège": ("sièges", "instance", "instances", "comités", "seat", "seats"),
    "langue": ("language",),
}
REQUIRED = ("conseil", "nom")
CHANNELS = (*writable(), "phone")
CHANNEL_WORDS = {word: name for name in CHANNELS for word in (name, *manners(name).words)}
SEAT_WORDS = (
    ("copil", r"copil|comite de pilotage|pilotage|oui|x"),
    ("cotech", r"cotech|comite technique|technique"),
    ("interconseil", r"inter ?conseils?"),
)
NO_SEAT = ("non", "aucun", "sans", "0")


@dataclass(frozen=True)
class Wanted:
    """A person as one line says it; None or empty where it says nothing."""

    line: Line
    council: str
    city: str
    name: str
    kind: str  # empty: not said
    addresses: tuple[Address, ...]
    channel: str
    seats: dict[str, str] | None  # committee kind -> role; None: not said
    language: str


def wanted_of(line: Line, columns: frozenset[str]) -> tuple[Wanted, list[Problem]]:
    problems: list[Problem] = []
    name = " ".join(f"{line['prénom']} {line['nom']}".split())
    if not line["nom"]:
        problems.append(line.problem("nom", "à remplir"))
    kind = ""
    if line["type"]:
        kind = next((k for word, k in KINDS.items() if fold(line["type"]).startswith(word)), "")
        if not kind:
            problems.append(line.problem("type", f"« {line['type']} » est inconnu. Écrivez {' ou '.join(KINDS)}"))
    addresses = []
    for part in listed(line["téléphone"], "|;,/\n"):
        found = phone(part)
        if found is None:
            problems.append(line.problem("téléphone", f"« {part} » n'est pas un numéro. Exemple : 06 12 34 56 78"))
        else:
            addresses.append(found)
    for part in listed(line["email"], "|;,\n"):
        if len(part) > 254 or ".." in part or not EMAIL.fullmatch(part):
            problems.append(line.problem("email", f"« {part} » n'est pas un e-mail. Exemple : awa@exemple.fr"))
        else:
            addresses.append(Address("email", part.lower()))
    channel = ""
    if line["canal"]:
        channel = CHANNEL_WORDS.get(fold(line["canal"]), "")
        if not channel:
            known = f"{', '.join(writable())}, téléphone"
            problems.append(line.problem("canal", f"« {line['canal']} » est inconnu. Canaux connus : {known}"))
    seats: dict[str, str] | None = None
    if "siège" in columns:
        seats = _seats(line, problems)
    if not line["conseil"]:
        if seats:
            problems.append(line.problem("conseil", "à remplir : un siège est le siège d'un conseil"))
        elif kind in ("", "member"):
            problems.append(line.problem("conseil", "à remplir (sauf pour un partenaire ou une institution)"))
    language = fold(line["langue"])
    language = LANGUAGES.get(language, language)
    if language and not re.fullmatch(r"[a-z]{2,3}", language):
        problems.append(line.problem("langue", f"« {line['langue']} » est inconnue. Exemple : français, ou fr"))
    council, city = " ".join(line["conseil"].split()), " ".join(line["ville"].split())
    return Wanted(line, council, city, name, kind, tuple(addresses), channel, seats, language), problems


def _seats(line: Line, problems: list[Problem]) -> dict[str, str]:
    """« copil, cotech (suppléant) » -> {"copil": "titulaire", "cotech": "suppleant"}; a role alone: all, or COPIL."""
    seats: dict[str, str] = {}
    common, alone = "titulaire", False
    for part in re.split(r"[|,;/+\n]|\bet\b", line["siège"]):
        words = fold(part)
        if not words or words in NO_SEAT:
            continue
        role = "suppleant" if re.search(r"\bsuppleant", words) else "titulaire" if "titulaire" in words else ""
        kinds = [kind for kind, pattern in SEAT_WORDS if re.search(rf"\b(?:{pattern})\b", words)]
        for kind in kinds:
            seats[kind] = role
        if not kinds and role:
            common, alone = role, True
        if not kinds and not role:
            known = "copil, cotech, interconseil, suivis de titulaire ou suppléant"
            problems.append(line.problem("siège", f"« {part.strip()} » est inconnu. Écrivez {known}"))
    if alone and not seats:  # « titulaire » and no more: where a seat matters first
        return {"copil": common}
    return {kind: role or common for kind, role in seats.items()}
