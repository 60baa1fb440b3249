-- Every public figure of Panda Pack, recounted from the first N entries of its public log. For DuckDB 1.4 and newer.
--
-- Nothing else is needed: no key, no database and no program of ours. Make a table `entries` (index from 0, entry: its
-- JSON text), then run this file. From files of entries, one a line (a mirror's `log/entries/*.ndjson`):
--
--     CREATE TABLE entries AS
--     SELECT row_number() OVER () - 1 AS index, json AS entry
--     FROM read_ndjson_objects('log/entries/*.ndjson', maximum_object_size = 70000) LIMIT N;
--
-- or from the address itself, 4,096 entries an answer (DuckDB's extension `httpfs` reads addresses):
--
--     CREATE TABLE entries AS
--     SELECT row_number() OVER () - 1 AS index, json AS entry
--     FROM read_ndjson_objects([
--         format('ADDRESS/log/entries.ndjson?from={}&to={}', first, least(first + 4096, N))
--         FOR first IN range(0, N, 4096)
--     ], maximum_object_size = 70000);
--
-- then: .read recount.sql  (or, in Python, connection.execute(open("recount.sql").read())).
--
-- What comes out has the names and the columns of `/v1/totals?as_of=N` and `/v1/totals/{by}?as_of=N`; what is nested
-- there (`parcels.packed`) is one column here (`parcels_packed`). Money is integer fen, a day is a day in Asia/Shanghai.
--
--     totals        one row
--     programme     a row a programme
--     day           a row a day on which anything was given, taken back or banked (banked: by the day of the gift)
--     country       a row a country of destination
--     item          a row a programme and item, in base units
--     content       a row a programme, specification and item: what is in one parcel, as last published
--     category      a row a category on which money was spent
--     year          a row a year: given, taken back, spent, and the two ratios of the Charity Law
--     specification a row a specification of which a round is closed: what a parcel cost in full
--     indicator     a row an indicator of surveys and country (NULL: in all), with Wilson's interval
--     complaint     a row a kind of complaint (NULL: of all)
--     round         a row a round
--     law_terms     each term of the three laws; laws: their two sides and the difference

-- One reading of each entry into typed columns. A field that an entry does not have is NULL; lists of two kinds of
-- entries that share a name (`lines`, `intervals`, `days`) have the fields of both.
CREATE OR REPLACE TABLE entry_fields AS
SELECT index, unnest(from_json(entry, '{
    "type": "VARCHAR", "at": "VARCHAR", "on": "VARCHAR", "source": "VARCHAR", "sequence": "BIGINT", "part": "BIGINT", "parts": "BIGINT",
    "programme": "VARCHAR", "country": "VARCHAR", "round": "VARCHAR", "order": "VARCHAR", "category": "VARCHAR",
    "shard": "BIGINT", "duplicates": "BIGINT", "conflicts": "BIGINT", "refused": "BIGINT",
    "days": [{"programme": "VARCHAR", "day": "VARCHAR", "count": "BIGINT", "fen": "BIGINT"}],
    "intervals": [{"programme": "VARCHAR", "fen_to": "BIGINT"}],
    "programmes": [{"programme": "VARCHAR", "count": "BIGINT", "fen": "BIGINT"}],
    "credited_fen": "BIGINT", "applied_fen": "MAP(VARCHAR, BIGINT)", "reversed_fen": "BIGINT",
    "ordinal": "BIGINT", "specification": "VARCHAR", "parcels": "BIGINT",
    "reserved_fen": "BIGINT", "released_fen": "BIGINT", "fen": "BIGINT", "uncommitted_fen": "BIGINT",
    "lines": [{
        "item": "VARCHAR", "quantity": "BIGINT", "counted": "BIGINT", "accepted": "BIGINT", "rejected": "BIGINT",
        "over_delivered": "BIGINT", "unit_price_fen": "BIGINT"
    }],
    "items": [{"id": "VARCHAR", "category": "VARCHAR", "unit": "VARCHAR", "hs_code": "VARCHAR", "name": {"zh": "VARCHAR", "en": "VARCHAR"}}],
    "specifications": [{
        "id": "VARCHAR", "version": "BIGINT", "effective_from": "VARCHAR", "value_fen": "BIGINT",
        "lines": [{"item": "VARCHAR", "quantity": "BIGINT"}]
    }],
    "frame_schools": "BIGINT", "sample_schools": "BIGINT", "complaints_resolved": "BIGINT",
    "samples": [{
        "country": "VARCHAR", "frame_pupils": "BIGINT", "sample_pupils": "BIGINT", "interviewed": "BIGINT"
    }],
    "indicators": [{
        "indicator": "VARCHAR", "country": "VARCHAR", "numerator": "BIGINT", "denominator": "BIGINT"
    }],
    "complaints": [{"kind": "VARCHAR", "received": "BIGINT", "resolved": "BIGINT"}],
    "reordered": "MAP(VARCHAR, BIGINT)", "cancelled": "MAP(VARCHAR, BIGINT)", "consumed": "MAP(VARCHAR, BIGINT)",
    "count": "BIGINT", "was": "VARCHAR", "now": "VARCHAR", "accepted": "BIGINT", "rejected": "BIGINT",
    "pupils_reached": "BIGINT", "pupils_over_reported": "BIGINT"
}'))
FROM entries;

-- What was too long for one entry stands in several: lists go on from one to the next, all else stands in the first. It
-- counts once its last part is there.
CREATE OR REPLACE TABLE facts_in_parts AS
SELECT one.* REPLACE (
    first.programme AS programme, first."order" AS "order", first.category AS category, first.shard AS shard
)
FROM entry_fields AS one
JOIN entry_fields AS first USING (type, source, sequence)
SEMI JOIN (SELECT type, source, sequence FROM entry_fields WHERE part = parts) USING (type, source, sequence)
WHERE one.part IS NOT NULL AND first.part = 1;

CREATE OR REPLACE VIEW facts AS
SELECT * FROM entry_fields WHERE part IS NULL UNION ALL SELECT * FROM facts_in_parts;

-- Donations.

CREATE OR REPLACE TABLE donation_days AS
SELECT cell.programme, cell.day,
    coalesce(sum(cell.count) FILTER (type = 'donations.DonationsRecorded'), 0)::BIGINT AS count,
    coalesce(sum(cell.fen) FILTER (type = 'donations.DonationsRecorded'), 0)::BIGINT AS fen,
    coalesce(sum(cell.count) FILTER (type = 'donations.DonationsReversed'), 0)::BIGINT AS reversed_count,
    coalesce(sum(cell.fen) FILTER (type = 'donations.DonationsReversed'), 0)::BIGINT AS reversed_fen,
    coalesce(sum(cell.count) FILTER (type = 'donations.DonationsBanked'), 0)::BIGINT AS banked_count,
    coalesce(sum(cell.fen) FILTER (type = 'donations.DonationsBanked'), 0)::BIGINT AS banked_fen
FROM (SELECT type, unnest(days) AS cell FROM facts WHERE type IN (
    'donations.DonationsRecorded', 'donations.DonationsReversed', 'donations.DonationsBanked'
)) GROUP BY ALL;

-- The end of each shard's fen line, and how far each fund has applied it: the last word counts.
CREATE OR REPLACE TABLE fen_lines AS
SELECT programme, shard, max(recorded_fen)::BIGINT AS recorded_fen, max(applied_fen)::BIGINT AS applied_fen
FROM (
    SELECT line.programme, shard::VARCHAR AS shard, arg_max(line.fen_to, index) AS recorded_fen, NULL AS applied_fen
    FROM (SELECT index, shard, unnest(intervals) AS line FROM facts WHERE type = 'donations.DonationsRecorded')
    GROUP BY ALL
    UNION ALL
    SELECT programme, applied.key, NULL, arg_max(applied.value, index)
    FROM (
        SELECT index, programme, unnest(map_entries(applied_fen)) AS applied
        FROM facts WHERE type = 'procurement.FundCredited'
    ) GROUP BY ALL
) GROUP BY ALL;

CREATE OR REPLACE TABLE sealed_pages AS
SELECT cell.programme, sum(cell.count)::BIGINT AS count, sum(cell.fen)::BIGINT AS fen
FROM (SELECT unnest(programmes) AS cell FROM facts WHERE type = 'donations.PageSealed') GROUP BY ALL;

-- Money and parcels, by programme and country; what belongs to no country has none.

CREATE OR REPLACE TABLE money_sums AS
SELECT programme, country,
    coalesce(sum(credited_fen) FILTER (type = 'procurement.FundCredited'), 0)::BIGINT AS credited_fen,
    coalesce(sum(reversed_fen) FILTER (type = 'procurement.FundReversed'), 0)::BIGINT AS reversed_fen,
    coalesce(sum(reserved_fen) FILTER (type = 'procurement.RoundFunded'), 0)::BIGINT AS funded_fen,
    coalesce(sum(fen) FILTER (type = 'procurement.FundsCommitted'), 0)::BIGINT AS committed_fen,
    coalesce(sum(uncommitted_fen) FILTER (type = 'procurement.FundsSpent'), 0)::BIGINT AS uncommitted_fen,
    coalesce(sum(fen) FILTER (type = 'procurement.FundsSpent'), 0)::BIGINT AS spent_fen,
    coalesce(sum(released_fen) FILTER (type = 'procurement.RoundClosed'), 0)::BIGINT AS released_fen,
    count(*) FILTER (type = 'procurement.RoundFunded') AS rounds,
    count(*) FILTER (type = 'procurement.OrderPlaced') AS orders
FROM facts
WHERE coalesce(part, 1) = 1 AND type IN (
    'procurement.FundCredited', 'procurement.FundReversed', 'procurement.RoundFunded', 'procurement.FundsCommitted',
    'procurement.FundsSpent', 'procurement.RoundClosed', 'procurement.OrderPlaced'
) GROUP BY ALL;

-- What was spent, by category; the year is that of the day in Asia/Shanghai on which it was paid.
CREATE OR REPLACE TABLE spending AS
SELECT programme, country, left("on", 4)::BIGINT AS year, sum(fen)::BIGINT AS spent_fen,
    coalesce(sum(fen) FILTER (category = 'goods'), 0)::BIGINT AS goods_fen,
    coalesce(sum(fen) FILTER (category = 'freight'), 0)::BIGINT AS freight_fen,
    coalesce(sum(fen) FILTER (category = 'insurance'), 0)::BIGINT AS insurance_fen,
    coalesce(sum(fen) FILTER (category = 'duty'), 0)::BIGINT AS duty_fen,
    coalesce(sum(fen) FILTER (category = 'monitoring'), 0)::BIGINT AS monitoring_fen,
    coalesce(sum(fen) FILTER (category = 'administration'), 0)::BIGINT AS administration_fen
FROM facts WHERE coalesce(part, 1) = 1 AND type = 'procurement.FundsSpent' GROUP BY programme, country, year;

-- A parcel moves from one state to another: what is left of the arrow loses, what is right of it gains.
CREATE OR REPLACE TABLE parcel_moves AS
SELECT round, programme, country, unnest(CASE type
    WHEN 'procurement.ParcelsPacked' THEN [{state: 'packed', n: count}, {state: 'warehouse', n: count}]
    WHEN 'logistics.ParcelsDispatched' THEN [{state: 'warehouse', n: -count}, {state: 'in_transit', n: count}]
    WHEN 'logistics.ParcelsWrittenOff' THEN [{state: was, n: -count}, {state: now, n: count}]
    WHEN 'logistics.ParcelsDelivered' THEN [
        {state: 'in_transit', n: -accepted - rejected}, {state: 'accepted', n: accepted}, {state: 'rejected', n: rejected}
    ]
    WHEN 'logistics.ParcelsHandedOut' THEN [
        {state: 'pupils', n: pupils_reached}, {state: 'over_reported', n: pupils_over_reported}
    ]
    WHEN 'logistics.ParcelsStored' THEN [{state: 'stored', n: count}]
END, recursive := true)
FROM facts WHERE coalesce(part, 1) = 1;

CREATE OR REPLACE TABLE parcel_sums AS
SELECT programme, country, round,
    coalesce(sum(n) FILTER (state = 'packed'), 0)::BIGINT AS packed,
    coalesce(sum(n) FILTER (state = 'warehouse'), 0)::BIGINT AS warehouse,
    coalesce(sum(n) FILTER (state = 'in_transit'), 0)::BIGINT AS in_transit,
    coalesce(sum(n) FILTER (state = 'accepted'), 0)::BIGINT AS accepted,
    coalesce(sum(n) FILTER (state = 'rejected'), 0)::BIGINT AS rejected,
    coalesce(sum(n) FILTER (state = 'damaged'), 0)::BIGINT AS damaged,
    coalesce(sum(n) FILTER (state = 'lost'), 0)::BIGINT AS lost,
    coalesce(sum(n) FILTER (state = 'returned'), 0)::BIGINT AS returned,
    coalesce(sum(n) FILTER (state = 'pupils'), 0)::BIGINT AS pupils_reached,
    coalesce(sum(n) FILTER (state = 'over_reported'), 0)::BIGINT AS pupils_over_reported
FROM parcel_moves GROUP BY ALL;

-- Goods, order by order.

CREATE OR REPLACE TABLE order_goods AS
SELECT "order", programme, item,
    coalesce(sum(n) FILTER (term = 'ordered'), 0)::BIGINT AS ordered,
    coalesce(sum(n) FILTER (term = 'over_delivered'), 0)::BIGINT AS over_delivered,
    coalesce(sum(n) FILTER (term = 'received'), 0)::BIGINT AS received,
    coalesce(sum(n) FILTER (term = 'accepted'), 0)::BIGINT AS accepted,
    coalesce(sum(n) FILTER (term = 'rejected'), 0)::BIGINT AS rejected,
    coalesce(sum(n) FILTER (term = 'cancelled'), 0)::BIGINT AS cancelled,
    coalesce(sum(n) FILTER (term = 'kitted'), 0)::BIGINT AS kitted
FROM (
    SELECT "order", programme, line.item AS item, 'ordered' AS term, line.quantity AS n
    FROM (
        SELECT "order", programme, unnest(lines) AS line
        FROM facts WHERE type = 'procurement.OrderPlaced' AND category = 'goods'
    )
    UNION ALL
    SELECT "order", programme, line.item, unnest(['received', 'accepted', 'rejected', 'over_delivered']),
        unnest([line.counted, line.accepted, line.rejected, line.over_delivered])
    FROM (SELECT "order", programme, unnest(lines) AS line FROM facts WHERE type = 'procurement.GoodsReceived')
    UNION ALL
    SELECT "order", programme, pair.key, term, pair.value
    FROM (
        SELECT "order", programme, 'ordered' AS term, unnest(map_entries(reordered)) AS pair
        FROM facts WHERE type = 'procurement.GoodsReceived'
        UNION ALL
        SELECT "order", programme, 'cancelled', unnest(map_entries(cancelled))
        FROM facts WHERE type = 'procurement.OrderClosed'
        UNION ALL
        SELECT NULL, programme, 'kitted', unnest(map_entries(consumed))
        FROM facts WHERE type = 'procurement.ParcelsPacked'
    )
) GROUP BY ALL;

-- What was paid for each item: a paid order's fen, shared out over its lines (as confirmed, else as placed) by their
-- amounts. Each share is cut off at the fen that the lines up to it are worth together.

CREATE OR REPLACE TABLE item_payments AS
SELECT programme, item, sum(units)::BIGINT AS paid, sum(paid_until - paid_before)::BIGINT AS paid_fen
FROM (
    SELECT spent.programme, item, units, spent.fen::HUGEINT * until // whole AS paid_until,
        spent.fen::HUGEINT * (until - line_fen) // whole AS paid_before
    FROM (
        SELECT "order", item, units, line_fen, sum(line_fen) OVER (PARTITION BY "order" ORDER BY index, n) AS until,
            sum(line_fen) OVER (PARTITION BY "order") AS whole
        FROM (
            SELECT "order", index, n, line.item AS item, line.quantity AS units,
                line.quantity * line.unit_price_fen AS line_fen,
                rank() OVER (PARTITION BY "order" ORDER BY type) AS word
            FROM (
                SELECT "order", type, index, unnest(lines) AS line, generate_subscripts(lines, 1) AS n
                FROM facts WHERE type IN ('procurement.OrderConfirmed', 'procurement.OrderPlaced')
            )
        ) WHERE word = 1
    )
    JOIN (
        SELECT "order", programme, fen
        FROM facts WHERE type = 'procurement.FundsSpent' AND category = 'goods' AND coalesce(part, 1) = 1
    ) AS spent USING ("order")
    WHERE whole > 0
) GROUP BY ALL;

-- What is in a parcel: each specification, and each item, as the last publication that names it has it.

CREATE OR REPLACE TABLE published_items AS
SELECT programme, one.id AS item, arg_max(one, index) AS form
FROM (SELECT programme, index, unnest(items) AS one FROM facts WHERE type = 'procurement.ProgrammePublished')
GROUP BY ALL;

CREATE OR REPLACE TABLE published_specifications AS
SELECT programme, one.id AS specification, arg_max(one, index) AS form
FROM (SELECT programme, index, unnest(specifications) AS one FROM facts WHERE type = 'procurement.ProgrammePublished')
GROUP BY ALL;

-- Surveys. What few pupils said has no figure: a country then stands among others, whose row has no country.

CREATE OR REPLACE TABLE survey_facts AS SELECT * FROM facts WHERE type = 'logistics.SurveyReported';

CREATE OR REPLACE TABLE survey_samples AS
SELECT source, sequence, programme, unnest(samples, recursive := true) FROM (
    SELECT source, sequence, programme, samples FROM survey_facts
);

CREATE OR REPLACE TABLE survey_answers AS
SELECT source, sequence, unnest(indicators, recursive := true) FROM (
    SELECT source, sequence, indicators FROM survey_facts
);

CREATE OR REPLACE TABLE survey_complaints AS
SELECT source, sequence, unnest(complaints, recursive := true) FROM (
    SELECT source, sequence, complaints FROM survey_facts
);

-- Rounds. An order's money is committed until it is paid; then it is spent, and the rest is the round's again.

CREATE OR REPLACE TABLE round_orders AS
SELECT round, "order",
    coalesce(arg_max(fen, index) FILTER (type = 'procurement.FundsCommitted'), 0) AS committed_fen,
    coalesce(arg_max(fen, index) FILTER (type = 'procurement.FundsSpent'), 0) AS spent_fen,
    bool_or(type = 'procurement.FundsSpent') AS is_paid
FROM facts WHERE coalesce(part, 1) = 1 AND type IN ('procurement.FundsCommitted', 'procurement.FundsSpent')
GROUP BY ALL;

CREATE OR REPLACE TABLE round_facts AS
SELECT round, max(programme) AS programme, max(country) AS country,
    max(ordinal) FILTER (type = 'procurement.RoundFunded') AS ordinal,
    max(specification) FILTER (type = 'procurement.RoundFunded') AS specification,
    max(parcels) FILTER (type = 'procurement.RoundFunded') AS parcels_planned,
    max("at") FILTER (type = 'procurement.RoundFunded') AS funded_at,
    max("at") FILTER (type = 'procurement.RoundClosed') AS closed_at,
    coalesce(max(reserved_fen) FILTER (type = 'procurement.RoundFunded'), 0) AS funded_fen,
    coalesce(max(released_fen) FILTER (type = 'procurement.RoundClosed'), 0) AS released_fen,
    count(DISTINCT "order") FILTER (type = 'procurement.OrderPlaced') AS orders,
    coalesce(sum(count) FILTER (type = 'logistics.ParcelsDispatched'), 0) AS dispatched,
    coalesce(sum(accepted + rejected) FILTER (type = 'logistics.ParcelsDelivered'), 0) AS delivered
FROM facts
WHERE coalesce(part, 1) = 1 AND type IN (
    'procurement.RoundFunded', 'procurement.RoundOpened', 'procurement.FundsCommitted', 'procurement.FundsSpent',
    'procurement.ParcelsPacked', 'procurement.RoundClosed', 'procurement.OrderPlaced', 'procurement.GoodsReceived',
    'procurement.OrderConfirmed', 'procurement.OrderPaid', 'procurement.OrderClosed', 'logistics.ConsignmentOpened',
    'logistics.ParcelsStored',
    'logistics.ParcelsDispatched', 'logistics.ParcelsWrittenOff', 'logistics.ParcelsDelivered',
    'logistics.ParcelsHandedOut', 'logistics.ConsignmentClosed'
) GROUP BY ALL;

-- The tables that are shown.

CREATE OR REPLACE TABLE round AS
SELECT round, ordinal, coalesce(programme, '') AS programme, coalesce(country, '') AS country, specification,
    CASE
        WHEN closed_at IS NOT NULL THEN 'closed'
        WHEN delivered > 0 THEN 'handing_over'
        WHEN dispatched > 0 THEN 'on_the_way'
        WHEN packed > 0 THEN 'packing'
        WHEN orders > 0 THEN 'ordered'
        ELSE 'funded'
    END AS status,
    parcels_planned, funded_fen,
    funded_fen - released_fen - coalesce(money.committed_fen, 0) - coalesce(money.spent_fen, 0) AS reserved_fen,
    coalesce(money.committed_fen, 0) AS committed_fen, coalesce(money.spent_fen, 0) AS spent_fen, released_fen, orders,
    coalesce(packed, 0) AS parcels_packed, coalesce(warehouse, 0) AS parcels_warehouse,
    coalesce(in_transit, 0) AS parcels_in_transit, coalesce(accepted, 0) AS parcels_accepted,
    coalesce(rejected, 0) AS parcels_rejected, coalesce(damaged, 0) AS parcels_damaged,
    coalesce(lost, 0) AS parcels_lost, coalesce(returned, 0) AS parcels_returned,
    coalesce(pupils_reached, 0) AS pupils_reached, coalesce(pupils_over_reported, 0) AS pupils_over_reported,
    funded_at, closed_at
FROM round_facts
LEFT JOIN (
    SELECT round, coalesce(sum(committed_fen) FILTER (NOT is_paid), 0)::BIGINT AS committed_fen,
        sum(spent_fen)::BIGINT AS spent_fen
    FROM round_orders GROUP BY ALL
) AS money USING (round)
LEFT JOIN (SELECT round, sum(COLUMNS(* EXCLUDE (programme, country, round)))::BIGINT FROM parcel_sums GROUP BY round)
    AS parcels USING (round)
ORDER BY round;

CREATE OR REPLACE TABLE programme_sums AS
SELECT programme, coalesce(sum(COLUMNS(* EXCLUDE (programme))), 0)::BIGINT
FROM (
    SELECT programme, count AS donations, fen AS received_fen, reversed_fen AS taken_back_fen, banked_fen
    FROM donation_days
    UNION ALL BY NAME
    SELECT programme, count AS sealed_donations, fen AS sealed_fen FROM sealed_pages
    UNION ALL BY NAME
    SELECT programme, accepted - kitted AS stock_units FROM order_goods
    UNION ALL BY NAME
    SELECT programme, 1 AS surveys, frame_schools AS survey_frame_schools, sample_schools AS survey_sample_schools
    FROM survey_facts WHERE coalesce(part, 1) = 1
    UNION ALL BY NAME
    SELECT programme, frame_pupils AS survey_frame_pupils, sample_pupils AS survey_sample_pupils,
        interviewed AS survey_interviewed
    FROM survey_samples WHERE interviewed IS NOT NULL
    UNION ALL BY NAME
    SELECT * EXCLUDE (country) FROM money_sums
    UNION ALL BY NAME
    SELECT * EXCLUDE (country, round) FROM parcel_sums
    UNION ALL BY NAME
    (SELECT programme FROM fen_lines UNION SELECT programme FROM order_goods UNION SELECT programme FROM round)
) GROUP BY programme;

CREATE OR REPLACE MACRO figures_of(sums) AS TABLE
SELECT programme, donations, received_fen, taken_back_fen AS reversed_fen, banked_fen,
    sealed_donations, sealed_fen,
    received_fen - credited_fen - (taken_back_fen - reversed_fen) AS in_flight_fen,
    credited_fen - reversed_fen - funded_fen + released_fen AS unallocated_fen,
    funded_fen - released_fen AS net_funded_fen,
    funded_fen - committed_fen + uncommitted_fen - released_fen AS reserved_fen,
    committed_fen - uncommitted_fen - spent_fen AS committed_fen, spent_fen, rounds, orders,
    packed AS parcels_packed, warehouse AS parcels_warehouse, in_transit AS parcels_in_transit,
    accepted AS parcels_accepted, rejected AS parcels_rejected, damaged AS parcels_damaged, lost AS parcels_lost,
    returned AS parcels_returned, pupils_reached, pupils_over_reported, stock_units, surveys,
    survey_frame_schools, survey_sample_schools, survey_frame_pupils, survey_sample_pupils, survey_interviewed
FROM query_table(sums);

CREATE OR REPLACE TABLE programme AS
SELECT figures.*, coalesce(reached.countries, 0) AS countries
FROM figures_of('programme_sums') AS figures
LEFT JOIN (
    SELECT programme, count(*) AS countries
    FROM (SELECT programme, country FROM parcel_sums GROUP BY ALL HAVING sum(accepted) > 0) GROUP BY ALL
) AS reached USING (programme)
ORDER BY programme;

CREATE OR REPLACE TABLE totals AS
SELECT donations, found.*, figures.* EXCLUDE (donations),
    (SELECT count(*) FROM (SELECT country FROM parcel_sums GROUP BY ALL HAVING sum(accepted) > 0)) AS countries
FROM (SELECT coalesce(sum(COLUMNS(* EXCLUDE (programme))), 0)::BIGINT FROM figures_of('programme_sums')) AS figures
CROSS JOIN (
    SELECT coalesce(sum(duplicates), 0)::BIGINT AS duplicates, coalesce(sum(conflicts), 0)::BIGINT AS conflicts,
        coalesce(sum(refused), 0)::BIGINT AS refused
    FROM facts WHERE type = 'donations.DonationsRecorded'
) AS found;

CREATE OR REPLACE TABLE day AS
SELECT day, sum(COLUMNS(* EXCLUDE (programme, day)))::BIGINT
FROM donation_days GROUP BY day ORDER BY day;

CREATE OR REPLACE TABLE country AS
SELECT country, sums.rounds, sums.funded_fen, sums.funded_fen - sums.released_fen AS net_funded_fen,
    sums.funded_fen - sums.committed_fen + sums.uncommitted_fen - sums.released_fen AS reserved_fen,
    sums.committed_fen - sums.uncommitted_fen - sums.spent_fen AS committed_fen, sums.spent_fen,
    goods_fen, freight_fen, insurance_fen, duty_fen, monitoring_fen, administration_fen, sums.released_fen,
    packed AS parcels_packed, warehouse AS parcels_warehouse, in_transit AS parcels_in_transit,
    accepted AS parcels_accepted, rejected AS parcels_rejected, damaged AS parcels_damaged, lost AS parcels_lost,
    returned AS parcels_returned, pupils_reached, pupils_over_reported
FROM (
    SELECT country, coalesce(sum(COLUMNS(* EXCLUDE (country))), 0)::BIGINT
    FROM (
        SELECT * EXCLUDE (programme) FROM money_sums WHERE country IS NOT NULL
        UNION ALL BY NAME
        SELECT * EXCLUDE (programme, year, spent_fen) FROM spending
        UNION ALL BY NAME
        SELECT * EXCLUDE (programme, round) FROM parcel_sums WHERE country IS NOT NULL
        UNION ALL BY NAME
        SELECT country FROM round
    ) GROUP BY country
) AS sums ORDER BY country;

-- The nearest whole number; a half goes up.
CREATE OR REPLACE MACRO nearest(part, whole) AS (2 * part + whole) // (2 * whole);

-- Stock is told at the mean price at which the item was paid.
CREATE OR REPLACE TABLE item AS
SELECT programme, item, ordered, over_delivered, received, accepted, rejected, cancelled, kitted,
    coalesce(paid, 0) AS paid, coalesce(paid_fen, 0) AS paid_fen,
    ordered + over_delivered - received - cancelled AS outstanding, accepted - kitted AS in_stock,
    CASE WHEN paid > 0 THEN nearest(greatest(accepted - kitted, 0)::HUGEINT * paid_fen, paid) END::BIGINT
        AS in_stock_fen
FROM (
    SELECT programme, item, sum(COLUMNS(* EXCLUDE (programme, item, "order")))::BIGINT FROM order_goods GROUP BY ALL
) LEFT JOIN item_payments USING (programme, item) ORDER BY programme, item;

CREATE OR REPLACE TABLE content AS
SELECT one.programme AS programme, specification, version, effective_from, position, line.item AS item,
    coalesce(form.category, '') AS category, coalesce(form.unit, '') AS unit, coalesce(form.hs_code, '') AS hs_code,
    form.name.zh AS name_zh, form.name.en AS name_en, line.quantity AS quantity
FROM (
    SELECT programme, specification, form.version AS version, form.effective_from AS effective_from,
        unnest(form.lines) AS line, generate_subscripts(form.lines, 1) AS position
    FROM published_specifications
) AS one LEFT JOIN published_items AS known ON known.programme = one.programme AND known.item = one.line.item
ORDER BY one.programme, specification, position;

-- The nearest; a half goes up.
CREATE OR REPLACE MACRO per_mille(part, whole) AS (2000 * part + whole) // (2 * whole);

CREATE OR REPLACE TABLE category AS
SELECT category, fen AS spent_fen, per_mille(fen, whole) AS per_mille
FROM (
    SELECT spent_fen AS whole, unnest([
        {category: 'goods', fen: goods_fen}, {category: 'freight', fen: freight_fen},
        {category: 'insurance', fen: insurance_fen}, {category: 'duty', fen: duty_fen},
        {category: 'monitoring', fen: monitoring_fen}, {category: 'administration', fen: administration_fen}
    ], recursive := true)
    FROM (SELECT sum(COLUMNS('_fen$'))::BIGINT FROM spending)
) WHERE whole > 0 ORDER BY category;

-- The Charity Law: at least 70 % of the income of the year before is spent on activities, that is on all but
-- administration; at most 10 % of what a year spends on administration. Income is what was given less what was taken
-- back. Each ratio is there where its denominator is.
CREATE OR REPLACE TABLE year_sums AS
SELECT year, coalesce(sum(COLUMNS('_fen$')), 0)::BIGINT
FROM (
    SELECT left(cell.day, 4)::BIGINT AS year,
        CASE type WHEN 'donations.DonationsRecorded' THEN cell.fen END AS received_fen,
        CASE type WHEN 'donations.DonationsReversed' THEN cell.fen END AS reversed_fen
    FROM (
        SELECT type, unnest(days) AS cell
        FROM facts WHERE type IN ('donations.DonationsRecorded', 'donations.DonationsReversed')
    )
    UNION ALL BY NAME
    SELECT * EXCLUDE (programme, country) FROM spending
) GROUP BY year;

CREATE OR REPLACE TABLE year AS
SELECT own.year, own.received_fen, own.reversed_fen, own.spent_fen, own.goods_fen, own.freight_fen, own.insurance_fen,
    own.duty_fen, own.monitoring_fen, own.administration_fen,
    CASE WHEN income_fen > 0 THEN own.spent_fen - own.administration_fen END AS activities_to_income_numerator_fen,
    CASE WHEN income_fen > 0 THEN income_fen END AS activities_to_income_denominator_fen,
    CASE WHEN income_fen > 0 THEN per_mille(own.spent_fen - own.administration_fen, income_fen) END
        AS activities_to_income_per_mille,
    CASE WHEN own.spent_fen > 0 THEN own.administration_fen END AS administration_to_spent_numerator_fen,
    CASE WHEN own.spent_fen > 0 THEN own.spent_fen END AS administration_to_spent_denominator_fen,
    CASE WHEN own.spent_fen > 0 THEN per_mille(own.administration_fen, own.spent_fen) END
        AS administration_to_spent_per_mille
FROM year_sums AS own
LEFT JOIN (SELECT year + 1 AS year, received_fen - reversed_fen AS income_fen FROM year_sums) AS before USING (year)
ORDER BY own.year;

-- Full cost of a parcel: what closed rounds spent on everything, by parcel that a school accepted. The declared value is
-- what customs are told of the goods; no money is counted by it.
CREATE OR REPLACE TABLE specification AS
SELECT closed.*,
    CASE WHEN accepted_parcels > 0 THEN nearest(spent_fen, accepted_parcels) END AS full_cost_a_parcel_fen,
    declared_value_fen
FROM (
    SELECT programme, specification, count(*) AS closed_rounds, sum(parcels_packed)::BIGINT AS packed_parcels,
        sum(parcels_accepted)::BIGINT AS accepted_parcels, sum(spent_fen)::BIGINT AS spent_fen
    FROM round WHERE closed_at IS NOT NULL GROUP BY ALL
) AS closed
LEFT JOIN (
    SELECT programme, specification, form.value_fen AS declared_value_fen FROM published_specifications
) AS published USING (programme, specification)
ORDER BY programme, specification NULLS FIRST;

-- What pupils said. Of all countries a survey tells the sum of what it shows.
CREATE OR REPLACE TABLE answer_sums AS
SELECT indicator, country, sum(numerator)::BIGINT AS numerator, sum(denominator)::BIGINT AS denominator,
    CASE WHEN bool_and(interviewed IS NOT NULL) FILTER (numerator IS NOT NULL)
        THEN sum(interviewed) FILTER (numerator IS NOT NULL) END::BIGINT AS interviewed,
    count(numerator) AS surveys
FROM (
    SELECT indicator, country, numerator, denominator, interviewed
    FROM survey_answers
    LEFT JOIN survey_samples USING (source, sequence, country) WHERE country IS NOT NULL
    UNION ALL BY NAME
    SELECT indicator, sum(numerator) AS numerator, sum(denominator) AS denominator,
        coalesce(max(asked.interviewed), 0) AS interviewed
    FROM survey_answers
    LEFT JOIN (SELECT source, sequence, sum(interviewed) AS interviewed FROM survey_samples GROUP BY ALL) AS asked
        USING (source, sequence)
    GROUP BY source, sequence, indicator
) GROUP BY ALL;

-- Wilson's interval at 95 % (z = 1.96): the shares p with (k - np)^2 <= z^2 np(1 - p), per mille, rounded outwards.
CREATE OR REPLACE TABLE indicator AS
SELECT indicator, country, numerator, denominator, nearest(1000 * numerator, denominator) AS share_per_mille,
    max(share) FILTER (is_beyond AND share < 1000 AND denominator * share <= 1000 * numerator) AS low_per_mille,
    min(share) FILTER (is_beyond AND share > 0 AND denominator * share >= 1000 * numerator) AS high_per_mille,
    interviewed, surveys, surveys = 0 AS suppressed
FROM (
    SELECT *, 100 * (1000 * numerator::HUGEINT - denominator * share) AS distance,
        distance * distance >= 196 * 196 * denominator::HUGEINT * share * (1000 - share) AS is_beyond
    FROM answer_sums CROSS JOIN range(0, 1001) AS shares(share)
) GROUP BY ALL ORDER BY indicator, country NULLS FIRST;

CREATE OR REPLACE TABLE complaint AS
SELECT kind, sum(received)::BIGINT AS complaints_received,
    CASE WHEN bool_and(resolved IS NOT NULL) FILTER (received IS NOT NULL)
        THEN sum(resolved) FILTER (received IS NOT NULL) END::BIGINT AS complaints_resolved,
    count(received) AS surveys, surveys = 0 AS suppressed
FROM (
    SELECT kind, received, resolved FROM survey_complaints WHERE kind IS NOT NULL
    UNION ALL BY NAME
    SELECT sum(received) AS received, max(whole.complaints_resolved) AS resolved
    FROM survey_complaints
    LEFT JOIN (SELECT source, sequence, complaints_resolved FROM survey_facts WHERE coalesce(part, 1) = 1) AS whole
        USING (source, sequence)
    GROUP BY source, sequence
) GROUP BY kind ORDER BY kind NULLS FIRST;

-- The three laws. The two sides of each come from different entries: what was recorded against what funds, rounds and
-- orders say; what was packed against what became of it.

CREATE OR REPLACE TABLE law_terms AS
SELECT * FROM (
    SELECT 'money' AS law, programme AS "of", unnest([
        {side: 'left', term: 'received', amount: received_fen},
        {side: 'left', term: 'reversed', amount: -taken_back_fen},
        {side: 'right', term: 'in_flight', amount: coalesce(coming_fen, 0) - (taken_back_fen - reversed_fen)},
        {side: 'right', term: 'unallocated', amount: credited_fen - reversed_fen - funded_fen + released_fen},
        {side: 'right', term: 'reserved', amount: coalesce(own.reserved_fen, 0)},
        {side: 'right', term: 'committed', amount: coalesce(own.committed_fen, 0)},
        {side: 'right', term: 'spent', amount: coalesce(own.spent_fen, 0)}
    ], recursive := true)
    FROM programme_sums
    LEFT JOIN (
        SELECT programme, sum(coalesce(recorded_fen, 0) - coalesce(applied_fen, 0))::BIGINT AS coming_fen
        FROM fen_lines GROUP BY ALL
    ) USING (programme)
    LEFT JOIN (
        SELECT programme, sum(COLUMNS('^(reserved|committed|spent)_fen$'))::BIGINT FROM round GROUP BY ALL
    ) AS own USING (programme)
    UNION ALL
    SELECT 'items', programme || '/' || item, unnest([
        {side: 'left', term: 'ordered', amount: ordered},
        {side: 'left', term: 'over_delivered', amount: over_delivered},
        {side: 'right', term: 'received', amount: received},
        {side: 'right', term: 'outstanding', amount: outstanding},
        {side: 'right', term: 'cancelled', amount: cancelled}
    ], recursive := true)
    FROM item
    UNION ALL
    SELECT 'parcels', country, unnest([
        {side: 'left', term: 'packed', amount: coalesce(shown.packed, 0)},
        {side: 'right', term: 'warehouse', amount: coalesce(counted.parcels_warehouse, 0)},
        {side: 'right', term: 'in_transit', amount: coalesce(counted.parcels_in_transit, 0)},
        {side: 'right', term: 'accepted', amount: coalesce(counted.parcels_accepted, 0)},
        {side: 'right', term: 'rejected', amount: coalesce(counted.parcels_rejected, 0)},
        {side: 'right', term: 'damaged', amount: coalesce(counted.parcels_damaged, 0)},
        {side: 'right', term: 'lost', amount: coalesce(counted.parcels_lost, 0)},
        {side: 'right', term: 'returned', amount: coalesce(counted.parcels_returned, 0)}
    ], recursive := true)
    FROM (SELECT country, sum(packed)::BIGINT AS packed FROM parcel_sums GROUP BY ALL) AS shown
    FULL JOIN (
        SELECT country, sum(COLUMNS('^parcels_[^p].*'))::BIGINT FROM round GROUP BY country
    ) AS counted USING (country)
) ORDER BY law, "of", side, term;

CREATE OR REPLACE TABLE laws AS
SELECT law, "of", coalesce(sum(amount) FILTER (side = 'left'), 0)::BIGINT AS left_sum,
    coalesce(sum(amount) FILTER (side = 'right'), 0)::BIGINT AS right_sum, left_sum - right_sum AS difference
FROM law_terms GROUP BY ALL ORDER BY law, "of";
