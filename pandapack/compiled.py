"""Functions that numba compiles: the few loops over single bytes that the hot path cannot do without.

A compiled function takes numbers and numpy arrays, raises nothing, checks no bounds, and lets other threads run. It is
compiled when it is first called, in some seconds, and kept on disk beside its source (or under `NUMBA_CACHE_DIR`) for
processors of the same kind. `make env` sees to it that no start waits for that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

Compiled = TypeVar("Compiled", bound=Callable[..., object])


def compiled(function: Compiled) -> Compiled:
    """The function, compiled for the types that it is first called with."""
    return cast("Compiled", numba.njit(cache=True, nogil=True)(function))


def inlined(function: Compiled) -> Compiled:
    """The same for a part of compiled functions, written out at each place where it is called."""
    return cast("Compiled", numba.njit(inline="always")(function))
