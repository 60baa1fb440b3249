"""The audit: everything counted again from what is kept, and compared with what the services have and show.

It shares the contracts with the services and nothing else, so that a mistake in a view cannot hide in the recount. It
is right while everything runs: what is compared is read as one document, which is one cut of what it was made of, and
what it was made of is counted again exactly to there.

findings   what is wrong: causes first, and what only follows from them
reading    the databases, events as they are kept, and patience with what is still on its way
facts      figures by name, by two ways of counting, compared
shard      one shard of the ledger: pages, rows, events, reversals
merchants  one shard's volumes by merchant and day
seals      seals, and the signed roots of days
ledger     the shards one after the other, and the views that count them
banked     settlements, what they have banked, and what reporting adds up of it by merchant
journal    the journal, event by event, and the views that count it
views      what an event adds to each view, and what a view has
public_log the public log: its root, and each entry written again from its events
folded     its entries added up: the kept books, rounds and months, and the laws
shown      what anybody is shown
pupils     how many pupils count, by the law
documents  funds, needs, publications, rounds, orders, consignments and shipments, and what their own events say
rounds     a round with all that belongs to it
owned      what events say of a document, and what the document says
run        all of it, in the order in which nothing can overtake what is read
"""
