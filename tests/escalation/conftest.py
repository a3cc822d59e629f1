"""The browser that the pages of the desk are opened in."""

from tests.peers.browser import chromium

__all__ = ["chromium"]
