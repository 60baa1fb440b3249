"""How many pupils count, by the law and from what schools reported; what logistics decided is only compared.

A parcel reaches one pupil; over a round a school reaches at most as many as it accepted parcels, and as are enrolled.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pandapack.audit.facts import Json
from pandapack.audit.findings import Findings, Layer
from pandapack.audit.reading import KeptEvent


@dataclass
class Reports:
    """What a school reported for a round. `with_parcel`: heads, of each handout at most as many as its parcels."""

    heads: int = 0
    with_parcel: int = 0
    accepted: int = 0
    enrolled: int | None = None
    reached: int = 0


@dataclass
class PupilsLaw:
    """Fed with every event in the order of its source; all of a round's reports come from one source."""

    findings: Findings
    _source: str = ""
    _schools: dict[str, Reports] = field(default_factory=dict)
    _enrolled: dict[tuple[str, str], int] = field(default_factory=dict)
    _funded: dict[tuple[str, str], int] = field(default_factory=dict)

    def heads(self, event: KeptEvent) -> tuple[int, int]:
        """Pupils (reached, over-reported) that an event adds by the law. Other events add none."""
        if event.source != self._source:
            self._source, self._schools = event.source, {}
        data = event.data
        match event.kind:
            case "RoundOpened":
                self._funded |= {(data["round"], one["school"]): one["pupils"] for one in data["schools"]}
            case "ParcelsDelivered":
                self._reports(data).accepted += len(data["accepted"])
            case "ParcelsHandedOut":
                return self._handed_out(event)
            case _:
                pass  # nothing of pupils
        return 0, 0

    def _reports(self, data: Json) -> Reports:
        return self._schools.setdefault(f"{data['round']}/{data['school']}", Reports())

    def _handed_out(self, event: KeptEvent) -> tuple[int, int]:
        data, reports = event.data, self._reports(event.data)
        heads = data["girls"] + data["boys"]
        reports.heads += heads
        reports.with_parcel += min(heads, data["parcels"])
        if (enrolled := data.get("enrolled")) is not None:
            reports.enrolled = enrolled if reports.enrolled is None else min(enrolled, reports.enrolled)
            self._enrolled[data["round"], data["school"]] = reports.enrolled
        bounds = [reports.with_parcel, reports.accepted]
        upto = min([*bounds, *([] if reports.enrolled is None else [reports.enrolled])])
        reached, reports.reached = upto - reports.reached, upto
        decided = data.get("pupils_reached")
        if decided is not None and decided != reached:
            text = f"journal {event.id}: pupils reached at {data['school']}: by the law {reached}, it states {decided}"
            self.findings.add(
                Layer.KEPT, text, explains=(event.id, event.source, f"journal {event.partition}"), because=(event.id,)
            )
        return reached, heads - reached

    def compare_enrolment(self) -> None:
        """Enrolment as handouts tell it, and as procurement published it, as far as the journal has both."""
        for (round_id, school), enrolled in sorted(self._enrolled.items()):
            funded = self._funded.get((round_id, school))
            if funded is not None and funded != enrolled:
                text = f"round {round_id}: pupils enrolled at {school}: published {funded}, handouts tell of {enrolled}"
                self.findings.add(Layer.KEPT, text, explains=(f"round {round_id}",))
