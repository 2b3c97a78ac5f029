/** Filters live in the address, so that a picture can be sent to a colleague and survives a reload. */
import { useEffect, useState } from "preact/hooks";
import type { Status } from "./types";
import type { Row } from "./live";

export interface Filters {
  status: Status;
  kind: string;
  severity: string;
  country: string;
  area: string;
  originator: string;
  text: string;
}

/** One of three, never two at once: exercise and real are not mixed in one picture. */
export const STATUSES: readonly Status[] = ["Actual", "Exercise", "Test"];
export const SEVERITIES = ["Extreme", "Severe", "Moderate", "Minor", "Unknown"];
const NAMES = ["kind", "severity", "country", "area", "originator", "text"] as const;

export function parse(search: string, home: Status): Filters {
  const given = new URLSearchParams(search);
  const status = STATUSES.find((name) => name === given.get("status")) ?? home;
  const [kind, severity, country, area, originator, text] = NAMES.map((name) => given.get(name) ?? "");
  return { status, kind: kind ?? "", severity: severity ?? "", country: country ?? "", area: area ?? "", originator: originator ?? "", text: text ?? "" };
}

export function format(filters: Filters, home: Status): string {
  const given = new URLSearchParams();
  if (filters.status !== home) given.set("status", filters.status);
  for (const name of NAMES) if (filters[name]) given.set(name, filters[name]);
  const text = given.toString();
  return text ? `?${text}` : location.pathname;
}

/** The test of one row; everything that does not depend on the row is prepared once. */
export function matcher(filters: Filters): (row: Row) => boolean {
  const terms = filters.text.toLowerCase().split(/\s+/).filter(Boolean);
  const area = filters.area.toLowerCase();
  const { status, kind, severity, country, originator } = filters;
  return ({ incident, search }) =>
    incident.status === status &&
    (!kind || incident.kind === kind) &&
    (!severity || incident.severity === severity) &&
    (!country || incident.country === country) &&
    (!originator || incident.originators.includes(originator)) &&
    (!area || search.includes(area)) &&
    terms.every((term) => search.includes(term));
}

export function useFilters(home: Status): [Filters, (change: Partial<Filters>) => void] {
  const [filters, setFilters] = useState(() => parse(location.search, home));
  useEffect(() => {
    const back = () => setFilters(parse(location.search, home));
    addEventListener("popstate", back);
    return () => removeEventListener("popstate", back);
  }, [home]);
  const change = (some: Partial<Filters>) => {
    const next = { ...filters, ...some };
    setFilters(next);
    history.replaceState(null, "", format(next, home) + location.hash);
  };
  return [filters, change];
}
