"""The audit log on the real servers: what was done is found there, and the public log vouches for it."""

from __future__ import annotations

import json
from typing import Any

from pymongo import MongoClient

from pandapack.audit.audit_log import AuditLogAudit
from pandapack.audit.findings import Findings
from pandapack.audit.reading import databases
from tests.service.reporting.conftest import Reporting
from tests.waiting import eventually


def entries(reporting: Reporting, **search: str) -> list[dict[str, Any]]:
    with reporting.client("auditor") as auditor:
        found: list[dict[str, Any]] = auditor.get("/v1/audit-log", params=search).json()["items"]
    return found


def test_a_key_that_is_made_is_in_the_audit_log_whose_root_is_in_the_public_log(reporting: Reporting) -> None:
    with reporting.client("operator") as operator:
        made = operator.post("/v1/keys", json={"role": "auditor", "name": "the yearly audit"})
    assert made.status_code == 201, made.text
    prefix = made.json()["key"].split("_")[2]
    eventually(lambda: bool(entries(reporting, subject=prefix)), "the act is in the audit log")
    (entry,) = entries(reporting, subject=prefix)
    assert (entry["command"], entry["subject"]) == ("POST /v1/keys", f"/reporting/keys/{prefix}")
    assert (entry["actor"]["role"], entry["why"]) == ("operator", "auditor: the yearly audit")

    def logged() -> list[dict[str, Any]]:
        told = [json.loads(line) for line in reporting.get("/log/entries.ndjson").text.splitlines()]
        return [one for one in told if one["type"] == "reporting.AuditLogChained"]

    eventually(lambda: bool(logged()), "the root is in the public log")
    (root,) = logged()
    assert (root["entries"], root["root"]) == (entry["n"], entry["hash"])
    client: MongoClient[dict[str, Any]] = MongoClient(reporting.servers.mongo)
    findings = Findings()
    audit = AuditLogAudit(databases(client, reporting.namespace), findings)
    audit.read()
    audit.compare()
    audit.compare_root(root)
    client.close()
    assert [cause.text for cause in findings.causes()] == [] and audit.entries == 1
