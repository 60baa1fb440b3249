"""A publication of a programme: its parcels, prices, suppliers and policy. Written once, never changed.

A programme changes by its next publication; rounds follow the one under which they were funded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator
from datetime import date, datetime
from typing import TypeVar

from pandapack.contracts.envelope import Part
from pandapack.contracts.procurement import Category, ProgrammePublished
from pandapack.contracts.publication import Specification
from pandapack.contracts.strict_json import shown
from pandapack.decision import Decision, Refusal, RefusalKind
from services.procurement.domain.pricing import PER_MILLE, SERVICES

PUBLICATIONS_MAX = 1_000
# A publication at all of these is one event of less than a mebibyte.
ITEMS_MAX = 500
"""Five times the largest parcel that is packed today."""
SPECIFICATIONS_MAX = 50
BILL_LINES_MAX = 2_000
"""Lines of all specifications together: the fund carries them, with their prices."""
SUPPLIERS_MAX = 100
RATES_MAX = 1_000
"""Each of five services for every country."""
NAME_CHARACTERS_MAX = 64
UNIT_CHARACTERS_MAX = 20
ROUND_PARCELS_MAX = 9_999  # a serial has four digits for the parcel
QUANTITY_MAX = 1_000
PACK_SIZE_MAX = 10_000
PRICE_FEN_MAX = 10_000_000
ROUND_FEN_MAX = 1_000_000_000_000
"""What a round may cost, ten billion yuan: nine thousand of the dearest are still exact in JSON (below 2**53 fen)."""
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)
"""Between these a specification takes effect."""
NUMBER_DIGITS = 6
ID_PATTERN = re.compile(r"[a-z0-9][a-z0-9-]{0,47}")
CODE_PATTERN = re.compile(r"[A-Z]{1,8}")
COUNTRY_PATTERN = re.compile(r"[A-Z]{2}")
HS_PATTERN = re.compile(r"[0-9]{4,12}")
FINDINGS_SHOWN_MAX = 5

H = TypeVar("H", bound=Hashable)


class Publication(Part):
    """One publication. `content` is None where nothing was published under this number yet."""

    programme: str
    publication: int
    published_at: datetime | None = None
    content: ProgrammePublished | None = None


def publication_id(programme: str, publication: int) -> str:
    """`love-parcel`, 1 → `love-parcel/000001`: numbers sort as numbers."""
    return f"{programme}/{publication:0{NUMBER_DIGITS}d}"


def empty_publication(id: str) -> Publication:
    """The publication of this id, before anything is published."""
    programme, _, number = id.rpartition("/")
    return Publication(programme=programme, publication=int(number))


def publish(state: Publication, content: ProgrammePublished, at: datetime) -> Decision[Publication] | Refusal:
    """Publishes under this number, unless something else was."""
    assert (content.programme, content.publication) == (state.programme, state.publication)
    if state.content is not None:
        detail = f"{state.programme} has a publication {state.publication} already"
        return Refusal("publication_taken", detail)
    findings = list(inconsistencies(content))
    if findings:
        more = f"; and {len(findings) - FINDINGS_SHOWN_MAX} more" if len(findings) > FINDINGS_SHOWN_MAX else ""
        detail = "; ".join(findings[:FINDINGS_SHOWN_MAX]) + more
        return Refusal("publication_inconsistent", detail, RefusalKind.INVALID)
    published = state.model_copy(update={"published_at": at, "content": content})
    answer: dict[str, object] = {"programme": state.programme, "publication": state.publication}
    return Decision(published, (content,), answer)


def inconsistencies(content: ProgrammePublished) -> Iterator[str]:
    """What does not fit, in words; nothing for a publication that can be planned and bought by."""
    too_many = list(_sizes(content))
    if too_many:
        yield from too_many
        return  # what is too much is not looked at any closer
    checks: tuple[Callable[[ProgrammePublished], Iterator[str]], ...] = (
        _policy,
        _names,
        _texts,
        _specifications,
        _catalogue,
        _services,
        _round_costs,
    )
    for check in checks:
        yield from check(content)


def _sizes(content: ProgrammePublished) -> Iterator[str]:
    for what, count, count_max in (
        ("items", len(content.items), ITEMS_MAX),
        ("specifications", len(content.specifications), SPECIFICATIONS_MAX),
        ("suppliers", len(content.suppliers), SUPPLIERS_MAX),
        ("services", len(content.services), RATES_MAX),
        ("catalogue", len(content.catalogue), ITEMS_MAX),
    ):
        if not 1 <= count <= count_max:
            yield f"{what}: {count}, must be 1 to {count_max}"
    lines = sum(len(specification.lines) for specification in content.specifications)
    if lines > BILL_LINES_MAX:
        yield f"lines of all specifications: {lines}, must be at most {BILL_LINES_MAX}"


def _policy(content: ProgrammePublished) -> Iterator[str]:
    policy = content.policy
    yield from _beyond("policy.round_parcels", policy.round_parcels, 1, ROUND_PARCELS_MAX)
    yield from _beyond("policy.contingency_per_mille", policy.contingency_per_mille, 0, PER_MILLE)
    yield from _beyond("policy.price_tolerance_per_mille", policy.price_tolerance_per_mille, 0, PER_MILLE)
    if policy.price_tolerance_per_mille > policy.contingency_per_mille:
        yield "policy.price_tolerance_per_mille is above contingency_per_mille: a round could cost more than it has"
    limit_fen = policy.invoice_fen_max_unapproved
    if limit_fen is not None and limit_fen < 0:
        yield "policy.invoice_fen_max_unapproved is negative: 0 lets a treasurer see every invoice, null lets all pass"
    elif limit_fen is not None:
        yield from _beyond("policy.invoice_fen_max_unapproved", limit_fen, 0, ROUND_FEN_MAX)
    if not CODE_PATTERN.fullmatch(policy.round_code):
        yield f"policy.round_code {shown(policy.round_code)!r} must be 1 to 8 capital letters"


def _names(content: ProgrammePublished) -> Iterator[str]:
    for what, ids in (
        ("item", [item.id for item in content.items]),
        ("specification", [specification.id for specification in content.specifications]),
        ("supplier", [supplier.id for supplier in content.suppliers]),
    ):
        yield from (f"{what} {shown(id)!r} must be small letters, digits and hyphens" for id in ids if not _is_id(id))
        yield from (f"{what} {id} is named twice" for id in _repeated(ids))
    if content.warehouse and not _is_id(content.warehouse):
        yield f"warehouse {shown(content.warehouse)!r} must be small letters, digits and hyphens"
    for supplier in content.suppliers:
        if supplier.id in {category.value for category in Category}:
            yield f"supplier {supplier.id} is called like a category: orders could not be told apart"


def _texts(content: ProgrammePublished) -> Iterator[str]:
    """Texts with an end, and nothing in them that nobody can read: with their numbers they make the event's size."""
    yield from _name("name", content.name.zh, content.name.en)
    if content.motto is not None:
        yield from _name("motto", content.motto.zh, content.motto.en)
    for item in content.items:
        yield from _name(f"name of {shown(item.id)}", item.name.zh, item.name.en)
        if not _is_id(item.category):
            yield f"category {shown(item.category)!r} of {shown(item.id)} must be small letters, digits and hyphens"
        if not _is_text(item.unit, UNIT_CHARACTERS_MAX):
            yield f"unit of {shown(item.id)} must have 1 to {UNIT_CHARACTERS_MAX} characters that can be read"
        if not HS_PATTERN.fullmatch(item.hs_code):
            yield f"hs_code {shown(item.hs_code)!r} of {shown(item.id)} must have 4 to 12 digits"
    for supplier in content.suppliers:
        yield from _name(f"name of {shown(supplier.id)}", supplier.name)


