"""What can go wrong on one machine, each with its way to mend it.

LocalError
├── JavaMissing        no Java of at least the needed version
├── JarRefused         a fetched or cached jar is not the one that the lock names
├── JarNotFetched      a jar could not be fetched
├── MongodMissing      no mongod that runs
├── PortBusy           somebody listens where the stack should
├── AlreadyRunning     another `panda up` holds this data directory
├── ServerUnreachable  an existing server, named by PANDA_KAFKA or PANDA_MONGO, does not answer
├── ChildFailed        a child ended, or was not ready in time, while the stack started
└── DataRefused        the data directory cannot be used as it is
"""

from __future__ import annotations


class LocalError(Exception):
    """Base of all: `detail` is what is wrong, `mend` how to mend it (may be empty)."""

    def __init__(self, detail: str, mend: str = "") -> None:
        super().__init__(f"{detail}. {mend}" if mend else detail)
        self.detail = detail
        self.mend = mend


class JavaMissing(LocalError):
    """No Java of at least the needed version."""


class JarRefused(LocalError):
    """A fetched or cached jar is not the one that the lock names."""


class JarNotFetched(LocalError):
    """A jar could not be fetched."""


class MongodMissing(LocalError):
    """No mongod that runs."""


class PortBusy(LocalError):
    """Somebody listens where the stack should."""


class AlreadyRunning(LocalError):
    """Another `panda up` holds this data directory."""


class ServerUnreachable(LocalError):
    """An existing server, named by PANDA_KAFKA or PANDA_MONGO, does not answer."""


class ChildFailed(LocalError):
    """A child ended, or was not ready in time, while the stack started."""


class DataRefused(LocalError):
    """The data directory cannot be used as it is."""
