"""One round as reporting knows it: its state, the events that change it, and what is counted from it."""
