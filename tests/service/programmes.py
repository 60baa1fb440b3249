"""Programmes that can be paid into, where donations runs alone: their publications, as procurement writes them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from aiokafka import AIOKafkaProducer

from pandapack.contracts.envelope import Envelope, envelop
from pandapack.contracts.procurement import ProgrammePublished
from pandapack.contracts.publication import LocalizedName, Policy
from tests.service.running import Running
from tests.trusted import signed
from tests.waiting import eventually

AT = datetime(2021, 11, 1, tzinfo=UTC)
TOPIC = "procurement.events"
ROWS_A_PAGE = 500


def publication(programme: str, number: int = 1) -> Envelope:
    """A programme's `number`-th publication: a name, and nothing to buy."""
    event = ProgrammePublished(
        programme=programme,
        publication=number,
        name=LocalizedName(zh=programme, en=programme),
        policy=Policy(round_parcels=1, contingency_per_mille=0, price_tolerance_per_mille=0),
        items=(),
        specifications=(),
        suppliers=(),
        catalogue=(),
        services=(),
    )
    return envelop(event, source=f"/procurement/publications/{programme}/{number}", number=1, at=AT)


def write(service: Running, events: Sequence[Envelope]) -> None:
    """Appends them to procurement's topic, which the service consumes."""

    async def send() -> None:
        async with AIOKafkaProducer(bootstrap_servers=service.env["PANDA_KAFKA"], acks="all") as producer:
            for event in events:
                key, value, headers = signed(service.folder, event)
                await producer.send(service.topic(TOPIC), value, key=key, headers=headers)
            await producer.flush()

    with ThreadPoolExecutor(1) as pool:  # a loop of its own, also where one runs already
        pool.submit(lambda: asyncio.run(send())).result()


def known(service: Running) -> set[str]:
    """The programmes that the service lists."""
    found, after = set[str](), ""
    with service.client("auditor") as reader:
        while after is not None:
            page = reader.get("/v1/programmes", params={"after": after, "limit": str(ROWS_A_PAGE)}).json()
            found |= {one["programme"] for one in page["items"]}
            after = page["next"]
    return found


def publish(service: Running, names: Iterable[str]) -> None:
    """Publishes those that the service does not know, and waits until it does."""
    missing: Collection[str] = set(names) - known(service)
    if missing:
        write(service, [publication(name) for name in sorted(missing)])
        eventually(lambda: known(service) >= missing, "the published programmes are known")
