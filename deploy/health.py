"""Asks the service in this container how it is: exit 0 only if the given path answers 200.

Asked every ten seconds of each container, so it knows nothing of ours: `python -I -S` starts it in a hundredth of a
second, and a socket is all that it opens.
"""

from __future__ import annotations

import os
import socket
import sys

PORTS = {"donations": 8101, "procurement": 8102, "logistics": 8103, "reporting": 8100}
"""Where a service listens that is told no other port."""
ANSWER_WAIT_S = 4.0
LINE_BYTES_MAX = 512
EXIT_ILL = 1


def main(path: str) -> int:
    """Asks the loopback, whatever proxy the environment names."""
    service = os.environ["SERVICE"]
    port = int(os.environ.get(f"PANDA_{service.upper()}_PORT") or PORTS[service])
    try:
        with socket.create_connection(("127.0.0.1", port), ANSWER_WAIT_S) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
            with connection.makefile("rb") as answer:
                status = answer.readline(LINE_BYTES_MAX).split()[1:2]
    except OSError as error:
        sys.stderr.write(f"{path}: {error}\n")
        return EXIT_ILL
    return 0 if status == [b"200"] else EXIT_ILL


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
