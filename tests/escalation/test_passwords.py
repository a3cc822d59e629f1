"""A password and the code of a telephone: set up, used, refused, and given back; waiting after mistakes."""

import re
from datetime import timedelta

import httpx
import pyotp

from bot.desk import entrance
from tests.office import Browsing, Bureau
from tests.town import OFFICER

PASSWORD = "les tilleuls de la place 1901"


def secret_on(page: httpx.Response) -> str:
    found = re.search(r'class="typed">([A-Z2-7 ]+)<', page.text)
    assert found, page.text
    return found[1].replace(" ", "")


def code(bureau: Bureau, secret: str) -> str:
    return pyotp.TOTP(secret).at(bureau.town.at)


def set_up(bureau: Bureau, nora: Browsing) -> tuple[str, list[str]]:
    """A telephone that gives codes; its secret and the recovery codes."""
    page = nora.post("/bureau/moi/code")
    secret = secret_on(page)
    shown = nora.post("/bureau/moi/code/verifier", {"code": code(bureau, secret)}, page="/bureau/moi/code")
    codes = re.findall(r"<code>([a-z2-9]{4}-[a-z2-9]{4}-[a-z2-9]{4})</code>", shown.text)
    assert len(codes) == 10
    return secret, codes


def with_password(bureau: Bureau) -> tuple[Browsing, str, list[str]]:
    nora = bureau.signed_in()
    secret, codes = set_up(bureau, nora)
    bureau.town.pass_time(seconds=30)
    page = nora.post(
        "/bureau/moi/mot-de-passe", {"nouveau": PASSWORD, "encore": PASSWORD, "code": code(bureau, secret)}
    )
    assert "est enregistré" in page.text
    bureau.town.pass_time(seconds=30)
    return nora, secret, codes


def try_password(bureau: Bureau, password: str = PASSWORD, email: str = OFFICER.handle, way: str = "") -> tuple[
    Browsing, httpx.Response
]:  # fmt: skip
    visitor = bureau.visitor()
    form: dict[str, object] = {"email": email, "mot_de_passe": password, "vers": way}
    return visitor, visitor.post("/bureau/entrer/mot-de-passe", form, page="/bureau/entrer/mot-de-passe")


def try_code(visitor: Browsing, page: httpx.Response, typed: str) -> httpx.Response:
    step = re.search(r'name="suite" value="([^"]+)"', page.text)
    assert step, page.text
    return visitor.post("/bureau/entrer/code", {"suite": step[1], "code": typed}, page="/bureau/entrer")


def test_a_password_opens_the_desk_with_the_code_of_the_telephone(bureau: Bureau) -> None:
    _nora, secret, _codes = with_password(bureau)
    visitor, page = try_password(bureau, way="/bureau/chiffres?du=2026-01-01")
    assert "bureau=" not in page.headers.get("set-cookie", "")
    entered = try_code(visitor, page, code(bureau, secret))
    assert entered.status_code == 303
    assert entered.headers["location"] == "/bureau/chiffres?du=2026-01-01"
    assert visitor.get("/bureau/moi").status_code == 200


def test_a_code_serves_once(bureau: Bureau) -> None:
    _nora, secret, _codes = with_password(bureau)
    used = code(bureau, secret)
    visitor, page = try_password(bureau)
    assert try_code(visitor, page, used).status_code == 303
    other, page = try_password(bureau)
    assert "il a déjà servi" in try_code(other, page, used).text
    bureau.town.pass_time(seconds=30)
    assert try_code(other, page, code(bureau, secret)).status_code == 303


def test_a_recovery_code_stands_in_for_the_telephone_once(bureau: Bureau) -> None:
    _nora, _secret, codes = with_password(bureau)
    visitor, page = try_password(bureau)
    assert try_code(visitor, page, codes[3].upper().replace("-", " ")).status_code == 303
    bureau.town.work()
    assert "Il vous en reste 9." in bureau.town.notices()[-1].text
    other, page = try_password(bureau)
    assert try_code(other, page, codes[3]).status_code == 422


def test_the_second_step_is_over_after_five_minutes_and_cannot_be_made_up(bureau: Bureau) -> None:
    _nora, secret, _codes = with_password(bureau)
    visitor, page = try_password(bureau)
    made_up = page.text.replace('name="suite" value="', 'name="suite" value="AAAA')
    assert try_code(visitor, httpx.Response(200, text=made_up), code(bureau, secret)).status_code == 410
    bureau.town.pass_time(minutes=6)
    assert try_code(visitor, page, code(bureau, secret)).status_code == 410


