"""What stands in charts: a sentence with the figures for a title, and the name and figure beside each mark."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from services.reporting.api.chart_names import capital, closed_up, counted, flow_tip, named, percent, period_name, tip
from services.reporting.api.texts import Language, PageTexts
from services.reporting.domain.charts.capitals import PLACES
from services.reporting.domain.charts.rows import WAITING
from services.reporting.domain.charts.sheets import ChartName, Json

Wording = tuple[str, list[Json], dict[str, str]]


def _money_flow(rows: list[Json], texts: PageTexts) -> Wording:
    flowed = dict[str, int]()
    for row in rows:
        flowed[row["to"]] = flowed.get(row["to"], 0) + row["amount_fen"]
    uses = {row["to"]: row["amount_fen"] for row in rows if row["from"] == "given"}
    given = sum(uses.values())
    waiting = sum(fen for use, fen in uses.items() if use in WAITING)
    wording = {to: f"{named('to', to, texts)} {texts.money_short(fen)}" for to, fen in flowed.items()}
    wording["given"] = f"{named('from', 'given', texts)}\n{texts.money_short(given)}"
    exact = {**{to: texts.money(fen) for to, fen in flowed.items()}, "given": texts.money(given)}
    wording |= {f"tip_{name}": f"{named('to', name, texts)}{texts.text('colon')}{fen}" for name, fen in exact.items()}
    title = texts.text(
        "chart_money_flow_title",
        given=texts.money_short(given),
        spent=texts.money_short(given - waiting - uses.get("reversed", 0)),
        waiting=texts.money_short(waiting),
    )
    return closed_up(title), _flow_marks(rows, "amount_fen", texts.money, texts), wording


def _flow_marks(rows: list[Json], of: str, written: Callable[[int], str], texts: PageTexts) -> list[Json]:
    """The arms of a river: `of` is the column of their widths, which `written` makes words of."""
    return [
        {"from": row["from"], "to": row["to"], "value": row[of], "tip": flow_tip(row, written(row[of]), texts)}
        for row in rows
    ]


def _parcel_flow(rows: list[Json], texts: PageTexts) -> Wording:
    by_end = {row["to"]: row["parcels"] for row in rows}
    packed = sum(by_end.values())
    wording = {to: f"{named('to', to, texts)} {texts.count(n)}" for to, n in by_end.items()}
    wording["packed"] = f"{named('from', 'packed', texts)}\n{texts.count(packed)}"
    wording |= {f"tip_{name}": label.replace("\n", " ") for name, label in wording.items()}
    shown = {name: texts.count(by_end[name]) for name in ("accepted", "lost", "damaged")}
    title = texts.text("chart_parcel_flow_title", packed=counted("packed", packed, texts), **shown)
    return closed_up(title), _flow_marks(rows, "parcels", texts.count, texts), wording


def _where(rows: list[Json], texts: PageTexts) -> Wording:
    most = max(rows, key=lambda row: row["parcels_accepted"])
    reached = [row for row in rows if row["parcels_accepted"] > 0]
    title = texts.text(
        "chart_where_title" if reached else "chart_where_title_none",
        parcels=counted("parcels", sum(row["parcels_accepted"] for row in rows), texts),
        countries=counted("countries", len(reached or rows), texts),
        country=texts.country(most["country"]),
        most=texts.count(most["parcels_accepted"]),
    )
    marks = [
        {
            "country": row["country"],
            "parcels": row["parcels_accepted"],
            "label": f"{texts.country(row['country'])} {texts.count(row['parcels_accepted'])}",
            "tip": tip(
                texts.country(row["country"]),
                texts,
                *((of, texts.count(row[of])) for of in ("parcels_accepted", "parcels_on_the_way", "pupils_reached")),
            ),
        }
        for row in rows
    ]
    others = [texts.country(row["country"]) for row in rows if row["country"] not in PLACES]
    also = texts.text("chart_where_others", countries=texts.text("chart_and").join(others)) if others else ""
    return closed_up(title), marks, {"source": texts.place("CNSHA"), "others": also}


def _when(rows: list[Json], texts: PageTexts) -> Wording:
    unit = "day" if len(rows[0]["period"]) > len("2021-11") else "month"
    donations, parcels = (sum(row[of] for row in rows) for of in ("donations", "parcels_accepted"))
    most = {of: max(rows, key=lambda row: row[of]) for of in ("donations", "parcels_accepted")}
    title = texts.text(
        f"chart_when_title_{unit}" if donations else "chart_when_title_none",
        donations=counted("donations", donations, texts),
        parcels=counted("parcels", parcels, texts),
        most=period_name(most["donations"]["period"], texts),
    )
    marks = [
        {
            "name": _tick(row["period"], rows[at - 1]["period"] if at else None, texts),
            "donations": row["donations"],
            "parcels_accepted": row["parcels_accepted"],
            "peak": None if row["peak_day"] is None else _festival(row["peak_day"]),
            **{
                f"tip_{of}": tip(period_name(row["period"], texts), texts, (of, texts.count(row[of])))
                for of in ("donations", "parcels_accepted")
            },
        }
        for at, row in enumerate(rows)
    ]
    wording = {of: texts.text(f"chart_when_{of}_{unit}") for of in ("donations", "parcels")}
    for word, column in (("most_donations", "donations"), ("most_parcels", "parcels_accepted")):
        row = most[column]
        period = period_name(row["period"], texts)
        n = texts.short(row[column])
        wording[word] = (
            texts.text("chart_when_most", period=period, n=n) if row[column] > 0 else texts.text("chart_none")
        )
    return closed_up(title), marks, wording


def _tick(period: str, before: str | None, texts: PageTexts) -> str:
    """Under the bars: a year at its first month, with `…` where months before it are left out; a day as `11.1`."""
    parts = period.split("-")
    if len(parts) == 3:
        return f"{int(parts[1])}.{int(parts[2])}"
    year = parts[0] + ("年" if texts.language is Language.ZH else "")
    if before is None or before[: len("2021")] != parts[0]:
        return year if before is None or parts[1] == "01" else f"… {year}"
    return ""


def _festival(day: str) -> str:
    """As people name it: `11.11`."""
    return ".".join(str(int(part)) for part in day.split("-")[1:])


def _costs(rows: list[Json], texts: PageTexts) -> Wording:
    shares = {row["category"]: row["per_mille"] for row in rows}
    shown = {name: texts.tenths(shares.get(name, 0)) for name in ("goods", "administration")}
    marks = [
        {
            "of": row["category"],
            "name": named("category", row["category"], texts),
            "per_mille": row["per_mille"],
            "label": texts.text(
                "chart_costs_label", fen=texts.tenths(row["per_mille"]), money=texts.money_short(row["spent_fen"])
            ),
            "tip": tip(
                named("category", row["category"], texts),
                texts,
                ("per_mille", texts.tenths(row["per_mille"])),
                ("spent_fen", texts.money(row["spent_fen"])),
            ),
        }
        for row in rows
    ]
    return texts.text("chart_costs_title", **shown), marks, {}


def _contents(rows: list[Json], texts: PageTexts) -> Wording:
    groups = list(dict.fromkeys((row["effective_from"], row["specification"]) for row in rows))
    items = {name: sum(row["items"] for row in rows if row["specification"] == name) for _, name in groups}
    is_by_year = len({since[:4] for since, _ in groups}) == len(groups)
    since = {name: day[:4] if is_by_year else period_name(day, texts) for day, name in groups}
    first, last = groups[0][1], groups[-1][1]
    title = texts.text(
        "chart_contents_title" if len(groups) > 1 else "chart_contents_title_one",
        first=since[first],
        first_items=items[first],
        last=since[last],
        last_items=items[last],
    )
    marks = [
        {
            "group": row["specification"],
            "of": row["category"],
            "items": row["items"],
            "label": f"{named('category', row['category'], texts)} {row['items']}",
            "tip": tip(
                named("category", row["category"], texts),
                texts,
                *((of, texts.count(row[of])) for of in ("items", "units")),
            ),
        }
        for row in rows
    ]
    lines = {name: texts.text("chart_contents_group", since=since[name], items=items[name]) for _, name in groups}
    return closed_up(title), marks, lines


def _opinions(rows: list[Json], texts: PageTexts) -> Wording:
    first = rows[0]
    title = texts.text(
        "chart_pupils_title",
        n=texts.count(first["denominator"]),
        share=percent(first["share_per_mille"], texts),
        indicator=named("indicator", first["indicator"], texts),
    )
    marks = [
        {
            "name": capital(named("indicator", row["indicator"], texts)),
            "share": row["share_per_mille"],
            "low": row["low_per_mille"],
            "high": row["high_per_mille"],
            "label": texts.text(
                "chart_pupils_label",
                share=percent(row["share_per_mille"], texts),
                low=texts.tenths(row["low_per_mille"]),
                high=texts.tenths(row["high_per_mille"]),
                n=texts.count(row["denominator"]),
            ),
            "tip": tip(
                capital(named("indicator", row["indicator"], texts)),
                texts,
                ("share_per_mille", percent(row["share_per_mille"], texts)),
                *((of, texts.count(row[of])) for of in ("numerator", "denominator")),
            ),
        }
        for row in rows
    ]
    return closed_up(title), marks, {}


WRITTEN: Mapping[ChartName, Callable[[list[Json], PageTexts], Wording]] = {
    ChartName.MONEY_FLOW: _money_flow,
    ChartName.PARCEL_FLOW: _parcel_flow,
    ChartName.WHERE: _where,
    ChartName.WHEN: _when,
    ChartName.COSTS: _costs,
    ChartName.CONTENTS: _contents,
    ChartName.PUPILS: _opinions,
}
"""Each chart's title, marks and wording, where it has rows."""
