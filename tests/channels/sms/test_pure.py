"""Numbers, what an SMS carries, what it costs, the ceilings, parts put together, settings: all without a network."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels import sms
from channels.contract import BadSetting, Checked, Listener, Undeliverable, Webhook
from channels.sms import budget, gsm, numbers, pieces
from channels.sms.budget import Alarm, Ceilings, Meter, Spent
from channels.sms.cost import Cost, cost
from channels.sms.gateways.base import Heard
from channels.sms.parts import MISSING, Parts, place

PARIS = ZoneInfo("Europe/Paris")
FRANCE = ("+33",)
SECRET = "un-secret-assez-long-pour-les-adresses"
ACCOUNT = "AC" + "0" * 32
SENTENCE = "Le comité de pilotage se réunit deux fois par an. "
SETTINGS = {
    "kannel": {
        "HOTLINE_SMS_GATEWAY": "kannel",
        "HOTLINE_SMS_NUMBER": "+33 7 00 11 22 33",
        "HOTLINE_SMS_SECRET": SECRET,
        "HOTLINE_SMS_KANNEL": "http://hotline:mot%40passe@127.0.0.1:13013",
    },
    "ovhcloud": {
        "HOTLINE_SMS_GATEWAY": "ovhcloud",
        "HOTLINE_SMS_OVH": "sms-ab12345-1",
        "HOTLINE_SMS_OVH_KEYS": "application:secret:consommateur",
    },
    "twilio": {
        "HOTLINE_SMS_GATEWAY": "twilio",
        "HOTLINE_SMS_NUMBER": "+33700112233",
        "HOTLINE_SMS_SECRET": SECRET,
        "HOTLINE_SMS_TWILIO": f"{ACCOUNT}:jeton",
        "HOTLINE_PUBLIC_URL": "https://hotline.exemple.fr",
    },
    "smsgate": {
        "HOTLINE_SMS_GATEWAY": "smsgate",
        "HOTLINE_SMS_SECRET": SECRET,
        "HOTLINE_SMS_SMSGATE": "https://u:p@api.sms-gate.app/3rdparty/v1",
        "HOTLINE_SMS_SMSGATE_KEY": "cle",
    },
}


# --- numbers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "handle", "nature"),
    [
        ("+33612345678", "+33612345678", "person"),
        ("06 12 34 56 78", "+33612345678", "person"),
        ("33612345678", "+33612345678", "person"),
        ("0033612345678", "+33612345678", "person"),
        ("+33240000000", "+33240000000", "person"),
        ("+32470123456", "+32470123456", "unsure"),
        ("+262692123456", "+262692123456", "unsure"),
        ("36111", "36111", "machine"),
        ("38200", "38200", "machine"),
        ("Orange", "Orange", "machine"),
        ("INFO SMS", "INFO SMS", "machine"),
        ("+33899123456", "+33899123456", "machine"),
        ("+33937123456", "+33937123456", "machine"),
        ("", "inconnu", "machine"),
        ("+33", "+33", "machine"),
    ],
)
def test_a_sender_is_a_person_a_machine_or_for_the_officer_to_judge(raw: str, handle: str, nature: str) -> None:
    assert numbers.sender(raw, FRANCE) == numbers.Sender(handle, nature)  # type: ignore[arg-type]


def test_another_country_is_answered_once_it_is_allowed() -> None:
    assert numbers.sender("+32470123456", ("+33", "+32")).nature == "person"
    assert numbers.dialable("+32470123456", ("+33", "+32")) == "+32470123456"


@pytest.mark.parametrize("handle", ["36111", "Orange", "+32470123456", "+33899123456", "+33937123456", "+33", "x"])
def test_nothing_is_sent_where_it_must_not_go(handle: str) -> None:
    with pytest.raises(Undeliverable):
        numbers.dialable(handle, FRANCE)


# --- what an SMS carries ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "carried", "segments"),
    [
        ("Tu sais, ça va « bien » ? L’été…", 'Tu sais, ca va "bien" ? L\'été...', 1),
        ("10 € l'entrée", "10 € l'entrée", 1),
        ("Bonne journée 🙂", "Bonne journée", 1),
        ("Merci ✅ à jeudi ❤️ !", "Merci à jeudi !", 1),
        ("مرحبا، كيف حالك؟", "مرحبا، كيف حالك؟", 1),
        ("👍", "👍", 1),
        ("é" * 160, "é" * 160, 1),
        ("é" * 161, "é" * 161, 2),
        ("€" * 80, "€" * 80, 1),
        ("€" * 81, "€" * 81, 2),
        ("ш" * 71, "ш" * 71, 2),
    ],
)
def test_a_text_goes_as_plainly_as_it_can(text: str, carried: str, segments: int) -> None:
    fitted = pieces.fit(text)
    assert (fitted.text, fitted.rest, fitted.segments) == (carried, "", segments)


def test_a_long_answer_is_cut_at_a_sentence_and_asks_for_the_rest() -> None:
    fitted = pieces.fit(SENTENCE * 20)
    assert fitted.segments == 3
    assert fitted.text.endswith("par an. ... Répondez SUITE")
    assert fitted.rest.startswith("Le comité")


@given(
    st.text(alphabet=st.sampled_from("abé€ .!\n🙂ш«ç"), max_size=1200),
    st.sampled_from([pieces.MORE, pieces.TO_A_PERSON]),
)
def test_nothing_of_a_long_text_is_lost_and_no_piece_is_longer_than_three_segments(text: str, tail: str) -> None:
    whole, rest, said = pieces.carried(text.strip()), text, []
    while rest:
        fitted = pieces.fit(rest, tail=tail)
        assert gsm.segments(fitted.text) == fitted.segments <= 3
        assert fitted.text.endswith(tail) == bool(fitted.rest) or not fitted.rest
        said.append(fitted.text.removesuffix(tail) if fitted.rest else fitted.text)
        assert len(fitted.rest) < len(rest)
        rest = fitted.rest

    def letters(text: str) -> str:
        return "".join(text.split()).replace(".", "")

    assert letters("".join(said)) == letters(whole)


def test_the_cost_is_known_before_sending() -> None:
    assert cost("Bonjour", Decimal("0.08")) == Cost(1, Decimal("0.08"))
    assert cost(SENTENCE * 20, Decimal("0.08")) == Cost(3, Decimal("0.24"))
    assert cost("", Decimal("0.08")).segments == 0
    assert str(cost(SENTENCE * 4, Decimal("0.08"))) == "2 SMS, 0,16 €"


# --- ceilings ---------------------------------------------------------------------------------------------------------

AT = datetime(2026, 12, 31, 22, 30, tzinfo=UTC)  # half past eleven in the evening in Paris
CEILINGS = Ceilings(Decimal(10), Decimal(100))


def euros(day: str, month: str) -> Spent:
    return Spent(Decimal(day), Decimal(month))


def test_a_day_and_a_month_begin_at_midnight_of_the_place() -> None:
    day, month = budget.since(AT, PARIS)
    assert (day.isoformat(), month.isoformat()) == ("2026-12-31T00:00:00+01:00", "2026-12-01T00:00:00+01:00")


def test_a_message_within_the_ceilings_goes() -> None:
    assert budget.refusal(CEILINGS, euros("9.92", "50"), Decimal("0.08"), AT, PARIS) is None


def test_a_message_beyond_the_day_waits_for_midnight_and_beyond_the_month_for_the_first() -> None:
    day = budget.refusal(CEILINGS, euros("9.93", "50"), Decimal("0.08"), AT, PARIS)
    assert day is not None
    assert day.until.isoformat() == "2027-01-01T00:00:00+01:00"
    assert day.reason == "plafond du jour atteint : 9,93 € sur 10,00 €"
    month = budget.refusal(CEILINGS, euros("9.93", "99.99"), Decimal("0.08"), AT.replace(day=2), PARIS)
    assert month is not None
    assert (month.period, month.until.isoformat()) == ("month", "2027-01-01T00:00:00+01:00")


def test_reminders_leave_a_fifth_to_the_answers() -> None:
    assert budget.refusal(CEILINGS, euros("8", "8"), Decimal("0.08"), AT, PARIS) is None
    assert budget.refusal(CEILINGS, euros("8", "8"), Decimal("0.08"), AT, PARIS, bulk=True) is not None


def test_no_ceiling_refuses_nothing_and_a_ceiling_of_zero_everything() -> None:
    assert budget.refusal(Ceilings(None, None), euros("999", "9999"), Decimal(1), AT, PARIS) is None
    assert budget.refusal(Ceilings(Decimal(0), None), euros("0", "0"), Decimal("0.08"), AT, PARIS) is not None


@pytest.mark.parametrize(
    ("before", "after", "steps"),
    [
        ("4.90", "4.98", []),
        ("4.95", "5.03", [50]),
        ("5.03", "5.11", []),
        ("7.95", "8.03", [80]),
        ("4.00", "8.50", [80]),
        ("9.95", "10.00", [100]),
    ],
)
def test_alarms_ring_once_at_50_80_and_100_percent(before: str, after: str, steps: list[int]) -> None:
    found = budget.alarms(CEILINGS, euros(before, "20"), euros(after, "20.1"))
    assert [each.percent for each in found] == steps
    assert all(each.period == "day" for each in found)


def test_a_refusal_rings_the_last_alarm_although_the_ceiling_is_not_quite_reached() -> None:
    spent = euros("9.95", "20")
    (alarm,) = budget.alarms(CEILINGS, spent, spent, refused=True)
    assert (alarm.percent, alarm.words) == (100, "le plafond du jour : 9,95 € sur 10,00 €")


def test_an_alarm_has_one_key_a_day_or_a_month() -> None:
    assert budget.alarm_key(Alarm("day", 80, Decimal(8), Decimal(10)), AT, PARIS) == "budget:day:2026-12-31:80"
    assert budget.alarm_key(Alarm("month", 50, Decimal(50), Decimal(100)), AT, PARIS) == "budget:month:2026-12:50"


def test_the_outbox_asks_once_and_hears_all_that_it_needs() -> None:
    meter = Meter(Decimal("0.10"), Ceilings(Decimal(1), None))
    spent, rung, sent = euros("0", "0"), [], 0
    for _ in range(14):
        verdict = meter.ask("Bonjour", spent, AT, PARIS)
        rung += [key for key, _ in verdict.alarms]
        if verdict.refusal is None:
            spent, sent = spent.plus(verdict.cost.euros), sent + 1
    assert sent == 10
    assert list(dict.fromkeys(rung)) == [f"budget:day:2026-12-31:{percent}" for percent in (50, 80, 100)]


def test_a_reminder_that_makes_room_for_answers_rings_no_alarm() -> None:
    meter = Meter(Decimal("0.10"), Ceilings(Decimal(1), None))
    verdict = meter.ask("Rappel", euros("0.80", "0.80"), AT, PARIS, bulk=True)
    assert verdict.refusal is not None
    assert verdict.alarms == ()


# --- parts ------------------------------------------------------------------------------------------------------------


def part(number: int, total: int = 3, reference: int = 7) -> Heard:
    header = bytes([5, 0, 3, reference, total, number])
    return Heard(f"id{number}", "+33612345678", "+33700112233", f"<{number}>", AT, header)


def test_a_header_says_where_a_part_stands() -> None:
    eight, sixteen = place(bytes([5, 0, 3, 7, 3, 2])), place(bytes([6, 8, 4, 1, 2, 3, 1]))
    assert eight is not None
    assert (eight.reference, eight.total, eight.number) == (7, 3, 2)
    assert sixteen is not None
    assert (sixteen.reference, sixteen.total, sixteen.number) == (258, 3, 1)
    for broken in (b"", b"\x05", b"\x05\x00\x03\x07\x03", bytes([5, 0, 3, 7, 3, 4]), bytes([5, 0, 3, 7, 0, 0])):
        assert place(broken) is None


@given(st.binary(max_size=40))
def test_no_header_breaks_the_reading(header: bytes) -> None:
    found = place(header)
    assert found is None or 1 <= found.number <= found.total


def put_together(*arriving: Heard, patience: float = 5.0, keep_fails: int = 0) -> tuple[list[Heard], list[object]]:
    kept: list[Heard] = []
    fails = [keep_fails]

    async def keep(heard: Heard) -> None:
        if fails[0]:
            fails[0] -= 1
            raise OSError("disque plein")
        kept.append(heard)

    async def all_of_them() -> list[object]:
        parts = Parts(patience)
        return await asyncio.gather(*(parts.keep(each, keep) for each in arriving), return_exceptions=True)

    return kept, asyncio.run(all_of_them())


def test_parts_make_one_message_whatever_their_order_and_however_often_they_come() -> None:
    kept, _ = put_together(part(3), part(1), part(3), part(2))
    assert [(each.text, each.header, each.warnings) for each in kept] == [("<1><2><3>", b"", ())]


def test_two_long_messages_of_one_phone_do_not_mix() -> None:
    kept, _ = put_together(
        part(2, reference=1),
        part(2, 2, reference=2),
        part(1, 2, reference=2),
        part(1, reference=1),
        part(3, reference=1),
    )
    assert sorted(each.text for each in kept) == ["<1><2>", "<1><2><3>"]


def test_a_part_that_never_comes_is_said_to_be_missing() -> None:
    (kept,), _ = put_together(part(1), part(3), patience=0.05)
    assert (kept.text, kept.warnings) == ("<1> [...] <3>", (MISSING,))


def test_no_part_is_acknowledged_when_the_whole_cannot_be_kept() -> None:
    kept, ends = put_together(part(1), part(2), part(3), keep_fails=1)
    assert not kept
    assert all(isinstance(end, OSError) for end in ends)


# --- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gateway", SETTINGS)
def test_each_gateway_opens_with_its_settings(gateway: str) -> None:
    opened = sms.open_channel(SETTINGS[gateway])
    assert opened is not None
    assert opened.channel.name == "sms"
    assert "10,00 € par jour, 100,00 € par mois" in opened.notes[0]
    assert (gateway == "smsgate") == any("06 ou 07" in note for note in opened.notes)


def test_each_gateway_has_the_ways_in_that_the_app_looks_for() -> None:
    ways = {"kannel": (True, False), "ovhcloud": (False, True), "twilio": (True, True), "smsgate": (True, False)}
    for gateway, (calls, asked) in ways.items():
        opened = sms.open_channel(SETTINGS[gateway])
        assert opened is not None
        assert (isinstance(opened.channel, Webhook), isinstance(opened.channel, Listener)) == (calls, asked)
        assert isinstance(opened.channel, Checked)


def test_sms_is_off_without_a_gateway() -> None:
    assert sms.open_channel({"HOTLINE_PUBLIC_URL": "https://x.fr"}) is None


@pytest.mark.parametrize(
    ("gateway", "variable"), [(gateway, variable) for gateway in SETTINGS for variable in SETTINGS[gateway]]
)
def test_each_missing_setting_is_named(gateway: str, variable: str) -> None:
    less = {name: value for name, value in SETTINGS[gateway].items() if name != variable}
    with pytest.raises(BadSetting, match="à remplir aussi") as caught:
        sms.open_channel(less)
    assert caught.value.variable == variable


@pytest.mark.parametrize(
    ("gateway", "variable", "value"),
    [
        ("kannel", "HOTLINE_SMS_GATEWAY", "kanel"),
        ("kannel", "HOTLINE_SMS_NUMBER", "sept"),
        ("kannel", "HOTLINE_SMS_SECRET", "trop-court"),
        ("kannel", "HOTLINE_SMS_SECRET", SECRET + "é/"),
        ("kannel", "HOTLINE_SMS_KANNEL", "http://127.0.0.1:13013"),
        ("kannel", "HOTLINE_SMS_KANNEL", "127.0.0.1:13013"),
        ("kannel", "HOTLINE_SMS_KANNEL", "http://u:p?x@127.0.0.1/"),
        ("kannel", "HOTLINE_SMS_KANNEL_ADDRESSES", "partout"),
        ("kannel", "HOTLINE_SMS_KANNEL_CALLBACK", "hotline:8000"),
        ("kannel", "HOTLINE_SMS_PRICE", "-1"),
        ("kannel", "HOTLINE_SMS_PRICE", "aucun"),
        ("kannel", "HOTLINE_SMS_DAILY_EUROS", "beaucoup"),
        ("kannel", "HOTLINE_SMS_MONTHLY_EUROS", "nan"),
        ("kannel", "HOTLINE_SMS_COUNTRIES", "France"),
        ("ovhcloud", "HOTLINE_SMS_OVH", "ab12345"),
        ("ovhcloud", "HOTLINE_SMS_OVH_KEYS", "une:deux"),
        ("ovhcloud", "HOTLINE_SMS_OVH_API", "eu.api.ovh.com"),
        ("twilio", "HOTLINE_SMS_TWILIO", "AC123:jeton"),
        ("twilio", "HOTLINE_PUBLIC_URL", "hotline.exemple.fr"),
        ("smsgate", "HOTLINE_SMS_SMSGATE", "https://api.sms-gate.app"),
    ],
)
def test_a_wrong_setting_is_named_with_an_example_and_never_repeated(gateway: str, variable: str, value: str) -> None:
    with pytest.raises(BadSetting) as caught:
        sms.open_channel(SETTINGS[gateway] | {variable: value})
    assert caught.value.variable == variable
    assert f"Exemple : {variable}=" in str(caught.value)
    assert SECRET not in str(caught.value)
    assert "jeton" not in str(caught.value).partition("Exemple")[0].replace("et le jeton", "")


def test_prices_and_ceilings_are_read_with_a_comma_too() -> None:
    more = {"HOTLINE_SMS_PRICE": "0,065", "HOTLINE_SMS_DAILY_EUROS": "2,50", "HOTLINE_SMS_MONTHLY_EUROS": "aucun"}
    opened = sms.open_channel(SETTINGS["kannel"] | more)
    assert opened is not None
    settings = opened.channel.settings  # type: ignore[attr-defined]
    assert (settings.price, settings.ceilings) == (Decimal("0.065"), Ceilings(Decimal("2.50"), None))
