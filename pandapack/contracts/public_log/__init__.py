"""What the public log says: the public form of every event, as entries of canonical JSON.

`forms`: which fields of an event are public; `entries`: how an entry is written; `sums`: donations, added up;
`schemas`: an entry's JSON Schema. What is not named in `forms` is private, fields of newer releases included.
"""
