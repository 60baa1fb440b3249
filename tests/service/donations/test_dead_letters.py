"""Dead letters on a real Kafka and a real MongoDB: foreign rows are kept with the reason, and can be tried again."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaProducer

from pandapack.contracts.dead_letters import ROW_DEAD_LETTERS_A_RECORD_MAX
from pandapack.contracts.pushed_rows import lines_of
from tests.pushed import columns_of
from tests.service.donations.tenant import DAY, Tenant, ndjson, reversal
from tests.service.running import Running
from tests.trusted import DOOR, door_of
from tests.waiting import eventually

Headers = list[tuple[str, bytes]]


def write(service: Running, shard: int, value: bytes | None, headers: Headers) -> str:
    """Somebody writes a record to the ledger's topic. Where it lies."""
    topic = service.topic("donations.pushed")

    async def send() -> int:
        async with AIOKafkaProducer(bootstrap_servers=service.env["PANDA_KAFKA"], acks="all") as producer:
            sent = await producer.send_and_wait(topic, value, key=b"0", partition=shard, headers=headers)
            return int(sent.offset)

    return f"{topic}/{shard}/{asyncio.run(send())}"


def write_marked(service: Running, value: bytes, *more: tuple[str, bytes], shard: int) -> str:
    """What the door has let in, as if a newer rule refused it now. `more`: headers."""
    headers = door_of(service.folder).mark(shard, [("push", b"psh_x"), *more], value)
    return write(service, shard, value, headers)


def whose(tenant: Tenant) -> tuple[str, bytes]:
    """The header that says whose a record's lines are."""
    return "platform", tenant.name.encode()


def dead_letters(operator: httpx.Client, of: str, **query: str) -> list[dict[str, Any]]:
    """Those of one record."""
    items: list[dict[str, Any]] = operator.get("/v1/dead-letters", params={"limit": "500", **query}).json()["items"]
    return [one for one in items if one["address"] == of or one["address"].startswith(f"{of}/")]


def replay(operator: httpx.Client, body: dict[str, Any], key: str) -> dict[str, Any]:
    body = {"reason": "a test", **body}
    answer = operator.post("/v1/dead-letters/replays", json=body, headers={"Idempotency-Key": key})
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


def unmarked(tenant: Tenant, shard: int, value: bytes) -> dict[str, Headers]:
    """Headers of records that the door did not let in, by why that is."""
    door, given = door_of(tenant.service.folder), [("push", b"psh_x"), whose(tenant)]
    marked = door.mark(shard, given, value)
    return {
        "no mark": given,
        "a mark by another key": DOOR.mark(shard, given, value),
        "a mark of another body": door.mark(shard, given, value + b" "),
        "a mark of another shard": door.mark(shard + 1, given, value),
        "a mark of another platform": [*door.mark(shard, [given[0], ("platform", b"other")], value)[2:], *given],
        "a mark and a header beside it": [*marked, ("kind", b"reversal")],
        "a platform twice": [*marked, whose(tenant)],
    }


@pytest.mark.parametrize("is_text", [True, False], ids=["text", "columns"])
def test_a_record_without_the_doors_mark_is_one_dead_letter_whatever_it_holds_and_counts_only_by_an_operator(
    service: Running, tenant: Tenant, is_text: bool
) -> None:
    rows = tenant.donations(0, 3, merchant=tenant.merchant_on(0))
    value = ndjson(rows) if is_text else columns_of(*ndjson(rows).splitlines(), platform=tenant.name)
    written = {why: write(service, 0, value, headers) for why, headers in unmarked(tenant, 0, value).items()}
    with service.client("operator") as operator:
        for why, record in written.items():
            eventually(lambda record=record: len(dead_letters(operator, record)) == 1, f"kept: {why}")
            (kept,) = dead_letters(operator, record)
            assert (kept["address"], kept["cause"], kept["platform"], kept["rows"]) == (record, "unmarked", None, 3), (
                why
            )
            assert json.loads(kept["text"].splitlines()[0])["id"] == rows[0]["id"]
        assert tenant.counted() == (0, 0)
        record = written["no mark"]
        answer = replay(operator, {"addresses": [record]}, f"{record} as it is")
        assert (answer["accepted"], [one["code"] for one in answer["refused"]]) == (0, ["platform_missing"])
        for key in ("under its platform", "once more"):
            body = {"addresses": [record], "platform": tenant.name}
            assert replay(operator, body, f"{record} {key}")["accepted"] == 3
        fen = sum(row["amount_fen"] for row in rows)
        eventually(lambda: tenant.counted() == (3, fen), "what an operator vouches for is counted once")


def test_empty_and_null_records_are_accounted_for(service: Running, tenant: Tenant) -> None:
    written = [write(service, 0, value, []) for value in (b"", None, b"\xff\x00", b"\n\n")]
    with service.client("operator") as operator:
        for record in written:
            eventually(lambda record=record: len(dead_letters(operator, record)) == 1, "it is kept")


