"""The public figures as a fold of the public log: whoever adds up the first N entries has every figure as of N.

Nothing else goes into them: no database, no clock, no event that the log does not have. `recount.sql` is the same fold
in another language, and must arrive at the same.

    books.py     what is kept: sums by programme, country and item; of rounds; of days
    fold.py      an entry added to them
    rounds.py    an entry added to its round, and what of a round must hold
    line.py      who took which fen of a fen line
    contents.py  what a parcel holds, and what was paid for each item
    surveys.py   what pupils said, and within which interval a share lies; survey_books.py what of it is kept
    parcels.py   what a parcel cost in full, beside the value that is declared of it; what lies in stock
    costs.py     what was spent by category and by year, and the two ratios of the law
    months.py    a country's months and districts, for the public aid record
    figures.py   the figures, as `/v1/totals` and its tables show them
    laws.py      the three conservation laws
    kept.py      how books, rounds and months are kept
"""
