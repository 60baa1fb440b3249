"""Donations: takes the platform's pushes and keeps the ledger of gifts.

Hears: `donations.pushed` (the untouched lines of pushes, one partition a line of the ledger); `dead-letters` (rows that
    are no donations).
Decides: which lines of a push are donations; which donations are new, repeated or contradictory; where each lies on its
    line; which reversals can be; what seals a full page; how a settlement stands, and what it has banked.
Says: `donations.events`: DonationsRecorded and DonationsReversed, by each line's owner; DonationsBanked, by each
    settlement.
"""