def test_a_wrong_password_makes_wait_longer_each_time_and_the_link_still_opens(bureau: Bureau) -> None:
    _nora, secret, _codes = with_password(bureau)
    waits = []
    for number in range(9):
        _, page = try_password(bureau, f"faux {number} faux faux")
        if page.status_code == 429:
            found = re.search(r"Attendez (\d+) (seconde|minute)", page.text)
            assert found, page.text
            span = int(found[1]) * (60 if found[2] == "minute" else 1)
            waits.append(span)
            bureau.town.pass_time(seconds=span)
        else:
            assert "ne vont pas ensemble" in page.text
    assert waits == sorted(waits)
    assert waits[0] <= 6
    assert len(waits) >= 3
    visitor = bureau.visitor()
    page = visitor.post("/bureau/entrer", {"email": OFFICER.handle}, page="/bureau/entrer")
    assert "un lien vient de partir" in page.text
    bureau.town.pass_time(minutes=20)
    visitor, page = try_password(bureau)
    assert try_code(visitor, page, code(bureau, secret)).status_code == 303
    assert try_password(bureau, "encore faux, mais une fois")[1].status_code == 422, "the failures are forgotten"


def test_an_account_without_a_password_looks_like_one_with_a_wrong_one(bureau: Bureau) -> None:
    with_password(bureau)
    pages = [try_password(bureau, "faux et archi-faux", each)[1] for each in (OFFICER.handle, "personne@exemple.org")]
    told = [re.sub(r'value="[^"]*"', "", page.text) for page in pages]
    assert told[0] == told[1]


def test_a_weak_password_is_said_and_nothing_is_kept(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    secret, _codes = set_up(bureau, nora)
    for typed, again, words in (
        ("court", "court", "12 caractères au moins"),
        ("aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaa", "répète les mêmes signes"),
        ("officer et la suite 12", "officer et la suite 12", "votre nom ou votre adresse"),
        (PASSWORD, PASSWORD + "x", "pas pareils"),
    ):
        form: dict[str, object] = {"nouveau": typed, "encore": again, "code": code(bureau, secret)}
        page = nora.post("/bureau/moi/mot-de-passe", form)
        assert page.status_code == 422
        assert words in page.text
    assert "Mot de passe choisi" not in nora.get("/bureau/moi").text


def test_a_found_session_changes_neither_password_nor_telephone(bureau: Bureau) -> None:
    nora, _secret, _codes = with_password(bureau)
    form: dict[str, object] = {"nouveau": PASSWORD + "!", "encore": PASSWORD + "!", "code": "000000"}
    assert nora.post("/bureau/moi/mot-de-passe", form).status_code == 422
    assert nora.post("/bureau/moi/code", {"code_nouveau": "000000"}).status_code == 422
    assert nora.post("/bureau/moi/retirer", {"code_retrait": "000000"}).status_code == 422
    assert nora.post("/bureau/moi/secours", {"code_secours": "000000"}).status_code == 422


def test_password_and_codes_are_taken_back_and_the_link_is_enough(bureau: Bureau) -> None:
    nora, secret, codes = with_password(bureau)
    renewed = nora.post("/bureau/moi/secours", {"code_secours": code(bureau, secret)})
    assert renewed.text.count("<code>") == 10
    assert codes[0] not in renewed.text
    bureau.town.pass_time(seconds=30)
    page = nora.post("/bureau/moi/retirer", {"code_retrait": code(bureau, secret)})
    assert "Vous entrez par un lien" in page.text
    assert try_password(bureau)[1].status_code == 422


def test_the_secret_of_the_codes_is_shown_until_it_is_proven(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    assert nora.get("/bureau/moi/code.svg").status_code == 404
    nora.post("/bureau/moi/code")
    picture = nora.get("/bureau/moi/code.svg")
    assert picture.headers["content-type"].startswith("image/svg+xml")
    assert picture.headers["cache-control"] == "no-store"
    assert "style=" not in picture.text
    assert nora.post("/bureau/moi/code/verifier", {"code": "123 456"}, page="/bureau/moi/code").status_code == 422
    set_up(bureau, nora)
    assert nora.get("/bureau/moi/code.svg").status_code == 404


def test_signing_out_everywhere_ends_every_session(bureau: Bureau) -> None:
    first, second = bureau.signed_in(), bureau.signed_in()
    page = first.get("/bureau/moi")
    assert page.text.count("dernière page à") == 2
    assert "Vous êtes sorti" in first.post("/bureau/moi/partout").text
    second.client.follow_redirects = False
    assert second.get("/bureau/moi").headers["location"].startswith("/bureau/entrer")


def test_a_new_password_ends_the_other_sessions(bureau: Bureau) -> None:
    other = bureau.signed_in()
    with_password(bureau)
    other.client.follow_redirects = False
    assert other.get("/bureau/moi").headers["location"].startswith("/bureau/entrer")


def test_a_session_is_over_after_half_an_hour_of_silence_and_twelve_hours_anyway(bureau: Bureau) -> None:
    nora = bureau.visitor()
    nora.client.cookies.set("bureau", bureau.secret())
    assert nora.get("/bureau/moi").status_code == 200
    bureau.town.pass_time(minutes=31)
    assert nora.get("/bureau/moi").status_code == 303
    secret = bureau.secret()
    nora.client.cookies.clear()
    nora.client.cookies.set("bureau", secret)
    for _ in range(29):  # a click every 25 minutes
        bureau.town.db.transact(entrance.seen, bureau.town.office, secret, bureau.town.at)
        bureau.town.at += timedelta(minutes=25)
    assert nora.get("/bureau/moi").status_code == 303
