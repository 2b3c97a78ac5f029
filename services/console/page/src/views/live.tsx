/** What is happening: feed and map of the same incidents, under the same filters. */
import { useMemo, useState } from "preact/hooks";
import { matcher, SEVERITIES, STATUSES, useFilters, type Filters } from "../filters";
import { part } from "../api";
import { useLive } from "../hooks";
import type { Live, Row } from "../live";
import { Heading, StatusBanner } from "../parts";
import { harmless, words } from "../text";
import { When } from "../time";
import type { Status } from "../types";
import { Feed } from "./feed";
import type { ViewProps } from "./lazy";
import { Map as IncidentMap } from "./map";

const NEVER_MORE = 400;

/** What there is to choose from, looked up when the choice opens and not on every change. */
function choices(live: Live, of: (row: Row) => string[]): string[] {
  const found = new Set<string>();
  for (const row of live.rows.values()) for (const name of of(row)) if (name) found.add(name);
  return [...found].sort().slice(0, NEVER_MORE);
}

function Choice(props: { name: string; value: string; options: () => string[]; label?: (option: string) => string; onChange: (value: string) => void }) {
  const [options, setOptions] = useState<string[]>(props.options);
  const all = props.value && !options.includes(props.value) ? [props.value, ...options] : options;
  return (
    <label>
      {props.name}
      <select value={props.value} onFocus={() => setOptions(props.options())} onChange={(event) => props.onChange(event.currentTarget.value)}>
        <option value="">all</option>
        {all.map((option) => (
          <option key={option} value={option}>
            {harmless((props.label ?? ((text: string) => text))(option)).slice(0, 60)}
          </option>
        ))}
      </select>
    </label>
  );
}

function FilterBar({ live, filters, change }: { live: Live; filters: Filters; change: (some: Partial<Filters>) => void }) {
  return (
    <form class="filters" role="search" aria-label="Filters" onSubmit={(event) => event.preventDefault()}>
      <label>
        Status
        <select value={filters.status} onChange={(event) => change({ status: event.currentTarget.value as Status })}>
          {STATUSES.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <Choice name="Kind" value={filters.kind} options={() => choices(live, ({ incident }) => [incident.kind])} label={words} onChange={(kind) => change({ kind })} />
      <Choice name="Severity" value={filters.severity} options={() => SEVERITIES} onChange={(severity) => change({ severity })} />
      <Choice name="Country" value={filters.country} options={() => choices(live, ({ incident }) => [incident.country])} onChange={(country) => change({ country })} />
      <Choice name="Originator" value={filters.originator} options={() => choices(live, ({ incident }) => incident.originators)} onChange={(originator) => change({ originator })} />
      <label>
        Area
        <input size={10} value={filters.area} onInput={(event) => change({ area: event.currentTarget.value })} />
      </label>
      <label>
        Search
        <input id="search" type="search" value={filters.text} onInput={(event) => change({ text: event.currentTarget.value })} />
      </label>
    </form>
  );
}

function Vanished({ live }: { live: Live }) {
  if (live.gone.length === 0) return null;
  return (
    <details class="vanished">
      <summary>No longer shown: {live.gone.length === 50 ? "50 or more" : live.gone.length}</summary>
      <ul>
        {live.gone.map(({ key, reason, at, replaced_by }) => (
          <li key={`${key}${at}`}>
            <When at={at} /> {words(reason)}
            {replaced_by ? <a href={`#/incident/${part(replaced_by)}`}> now part of another incident</a> : " · content is not kept"}
          </li>
        ))}
      </ul>
    </details>
  );
}

export function LiveView({ live, home }: ViewProps) {
  useLive(live);
  const [filters, change] = useFilters(home);
  const matches = useMemo(() => matcher(filters), [filters]);
  const order = live.order();
  const rows = useMemo(() => order.filter(matches), [order, matches]);
  const open = (key: string) => {
    location.hash = `#/incident/${part(key)}`;
  };
  return (
    <div class={`live ${filters.status === "Actual" ? "" : "not-real"}`}>
      <div class="live-head">
        <Heading>Live picture</Heading>
        <span role="status">
          {rows.length} of {order.length} incidents{live.dropped > 0 && ` (${live.dropped} older ones are not kept on this page)`}
        </span>
      </div>
      <StatusBanner status={filters.status} home={home} />
      <FilterBar live={live} filters={filters} change={change} />
      <div class="panes">
        <div class="feed-box">
          <Feed rows={rows} onOpen={open} />
          <Vanished live={live} />
        </div>
        <IncidentMap rows={rows} onOpen={open} />
      </div>
    </div>
  );
}
