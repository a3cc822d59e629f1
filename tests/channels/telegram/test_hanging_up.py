"""A service that stops hangs up: Telegram does not see a line of ours stay open."""

from pathlib import Path

from bot import app, migrations, settings
from channels.contract import Address, Outbound
from tests.peers.mail import until
from tests.peers.telegram import Telegram, telegram_api
from tests.running import Running

__all__ = ["telegram_api"]


def test_a_service_that_stops_leaves_no_line_open(telegram_api: Telegram, tmp_path: Path) -> None:
    environment = telegram_api.settings | {
        "HOTLINE_DATABASE_URL": f"sqlite:///{tmp_path}/hotline.db",
        "HOTLINE_SECRET": "une clé pour les essais, assez longue pour en être une",
    }
    awa = telegram_api.person(4242)
    for times in (1, 2):  # and a service that starts again opens them anew
        house = app.build(settings.read(environment))
        migrations.upgrade(house.db)
        before = telegram_api.polls
        running = Running(house, ("listen", "deliver"))
        until(lambda before=before: telegram_api.polls > before, what="for a question for news")
        said = Outbound(Address("telegram", str(awa.id)), "hello", {}, "Bonjour", "")
        running.do(house.channels["telegram"].channel.send(said, f"key {times}"))
        assert telegram_api.lines() == 2, "one that asks for news, one that said it"
        running.stop()
        until(lambda: telegram_api.lines() == 0, what=f"for the lines to close, time {times}")
