"""One Kafka broker, which is its own controller (KRaft), for one machine.

Kafka does not fsync before it acknowledges: a kill -9 of the broker loses nothing, a power cut may.
Production has three replicas for that; this has one.
"""

from __future__ import annotations

import base64
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pandapack.local.errors import DataRefused
from pandapack.local.java import Java
from pandapack.local.ports import LOOPBACK
from pandapack.local.probes import is_broker
from pandapack.local.supervisor import ChildSpec

HEAP_MB_MAX = 512
MESSAGE_BYTES_MAX = 8 * 1024 * 1024
OFFSETS_PARTITIONS = 5
LOG_RETENTION_HOURS = 24 * 365 * 5
LOG_SEGMENT_BYTES = 256 * 1024 * 1024
SESSION_MS = 3_000
HEARTBEAT_MS = 500
FORMAT_WAIT_S = 60.0
START_WAIT_S = 180.0
STOP_WAIT_S = 20.0
NODE_ID = 1

_LOGGING = """\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %c{1}: %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
logger.start.name = org.apache.kafka.common.utils.AppInfoParser
logger.start.level = info
logger.server.name = kafka.server.KafkaRaftServer
logger.server.level = info
"""


@dataclass(frozen=True, kw_only=True)
class Kafka:
    """Where one embedded broker lives. `folder` holds its configuration, `folder/data` its log."""

    folder: Path
    log_file: Path
    java: Java
    classpath: str
    port: int
    controller_port: int
    stop_wait_s: float = STOP_WAIT_S

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def prepare(self) -> None:
        """Write the configuration (on every start, for ports move) and format the data folder, once."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._config_file.write_text(_as_properties(self._settings()))
        self._logging_file.write_text(_LOGGING)
        if not (self._data / "meta.properties").exists():
            self._format()

    def child(self) -> ChildSpec:
        """What the supervisor starts; `prepare` comes first."""
        return ChildSpec(
            name="kafka",
            argv=(*self._java_command(heap_mb=HEAP_MB_MAX), "kafka.Kafka", str(self._config_file.resolve())),
            env=_java_env(),
            log_file=self.log_file,
            ready=lambda: is_broker(LOOPBACK, self.port),
            start_wait_s=START_WAIT_S,
            stop_wait_s=self.stop_wait_s,
        )

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _config_file(self) -> Path:
        return self.folder / "server.properties"

    @property
    def _logging_file(self) -> Path:
        return self.folder / "log4j2.properties"

    def _java_command(self, *, heap_mb: int) -> tuple[str, ...]:
        return (
            str(self.java.program),
            f"-Xms{heap_mb // 2}m",
            f"-Xmx{heap_mb}m",
            # A broker copies bytes: what the second compiler gains there never pays for its own work on two cores.
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-XX:+ExitOnOutOfMemoryError",
            "-Djava.awt.headless=true",
            f"-Dlog4j2.configurationFile={self._logging_file.resolve()}",
            "-cp",
            self.classpath,
        )

    def _format(self) -> None:
        """`--ignore-formatted` mends a format that was interrupted half-way."""
        command = (
            *self._java_command(heap_mb=128),
            "kafka.tools.StorageTool",
            *("format", "--ignore-formatted", "--standalone"),
            *("-t", _new_cluster_id(), "-c", str(self._config_file.resolve())),
        )
        answer = subprocess.run(
            command, env=_java_env(), capture_output=True, text=True, timeout=FORMAT_WAIT_S, check=False
        )
        if answer.returncode:
            raise DataRefused(
                f"Kafka could not format {self._data}: {(answer.stderr or answer.stdout).strip()}",
                "Look at its disk and rights; an embedded stack may be begun anew by deleting the folder",
            )

    def _settings(self) -> dict[str, object]:
        return {
            "process.roles": "broker,controller",
            "node.id": NODE_ID,
            "controller.quorum.bootstrap.servers": f"{LOOPBACK}:{self.controller_port}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://{LOOPBACK}:{self.controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.address},CONTROLLER://{LOOPBACK}:{self.controller_port}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": self._data.resolve(),
            "auto.create.topics.enable": "false",
            "num.partitions": 1,
            "default.replication.factor": 1,
            "min.insync.replicas": 1,
            "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": OFFSETS_PARTITIONS,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "transaction.state.log.num.partitions": OFFSETS_PARTITIONS,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            "share.coordinator.state.topic.num.partitions": OFFSETS_PARTITIONS,
            "group.initial.rebalance.delay.ms": 0,
            # A killed broker is let in again only after its old session has ended: with the usual 9 s it is
            # away for 13 s, with these for 6.
            "broker.session.timeout.ms": SESSION_MS,
            "broker.heartbeat.interval.ms": HEARTBEAT_MS,
            "message.max.bytes": MESSAGE_BYTES_MAX,
            "replica.fetch.max.bytes": MESSAGE_BYTES_MAX,
            "socket.request.max.bytes": 4 * MESSAGE_BYTES_MAX,
            "log.retention.hours": LOG_RETENTION_HOURS,
            "log.segment.bytes": LOG_SEGMENT_BYTES,
            "log.cleanup.policy": "delete",
            "unclean.leader.election.enable": "false",
            "num.network.threads": 2,
            "num.io.threads": 4,
            "num.recovery.threads.per.data.dir": 2,
        }


def _new_cluster_id() -> str:
    return base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=").replace("-", "A").replace("_", "B")


def _java_env() -> dict[str, str]:
    # A JVM setting of the surroundings (an agent, a debug port) is not meant for the broker.
    return {name: value for name, value in os.environ.items() if name not in ("JAVA_TOOL_OPTIONS", "CLASSPATH")}


def _as_properties(settings: dict[str, object]) -> str:
    return "".join(f"{name}={value}\n" for name, value in settings.items())
