"""Pure: where each parcel of a round is (`consignment`), and how a shipment travels (`shipment`)."""
