"""The embedded Kafka and mongod, for real."""

from __future__ import annotations

from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from pymongo import MongoClient, WriteConcern
from pymongo.read_concern import ReadConcern

from tests.stack import Servers


async def test_kafka_accepts_a_record_with_all_acknowledgements(stack: Servers, namespace: str) -> None:
    topic = f"{namespace}.records"
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.kafka)
    await admin.start()
    await admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=stack.kafka, acks="all", enable_idempotence=True)
    await producer.start()
    written = await producer.send_and_wait(topic, b"five fen")
    await producer.stop()
    assert written.offset == 0


def test_mongod_writes_and_reads_by_majority(stack: Servers, namespace: str) -> None:
    with MongoClient[dict[str, Any]](stack.mongo) as client:
        collection = client.get_database(namespace).get_collection(
            "pages", write_concern=WriteConcern("majority", j=True), read_concern=ReadConcern("majority")
        )
        collection.insert_one({"_id": "0000/1"})
        assert collection.find_one({"_id": "0000/1"}) == {"_id": "0000/1"}
