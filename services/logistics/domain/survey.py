"""A survey: what an independent evaluator found, told once, whole, and refused where it cannot be true.

Its numbers are held against each other (the frame holds the sample, the sample the interviewed, these whoever answered,
and these whoever said yes) and against what logistics knows of the country: nobody can be asked about a parcel that did
not arrive. It is the evaluator's own: of another's survey it is told what it would be told of none.

`by` is the party that acts, None for staff: they may read, and report none, since they are who is evaluated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pandapack.contracts.donations import CHINA
from pandapack.contracts.envelope import Part
from pandapack.contracts.logistics import SurveyedCountry, SurveyReported
from pandapack.decision import Decision, Refusal, RefusalKind
from services.logistics.domain.reached import CountryReached
from services.logistics.domain.times import Now

COUNTRIES_MAX = 100
"""More than any programme has: a survey of them all is a tenth of what a document may measure."""
PUPILS_MAX = 10_000_000
"""Of a country: more than any programme reaches. It keeps what is computed of them exact in each language."""


class Survey(Part):
    """A survey. `party`: the evaluator; "": nobody has told of it yet, and nothing is kept."""

    survey: str
    programme: str = ""
    first_day: str = ""
    last_day: str = ""
    countries: tuple[SurveyedCountry, ...] = ()
    party: str = ""


def is_partys(state: Survey, by: str | None) -> bool:
    """Whether the survey is this party's. `by` None: staff."""
    return state.party != "" and by in (None, state.party)


def unknown_survey(id: str) -> Refusal:
    """There is no such survey, or none of the caller's: the same is told of both."""
    detail = f"there is no survey {id}: GET /v1/surveys lists those there are"
    return Refusal("survey_unknown", detail, RefusalKind.NOT_FOUND)


def report(
    state: Survey, found: Survey, by: str | None, reached: Mapping[str, CountryReached], now: Now
) -> Decision[Survey] | Refusal:
    """An evaluator tells of a survey; the same again changes nothing. `reached`: by country, as far as is known."""
    if by is None:
        detail = f"{state.survey}: its evaluator reports it, by a key of its own: `panda party add` registers one"
        return Refusal("survey_not_independent", detail, RefusalKind.FORBIDDEN)
    told = found.model_copy(update={"survey": state.survey, "party": by})
    if state.party:
        detail = f"{state.survey} is the name of another survey already: give this one a name of its own"
        return Decision(state, (), _answer(state)) if told == state else Refusal("survey_known", detail)
    refusal = _refuse_period(told, now) or _refuse_countries(told) or _refuse_first(told, reached)
    if refusal is not None:
        return refusal
    event = SurveyReported(**told.model_dump())
    return Decision(told, (event,), _answer(told))


def _answer(state: Survey) -> dict[str, object]:
    return {
        "survey": state.survey,
        "countries": len(state.countries),
        "interviewed": sum(one.interviewed for one in state.countries),
    }


def _refuse_period(told: Survey, now: Now) -> Refusal | None:
    if told.last_day < told.first_day:
        detail = f"{told.survey} ends on {told.last_day}, before it begins ({told.first_day}): exchange `from` and `to`"
        return Refusal("survey_period_invalid", detail, RefusalKind.INVALID)
    latest = (now.at + now.tolerance).astimezone(CHINA).date().isoformat()
    if told.last_day > latest:
        detail = (
            f"{told.survey} ends on {told.last_day}, later than our clock allows ({latest}): report it once it is over"
        )
        return Refusal("survey_period_invalid", detail, RefusalKind.INVALID)
    return None


def _refuse_countries(told: Survey) -> Refusal | None:
    """There is nothing in it, or something twice."""
    if not any(one.indicators or one.complaints for one in told.countries):
        detail = f"{told.survey} has neither an indicator nor a complaint of any country: send at least one"
        return Refusal("survey_empty", detail, RefusalKind.INVALID)
    if twice := _twice([one.country for one in told.countries]):
        detail = f"{told.survey} tells of {twice} twice: tell of each country once"
        return Refusal("survey_country_twice", detail, RefusalKind.INVALID)
    for one in told.countries:
        where = f"{told.survey}, {one.country}"
        if twice := _twice([count.indicator for count in one.indicators]):
            detail = f"{where}: {twice} stands there twice: add both up"
            return Refusal("survey_indicator_twice", detail, RefusalKind.INVALID)
        if twice := _twice([count.kind for count in one.complaints]):
            detail = f"{where}: complaints ({twice}) stand there twice: add both up"
            return Refusal("survey_complaint_twice", detail, RefusalKind.INVALID)
    return None


def _twice(names: Sequence[str]) -> str:
    return next((name for name in names if names.count(name) > 1), "")


def _refuse_first(told: Survey, reached: Mapping[str, CountryReached]) -> Refusal | None:
    """The first of what cannot be true, country by country."""
    for one in told.countries:
        known, where = reached.get(one.country, CountryReached()), f"{told.survey}, {one.country}"
        if known.accepted == 0:
            detail = f"{where}: no parcel of {told.programme} was accepted there yet: leave the country out, or wait"
            return Refusal("survey_country_unserved", detail, RefusalKind.INVALID)
        refusals = (*_of_sample(one, where, known), *_of_answers(one, where))
        refusal = next((found for found in refusals if found is not None), None)
        if refusal is not None:
            return refusal
    return None


def _of_sample(one: SurveyedCountry, where: str, known: CountryReached) -> Iterator[Refusal | None]:
    whom = "the frame is whom parcels reached: look at the rounds it was drawn from"
    middle = "schools in the frame, and parcels were accepted at"
    yield _refusal("frame_beyond_reached", where, (one.frame_schools, middle, known.schools), whom)
    middle = "pupils in the frame, and parcels reached"
    yield _refusal("frame_beyond_reached", where, (one.frame_pupils, middle, known.pupils), whom)
    middle = "schools in the sample, and in the frame are"
    yield _refusal("sample_beyond_frame", where, (one.sample_schools, middle, one.frame_schools))
    middle = "pupils in the sample, and in the frame are"
    yield _refusal("sample_beyond_frame", where, (one.sample_pupils, middle, one.frame_pupils))
    middle = "pupils interviewed, and in the sample are"
    yield _refusal("interviewed_beyond_sample", where, (one.interviewed, middle, one.sample_pupils))


def _of_answers(one: SurveyedCountry, where: str) -> Iterator[Refusal | None]:
    for asked in one.indicators:
        middle = f"answers to {asked.indicator}, and interviewed were"
        yield _refusal("denominator_beyond_interviewed", where, (asked.denominator, middle, one.interviewed))
        middle = f"pupils said yes to {asked.indicator}, and answers are"
        yield _refusal("numerator_beyond_denominator", where, (asked.numerator, middle, asked.denominator))
    for kind in one.complaints:
        middle = f"complaints ({kind.kind}) resolved, and received were"
        yield _refusal("resolved_beyond_received", where, (kind.resolved, middle, kind.received))


def _refusal(code: str, where: str, bound: tuple[int, str, int], mend: str = "count them again") -> Refusal | None:
    """A part that is more than its whole. `bound`: part, the words between, whole."""
    part, middle, whole = bound
    return Refusal(code, f"{where}: {part} {middle} {whole}: {mend}", RefusalKind.INVALID) if part > whole else None
