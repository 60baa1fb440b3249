"""`panda platform` and `panda merchant` against a running donations service."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from pandapack.cli.main import app
from pandapack.client import Client
from tests.service.programmes import publish
from tests.service.running import Running, running
from tests.stack import Servers

Panda = Callable[..., Result]


def ndjson(first: int, count: int) -> bytes:
    """Donations with these numbers, a line each."""
    rest = {"merchant": "M1", "programme": "love-parcel", "amount_fen": 5, "at": "2021-11-11T10:00:00+08:00"}
    return "\n".join(json.dumps({"id": str(10**18 + n), **rest}) for n in range(first, first + count)).encode()


@pytest.fixture
def donations(stack: Servers, namespace: str, tmp_path: Path) -> Iterator[Running]:
    more = {"PANDA_SHARDS": "2", "PANDA_ACCEPT_DAYS": "36500"}
    with running("donations", stack, namespace, tmp_path, more) as service:
        publish(service, ["love-parcel"])
        yield service


@pytest.fixture
def panda(donations: Running) -> Panda:
    env = {"PANDA_DONATIONS_URL": donations.url, "PANDA_KEY": donations.keys["operator"]}
    return lambda *arguments: CliRunner().invoke(app, arguments, env=env)


def printed(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def listed(panda: Panda, platform: str) -> dict[str, Any]:
    """What `panda platform list` has of a platform; the stack's own is listed, too."""
    (shown,) = [one for one in printed(panda("platform", "list", "--json"))["items"] if one["platform"] == platform]
    found: dict[str, Any] = shown
    return found


def test_a_platform_is_added_its_secret_rotated_and_what_it_signs_is_accepted(
    donations: Running, panda: Panda, tmp_path: Path
) -> None:
    made = printed(panda("platform", "add", "tb", "--name", "A platform", "--signed", "--json"))
    newer = printed(panda("platform", "rotate", "tb", "--json"))
    file = tmp_path / "donations.ndjson"
    for number, secret in enumerate((made["secret"], newer["secret"])):
        file.write_bytes(ndjson(10 * number, 10))
        with Client(donations.url, made["key"], secret) as client:
            assert client.push_file(file).accepted == 10
    assert panda("platform", "retire", "tb", "1").exit_code == 0
    shown = listed(panda, "tb")
    assert ([secret["number"] for secret in shown["secrets"]], shown["signature_demanded"]) == ([2], True)
    assert made["secret"] not in panda("platform", "list").output


def test_a_test_key_signs_with_a_secret_for_tests_and_the_list_tells_which_is_which(
    donations: Running, panda: Panda, tmp_path: Path
) -> None:
    printed(panda("platform", "add", "rehearses", "--name", "R", "--signed", "--json"))
    key = printed(panda("platform", "key", "rehearses", "--test", "--json"))["key"]
    secret = printed(panda("platform", "rotate", "rehearses", "--test", "--json"))["secret"]
    file = tmp_path / "donations.ndjson"
    file.write_bytes(ndjson(0, 10))
    with Client(donations.url, key, secret) as client:
        assert client.push_file(file).accepted == 10
    assert "secrets 2 (test), 1" in panda("platform", "list").output
    full = [panda("platform", "rotate", "rehearses", "--test", *more) for more in ((), (), ("--retire-oldest",))]
    assert [one.exit_code == 0 for one in full] == [True, False, True]
    assert [(one["number"], one["mode"]) for one in listed(panda, "rehearses")["secrets"]] == [
        (4, "test"),
        (3, "test"),
        (1, "live"),
    ]


def test_terms_are_changed_and_another_key_is_made(panda: Panda) -> None:
    printed(panda("platform", "add", "tb", "--name", "A platform", "--json"))
    assert panda("platform", "change", "tb", "--name", "Another", "--lines-a-second", "7").exit_code == 0
    shown = listed(panda, "tb")
    assert (shown["name"], shown["lines_a_second"]) == ("Another", 7)
    assert printed(panda("platform", "key", "tb", "--json"))["key"].startswith("panda_platform_")


def test_a_merchant_is_added_listed_and_renamed_and_a_second_time_is_a_failure_with_its_code(panda: Panda) -> None:
    panda("platform", "add", "P1", "--name", "Payer")
    added = panda("merchant", "add", "P1:M1", "--name", "One", "--json")
    assert printed(added)["key"].startswith("panda_merchant_")
    assert printed(panda("merchant", "key", "P1:M1", "--json"))["key"].startswith("panda_merchant_")
    assert printed(panda("merchant", "list", "--json"))["items"] == [{"merchant": "P1:M1", "name": "One"}]
    panda("merchant", "change", "P1:M1", "--name", "First")
    renamed = {"merchant": "P1:M1", "name": "First"}
    assert printed(panda("merchant", "list", "--json"))["items"] == [renamed]
    again = panda("merchant", "add", "P1:M1", "--name", "One")
    assert again.exit_code == 1 and "merchant_known" in again.output
