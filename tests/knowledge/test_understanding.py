"""A message is taken apart: courtesies, questions, language, small talk, danger."""

import re
from itertools import chain

import pytest

from knowledge import seed, understanding
from knowledge.understanding import (
    asks,
    core,
    distress,
    language,
    particular,
    questions,
    smalltalk,
    terms,
    topics,
    understand,
)

MAIL = """Bonjour Madame,

Je suis membre du conseil citoyen de mon quartier depuis deux ans. Comment trouver une salle pour nos réunions ?

Je vous remercie par avance de votre réponse.
Bien cordialement,
Karim B.
06 11 22 33 44
> Le 3 mars, la hotline a écrit :
> Bonjour
"""


def test_a_mail_is_read_without_its_courtesies_and_signature() -> None:
    assert core(MAIL) == "Comment trouver une salle pour nos réunions ?"


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("euh bonjour voilà je voulais savoir comment entrer parce que moi je sais pas trop", "comment entrer."),
        ("Bonjour, pouvez-vous me dire comment on crée une asso ? Merci", "comment on crée une asso ?"),
        ("je voudrais demander une subvention", "je voudrais demander une subvention."),
        ("Bonjour", "Bonjour"),
    ],
)  # fmt: skip
def test_fillers_go_and_the_question_stays(said: str, left: str) -> None:
    assert core(said) == left


def test_several_questions_are_seen_three_at_most() -> None:
    assert (
        len(questions("Qui paie la salle ? Quand a lieu la réunion ? Où est le local ? Qui préside le groupe ?")) == 3
    )
    assert questions("comment trouver une salle gratuite et qui peut garder les enfants pendant la réunion ?") == (
        "comment trouver une salle gratuite",
        "qui peut garder les enfants pendant la réunion ?",
    )


@pytest.mark.parametrize(
    ("said", "second"),
    [
        ("c koi 1 copil é ki vien", "ki vien copil"),
        (
            "Comment lister les sujets de la séance, combien de jours avant ?",
            "combien de jours avant lister sujets séance",
        ),
        ("Il y a un délégué du préfet ? Et pourquoi ?", ""),
    ],
)
def test_the_second_question_carries_what_it_leans_on(said: str, second: str) -> None:
    found = questions(said)
    assert (found[1] if len(found) > 1 else "") == second


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("mission locale et contrat de ville", ("mission locale", "contrat de ville")),
        ("Mission locale, contrat de ville", ("Mission locale", "contrat de ville")),
        ("mission locale", ()),
        ("comment joindre la mission locale et le délégué", ()),
        ("tables, chaises et salle", ()),
    ],
)
def test_subjects_named_together_are_told_apart(text: str, named: tuple[str, ...]) -> None:
    assert topics(text) == named


def test_what_leans_on_the_sentence_before_is_not_cut_from_it() -> None:
    assert questions("c'est quoi le copil et qui y siège ?") == ("c'est quoi le copil et qui y siège ?",)


@pytest.mark.parametrize("pair", [("un QPV", "le COPIL"), ("le COPIL", "un QPV"), ("la charte", "un avenant")])
def test_a_question_for_the_meaning_of_a_word_leans_on_nothing(pair: tuple[str, str]) -> None:
    first, second = pair
    asked = (f"C'est quoi {first} ?", f"C'est quoi {second} ?")
    assert questions("\n".join(asked)) == asked
    assert questions(f"Comment trouver une salle ? {asked[1]}")[1] == asked[1]
    assert questions(f"{asked[0]} Et {second} ?")[1] == f"c est quoi {second.lower()}"


