"""The compose file and the image, read as text: what runs is not started here, and nothing of it is promised."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from deploy import first_keys
from tests.house import rules

COMPOSE: dict[str, Any] = yaml.safe_load((rules.ROOT / "docker-compose.yml").read_text())
CONTAINERS: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (rules.ROOT / "deploy" / "Dockerfile").read_text()
PORTS = {"donations": 8101, "procurement": 8102, "logistics": 8103, "reporting": 8100}
SERVERS = {"kafka", "mongo"}
READERS = "reporting-readers"


def instructions() -> list[tuple[str, str]]:
    """(word, rest) of the Dockerfile, continued lines joined."""
    text = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE))
    return [(word.upper(), rest) for word, _, rest in (line.partition(" ") for line in text.splitlines() if line)]


def all_of(word: str) -> list[str]:
    return [rest for found, rest in instructions() if found == word]


def test_compose_runs_kafka_mongodb_and_the_four_services() -> None:
    assert {name for name, one in CONTAINERS.items() if "profiles" not in one} == SERVERS | set(PORTS)


def test_readers_are_reporting_that_takes_in_nothing_for_those_who_ask_for_it() -> None:
    assert set(CONTAINERS) - SERVERS - set(PORTS) == {READERS}
    readers, reporting = CONTAINERS[READERS], CONTAINERS["reporting"]
    assert readers["profiles"] == ["readers"]
    assert readers["environment"] == reporting["environment"] | {"PANDA_CONSUMES": "false"}
    own = {"profiles", "ports", "environment"}
    assert {name: one for name, one in readers.items() if name not in own} == {
        name: one for name, one in reporting.items() if name not in own
    }
    assert all(port.startswith("127.0.0.1:") for port in readers["ports"])


def test_compose_and_the_folders_name_the_same_services() -> None:
    assert set(rules.services_of(rules.ROOT)) == set(PORTS)


@pytest.mark.parametrize("name", sorted(SERVERS | set(PORTS)))
def test_every_container_has_a_health_check_and_listens_on_the_loopback_only(name: str) -> None:
    container = CONTAINERS[name]
    assert {"test", "interval", "timeout", "retries", "start_period"} <= set(container["healthcheck"])
    assert container["ports"]
    assert all(port.startswith("127.0.0.1:") for port in container["ports"])


@pytest.mark.parametrize("name", sorted(PORTS))
def test_a_service_is_built_from_the_one_file_and_asked_whether_it_is_ready(name: str) -> None:
    container = CONTAINERS[name]
    assert container["build"] == {"context": ".", "dockerfile": "deploy/Dockerfile", "args": {"SERVICE": name}}
    assert container["healthcheck"]["test"] == ["CMD", "python", "/app/health.py", "/readyz"]
    assert container["ports"] == [f"127.0.0.1:${{PANDA_{name.upper()}_PORT:-{PORTS[name]}}}:{PORTS[name]}"]
    assert container["environment"][f"PANDA_{name.upper()}_PORT"] == str(PORTS[name])
    assert set(container["depends_on"]) == SERVERS
    assert container["cap_drop"] == ["ALL"]
    assert container["read_only"] is True


@pytest.mark.parametrize("name", sorted(PORTS))
def test_no_secret_is_written_in_the_compose_file(name: str) -> None:
    environment = CONTAINERS[name]["environment"]
    secret = {key: value for key, value in environment.items() if key.endswith(("_SECRET", "_KEY", "_KEYS"))}
    event_key = secret.pop("PANDA_EVENT_KEY", None)
    # Each service has a key of its own, so that none can publish as another.
    own = f"${{PANDA_{name.upper()}_EVENT_KEY:?run make secrets first}}"
    assert event_key == own
    signing = {
        "donations": {"PANDA_SIGNING_KEY", "PANDA_SECRETS_KEY", "PANDA_DOOR_KEYS"},
        "reporting": {"PANDA_LOG_KEY", "PANDA_LOG_SECRET"},
    }
    assert set(secret) == {"PANDA_SERVICE_KEY"} | signing.get(name, set())
    assert all(value.startswith(f"${{{key}:?") for key, value in secret.items())
    assert environment["PANDA_KEYS_FILE"] == "/run/secrets/keys-digests"
    assert environment["PANDA_TRUST_FILE"] == "/run/secrets/trust"
    assert CONTAINERS[name]["secrets"] == ["keys-digests", "trust"]


def test_images_of_others_are_pinned_and_name_no_registry() -> None:
    images = [CONTAINERS[name]["image"] for name in sorted(SERVERS)]
    assert images == ["apache/kafka:4.3.0", "mongo:8.0"]
    assert all_of("ARG")[0] == "PYTHON=3.11-slim-bookworm"
    assert {rest.split(" ")[0] for rest in all_of("FROM")} == {"python:${PYTHON}"}


def test_mongodb_is_a_replica_set_and_kafka_its_own_controller_and_both_keep_their_data() -> None:
    kafka, mongo = CONTAINERS["kafka"], CONTAINERS["mongo"]
    assert mongo["command"] == ["mongod", "--replSet", "panda", "--bind_ip_all"]
    assert "rs.initiate" in mongo["healthcheck"]["test"][-1]
    assert kafka["environment"]["KAFKA_PROCESS_ROLES"] == "broker,controller"
    assert kafka["environment"]["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
    assert kafka["environment"]["KAFKA_LOG_DIRS"] == kafka["volumes"][0].partition(":")[2]
    named = {volume.partition(":")[0] for container in (kafka, mongo) for volume in container["volumes"]}
    assert named == set(COMPOSE["volumes"])


def test_the_image_holds_one_service_and_what_services_share() -> None:
    assert "SERVICE" in all_of("ARG")
    copied = [rest.split(" ")[0] for rest in all_of("COPY") if not rest.startswith("--from=packages")]
    assert copied == [
        "requirements.lock",
        "deploy/health.py",
        "pandapack/",
        "services/__init__.py",
        "services/${SERVICE}/",
    ]
    ignored = (rules.ROOT / ".dockerignore").read_text().splitlines()
    assert {"*", "pandapack/local", "pandapack/cli"} <= set(ignored)
    assert [line for line in ignored if line.startswith("!")] == [
        "!requirements.lock",
        "!pandapack",
        "!services",
        "!deploy/health.py",
    ]


def test_the_image_has_neither_mongod_nor_java_and_installs_with_checked_hashes() -> None:
    runs = " ".join(all_of("RUN")).lower()
    assert "--require-hashes" in runs
    assert not re.search(r"mongo|java|jdk|jre|apt-get|requirements-dev", runs)


def test_the_image_runs_as_nobody_in_particular_without_a_shell_and_knows_its_health() -> None:
    names = [name for name, _ in instructions()]
    assert all_of("USER") == ["10001:10001"]
    assert names.index("USER") < names.index("CMD")
    assert names.index("USER") > max(index for index, name in enumerate(names) if name in {"RUN", "COPY"})
    assert json.loads(all_of("CMD")[0]) == ["python", "/app"]
    assert all_of("HEALTHCHECK")[0].endswith('CMD ["python", "/app/health.py", "/healthz"]')
    assert len(all_of("FROM")) == 2


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 503)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """In silence."""


@pytest.mark.parametrize(("path", "status"), [("/healthz", 0), ("/readyz", 1)])
def test_the_health_check_answers_as_the_service_does(path: str, status: int) -> None:
    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        assert _health(path, server.server_port) == status
        server.shutdown()
        thread.join()
    assert _health(path, server.server_port) == 1


def _health(path: str, port: int) -> int:
    env = os.environ | {"SERVICE": "donations", "PANDA_DONATIONS_PORT": str(port), "PYTHONPATH": str(rules.ROOT)}
    command = [sys.executable, str(rules.ROOT / "deploy" / "health.py"), path]
    return subprocess.run(command, env=env, capture_output=True, timeout=30, check=False).returncode


def test_first_keys_are_made_once_and_never_take_away_what_a_person_wrote(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("PANDA_SHARDS=16")
    first_keys.main(tmp_path)
    made = env_file.read_text()
    secrets = r"PANDA_SERVICE_KEY=panda_auditor_\w+\nPANDA_SIGNING_KEY=[0-9a-f]{64}\n"
    secrets += r"PANDA_SECRETS_KEY=\w{64}\nPANDA_DOOR_KEYS=[0-9a-f]{64}\n"
    secrets += r"PANDA_LOG_KEY=[0-9a-f]{64}\nPANDA_LOG_SECRET=[0-9a-f]{64}\n"
    secrets += "".join(
        rf"PANDA_{name}_EVENT_KEY=[0-9a-f]{{64}}\n" for name in ("DONATIONS", "PROCUREMENT", "LOGISTICS", "REPORTING")
    )
    assert re.fullmatch(r"PANDA_SHARDS=16\n" + secrets, made)
    first_keys.main(tmp_path)
    assert env_file.read_text() == made
    modes = {file.name: oct(file.stat().st_mode & 0o777) for file in (tmp_path / "deploy/secrets").iterdir()}
    assert modes["keys.json"] == "0o600"
    assert modes["keys-digests.json"] == modes["trust.json"] == "0o644"
    assert oct(env_file.stat().st_mode & 0o777) == "0o600"
