"""Reporting: running totals that anyone can check, and the way of one single donation.

Hears: `donations.events` (DonationsRecorded, DonationsReversed, DonationsBanked), `procurement.events` and
    `logistics.events` (all that they say), each event once: first into the journal, then into the views, which are one
    document a view and partition.
Decides: what the totals are, where a gift's fen went by the published rule, and whether the three laws hold.
Says: nothing to Kafka; totals, laws, traces and a live page by HTTP and Server-Sent Events.
"""
