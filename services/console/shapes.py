"""The shapes of the API's answers; the OpenAPI document and the page's types are made after them.

Times are ISO 8601 in UTC with Z; null: not known, or not shown.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Time = str | None


class Problem(BaseModel):
    """Every refusal: a sentence for people."""

    detail: str


class Place(BaseModel):
    """Where; `radius_m` is how far around the coordinates it may lie."""

    latitude: float | None
    longitude: float | None
    precision: str
    radius_m: int | None
    country: str = ""
    admin1: str = ""
    admin2: str = ""
    name: str = ""


class Acknowledged(BaseModel):
    """Who has said that he or she saw it."""

    acknowledged_by: str | None
    acknowledged_at: Time


class Incident(Acknowledged):
    """A line of the feed, a sign on the map."""

    key: str = Field(description="the SIOC's own id of the incident")
    status: Literal["Actual", "Exercise", "Test"]
    type: str
    sequence: int
    headline: str
    kind: str
    event: str
    severity: str
    urgency: str
    certainty: str
    country: str
    area: str
    place: Place | None
    originators: list[str]
    sources: str = Field(description="independent sources: 1, 2, 3+ or uncorroborated")
    accounts: int
    conflicts: int
    occurred_from: Time
    time_precision: str
    received_at: Time
    updated_at: Time
    expires: Time
    imminent: bool


class Beat(BaseModel):
    """How fresh the picture is."""

    clock: Time
    stale_since: Time
    rebuilding: int | None = Field(description="percent, while the read model is rebuilt")


class Snapshot(Beat):
    """The newest incidents and where the stream goes on."""

    items: list[Incident]
    cursor: str


class Moment(BaseModel):
    """One clock of one account."""

    at: Time
    clock: str
    who: str | None
    what: str
    precision: str | None


class Account(BaseModel):
    """What one originator says: the record `view` (schemas/view), with the times of its decision and delivery."""

    model_config = ConfigDict(extra="allow")

    originator: str | None
    series_id: str
    version: int
    decided_at: Time
    delivered_at: Time


class Evidence(BaseModel):
    """One thing that speaks for or against."""

    name: str
    value: str


class Relation(BaseModel):
    """Two reports, and what is known of them together."""

    id: str
    relation: str
    left: str
    right: str
    score: float
    evidence: list[Evidence]
    state: Literal["proposed", "linked", "confirmed", "rejected"]


class IncidentPage(BaseModel):
    """One incident."""

    incident: Incident
    notice: str
    accounts: list[Account]
    conflicts: list[str]
    timeline: list[Moment]
    relations: list[Relation]


class Told(BaseModel):
    """One recipient's part of one report."""

    recipient: str
    name: str
    series_id: str
    effect: str
    target: str
    primary: str
    text: str
    projection: str
    delivered_at: Time
    acknowledged_at: Time
    valid_until: Time


class Matrix(BaseModel):
    """Who got what."""

    as_of: Time
    epoch: int
    series: list[str]
    rows: list[Told]


Colour = Literal["ok", "warn", "bad"]


class Check(BaseModel):
    """One thing that is well or not."""

    name: str
    state: Colour
    text: str
    since: Time


class Stage(BaseModel):
    """One stage; `lag` in seconds: the age of the oldest record that waits."""

    stage: str
    partition: int | None
    rate: float
    lag: float
    p50_ms: float | None
    p99_ms: float | None


class Rates(BaseModel):
    """Records per second, in steps of five seconds."""

    times: list[int]
    accepted: list[float]
    delivered: list[float]


class Latency(BaseModel):
    """From intake's append to the SIOC's topic."""

    p50_ms: float | None
    p99_ms: float | None


class Parked(BaseModel):
    """An outlet that gets nothing."""

    recipient: str
    since: Time
    reason: str
    keys: int | None = Field(description="deliveries that wait; null: not known")


class Dead(BaseModel):
    """A refused record: reason and place."""

    id: str
    at: Time
    stage: str
    reason: str
    topic: str
    partition: int
    offset: int
    length: int
    replayable: bool
    replayed_at: Time


class Health(BaseModel):
    """Whether the pipeline is well."""

    state: Colour
    checks: list[Check]
    stages: list[Stage]
    rates: Rates
    latency: Latency
    accounts: dict[str, int]
    parked: list[Parked]
    dead: list[Dead]


class Partner(BaseModel):
    """One organisation."""

    recipient: str
    name: str
    category: str
    state: str
    outlet: str
    lag: int | None
    last_heartbeat: Time
    last_delivery: Time
    last_submission: Time
    silent: bool


class Partners(BaseModel):
    """All of them."""

    items: list[Partner]


class Recall(BaseModel):
    """A recall and its answer."""

    id: str
    incident_key: str | None
    recipient: str
    name: str
    status: str
    reason: str
    started_at: Time
    due_at: Time
    state: str
    acknowledged_at: Time
    answer: str | None


class Recalls(BaseModel):
    """The next deadline first."""

    items: list[Recall]


class Decision(BaseModel):
    """One change of one recipient's verdict."""

    as_of: Time
    series_id: str
    version: int
    recipient: str
    effect: str
    target: str
    primary: str
    epoch: int


class Decisions(BaseModel):
    """Newest first."""

    items: list[Decision]
    next: str | None


class Explanation(BaseModel):
    """Why, in words, and the verdict as it was recorded."""

    text: str
    verdict: dict[str, Any]


class Draft(BaseModel):
    """An alert of the SIOC's own; the words are those of schemas/submission."""

    model_config = ConfigDict(extra="forbid")

    status: Literal["Actual", "Exercise", "Test"]
    kind: str = Field(max_length=100)
    event: str = Field("", max_length=1000)
    severity: str = Field("Unknown", max_length=100)
    urgency: str = Field("Unknown", max_length=100)
    certainty: str = Field("Unknown", max_length=100)
    headline: str = Field(max_length=10_000)
    description: str = Field("", max_length=100_000)
    advice: str = Field("", max_length=100_000)
    country: str = Field("", max_length=200)
    latitude: float | None = Field(None, allow_inf_nan=False)
    longitude: float | None = Field(None, allow_inf_nan=False)
    precision: str = Field("UNKNOWN", max_length=100)
    expires: str | None = Field(None, max_length=100)


class Sending(Draft):
    """A draft, with the token of the preview that was looked at."""

    token: str = Field(max_length=200)
    confirm: bool


class Would(BaseModel):
    """Somebody who would get it."""

    recipient: str
    name: str
    projection: str


class WouldNot(BaseModel):
    """Somebody who would not, and why."""

    recipient: str
    name: str
    primary: str
    text: str


class FieldProblem(BaseModel):
    """What has to be changed first."""

    field: str
    detail: str


class Preview(BaseModel):
    """What would become of a draft at this moment."""

    would: list[Would]
    would_not: list[WouldNot]
    problems: list[FieldProblem]
    token: str


class Sent(BaseModel):
    """The report that it has become."""

    series_id: str
    at: Time


class Word(BaseModel):
    """An operator's word on two reports that the SIOC sees by name."""

    model_config = ConfigDict(extra="forbid")

    incident_key: str = Field(max_length=200)
    action: Literal["confirm", "reject", "split", "merge"]
    left: str = Field(max_length=500, description="originator/id")
    right: str = Field(max_length=500, description="originator/id")
    reason: str = Field(min_length=1, max_length=1000)


class Said(BaseModel):
    """What was done, in a sentence."""

    detail: str
