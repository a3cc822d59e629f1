"""A question is made everybody's: what is about one person is struck out, and shown; what is everybody's stays."""

import pytest

from knowledge.general import generalise, reachable

PEOPLE = ("Karim Benali", "Jean Petit", "Awa Diallo", "Rose Martin")
STRUCK = [
    ("Bonjour, je m'appelle Awa Diallo. Qui paie la salle ?", {"Awa Diallo": "nom"}, "Qui paie la salle ?"),
    ("Est-ce que Mme Traoré peut venir au copil ?", {"Traoré": "nom"}, "Est-ce que quelqu'un peut venir au copil ?"),
    (
        "mme traoré veut savoir si le copil est public",
        {"traoré": "nom"},
        "Quelqu'un veut savoir si le copil est public",
    ),
    ("M. Le Gall a-t-il le droit de filmer ?", {"Le Gall": "nom"}, "Quelqu'un a-t-il le droit de filmer ?"),
    (
        "est ce que karim benali est au conseil de Bellevue",
        {"karim benali": "nom"},
        "Est ce que quelqu'un est au conseil de Bellevue",
    ),
    ("Benali Karim m'a parlé du budget", {"Benali Karim": "nom"}, "Quelqu'un m'a parlé du budget"),
    ("Faut-il écrire à Karim pour le local ?", {"Karim": "nom"}, "Faut-il écrire à quelqu'un pour le local ?"),
    (
        "Comment devenir membre ?\nCordialement,\nJean-Marc Le Gall",
        {"Jean-Marc Le Gall": "nom"},
        "Comment devenir membre ?",
    ),
    ("Qui anime le conseil ?\n\nSalma Haddad", {"Salma Haddad": "nom"}, "Qui anime le conseil ?"),
    ("Appelez-moi au 06 12 34 56 78 pour la salle", {"06 12 34 56 78": "téléphone"}, "Appelez-moi au … pour la salle"),
    ("mon tel 0612345678 merci", {"0612345678": "téléphone"}, "Mon tel …"),
    ("joignable au +33 6 12.34.56.78 le soir", {"+33 6 12.34.56.78": "téléphone"}, "Joignable au … le soir"),
    ("Écrivez à awa.d@exemple.fr svp", {"awa.d@exemple.fr": "e-mail"}, "Écrivez à … svp"),
    (
        "J'habite 12 bis rue des Lilas, 44000 Nantes : suis-je en QPV ?",
        {"12 bis rue des Lilas, 44000 Nantes": "adresse"},
        "J'habite … : suis-je en QPV ?",
    ),
    (
        "au 14 avenue du général de gaulle appt 12 le bailleur ne répond pas",
        {"14 avenue du général de gaulle appt 12": "adresse"},
        "Au … le bailleur ne répond pas",
    ),
    (
        "Fuite au bâtiment C, appartement 12, qui prévenir ?",
        {"bâtiment C, appartement 12": "adresse"},
        "Fuite au …, qui prévenir ?",
    ),
    (
        "Je suis née le 12/03/1984, ai-je droit à la prime ?",
        {"née le 12/03/1984": "naissance"},
        "Je suis …, ai-je droit à la prime ?",
    ),
    (
        "date de naissance : 3 mai 1990, puis-je voter ?",
        {"date de naissance : 3 mai 1990": "naissance"},
        "…, puis-je voter ?",
    ),
    (
        "Mon numéro allocataire est 1234567 A, que faire ?",
        {"1234567 A": "numéro"},
        "Mon numéro allocataire est …, que faire ?",
    ),
    ("dossier n° AB-445566, où en est-il ?", {"AB-445566": "numéro"}, "Dossier n° …, où en est-il ?"),
    (
        "Mon IBAN est FR76 3000 6000 0112 3456 7890 189, quand serai-je remboursée ?",
        {"FR76 3000 6000 0112 3456 7890 189": "numéro"},
        "Mon IBAN est …, quand serai-je remboursée ?",
    ),
    ("sécu 1 84 12 76 451 089 46 utile ?", {"1 84 12 76 451 089 46": "numéro"}, "Sécu … utile ?"),
]
KEPT = [
    "La loi n° 2014-173 du 21 février 2014 dit quoi sur l'article L. 2144-3 ?",
    "Peut-on réserver la salle pour 30 personnes le 12/03/2027 à 18 h ?",
    "C'est Bellevue ou Malakoff qui a eu le financement ?",
    "Travaux rue de Bourgogne : qui prévient les habitants ?",
    "Une association loi 1901 a-t-elle droit à 1 500 euros ?",
    "Petit problème : la salle est fermée.",
    "Combien coûte la place de la mairie ?",
    "Le 3919 répond-il la nuit ?",
]


@pytest.mark.parametrize(("text", "struck", "general"), STRUCK, ids=[text[:40] for text, _, _ in STRUCK])
def test_what_is_about_one_person_is_struck_and_shown(text: str, struck: dict[str, str], general: str) -> None:
    found = generalise(text, PEOPLE)
    assert {piece.words: piece.struck for piece in found.struck} == struck
    assert found.text == general
    assert "".join(piece.words for piece in found.pieces) == text  # nothing of the text is lost from view


@pytest.mark.parametrize("text", KEPT)
def test_what_is_everybodys_stays(text: str) -> None:
    found = generalise(text, PEOPLE)
    assert found.struck == ()
    assert found.text == text


def test_greetings_and_thanks_are_left_out() -> None:
    assert generalise("Bonjour Madame, Monsieur, où se réunir ? Merci d'avance, cordialement.").text == "Où se réunir ?"
    assert generalise("Bonjour Madame la Maire, qui décide du budget ?").text == "Qui décide du budget ?"
    assert generalise("Bonjour").text == "Bonjour"


def test_numbers_that_anybody_may_read_stay() -> None:
    answer = "Appelez la mairie au 02 40 41 90 00, ou Awa au 06 12 34 56 78.\n\nElle est ouverte le mardi."
    public = reachable("Mairie : 0240419000, accueil@exemple.fr")
    found = generalise(answer, PEOPLE, public)
    assert [piece.words for piece in found.struck] == ["Awa", "06 12 34 56 78"]
    assert "02 40 41 90 00" in found.text
    assert "\n\nElle est ouverte" in found.text


def test_nothing_is_made_of_nothing() -> None:
    assert generalise("").text == ""
    assert generalise("\n \n").text == ""


def test_a_long_text_of_a_thousand_names_is_done_soon() -> None:
    names = [f"Prénom{n} Nom{n}" for n in range(5000)]
    text = "Nom42 m'a dit que la salle était libre. " * 400
    found = generalise(text, names)
    assert len(found.struck) == 400
    assert "Nom42" not in found.text
