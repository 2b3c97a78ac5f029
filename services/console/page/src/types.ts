/** The shapes of the console's JSON API, as its OpenAPI document states them. Times are ISO 8601 in UTC; null = not known or not shown. */

export type Role = "viewer" | "operator" | "approver" | "administrator" | "auditor";
export type Status = "Actual" | "Exercise" | "Test";
export type Time = string | null;

export interface Me {
  name: string;
  organisation?: string;
  roles: Role[];
  csrf: string;
  mode: "ACTUAL" | "EXERCISE";
  /** Views that this installation serves to this person. */
  views: string[];
}

export interface Place {
  latitude: number | null;
  longitude: number | null;
  precision: string;
  radius_m?: number | null;
  country?: string;
  admin1?: string;
  admin2?: string;
  name?: string;
}

export interface Incident {
  key: string;
  status: Status;
  type: string;
  sequence: number;
  headline: string;
  kind: string;
  event: string;
  severity: string;
  urgency: string;
  certainty: string;
  country: string;
  area: string;
  place: Place | null;
  originators: string[];
  sources: string;
  accounts: number;
  conflicts: number;
  occurred_from: Time;
  time_precision: string;
  received_at: Time;
  updated_at: Time;
  expires: Time;
  imminent: boolean;
  acknowledged_by: string | null;
  acknowledged_at: Time;
}

export interface Snapshot {
  items: Incident[];
  cursor: string;
  clock: Time;
  stale_since: Time;
  rebuilding: number | null;
}

export type Change =
  | { op: "put"; incident: Incident }
  | { op: "gone"; key: string; reason: string; replaced_by: string | null; at: Time };

export interface Beat {
  clock: Time;
  stale_since: Time;
  rebuilding: number | null;
}

export interface Account {
  originator: string | null;
  series_id: string;
  version: number;
  [field: string]: unknown;
}

export interface Moment {
  at: Time;
  clock: string;
  who: string | null;
  what: string;
  precision: string | null;
}

export interface Relation {
  id: string;
  relation: string;
  left: string;
  right: string;
  score: number | null;
  evidence: { name: string; value: string }[];
  state: string;
}

export interface IncidentPage {
  incident: Incident;
  notice: string;
  accounts: Account[];
  /** Names of fields in which the accounts contradict each other, as in the record `view`. */
  conflicts: string[];
  timeline: Moment[];
  relations: Relation[];
}

export interface Told {
  recipient: string;
  name: string;
  series_id: string;
  effect: "PERMIT" | "HOLD" | "DENY";
  target: string;
  primary: string;
  text: string;
  projection: string;
  delivered_at: Time;
  acknowledged_at: Time;
  valid_until: Time;
}

export interface Matrix {
  as_of: Time;
  epoch: number;
  series: string[];
  rows: Told[];
}

export type Colour = "ok" | "warn" | "bad";

export interface Dead {
  id: string;
  at: Time;
  stage: string;
  reason: string;
  topic: string;
  partition: number;
  offset: number;
  length: number;
  replayable: boolean;
  replayed_at: Time;
}

export interface Health {
  state: Colour;
  checks: { name: string; state: Colour; text: string; since: Time }[];
  stages: { stage: string; partition: number | null; rate: number; lag: number; p50_ms: number | null; p99_ms: number | null }[];
  rates: { times: number[]; accepted: number[]; delivered: number[] };
  latency: { p50_ms: number | null; p99_ms: number | null };
  accounts: Record<string, number>;
  parked: { recipient: string; since: Time; reason: string; keys: number | null }[];
  dead: Dead[];
}

export interface Partner {
  recipient: string;
  name: string;
  state: string;
  outlet: "open" | "parked";
  lag: number | null;
  last_heartbeat: Time;
  last_delivery: Time;
  last_submission: Time;
  silent: boolean;
}

export interface Recall {
  id: string;
  incident_key: string | null;
  recipient: string;
  name: string;
  status: Status;
  reason: string;
  started_at: Time;
  due_at: Time;
  state: string;
  acknowledged_at: Time;
}

export interface ConsentRequest {
  id: string;
  status: Status;
  series_id: string;
  originator: string;
  audience: string;
  reason: string;
  asked_at: Time;
  expires_at: Time;
  state: string;
  incident_key: string | null;
  approvals: { name: string; at: Time }[];
  needed: number;
}

export interface Case {
  id: string;
  kind: string;
  title: string;
  opened_at: Time;
  by: string;
  state: string;
  incident_key: string | null;
}

export interface Preview {
  token: string;
  would: { recipient: string; name: string; projection: string }[];
  would_not: { recipient: string; name: string; primary: string; text: string }[];
  problems: { field: string; detail: string }[];
}

export interface Verdict {
  as_of: Time;
  series_id: string;
  version: number;
  recipient: string;
  effect: string;
  target: string;
  primary: string;
  epoch: number;
}

export interface Window {
  country: string;
  area: string;
  kind: string;
  count: number;
  baseline: number | null;
  spike: boolean;
  evidence: string;
  from: Time;
  to: Time;
}

export interface Token {
  id: string;
  name: string;
  scopes: string[];
  expires_at: Time;
  last_used_at: Time;
  token?: string;
}
