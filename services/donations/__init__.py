"""Donations: takes the platform's pushes and keeps the ledger of donations.

Consumes: `donations.pushed` (the untouched lines of pushes, a partition a shard of the ledger); `dead-letters` (rows
    that are no donations); `procurement.events` (which programmes were published).
Decides: which lines of a push are donations; which donations are new, repeated or contradictory; where each lies on its
    shard; which reversals can be; what seals a full page; how a settlement stands, and what it has banked.
Publishes: `donations.events`: DonationsRecorded and DonationsReversed, by each shard's owner; PageSealed, by each
    shard's seals; DonationsBanked, by each settlement; DeadLettersReplayed, -ReplayStopped, -Discarded and -TakenBack,
    by each replay; and its own input: `donations.pushed` (pushes and replays),
    `dead-letters` (what the ledger rejects).

Features, each with the same rooms inside (domain, store, work, handlers, api); an arrow is "knows":

    dead_letters → pushes → ledger → validation     (dead_letters and pushes know validation, too)
    proofs, settlements → ledger
    pushes, settlements → door → platforms
    pushes, ledger, proofs, settlements → platforms
    pushes, settlements → programmes → validation
    test_ledger → settlements, pushes, ledger       (the same once more, for what test keys try)
"""
