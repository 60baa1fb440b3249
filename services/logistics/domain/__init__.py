"""Pure: where each parcel of a round is (`consignment`, `reports`), and how a shipment travels (`shipment`)."""
