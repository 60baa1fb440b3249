"""Procurement: turns a programme's unallocated fen into packed parcels.

Consumes: `donations.events` (the fund: DonationsRecorded, DonationsReversed); its own `procurement.events` (fund,
    needs, rounds and orders apply each other's); `logistics.events` (orders: CostIncurred; rounds: ConsignmentClosed).
Decides: which round of parcels is funded next, from which intervals of the fen lines, and what it may cost; what is
    ordered, confirmed, received, rejected, paid or held for a person; which parcels are packed; what flows back.
Publishes: `procurement.events`: ProgrammePublished, NeedOpened, FundCredited, FundReversed, RoundFunded,
    OrderRequested, FundsCommitted, OrderPlaced, OrderConfirmed, GoodsReceived, OrderPaid, FundsSpent, OrderClosed,
    ParcelsPacked, RoundClosed.
"""
