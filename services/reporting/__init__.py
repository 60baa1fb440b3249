"""Reporting: running totals that anyone can check, and the trace of one single donation.

Consumes: `donations.events` (DonationsRecorded, DonationsReversed, DonationsBanked; PageSealed for the log alone),
    `procurement.events` and `logistics.events` (all of them), each event once: first into the journal, then into the
    views, which are one document a view and partition.
    The public log's owner reads both journals.
Decides: in which order events stand in the public log, and what of them is public; what the totals are, where a
    donation's fen went by the published rule, and whether the three laws hold.
Publishes: no events; the public log's records to `public.log`, for itself alone. The public log, totals, laws, traces
    and a live page by HTTP and Server-Sent Events.
"""
