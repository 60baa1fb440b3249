"""What was, by HTTP: what changed between two sizes of the public log, and figures through time."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from pandapack.contracts.donations import NAME_PATTERN
from pandapack.contracts.tlog.encoding import SIZE_MAX
from pandapack.decision import Refusal
from pandapack.runtime.http import JSON_TYPE, problem_of
from pandapack.runtime.read_limits import ReadLimits
from services.reporting.api.answers import OF_NOW, tagged
from services.reporting.domain.as_of import CHARACTERS_MAX
from services.reporting.domain.snapshots import Level
from services.reporting.work.history import History, SeriesWanted

ROWS_DEFAULT = 400
"""A year of days, and a month more."""
ROWS_MAX = 1_500
"""Every minute of a day. A row is read with all figures of its moment."""
FIGURE_PATTERN = r"^[a-z_]{1,40}(\.[a-z_]{1,40})?$"
COUNTRY_PATTERN = r"^[A-Z]{2}$"
FROM_TEXT = "A moment (RFC 3339), or a day in Asia/Shanghai: periods that begin then or later. Without: all."
TO_TEXT = "A moment, or a day, which counts to its end: periods that begin before it. Without: up to now."


def history_router(history: History, limits: ReadLimits) -> APIRouter:
    """`/changes`, `/series/{figure}`."""
    router = APIRouter(tags=["totals"], dependencies=[Depends(limits)])

    @router.get("/changes")
    async def get_changes(
        request: Request,
        first: Annotated[int, Query(alias="from", ge=0, le=SIZE_MAX, description="The size before.")],
        end: Annotated[int, Query(alias="to", ge=0, le=SIZE_MAX, description="The size behind.")],
        after: Annotated[
            int | None, Query(ge=0, le=SIZE_MAX, description="`next` of an answer: entries from this index on.")
        ] = None,
    ) -> Response:
        """Each figure of the totals at both sizes, and by figure the entries between that changed it.

        At most 1,024 entries are looked at; `next` is where to go on. Figures are always those of both sizes.
        """
        found = await history.changes(first, end, after)
        if isinstance(found, Refusal):
            raise problem_of(found)
        return tagged(request, msgspec.json.encode(found), is_final=True)

    @router.get("/series/{figure}")
    async def get_series(
        figure: Annotated[str, Path(pattern=FIGURE_PATTERN)],
        *,
        by: Level = Level.DAY,
        begin: Annotated[str | None, Query(alias="from", max_length=CHARACTERS_MAX, description=FROM_TEXT)] = None,
        end: Annotated[str | None, Query(alias="to", max_length=CHARACTERS_MAX, description=TO_TEXT)] = None,
        programme: Annotated[str | None, Query(pattern=NAME_PATTERN)] = None,
        country: Annotated[str | None, Query(pattern=COUNTRY_PATTERN)] = None,
        limit: Annotated[int, Query(ge=1, le=ROWS_MAX)] = ROWS_DEFAULT,
    ) -> Response:
        """A figure of the totals through time, of all or of a programme; or one of the table by country.

        A row a minute, hour, day or month in which the log grew: when it began, the log's size at its end, and the
        value then. Where there is no row, the value is that of the row before. `next` goes on as `from`.
        """
        found = await history.series(SeriesWanted(figure, by, begin, end, programme, country, limit))
        if isinstance(found, Refusal):
            raise problem_of(found)
        return Response(msgspec.json.encode(found), media_type=JSON_TYPE, headers=OF_NOW)

    return router
