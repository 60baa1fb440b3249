"""The public aid record: the figures of a snapshot in the form of IATI 2.03 (decision 47).

publisher.py    who reports, and by which identifier
accounts.py     what the books tell of a programme, and of each of its countries and years
shares.py       percentages that add up to exactly 100
elements.py     the parts of an activity as XML
activities.py   the whole file
"""
