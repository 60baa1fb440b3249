"""The metrics that every process shows at `/metrics`."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

EVENTS_PUBLISHED = Counter("panda_events_published_total", "Events acknowledged by Kafka")
RECORDS_CONSUMED = Counter("panda_records_consumed_total", "Records consumed from Kafka", ["topic"])
RECORDS_DISTRUSTED = Counter("panda_records_distrusted_total", "Records not believed, by cause", ["topic", "cause"])
DEAD_LETTERS = Counter("panda_dead_letters_total", "Dead letters sent, by cause", ["cause"])
PARTITIONS_STOPPED = Gauge("panda_partitions_stopped", "Partitions that stand still here, by group", ["group"])
OUTBOX_AGE_S = Gauge("panda_outbox_age_seconds", "Age of the oldest event that waits to be published")
LAG_RECORDS = Gauge("panda_lag_records", "Records not done yet", ["group", "topic", "partition"])
LAG_SECONDS = Gauge("panda_lag_seconds", "Age of the first record not done yet", ["group", "topic", "partition"])
PARTITIONS_STALLED = Gauge("panda_partitions_stalled", "Partitions whose input waits while nothing is done")
LOOP_RUNS = Counter("panda_loop_runs_total", "Runs of a background loop that ended well", ["loop"])
LOOP_FAILURES = Counter("panda_loop_failures_total", "Runs of a background loop that failed", ["loop"])
LOG_SIZE = Gauge("panda_log_size", "Entries of the public log, as this process knows it")
LOG_BLOCKED = Gauge("panda_log_blocked", "Partitions whose next event waits for its causes to stand in the public log")
LOG_STOPPED = Gauge("panda_log_stopped", "1 where the public log contradicts itself or what is kept")
LOG_BLOCKED_SECONDS = Gauge("panda_log_blocked_seconds", "Age of the oldest event that waits so")
WITNESS_POSTS = Counter("panda_witness_posts_total", "Checkpoints posted, by what became of it", ["witness", "outcome"])
LOG_COSIGNED = Gauge("panda_log_cosigned", "Witnesses that cosigned the public log's checkpoint when last asked here")
HTTP_SECONDS = Histogram("panda_http_seconds", "Requests by method, route and status", ["method", "route", "status"])
