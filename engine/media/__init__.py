"""Media as publishers send it and as the ring holds it: tags, codec headers, time, start points.

The way of a message: `classify` says what it is, `Timeline` gives it a time, `HeaderSet` keeps it if players
need it before the first frame, `encode_tag` makes it bytes. `Intake` does all of that; `choose_start` finds
where a player begins.
"""
