"""What people must know of lines ⇄ MongoDB: one document a line, changed like any other."""

from __future__ import annotations

from pandapack.contracts.donations import line_source
from pandapack.runtime.store import Kind
from services.donations.domain.lines import LineBook

LINES: Kind[LineBook] = Kind("lines", LineBook, lambda id: LineBook(line=int(id)), lambda id: line_source(int(id)))
