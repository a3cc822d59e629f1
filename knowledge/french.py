# ruff: noqa: SIM905 - a list of a hundred words reads better as words
"""French as people type it: folded, spelled out, corrected against what the base says, cut to stems. Pure."""

from __future__ import annotations

import re
import unicodedata
from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from zlib import crc32

import Stemmer
from rapidfuzz import process
from rapidfuzz.distance import OSA

LEXICON = Path(__file__).parent / "lexicon"

_LIGATURES = str.maketrans(
    {"œ": "oe", "æ": "ae", "ß": "ss", "’": "'", "‘": "'", "`": "'", "´": "'", "ʼ": "'", "\u00a0": " ", "\u202f": " "}
)
_FOLDED = dict(_LIGATURES) | str.maketrans("àâäáãåçèéêëîïíìñôöóòõûüùúÿý", "aaaaaaceeeeiiiinooooouuuuyy")
_WORD = re.compile(r"[a-z0-9]+")
_ELISION = re.compile(r"\b(l|d|j|m|t|s|n|c|qu|jusqu|lorsqu|puisqu|quoiqu|quelqu)'(?=[a-z0-9])")
_WHOLE = re.compile(r"\baujourd'?\s?hui\b|\bprud'homm(e|es|al)\b")
_REPEATED = re.compile(r"([a-z])\1{2,}")
_DOTTED = re.compile(r"\b(?:[a-z]\.){2,}")


def fold(text: str) -> str:
    """Lower case, without accents, ligatures or typographic apostrophes; punctuation stays."""
    text = text.lower().translate(_FOLDED)
    if text.isascii():
        return text
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


