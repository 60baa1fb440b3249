"""A push and its key: the same key within `ANSWER_KEPT_H` hours is a repeat, after that it opens a new push."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

ANSWER_KEPT_H = 24
ID_PREFIX = "psh_"
ID_DIGITS = 24
TESTS = "/test"
"""Behind a platform's id, in which no `/` can be: its tests, which are kept and shown apart from what is live."""


@dataclass(frozen=True, slots=True)
class Push:
    """A push as stored before it is published: `answer` is None until Kafka has all of it.

    `at` is business time; `opened`, wall time, tells when the answer is forgotten. `version` counts uses of its key.
    `ends`: by shard, the offset of its last record. `is_resent`: it may be in Kafka more than once. `request_id`: of
    the request that opened it; empty where that was not kept.
    """

    id: str
    digest: str
    owner: str
    at: datetime
    opened: datetime
    answer: dict[str, Any] | None = None
    version: int = 1
    ends: Mapping[int, int] = field(default_factory=dict)
    is_resent: bool = False
    request_id: str = ""

    @property
    def key_id(self) -> str:
        """What all uses of a key have in common: the id of its first push."""
        return key_id_of(self.id)

    def is_standing(self, wall: datetime) -> bool:
        """Whether the key still stands for this push at wall time `wall`."""
        return wall - self.opened < timedelta(hours=ANSWER_KEPT_H)

    def succeeded_by(self, push: Push) -> Push:
        """`push`, which uses the same key again, under an id of its own."""
        version = self.version + 1
        return replace(push, id=f"{self.key_id}-{version}", version=version)


def whose(platform: str, *, is_test: bool) -> str:
    """As whose a platform's pushes are kept: live ones as its own, tests apart."""
    return platform + TESTS if is_test else platform


def push_id(owner: str, key: str) -> str:
    """The id of a key's first push: the same for all that repeat it."""
    return ID_PREFIX + hashlib.sha256(f"{owner}\n{key}".encode()).hexdigest()[:ID_DIGITS]


def key_id_of(push_id: str) -> str:
    """The id of the first push under the key of a push."""
    return push_id.partition("-")[0]
