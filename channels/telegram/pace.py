"""Telegram's limits for one bot: 30 messages a second, one a second to a chat, 20 a minute to a group; pure."""

from bisect import insort
from collections import deque

# https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
SPACE = 1 / 25  # seconds between two messages of ours: 30 a second are allowed, and the line brings some closer
CHAT_GAP = 1.0  # seconds, on average
BURST = 2  # to one person at once, where they were silent: who we are, and the answer; « short bursts » are allowed
GROUP_MOST, GROUP_SPAN = 20, 60.0
PATIENCE = 1.0  # seconds that a sender may wait for its turn
REMEMBERED = 5000  # chats


class Pace:
    """When the next message to a chat may go; `now` is any clock in seconds that never goes back."""

    def __init__(self, chat_gap: float = CHAT_GAP) -> None:
        self._gap = chat_gap
        self._taken: list[float] = []  # places of the last second and of the next, in order
        self._chats: dict[int, float] = {}  # chat -> when all that it was sent is paid for, a message a gap
        self._groups: dict[int, deque[float]] = {}
        self._rest_until = 0.0

    def rest(self, seconds: float, now: float) -> None:
        """Telegram asked the whole bot to be silent so long."""
        self._rest_until = max(self._rest_until, now + seconds)

    def resting(self, now: float) -> float:
        """Seconds of silence left that Telegram asked for."""
        return max(0.0, self._rest_until - now)

    def reserve(self, chat: int, now: float) -> float:
        """Seconds to wait before sending; up to PATIENCE the place is kept, beyond it nothing is."""
        at = now
        if chat in self._chats:
            at = max(at, self._chats[chat] - (BURST - 1 if chat > 0 else 0) * self._gap)
        group = self._groups.get(chat)
        if group is not None and len(group) == GROUP_MOST:
            at = max(at, group[0] + GROUP_SPAN)
        for taken in self._taken:
            if taken - SPACE < at < taken + SPACE:
                at = taken + SPACE
        if at - now <= PATIENCE:
            self._keep(chat, at, now)
        return at - now

    def _keep(self, chat: int, at: float, now: float) -> None:
        self._taken = [taken for taken in self._taken if taken > now - 1]
        insort(self._taken, at)
        self._chats[chat] = max(self._chats.get(chat, at), at) + self._gap
        if chat < 0:
            self._groups.setdefault(chat, deque(maxlen=GROUP_MOST)).append(at)
        if len(self._chats) > REMEMBERED:
            self._chats = {each: last for each, last in self._chats.items() if last + GROUP_SPAN > now}
            self._groups = {each: last for each, last in self._groups.items() if each in self._chats}