@pytest.mark.parametrize("more", ["Et le budget ?", "C'est quoi les dates ?", "C'est obligatoire ?", "Qui décide ?"])
def test_what_belongs_to_the_word_before_leans_on_it(more: str) -> None:
    assert questions(f"C'est quoi le COPIL ? {more}")[1].endswith(" COPIL")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("C'est quoi un QPV et le COPIL ?", ("c est quoi un qpv", "c est quoi le copil")),
        (
            "c koi le copil, la gusp et le cotech svp",
            ("c est quoi le copil", "c est quoi la gusp", "c est quoi le cotech"),
        ),
        ("Bonjour, que veut dire QPV et COPIL ? Merci", ("que veut dire qpv", "que veut dire copil")),
        ("QPV et COPIL, ça veut dire quoi ?", ("ca veut dire quoi qpv", "ca veut dire quoi copil")),
        ("QPV ? COPIL ?", ("c est quoi qpv", "c est quoi copil")),
        ("C'est quoi un QPV ? À quoi sert le COPIL ?", ("c est quoi un qpv", "a quoi sert le copil")),
        ("c'est quoi le COPIL et le contrat de ville", ("c est quoi le copil", "c est quoi le contrat de ville")),
        ("c'est quoi le COPIL", ()),
        ("c'est quoi la gestion urbaine et sociale de proximité", ()),
        ("c'est quoi la loi égalité et citoyenneté", ()),
        ("c'est quoi les droits et les devoirs d'un conseiller", ()),
        ("c'est quoi le rôle et la place du conseil", ()),
        ("c'est quoi la différence entre le COPIL et le COTECH", ()),
        ("à quoi sert la réunion avec le préfet et les élus", ()),
        ("c'est quoi le COPIL et qui y siège ?", ()),
        ("comment trouver une salle et le matériel", ()),
    ],
)
def test_several_words_whose_meaning_is_asked_are_told_apart(text: str, meant: tuple[str, ...]) -> None:
    assert terms(text) == meant


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("c koi le copil", "fr"),
        ("copil", "fr"),
        ("06 12 34", "fr"),
        ("Hello, how can I join the council?", "en"),
        ("¿Cómo puedo participar en el consejo?", "es"),
        ("Olá, como posso participar na reunião?", "pt"),
        ("Bună ziua, cum pot să particip?", "ro"),
        ("Merhaba, toplantı ne zaman?", "tr"),
        ("كيف يمكنني المشاركة", "ar"),
        ("Здравствуйте, как вступить в совет? Это важно мы", "ru"),
        ("Добрий день, як її знайти", "uk"),
    ],
)
def test_the_language_is_told_offline(text: str, spoken: str) -> None:
    assert language(text) == spoken


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Bonjour", "hello"),
        ("merci beaucoup pour votre réponse", "thanks"),
        ("au revoir et bonne journée", "bye"),
        ("ça va ?", "how"),
        ("ok", "yes"),
        ("mdr", "laugh"),
        ("t'es un robot ?", "robot"),
        ("je parle à une vraie personne ?", "robot"),
        ("je veux parler à quelqu'un", "person"),
        ("passez-moi un humain", "person"),
        ("une personne svp", "person"),
        ("t un robot ou koi", "robot"),
        ("je parle avec qui là", "robot"),
        ("bonjour à toute l'équipe", "hello"),
        ("ça répond à ma question merci", "thanks"),
        ("vous servez à rien", "rude"),
        ("une personne peut-elle être membre sans habiter le quartier", ""),
        ("", "empty"),
        ("bonjour, c'est quoi le copil ?", ""),
        ("merci pour le copil", ""),
    ],
)
def test_small_talk_is_told_from_questions(text: str, label: str) -> None:
    assert smalltalk(text) == label


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("jve mourir", "3114"),
        ("j'ai plus envie de vivre", "3114"),
        ("mon mari me frappe aidez moi", "3919"),
        ("y a le feu dans limmeuble", "18"),
        ("ma cuisine brûle", "18"),
        ("je dors dehors ce soir avec mes enfants", "115"),
        ("je suis expulsée ce matin de chez moi", "115"),
        ("ma voisine frappe ses enfants", "119"),
        ("il ne respire plus", "15"),
        ("on m'a agressé dans le hall", "17"),
        ("je suis sourde, il y a le feu chez moi", "114"),
        ("une voiture brûle dans la rue", "18"),
        ("des voitures brûlent sur le parking", "18"),
        ("ma voiture est en train de brûler", "18"),
        ("y a une voiture brûlée et ça crame encore maintenant", "18"),
        ("une poubelle a été brûlée hier et ça recommence", "18"),
        ("l'immeuble a pris feu hier soir et ça brûle toujours", "18"),
        ("odeur de gaz depuis hier dans l'escalier", "18"),
        ("on est à la rue pour la nuit", "115"),
        ("nous sommes à la rue, comment venir à la réunion", "115"),
        ("je me retrouve à la rue après la réunion avec le bailleur", "115"),
        ("ma fille est à la rue avec son bébé", "115"),
        ("mon père est tombé, il ne répond plus", "15"),
        ("quelqu'un s'est effondré devant le hall", "15"),
        ("ma mère respire mal elle est toute bleue", "15"),
        ("ma fille a avalé de la javel", "15"),
        ("il est tombé du 3e étage", "15"),
        ("papi ne se réveille pas", "15"),
        ("un scooter a renversé une dame", "15"),
        ("ma mère fait un avc je crois", "15"),
        ("ma fille est coincée dans l'ascenseur", "18"),
        ("ça sent le brûlé dans tout l'immeuble", "18"),
        ("une bouteille de gaz a explosé", "18"),
        ("un gamin est tombé dans l'Erdre", "18"),
        ("on ma agressé ce matin devant la tour", "17"),
        ("des types armés en bas", "17"),
        ("ils sont en train de casser ma porte", "17"),
        ("ils se battent avec des barres de fer en bas", "17"),
        ("un homme me suit depuis le tram", "17"),
        ("mon ex me harcèle et menace de me tuer", "3919"),
        ("mon mec m'a cassé le bras", "3919"),
        ("mon père me frappe j'ai 13 ans", "119"),
        ("la voisine laisse son bébé seul toute la nuit", "119"),
        ("à quoi bon vivre", "3114"),
        ("je veux plus être là", "3114"),
        ("tout le monde serait mieux sans moi", "3114"),
        ("mon mari m'a mise dehors", "115"),
        ("plus de logement ce soir", "115"),
        ("une famille avec 3 enfants dort sous le pont", "115"),
    ],
)
def test_danger_gets_the_number_that_fits_first(text: str, first: str) -> None:
    assert distress(text)[0] == first


