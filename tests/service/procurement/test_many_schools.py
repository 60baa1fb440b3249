"""Needs of as many schools as may be, one after the other: the fund stays small, and procurement goes on."""

from __future__ import annotations

from tests.service.procurement.world import World, need
from tests.unit.procurement import largest
from tests.unit.procurement.programme import PROGRAMME, SMALL

NEEDS = 45
"""So many needs of a thousand schools once filled a fund's document."""


async def test_forty_five_needs_of_as_many_schools_as_may_be_stop_nothing() -> None:
    world = World()
    await world.post("buyer", f"/programmes/{PROGRAMME}", SMALL, method="PUT")
    rows = [school.model_dump() for school in largest.schools(parcels=1)]
    for number in range(NEEDS):
        await world.post("buyer", "/needs", {**need("NP", "small", 1), "need": f"need-{number:02d}", "schools": rows})
    await world.come_to_rest()
    document = await world.stores.funds.documents.read(PROGRAMME)
    assert document is not None and document.state is not None
    assert len(str(document.state)) < 20_000 and "district" not in str(document.state)
    world.donate(0, 100_000)
    await world.come_to_rest()
    fund = await world.get(f"/funds/{PROGRAMME}")
    assert fund["rounds"] > 100 and fund["unallocated_fen"] < 1_000
    first = await world.get("/rounds/R-000001")
    assert [(one["school"], one["parcels"]) for one in first["schools"]] == [(rows[n]["school"], 1) for n in range(4)]


async def test_a_need_of_more_schools_than_may_be_is_refused_and_told_the_bound() -> None:
    world = World()
    await world.post("buyer", f"/programmes/{PROGRAMME}", SMALL, method="PUT")
    rows = [school.model_dump() for school in largest.schools(501, parcels=1)]
    refused = await world.send("buyer", "POST", "/needs", {**need("NP", "small", 1), "schools": rows})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request") and "500" in refused.text
