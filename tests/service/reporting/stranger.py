"""A stranger's program, which knows an address and DuckDB, and nothing of Panda Pack: `stranger.py ADDRESS FOLDER`.

It runs by itself, in a Python that has the standard library and DuckDB alone, and prints what it counted.
"""

import json
import sys
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import duckdb

address, folder = sys.argv[1], Path(sys.argv[2])
browser = build_opener(ProxyHandler({}))


def read(path: str) -> bytes:
    with browser.open(f"{address}{path}") as answer:
        content: bytes = answer.read()
    return content


size = int(read("/log/checkpoint").split(b"\n")[1])
for first in range(0, size, 4096):
    path = f"/log/entries.ndjson?from={first}&to={min(first + 4096, size)}"
    (folder / f"{first:09d}.ndjson").write_bytes(read(path))
connection = duckdb.connect()
connection.execute(
    "CREATE TABLE entries AS SELECT row_number() OVER () - 1 AS index, json AS entry "
    f"FROM read_ndjson_objects('{folder}/*.ndjson', maximum_object_size = 70000) LIMIT {size}"
)
connection.execute(read("/log/recount.sql").decode())
counted = {}
for table in (
    *("totals", "programme", "day", "country", "item", "content", "category", "year", "round", "laws"),
    *("specification", "indicator", "complaint"),
):
    found = connection.table(table)
    counted[table] = [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]
modules = sorted({name.partition(".")[0] for name in sys.modules} & {"pandapack", "services", "tests"})
print(json.dumps({"size": size, "modules": modules, **counted}))