# SMS shorthand and phonetic spellings, each a whole token after folding. Words that are also ordinary French
# (« sa », « ses », « est ») are left alone: a wrong expansion costs more than a missed one.
_SHORTHAND_TABLE = """
a2m1 = a demain
ac avc = avec
admin = administration
ag = assemblee generale
ajd ajdh auj ojd ojdh ojourdui ojourdhui aujourdui aujourdhui aujoudhui = aujourd hui
alr alrs = alors
ama = a mon avis
appart apart = appartement
apre apr = apres
aprem aprm = apres midi
asap = rapidement
askip = a ce qu il parait
ass assoc assos asso = association
att = attendre
auci ossi osi = aussi
avk avek = avec
b1 bi1 = bien
bagnole bagnoles = voiture
bcp bcps bocou bocoup bcq = beaucoup
biensur = bien sur
bj bjr bjour bonjr bjrr slt salu slu kikou coucou wesh wsh yo hello hey = bonjour
bne = bonne
bp = beaucoup
bsr bonswar = bonsoir
budg = budget
cest = c est
cad cadr = c est a dire
capter = compris
cb cbien kombien combi1 conbien kb = combien
chai chepa jsp jspas chais = je ne sais pas
chak chq = chaque
cho = chaud
cke ceke = ce que
cki ceki = c est qui
ckoi cekoi cquoi ckwa = c est quoi
cmb = combien
cmen cmt coman komen komment koment commen coment comen cmnt cmmt kmt = comment
conf = confirmer
coord coords = coordonnees
cr = compte rendu
crs = compte rendu
ctt cte cete = cette
cv = ca va
d1 = d un
dak dac dacc daccord dacor dakor = d accord
daron darons daronne = parents
dc dnc donk = donc
dcp dukou ducou = du coup
dej = deja
derien = de rien
dir = direction
dispo = disponible
dmd dmde dmder = demander
dmn = demain
dom = domicile
doss = dossier
dossie = dossier
dpt dept = departement
ds dan dns = dans
dsl dzl = desole
ect = et cetera
ek ekip = equipe
enft = en fait
ensbl ensemb = ensemble
entk = en tout cas
estc estce esce eske esk esque estske = est ce que
exp = exemple
expli explik = explique
fautil fotil = faut il
fct = fonction
fnct = fonctionne
fo fau = faut
fodrai = faudrait
fok foke = faut que
fric thune thunes pognon sousou = argent
frmation = formation
g ge = j ai
galere galerer = difficulte
gd = grand
gde = grande
gds = grands
gosse gosses mioche mioches minot minots = enfants
gratos = gratuit
grp grpe = groupe
gvt gouv = gouvernement
hab habitt = habitant
hrs = heures
hs = hors service
imm = immeuble
imp impt = important
inf info infos = information
ing = ingenieur
insc inscript = inscription
jai = j ai
jaimerai jaimerais jmerai = j aimerais
jame jms jamai = jamais
jattend jattends = j attends
javais javai = j avais
jcherche = je cherche
jcompren jcomprend jcomprends = je comprends
jconnais jconnai = je connais
jdemande = je demande
jdois jdoi = je dois
jfais jfai jfe = je fais
jhabite jabite = j habite
jme = je me
jn = je ne
jpe jpeu jpeux jpx = je peux
jpense jpence = je pense
jsais jsai jse = je sais
jss = je suis
jsui jsuis jsuie chui chuis jsus = je suis
jte = je te
jtrouve = je trouve
justif justifs = justificatif
jv jvais jvai jva = je vais
jve jveu jveux jvx = je veux
jvoudrai jvoudrais jvoudre jvoulais jvoulai jvoule = je voudrais
kan kand qd qnd qan kd = quand
kar = car
kartier kartie cartier quartie qartier qrtier = quartier
ke = que
kel kele kels kelle kl ql qlle qle qel qelle = quel
kelk kelke kelkun qqun qq1 qqn quelqun kelq1 = quelqu un
kelkechose qqch qqchose kelkchose qch = quelque chose
kelkpart = quelque part
kelles = quelles
keske kes kesk kske kesque keskon questce quesque queske qesque qesq = qu est ce que
keskece kesako kezako quesako queskece kesketu kesceke = qu est ce que c est
kestion kestions qstion qst = question
keuf keufs flic flics = police
ki = qui
kil kils qil qils quil quils = qu il
koi koa kwa kwoi qoi koid = quoi
koi2neuf = quoi de neuf
komune = commune
kon = qu on
konseil konsey consey cnseil = conseil
kont = compte
lakel lakelle = laquelle
lekel lequell = lequel
lgt logt lgmt = logement
lgtps lgtemps lontemps lontan = longtemps
lib = libre
ls = les
maj = mise a jour
mdp = mot de passe
mdr lol ptdr xd = rire
mds = maison des
mecs = homme
mercii mci mrc mrci merki thx = merci
mess msg mesg = message
meufs = femme
mm mem = meme
mme mdame = madame
mnsr mr = monsieur
mnt maint mtn mntn mtnt mtnan maintenan = maintenant
moy = moyen
mq = manque
msieur = monsieur
nb nbre nbr = nombre
nn nan nop = non
nouvo = nouveau
np = pas de probleme
nrmlt normalmt = normalement
ns nou = nous
num numer numro = numero
oki okay okey = ok
oqp = occupe
ordi = ordinateur
org orga = organisation
otr otre = autre
ouai wai ouep we = oui
parcke parck pcq pck parske parceke paske psk pske = parce que
pb pbl pbm prb prbl pblm blem = probleme
pdt pdnt = pendant
pe ptet ptetre peutetre ptt = peut etre
pers persn prsn prs = personne
pk pkoi pq pkwa prkoi pourkoi pourqoi prquoi pqoi pourq pkoa porkoi = pourquoi
pls plz stp svp silvouplai silvousplait svpl sivouplait silteplai sivouplai = s il vous plait
plu = plus
pluzieur plsrs plsr plusieur = plusieurs
poss = possible
pourai pourrai = pourrais
pr por = pour
prblm = probleme
presid prez = president
procha1 proch prochin = prochain
proj prjt = projet
proprio proprios = proprietaire
pt = petit
pte ptite = petite
pti ptit ptits = petit
pv = proces verbal
q k = que
qc kc = quelque chose
qlq qlqs = quelque
qlqch = quelque chose
qlqn qlq1 = quelqu un
qq qques qqs kelkes = quelques
r1 ri1 = rien
rdc = rez de chaussee
rdv rdvs rendezvous rdvou = rendez vous
rdva = rendez vous a
recap = recapitulatif
relou relous = penible
rens rensei rensegn renseignt = renseignement
repon = repondre
resp respon = responsable
resto = restaurant
reu reun reus = reunion
sanscompter = sans compter
savoi = savoir
semn sem = semaine
sinn = sinon
sk ske seke = ce que
soc = social
ss = sans
subv subvent = subvention
sui = suis
sympa = sympathique
taf taff boulot = travail
tafait = tout a fait
tarifs = tarif
teuf = fete
tjr tjrs tjs toujour tjours toujrs = toujours
tkt = ne t inquiete pas
tlm tlmonde = tout le monde
toubib = medecin
tph telef = telephone
tps tem = temps
tro = trop
ts = tous
tt tou = tout
tte = toute
ttes = toutes
tts = tous
tv = television
txt = texte
vla = voila
vlt = veulent
vot = votre
vou = vous
voudrai = voudrais
vrmt vrm vrmnt = vraiment
vs = vous
vz = vous
wkd = week end
ya = il y a
yatil yati = y a t il
yora = il y aura
zarbi = bizarre
zon = zone
"""