def test_thousands_of_broken_lines_of_one_record_are_bounded_dead_letters_and_none_is_lost(
    service: Running, tenant: Tenant
) -> None:
    broken = [b"{broken %d" % number for number in range(3_000)]
    unmarked_record = write(service, 0, b"\n".join(broken), [])
    lines = ndjson(tenant.donations(0, len(broken))).splitlines()
    columns = columns_of(*lines, platform=tenant.name, amount_fen=0)
    marked_record = write_marked(service, columns, whose(tenant), shard=0)
    with service.client("operator") as operator:
        eventually(lambda: len(dead_letters(operator, marked_record)) == ROW_DEAD_LETTERS_A_RECORD_MAX + 1, "all kept")
        kept = dead_letters(operator, marked_record)
        (rest,) = [one for one in kept if one["rows"] is not None]
        assert rest["rows"] == len(broken) - ROW_DEAD_LETTERS_A_RECORD_MAX
        singles = sorted(
            (one for one in kept if one["rows"] is None), key=lambda one: int(one["address"].split("/")[-1])
        )
        texts = [one["text"].encode() for one in singles] + rest["text"].encode().split(b"\n")
        assert texts == lines_of(columns)
        (whole,) = dead_letters(operator, unmarked_record)
        assert whole["rows"] == len(broken)
        answer = replay(operator, {"addresses": [rest["address"]]}, f"{marked_record} as it is")
        assert (answer["accepted"], answer["refused"][0]["rows"]) == (0, rest["rows"])
    assert tenant.counted() == (0, 0)


def test_rows_that_are_refused_are_kept_with_their_reason_and_count_once_when_they_are_mended(
    service: Running, tenant: Tenant
) -> None:
    (good,) = tenant.donations(0, 1)
    mended = json.dumps({**good, "amount_fen": 7})
    columns = columns_of(*ndjson([good] * 3).splitlines(), platform=tenant.name, amount_fen=0)
    another = 1 if tenant.shard(good["merchant"]) == 0 else 0
    record = write_marked(service, columns, whose(tenant), shard=another)
    with service.client("operator") as operator:
        eventually(lambda: len(dead_letters(operator, record)) == 3, "all rows are kept")
        free = dead_letters(operator, record, cause="amount_fen_invalid")
        assert [one["address"] for one in free] == [f"{record}/{row}" for row in range(3)]
        address = free[1]["address"]
        assert json.loads(operator.get(f"/v1/dead-letters/{address}").json()["text"])["amount_fen"] == 0

        still = replay(operator, {"addresses": [address], "dry_run": True}, f"{record} dry")
        assert (still["accepted"], [one["code"] for one in still["refused"]]) == (0, ["amount_fen_invalid"])
        body = {"addresses": [address], "edited": {address: mended}}
        assert replay(operator, {**body, "dry_run": True}, f"{record} dry mended")["accepted"] == 1
        assert tenant.counted() == (0, 0)

        for key in ("mended", "mended", "mended again"):
            assert replay(operator, body, f"{record} {key}")["accepted"] == 1
        eventually(lambda: tenant.counted() == (1, 7), "the mended row is counted once")
        noted = operator.get(f"/v1/dead-letters/{address}").json()["replays"]
        assert [one["edited"] for one in noted] == [mended, mended]
        assert operator.get("/v1/dead-letters/no/such/address").status_code == 404
    assert DAY in mended


def test_a_broken_reversal_is_kept_as_one_and_is_taken_when_it_is_mended(service: Running, tenant: Tenant) -> None:
    (good,) = tenant.donations(0, 1)
    tenant.push(ndjson([good]))
    eventually(lambda: tenant.counted()[0] == 1, "the donation is counted")
    shard, sound = tenant.shard(good["merchant"]), reversal("r-1", good, good["amount_fen"])
    row = json.dumps({**sound, "amount_fen": 0}).encode()
    record = write_marked(service, row, ("kind", b"reversal"), whose(tenant), shard=shard)
    with service.client("operator") as operator:
        eventually(lambda: len(dead_letters(operator, record)) == 1, "the row is kept")
        (dead_letter,) = dead_letters(operator, record)
        assert (dead_letter["kind"], dead_letter["cause"]) == ("reversal", "amount_fen_invalid")
        body = {"addresses": [dead_letter["address"]], "edited": {dead_letter["address"]: json.dumps(sound)}}
        assert replay(operator, body, f"{record} mended")["accepted"] == 1
        path = f"/v1/reversals/{good['merchant']}/r-1"
        eventually(lambda: tenant.platform.get(path).status_code == 200, "the reversal is on a page")
    assert tenant.platform.get(path).json()["state"] == "taken"
    assert tenant.counted() == (1, good["amount_fen"])


