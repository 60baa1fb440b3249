"""Consignments, shipments and surveys ⇄ MongoDB."""

from __future__ import annotations

from dataclasses import dataclass

from pandapack.runtime.budgets import Budget
from pandapack.runtime.documents import Filter
from pandapack.runtime.parties import Party, parties_kind
from pandapack.runtime.service import Service
from pandapack.runtime.store import Kind, Store
from services.logistics.domain.consignment import Consignment, ConsignmentStatus
from services.logistics.domain.reached import CountryReached, Reached, together
from services.logistics.domain.shipment import Shipment
from services.logistics.domain.survey import Survey

CONSIGNMENT_BYTES_MAX = 1536 * 1024
"""The largest need's schools, each with two proofs and two handouts of ordinary length. Reporting's view of a round,
which says each school's district too, has room for all that fits here."""
CONSIGNMENTS = Kind(
    "consignments",
    Consignment,
    lambda id: Consignment(round=id),
    lambda id: f"/logistics/consignments/{id}",
    Budget(CONSIGNMENT_BYTES_MAX, instead="report several deliveries as one, in fewer words"),
)
SHIPMENTS = Kind("shipments", Shipment, lambda id: Shipment(shipment=id), lambda id: f"/logistics/shipments/{id}")
SURVEYS = Kind("surveys", Survey, lambda id: Survey(survey=id), lambda id: f"/logistics/surveys/{id}")
REACHED = Kind("reached", Reached, lambda id: Reached(round=id), lambda id: f"/logistics/reached/{id}", publishes=False)
PARTIES = parties_kind("logistics")

SCHOOLS_PARKED = ("state.parked_deliveries", "state.parked_handouts")
CARRIERS_PARKED = ("state.parked",)
PARKED_IN_MAX = 1_000
"""Documents whose parked reports of a kind are counted: where more of them wait, the figure says enough."""


@dataclass(frozen=True, slots=True)
class Stores:
    """All that the logistics service keeps."""

    consignments: Store[Consignment]
    shipments: Store[Shipment]
    surveys: Store[Survey]
    reached: Store[Reached]
    parties: Store[Party]


def open_stores(service: Service) -> Stores:
    """The service's collections, with the indexes that the queries below need."""
    return Stores(
        consignments=service.store(
            CONSIGNMENTS, indexes=["state.status", "state.parties", "state.schools.school"], waiting=SCHOOLS_PARKED
        ),
        shipments=service.store(
            SHIPMENTS,
            indexes=["state.status", "state.round", "state.parties", "state.parked.move"],
            waiting=CARRIERS_PARKED,
        ),
        surveys=service.store(SURVEYS, indexes=["state.party", "state.programme"]),
        reached=service.store(REACHED, indexes=["state.country"]),
        parties=service.store(PARTIES, indexes=["state.kind"]),
    )


async def find_consignments(
    consignments: Store[Consignment], where: Filter, *, after: str, limit: int
) -> list[tuple[str, Consignment]]:
    """Consignments, by id; not one whose shipment's events came before its parcels."""
    statuses = [status.value for status in ConsignmentStatus if status is not ConsignmentStatus.NEW]
    return await consignments.find({"state.status": statuses, **where}, after=after, limit=limit)


async def find_shipments(
    shipments: Store[Shipment], where: Filter, *, after: str, limit: int
) -> list[tuple[str, Shipment]]:
    """Shipments, by id."""
    return await shipments.find(where, after=after, limit=limit)


async def count_parked(stores: Stores) -> int:
    """Reports of schools and carriers that wait for their turn, in at most `PARKED_IN_MAX` documents a list."""
    schools = [await stores.consignments.documents.count_waiting(path, PARKED_IN_MAX) for path in SCHOOLS_PARKED]
    carriers = [await stores.shipments.documents.count_waiting(path, PARKED_IN_MAX) for path in CARRIERS_PARKED]
    return sum(schools) + sum(carriers)


async def find_surveys(surveys: Store[Survey], where: Filter, *, after: str, limit: int) -> list[tuple[str, Survey]]:
    """Surveys, by id."""
    return await surveys.find(where, after=after, limit=limit)


async def reached_in(rounds: Store[Reached], programme: str, country: str) -> CountryReached:
    """What a programme's rounds reached in a country, as far as their events have come."""
    where = {"state.programme": programme, "state.country": country}
    return together([state async for _, state in rounds.scan(where)])
