"""The metrics that every process shows at `/metrics`: docs/operations/metrics.md says what each is for.

Base units, counters end in `_total`, and labels have a bounded number of values. Counters grow where something happens,
a batch or a request at a time; gauges are set by clocks, so that nobody who asks changes what others see.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

disable_created_metrics()  # type: ignore[no-untyped-call]

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
LONG_SECONDS = (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1_800.0)
RECORDS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024)

EVENTS_PUBLISHED = Counter("panda_events_published_total", "Events acknowledged by Kafka")
RECORDS_CONSUMED = Counter("panda_records_consumed_total", "Records consumed from Kafka", ["topic"])
RECORDS_DISTRUSTED = Counter("panda_records_distrusted_total", "Records not believed, by cause", ["topic", "cause"])
BATCH_RECORDS = Histogram("panda_batch_records", "Records of a partition handled at once", ["topic"], buckets=RECORDS)
DEAD_LETTERS = Counter("panda_dead_letters_total", "Dead letters sent, by cause", ["cause"])
PARTITIONS_STOPPED = Gauge("panda_partitions_stopped", "Partitions that stand still here, by group", ["group"])
OUTBOX_AGE_S = Gauge("panda_outbox_age_seconds", "Age of the oldest event that waits to be published")
OUTBOX_EVENTS = Gauge("panda_outbox_events", "Events that wait in documents to be published")
LAG_RECORDS = Gauge("panda_lag_records", "Records not done yet", ["group", "topic", "partition"])
LAG_SECONDS = Gauge("panda_lag_seconds", "Age of the first record not done yet", ["group", "topic", "partition"])
OLDEST_RECORD = Gauge("panda_oldest_record_age_seconds", "Age of the oldest record not done yet", ["group"])
PARTITIONS_STALLED = Gauge("panda_partitions_stalled", "Partitions whose input waits while nothing is done")

DONATIONS = Counter("panda_donations_total", "Lines of gifts and reversals, by what became of them", ["outcome"])
FEN_ACCEPTED = Counter("panda_fen_accepted_total", "Fen of the gifts that the door accepted")
LINES_REFUSED = Counter("panda_lines_refused_total", "Lines that the door refused, by code", ["code"])
PAGE_WRITE = Histogram("panda_page_write_seconds", "Writes of a page of the ledger", buckets=SECONDS)
REPORTS_PARKED = Counter("panda_reports_parked_total", "Reports that came before their turn, and wait for it")
PARKED_REPORTS = Gauge("panda_parked_reports", "Reports of carriers and schools that wait for their turn now")
PARKED_REVERSALS = Gauge("panda_parked_reversals", "Reversals that wait for their gift now")
REFUSALS = Counter("panda_refusals_total", "Answers that were a no, by code", ["code"])

BUSINESS_LAG = Histogram(
    "panda_business_lag_seconds",
    "From a push at the door to its gifts in the public figures, of one push a second",
    buckets=LONG_SECONDS,
)
BEHIND = Gauge("panda_behind_seconds", "How old the public figures are, along a gift's whole way")
LAW_DIFFERENCE = Gauge("panda_law_difference", "By how much a law does not hold, in the law's unit", ["law"])

LOOP_RUNS = Counter("panda_loop_runs_total", "Runs of a background loop that ended well", ["loop"])
LOOP_FAILURES = Counter("panda_loop_failures_total", "Runs of a background loop that failed", ["loop"])
EVENT_LOOP_DELAY = Histogram(
    "panda_event_loop_delay_seconds", "How much later than asked the event loop comes back", buckets=SECONDS
)
LOG_SIZE = Gauge("panda_log_size", "Entries of the public log, as this process knows it")
LOG_BLOCKED = Gauge("panda_log_blocked", "Partitions whose next event waits for its causes to stand in the public log")
LOG_STOPPED = Gauge("panda_log_stopped", "1 where the public log contradicts itself or what is kept")
LOG_BLOCKED_SECONDS = Gauge("panda_log_blocked_seconds", "Age of the oldest event that waits so")
WITNESS_POSTS = Counter("panda_witness_posts_total", "Checkpoints posted, by what became of it", ["witness", "outcome"])
LOG_COSIGNED = Gauge("panda_log_cosigned", "Witnesses that cosigned the public log's checkpoint when last asked here")
HTTP_SECONDS = Histogram("panda_http_seconds", "Requests by method, route and status", ["method", "route", "status"])
KAFKA_ANSWERS = Gauge("panda_kafka_answers", "1 where Kafka answers this process, 0 where it does not")
STORE_ANSWERS = Gauge("panda_store_answers", "1 where the store answers this process, 0 where it does not")
LAW_BROKEN = Gauge("panda_law_broken", "1 where a conservation law does not hold", ["law"])
WAITING_FOR_PERSON = Gauge("panda_waiting_for_person", "What waits for a person to act, by kind", ["kind"])
ALERTS_FIRING = Gauge("panda_alerts_firing", "1 where reporting's own alert fires", ["alert"])
