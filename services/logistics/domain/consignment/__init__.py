"""A consignment: the parcels of one round, from the warehouse to the pupils. Its id is the round's.

Each parcel is in exactly one state, always: warehouse or in transit until it has ended, and then accepted, rejected,
damaged or lost. A consignment begins with packed parcels, never with a report. What is reported of it before its turn
is parked here, and applied when its turn comes, so that the end does not depend on the order in which schools, carriers
and Kafka bring things; or turned down, by name, where it cannot be true.

`state` is what is known, `decisions` what changes it, `refusals` what cannot be true, `parties` who may do what,
`progress` what follows.
"""

from services.logistics.domain.consignment.decisions import (
    arrive,
    deliver,
    depart,
    hand_out,
    plan_shipment,
    record_cost,
    record_duty,
    store_parcels,
    write_off,
)
from services.logistics.domain.consignment.parties import is_for, refuse_booking, takes_part, unknown_round
from services.logistics.domain.consignment.progress import finish
from services.logistics.domain.consignment.refusals import (
    PARKED_A_SCHOOL_MAX,
    PARKED_MAX,
    PARKED_ORDINALS_MAX,
    REPORTS_A_SCHOOL_MAX,
    REPORTS_MAX,
    WRITE_OFFS_MAX,
)
from services.logistics.domain.consignment.state import (
    Consignment,
    ConsignmentStatus,
    Cost,
    Delivery,
    Handout,
    PupilsReached,
    SchoolRange,
    TurnedDown,
    WriteOff,
    counts,
    ordinals,
    ranges,
)

__all__ = [
    "PARKED_A_SCHOOL_MAX",
    "PARKED_MAX",
    "PARKED_ORDINALS_MAX",
    "REPORTS_A_SCHOOL_MAX",
    "REPORTS_MAX",
    "WRITE_OFFS_MAX",
    "Consignment",
    "ConsignmentStatus",
    "Cost",
    "Delivery",
    "Handout",
    "PupilsReached",
    "SchoolRange",
    "TurnedDown",
    "WriteOff",
    "arrive",
    "counts",
    "deliver",
    "depart",
    "finish",
    "hand_out",
    "is_for",
    "ordinals",
    "plan_shipment",
    "ranges",
    "record_cost",
    "record_duty",
    "refuse_booking",
    "store_parcels",
    "takes_part",
    "unknown_round",
    "write_off",
]
