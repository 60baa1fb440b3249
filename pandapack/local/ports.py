"""Ports are checked before anything is started on them."""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Mapping
from pathlib import Path

from pandapack.local.errors import LocalError, PortBusy

LOOPBACK = "127.0.0.1"

# Below the range from which Linux takes ports for outgoing connections, so that a port found free stays free.
FREE_PORT_FIRST = 15_000
FREE_PORT_LAST = 31_999
FREE_PORT_TRIES_MAX = 200
# A process that was just killed may hold its port a moment longer; nobody can be named as its holder then.
DYING_WAIT_S = 3.0
DYING_ASK_EVERY_S = 0.05

_TCP_STATE_LISTEN = "0A"


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether this process could listen on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Connections of an earlier run that are still dying do not make a port busy; a listener does.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port that nobody listens on at the moment, drawn by chance so that runs side by side rarely meet."""
    for _ in range(FREE_PORT_TRIES_MAX):
        port = FREE_PORT_FIRST + secrets.randbelow(FREE_PORT_LAST - FREE_PORT_FIRST + 1)
        if is_free(port):
            return port
    raise LocalError(f"found no free port between {FREE_PORT_FIRST} and {FREE_PORT_LAST}")


def free_ports(count: int) -> tuple[int, ...]:
    """As many different free ports."""
    ports: set[int] = set()
    while len(ports) < count:
        ports.add(free_port())
    return tuple(ports)


def setting_of(name: str) -> str:
    """The environment variable that moves the port of this name: "kafka" → "PANDA_KAFKA_PORT"."""
    return f"PANDA_{name.upper().replace('-', '_')}_PORT"


def busy_port(name: str, port: int) -> PortBusy:
    """The error that names the port, its holder and the setting that moves it."""
    holder = holder_of(port)
    held = f", held by {holder}" if holder else ""
    return PortBusy(
        f"port {port} for {name} is busy{held}",
        f"Stop what listens there, or move {name} with {setting_of(name)}=PORT",
    )


def check_free(ports: Mapping[str, int]) -> None:
    """Raise PortBusy for the first busy port; `ports` maps names ("kafka", "donations") to numbers."""
    taken: dict[int, str] = {}
    for name, port in ports.items():
        if other := taken.get(port):
            raise PortBusy(
                f"port {port} is set for {other} and for {name}",
                f"Move one of them with {setting_of(other)}=PORT or {setting_of(name)}=PORT",
            )
        taken[port] = name
        if not _becomes_free(port):
            raise busy_port(name, port)


def _becomes_free(port: int) -> bool:
    begun_s = time.monotonic()
    while not is_free(port):
        if holder_of(port) is not None or time.monotonic() - begun_s > DYING_WAIT_S:
            return False
        time.sleep(DYING_ASK_EVERY_S)
    return True


def holder_of(port: int) -> str | None:
    """Who listens on the port, as "java (pid 123)"; None where the system does not tell."""
    process = _listener(port)
    if process is None:
        return None
    try:
        return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
    except OSError:
        return None  # it has just ended


def is_held_below(port: int, pid: int) -> bool:
    """Whether this process listens on the port, or one that it started, or one that those did."""
    process = _listener(port)
    holder = int(process.name) if process else 0
    while holder not in (0, pid):
        try:
            # pid (comm) state ppid …: a name may hold anything, brackets too
            holder = int(Path(f"/proc/{holder}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return False
    return holder == pid


def _listener(port: int) -> Path | None:
    """The process's folder in /proc."""
    inodes = _listening_inodes(port)
    if not inodes:
        return None
    sockets = {f"socket:[{inode}]" for inode in inodes}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(fd.readlink()) in sockets for fd in (process / "fd").iterdir()):
                return process
        except OSError:
            continue  # another user's process, or one that has just ended
    return None


def _listening_inodes(port: int) -> set[str]:
    inodes: set[str] = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            columns = row.split()
            if columns[3] == _TCP_STATE_LISTEN and int(columns[1].rsplit(":", 1)[1], 16) == port:
                inodes.add(columns[9])
    return inodes
