"""What stands still: partitions, shards, the public log, services that are silent, and laws that do not hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pandapack.contracts.public_log.fold.laws import Law
from services.reporting.domain.needs.matters import Act, Costs, Kind, Matter

Json = Mapping[str, Any]
GAP = "the log begins at"
"""Part of what the ledger says of a shard whose input is gone."""
OUTBOX_AGE_S_MAX = 8.0
"""An event leaves within a second; one that waits as long as a stalled partition does waits for a reason."""
POLL_AGE_S_MAX = 15.0
"""Kafka answers a poll within a second where nothing came: after fifteen it does not answer at all."""
COMMAND_NOTE = "--reason '…'"


def moment(text: object) -> datetime | None:
    """RFC 3339 → a time; None where it is none."""
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def stopped_partitions(service: str, stops: Iterable[Json]) -> list[Matter]:
    """Rows of `/v1/partitions` of a service."""
    return [_stopped(service, stop) for stop in stops]


def _stopped(service: str, stop: Json) -> Matter:
    topic, partition, reason = stop["topic"], stop["partition"], str(stop["reason"])
    return Matter(
        Kind.PARTITION_STOPPED,
        f"partition/{service}/{stop['group']}/{topic}/{partition}",
        service,
        {"topic": topic, "partition": str(partition), "offset": str(stop["offset"]), "attempts": int(stop["attempts"])},
        since=moment(stop["since"]),
        command=f"panda partition retry {topic}/{partition} --service {service}",
        act=Act("retry", f"{service}/v1/partitions/{topic}/{partition}/retry"),
        reason=reason,
        runbook="shard-gap" if GAP in reason else "",
    )


def set_aside_act(matter: Matter) -> Act | None:
    """The other way out of a partition that stands still: the record is passed over, once a dry run was seen."""
    if matter.kind is not Kind.PARTITION_STOPPED:
        return None
    values = matter.values
    path = f"{matter.service}/v1/partitions/{values['topic']}/{values['partition']}/records/{values['offset']}"
    return Act("set_aside", f"{path}/set-aside", wants_reason=True, is_tried_first=True)


def stalled_partitions(service: str, stalls: Iterable[Json]) -> list[Matter]:
    """`stalled` of a service's readiness: records wait, and nothing moves."""
    return [
        Matter(
            Kind.PARTITION_STALLED,
            f"stalled/{service}/{stall['group']}/{stall['topic']}/{stall['partition']}",
            service,
            {"topic": stall["topic"], "partition": str(stall["partition"]), "records": int(stall["records"] or 0)},
            since=moment(stall["since"]),
            command="panda ops",
        )
        for stall in stalls
    ]


def unwell(service: str, readiness: Json) -> list[Matter]:
    """What a service says of the servers behind it, and of events that it cannot publish."""
    found = list[Matter]()
    for kind, name in ((Kind.STORE_STOPPED, "store"), (Kind.KAFKA_STOPPED, "kafka")):
        told = readiness.get(name) or "ok"
        if told != "ok":
            found.append(Matter(kind, f"{name}/{service}", service, command="panda doctor", reason=str(told)))
    poll_age_s, outbox_age_s = readiness.get("poll_age_s"), readiness.get("outbox_age_s")
    is_deaf = not readiness.get("ready") and poll_age_s is not None and poll_age_s > POLL_AGE_S_MAX
    if is_deaf and not any(one.kind is Kind.KAFKA_STOPPED for one in found):
        found.append(Matter(Kind.KAFKA_STOPPED, f"kafka/{service}", service, command="panda doctor"))
    if outbox_age_s is not None and outbox_age_s > OUTBOX_AGE_S_MAX:
        values = {"seconds": int(outbox_age_s)}
        found.append(Matter(Kind.OUTBOX_FULL, f"outbox/{service}", service, values, command="panda ops"))
    return found


def silent_service(service: str, since: datetime | None) -> Matter:
    """A service does not answer at all."""
    return Matter(Kind.SERVICE_SILENT, f"silent/{service}", service, since=since, command="panda status --why")


def shard_gaps(shards: Iterable[Json]) -> list[Matter]:
    """Rows of `/v1/shards` of which the log begins behind what they want next."""
    return [_gap(one) for one in shards if one["gap"] is not None]


def _gap(row: Json) -> Matter:
    shard, gap = row["shard"], row["gap"]
    wanted, begins = int(gap["wanted"]), int(gap["begins"])
    fields = {"wanted": str(wanted), "begins": str(begins)}
    return Matter(
        Kind.SHARD_GAP,
        f"shard/{shard}/{wanted}",
        "donations",
        {"shard": str(shard), "records": begins - wanted},
        since=moment(gap.get("at") or gap.get("since")),
        command=f"panda shard resume {shard} --wanted {wanted} --begins {begins} {COMMAND_NOTE}",
        act=Act("resume", f"donations/v1/shards/{shard}/resume", fields, wants_reason=True),
    )


def log_matters(standing: Json) -> list[Matter]:
    """`public_log` of reporting's readiness: that it stopped, and what waits for its causes."""
    stopped = standing.get("stopped")
    found = [
        Matter(
            Kind.LOG_BLOCKED,
            f"log_blocked/{waits['partition']}",
            "reporting",
            {"partition": str(waits["partition"])},
            since=moment(waits["since"]),
            command="panda partition list",
            reason=f"{waits['event']} ← {', '.join(waits['lacking'])}",
        )
        for waits in standing.get("blocked") or ()
    ]
    if stopped:
        since, reason = moment(stopped["since"]), str(stopped["reason"])
        found.append(
            Matter(Kind.LOG_STOPPED, "log_stopped", "reporting", since=since, reason=reason, command="panda audit")
        )
    return found


def broken_laws(laws: Sequence[Law]) -> list[Matter]:
    """Laws that the public log itself breaks."""
    return [
        Matter(
            Kind.LAW_BROKEN,
            f"law/{law.name}",
            "reporting",
            {"law": law.name, "difference": law.difference},
            costs=Costs(fen=abs(law.difference)) if law.unit == "fen" else Costs(),
            command="panda audit",
        )
        for law in laws
        if not law.holds
    ]
