"""A fuzz run over all routes of all four services, with keys of every role: no input may make a 5xx.

`tests/system/test_fuzz.py` makes a short one. A long one, of what runs in this folder (or `.panda/demo`):

    python -m tests.fuzzing --examples 500 --seed 7
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok

from pandapack.cli.site import Site
from pandapack.runtime.auth import Role

ANSWER_WAIT_S = 120
STREAMS = frozenset({"/v1/events", "/v1/ops/events"})
"""Their answers do not end."""
NOBODY = ("", "panda_operator_00000000_nobody's", "\x00", "一")
"""What stands where a key should, or nothing at all."""
ERRORS_FROM = 500


@schemathesis.serializer("application/x-ndjson")
def ndjson(context: schemathesis.SerializationContext, value: object) -> bytes:
    """As it is: the description calls the body a string."""
    return str(value).encode(errors="replace")


@dataclass
class Fuzzed:
    """What was answered how often, and each 5xx with the request that made it, as a curl command."""

    statuses: Counter[int] = field(default_factory=Counter)
    operations: set[str] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)


def fuzz(urls: Mapping[str, str], keys: Mapping[str, Mapping[str, str]], *, examples: int, number: int) -> Fuzzed:
    """So many examples of each operation of each service, each with one of its keys, or with none.

    keys: service → role → key. The same `number` draws the same examples.
    """
    fuzzed = Fuzzed()
    for service, url in urls.items():
        # An operator may do all, so that half of what is sent is looked at and not refused for its key.
        tokens = st.just(keys[service][Role.OPERATOR]) | st.sampled_from([*keys[service].values(), *NOBODY])
        description = schemathesis.openapi.from_url(f"{url}/openapi.json")
        for found in description.get_all_operations():
            assert isinstance(found, Ok), found
            operation = found.ok()
            if operation.path in STREAMS:
                continue
            fuzzed.operations.add(f"{service} {operation.label}")
            for mode in GenerationMode:
                _fuzz_operation(fuzzed, operation.as_strategy(generation_mode=mode), tokens, examples, number)
    return fuzzed


def _fuzz_operation(
    fuzzed: Fuzzed, cases: st.SearchStrategy[Case[Any]], tokens: st.SearchStrategy[str], examples: int, number: int
) -> None:
    @seed(number)
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=cases, token=tokens)
    def answers(case: Case[Any], token: str) -> None:
        headers = {"Authorization": b"Bearer " + token.encode()} if token else {}
        try:
            response = case.call(headers=headers, timeout=ANSWER_WAIT_S)
        except (requests.exceptions.InvalidHeader, requests.exceptions.InvalidURL):
            return  # nothing was sent
        fuzzed.statuses[response.status_code] += 1
        if response.status_code >= ERRORS_FROM:
            asked = case.as_curl_command(headers={"Authorization": f"Bearer {token}"})
            fuzzed.broken.append(f"{response.status_code} {asked}\n{response.text[:500]}")

    with contextlib.suppress(Unsatisfiable):  # nothing can be wrong with it: neither parameters nor a body
        answers()


def main() -> None:
    """Prints what was answered; exit 1 where something was a 5xx."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--examples", type=int, default=100, help="of each operation and mode")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    site = Site.here()
    keys = dict.fromkeys(site.urls, site.keys)
    fuzzed = fuzz(site.urls, keys, examples=arguments.examples, number=arguments.seed)
    print(f"{fuzzed.statuses.total()} requests to {len(fuzzed.operations)} operations: {dict(fuzzed.statuses)}")
    print("\n\n".join(fuzzed.broken))
    sys.exit(bool(fuzzed.broken))


if __name__ == "__main__":
    main()
