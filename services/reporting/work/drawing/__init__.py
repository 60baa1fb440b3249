"""Drawing, in one process of its own: what takes a tenth of a second of CPU and 150 MB is on nobody's way.

orders.py    what is asked of the process, and what it answers
worker.py    the process: reads orders, draws, writes answers, one at a time
drawer.py    our end of it: starts it, waits so long at most, starts it anew when it is dead
"""
