"""Use cases that are more than one decision: they read what the decision needs, or choose the document it is for."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from pandapack.contracts.procurement import ProgrammePublished, RoundFunded
from pandapack.decision import Refusal, RefusalKind
from pandapack.runtime.store import Command, Decide, Outcome, Store
from services.procurement.domain import need, publication, round
from services.procurement.domain.fund import Fund
from services.procurement.domain.need import Need, NeedRequest
from services.procurement.domain.pricing import pricing_of
from services.procurement.domain.publication import PUBLICATIONS_MAX, Publication, publication_id
from services.procurement.domain.round import Round
from services.procurement.store import is_round_code_taken, latest_publication, publication_content


async def publish_programme(
    publications: Store[Publication], draft: ProgrammePublished, at: datetime, command: Command
) -> Outcome[Publication] | Refusal:
    """Publishes the draft as its programme's next publication, whatever number the draft has."""
    programme, code = draft.programme, draft.policy.round_code
    if await is_round_code_taken(publications, programme, code):
        return Refusal("round_code_taken", f"another programme names its rounds {code}-…: choose another code")
    # The first free number takes it; a repeat of the same key finds its answer under the number that it got.
    for number in range(1, PUBLICATIONS_MAX + 1):
        content = draft.model_copy(update={"publication": number})
        decide = partial(publication.publish, content=content, at=at)
        outcome = await publications.change(publication_id(programme, number), decide, command)
        if not (isinstance(outcome, Refusal) and outcome.code == "publication_taken"):
            return outcome
    detail = f"{programme} has {PUBLICATIONS_MAX} publications: no more are kept"
    return Refusal("publications_too_many", detail)


async def current_publication(publications: Store[Publication], programme: str) -> Publication | Refusal:
    """The programme's latest publication, where it has one."""
    latest = await latest_publication(publications, programme)
    if latest is None:
        detail = f"no programme {programme} is published: PUT /v1/programmes/{programme}"
        return Refusal("programme_unknown", detail, RefusalKind.NOT_FOUND)
    return latest


async def open_need(
    publications: Store[Publication], needs: Store[Need], id: str, request: NeedRequest, at: datetime, command: Command
) -> Outcome[Need] | Refusal:
    """Opens a need that the programme's latest publication can serve."""
    latest = await current_publication(publications, request.programme)
    if isinstance(latest, Refusal):
        return latest
    assert latest.content is not None
    decide = partial(need.open_need, request=request, published=latest.content, at=at)
    return await needs.change(id, decide, command)


async def round_opening(publications: Store[Publication], event: RoundFunded) -> Decide[Round]:
    """The decision that opens a round, by the prices of the publication under which it was funded."""
    content = await publication_content(publications, event.programme, event.publication)
    return partial(round.open_round, event=event, pricing=pricing_of(content))


async def can_fund_more(funds: Store[Fund], programme: str) -> bool:
    """Whether the programme's fund stopped at what one write funds at most."""
    fund = await funds.get(programme)
    return fund is not None and fund.can_fund_more
