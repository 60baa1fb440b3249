"""The public aid record (IATI 2.03), for anyone and without a key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from pandapack.decision import Refusal
from pandapack.runtime.http import Problem, problem_of
from pandapack.runtime.read_limits import ReadLimits
from services.reporting.api.answers import AS_OF_TEXT, FINAL
from services.reporting.api.ranges import OF_NOW, answer_of
from services.reporting.api.texts import Language, PageTexts
from services.reporting.domain.as_of import CHARACTERS_MAX
from services.reporting.domain.iati.elements import Both
from services.reporting.work.iati_files import IatiFiles, TooManyFiles

BUSY_RETRY_AFTER_S = 5
XML_TYPE = "application/xml; charset=utf-8"
ZIPPED = "gzip"

AsOf = Annotated[str | None, Query(max_length=CHARACTERS_MAX, description=AS_OF_TEXT)]


class PageNarrator:
    """The words of the aid record, out of the pages' texts."""

    _zh, _en = PageTexts(Language.ZH), PageTexts(Language.EN)

    def text(self, key: str, **values: str | Both) -> Both:
        """A text in both languages."""
        zh = {name: value.zh if isinstance(value, Both) else value for name, value in values.items()}
        en = {name: value.en if isinstance(value, Both) else value for name, value in values.items()}
        return Both(self._zh.text(key, **zh), self._en.text(key, **en))

    def country(self, code: str) -> Both:
        """A country's name."""
        return Both(self._zh.country(code), self._en.country(code))

    def district(self, name: str) -> Both:
        """A district's name."""
        return Both(self._zh.district(name), self._en.district(name))

    def indicator(self, name: str) -> Both:
        """What pupils were asked."""
        try:
            return self.text(f"survey_{name}")
        except KeyError:  # of a newer release
            return Both(name, name)

    def month(self, month: str) -> Both:
        """`2021年11月`, `2021-11`."""
        year, number = month.split("-")
        return Both(f"{year}年{int(number)}月", month)


def iati_router(files: IatiFiles, limits: ReadLimits) -> APIRouter:
    """`/iati/activities.xml`."""
    router, narrator = APIRouter(tags=["data"], dependencies=[Depends(limits)]), PageNarrator()

    async def activities(request: Request, as_of: AsOf = None) -> Response:
        """The activities file of IATI 2.03: an activity a programme, and below it one a country and year.

        Budgets, transactions with their reversals, sectors, districts and results, as of a snapshot
        (`Panda-Snapshot`); without `as_of` of the newest, at most ten seconds old, that does not lie in the future.
        """
        try:
            found = await files.file(as_of, narrator)
        except TooManyFiles as error:
            raise Problem(503, "data_busy", f"{error}: ask again soon").retry_after(BUSY_RETRY_AFTER_S) from error
        if isinstance(found, Refusal):
            raise problem_of(found)
        is_final = as_of is not None and as_of.isdecimal()
        headers = {"Panda-Snapshot": str(found.size), "Vary": "Accept-Encoding"}
        is_zipped = takes_gzip(request.headers)
        if is_zipped:
            headers["Content-Encoding"] = ZIPPED
        return answer_of(
            request,
            found.zipped if is_zipped else found.content,
            f"{found.sha256}-{ZIPPED}" if is_zipped else found.sha256,
            media_type=XML_TYPE,
            cache=FINAL["Cache-Control"] if is_final else OF_NOW,
            headers=headers,
        )

    path, name = "/iati/activities.xml", "get_iati_activities"
    router.add_api_route(path, activities, methods=["GET"], name=name, response_class=Response)
    router.add_api_route(path, activities, methods=["HEAD"], include_in_schema=False)
    return router


def takes_gzip(headers: Mapping[str, str]) -> bool:
    """Whether Accept-Encoding names gzip, and not with a weight of nothing (RFC 9110, 12.5.3)."""
    for part in headers.get("accept-encoding", "").lower().split(","):
        coding, _, weight = part.partition(";")
        if coding.strip() in (ZIPPED, "*"):
            return weight.strip().removeprefix("q=") not in ("0", "0.0", "0.00", "0.000")
    return False
