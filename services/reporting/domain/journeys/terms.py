"""How long each step may take before it is overdue, in the trade's own measure.

The programmes' data has no lead times: a supplier, a carrier and a school promise none. So these are what is usual,
long enough that what is merely slow is not overdue. Business time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

MACHINE_TERM = timedelta(minutes=10)
"""What a service does by itself once its turn has come: seconds; minutes are time for a restart of everything."""
JUDGED_TERM = timedelta(minutes=1)
"""A push is judged within a second or two of its answer."""
STATED_TERM = timedelta(hours=1)
"""A settlement's statement: the largest file is reconciled within minutes."""
BALANCED_TERM = timedelta(days=7)
"""What a settlement and the ledger do not agree on, a platform looks up within a week."""
DECIDED_TERM = timedelta(days=2)
"""A parked reversal: its donation comes with the platform's next deliveries, or a person decides."""
ALLOCATED_TERM = timedelta(days=90)
"""Money that no round has taken for a season: no need is open that it could meet."""
NEED_MET_TERM = timedelta(days=180)
"""Half a school year: whoever waits longer has left the grade for which parcels were assessed."""
PLACED_TERM = timedelta(days=2)
"""A requested order is placed by the service itself, or a supplier is looked for: two working days."""
CONFIRMED_TERM = timedelta(days=7)
"""A supplier confirms, or counters, within a week."""
RECEIVED_TERM = timedelta(days=45)
"""Stationery and school bags are made to order and trucked to the warehouse within six weeks."""
COST_TERM = timedelta(days=30)
"""A carrier, an insurer or customs say what it cost within a month of arrival."""
PAID_TERM = timedelta(days=30)
"""Thirty days net, from the proof on which an order is paid."""
PACKED_TERM = timedelta(days=21)
"""Kitting a round of some hundred parcels: three weeks with the warehouse's other work."""
PLANNED_TERM = timedelta(days=7)
"""A carrier is booked within a week of the last packed parcel."""
DEPARTED_TERM = timedelta(days=7)
"""The next sailing or truck leaves within a week."""
ARRIVED_TERMS: Mapping[str, timedelta] = {
    "sea": timedelta(days=45),
    "rail": timedelta(days=21),
    "road": timedelta(days=10),
    "air": timedelta(days=5),
}
"""The slowest usual way of a mode: Shanghai to West Africa by sea, to Central Asia by rail."""
ARRIVED_TERM_UNKNOWN = timedelta(days=45)
"""Of a mode that is not known here."""
CUSTOMS_TERM = timedelta(days=10)
"""Papers are put right within ten days; from then on demurrage exceeds what parcels are worth."""
DELIVERED_TERM = timedelta(days=14)
"""From the last port to a school, with its proof: two weeks, roads in the rains included."""
HANDED_OUT_TERM = timedelta(days=21)
"""A school hands out within three weeks, a holiday included."""
