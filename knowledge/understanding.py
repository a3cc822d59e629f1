# ruff: noqa: E501, SIM905 - one turn of phrase a line, however long
"""Takes a message apart: what is asked, how many times, in which language, and whether someone is in danger. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from knowledge import french

MOST_QUESTIONS = 3


@dataclass(frozen=True)
class Understanding:
    """A message taken apart; `core` is what is left of it without courtesies and signature."""

    core: str
    questions: tuple[str, ...]
    language: str
    smalltalk: str
    distress: tuple[str, ...]
    asks: str
    particular: tuple[str, ...]


def understand(text: str) -> Understanding:
    """Everything that can be told of a message without knowing the base."""
    kept = core(text)
    return Understanding(
        kept, questions(text), language(text), smalltalk(text), distress(text), asks(kept), particular(kept)
    )  # fmt: skip


@lru_cache(maxsize=512)
def _line(text: str) -> str:
    """The words of a text, spelled out, with single spaces."""
    return " ".join(french.plain(text))


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{p})" for p in patterns))


# --- sentences, courtesies, signature ----------------------------------------------------------------------------

_ABBREVIATION = re.compile(r"\b(M|Mme|Mr|Dr|art|n|nb|ex|p|cf|etc|tel|St|Ste)\.\s", re.IGNORECASE)
_BREAK = re.compile(r"(?<=[.!?…])[\s]+|\n+|(?<=[a-zé])\s*;\s+|(?:^|\s)(?=[1-3]\s?[).]\s)|(?<=\?)(?=\w)")
_SIGNATURE = re.compile(
    r"^\s*(--\s*$|_{3,}|envoye (de|depuis)|sent from|telecharger outlook|le .{5,60} a ecrit\s*:|de\s?: .*@|>)"
)
_CLOSING = re.compile(
    r"^\W*(bien |tres )?(cordialement|cdlt|cdt|bien a vous|bien a toi|respectueusement|salutations|sincerement|amicalement"
    r"|sinceres salutations|bonne (journee|soiree|reception|fin de journee|semaine)|dans l'attente|en vous remerciant"
    r"|je vous prie d|veuillez (agreer|recevoir)|recevez|belle journee|a bientot|bises|bisous)\b"
)
_THANKS = re.compile(
    r"^\W*(un grand |mille )?(merci|mrci|mci|remercie|je vous remercie|nous vous remercions|merciii*)"
    r"(\W+(beaucoup|bcp|infiniment|bien|d'avance|davance|par avance|a vous|pour (votre|vos|ta) \w+|de votre \w+|pour tout|et|"
    r"bonne (journee|soiree)|cordialement|de (me|nous) (repondre|lire)|pour (le|la) \w+|encore|en))*\W*$"
)
_GREETING = re.compile(
    r"^\W*(re)?(bonjour|bonsoir|salut|coucou|cc|slt|bjr|bsr|hello|allo|salam|salem|chere?s?|madame|monsieur|mesdames|messieurs|mme|mr)\b"
    r"((\W+|\s+(et|a|l|la|le|de|chere?)\s+)?\b(madame|monsieur|mesdames|messieurs|mme|mr|m|a tous|a toutes|tous|toutes|tout le monde|l'equipe"
    r"|la hotline|chere?s?|collegues?|bonjour|bonsoir|a vous|vous))*\s*[,.!:;\n]*\s*(?=\S|$)"
)
_TAIL = re.compile(
    r"[\s,.;!-]*\b(merci( beaucoup| bcp| d'avance| davance| par avance| pour votre (aide|reponse|retour))*|svp|s'il (vous|te) plait|stp|"
    r"cordialement|bonne journee|bonne soiree|en vous remerciant( d'avance| par avance)?)\s*[.!]*\s*$"
)
_INTRODUCTION = re.compile(
    r"^\W*((et )?(moi )?c'est \w+ (ici|du \w+)|je m'appelle|je me presente|mon nom est|je (suis|fais partie)\b.{0,25}\b(membre|habitante?|"
    r"conseillere?|benevole|du conseil|resident|locataire|nouvelle?|citoyenne?|presidente?|referente?|coanimat\w+|copresidente?)\b[^?]*$"
    r"|nous sommes (un|une|le|des|plusieurs)\b.{0,40}(conseil|habitant|groupe|membre|association)[^?]*$"
    r"|j'habite|nous habitons|je vous (ecris|contacte|sollicite|appelle)|je (me permets|reviens vers|prends contact)|j'espere que vous"
    r"|je vous souhaite|excusez|desolee?|pardon|j'ai (une|deux|juste une|une petite) questions?\W*$|une (petite )?question\W*$|petite question\W*$"
    r"|question\W*$|voila\W*$|bonne annee|meilleurs voeux)"
)
_ASKING = re.compile(
    r"\?|\b(comment|combien|pourquoi|quand|ou est|ou sont|ou en est|ou (peut|trouver|se|puis|faut|on|dois)|qui|quoi|quel|quels|quelle|quelles|est ce que|est ce"
    r"|qu est ce|y a t il|peut on|peut il|doit on|faut il|puis je|pouvez vous|pourriez vous|a quoi|c est quoi|savoir|savoir si|voudrais|voulais"
    r"|aimerais|aimerions|souhaite|souhaiterais|souhaitons|cherche|cherchons|besoin|demande si|demandais|dites moi|dire|expliquer|expliquez"
    r"|as tu|avez vous|a t on|sommes nous|ai je|suis je|dois je|devons nous|pouvons nous|sont ils|est il|est elle|sert)\b"
)


_OPENING = re.compile(
    r"^\W*(?:(?:bonjour|bonsoir|salut|coucou|cc|slt|bjr|moi(?= j)|e+u+h+|h+e+u+|hum+|ben|bah|alors|donc|voila|dites?(?: moi)?|dis(?: moi)?|en fait|bon|excusez[- ]moi|pardon|oui|et|eh bien"
    r"|du coup|juste|s'il vous plait|svp|stp|ok|ah|petite question|une (?:petite )?question|question|par ailleurs|sinon|enfin|aussi|d'abord)\b[\s,.:!;]*)+(?=\w)"
)
_POLITE = re.compile(
    r"^\W*(?:c'(?:est|etait) pour|j(?:e|')?\s?(?:me )?|on (?:se )?|nous (?:nous )?|moi je )\s?"
    r"(?:(?:voudrai[st]?|voulai[st]|voudrions|voulions|aimerai[st]?|aimerions|souhaite(?:rais|rions|nt|r)?|souhaitons|aurais (?:voulu|aime)|aurions (?:voulu|aime)|cherche (?:a)?|"
    r"vx|veux|veut|viens|permets de|me permets de)\s+)?(?:bien |juste |simplement |aussi |de )*(?:vous |te )?(?:savoir|demander|poser la question|demandais|demande|demandions|demandons)\b(?! (?:une|un|des|de|la|le|l'|du))"
    r"[\s,:]*(?:si(?= )|de savoir(?: si)?)?[\s,:]*"
    r"|^\W*(?:est[- ]ce que )?(?:vous |tu |quelqu'un )?(?:sait|pouvez|pourriez|peux|pourrais|savez|sauriez)[- ]?(?:vous |tu )?\s?(?:me |m'|nous )?(?:dire|indiquer|preciser|savoir)?[\s,:]+(?=si |comment|qui|quand|combien|ou |quel|pourquoi|ce que|c'est|a qui)(?:si )?"
)
_TRAILING = re.compile(
    r"[\s,.;]*\b(?:(?:parce que|car|pcq|psk|vu que) (?:moi |nous )?(?:je|j'|on|nous)\s?(?:ne |n'|y )?(?:sais|sait|savons|comprends|comprend|connais|trouve|vois|arrive|suis pas|suis perdue?)\b.{0,60}"
    r"|je (?:ne )?(?:sais|comprends|vois) (?:pas|rien|plus)(?: trop| bien| du tout)?|hein|quoi donc|merci|svp|stp|voila|ou pas|vous savez)\W*$"
)


def sentences(text: str) -> list[str]:
    """Sentences and lines of a message, up to its signature or the first quoted line."""
    lines: list[str] = []
    for line in text.replace("\r", "").split("\n"):
        if _SIGNATURE.match(french.fold(line)):
            if lines:
                break
            continue
        lines.append(line.strip())
    flat = _ABBREVIATION.sub(lambda m: m.group()[:-2] + " ", "\n".join(lines))
    return [part.strip() for part in _BREAK.split(flat) if part and re.search(r"\w", part)]


def _bare(sentence: str) -> str:
    """A sentence without its greeting and its thanks."""
    folded = french.fold(sentence)
    if len(folded) != len(sentence):  # ligatures were spelled out: positions would shift
        sentence = folded
    greeting = _GREETING.match(folded)
    start = greeting.end() if greeting else 0
    tail = _TAIL.search(folded, start)
    end = tail.start() if tail else len(sentence)
    kept = sentence[start:end].strip(" ,;:!-\t")
    for pattern in (_OPENING, _POLITE, _OPENING, _TRAILING):
        shorter = pattern.sub("", french.fold(kept)) if len(french.fold(kept)) != len(kept) else _without(pattern, kept)
        if french.content(french.plain(shorter)):
            kept = shorter
    return kept


def _without(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(french.fold(text))
    return text[: found.start()] + text[found.end() :] if found else text


def _kept(text: str) -> list[str]:
    """The sentences that carry something, courtesies and introductions left out."""
    kept: list[str] = []
    found = sentences(text)
    for number, sentence in enumerate(found):
        folded = french.fold(sentence)
        if kept and _CLOSING.match(folded):
            break
        if _THANKS.match(folded) or _CLOSING.match(folded):
            continue
        bare = _bare(sentence)
        if not re.search(r"\w", bare):
            continue
        if len(found) > 1 and _INTRODUCTION.match(french.fold(bare)) and number < len(found) - 1:
            continue
        kept.append(bare)
    return kept


def core(text: str) -> str:
    """What a message says once greetings, introductions, thanks and signature are taken away; all of it if nothing is left."""
    kept = _kept(text)
    return " ".join(k if k[-1] in "?.!" else k + "." for k in kept)[:1200] if kept else text.strip()[:1200]


_JOINED = re.compile(
    r"(?:,|;|\bet\b|\bpuis\b|\bou\b|\baussi\b|&|\+)\s*(?:aussi |sinon |puis |ensuite |enfin |surtout )?(?=(?:comment|combien|pourquoi|quand|qui\b|quel|quelle|quels|quelles"
    r"|est[- ]ce que|qu'est[- ]ce|c'est quoi|c quoi|c koi|c'est qui|ou (?:est|se|peut|trouver|faut)|y a[- ]t|peut[- ]on|faut[- ]il|a quoi|a qui)\b)"
)


_ANAPHORA = re.compile(
    r"\b(y (?!a)|en (?=est|a|fait|faire|parle|profite)|(?<!est )(?<!t )(il|elle|ils|elles)\b|lui\b|leur\b|cela\b|ca\b(?! veut)|celui\b|celle\b|dedans|dessus|(la|le|les) "
    r"(joindre|contacter|trouver|avoir|demander|faire|obtenir|creer|rejoindre|appeler|voir|remplir|deposer|envoyer|reconnaitre|utiliser|organiser)\b)"
)


def words_of(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def questions(text: str) -> tuple[str, ...]:
    """The questions of a message, three at most; a message that asks only one gives one."""
    kept = _kept(text)
    asking = [k for k in kept if _ASKING.search(french.fold(k) if "?" in k else _line(k))]
    found: list[str] = []
    for sentence in asking:
        folded = french.fold(sentence)
        cuts = [
            m
            for m in _JOINED.finditer(folded)
            if _ASKING.search(folded[: m.start()]) and len(folded[: m.start()].split()) > 2
        ]
        source = sentence if len(folded) == len(sentence) else folded
        at = 0
        for cut in cuts:
            piece = source[at : cut.start()].strip(" ,;")
            if len(piece.split()) > 2 and not _ANAPHORA.search(_line(folded[cut.end() :])):
                found.append(piece)
                at = cut.end()
        found.append(source[at:].strip(" ,;"))
    whole: list[str] = []
    for piece in dict.fromkeys(found):
        stems = french.content(french.plain(piece))
        if whole and (len(stems) < 2 or (len(stems) < 4 and _ANAPHORA.search(_line(piece)))):
            # « et qui y siège ? » means nothing without what it follows
            piece = " ".join(w for w in words_of(whole[-1]) if french.fold(w) not in french.STOP) + " " + piece
        if stems or whole:
            whole.append(piece)
    return tuple(whole[:MOST_QUESTIONS]) or (core(text),)


# --- what kind of answer -----------------------------------------------------------------------------------------

_ASKS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("example", _any(r"\bexemples?\b", r"d autres (conseils|villes|quartiers)", r"autre (conseil|ville|quartier)", r"(?<!par )\bailleurs\b", r"deja fait", r"\bs inspirer\b")),
    ("why", _any(r"\bpourquoi\b", r"pour quelle raison", r"c est quoi l interet", r"a quoi bon")),
    ("when", _any(r"\btous les combien\b", r"\bcombien de fois\b", r"\bquelle frequence\b", r"\bquel rythme\b")),
    ("how_much", _any(r"(?<!les )\bcombien\b(?! de temps)(?! de jours)(?! de fois)(?! d annees)", r"\bquel (montant|budget|prix|tarif|cout|nombre)\b", r"\bquelle somme\b", r"ca coute", r"\bmontant\b", r"\bquel est le montant\b")),
    ("when", _any(r"\bquand\b(?! (on|je|il|elle|ils|nous|vous|un|une|les|le|la|y|meme)\b)", r"\bcombien de (temps|jours|mois)\b", r"combien d annees", r"quelles? dates?", r"\bquel jour\b", r"quelle heure", r"\bdate (limite|du|de la|des)\b", r"\bjusqu a quand\b", r"\bdelais?\b", r"quelle duree", r"\bduree\b", r"a partir de quand", r"\bc est quand\b")),
    ("contact", _any(r"\b(numero|telephone|tel|mail|adresse mail|email|coordonnees)\b", r"\b(contacter|joindre|appeler|contact)\b", r"m adresser a qui", r"a qui (m adresser|s adresser|je m adresse|ecrire|demander|on s adresse|telephoner)", r"\bqui (contacter|appeler|prevenir)\b", r"\bje m adresse a qui\b", r"\bqui je peux (appeler|contacter)\b")),
    ("definition", _any(r"c est quoi", r"qu est ce que? (c est|le|la|l|les|un|une|qu un|qu une)\b", r"veut dire", r"veulent dire", r"\bdefinition\b", r"\bsignifie\b", r"ca veut dire", r"\bqu est ce qu (un|une|on appelle)\b", r"\bqu appelle t on\b", r"kesako", r"\bce quoi\b", r"sens du mot", r"que signifie", r"\bexpliquer? (le|la|les|ce|l)\b")),
    ("role", _any(r"a quoi (sert|servent|ca sert|ca)", r"\b(role|missions?|utilite|fonction)\b", r"\bsert a (quoi|rien)\b", r"\bqu est ce qu (il|elle|ils|on) (fait|font|y fait)\b", r"\bfait quoi\b", r"\bfont quoi\b", r"\bque fait\b")),
    ("who", _any(r"\bqui\b (est|sont|c est|peut|fait|decide|paie|paye|s occupe|siege|participe|a le droit|choisit|dirige|gere|vote|compose|nomme|convoque|organise|prend|signe|finance|va|doit|donne|vient|anime|preside|envoie|valide)", r"\bc est qui\b", r"\bpar qui\b", r"\bavec qui\b", r"\ba qui\b", r"\bchez qui\b", r"\bquels? (acteurs|partenaires|membres|elus|services?)\b", r"\bquelles? personnes?\b")),
    ("where", _any(r"\bou (est|se|trouver|trouve|peut|puis|je|on|sont|c est|aller|deposer|dois|faut|demander|s adresser|ca)\b", r"\bc est ou\b", r"\bquel (endroit|lieu)\b", r"\bquelle (adresse|salle)\b", r"\ba quel endroit\b", r"\bd ou\b")),
    ("change", _any(r"\b(change|changes|changement|nouveau|nouvelle|nouveautes?)\b", r"\bencore (obligatoire|valable|en vigueur)\b", r"\btoujours (obligatoire|valable|en vigueur)\b", r"\bqu est ce qui change\b", r"\bremplace\b")),
    ("rule", _any(r"\b(a t on|on a|ai je|j ai|avons nous|avez vous|ont ils|ils ont) (le )?droit\b", r"\bpeut (on|il|elle)\b", r"\bpeuvent (ils|elles)\b", r"\bpuis je\b", r"\b(est ce|c est|est il|est elle|c) (permis|interdit|obligatoire|autorise|oblige|legal|possible|normal)\b", r"\bobligatoire\b", r"\boblige\b", r"\b(doit|devons|dois|doivent) (on|nous|je|ils|il)?\b", r"\bfaut il\b", r"\binterdit\b", r"\bdroit (de|d|a)\b", r"\best ce qu(e|) ?(on|il|elle|je|ils|un|une|le|la|les|l)? ?\w* ?(peut|peux|peuvent|doit|dois|doivent|faut)\b", r"\bpermis\b", r"\bon peut\b", r"\bje peux\b", r"\bautorise\b")),
    ("list", _any(r"\b(liste|quels? sont|quelles? sont|lesquels|lesquelles)\b", r"\bquels? (types?|sortes?|documents?|papiers?|quartiers?|projets?)\b")),
    ("how", _any(r"\bcomment\b", r"\b(etapes|demarches?|procedure|methode|marche a suivre|mode d emploi|modele|conseils pour|astuces?|idees pour)\b", r"\bque faire\b", r"\bquoi faire\b", r"\bfaut faire quoi\b", r"\bon fait (quoi|comment)\b", r"\bqu est ce qu (il faut|on (doit|peut)) faire\b", r"\baide (pour|a)\b", r"\bfaire pour\b")),
)  # fmt: skip


def asks(text: str) -> str:
    """The kind of answer that a question wants (one of the kinds that entries declare), or "" when it does not say."""
    line = _line(text)
    earliest: tuple[int, str] | None = None
    for kind, pattern in _ASKS:
        found = pattern.search(line)
        if found is not None:
            if kind in ("example", "why"):
                return kind
            if earliest is None or found.start() < earliest[0]:
                earliest = (found.start(), kind)
    return earliest[1] if earliest else ""


_PLACES = (
    r"(bellevue|malakoff|breil|dervallieres|bottiere|pin sec|clos toreau|bout des landes|bout des paves|chene des anglais|port boyer|halveque|nantes nord|nantes sud|ranzay|perray|"
    r"sillon|orvault|reze|herblain|saint herblain|chateau de reze|pilotiere|boissiere|boissiere petit chantilly|plaisance|angers|rennes|nazaire|cholet|le mans|laval|la roche)"
)
_PARTICULAR: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("outcome", _any(
        r"qui (a|ont) (vote|dit|refuse|propose|accepte|decide|gagne|ete (elu|elue|choisi|tire|nomme|retenu)|touche|signe)", r"(vote|votes|voix) (contre|pour)\b.*\b(a|au|hier|derniere?)", r"resultats? (du|de la|des) (vote|scrutin|election|tirage)",
        r"qu est ce qu(i|e| on| ils)? ?(a|ont|on|ils)? ?(ont|a)? ?(ete )?(decide|dit|vote|repondu)\b", r"\bqu (a|ont) (decide|repondu|dit|vote)\b", r"\best ce (que|qu).{0,40}\b(a|ont) (bien )?(vote|accepte|refuse|signe|valide|promis)\b", r"compte rendu (du|de la) (\d|dernier|derniere|reunion du)", r"\b(a t il|a t elle|ont ils|ont elles) (vote|accepte|refuse|valide|dit|signe|ete|eu|recu)\b",
        r"\bdecision (du|de la) (conseil|copil|comite|mairie|reunion) (du|de) \w+")),
    ("file", _any(
        r"ou en (est|sont)", r"\bmon dossier\b", r"\bma (demande|candidature|subvention|reclamation)\b", r"\bnotre (dossier|demande) (a|est|sera|de|n)\b.*\b(\d|passe|accepte|refuse|recu|arrive|traite|avance|valide|retenu)", r"\b(avez vous|vous avez) (bien )?(recu|vu|lu)\b", r"\bmon (numero|allocation|logement|loyer|courrier|virement)\b", r"\best (il|elle|ce) passee?\b", r"\bsuivi de (mon|ma|notre)\b", r"\b(dossier|demande) (numero|n) ?\d", r"\bnotre projet .{0,40}(a t il|retenu|accepte|refuse|passe)\b")),
    ("name", _any(
        r"comment s appelle", r"\ble nom (du|de la|de l|des)\b", r"\bquel est son nom\b", r"\bqui est (le|la|l) ?(\w+ )?(president|presidente|maire|directeur|directrice|delegue|deleguee|prefet|prefete|referent|referente|gardien|adjoint|adjointe|elu|elue|chef|responsable|coordinateur|coordinatrice|animateur|animatrice|tresorier|tresoriere|secretaire)\b.{0,20}\b(a|au|aux|de|du|d)\b " , r"\bqui (preside|dirige|represente|remplace) .*\b(a|au|de|du) " + _PLACES)),
    ("amount", _any(
        r"combien (de|d) (logements|habitants|personnes|places|euros|associations|projets|membres|tours|immeubles|gens|enfants|familles|parkings?|arbres|cameras|policiers)\b.*\b(a|au|aux|de|du|dans|sur|en)\b", r"combien (a|ont|avait|va|vont) .{0,30}\b(coute|couter|touche|recu|depense|donne|paye|verse|gagne)", r"\bcombien (gagne|touche|coute|recoit|paie|paye) (la|le|l|les|monsieur|madame|mon|ma|une?)\b", r"\bcout (du|de la|des) (chantier|travaux|renovation|fresque|projet|fete|parc)\b", r"\bbudget (du|de la|de l) .*\b(\d{4}|" + _PLACES[1:])),
    ("date", _any(
        r"(quand|quel jour|a quelle heure|quelle date|c est quand|quelle heure|date) .{0,25}\b(prochaine?|derniere?|reunion|copil|conseil|fete|inauguration|chantier|travaux|marche|permanence|atelier|cafe|livraison|demolition|ouverture)\b", r"\bprochaine? (reunion|copil|conseil|comite|permanence|rencontre|atelier|fete|assemblee|date|seance)\b.*", r"\bhoraires?\b", r"\ba quelle heure (ouvre|ferme|commence|finit|est|debute)\b", r"\bquand (commencent?|debutent?|finissent?|finit|ouvre|rouvre|demarrent?|sera|seront|arrivent?|passe|passent|vont|est ce qu ils vont)\b")),
    ("private", _any(
        r"\bou (habite|vit|loge|travaille)\b", r"\b(adresse|numero|telephone|portable|mail|email|06) (perso|personnel|personnelle|prive|privee|de (madame|monsieur|mme|m|la presidente|l elue|la voisine|mon voisin))\b", r"\bson (numero|adresse|portable|mail|telephone)\b", r"\bdate de naissance\b", r"\bquel age a\b", r"\bsalaire (de|du)\b", r"\bcombien gagne\b")),
    ("place", _any(r"\b" + _PLACES + r"\b", r"\brue (de|du|des|d|la|le) \w+", r"\b(boulevard|avenue|allee|impasse|square|esplanade) \w+", r"\bnumero \d+\b")),
    ("recent", _any(r"\b(hier|avant hier|ce matin|cet apres midi|ce soir|demain|apres demain|la semaine (derniere|prochaine|passee)|le mois (dernier|prochain)|samedi|dimanche|lundi|mardi|mercredi|jeudi|vendredi|l autre jour|tout a l heure)\b", r"\bderniere? (reunion|copil|conseil|comite|seance|fois|assemblee)\b", r"\bl (an|annee) (dernier|derniere|passee?)\b")),
    ("mine", _any(r"\b(mon|ma|mes) (immeuble|hall|ascenseur|rue|allocation|loyer|facture|chauffage|logement|appartement|voisine?|enfant|fils|fille|mari|carte|titre|passeport|caf|rsa|apl|impots?|voiture|velo|chat|chien|porte|cage|proprietaire|bailleur|patron|employeur)\b")),
)  # fmt: skip
PARTICULAR = tuple(name for name, _ in _PARTICULAR)


def particular(text: str) -> tuple[str, ...]:
    """Signs that a question wants one fact of one place, person, file or day, which a base of rules seldom holds."""
    line = _line(text)
    return tuple(name for name, pattern in _PARTICULAR if pattern.search(line))


# --- small talk --------------------------------------------------------------------------------------------------

_SMALLTALK: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("robot", _any(
        r"\b(es tu|t es|tu es|vous etes|etes vous|vs etes|suis je (en train de )?parle\w* a|je parle a|c est|est ce|y a|il y a) (bien |vraiment |encore )?(un |une |avec un |avec une |a un |a une )?(vrai |vraie |vraies )?(robot|machine|humain|humaine|ordinateur|ia|intelligence artificielle|bot|chatbot|vraie personne|personne reelle|etre humain|personne humaine|automate)\b",
        r"\b(robot|humain|ia|machine|bot) ou (un |une |c est )?(robot|humain|humaine|personne|vraie personne|ia|machine|automatique)\b", r"\bqui me repond\b", r"\bqui repond (a|ici|derriere)\b", r"\bil y a quelqu un (derriere|au bout|la|ici)\b", r"^(?:\w+ ){0,3}(c est|ou c est|ou c) (un )?automatique\b", r"\best ce qu une (vraie )?personne (me )?repond\b", r"\bune vraie personne (qui|me|va)\b", r"\bqui etes vous\b(?!.*\b(pour|dans|a)\b)", r"\b(t es|tu es|vous etes) qui\b", r"^(c est|t) qui( toi)?$", r"\bqui (est ce qui )?me parle\b", r"\b(tu es|t es|vous etes) (un )?programme\b", r"\bquelqu un (au bout du fil|derriere)\b")),
    ("person", _any(
        r"^(humain|parler a un humain|un humain|une personne)$", r"\b(parler|discuter|echanger) (a|avec) (quelqu un|une (vraie )?personne|un (vrai )?humain|la (chargee|dame)|un conseiller)\b", r"\b(veux|voudrais|souhaite|prefere|aimerais|peux je avoir|je peux avoir) (avoir )?(un humain|une vraie personne|quelqu un au telephone|une personne)\b")),
)  # fmt: skip
_CHAT: Mapping[str, str] = {
    "hello": r"cc|(re)?bonjour|bonsoir|salut|coucou|hello|hey|hi|allo|salam|aleykoum|aleikoum|alaykoum|wesh|yo|re|bonne annee|enchante|hola|joyeux noel|joyeuses fetes|bonne fete|nickel|ramadan moubarak|aid moubarak",
    "thanks": r"merci|remercie|remercions|super|parfait|genial|top|nickel|impeccable|bravo|cool|excellent|felicitations|chouette|formidable",
    "bye": r"au revoir|a bientot|a plus|a demain|bonne (journee|soiree|nuit|continuation|fin de journee|semaine)|bon weekend|bon week end|bye|ciao|adieu|a la prochaine|tchao|bisous?|bises",
    "how": r"ca va( bien)?|comment (ca va|vas tu|allez vous|tu vas)|tu vas bien|vous allez bien|quoi de neuf|la forme|comment va",
    "yes": r"oui|non|ok|d accord|bien sur|ca marche|compris|entendu|pas de probleme|je vois|voila|bien recu|c est note|ah|exact|tout a fait|pas grave|rien|c est bon|c est parfait|tant pis|bof",
    "laugh": r"ha( ha)+|ah( ah)+|hi( hi)+|he( he)+|haha\w*|hihi\w*|mort de rire|rire|mdrr+|lol+|c est drole",
    "test": r"test|essai|un deux|ca marche|tu es la|vous etes la|y a quelqu un|il y a quelqu un|quelqu un|allo",
    "rude": r"nul|nulle|idiot|idiote|imbecile|bete|con|conne|connard|connasse|merde|putain|abruti|ta gueule|fuck|debile|stupide|salaud|encule\w*|fdp|pd|tg|va te faire",
}  # fmt: skip
_FILLER = r"et|a|vous|tu|toi|tous|toutes|tout|le|la|les|l|monde|madame|monsieur|mesdames|messieurs|equipe|beaucoup|bien|tres|pour|votre|vos|ta|aide|reponse|reponses|retour|alors|mais|bon|bonne|je|te|c|est|etait|de|d|moi|nous|s|il|plait|avance|par|infiniment|encore|quand|meme|cette|information|informations|info|ca|service|efficace|rapide|gentil|gentille|temps|mon|ma|ami|amie|cher|chere|ici|t|es|que|trop|vraiment|en|effet|mille|fois|grand|un|une|du|coup|toi|deja|aussi|clair|ou|hotline|programme|suis|suis content|contente|content"
_CHAT_WHOLE = {label: re.compile(rf"^(?:(?:{words_}|{_FILLER})\s?)+$") for label, words_ in _CHAT.items()}
_CHAT_HAS = {label: re.compile(rf"\b(?:{words_})\b") for label, words_ in _CHAT.items()}
_ALL_CHAT = re.compile(rf"^(?:(?:{'|'.join(_CHAT.values())}|{_FILLER})\s)*(?:{'|'.join(_CHAT.values())}|{_FILLER})$")


def smalltalk(text: str) -> str:
    """hello, thanks, bye, how, yes, laugh, test, rude: nothing is asked; robot, person: who is there; "" otherwise."""
    line = _line(text)
    if not line:
        return "empty"
    for label, pattern in _SMALLTALK:
        if pattern.search(line) and len(line.split()) <= 18:
            return label
    if len(line.split()) <= 14 and _ALL_CHAT.match(line):
        for label in ("rude", "how", "test", "bye", "thanks", "laugh", "hello", "yes"):
            if _CHAT_HAS[label].search(line):
                return label
    return ""


# --- language ----------------------------------------------------------------------------------------------------

# Words that are frequent in one of the languages and are not French.
_TELLING: Mapping[str, frozenset[str]] = {
    "en": frozenset("the and is are you what how where when who why to of in for with my your we they this that have has can do does not i need want help please hello good morning it be from at which there would like about know get live apartment house city council money will was should could who's what's i'm don't".split()),
    "es": frozenset("el los las una unos que como donde cuando quien por para con mi su es esta estoy son hay tengo quiero necesito puedo ayuda hola buenos dias gracias usted pero muy cual porque ciudad del al y yo nosotros vivo trabajo hacer saber soy cuanto".split()),
    "pt": frozenset("o os as um uma que como onde quando quem por para com meu minha seu sua e esta estou sao ha tenho quero preciso posso ajuda ola bom dia obrigado obrigada voce mas muito qual porque cidade do da dos das no na nos eu moro trabalho fazer saber nao sou quanto isso reuniao".split()),
    "ro": frozenset("si este sunt cum unde cand cine pentru cu meu mea ce am vreau pot ajutor buna ziua multumesc dar foarte care sa nu eu noi oras la din pe un unei lui va rog trebuie stiu locuiesc fac casa acte am nevoie ce-i".split()),
    "tr": frozenset("ve bir bu ne nasil nerede zaman kim icin ile benim ben siz biz var yok istiyorum yardim merhaba tesekkur tesekkurler ederim ama cok hangi neden sehir nedir mi mu degil lazim gerek gun iyi gunler evet hayir para ev oturuyorum konsey toplanti nereye".split()),
}  # fmt: skip
_FRENCH_WORDS = frozenset(
    "le la les un une des du de et est que qui dans pour sur avec pas ne je tu il elle on nous vous ils ce cette mon ma mes votre vos notre nos au aux par plus quoi comment pourquoi quand ou combien bonjour merci c d l qu j s n t y a en sont etes suis ai avez peut faut quel quelle quels quelles mais si bien fait faire".split()
)  # fmt: skip
_MARKS: Mapping[str, str] = {"tr": "şğıİ", "ro": "ășțşţ", "pt": "ãõ", "es": "ñ¿¡"}


def language(text: str) -> str:
    """fr, en, es, pt, ro, tr, ar, ru or uk; what cannot be told is taken for French."""
    letters = [c for c in text if c.isalpha()]
    if not letters:
        return "fr"
    arabic = sum("\u0600" <= c <= "\u06ff" for c in letters)
    cyrillic = sum("\u0400" <= c <= "\u04ff" for c in letters)
    if arabic > len(letters) / 2:
        return "ar"
    if cyrillic > len(letters) / 2:
        lower = text.lower()
        ukrainian = sum(lower.count(c) for c in "іїєґ")
        russian = sum(lower.count(c) for c in "ыэъё")
        return "uk" if ukrainian > russian else "ru"
    tokens = re.findall(r"[a-z']+", french.fold(text))
    tokens = [
        piece for token in tokens for piece in ([token] if token in _TELLING["en"] else token.split("'")) if piece
    ]
    if not tokens:
        return "fr"
    known = _line(text).split()
    ours = sum(t in _FRENCH_WORDS for t in known) + 0.5 * sum(len(t) > 3 and french.frequency(t) >= 4 for t in known)
    best, score = "fr", ours
    for name, telling in _TELLING.items():
        hits = sum(t in telling and t not in _FRENCH_WORDS for t in tokens) + 0.5 * sum(
            t in telling and t in _FRENCH_WORDS for t in tokens
        )
        hits += 1.5 * sum(text.lower().count(mark) for mark in _MARKS.get(name, ""))
        foreign = hits / max(1, len(tokens))
        if hits >= 1.5 and foreign >= 0.25 and hits > score:
            best, score = name, hits
    return best


# --- distress ----------------------------------------------------------------------------------------------------

# Turns of phrase that borrow the words of danger, taken out before anything is looked for.
_FIGURATIVE = _any(
    r"morte?s? de (rire|fatigue|faim|trouille|honte|peur|soif)", r"a mourir de rire", r"(mis|mettre|met|mettent|met on) le feu (au|aux|a la|dans la|dans le|a l) (debat|salle|discussion|poudres|reunion|ambiance|scene|dancefloor|conversation|planches|lac)",
    r"feux? (vert|verts|rouge|rouges|tricolores?|d artifice|de signalisation|de camp|de la rampe|de joie|follet)", r"feu (mon|ma|le|la) (pere|mere|mari|president)\b", r"tout feu tout flamme", r"(poisson|arme) a feu dans", r"pas de fumee sans feu", r"coup de feu (en cuisine|du service)",
    r"(ca|il|elle|tu|cette reunion|ce dossier|la paperasse|le projet|ce projet|l attente) (me|nous) (tue|tuent|saoule a mort)", r"tue(r)? (le|la|l) (temps|projet|debat|democratie|commerce|quartier|initiative|lien)", r"(projet|conseil|quartier|reunion|debat|association|dossier|instance) (est |qui est |qui )?(mort|morte|meurt|agonise|se meurt|va mourir)", r"bombe a retardement", r"se jeter a l eau", r"point mort", r"nature morte", r"bras mort", r"saute[rs]? (de joie|le pas|l etape|du coq)", r"a feu doux", r"pompiers? (volontaires?|de service)", r"caserne",
    r"(battre|battu|battue|battus|bats|bat|battons) (pour|contre|afin)", r"(se|nous|me|on se) (battre|bat|battons|bats)\b(?! (dans|devant|avec un))", r"frapper? (a|aux?) (la |les |toutes les )?portes?", r"crise (de rire|de la|du|economique|sanitaire|politique|du logement|de l)", r"violences? (symbolique|verbale dans le debat)", r"etouffe(nt|r)? (le|la|les|l) (debat|parole|participation)", r"couteau dans le dos", r"le couteau sous la gorge", r"brule[rs]? les etapes",
)  # fmt: skip
_ABOUT = _any(
    r"\b(prevention|prevenir les?|sensibilis\w+|politiques?|plan|projet|projets|programme|charte|lutte|lutter|loi|lois|formation|subvention\w*|financ\w+|statisti\w+|chiffres|etude|definition|theme|thematique|debat|atelier|conference|exposition|assurance|norme|normes|reglement|exercice|alarme|detecteurs?|extincteurs?|consignes?|marche exploratoire|dispositif|association|associations|campagne|journee (internationale|contre)|observatoire|groupe de travail|diagnostic|action contre|actions contre|film|livre|histoire|autrefois|annees? (derniere|passee)|l an (dernier|passe)|hier|avant hier|la semaine derniere|en \d{4}|il y a (\w+ )?(ans|mois|annees|longtemps))\b",
    r"\b(c est quoi|que veut dire|qu est ce que? c est|signifie)\b", r"\bque fait (la|le|l) (mairie|ville|etat|prefecture|conseil|bailleur)\b", r"\bcomment (parler|aborder|lutter|agir|reduire|faire baisser)\b", r"\bqui s occupe\b", r"\bqui est charge\b", r"\bpourquoi\b", r"\bc est juste une reunion\b", r"\bon peut y aller\b",
)  # fmt: skip
_NOW = r"(ce soir|cette nuit|maintenant|en ce moment|la tout de suite|tout de suite|urgent|urgence|vite|au secours|a l aide|aidez moi|svp vite|j ai peur|help)"
_DANGERS: tuple[tuple[str, tuple[str, ...], re.Pattern[str], re.Pattern[str]], ...] = (
    # name, numbers in order, certain whatever surrounds it, possible unless a subject is being discussed
    ("suicide", ("3114", "15", "112"), _any(
        r"\b(me|m) (suicider|suicide|tuer|foutre en l air|pendre|jeter sous|ouvrir les veines|defenestrer|supprimer)\b", r"\b(envie|idee|idees) (de|d) (mourir|en finir|suicide|me tuer|suicidaires?)", r"\b(veux|voudrais|vais|prefere|aimerais|pense a|songe a) (mourir|en finir|crever|disparaitre pour toujours|plus vivre)\b", r"\bfin a (mes|ses) jours\b", r"\bplus (envie|la force|gout) (de|d|a) (vivre|la vie|vie|exister)\b", r"\b(veux|veut) plus vivre\b", r"\b(veut|va|menace de|menacent de|essaie de|essaye de|vient de|parle de|pense a) (se (suicider|tuer|pendre|jeter|foutre en l air)|mourir|en finir)\b", r"\bavale\w* (\w+ ){0,4}(medicaments|cachets|comprimes)\b.*", r"\b(pensees|idees) (suicidaires|noires)\b", r"\bsert plus a rien de vivre\b", r"\bj en peux plus de (la vie|vivre)\b", r"\btentative de suicide\b(?=.*\b(mon|ma|mes|fils|fille|soeur|frere|amie?|voisine?)\b)"),
     _any(r"\bse suicide\b", r"\bsuicidaires?\b", r"\bsaute\w* (par la fenetre|du pont|du balcon|du toit)\b", r"\bsuicide\b")),
    ("couple", ("3919", "17", "114"), _any(
        r"\b(mon|son|ma|l) (ex )?(mari|ex|compagnon|conjoint|copain|homme|mec|compagne|femme|petit ami|concubin|pere|beau pere|frere|fils)\b.{0,30}\b(me|m|la|l|nous) (a )?(bats?|battue?|battu|frappe\w*|tapes?|tape\w*|violent\w*|menace\w*|etrangle\w*|sequestre\w*|cogne\w*|enferme\w*|harcele\w*|gifle\w*|viole\w*|tue\w*)\b", r"\b(je suis|j etais|je me fais|elle est|elle se fait|ma (soeur|fille|mere|voisine|amie|copine) (est|se fait)) (une femme )?(battre|battue|frapper|frappee|taper|tapee|violentee|tabasser|tabassee)\b", r"\bpeur de (mon|son) (mari|ex|compagnon|conjoint|copain|mec|pere|frere)\b", r"\b(frappe|bat|tape|tabasse|cogne) (sa|ma) (femme|copine|compagne|soeur|mere|fille|voisine)\b", r"\bvictime de (violences?|coups|viol)\b(?=.*\b(je|mari|conjoint|chez moi|maison)\b)|\bje (suis|subis|vis) .{0,15}(victime )?(de|des|les) (violences?|coups)\b"),
     _any(r"\bfemmes? (battues?|en danger)\b", r"\bviolences? (conjugales?|faites aux femmes|familiales?|a la maison)\b(?=.*\b(chez|ma voisine|mon amie|je|ma soeur|en ce moment)\b)")),
    ("child", ("119", "17"), _any(
        r"\b(frappe\w*|bats?|tape\w*|maltraite\w*|secoue\w*|brule\w*|enferme\w*|affame\w*|touche\w*|viole\w*|tabasse\w*) (\w+ ){0,2}(son|sa|ses|leurs?|un|une|mon|ma|mes|des|l|les|le|la|petite?) ?(\w+ )?(enfants?|bebe|gamine?s?|fille|fils|gosse|petite?s?|nourrisson|eleve)\b(?! (a|au) (la porte|sport))", r"\b(enfants?|bebe|gamine?|petite?|fille|fils) .{0,25}\b(battue?s?|maltraitee?s?|frappee?s?|en danger|abandonnee?s?|attouchements?|seule? (a la maison|dans l appartement|depuis)|violee?s?|abusee?s?|crie\w* toute la nuit|hurle)\b", r"\bmaltraitance\b(?=.*\b(voisin|enfant|je|ma|mon)\b)", r"\battouchements?\b"),
     _any(r"\benfants? en danger\b", r"\bmaltraitance\b")),
    ("violence", ("17", "112", "114"), _any(
        r"\bcoups? de (feu|couteau)\b(?! en)", r"\b(tire\w*|tirent) (dans|sur) (la rue|les gens|nous|lui|quelqu un|l immeuble|mon|ma|le quartier)\b", r"\b(on|il|ils|elle|un homme|un type|quelqu un|des jeunes|mon voisin|ma voisine) (essaie\w* |essaye\w* |vient |viennent |est en train |sont en train |veut |veulent )?(de |d )?(me|m|nous) (a |ont |avoir )?(frappe\w*|agresse\w*|menace\w*|suit|suivent|poursui\w+|tabasse\w*|attaque\w*|violee?|etrangle\w*|tuer|sequestre\w*)\b", r"\b(je|on) (viens?|vient) de (me faire|se faire|nous faire) (agresser|voler|frapper|cambrioler|braquer|violer|tabasser|attaquer)\b", r"\b(me|m|se) (suis|est|sommes|fait|fais) (fait |fais )?(agresser|agressee?|violer|violee?|frapper|frappee?|tabasser|braquer|poignarder)\b", r"\b(a|ont|avec|sort) un (couteau|flingue|fusil|pistolet|revolver|marteau|hache)\b(?!.*\b(cuisine|atelier)\b)", r"\b(entrer|rentrer|forcer|defonc\w+) (de force |la porte |par effraction )?(chez moi|ma porte|dans (mon|l) appartement|chez nous|chez ma)\b", r"\bon m a (violee?|agressee?|frappee?|poignardee?|menacee?)\b", r"\bmenac\w+ de (mort|me tuer|nous tuer|me frapper)\b", r"\ben train de se (battre|taper|tuer|frapper)\b"),
     _any(r"\bbagarre\b(?=.*" + _NOW + r")", r"\b(fusillade|cambriolage|braquage|prise d otage)\b", r"\bagression\b(?=.*" + _NOW + r")", r"\bje suis en danger\b", r"\bviol\b")),
    ("fire", ("18", "112", "114"), _any(
        r"\b(il y a|y a|au|c est|a pris) (le |du )?feu\b(?! (vert|rouge))", r"\b(immeuble|appartement|appart|cuisine|maison|voiture|poubelles?|cave|hall|cage d escalier|local|balcon|batiment|tour|toit|canape) .{0,15}\b(brule\w*|en feu|prend feu|pris feu|crame|flambe|en flammes)\b", r"\b(incendie|(?<!coups de )(?<!coup de )feu|flammes|fumee)\b.{0,25}\b(chez moi|chez nous|dans (mon|l|notre|la|le) (immeuble|appartement|appart|escalier|cage|hall|cave|cuisine|couloir|palier|tour|batiment)|en cours|au \d|" + _NOW + r")", r"\b(odeur|fuite|sent|ca sent) (de |le |du )?gaz\b(?! (de ville|naturel) c)", r"\bintoxication au monoxyde\b", r"\bca (brule|crame) (chez|dans|de partout|fort)\b"),
     _any(r"\b(un |l )?incendie\b(?=.*(" + _NOW + r"|vient|voisin))", r"\ben flammes\b", r"\bprend feu\b", r"\bpompiers\b(?=.*" + _NOW + r")")),
    ("medical", ("15", "112", "114"), _any(
        r"\b(fait|faire|fais|en plein|vient d avoir|a) (un |une )?(malaise|crise cardiaque|infarctus|avc|arret cardiaque|overdose|convulsions?|crise d epilepsie|hemorragie)\b(?!.*\b(democratique|general|social)\b)", r"\b(respire (plus|pas|mal|tres mal)|arrive (plus|pas) a respirer|ne respire)\b", r"\b(est|tombee?|tombe|git) (inconsciente?|par terre (et|il|elle) (ne |n )?(bouge|repond)|evanouie?|sans connaissance)\b", r"\bs est evanouie?\b", r"\b(saigne|perd) (\w+ )?(beaucoup|enormement|du sang|de sang)\b", r"\bperdu connaissance\b", r"\bmal (a|dans) (la|ma|sa) poitrine\b", r"\b(accouche|perdu les eaux|perd les eaux)\b(?!.*\b(mois dernier|l an)\b)", r"\b(bouge|reagit|repond) plus\b(?=.*\b(mari|mere|pere|fils|fille|bebe|voisine?|personne|homme|femme|enfant|grand)\b)", r"\bs etouffe\b", r"\bs est electrocute\w*\b", r"\bvient (de se faire|d etre) (renverser|percuter|renverse\w*)\b"),
     _any(r"\b(blesse|blessee|blesses)\b(?=.*" + _NOW + r")", r"\bambulance\b(?=.*" + _NOW + r")", r"\bmalaise\b(?=.*" + _NOW + r")")),
    ("roof", ("115",), _any(
        r"\b(je|on|nous|elle|il|ils) (suis|est|sommes|sont|vais|va|allons|dors|dort|dormons|dorment|me retrouve|se retrouve|nous retrouvons|passe|passons) .{0,25}\b(a la rue|dehors (ce soir|cette nuit|depuis|avec|dans le froid)|sans (abri|toit|logement ce soir))\b", r"\b(dormir|dors|dort|dormons|dorment|couche|nuit|nuits) (\w+ ){0,2}(dehors|dans (la rue|ma voiture|une voiture|la voiture|le hall|un hall|la cave|le parking|une tente|un squat|une cage)|a la rue)\b", r"\b(nulle part|pas d endroit|aucun endroit|pas de toit|pas d hebergement|plus d hebergement|aucune? (hebergement|solution)|plus de toit|sans toit|ne sais pas ou|sais pas ou|savons pas ou|sait pas ou) .{0,15}\b(dormir|loger|passer la nuit|aller ce soir|aller dormir|ce soir|cette nuit)\b", r"\b(je|on|nous|j ai|m|me) .{0,20}\b(expulse\w*|mise? dehors|jetee?s? dehors|mise? a la porte|viree?)\b(?=.*\b(ce soir|ce matin|aujourd|cette nuit|hier|maintenant|mon mari|mes parents|mes affaires|sans solution|de chez moi|de chez nous)\b)", r"\bpas de toit (pour|ce|cette)\b", r"\bsans abri ce soir\b", r"\b(suis|sommes|est) sdf\b"),
     _any(r"\bdehors ce soir\b", r"\b(a la rue|dort dehors|dorment dehors|sans abri|sdf)\b(?=.*" + _NOW + r")")),
)  # fmt: skip
_DEAF = _any(
    r"\b(sourd|sourde|sourds|malentendante?|sourde? et muette?|aphasique|muette?)\b",
    r"\bpeux pas (parler|telephoner|appeler|faire de bruit)\b",
    r"\bpas (parler|telephoner) (fort|a voix haute|au telephone)\b",
    r"\bentends? (pas|plus|rien)\b",
)
_EMERGENCY = _any(
    r"\b(urgence|urgent|secours|danger|police|pompiers|samu|ambulance|feu|agress\w+|malaise|au secours|aidez moi|mal)\b"
)
_CHILD_WORDS = re.compile(r"\b(enfants?|bebe|gamins?|fils|fille)\b")


def distress(text: str) -> tuple[str, ...]:
    """Emergency numbers that fit a message, the most fitting first; empty unless somebody seems to be in danger now.

    Service-public.fr: 15 Samu, 17 police, 18 pompiers, 112 Europe, 114 by SMS for those who cannot hear or speak,
    115 a roof, 119 children, 3114 suicide, 3919 violence against women.
    """
    line = _FIGURATIVE.sub(" ", _line(text))
    about = bool(_ABOUT.search(line))
    numbers: dict[str, None] = {}
    for _, fitting, certain, possible in _DANGERS:
        if (certain.search(line) and not (about and _discussed(line))) or (not about and possible.search(line)):
            numbers.update(dict.fromkeys(fitting))
    if _DEAF.search(line) and (numbers or (_EMERGENCY.search(line) and not about)):
        return tuple(dict.fromkeys(("114", *numbers)))
    return tuple(numbers)


_FIRST_PERSON = re.compile(r"\b(je|j|me|m|moi|mon|ma|mes|nous|chez|voisine?s?)\b")


def _discussed(line: str) -> bool:
    """Whether a subject is spoken of, nobody near being concerned."""
    return not _FIRST_PERSON.search(line) and not re.search(_NOW, line)
