"""What an SMS costs is said before it goes, on each of the ways by which an officer sends one."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from channels.contract import Undeliverable
from channels.sms.budget import Ceilings, Meter
from tests.escalation.desk import asked, person
from tests.office import Bureau, bureau_of
from tests.town import Town

AWA, PAUL = "+33612345678", "+33698765432"


@pytest.fixture
def priced(town: Town) -> Iterator[Bureau]:
    """The desk of a hotline whose SMS cost eight cents each."""
    meter = Meter(Decimal("0.08"), Ceilings(None, None))
    town.office = replace(town.office, meters={"sms": meter}, open_channels=("sms", "telegram"))
    with bureau_of(town) as found:
        yield found


def test_news_are_read_back_with_what_they_cost(priced: Bureau) -> None:
    number = asked(priced.town, channel="sms", handle=AWA)
    way = f"/bureau/questions/{number}"
    page = priced.signed_in().post(f"{way}/nouvelles", {"nouvelles": "Nous attendons le bailleur. " * 6}, page=way).text
    assert "2 SMS, 0,16 €" in page


def test_an_answer_to_many_says_what_all_of_it_costs(priced: Bureau) -> None:
    numbers = [asked(priced.town, channel="sms", handle=handle) for handle in (AWA, PAUL)]
    words = {"texte": "C'est le service des parcs.", "question": [str(each) for each in numbers], "une-fois": "x"}
    page = priced.signed_in().post("/bureau/ensemble/relire", words).text
    assert page.count("SMS, 0,") >= 3, "each, and all of them"
    assert "En tout\u00a0: 4 SMS, 0,32 €" in page


def test_sending_again_says_what_it_costs_here_and_elsewhere(priced: Bureau) -> None:
    town = priced.town
    number = asked(town, channel="telegram", handle="awa")
    person_id = person(town, "Awa Diallo", "telegram", "awa")
    person(town, "Awa Diallo", "sms", AWA)
    nora = priced.signed_in()
    nora.post(f"/bureau/personnes/{person_id}/reunir", {"autre": str(person_id + 1)})
    way = f"/bureau/questions/{number}"
    town.channels["telegram"].refuse = [Undeliverable("bloqué")] * 3
    nora.post(f"{way}/nouvelles", {"nouvelles": "Nous attendons le bailleur.", "relu": "1"}, page=way)
    town.work()
    town.channels["telegram"].refuse = []
    assert "Renvoyer par SMS : +33612345678, 1 SMS, 0,08 €" in nora.get(way).text
    page = nora.get(f"/bureau/personnes/{person_id}").text
    assert "Renvoyer par SMS (06 •• •• •• 78), 1 SMS, 0,08 €" in page
    assert "Renvoyer par Telegram</button>" in page, "where nothing is billed, nothing is said"
