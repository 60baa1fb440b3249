"""Procurement: turns a programme's unallocated fen into packed parcels.

Consumes: `donations.events` (the fund: DonationsRecorded, DonationsReversed); its own `procurement.events` (fund,
    needs, rounds and orders apply each other's); `logistics.events` (orders: CostIncurred, ConsignmentClosed; rounds:
    ConsignmentClosed).
Decides: which round of parcels is funded next, from which intervals of the fen lines, and what it may cost; what is
    ordered, confirmed, received, rejected, paid, or held for its proof or a treasurer, each by whom alone it may be;
    which parcels are packed; what flows back.
Publishes: `procurement.events`: ProgrammePublished, NeedOpened, FundCredited, FundReversed, RoundFunded,
    RoundOpened, OrderRequested, FundsCommitted, OrderPlaced, OrderConfirmed, GoodsReceived, InvoiceReleased,
    InvoiceRefused, OrderPaid, FundsSpent, OrderClosed, ParcelsPacked, RoundClosed.
"""
