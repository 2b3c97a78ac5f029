/** Times in UTC, as the operations centre speaks of them; the viewer's own time is in the title. */
import { useEffect, useState } from "preact/hooks";
import type { Time } from "./types";

const PARTS: Record<string, [number, string]> = {
  DAY: [10, " (day)"],
  WEEK: [10, " (that week)"],
  MONTH: [7, " (month)"],
  YEAR: [4, " (year)"],
};

export function parsed(value: Time | undefined): number {
  return value ? Date.parse(value) : Number.NaN;
}

export function utc(value: Time | undefined, precision?: string | null): string {
  const at = parsed(value);
  if (Number.isNaN(at) || precision === "UNKNOWN") return "not known";
  const iso = new Date(at).toISOString();
  const [length, suffix] = PARTS[precision ?? ""] ?? [0, ""];
  return length ? iso.slice(0, length) + suffix : `${iso.slice(0, 10)} ${iso.slice(11, 19)}Z`;
}

export function When({ at, precision }: { at: Time | undefined; precision?: string | null }) {
  const moment = parsed(at);
  if (Number.isNaN(moment)) return <span class="faint">not known</span>;
  return (
    <time dateTime={new Date(moment).toISOString()} title={new Date(moment).toLocaleString()}>
      {utc(at, precision ?? null)}
    </time>
  );
}

/** "4 min 10 s"; negative times are the caller's to name. */
export function span(milliseconds: number): string {
  const seconds = Math.floor(Math.abs(milliseconds) / 1000);
  const [days, hours, minutes] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  if (days) return `${days} d ${hours} h`;
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}

/** The wall clock, once a second, for countdowns. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

export function Countdown({ to }: { to: Time }) {
  const left = parsed(to) - useNow();
  if (Number.isNaN(left)) return <span class="faint">no limit</span>;
  return left < 0 ? <strong class="bad">overdue by {span(left)}</strong> : <span>{span(left)} left</span>;
}