SHORTHAND: Mapping[str, tuple[str, ...]] = {
    form: tuple(expansion.split())
    for line in _SHORTHAND_TABLE.strip().splitlines()
    for forms, expansion in [line.split(" = ")]
    for form in forms.split()
}

STOP = frozenset(
    """a ai aie aient ait allez alors as au aucun aura aurait aussi autre autres aux avais avait avant avec avez
    avoir avons bah ben bien bonjour bonsoir c ca car ce ceci cela celle celles celui ces cet cette ceux chez ci
    comme d dans de des deja depuis du en entre es est et etaient etait etant etc ete etes etre eu euh eux fait
    faire faut fois font hein hui il ils ici j je l la le les leur leurs lui m ma mais me meme memes merci mes
    moi mon monsieur madame n ne ni non nos notre nous on ont ou oui par parce pas peu peut peux plait plus pour
    pourrais pourrait pourriez pouvez pu puis qu quand que quel quelle quelles quels quelque quelques qui quoi s
    sa sans savoir se sera serait ses si sinon soit son sont sous suis sur svp t ta tel te tes toi ton tous tout
    toute toutes tres trop tu un une va vais vers veut veux voila voir vos votre vous voudrais vraiment y
    aimerais souhaite souhaiterais voulais dire dit sais donc bonne cordialement avance aujourd ok eh oh ah
    coucou salut""".split()
)


def words(text: str) -> list[str]:
    """The folded words of a text, elisions cut, in order and with nothing left out."""
    folded = fold(text)
    folded = _DOTTED.sub(lambda m: m.group().replace(".", ""), folded)
    folded = _WHOLE.sub(lambda m: m.group().replace("'", "").replace(" ", ""), folded)
    folded = _ELISION.sub(r"\1 ", folded)
    folded = _REPEATED.sub(r"\1\1", folded)
    return _WORD.findall(folded)


_SPOKEN = (
    (re.compile(r"\bc ki\b"), "c est qui"),
    (re.compile(r"\bc ke\b"), "c est que"),
    (re.compile(r"\bki c\b"), "qui c est"),
    (re.compile(r"\bc a dire\b"), "c est a dire"),
    (re.compile(r"\by a t il\b|\bya t il\b|\by a til\b|\bya til\b|\by a ti\b"), "y a t il"),
    (re.compile(r"\ba koi ser(t|s)?\b|\ba quoi ser\b"), "a quoi sert"),
    (re.compile(r"\b(es|est|esse) (ce|se) (que|qu|ke|k)\b"), "est ce que"),
    (re.compile(r"\bkes (ke|k|que)\b|\bques(t)? ce (que|ke|k)\b"), "qu est ce que"),
    (re.compile(r"\b(sa|ca) sert\b"), "ca sert"),
    (re.compile(r"\bsa (veut|veu|vx) dire\b"), "ca veut dire"),
    (re.compile(r"\bses quoi\b|\bs est quoi\b|\bcest quoi\b|\bc quoi\b|\bse quoi\b"), "c est quoi"),
    (re.compile(r"\bcomment sa\b"), "comment ca"),
    (re.compile(r"\bc t\b"), "c etait"),
    (re.compile(r"\bc(?! (est|et|etait|etaient|ete)\b)\b"), "c est"),
    (re.compile(r"^cc\b(?= [a-z])"), "bonjour"),
    (re.compile(r"\bp t etre\b"), "peut etre"),
)


