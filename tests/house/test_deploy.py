"""The compose file and the image, read as text: what runs is not started here, and nothing of it is promised."""

from __future__ import annotations

import importlib
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

from deploy import first_keys, health, start
from services.reporting.api.runbooks import FOLDER as RUNBOOKS
from tests.house import rules

COMPOSE: dict[str, Any] = yaml.safe_load((rules.ROOT / "docker-compose.yml").read_text())
CONTAINERS: dict[str, dict[str, Any]] = COMPOSE["services"]
PUBLISHED: dict[str, dict[str, Any]] = yaml.safe_load((rules.ROOT / "docker-compose.override.yml").read_text())[
    "services"
]
DOCKERFILE = (rules.ROOT / "deploy" / "Dockerfile").read_text()
OF_CLI = (rules.ROOT / "deploy" / "cli.Dockerfile").read_text()
PORTS = {"donations": 8101, "procurement": 8102, "logistics": 8103, "reporting": 8100}
SERVERS = {"kafka", "mongo"}
READERS = "reporting-readers"
MONITORING = {"prometheus", "grafana"}
CLI = "cli"
OPTIONAL = {READERS: "readers", CLI: "cli", **dict.fromkeys(MONITORING, "monitoring")}
MEMORY_MIB = {"m": 1, "g": 1024}


def instructions(file: str = DOCKERFILE) -> list[tuple[str, str]]:
    """(word, rest) of a Dockerfile, continued lines joined."""
    text = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", file, flags=re.MULTILINE))
    return [(word.upper(), rest) for word, _, rest in (line.partition(" ") for line in text.splitlines() if line)]


def all_of(word: str, file: str = DOCKERFILE) -> list[str]:
    return [rest for found, rest in instructions(file) if found == word]


def test_compose_runs_kafka_mongodb_and_the_four_services() -> None:
    assert {name for name, one in CONTAINERS.items() if "profiles" not in one} == SERVERS | set(PORTS)


def test_all_else_is_for_those_who_ask_for_it() -> None:
    assert {name: one["profiles"] for name, one in CONTAINERS.items() if "profiles" in one} == {
        name: [profile] for name, profile in OPTIONAL.items()
    }


def test_readers_are_reporting_that_takes_in_nothing() -> None:
    readers, reporting = CONTAINERS[READERS], CONTAINERS["reporting"]
    assert readers["environment"] == reporting["environment"] | {"PANDA_CONSUMES": "false"}
    own = {"profiles", "environment"}
    assert {name: one for name, one in readers.items() if name not in own} == {
        name: one for name, one in reporting.items() if name not in own
    }


def test_compose_and_the_folders_name_the_same_services() -> None:
    assert set(rules.services_of(rules.ROOT)) == set(PORTS)


@pytest.mark.parametrize("name", sorted(SERVERS | set(PORTS) | MONITORING))
def test_every_container_that_goes_on_has_a_health_check(name: str) -> None:
    container = CONTAINERS[name]
    assert {"test", "interval", "timeout", "retries", "start_period"} <= set(container["healthcheck"])
    assert container["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", sorted(CONTAINERS))
def test_any_number_of_a_service_may_run_since_none_has_a_port_of_the_host(name: str) -> None:
    assert "ports" not in CONTAINERS[name]
    assert "container_name" not in CONTAINERS[name]


def test_the_ports_of_the_host_stand_in_a_file_of_their_own_and_are_the_loopbacks() -> None:
    assert set(PUBLISHED) == set(CONTAINERS) - {CLI}
    assert all(list(one) == ["ports"] for one in PUBLISHED.values())
    ports = [port for one in PUBLISHED.values() for port in one["ports"]]
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert len({port.split(":-")[1].partition("}")[0] for port in ports}) == len(ports)
    for name, port in PORTS.items():
        assert PUBLISHED[name]["ports"] == [f"127.0.0.1:${{PANDA_{name.upper()}_PORT:-{port}}}:{port}"]


