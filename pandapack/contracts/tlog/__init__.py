"""The form of the public log, as C2SP writes it down: tiles, notes, checkpoints, cosignatures, witnesses. Pure.

Sources: C2SP tlog-tiles, signed-note, tlog-checkpoint, tlog-cosignature, tlog-witness; RFC 9162 (hashes and proofs).
Nothing here knows what an entry says.
"""