def spell_out(tokens: Iterable[str]) -> list[str]:
    """Replace SMS shorthand by the words it stands for."""
    line = " ".join(tokens)
    for pattern, plain in _SPOKEN:
        line = pattern.sub(plain, line)
    result: list[str] = []
    for token in line.split():
        result.extend(SHORTHAND.get(token, (token,)))
    return result


class _Lexicon:
    """French word forms with a frequency from 0 (rare) to 9, kept as sorted checksums: half a megabyte, not twenty."""

    def __init__(self) -> None:
        pairs: dict[int, int] = {}
        level = 0
        for line in (LEXICON / "french.txt").read_text("utf-8").splitlines():
            if line.startswith("["):
                level = int(line[1:-1])
            else:
                pairs[crc32(line.encode())] = level
        for word in words((LEXICON / "modern.txt").read_text("utf-8")):
            pairs.setdefault(crc32(word.encode()), 4)
        self.keys = array("I", sorted(pairs))
        self.levels = bytes(pairs[key] for key in self.keys)

    def level(self, word: str) -> int:
        key = crc32(word.encode())
        at = bisect_left(self.keys, key)
        return self.levels[at] if at < len(self.keys) and self.keys[at] == key else -1


@cache
def _lexicon() -> _Lexicon:
    return _Lexicon()


@lru_cache(maxsize=20000)
def frequency(word: str) -> int:
    """How common a folded word is in French, 9 (most common) to 0, or -1 when no lexicon knows it."""
    level = _lexicon().level(word)
    if level < 0 and len(word) > 3 and word[-1] in "sx":
        return _lexicon().level(word[:-1])
    return level


_STEMMER = Stemmer.Stemmer("french", 20000)


@lru_cache(maxsize=50000)
def stem(word: str) -> str:
    """The stem of a folded word (Snowball, then the plural that Snowball leaves on vowels)."""
    if word.isdigit() or len(word) < 3:
        return word
    stemmed: str = _STEMMER.stemWord(word)
    if len(stemmed) > 3 and stemmed[-1] in "sx":
        stemmed = stemmed[:-1]
    return stemmed


_SOUNDS = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in (
        (r"(?<=..)[sx]$", ""),
        (r"ph", "f"), (r"qu|q|ck|c(?=[aourlt])|c$", "k"), (r"eau|au", "o"), (r"ai|ei|et$|er$|ez$|ee$|es$", "e"),
        (r"ss|c(?=[eiy])|sc(?=[ei])|t(?=ion)", "s"), (r"an|am|en|em", "an"), (r"in|ain|ein|un|im|ym", "in"),
        (r"om", "on"), (r"y", "i"), (r"gu(?=[ei])", "g"), (r"g(?=[eiy])", "j"), (r"h", ""), (r"([a-z])\1", r"\1"),
        (r"[eszxtdp]+$", ""),
    )
)  # fmt: skip


@lru_cache(maxsize=50000)
def sound(word: str) -> str:
    """A rough phonetic key: words that French ears confuse share it."""
    for pattern, plain in _SOUNDS:
        word = pattern.sub(plain, word)
    return word