@pytest.mark.parametrize("name", sorted(CONTAINERS))
def test_logs_are_rotated_and_memory_is_bounded(name: str) -> None:
    container = CONTAINERS[name]
    assert container["logging"]["driver"] == "json-file"
    assert set(container["logging"]["options"]) == {"max-size", "max-file"}
    assert re.fullmatch(r"\d+[mg]", container["mem_limit"])


def test_the_stores_own_memory_is_half_of_what_their_containers_may_have_at_most() -> None:
    def mib(name: str) -> int:
        limit = CONTAINERS[name]["mem_limit"]
        return int(limit[:-1]) * MEMORY_MIB[limit[-1]]

    command = CONTAINERS["mongo"]["command"]
    assert 2 * 1024 * float(command[command.index("--wiredTigerCacheSizeGB") + 1]) <= mib("mongo")
    (heap_mib,) = re.findall(r"-Xmx(\d+)m", CONTAINERS["kafka"]["environment"]["KAFKA_HEAP_OPTS"])
    assert 2 * int(heap_mib) <= mib("kafka")


@pytest.mark.parametrize("name", sorted(PORTS))
def test_a_service_is_built_from_the_one_file_and_asked_whether_it_is_ready(name: str) -> None:
    container = CONTAINERS[name]
    args = {"SERVICE": name, "PYTHON": "${PANDA_PYTHON_IMAGE:-3.11-slim-bookworm}"}
    assert container["build"] == {"context": ".", "dockerfile": "deploy/Dockerfile", "args": args}
    assert container["healthcheck"]["test"] == ["CMD", "python", "-I", "-S", "/app/health.py", "/readyz"]
    assert container["environment"][f"PANDA_{name.upper()}_PORT"] == str(PORTS[name])
    assert set(container["depends_on"]) == SERVERS
    assert container["cap_drop"] == ["ALL"]
    assert container["read_only"] is True


@pytest.mark.parametrize("name", sorted(PORTS))
def test_secrets_are_files_that_only_who_needs_them_sees_and_no_environment_has_any(name: str) -> None:
    environment, secrets = CONTAINERS[name]["environment"], CONTAINERS[name]["secrets"]
    # Each service has a key of its own, so that none can publish as another.
    own = {"donations": ["signing-key", "door-keys", "secrets-key"], "reporting": ["log-key", "log-secret"]}
    assert secrets == ["keys-digests", "trust", "service-key", f"{name}-event-key", *own.get(name, ())]
    files = {value for key, value in environment.items() if key.endswith("_FILE")}
    assert files == {f"/run/secrets/{one}" for one in secrets}
    # A key that goes out of use is one line of .env until then.
    given = {key for key in environment if key.endswith(("_SECRET", "_KEY", "_KEYS", "_BEFORE"))}
    assert given == ({"PANDA_LOG_KEY_BEFORE"} if name == "reporting" else set())


def test_every_secret_is_a_file_in_the_one_folder_and_is_somebodys() -> None:
    used = {secret for one in CONTAINERS.values() for secret in one.get("secrets", ())}
    assert used == set(COMPOSE["secrets"])
    assert all(one["file"].startswith("./deploy/secrets/") for one in COMPOSE["secrets"].values())
    with_secrets = [one for one in CONTAINERS.values() if one.get("secrets")]
    assert {tuple(one["group_add"]) for one in with_secrets} == {("${PANDA_SECRETS_GROUP:?run make secrets first}",)}


def test_settings_know_each_secrets_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PORTS:
        fields = importlib.import_module(f"services.{name}.settings").Settings.model_fields
        environment = CONTAINERS[name]["environment"]
        assert {key.removeprefix("PANDA_").lower() for key in environment if key.endswith("_FILE")} <= set(fields)
    file = tmp_path / "key"
    file.write_text("panda_auditor_1_2\n")
    monkeypatch.setenv("PANDA_SERVICE_KEY_FILE", str(file))
    monkeypatch.setenv("PANDA_SECRETS_KEY_FILE", str(file))
    donations = importlib.import_module("services.donations.settings").Settings
    assert (donations().service_key, donations().secrets_key) == ("panda_auditor_1_2", "panda_auditor_1_2")
    monkeypatch.setenv("PANDA_SERVICE_KEY", "given")
    assert donations().service_key == "given"
    monkeypatch.setenv("PANDA_SECRETS_KEY_FILE", str(tmp_path / "none"))
    with pytest.raises(ValueError, match="cannot be read"):
        donations()


