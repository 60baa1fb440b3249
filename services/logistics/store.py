"""Consignments and shipments ⇄ MongoDB."""

from __future__ import annotations

from dataclasses import dataclass

from pandapack.runtime.budgets import Budget
from pandapack.runtime.documents import Filter
from pandapack.runtime.parties import Party, parties_kind
from pandapack.runtime.service import Service
from pandapack.runtime.store import Kind, Store
from services.logistics.domain.consignment import Consignment, ConsignmentStatus
from services.logistics.domain.shipment import Shipment

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
PARTIES = parties_kind("logistics")


@dataclass(frozen=True, slots=True)
class Stores:
    """All that the logistics service keeps."""

    consignments: Store[Consignment]
    shipments: Store[Shipment]
    parties: Store[Party]


def open_stores(service: Service) -> Stores:
    """The service's collections, with the indexes that the queries below need."""
    return Stores(
        consignments=service.store(CONSIGNMENTS, indexes=["state.status", "state.parties", "state.schools.school"]),
        shipments=service.store(SHIPMENTS, indexes=["state.status", "state.round", "state.parties"]),
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