class Spelling:
    """Corrects words that no lexicon knows towards the words that the base uses."""

    def __init__(self, vocabulary: Mapping[str, int] | Collection[str]) -> None:
        counts = vocabulary if isinstance(vocabulary, Mapping) else dict.fromkeys(vocabulary, 1)
        self.counts = {w: n for w, n in counts.items() if len(w) > 3 and w.isalpha()}
        self.known = frozenset(counts)
        self.by_length: dict[int, list[str]] = {}
        self.by_sound: dict[str, list[str]] = {}
        for word in sorted(self.counts, key=lambda w: (-self.counts[w], w)):
            self.by_length.setdefault(len(word), []).append(word)
            self.by_sound.setdefault(sound(word), []).append(word)
        self._cache: dict[str, tuple[str, ...]] = {}

    def word(self, word: str) -> tuple[str, ...]:
        """The word itself, its correction, or the two words that were typed as one."""
        if len(word) < 4 or not word.isalpha() or word in self.known or frequency(word) >= 0:
            return (word,)
        if word not in self._cache:
            if len(self._cache) > 20000:
                self._cache.clear()
            self._cache[word] = self._correct(word)
        return self._cache[word]

    def _correct(self, word: str) -> tuple[str, ...]:
        allowed = 1 if len(word) < 6 else 2 if len(word) < 12 else 3
        near: dict[str, float] = {}
        for length in range(len(word) - allowed, len(word) + allowed + 1):
            for candidate, distance, _ in process.extract(
                word, self.by_length.get(length, ()), scorer=OSA.distance, score_cutoff=allowed, limit=5
            ):
                near[candidate] = float(distance)
        key = sound(word)
        for candidate in self.by_sound.get(key, ()):
            near.setdefault(candidate, min(float(OSA.distance(word, candidate)), allowed + 0.5))
        best: tuple[float, bool, int, str] | None = None
        for candidate, cost in near.items():
            # People seldom miss the first letter, and often write what they hear.
            cost += -0.6 if sound(candidate) == key else candidate[0] != word[0]
            if cost <= allowed:
                ranked = (cost, candidate in STOP, -self.counts[candidate], candidate)
                best = ranked if best is None or ranked < best else best
        if best is not None:
            return (best[3],)
        for cut in range(3, len(word) - 2):
            left, right = word[:cut], word[cut:]
            if self._is_word(left) and self._is_word(right):
                return left, right
        return (word,)

    def _is_word(self, word: str) -> bool:
        return word in self.counts or (len(word) > 3 and frequency(word) >= 5)

    def text(self, tokens: Iterable[str]) -> list[str]:
        """Every token corrected, in order."""
        return [corrected for token in tokens for corrected in self.word(token)]


def plain(text: str, spelling: Spelling | None = None) -> list[str]:
    """Words of a text, shorthand spelled out and, when a speller is given, corrected."""
    tokens = spell_out(words(text))
    return spelling.text(tokens) if spelling is not None else tokens


def content(tokens: Iterable[str]) -> list[str]:
    """The stems of the words that carry meaning."""
    return [stem(token) for token in tokens if token not in STOP]


@cache
def _synonyms() -> dict[tuple[str, ...], str]:
    """Stems of each expression of synonyms.txt -> the concept that it belongs to."""
    table: dict[tuple[str, ...], str] = {}
    path = LEXICON / "synonyms.txt"
    for line in path.read_text("utf-8").splitlines() if path.exists() else ():
        if ":" not in line or line.startswith("#"):
            continue
        concept, expressions = line.split(":", 1)
        for expression in (concept, *expressions.split(",")):
            stems = tuple(stem(word) for word in words(expression))
            if stems:
                table[stems] = stem(words(concept)[0]) if " " not in concept.strip() else concept.strip()
    return table


@cache
def _first_stems() -> frozenset[str]:
    return frozenset(stems[0] for stems in _synonyms())


def concepts(stems: list[str]) -> list[str]:
    """The concepts that a question's stems name, longest expressions first."""
    table, found, at = _synonyms(), [], 0
    first = _first_stems()
    while at < len(stems):
        for size in (4, 3, 2, 1) if stems[at] in first else ():
            concept = table.get(tuple(stems[at : at + size])) if at + size <= len(stems) else None
            if concept is not None:
                found.append(concept)
                at += size
                break
        else:
            at += 1
    return found
