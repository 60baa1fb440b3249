"""Logistics: brings packed parcels to schools, and keeps where each parcel is.

Consumes: `procurement.events` (consignments: ParcelsPacked); its own `logistics.events` (consignments apply their
    shipment's ShipmentPlanned, LegDeparted, CustomsReleased, ShipmentArrived).
Decides: when parcels leave the warehouse; which leg a shipment is on and whether customs hold it; what of a proof of
    delivery, a handout or a loss report can be true, and what waits for its turn; how many of the heads reported are
    pupils reached; when a consignment is over; and which party may do each of it.
Publishes: `logistics.events`: ConsignmentOpened, ParcelsStored, ParcelsDispatched, ParcelsWrittenOff, ParcelsDelivered,
    ParcelsHandedOut, CostIncurred, ConsignmentClosed, ShipmentPlanned, LegDeparted, LegArrived, CustomsHeld,
    CustomsReleased, ShipmentArrived.
"""