def _name(what: str, *texts: str) -> Iterator[str]:
    if not all(_is_text(text, NAME_CHARACTERS_MAX) for text in texts):
        yield f"{what} must have 1 to {NAME_CHARACTERS_MAX} characters that can be read"


def _is_text(text: str, characters_max: int) -> bool:
    return 1 <= len(text) <= characters_max and text.isprintable()


def _specifications(content: ProgrammePublished) -> Iterator[str]:
    known = {item.id for item in content.items}
    offered = {offer.item for offer in content.catalogue}
    for specification in content.specifications:
        where = f"specification {specification.id}"
        yield from _measures(where, specification)
        items = [line.item for line in specification.lines]
        yield from (f"{where}: {item} is named twice" for item in _repeated(items))
        for line in specification.lines:
            yield from _beyond(f"{where}: quantity of {line.item}", line.quantity, 1, QUANTITY_MAX)
            if line.item not in known:
                yield f"{where}: there is no item {line.item}"
            elif line.item not in offered:
                yield f"{where}: nobody offers {line.item}"


def _measures(where: str, specification: Specification) -> Iterator[str]:
    if not specification.lines:
        yield f"{where} has no lines"
    for what, value in (
        ("version", specification.version),
        ("weight_g", specification.weight_g),
        ("volume_cm3", specification.volume_cm3),
        ("value_fen", specification.value_fen),
    ):
        yield from _beyond(f"{where}: {what}", value, 1, PRICE_FEN_MAX)
    effective_from = shown(specification.effective_from)
    try:
        day = date.fromisoformat(effective_from)
    except ValueError:
        yield f"{where}: effective_from {effective_from!r} is no day such as 2020-01-01"
    else:
        if not FIRST_DAY <= day <= LAST_DAY:
            yield f"{where}: effective_from is {day}, must be {FIRST_DAY} to {LAST_DAY}"


