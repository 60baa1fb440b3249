"""The client of the push API, asynchronous and synchronous: batches, signs, retries, resumes.

    from pandapack.client import Client

    with Client("https://donations.example", key, secret="whsec_…") as client:
        report = client.push([Donation(...), {"id": "1", ...}, b'{"id": "2", ...}'])
        for line in report.refused:
            print(line.line, line.code, line.en)
        report = client.push_file(Path("gifts.ndjson"))

`AsyncClient` has the same methods, awaited. What both promise:

- **Nothing counts twice, whatever is repeated.** A batch's id (`webhook-id`, `Idempotency-Key`) derives from its body,
  or from the id that you give, and stays the same over all attempts; the ledger drops a repeated donation anyway.
- **A report means safe.** What `accepted` counts is in Kafka on all replicas. What was refused is listed, each with the
  number of its line, a pointer, a code and a message in English and Chinese.
- **Patience with limits.** 408, 425, 429, 5xx and silence are tried again with growing, spread pauses, never earlier
  than `Retry-After` asks; `Retry` names the limits. `PushFailed` is raised at their end: push the same again.
- **Bounded memory.** At most `at_once` batches are on their way; `pushes` and `file_pushes` stream the results.
- **A file resumes where it stopped.** `push_file` keeps a small state file beside it until all is pushed: the same
  content resumes at the byte behind the last batch that was accepted, changed content starts over (`client.resume`).

One core without I/O (`batches`, `delivery`, `results`) decides everything; `synchronous` and `asynchronous` only
send, wait and hand over. It needs the contracts, the back-off and httpx, nothing else of Panda Pack.
"""

from __future__ import annotations

from pandapack.client.asynchronous import AsyncClient
from pandapack.client.batches import BatchLimits
from pandapack.client.delivery import Retry
from pandapack.client.errors import PushError, PushFailed, Rejected
from pandapack.client.results import PushResult, RefusedLine, Report
from pandapack.client.synchronous import Client

__all__ = [
    "AsyncClient",
    "BatchLimits",
    "Client",
    "PushError",
    "PushFailed",
    "PushResult",
    "RefusedLine",
    "Rejected",
    "Report",
    "Retry",
]
