"""The platform of an embedded stack: registered once by its operator, as any other, so that its key can push."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request

from pandapack.local.errors import ChildFailed

DONATIONS = "donations"
LINES_A_SECOND = 10_000_000
"""On one machine the machine is the limit."""
ANSWER_WAIT_S = 10.0
ATTEMPTS_MAX = 20
AGAIN_PAUSE_S = 0.5
REGISTERED = (201, 409)
"""Now, or at an earlier start."""


def register_platform(url: str, operator_key: str, platform: str) -> None:
    """Registers a platform at the donations service at `url`; registered already is as good. Raises ChildFailed."""
    body = {"platform": platform, "name": f"This stack's own platform, {platform}", "lines_a_second": LINES_A_SECOND}
    # Its first key and secret come with the answer, and are let go: the stack has made its key before.
    request = urllib.request.Request(  # noqa: S310 - the stack made the address
        f"{url}/v1/platforms",
        data=json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {operator_key}",
            "Content-Type": "application/json",
            "Idempotency-Key": f"register-{platform}",
        },
    )
    # The loopback is never behind a proxy, whatever the environment says.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    wrong = ""
    for _ in range(ATTEMPTS_MAX):
        try:
            with opener.open(request, timeout=ANSWER_WAIT_S) as answer:
                status = answer.status
        except urllib.error.HTTPError as error:
            status, wrong = error.code, error.read().decode(errors="replace")
        except OSError as error:
            status, wrong = 0, str(error)
        if status in REGISTERED:
            return
        time.sleep(AGAIN_PAUSE_S)
    raise ChildFailed(f"the donations service did not register the platform {platform}: {wrong}", "Look into its log")