def test_a_poisoned_group_is_looked_ahead_for_replayed_and_adds_just_what_was_said(
    service: Running, tenant: Tenant
) -> None:
    given = tenant.donations(0, 60, merchant=tenant.merchant_on(0))
    known = tenant.donations(100, 5, merchant=tenant.merchant_on(0))
    tenant.push(ndjson(known))
    eventually(lambda: tenant.counted()[0] == 5, "what counts already")
    before = tenant.counted()
    lines = [*ndjson(given).splitlines(), *ndjson(known).splitlines(), b"{oops", b"7"]
    record = write(service, 0, b"\n".join(lines), [])
    with service.client("operator") as operator:
        eventually(lambda: len(dead_letters(operator, record)) == 1, "it is kept")
        (dead_letter,) = dead_letters(operator, record)
        group = f"/v1/dead-letters/groups/{dead_letter['group']}"
        found = operator.get(group).json()
        assert (found["cause"], found["sender"], found["status"]) == ("unmarked", "unvouched", "open")
        chosen = {"addresses": [record], "platform": tenant.name}
        preview = operator.post("/v1/dead-letters/previews", json=chosen).json()
        fen = sum(row["amount_fen"] for row in given)
        assert (preview["donations"], preview["fen"], preview["already_counted"]) == (60, fen, 5)
        assert preview["still_fail"] == {"dead_letters": 1, "rows": 2}
        good = operator.get(f"/v1/dead-letters/{record}").json()["good"]
        assert good["of_sender"] is False, "nobody vouches for whose it is"

        unreasoned = operator.post("/v1/dead-letters/replays", json=chosen, headers={"Idempotency-Key": f"{record} x"})
        assert (unreasoned.status_code, unreasoned.json()["code"]) == (422, "reason_missing")
        text = b"\n".join(lines[:-2]).decode()
        edited = {**chosen, "edited": {record: text}}
        for key in ("mended", "mended", "mended again"):
            done = replay(operator, edited, f"{record} {key}")
            assert (done["state"], done["accepted"], done["refused_rows"]) == ("done", 65, 0)
        eventually(lambda: tenant.counted() == (before[0] + 60, before[1] + fen), "just what was said")
        kept = operator.get(f"/v1/dead-letters/{record}").json()
        assert (kept["status"], [one["reason"] for one in kept["replays"]]) == ("replayed", ["a test"] * 2)
        assert operator.get(group).json()["replayed"] == found["replayed"] + 1


def test_a_group_is_replayed_behind_the_answer_and_given_up_and_taken_back(service: Running, tenant: Tenant) -> None:
    good = tenant.donations(0, 3)
    columns = columns_of(*ndjson(good).splitlines(), platform=tenant.name, amount_fen=0)
    record = write_marked(service, columns, whose(tenant), shard=0)
    headers = {"Idempotency-Key": record}
    with service.client("operator") as operator:
        eventually(lambda: len(dead_letters(operator, record)) == 3, "all rows are kept")
        group = dead_letters(operator, record)[0]["group"]
        chosen = {"group": group, "reason": "a test"}
        begun = operator.post("/v1/dead-letters/replays", json={**chosen, "rate_rows_per_s": 100}, headers=headers)
        assert (begun.status_code, begun.json()["dead_letters"]) == (202, 3)
        path = f"/v1/dead-letters/replays/{begun.json()['id']}"
        eventually(lambda: operator.get(path).json()["state"] == "done", "it goes on by itself")
        assert operator.get(path).json()["refused_rows"] == 3
        assert operator.get(f"/v1/dead-letters/groups/{group}").json()["open"] == 3
        stopped = operator.post(
            f"{path}/stop", json={"reason": "a test"}, headers={"Idempotency-Key": f"stop {record}"}
        )
        assert (stopped.status_code, stopped.json()["state"]) == (200, "done")
        for take_back, status in ((False, "discarded"), (True, "open")):
            body = {**chosen, "take_back": take_back}
            key = {"Idempotency-Key": f"{record} {take_back}"}
            answer = operator.post("/v1/dead-letters/discards", json=body, headers=key)
            assert answer.status_code == 202, answer.text
            over = f"/v1/dead-letters/replays/{answer.json()['id']}"
            eventually(lambda over=over: operator.get(over).json()["is_over"], "it is over")
            assert [one["status"] for one in dead_letters(operator, record, status=status)] == [status] * 3
    assert tenant.counted() == (0, 0)


def test_only_operators_may_replay(tenant: Tenant) -> None:
    body, headers = {"addresses": ["x"]}, {"Idempotency-Key": "k"}
    answer = tenant.platform.post("/v1/dead-letters/replays", json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "role_not_allowed")
