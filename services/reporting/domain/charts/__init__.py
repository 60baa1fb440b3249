"""Charts, as far as they are pure: the rows that each shows, what is drawn of them, and the picture made of that.

sheets.py    which charts there are; a sheet is all that one of them is drawn from
rows.py      the rows of each, from the figures of one snapshot
colours.py   sizes, letters and colours, for pages too
capitals.py  where each country's mark stands
marks.py     what all drawings share: marks at places that are known
flows.py     money and parcels as rivers (Vega-Lite has none: the layout is ours)
places.py    the map: land without any border, dots and arcs
times.py     gifts and parcels through time
shares.py    where 100 fen go, what lies in a parcel, what pupils said
drawing.py   a sheet as a Vega-Lite specification
pictures.py  the drawn SVG made fit for a page, or to stand alone in a theme
"""
