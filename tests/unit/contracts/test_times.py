"""A time beyond all that anything here can have is refused, before arithmetic with it overflows."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from pandapack.contracts.times import Time
from services.logistics.api.bodies import At

BEYOND = (
    "0001-01-01T00:00:00+08:00",
    "9999-12-31T23:59:59-08:00",
    "0001-01-01T00:00:00Z",
    "1999-12-31T23:59:59Z",
    "3000-01-01T00:00:00Z",
)


@pytest.mark.parametrize("at", BEYOND)
@pytest.mark.parametrize("kind", [Time, At], ids=["a time", "a report's time"])
def test_a_time_beyond_the_range_is_refused(kind: object, at: str) -> None:
    with pytest.raises(ValidationError, match="a time lies from 2000-01-01"):
        TypeAdapter(kind).validate_python(at)


@pytest.mark.parametrize("at", ["2000-01-01T08:00:00+08:00", "2999-12-31T23:59:59Z"])
@pytest.mark.parametrize("kind", [Time, At], ids=["a time", "a report's time"])
def test_a_time_within_it_is_taken(kind: object, at: str) -> None:
    TypeAdapter(kind).validate_python(at)