@pytest.mark.parametrize(
    "text",
    [
        "on a mis le feu au débat",
        "je suis mort de rire",
        "ça me tue cette réunion",
        "le préfet a donné son feu vert",
        "on veut organiser un feu d'artifice",
        "comment prévenir les violences faites aux femmes dans le quartier ?",
        "subvention pour un projet contre les violences conjugales",
        "le suicide des jeunes : quelle politique de prévention ?",
        "les gens qui dorment dehors, que fait la mairie",
        "je me bats contre mon bailleur",
        "le projet est mort ?",
        "marche exploratoire après les agressions",
        "qui appeler en cas d'incendie ?",
        "frapper à toutes les portes du quartier",
        "l'alarme incendie de mon immeuble ne marche pas",
        "une voiture brûlée",
        "une voiture brûlée sur le parking",
        "les poubelles brûlées ne sont pas remplacées",
        "ma voiture a brûlé hier",
        "le local a brûlé l'an dernier",
        "l'immeuble a pris feu il y a deux mois et rien n'a bougé",
        "on est à la rue pour notre réunion",
        "on est complètement à la rue sur ce dossier",
        "nous sommes à la rue niveau organisation",
        "l'ascenseur est bloqué depuis 3 jours",
        "l'ascenseur est tombé en panne et le bailleur ne répond plus",
        "je veux plus être là dedans, comment quitter le conseil",
        "on veut en finir avec les rats",
        "à quoi bon venir aux réunions",
        "mon enfant est seul à la maison pendant les réunions, y a-t-il une garderie",
        "nos enfants sont en danger à cause des voitures devant l'école",
        "une dame est tombée à cause du trottoir cassé, à qui le signaler",
        "en cas de malaise pendant une réunion, l'assurance marche ?",
        "les poubelles brûlent souvent dans le quartier",
        "le maire menace de supprimer le conseil",
        "ça sent le brûlé cette histoire de subvention",
        "je peux rentrer chez moi en taxi après le copil ?",
        "mon mari tape les comptes rendus",
        "les charges explosent dans notre immeuble",
        "on n'a plus de toit pour nos réunions",
        "une élue me suit dans mes démarches",
        "le feu est cassé au carrefour",
        "on se noie dans la paperasse",
        "personne ne bouge dans le groupe",
    ],
)
def test_a_turn_of_phrase_or_a_subject_is_no_danger(text: str) -> None:
    assert distress(text) == ()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("c'est quoi le copil", "definition"),
        ("comment faire une demande", "how"),
        ("on a le droit de filmer ?", "rule"),
        ("combien ça coûte", "how_much"),
        ("c'est tous les combien", "when"),
        ("kel date limite", "when"),
        ("à qui m'adresser", "contact"),
        ("d'autres conseils l'ont fait ?", "example"),
        ("copil", ""),
    ],
)
def test_the_kind_of_answer_is_heard(text: str, kind: str) -> None:
    assert asks(text) == kind


def test_one_place_one_person_one_file_are_heard() -> None:
    assert "outcome" in particular("qui a voté contre au dernier conseil")
    assert "file" in particular("où en est mon dossier")
    assert "place" in particular("combien de logements à Bellevue")
    assert particular("c'est quoi un conseil citoyen") == ()


def test_a_message_is_understood_in_one_call() -> None:
    u = understand(MAIL)
    assert (u.language, u.smalltalk, u.distress, u.asks) == ("fr", "", (), "how")
    assert u.questions == ("Comment trouver une salle pour nos réunions ?",) or len(u.questions) == 1


TOPICS = ("courtesies", "danger", "harmless", "kinds", "languages", "particular", "smalltalk")


def test_every_turn_of_phrase_stands_in_a_file_that_can_be_read() -> None:
    assert sorted(path.stem for path in understanding.PATTERNS.iterdir()) == sorted(TOPICS)
    for topic in TOPICS:
        lines = (understanding.PATTERNS / f"{topic}.txt").read_text("utf-8").splitlines()
        assert lines[0].startswith("# "), f"{topic}: its first line says what it is for"
        assert not [line for line in lines if len(line) > 120 or line != line.rstrip()], topic
        sections = understanding.listed(topic)
        assert all(found for _, found in sections), f"{topic}: an empty section"
        if topic == "languages":
            continue
        for pattern in chain.from_iterable(found for _, found in sections):
            expression = re.compile(pattern.replace("{now}", "now").replace("{place}", "place"))
            assert not re.search("[à-ÿœ]", expression.pattern), f"{topic}: text comes without accents"


def test_a_kind_of_answer_that_no_entry_can_declare_is_not_looked_for() -> None:
    assert {kind for kind, _ in understanding.listed("kinds")} <= set(seed.ANSWERS)
