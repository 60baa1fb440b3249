"""Topics: made on purpose, once, with every setting spelt out."""

from __future__ import annotations

from collections.abc import Mapping

import structlog
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError

from pandapack.runtime.errors import KafkaUnavailable, Misconfigured
from pandapack.runtime.sender import RECORD_BYTES_MAX

ADMIN_WAIT_MS = 6_000
SYNC_REPLICAS_MIN = 2

log = structlog.get_logger(__name__)


async def ensure_topics(bootstrap: str, partitions: Mapping[str, int], *, replication: int) -> None:
    """Makes the topics that are missing, and refuses one that has another number of partitions.

    Keys choose partitions, and a merchant or a source must stay where it is: the number never changes.
    Raises KafkaUnavailable, Misconfigured.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=ADMIN_WAIT_MS)
    try:
        await admin.start()
        missing = set(partitions) - set(await admin.list_topics())
        for name in sorted(missing):
            await _create(admin, name, partitions[name], replication)
        for found in await admin.describe_topics(list(partitions)):
            name, count = found["topic"], len(found["partitions"])
            if count and count != partitions[name]:
                raise Misconfigured(
                    f"topic {name} has {count} partitions, but {partitions[name]} are set (PANDA_SHARDS, for "
                    "donations.pushed); the number never changes after the first start: set it back"
                )
    except KafkaError as error:
        raise KafkaUnavailable(f"Kafka at {bootstrap} does not answer: {error!r}") from error
    finally:
        await admin.close()


async def _create(admin: AIOKafkaAdminClient, name: str, partitions: int, replication: int) -> None:
    topic = NewTopic(name, partitions, replication, topic_configs=_settings(replication, RECORD_BYTES_MAX))
    try:
        await admin.create_topics([topic])
    except TopicAlreadyExistsError:
        log.info("topic_made_by_another", topic=name)


def _settings(replication: int, record_bytes_max: int) -> dict[str, str]:
    return {
        "cleanup.policy": "delete",
        "retention.ms": "-1",
        "max.message.bytes": str(record_bytes_max),
        # The broker's own clock: whoever writes a record cannot say when that was.
        "message.timestamp.type": "LogAppendTime",
        "unclean.leader.election.enable": "false",
        "min.insync.replicas": str(min(SYNC_REPLICAS_MIN, replication)),
    }


async def limit_records(bootstrap: str, topic: str, *, bytes_max: int = RECORD_BYTES_MAX, replication: int = 1) -> None:
    """From now on a topic takes records of up to that size and refuses larger ones; its other settings stay."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        configs = _settings(replication, bytes_max)  # all of them: what is not named here would be the broker's default
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs=configs)])
    finally:
        await admin.close()
