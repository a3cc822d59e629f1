"""The PostgreSQL that tests use is a real one, and its outages are real."""

import psycopg
import pytest

from tests.peers.postgres import Postgres


def fill(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (1)")


def count(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM kept").fetchone()
        assert row
        return int(row[0])


def test_each_database_is_a_copy_of_its_own(postgres: Postgres) -> None:
    first, second = postgres.database(fill), postgres.database(fill)
    with psycopg.connect(first, autocommit=True) as connection:
        connection.execute("INSERT INTO kept VALUES (2)")
    assert (count(first), count(second)) == (2, 1)
    postgres.drop(first)
    with pytest.raises(psycopg.OperationalError):
        count(first)


@pytest.mark.parametrize("outage", ["stop", "kill"])
def test_what_is_committed_outlives_an_outage(postgres: Postgres, outage: str) -> None:
    url = postgres.database(fill)
    with psycopg.connect(url) as open_one:
        getattr(postgres, outage)()
        with pytest.raises(psycopg.OperationalError):
            open_one.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError):
        count(url)
    postgres.start()
    assert count(url) == 1
