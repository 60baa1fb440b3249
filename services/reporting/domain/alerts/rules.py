"""The rules: when each alert's condition holds, for how long until it fires, how urgent it is, and what mends it.

`deploy/prometheus/rules.yml` has the same names, thresholds and runbooks for Prometheus; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from services.reporting.domain.alerts.known import HopKnown, Known, ServiceKnown

STILL_S_MAX = 8.0
"""A batch takes a second or two, a killed process is missed after six; within fifteen a person is to know."""
OUTBOX_AGE_S_MAX = 5.0
"""An event is published within milliseconds; a change of Kafka's leaders takes some three seconds."""
LAG_S_MIN = 5.0
"""A lag below that is what a batch takes, however it rises."""
RISE_S_MIN = 4.0
"""By so much within ten seconds a lag rises only where input comes in faster than it is done, or nothing is done."""
BEHIND_S_MAX = 30.0
"""Figures are a second or two behind; a festival's bursts have been seen to take twenty."""


class Severity(StrEnum):
    """`page`: money or parcels stand still, or a figure is wrong: wake somebody. `ticket`: within the day."""

    PAGE = "page"
    TICKET = "ticket"


@dataclass(frozen=True, slots=True)
class Found:
    """What a condition found: what it holds of, in stable names; `is_known`: False where a part could not be seen."""

    subjects: tuple[str, ...]
    is_known: bool = True


@dataclass(frozen=True, slots=True)
class Summary:
    """What a rule says to people."""

    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class Rule:
    """`runbook`: a page of docs/operations/. `for_s`: so long the condition holds before it fires."""

    name: str
    condition: Callable[[Known], Found]
    for_s: float
    severity: Severity
    runbook: str
    summary: Summary

    @property
    def runbook_path(self) -> str:
        return f"docs/operations/{self.runbook}.md"


def _of_services(holds: Callable[[ServiceKnown], bool | None]) -> Callable[[Known], Found]:
    """Holds of the services for which `holds` says True; None: that one does not tell."""

    def condition(known: Known) -> Found:
        told = [(one.service, holds(one)) for one in known.services]
        return Found(tuple(name for name, is_so in told if is_so), all(is_so is not None for _, is_so in told))

    return condition


def _of_hops(holds: Callable[[HopKnown], bool | None]) -> Callable[[Known], Found]:
    def condition(known: Known) -> Found:
        told = [(one.hop, holds(one)) for one in known.hops]
        return Found(tuple(name for name, is_so in told if is_so), all(is_so is not None for _, is_so in told))

    return condition


def _of_partitions(names: Callable[[ServiceKnown], Iterable[str] | None]) -> Callable[[Known], Found]:
    def condition(known: Known) -> Found:
        told = [names(one) for one in known.services]
        return Found(tuple(name for some in told for name in some or ()), all(some is not None for some in told))

    return condition


def _whole(subject: str, holds: Callable[[Known], bool | None]) -> Callable[[Known], Found]:
    def condition(known: Known) -> Found:
        is_so = holds(known)
        return Found((subject,) if is_so else (), is_so is not None)

    return condition


def _named(names: Callable[[Known], tuple[str, ...] | None]) -> Callable[[Known], Found]:
    def condition(known: Known) -> Found:
        told = names(known)
        return Found(told or (), told is not None)

    return condition


def _is_rising(hop: HopKnown) -> bool | None:
    if hop.lag_s is None:
        return None
    if hop.lag_s < LAG_S_MIN:
        return False
    return None if hop.risen_s is None else hop.risen_s >= RISE_S_MIN


def _exceeds(value: float | None, most: float) -> bool | None:
    return None if value is None else value > most


def _differs(value: str | None, good: str) -> bool | None:
    return None if value is None else value != good


RULES = (
    Rule(
        "service-silent",
        _of_services(lambda one: not one.answers),
        4.0,
        Severity.PAGE,
        "service-killed",
        Summary("A service does not answer.", "有服务没有应答。"),
    ),
    Rule(
        "kafka-unreachable",
        _of_services(lambda one: _differs(one.kafka, "ok")),
        4.0,
        Severity.PAGE,
        "kafka-stopped",
        Summary("Kafka does not answer a service.", "消息队列没有应答。"),
    ),
    Rule(
        "store-unreachable",
        _of_services(lambda one: _differs(one.store, "ok")),
        4.0,
        Severity.PAGE,
        "store-stopped",
        Summary("The store does not answer a service.", "数据库没有应答。"),
    ),
    Rule(
        "no-progress",
        _whole("pipeline", lambda known: _exceeds(known.still_s, STILL_S_MAX)),
        2.0,
        Severity.PAGE,
        "service-frozen",
        Summary("Input waits and nothing moves on any hop.", "有数据等待处理，但所有环节都没有进展。"),
    ),
    Rule(
        "partition-stopped",
        _of_partitions(lambda one: one.stopped),
        2.0,
        Severity.PAGE,
        "poisoned-document",
        Summary("A partition cannot apply its next event and stands still.", "有分区无法处理下一条事件，已经停下。"),
    ),
    Rule(
        "partition-stalled",
        _of_partitions(lambda one: one.stalled),
        2.0,
        Severity.PAGE,
        "service-frozen",
        Summary("Input waits on a partition and nothing of it is done.", "有分区的数据在等待，却没有处理。"),
    ),
    Rule(
        "lag-rising",
        _of_hops(_is_rising),
        2.0,
        Severity.TICKET,
        "lag-rising",
        Summary("A hop is late, and its lag rises.", "有环节延迟，而且越来越晚。"),
    ),
    Rule(
        "outbox-age",
        _of_services(lambda one: _exceeds(one.outbox_age_s, OUTBOX_AGE_S_MAX)),
        4.0,
        Severity.PAGE,
        "outbox-full",
        Summary("What a service decided waits to be published.", "有服务的决定迟迟没有发布。"),
    ),
    Rule(
        "freshness",
        _whole("totals", lambda known: _exceeds(known.behind_s, BEHIND_S_MAX)),
        4.0,
        Severity.TICKET,
        "lag-rising",
        Summary("The public figures are late.", "公开数字没有及时更新。"),
    ),
    Rule(
        "law-broken",
        _named(lambda known: known.laws),
        2.0,
        Severity.PAGE,
        "law-broken",
        Summary("A conservation law does not hold.", "有守恒定律不成立。"),
    ),
    Rule(
        "public-log-stopped",
        _named(
            lambda known: None if known.log_stopped is None else ((known.log_stopped,) if known.log_stopped else ())
        ),
        0.0,
        Severity.PAGE,
        "public-log",
        Summary(
            "The public log contradicts itself or what is kept, and stopped.",
            "公开日志自相矛盾或与存档不符，已经停止。",
        ),
    ),
    Rule(
        "public-log-blocked",
        _named(lambda known: known.log_blocked),
        2.0,
        Severity.TICKET,
        "public-log",
        Summary("An event waits for its causes to stand in the public log.", "有事件在等待其起因进入公开日志。"),
    ),
    Rule(
        "dead-letters",
        _named(lambda known: known.dead_letters),
        0.0,
        Severity.TICKET,
        "dead-letters",
        Summary("Rows were refused and wait for a person.", "有被拒绝的记录等待人工处理。"),
    ),
    Rule(
        "overdue",
        _named(lambda known: known.overdue),
        0.0,
        Severity.TICKET,
        "overdue",
        Summary("A step of the programme is overdue.", "有业务步骤逾期。"),
    ),
)
"""Most urgent first, as lists show them."""
RULE_NAMES = tuple(rule.name for rule in RULES)
