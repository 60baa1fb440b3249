"""The runtime's own exceptions, as a tree.

PandaError
├── Unavailable            something that is needed does not answer; trying again may help
│   ├── KafkaUnavailable   Kafka did not take a record from us in time: it may or may not have it
│   └── (StoreUnavailable, in runtime.mongo: MongoDB does not answer)
└── Misconfigured          the installation contradicts itself; trying again does not help
"""

from __future__ import annotations


class PandaError(Exception):
    """Base of what the runtime raises on purpose."""


class Unavailable(PandaError):
    """Something that is needed does not answer; trying again may help."""


class KafkaUnavailable(Unavailable):
    """Kafka did not acknowledge a record: it may or may not have it. Send it again; consumers drop repeats."""


class Misconfigured(PandaError):
    """The installation contradicts itself, and a person must mend it. The message says how."""