def test_images_of_others_are_pinned_can_be_named_by_digest_and_name_no_registry() -> None:
    images = {name: one["image"] for name, one in CONTAINERS.items() if "build" not in one}
    assert images == {
        "kafka": "apache/kafka:${PANDA_KAFKA_IMAGE:-4.3.0}",
        "mongo": "mongo:${PANDA_MONGO_IMAGE:-8.0}",
        "prometheus": "prom/prometheus:${PANDA_PROMETHEUS_IMAGE:-v3.5.0}",
        "grafana": "grafana/grafana:${PANDA_GRAFANA_IMAGE:-12.1.0}",
    }
    for file in (DOCKERFILE, OF_CLI):
        assert all_of("ARG", file)[0] == "PYTHON=3.11-slim-bookworm"
        assert {rest.split(" ")[0] for rest in all_of("FROM", file)} == {"python:${PYTHON}"}


def test_mongodb_is_a_replica_set_and_kafka_its_own_controller_and_both_keep_their_data() -> None:
    kafka, mongo = CONTAINERS["kafka"], CONTAINERS["mongo"]
    assert mongo["command"][:4] == ["mongod", "--replSet", "panda", "--bind_ip_all"]
    assert "rs.initiate" in mongo["healthcheck"]["test"][-1]
    assert kafka["environment"]["KAFKA_PROCESS_ROLES"] == "broker,controller"
    assert kafka["environment"]["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
    assert kafka["environment"]["KAFKA_LOG_DIRS"] == kafka["volumes"][0].partition(":")[2]
    volumes = [volume for one in CONTAINERS.values() for volume in one.get("volumes", ())]
    assert {volume.partition(":")[0] for volume in volumes if not volume.startswith("./")} == set(COMPOSE["volumes"])
    assert all(volume.endswith(":ro") for volume in volumes if volume.startswith("./"))


def test_the_image_holds_one_service_and_what_services_share() -> None:
    assert "SERVICE" in all_of("ARG")
    copied = [rest.rpartition(" ")[0] for rest in all_of("COPY") if not rest.startswith("--from=packages")]
    assert copied == [
        "requirements.lock",
        "deploy/health.py deploy/start.py",
        "pandapack/",
        "services/__init__.py",
        "services/${SERVICE}/",
        "docs/operations/",
    ]
    assert copied[-1] == f"{RUNBOOKS.relative_to(rules.ROOT)}/", "where reporting looks for them"
    ignored = (rules.ROOT / ".dockerignore").read_text().splitlines()
    assert {"*", "pandapack/local", "pandapack/cli"} <= set(ignored)
    assert [line for line in ignored if line.startswith("!")] == [
        "!requirements.lock",
        "!pandapack",
        "!services",
        "!docs/operations",
        "!deploy/health.py",
        "!deploy/start.py",
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
    assert all_of("HEALTHCHECK")[0].endswith('CMD ["python", "-I", "-S", "/app/health.py", "/healthz"]')
    assert len(all_of("FROM")) == 2


def test_the_image_brings_loops_that_were_compiled_with_it_to_where_numba_may_write() -> None:
    run = all_of("RUN")[-1]
    assert "NUMBA_CACHE_DIR=/opt/compiled" in run and ".precompile" in run
    assert run.index("touch -d") < run.index("compileall") < run.index(".precompile")
    assert "start.bring_compiled()" in run
    assert "NUMBA_CACHE_DIR=/tmp/compiled" in all_of("ENV")[-1]


def test_what_was_compiled_is_copied_with_its_times_and_a_start_without_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, wanted = tmp_path / "made", tmp_path / "wanted"
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(wanted))
    start.bring_compiled(made)
    assert not wanted.exists()
    (made / "loops").mkdir(parents=True)
    (made / "loops" / "index.nbi").write_bytes(b"1")
    os.utime(made / "loops" / "index.nbi", (1, 1))
    start.bring_compiled(made)
    start.bring_compiled(made)
    assert (wanted / "loops" / "index.nbi").stat().st_mtime == 1
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(made / "loops" / "index.nbi"))
    start.bring_compiled(made)


