"""Logistics: brings packed parcels to schools, and keeps where each parcel is.

Hears: `procurement.events` (consignments: ParcelsPacked); its own `logistics.events` (consignments hear their shipment:
    LegDeparted, CustomsReleased).
Decides: when parcels leave the warehouse; which leg a shipment is on and whether customs hold it; what of a proof of
    delivery, a handout or a loss report can be true, and what waits for its turn; when a consignment is over.
Says: `logistics.events`: ConsignmentOpened, ParcelsStored, ParcelsDispatched, ParcelsWrittenOff, ParcelsDelivered,
    ParcelsHandedOut, CostIncurred, ConsignmentClosed, ShipmentPlanned, LegDeparted, LegArrived, CustomsHeld,
    CustomsReleased, ShipmentArrived.
"""
