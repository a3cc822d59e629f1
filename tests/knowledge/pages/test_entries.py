"""The pages of the entries: reading, writing, drafts, a second reader, files in and out."""

import io
import zipfile
from pathlib import Path

import pytest

from bot.desk import entries as desk
from knowledge import entries, seed
from knowledge.entries import Content
from tests.office import Browsing, Bureau

PLUMBER = {
    "title": "Réparer une fuite",
    "answer": "Appelez le gardien. Il prévient le bailleur.",
    "sms": "Appelez le gardien. Il prévient le bailleur.",
    "phrasings": "j'ai une fuite chez moi\nqui répare une fuite d'eau",
    "kind": "practical",
    "status": "a_valider",
    "review_by": "2027-11-30",
    "action": "publish",
}


def standing(bureau: Bureau, slug: str) -> Content:
    found = bureau.town.db.look(entries.published, bureau.town.at.date(), [slug])
    assert found, slug
    return found[0].content


def form_of(content: Content, base: int, **changed: str) -> dict[str, object]:
    """What the form of an entry sends when nothing but `changed` was typed."""
    source = content.sources[0] if content.sources else None
    typed: dict[str, object] = {
        name: getattr(content, name)
        for name in ("title", "answer", "sms", "kind", "status", "review_by", "expires", "effective_from")
    }
    typed |= {
        "phrasings": "\n".join(content.phrasings), "related": " ".join(content.related),
        "aliases": " ".join(content.aliases), "answers": list(content.answers), "base": str(base), "action": "publish",
        "source_title": [s.title for s in content.sources], "source_url": [s.url for s in content.sources],
        "source_ref": [s.ref for s in content.sources], "source_date": [s.date for s in content.sources],
    }  # fmt: skip
    assert source is None or source.title
    return typed | changed


def modify(nora: Browsing, bureau: Bureau, slug: str, **changed: str) -> str:
    way = f"/bureau/fiches/{slug}/modifier"
    number = bureau.town.db.look(entries.versions, slug)[0].number
    return nora.post(way, form_of(standing(bureau, slug), number, **changed), page=way).text


