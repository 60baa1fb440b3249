"""What strangers run beside the public log: a witness cosigns it, a monitor checks it, a mirror keeps a copy.

None of it needs a key of ours, a database or trust in who serves the log: addresses and public keys are all.
"""
