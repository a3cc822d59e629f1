"""Real servers that the tests talk to, and what happens where one is not installed."""

import os
from typing import NoReturn

import pytest


def absent(what: str) -> NoReturn:
    """Skip the test for want of a server; in CI, where every server is required, fail it."""
    message = f"{what} is not installed: tests/peers/install.sh installs it"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
