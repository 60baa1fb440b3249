"""Asks the service in this container how it is: exit 0 only if the given path answers 200."""

from __future__ import annotations

import importlib
import os
import sys
import urllib.request

ANSWER_WAIT_S = 4.0
EXIT_ILL = 1


def main(path: str) -> int:
    """Where the service listens is what its own settings say."""
    settings = importlib.import_module(f"services.{os.environ['SERVICE']}.settings").Settings()
    request = f"http://127.0.0.1:{settings.port}{path}"
    # Whatever proxy the environment names, it is not for the loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=ANSWER_WAIT_S) as answer:
            return 0 if answer.status == 200 else EXIT_ILL
    except OSError as error:
        print(f"{path}: {error}", file=sys.stderr)
        return EXIT_ILL


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