def test_the_command_line_has_an_image_without_any_service_and_acts_by_a_key_in_a_file() -> None:
    ignored = (rules.ROOT / "deploy" / "cli.Dockerfile.dockerignore").read_text().splitlines()
    assert [line for line in ignored if line.startswith("!")] == ["!requirements.lock", "!pandapack"]
    assert all_of("USER", OF_CLI) == ["10001:10001"]
    assert json.loads(all_of("ENTRYPOINT", OF_CLI)[0]) == ["python", "-m", "pandapack.cli.main"]
    cli = CONTAINERS[CLI]
    assert cli["build"]["dockerfile"] == "deploy/cli.Dockerfile"
    assert cli["environment"]["PANDA_KEY_FILE"] == "/run/secrets/operator-key"
    for name, port in PORTS.items():
        assert cli["environment"][f"PANDA_{name.upper()}_URL"] == f"http://{name}:{port}"
    assert cli["read_only"] is True and cli["cap_drop"] == ["ALL"]


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


def test_the_health_check_imports_nothing_of_ours_and_knows_the_services_own_ports() -> None:
    text = (rules.ROOT / "deploy" / "health.py").read_text()
    assert set(re.findall(r"^(?:import|from) (\w+)", text, flags=re.MULTILINE)) == {"__future__", "os", "socket", "sys"}
    assert health.PORTS == PORTS
    for name, port in PORTS.items():
        assert importlib.import_module(f"services.{name}.settings").Settings.model_fields["port"].default == port


def _health(path: str, port: int) -> int:
    env = {"SERVICE": "donations", "PANDA_DONATIONS_PORT": str(port)}
    command = [sys.executable, "-I", "-S", str(rules.ROOT / "deploy" / "health.py"), path]
    return subprocess.run(command, env=env, capture_output=True, timeout=300, check=False).returncode


def test_first_keys_are_made_once_and_never_take_away_what_a_person_wrote(tmp_path: Path) -> None:
    env_file, folder = tmp_path / ".env", tmp_path / "deploy" / "secrets"
    env_file.write_text("PANDA_SHARDS=16")
    first_keys.main(tmp_path)
    made = env_file.read_text()
    assert re.fullmatch(r"PANDA_SHARDS=16\nPANDA_SECRETS_GROUP=\d+\n", made)
    texts = {file: file.read_text() for file in folder.rglob("*") if file.is_file()}
    first_keys.main(tmp_path)
    assert env_file.read_text() == made
    assert {file: file.read_text() for file in folder.rglob("*") if file.is_file()} == texts


def test_secrets_are_their_groups_in_a_folder_that_is_their_owners_and_the_keys_themselves_their_owners_alone(
    tmp_path: Path,
) -> None:
    first_keys.main(tmp_path)
    folder = tmp_path / "deploy" / "secrets"
    assert oct(folder.stat().st_mode & 0o777) == "0o700"
    for secret in COMPOSE["secrets"].values():
        file = tmp_path / secret["file"]
        assert oct(file.stat().st_mode & 0o777) == "0o640", file
        assert file.read_text().strip()
    assert oct((folder / "keys.json").stat().st_mode & 0o777) == "0o600"
    assert oct((tmp_path / ".env").stat().st_mode & 0o777) == "0o600"
    assert f"PANDA_SECRETS_GROUP={folder.stat().st_gid}\n" in (tmp_path / ".env").read_text()
