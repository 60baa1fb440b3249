"""Donations services on a real Kafka and a real MongoDB, and tenants of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.donations.tenant import PROGRAMME, Tenant, name_of, tenant_on
from tests.service.programmes import publish
from tests.service.running import Running, running
from tests.stack import Servers, new_namespace

SETTINGS = {
    "PANDA_SHARDS": "4",
    "PANDA_ACCEPT_DAYS": "36500",
    "PANDA_SECRETS_KEY": "of-tests-and-of-nothing-else-at-all",
}


@pytest.fixture(scope="package")
def shared_service(
    stack: Servers, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Running]:
    """One for all tests here, which no test stops, with the tenants' programmes. It has no key to sign with."""
    with running("donations", stack, new_namespace(), tmp_path_factory.mktemp("donations"), SETTINGS) as service:
        publish(service, {PROGRAMME, *(name_of(test.nodeid) for test in request.session.items)})
        yield service


@pytest.fixture(scope="package")
def service(shared_service: Running) -> Running:
    """The service that a module's tests share; a module that needs other settings has its own of this name."""
    return shared_service


@pytest.fixture
def own_service(stack: Servers, namespace: str, tmp_path: Path) -> Iterator[Running]:
    """One for this test alone, which it may kill."""
    with running("donations", stack, namespace, tmp_path, SETTINGS) as service:
        yield service


@pytest.fixture
def tenant(service: Running, request: pytest.FixtureRequest) -> Iterator[Tenant]:
    """What this test has to itself on the shared service."""
    with tenant_on(service, request.node.nodeid) as tenant:
        yield tenant


@pytest.fixture
def own_tenant(own_service: Running, request: pytest.FixtureRequest) -> Iterator[Tenant]:
    """The tenant of this test's own service."""
    with tenant_on(own_service, request.node.nodeid) as tenant:
        yield tenant
