"""What would be missing if a service passed over an event: which of the conservation laws would not hold any more."""

from __future__ import annotations

from enum import StrEnum

from pandapack.contracts.audit_log import ACTED, AuditLogChained
from pandapack.contracts.logistics import CostIncurred, CustomsReleased
from pandapack.contracts.procurement import GoodsReceived, OrderRequested, ParcelsPacked, ProgrammePublished


class Law(StrEnum):
    """The conservation law that an event moves a figure of."""

    MONEY = "money"
    ITEMS = "items"
    PARCELS = "parcels"


_BY_TYPE = {
    CostIncurred.TYPE: Law.MONEY,
    CustomsReleased.TYPE: Law.MONEY,
    OrderRequested.TYPE: Law.ITEMS,
    GoodsReceived.TYPE: Law.ITEMS,
    ParcelsPacked.TYPE: Law.PARCELS,
    ProgrammePublished.TYPE: Law.MONEY,
}
_BY_PUBLISHER = {"donations": Law.MONEY, "procurement": Law.MONEY, "logistics": Law.PARCELS}


def breaks(type: str) -> Law | None:
    """The law that breaks where an event of this type is passed over; the first of them where it moves several.

    None: it moves no figure, as one that tells who did something.
    """
    if type.endswith(ACTED) or type == AuditLogChained.TYPE:
        return None
    return _BY_TYPE.get(type) or _BY_PUBLISHER[type.partition(".")[0]]
