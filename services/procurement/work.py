"""Use cases that are more than one decision: they read what the decision needs, or choose the document it is for."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from pandapack.contracts.procurement import ProgrammePublished, RoundFunded
from pandapack.decision import Refusal, RefusalKind
from pandapack.runtime.store import Command, Decide, Outcome, Store
from services.procurement.domain import claim, matching, need, need_book, publication, round
from services.procurement.domain.fund import Fund
from services.procurement.domain.need import Need, NeedRequest
from services.procurement.domain.need_book import NeedBook
from services.procurement.domain.order_state import Order
from services.procurement.domain.pricing import pricing_of
from services.procurement.domain.publication import PUBLICATIONS_MAX, Publication, publication_id
from services.procurement.domain.round import Round
from services.procurement.store import Stores, latest_publication, publication_content, schools_of


async def publish_programme(
    stores: Stores, draft: ProgrammePublished, at: datetime, command: Command
) -> Outcome[Publication] | Refusal:
    """Publishes the draft as its programme's next publication, whatever number the draft has."""
    programme, code = draft.programme, draft.policy.round_code
    fits = publication.publish(Publication(programme=programme, publication=draft.publication), draft, at)
    if isinstance(fits, Refusal):
        return fits
    claiming = partial(claim.claim_round_code, programme=programme)
    claimed = await stores.round_codes.change(code, claiming, _first_step(command, programme))
    if isinstance(claimed, Refusal):
        return claimed
    # The first free number takes it; a repeat of the same key finds its answer under the number that it got.
    for number in range(1, PUBLICATIONS_MAX + 1):
        content = draft.model_copy(update={"publication": number})
        decide = partial(publication.publish, content=content, at=at)
        outcome = await stores.publications.change(publication_id(programme, number), decide, command)
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
    stores: Stores, id: str, request: NeedRequest, at: datetime, command: Command
) -> Outcome[Need] | Refusal:
    """Opens a need that the programme's latest publication can serve, where the programme has a place for it."""
    latest = await current_publication(stores.publications, request.programme)
    if isinstance(latest, Refusal):
        return latest
    assert latest.content is not None
    known = await stores.needs.get(id)
    place: Outcome[NeedBook] | None = None
    if known is None:
        fits = need.open_need(Need(need=id), request, 0, latest.content, at)
        if isinstance(fits, Refusal):
            return fits
        taking = partial(need_book.take_place, need=id)
        taken = await stores.need_books.change(request.programme, taking, _first_step(command, id))
        if isinstance(taken, Refusal):
            return taken
        place = taken
    ordinal = int(place.answer["ordinal"]) if place else 0  # where the need is known, nothing is opened
    decide = partial(need.open_need, request=request, ordinal=ordinal, published=latest.content, at=at)
    outcome = await stores.needs.change(id, decide, command)
    if place and isinstance(outcome, Refusal):
        await _give_back(stores, id, request.programme, command)
    return outcome


async def _give_back(stores: Stores, id: str, programme: str, command: Command) -> None:
    """Gives a place back that was taken for nothing, unless this programme has opened the need by another request."""
    known = await stores.needs.get(id)
    if known is None or known.programme != programme:
        giving_back = partial(need_book.give_back, need=id)
        await stores.need_books.change(programme, giving_back, _first_step(command, f"{id}/back"))


async def match_invoice(
    stores: Stores, order: str, invoice: str, amount_fen: int, by: str | None, command: Command
) -> Outcome[Order] | Refusal:
    """Matches a supplier's invoice, whose number no other of its orders has."""
    decide = partial(matching.match_invoice, invoice=invoice, amount_fen=amount_fen, by=by)
    known = await stores.orders.get(order)
    if known is not None and not isinstance(decide(known), Refusal):
        number = f"{known.supplier}/{invoice}"
        claiming = partial(claim.claim_invoice_number, order=order)
        claimed = await stores.invoice_numbers.change(number, claiming, _first_step(command, order))
        if isinstance(claimed, Refusal):
            return claimed
    return await stores.orders.change(order, decide, command)


async def round_opening(stores: Stores, event: RoundFunded) -> Decide[Round]:
    """The decision that opens a round, by the prices under which it was funded, for schools of the need."""
    content = await publication_content(stores.publications, event.programme, event.publication)
    schools = await schools_of(stores.needs, event.need)
    return partial(round.open_round, event=event, pricing=pricing_of(content), schools=schools)


async def can_fund_more(funds: Store[Fund], programme: str) -> bool:
    """Whether the programme's fund stopped at what one write funds at most."""
    fund = await funds.get(programme)
    return fund is not None and fund.can_fund_more


def _first_step(command: Command, of: str) -> Command:
    """The command as a document knows it that requests for several others share: a key is each one's own."""
    return Command(f"{of}/{command.key}", command.digest)
