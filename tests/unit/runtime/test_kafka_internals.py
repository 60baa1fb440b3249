"""Private parts of aiokafka and FastStream are where `kafka_internals` reaches for them, and do what it expects.

A test that fails here after an upgrade says which part has moved: look at the library's source, and at whether it has a
public way by now.
"""

from __future__ import annotations

import ast
import asyncio
import importlib.metadata
import inspect
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.group_coordinator import GroupCoordinator
from faststream.kafka.message import KafkaAckableMessage

from pandapack.runtime import kafka_internals
from pandapack.runtime.broker import Broker
from pandapack.runtime.kafka_internals import (
    WRITTEN_FOR,
    is_member,
    last_poll_ms,
    position_handed_out,
    set_fetch_wait_ms,
)
from pandapack.runtime.reactions import Record
from tests.trusted import no_passes, stop_notes

ROOT = Path(__file__).parents[3]
OURS, ANOTHERS = TopicPartition("t", 0), TopicPartition("t", 1)


@pytest.mark.parametrize("library", sorted(WRITTEN_FOR))
def test_the_installed_version_is_the_one_it_was_written_for(library: str) -> None:
    installed = importlib.metadata.version(library)
    assert f"{installed}.".startswith(f"{WRITTEN_FOR[library]}."), "look at each private part, then note the version"


def test_both_libraries_have_a_version_that_it_was_written_for() -> None:
    assert set(WRITTEN_FOR) == {"aiokafka", "faststream"}


@pytest.fixture
async def consumer() -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer that is not connected, to which one partition is assigned."""
    consumer = AIOKafkaConsumer(bootstrap_servers="localhost:1")
    consumer.assign([OURS])
    yield consumer
    await consumer.stop()


@pytest.fixture
async def fetcher(consumer: AIOKafkaConsumer) -> AsyncIterator[Fetcher]:
    """The fetcher that the consumer would start with, of a cluster whose only node is 0."""
    cluster = SimpleNamespace(leader_for_partition=lambda partition: 0)
    client = SimpleNamespace(_loop=asyncio.get_running_loop(), _metadata_max_age_ms=300_000, cluster=cluster)
    fetcher = consumer._fetcher = Fetcher(client, consumer._subscription, fetch_max_wait_ms=500)
    await fetcher.close()  # it fetches nothing by itself
    yield fetcher
    consumer._fetcher = None


def test_a_consumer_makes_its_fetcher_with_the_wait_that_is_set_later() -> None:
    assert "self._fetcher = Fetcher(" in inspect.getsource(AIOKafkaConsumer)
    assert "fetch_max_wait_ms=self._fetch_max_wait_ms" in inspect.getsource(AIOKafkaConsumer)
    assert "self._fetch_max_wait_ms = fetch_max_wait_ms" in inspect.getsource(Fetcher.__init__)


async def test_the_fetcher_reads_its_wait_anew_for_each_fetch(consumer: AIOKafkaConsumer, fetcher: Fetcher) -> None:
    consumer.seek(OURS, 7)
    waits_ms = []
    for wait_ms in (40, 480):
        set_fetch_wait_ms(consumer, wait_ms)
        (_, request), *_ = fetcher._get_actions_per_node(consumer._subscription.subscription.assignment)[0]
        waits_ms.append(request._max_wait_ms)
    assert waits_ms == [40, 480]


async def test_a_position_is_known_once_the_consumer_has_one(consumer: AIOKafkaConsumer, fetcher: Fetcher) -> None:
    assert position_handed_out(consumer, OURS) is None, "nothing was read or sought yet"
    consumer.seek(OURS, 7)
    assert position_handed_out(consumer, OURS) == 7
    consumer._subscription.subscription.assignment.state_value(OURS).consumed_to(9)
    assert position_handed_out(consumer, OURS) == 9


async def test_the_moment_of_a_poll_is_known_once_kafka_has_answered_one(consumer: AIOKafkaConsumer) -> None:
    assert last_poll_ms(consumer, OURS) is None
    consumer._subscription.subscription.assignment.state_value(OURS).timestamp = 1_636_560_000_000
    assert last_poll_ms(consumer, OURS) == 1_636_560_000_000


async def test_nothing_is_known_of_a_partition_that_went_to_another_process(consumer: AIOKafkaConsumer) -> None:
    assert (position_handed_out(consumer, ANOTHERS), last_poll_ms(consumer, ANOTHERS)) == (None, None)
    consumer.unsubscribe()
    assert (position_handed_out(consumer, OURS), last_poll_ms(consumer, OURS)) == (None, None)
    consumer.subscribe(["t"])  # and nothing is assigned yet
    assert (position_handed_out(consumer, OURS), last_poll_ms(consumer, OURS)) == (None, None)


def test_the_librarys_group_member_keeps_its_coordination_where_it_is_looked_for() -> None:
    assert "self._coordination_task = create_task(self._coordination_routine())" in inspect.getsource(GroupCoordinator)


async def test_a_member_whose_coordination_has_ended_is_none_any_more(consumer: AIOKafkaConsumer) -> None:
    running = asyncio.get_running_loop().create_future()
    consumer._coordinator = SimpleNamespace(_coordination_task=running)
    assert is_member(consumer)
    running.set_result(None)
    assert not is_member(consumer)
    consumer._coordinator = None  # so that the fixture has nothing to close


async def handle(records: Sequence[Record]) -> None:
    raise AssertionError("nothing is consumed here")


def batch_subscriber() -> Any:
    """A subscriber of FastStream's with the options of all of ours."""
    broker = Broker("localhost:1", stop_notes(), client="test")
    broker.subscribe(["t"], group="g", handle=handle, passes=no_passes())
    (subscriber,) = broker.kafka.subscribers
    return subscriber


def record(offset: int) -> ConsumerRecord[Any, Any]:
    """A record as a stranger may write it: one header null, one that is no text."""
    headers = (("null", None), ("bytes", b"\xff"))
    return ConsumerRecord("t", 0, offset, 1_636_560_000_000, 0, None, b"{}", None, 0, 2, headers)


async def test_a_batch_is_parsed_untouched_whatever_its_headers_are_and_acknowledged_at_its_consumer() -> None:
    subscriber, consumer, batch = batch_subscriber(), object(), (record(3), record(4))
    subscriber.parser._setup(consumer)
    parse, _ = subscriber._get_parser_and_decoder()
    message = await parse(batch)
    assert type(message) is subscriber.parser.msg_class is KafkaAckableMessage
    assert message.raw_message is batch
    assert message.consumer is subscriber.parser._consumer is consumer
    assert message.message_id == "3-4"


async def test_the_parser_that_ours_replaces_is_bound_to_what_ours_needs_and_fails_on_such_headers() -> None:
    subscriber = batch_subscriber()
    own = subscriber.parser.parse_batch
    assert own.__self__ is subscriber.parser
    with pytest.raises((AttributeError, UnicodeDecodeError)):  # where it does not, ours need not replace it
        await own((record(3),))


def private_parts_of_others(source: str) -> list[str]:
    """Private attributes of anything but `self` and `cls`, in a file that imports one of the libraries."""
    tree = ast.parse(source)
    imports = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [one.name for one in node.names])
    }
    if not imports & set(WRITTEN_FOR):
        return []
    return [
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__")
        if not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"))
    ]


def test_private_parts_are_reached_for_in_one_file_only() -> None:
    files = [file for package in ("pandapack", "services") for file in sorted((ROOT / package).rglob("*.py"))]
    reaching = {file: parts for file in files if (parts := private_parts_of_others(file.read_text()))}
    assert set(reaching) == {Path(kafka_internals.__file__)}, reaching
