"""Ports are checked before anything starts."""

from __future__ import annotations

import os
import socket

import pytest

from pandapack.local import ports
from pandapack.local.errors import PortBusy


def test_a_busy_port_is_named_with_its_holder_and_the_setting_that_moves_it() -> None:
    with socket.create_server((ports.LOOPBACK, 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(PortBusy) as busy:
            ports.check_free({"donations": port})
    assert f"port {port} for donations is busy" in str(busy.value)
    assert f"(pid {os.getpid()})" in str(busy.value)
    assert "PANDA_DONATIONS_PORT=PORT" in str(busy.value)


def test_two_services_set_to_one_port_are_both_named() -> None:
    port = ports.free_port()
    with pytest.raises(PortBusy, match=r"is set for kafka and for mongo.*PANDA_KAFKA_PORT.*PANDA_MONGO_PORT"):
        ports.check_free({"kafka": port, "mongo": port})


def test_free_ports_are_different_and_can_be_listened_on() -> None:
    found = ports.free_ports(8)
    assert len(set(found)) == 8
    ports.check_free({f"service-{port}": port for port in found})
