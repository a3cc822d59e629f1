"""The SMS channel at work: sends through one gateway, hears what it calls with, asks where it must be asked."""

import asyncio
import hmac
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from channels.contract import Address, Deliver, Inbound, Outbound, Receipt, TryAgain, Undeliverable, Unsure

from . import numbers, parts, pieces
from .budget import Meter
from .cost import Cost, cost
from .gateways.base import Asked, Calling, Gateway, Heard, News, Refused, Searchable
from .settings import SmsSettings

log = structlog.get_logger(__name__)
REPORT_WAITS = (0.3, 1.0, 3.0)  # seconds: a report may overtake the note that the message was sent
PAUSES = (2.0, 120.0)  # seconds before asking again after a failure, ever longer
AHEAD = timedelta(minutes=5)  # a phone's clock may be that wrong


class SmsChannel:
    """Our one number."""

    name = "sms"

    def __init__(self, settings: SmsSettings, gateway: Gateway):
        self.settings, self.gateway = settings, gateway
        self.meter = Meter(settings.price, settings.ceilings)

    def cost(self, text: str) -> Cost:
        """What a message will cost, before it is sent."""
        return cost(text, self.settings.price)

    def fit(self, text: str) -> tuple[str, str]:
        """What one message carries, ending with « Répondez SUITE » if that is not all, and the rest."""
        fitted = pieces.fit(text)
        return fitted.text, fitted.rest

    async def send(self, message: Outbound, key: str) -> str:
        """Fold, fit in three segments, hand over."""
        to = numbers.dialable(message.recipient.handle, self.settings.countries)
        fitted = pieces.fit(message.text, tail=pieces.TO_A_PERSON)
        if not fitted.text:
            raise Undeliverable("le message est vide")
        return await self.gateway.send(to, fitted.text, key)

    async def check(self) -> str:
        return await self.gateway.check()

    # ------------------------------------------------------------ in, whoever brings it
    async def _keep(self, news: News, deliver: Deliver) -> None:
        if isinstance(news, Receipt):
            await self._settle(news, deliver)
            return
        await deliver(self._inbound(news))

    async def _settle(self, receipt: Receipt, deliver: Deliver) -> None:
        for wait in REPORT_WAITS:
            if await deliver(receipt):
                return
            await asyncio.sleep(wait)
        await deliver(receipt)  # one that we already had, or of a message that is not ours

    def _inbound(self, heard: Heard) -> Inbound:
        who = numbers.sender(heard.sender, self.settings.countries)
        now = datetime.now(UTC)
        at = heard.at if heard.at <= now + AHEAD else now
        account = self.settings.number or heard.to
        return Inbound(
            heard.id,
            Address(self.name, who.handle),
            heard.text,
            at,
            account=account,
            nature=who.nature,
            warnings=heard.warnings,
        )


class Asking:
    """What a channel can do whose gateway can be asked what it took."""

    gateway: Gateway
    settings: SmsSettings

    async def find(self, message: Outbound, key: str, since: datetime) -> str:
        assert isinstance(self.gateway, Searchable)
        to = numbers.dialable(message.recipient.handle, self.settings.countries)
        return await self.gateway.find(to, pieces.fit(message.text, tail=pieces.TO_A_PERSON).text, key, since)


class CalledChannel(SmsChannel):
    """A gateway calls us: a secret path, then whatever the gateway proves itself with."""

    def routes(self, deliver: Deliver) -> Sequence[Route]:
        gateway = self.gateway
        assert isinstance(gateway, Calling)
        joining = parts.Parts()

        async def called(request: Request) -> Response:
            path = request.path_params["path"]
            if not hmac.compare_digest(request.path_params["secret"].encode(), self.settings.secret.encode()):
                return PlainTextResponse("Adresse inconnue.", 403)
            if path not in gateway.paths:
                return PlainTextResponse("Adresse inconnue.", 404)
            try:
                found = await gateway.read(request, path)
            except Refused as error:
                log.warning("sms.refused", gateway=gateway.name, why=str(error))
                return PlainTextResponse("Appel refusé.", 403)
            for each in found:
                if isinstance(each, Heard):
                    await joining.keep(each, lambda heard: self._keep(heard, deliver))
                else:
                    await self._keep(each, deliver)
            return gateway.thanks()

        return [Route("/sms/{secret}/{path}", called, methods=["GET", "POST"])]


class AskingChannel(SmsChannel):
    """A gateway that we ask for news."""

    pauses = PAUSES

    async def listen(self, deliver: Deliver) -> None:
        """Ask for ever; what is not safe yet comes again at the next look."""
        gateway = self.gateway
        assert isinstance(gateway, Asked)
        pause = self.pauses[0]
        while True:
            try:
                async for each in gateway.news():
                    await self._keep(each, deliver)
                pause = self.pauses[0]
                await asyncio.sleep(gateway.ask_every)
            except (TryAgain, Unsure, Undeliverable) as error:
                log.warning("sms.news", gateway=gateway.name, problem=str(error))
                wait = error.after if isinstance(error, TryAgain) and error.after else 0.0
                await asyncio.sleep(max(pause * random.uniform(0.8, 1.2), wait))
                pause = min(pause * 2, self.pauses[1])


class CalledAndAskingChannel(CalledChannel, AskingChannel):
    """Both: what a failed call did not bring is asked for."""


class FindingAskingChannel(Asking, AskingChannel):
    """A gateway that is asked for news, and for what it took."""


class FindingCalledAndAskingChannel(Asking, CalledAndAskingChannel):
    """All of it."""


def channel_for(settings: SmsSettings, gateway: Gateway) -> SmsChannel:
    """The channel with the ways in that this gateway has."""
    if isinstance(gateway, Calling) and isinstance(gateway, Asked):
        both = FindingCalledAndAskingChannel if isinstance(gateway, Searchable) else CalledAndAskingChannel
        return both(settings, gateway)
    if isinstance(gateway, Calling):
        return CalledChannel(settings, gateway)
    return (FindingAskingChannel if isinstance(gateway, Searchable) else AskingChannel)(settings, gateway)