def test_the_list_finds_without_accents_and_counts_by_state(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    page = nora.get("/bureau/fiches").text
    assert page.count('<a class="title"') == 12
    found = nora.get("/bureau/fiches?q=reunir+SALLE").text
    assert "Trouver une salle pour se réunir" in found
    assert nora.get("/bureau/fiches?q=zzz").text.count("Aucune fiche ici") == 1
    assert 'href="/bureau/fiches/gloss-qpv"' in nora.get("/bureau/fiches?genre=glossary").text


def test_an_entry_is_published_and_every_channel_is_shown(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    page = nora.post("/bureau/fiches/nouvelle", PLUMBER, page="/bureau/fiches/nouvelle")
    assert "Publiée. Elle répond" in page.text
    assert page.url.path == "/bureau/fiches/reparer-une-fuite"
    assert "44 caractères sur 306 ; envoyé avec sa source : 1 SMS, 0,08 €" in page.text
    assert "À confirmer par RésO Villes." in page.text
    assert standing(bureau, "reparer-une-fuite").phrasings == ("j'ai une fuite chez moi", "qui répare une fuite d'eau")
    again = nora.post("/bureau/fiches/nouvelle", PLUMBER, page="/bureau/fiches/nouvelle")  # the same form, twice
    assert again.status_code == 422
    assert "mène déjà à la fiche « Réparer une fuite »" in again.text


def test_what_is_wrong_is_said_beside_the_field_and_nothing_typed_is_lost(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    typed = PLUMBER | {"sms": "a" * 307, "phrasings": "", "review_by": "", "title": "Une <b>fuite</b>"}
    page = nora.post("/bureau/fiches/nouvelle", typed, page="/bureau/fiches/nouvelle")
    assert page.status_code == 422
    for words in (
        "3 choses sont à corriger", "La partie SMS a 307 caractères, 306 au plus.",
        "Écrivez au moins une façon de poser la question.", "Dites quand relire cette fiche.",
    ):  # fmt: skip
        assert words in page.text
    assert "a" * 307 in page.text
    assert "Une &lt;b&gt;fuite&lt;/b&gt;" in page.text
    odd = nora.post("/bureau/fiches/nouvelle", PLUMBER | {"sms": "Écrivez à 漢"}, page="/bureau/fiches/nouvelle").text
    assert "Un SMS ne sait pas écrire : 漢" in odd


def test_a_new_version_wants_a_reason_and_shows_its_difference(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    way = "/bureau/fiches/trouver-une-salle/modifier"
    assert 'name="answer"' in nora.get(way).text
    refused = modify(nora, bureau, "trouver-une-salle", title="Trouver un lieu pour se réunir")
    assert "Dites en quelques mots pourquoi la fiche change." in refused
    page = modify(nora, bureau, "trouver-une-salle", title="Trouver un lieu pour se réunir", reason="plus juste")
    assert "Publiée" in page
    assert standing(bureau, "trouver-une-salle").title == "Trouver un lieu pour se réunir"
    version = nora.get("/bureau/fiches/trouver-une-salle/versions/2").text
    assert "plus juste" in version
    assert "Nora" in version
    assert "retiré\u00a0: </span>une salle" in version
    assert "ajouté\u00a0: </span>un lieu" in version
    assert version.count('class="difference"') == 1


def test_two_officers_at_once_the_second_sees_it_and_keeps_their_words(bureau: Bureau) -> None:
    nora, lea = bureau.signed_in(), bureau.signed_in(bureau.officer("Lea"))
    way = "/bureau/fiches/copil-role/modifier"
    before = standing(bureau, "copil-role")
    hers = form_of(before, 1, title="Le rôle du COPIL, selon Lea", reason="plus clair")
    modify(nora, bureau, "copil-role", title="Le rôle du COPIL", reason="court")
    page = lea.post(way, hers, page=way)
    assert page.status_code == 409
    assert "La fiche a changé pendant que vous écriviez (Nora)" in page.text
    assert "Le rôle du COPIL, selon Lea" in page.text
    assert standing(bureau, "copil-role").title == "Le rôle du COPIL"


def test_a_draft_is_ones_own_and_a_second_reader_publishes_it(bureau: Bureau) -> None:
    nora, lea = bureau.signed_in(), bureau.signed_in(bureau.officer("Lea"))
    page = nora.post("/bureau/fiches/nouvelle", PLUMBER | {"action": "second"}, page="/bureau/fiches/nouvelle")
    assert "attend l&#39;accord d&#39;une autre personne" in page.text
    way = "/bureau/fiches/brouillons/1"
    own = nora.post(f"{way}/publier", page=way)
    assert own.status_code == 422
    assert "Vous l&#39;avez écrite" in own.text
    assert lea.get(f"{way}/modifier").status_code == 404  # only its author writes in it
    sent_back = lea.post(f"{way}/renvoyer", {"note": "Ajoutez une source."}, page=way)
    assert "renvoyé" in sent_back.text
    assert "Ajoutez une source." in nora.get(f"{way}/modifier").text
    draft = {"draft": "1", "action": "second"}
    nora.post("/bureau/fiches/nouvelle", PLUMBER | draft, page=f"{way}/modifier")
    assert nora.get("/bureau/fiches/brouillons").text.count('<a class="title"') == 1
    done = lea.post(f"{way}/publier", page=way)
    assert "Publiée" in done.text
    assert standing(bureau, "reparer-une-fuite").title == "Réparer une fuite"
    assert lea.post(f"{way}/publier").url.path == "/bureau/fiches/brouillons"


def test_what_was_typed_when_the_session_lapsed_is_kept(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    token = nora.get("/bureau/fiches/nouvelle").text.partition('name="jeton" value="')[2].partition('"')[0]
    bureau.town.pass_time(minutes=45)
    page = nora.client.post("/bureau/fiches/nouvelle", data={"jeton": token, **PLUMBER})
    assert page.url.path == "/bureau/entrer"
    again = bureau.signed_in()
    assert "j&#39;ai une fuite chez moi" in again.get("/bureau/fiches/brouillons/1/modifier").text


def test_an_entry_is_retired_and_comes_back_with_its_words(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    way = "/bureau/fiches/gloss-anru"
    assert "ne répond plus" in nora.post(f"{way}/retirer", page=way).text
    assert bureau.town.db.look(entries.published, bureau.town.at.date(), ["gloss-anru"]) == []
    assert 'href="/bureau/fiches/gloss-anru"' in nora.get("/bureau/fiches?etat=retirees").text
    page = nora.post(f"{way}/versions/1/reprendre", {"reason": "toujours utile"}, page=f"{way}/versions/1")
    assert "La version 1 répond de nouveau." in page.text
    assert standing(bureau, "gloss-anru")


def test_what_is_to_be_read_again_says_why(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    modify(nora, bureau, "copil-role", review_by="2026-11-30", reason="date")
    page = nora.get("/bureau/fiches/a-relire").text
    assert "Date de relecture passée" in page
    assert page.index("copil-role") == page.index("/bureau/fiches/copil-role") + len("/bureau/fiches/")


def test_news_is_published_in_one_form_and_ends(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    typed = {
        "title": "Enquête sur le contrat de ville", "text": "Répondez avant le 31 mars. Le lien est sur le site.",
        "expires": "2027-03-31", "source": "Lettre de la préfecture", "source_date": "2026-11-24",
    }  # fmt: skip
    page = nora.post("/bureau/fiches/actualite", typed, page="/bureau/fiches/actualite")
    assert "Publiée" in page.text
    slug = page.url.path.rsplit("/", 1)[-1]
    assert standing(bureau, slug).expires == "2027-03-31"
    wrong = nora.post("/bureau/fiches/actualite", {"title": "Rien"}, page="/bureau/fiches/actualite")
    assert wrong.status_code == 422
    assert "Dites jusqu&#39;à quel jour elle vaut." in wrong.text
    late = typed | {"title": "Hier", "expires": "2026-11-01"}
    past = nora.post("/bureau/fiches/actualite", late, page="/bureau/fiches/actualite")
    assert "Ce jour est passé" in past.text


def test_the_export_holds_the_files_byte_for_byte_and_comes_back_in(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    packed = nora.get("/bureau/fiches/exporter")
    assert packed.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(packed.content)) as found:
        assert len(found.namelist()) == 12
        for name in found.namelist():
            assert found.read(name) == (seed.CONTENT / name).read_bytes(), name
    page = nora.post(
        "/bureau/fiches/importer", page="/bureau/fiches/importer", files={"fichier": ("fiches.zip", packed.content)}
    )
    assert "sont déjà publiées avec ces mots" in page.text


def test_an_import_is_shown_first_then_published_whole_or_not_at_all(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    text = (seed.CONTENT / "practical/trouver-une-salle.md").read_text("utf-8")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("base/practical/trouver-une-salle.md", text.replace("Trouver une salle", "Trouver un lieu"))
        made.writestr("base/LISEZMOI.txt", "rien")
    page = nora.post(
        "/bureau/fiches/importer", page="/bureau/fiches/importer", files={"fichier": ("b.zip", out.getvalue())}
    )
    assert '<td data-name="Champs">titre' in page.text
    assert standing(bureau, "trouver-une-salle").title.startswith("Trouver une salle")
    done = nora.post("/bureau/fiches/importer/1", {"reason": "relecture"}, page="/bureau/fiches/importer")
    assert "1 fiche est publiée." in done.text
    assert standing(bureau, "trouver-une-salle").title.startswith("Trouver un lieu")
    assert "plus là" in nora.post("/bureau/fiches/importer/1", page="/bureau/fiches/importer").text
    wrong = io.BytesIO()
    with zipfile.ZipFile(wrong, "w") as made:
        made.writestr("practical/trouver-une-salle.md", text.replace('kind = "practical"', 'kind = "autre"'))
    page = nora.post(
        "/bureau/fiches/importer", page="/bureau/fiches/importer", files={"fichier": ("b.zip", wrong.getvalue())}
    )
    assert page.status_code == 422
    assert "rien n'est importé" in page.text
    assert "practical/trouver-une-salle.md:" in page.text


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.zip", b"PK\x03\x04rest", "pas un zip lisible"),
        ("a.csv", b"nom;type\n", "il manque la colonne"),
        ("a.csv", b"", "le fichier est vide"),
        ("a.zip", b"not a zip", "pas un zip"),
    ],
)
def test_a_file_that_is_none_is_refused_in_plain_words(bureau: Bureau, name: str, content: bytes, words: str) -> None:
    page = bureau.signed_in().post(
        "/bureau/fiches/importer", page="/bureau/fiches/importer", files={"fichier": (name, content)}
    )
    assert page.status_code == 422
    assert words in page.text


def test_a_csv_of_entries_comes_in(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    sheet = (
        "nom;type;titre;reponse;sms;phrases;relire\n"
        "fuite;practical;Une fuite;Appelez le gardien.;Appelez le gardien.;j'ai une fuite|ça fuit;2027-11-30\n"
    )
    page = nora.post(
        "/bureau/fiches/importer", page="/bureau/fiches/importer", files={"fichier": ("f.csv", sheet.encode())}
    )
    assert "nouvelle" in page.text
    nora.post("/bureau/fiches/importer/1", page="/bureau/fiches/importer")
    assert standing(bureau, "fuite").phrasings == ("j'ai une fuite", "ça fuit")


def test_the_previews_follow_what_is_typed(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    long = "Ceci est une phrase " + "très " * 30 + "longue."
    piece = nora.post(
        "/bureau/fiches/apercu", PLUMBER | {"answer": long, "sms": "Ça « va »"}, page="/bureau/fiches/nouvelle"
    )
    assert "Réponse : phrase de 35 mots, 25 au plus." in piece.text
    assert "Récrit pour le SMS : « devient &#34;, » devient &#34;" in piece.text
    assert "<html" not in piece.text


def test_a_reader_reads_and_writes_nothing(bureau: Bureau) -> None:
    reader = bureau.signed_in(bureau.officer("Rania", "reader"))
    for way in ("", "/copil-role", "/a-relire", "/a-ecrire", "/brouillons", "/corrections", "/copil-role/versions/1"):
        page = reader.get(f"/bureau/fiches{way}")
        assert page.status_code == 200, way
        assert "Modifier" not in page.text
    for way in ("/nouvelle", "/copil-role/modifier", "/actualite", "/importer"):
        assert reader.get(f"/bureau/fiches{way}").status_code == 403, way
        assert reader.post(f"/bureau/fiches{way}", PLUMBER).status_code == 403, way
    for way in (
        "/copil-role/retirer",
        "/copil-role/versions/1/reprendre",
        "/apercu",
        "/importer/1",
        "/brouillons/1/publier",
    ):
        assert reader.post(f"/bureau/fiches{way}").status_code == 403, way
    assert len(bureau.town.db.look(entries.versions, "copil-role")) == 1


def test_nobody_reads_the_entries_pages_from_outside(bureau: Bureau) -> None:
    visitor = bureau.visitor()
    for way in ("/bureau/fiches", "/bureau/fiches/copil-role", "/bureau/fiches/exporter", "/bureau/fiches/depuis/1"):
        assert visitor.get(way).headers["location"].startswith("/bureau/entrer"), way
    assert bureau.signed_in().get("/bureau/fiches/inconnue").status_code == 404


def test_a_form_without_its_token_changes_nothing(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    assert nora.client.post("/bureau/fiches/copil-role/retirer").status_code == 403
    assert standing(bureau, "copil-role")


def test_files_are_the_bytes_of_content(bureau: Bureau, tmp_path: Path) -> None:
    found = bureau.town.db.look(desk.files)
    assert found["meeting/copil-role.md" if "meeting/copil-role.md" in found else next(iter(found))].startswith("+++")
