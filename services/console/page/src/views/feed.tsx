/** The live feed: only the rows in sight exist; what is read stays in place while new rows come in above it. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Row } from "../live";
import { Mode } from "../parts";
import { Text, words } from "../text";
import { When } from "../time";

const ROW_REM = 4.5;
const SPARE = 6;
const SHADES = new Set(["Extreme", "Severe", "Moderate", "Minor"]);

function rowHeight(): number {
  return ROW_REM * Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
}

function Line({ row, index, total, selected, height, onOpen }: { row: Row; index: number; total: number; selected: boolean; height: number; onOpen: () => void }) {
  const { incident } = row;
  const place = [incident.place?.name, incident.area, incident.country].filter(Boolean).join(", ");
  return (
    <div
      role="option"
      id={`row-${index}`}
      aria-selected={selected}
      aria-setsize={total}
      aria-posinset={index + 1}
      class={`row ${SHADES.has(incident.severity) ? incident.severity.toLowerCase() : ""} ${incident.imminent ? "imminent" : ""}`}
      style={{ transform: `translateY(${index * height}px)`, height: `${height}px` }}
      onClick={onOpen}
    >
      <div class="line">
        <Mode status={incident.status} />
        {incident.imminent && <strong class="tag bad">{incident.acknowledged_by ? "Imminent, acknowledged" : "IMMINENT RISK"}</strong>}
        <span class="tag">{words(incident.severity)}</span>
        {incident.type !== "ALERT" && <span class="tag">{words(incident.type)}</span>}
        {incident.conflicts > 0 && <span class="tag warn">≠ accounts differ</span>}
        <span class="headline">
          <Text value={incident.headline || words(incident.kind)} most={200} />
        </span>
      </div>
      <div class="line faint">
        <When at={incident.updated_at} /> · <Text value={place || "place not shown"} most={80} />
      </div>
      <div class="line faint">
        <Text value={words(incident.kind)} most={40} /> ·{" "}
        <Text value={incident.originators.slice(0, 3).join(", ") || "originator not shown"} most={80} />
        {incident.originators.length > 3 && ` and ${incident.originators.length - 3} more`} · sources <Text value={incident.sources} most={10} />
      </div>
    </div>
  );
}

/** First row in sight and how far it is scrolled, so that it can be held in place. */
interface Anchor {
  key: string;
  offset: number;
}

export function Feed({ rows, onOpen }: { rows: readonly Row[]; onOpen: (key: string) => void }) {
  const box = useRef<HTMLDivElement>(null);
  const anchor = useRef<Anchor | null>(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  const [chosen, setChosen] = useState<string | null>(null);
  const height = rowHeight();
  const at = chosen === null ? -1 : rows.findIndex(({ incident }) => incident.key === chosen);

  const look = () => {
    const element = box.current;
    if (!element) return;
    const first = rows[Math.floor(element.scrollTop / height)];
    anchor.current = first && element.scrollTop > 4 ? { key: first.incident.key, offset: element.scrollTop % height } : null;
    setView({ top: element.scrollTop, height: element.clientHeight });
  };

  useLayoutEffect(() => {
    const held = anchor.current;
    const element = box.current;
    if (!held || !element) return;
    const index = rows.findIndex(({ incident }) => incident.key === held.key);
    const top = index * height + held.offset;
    if (index >= 0 && Math.abs(top - element.scrollTop) > 1) element.scrollTop = top;
  }, [rows, height]);

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(look);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const move = (to: number) => {
    const index = Math.max(0, Math.min(rows.length - 1, to));
    const row = rows[index];
    const element = box.current;
    if (!row || !element) return;
    setChosen(row.incident.key);
    if (index * height < element.scrollTop) element.scrollTop = index * height;
    else if ((index + 1) * height > element.scrollTop + element.clientHeight) element.scrollTop = (index + 1) * height - element.clientHeight;
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.floor(view.height / height) - 1);
    const steps: Record<string, number> = { ArrowDown: at + 1, j: at + 1, ArrowUp: at - 1, k: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: rows.length - 1 };
    const to = steps[event.key];
    if (to !== undefined) move(to);
    else if (event.key === "Enter" && chosen !== null && at >= 0) onOpen(chosen);
    else return;
    event.preventDefault();
  };

  const first = Math.max(0, Math.floor(view.top / height) - SPARE);
  const shown = rows.slice(first, first + Math.ceil(view.height / height) + 2 * SPARE);
  return (
    <div
      ref={box}
      id="feed"
      class="feed"
      role="listbox"
      tabIndex={0}
      aria-label="Live feed, newest first"
      {...(at >= first && at < first + shown.length ? { "aria-activedescendant": `row-${at}` } : {})}
      onScroll={look}
      onKeyDown={onKeyDown}
      onFocus={() => at < 0 && move(Math.floor(view.top / height))}
    >
      {rows.length === 0 && <div role="option" aria-selected={false} class="faint empty">No incident passes these filters.</div>}
      <div role="presentation" class="rows" style={{ height: `${rows.length * height}px` }}>
        {shown.map((row, index) => (
          <Line
            key={row.incident.key}
            row={row}
            index={first + index}
            total={rows.length}
            selected={row.incident.key === chosen}
            height={height}
            onOpen={() => onOpen(row.incident.key)}
          />
        ))}
      </div>
    </div>
  );
}
