"""How often one visitor may write."""

from channels.web.limits import REMEMBERED, Limiter


def test_beyond_the_limit_one_waits_until_the_oldest_is_over() -> None:
    limiter = Limiter(2, 60)
    assert limiter.wait("a", 0) == 0
    assert limiter.wait("a", 10) == 0
    assert limiter.wait("a", 20) == 40
    assert limiter.wait("b", 20) == 0
    assert limiter.wait("a", 60.5) == 0
    assert limiter.wait("a", 61) == 9


def test_the_quiet_are_forgotten_when_there_are_too_many() -> None:
    limiter = Limiter(1, 60)
    for number in range(REMEMBERED + 1):
        limiter.wait(str(number), 0)
    assert limiter.wait("new", 100) == 0
    assert len(limiter._seen) == 1
