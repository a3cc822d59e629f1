"""What signing in needs of the hotline; bot/doors fulfils it."""

from typing import Protocol


class SignInDesk(Protocol):
    """Links, sessions and their end."""

    async def send_link(self, email: str) -> None:
        """Send a link if this is an officer's address; whoever asks is not told whether it is."""
        ...

    async def enter_by_link(self, secret: str, agent: str) -> str | None:
        """The secret of a new session, or None when the link is used, over or not ours."""
        ...

    async def leave(self, secret: str) -> None: ...