def _catalogue(content: ProgrammePublished) -> Iterator[str]:
    suppliers = {supplier.id for supplier in content.suppliers}
    items = {item.id for item in content.items}
    yield from (f"{item} is offered twice" for item in _repeated([offer.item for offer in content.catalogue]))
    for offer in content.catalogue:
        yield from _beyond(f"price of {offer.item}", offer.unit_price_fen, 1, PRICE_FEN_MAX)
        yield from _beyond(f"pack size of {offer.item}", offer.pack_size, 1, PACK_SIZE_MAX)
        if offer.supplier not in suppliers:
            yield f"{offer.item} is offered by {offer.supplier}, who is no supplier here"
        if offer.item not in items:
            yield f"{offer.supplier} offers {offer.item}, which is no item here"


def _services(content: ProgrammePublished) -> Iterator[str]:
    suppliers = {supplier.id for supplier in content.suppliers}
    rated = [(rate.category, rate.country) for rate in content.services]
    yield from (f"{category} for {country or 'all'} is rated twice" for category, country in _repeated(rated))
    for rate in content.services:
        yield from _beyond(f"{rate.category} for {rate.country or 'all'}", rate.fen_per_parcel, 0, PRICE_FEN_MAX)
        if rate.supplier not in suppliers:
            yield f"{rate.category} is rendered by {rate.supplier}, who is no supplier here"
        if rate.category is Category.GOODS:
            yield "goods are bought from the catalogue, not at a rate"
        if rate.country is not None and not COUNTRY_PATTERN.fullmatch(rate.country):
            yield f"{rate.country!r} is no ISO 3166-1 code of two letters"
    yield from (f"no rate for {service}" for service in SERVICES if service not in {c for c, _ in rated})


def _round_costs(content: ProgrammePublished) -> Iterator[str]:
    """A round of each specification at the dearest rates and with all its contingency, before anything is multiplied
    that could not be told exactly."""
    policy, offers = content.policy, {offer.item: offer for offer in content.catalogue}
    dearest = {rate.category: 0 for rate in content.services}
    for rate in content.services:
        dearest[rate.category] = max(dearest[rate.category], rate.fen_per_parcel)
    for specification in content.specifications:
        fen = sum(dearest.values()) * policy.round_parcels
        for line in specification.lines:
            offer = offers.get(line.item)
            if offer is not None:  # the last pack is bought whole
                fen += (line.quantity * policy.round_parcels + offer.pack_size) * offer.unit_price_fen
        fen += fen * policy.contingency_per_mille // PER_MILLE
        if fen > ROUND_FEN_MAX:
            yield f"a round of {specification.id} may cost {fen} fen, must be at most {ROUND_FEN_MAX}: fewer parcels"


def _is_id(id: str) -> bool:
    return ID_PATTERN.fullmatch(id) is not None


def _beyond(what: str, value: int, low: int, high: int) -> Iterator[str]:
    if not low <= value <= high:
        yield f"{what} is {value}, must be {low} to {high}"


def _repeated(values: Iterable[H]) -> Iterator[H]:
    seen: set[H] = set()
    for value in values:
        if value in seen:
            yield value
        seen.add(value)
