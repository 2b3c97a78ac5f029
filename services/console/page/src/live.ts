/** The live picture: a snapshot kept up to date by the stream, and the honest word on how fresh it is. */
import { get, told } from "./api";
import { utc } from "./time";
import type { Beat, Change, Incident, Snapshot } from "./types";

export interface Row {
  incident: Incident;
  /** Milliseconds: newest change first. */
  at: number;
  /** Lower-case text that a search looks in. */
  search: string;
}

export interface Freshness {
  state: "connecting" | "live" | "stale" | "rebuilding";
  text: string;
}

const SILENT_MS = 12_000;
const HUNG_MS = 20_000;
const MOST_ROWS = 20_000;

function row(incident: Incident): Row {
  const { place } = incident;
  const names = [incident.headline.slice(0, 1000), incident.event, incident.country, incident.area, place?.name, place?.admin1, place?.admin2];
  const at = Date.parse(incident.updated_at ?? incident.received_at ?? "") || 0;
  return { incident, at, search: [...names, ...incident.originators].filter(Boolean).join(" ").toLowerCase() };
}

export class Live {
  readonly rows = new Map<string, Row>();
  freshness: Freshness = { state: "connecting", text: "Connecting" };
  /** Why the newest incident vanished, for the trace in the feed; the newest 50. */
  gone: { key: string; reason: string; at: string | null; replaced_by: string | null }[] = [];
  clock: string | null = null;
  dropped = 0;
  private cursor = "";
  private ordered: Row[] | null = null;
  private source: EventSource | null = null;
  private readonly listeners = new Set<() => void>();
  private frame = 0;
  private heard = 0;
  private stood: string | null = null;
  private timer = 0;
  private retry = 0;
  private ended = false;

  constructor(private readonly onEnd: (reason: string) => void) {}

  /** Snapshot, then stream from its cursor. */
  async start(): Promise<void> {
    clearInterval(this.timer);
    this.timer = window.setInterval(() => this.watch(), 1000);
    document.addEventListener("visibilitychange", this.hidden);
    await this.load();
  }

  stop(): void {
    this.ended = true;
    document.removeEventListener("visibilitychange", this.hidden);
    clearInterval(this.timer);
    clearTimeout(this.retry);
    this.source?.close();
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Every incident, newest change first. */
  order(): readonly Row[] {
    this.ordered ??= [...this.rows.values()].sort((a, b) => b.at - a.at);
    return this.ordered;
  }

  put(incident: Incident): void {
    this.rows.set(incident.key, row(incident));
    this.changed();
  }

  private async load(): Promise<void> {
    try {
      const snapshot = await get<Snapshot>("/api/incidents");
      if (this.ended) return;
      this.rows.clear();
      for (const incident of snapshot.items) this.rows.set(incident.key, row(incident));
      this.cursor = snapshot.cursor;
      this.beat(snapshot);
      this.changed();
      this.open();
    } catch (error) {
      this.stale(told(error));
      this.again();
    }
  }

  private again(): void {
    clearTimeout(this.retry);
    if (!this.ended) this.retry = window.setTimeout(() => void this.load(), 2000);
  }

  private open(): void {
    this.source?.close();
    const source = new EventSource(`/api/stream?from=${encodeURIComponent(this.cursor)}`);
    this.source = source;
    this.heard = performance.now();
    source.addEventListener("changes", (event) => this.changes(event));
    source.addEventListener("beat", (event) => this.beat(JSON.parse(event.data as string) as Beat));
    source.addEventListener("end", (event) => this.end(event));
    source.addEventListener("error", () => {
      if (source !== this.source) return;
      this.stale("The connection is lost.");
      // While the browser reconnects by itself it sends the last id; a refused stream needs a new snapshot.
      if (source.readyState === EventSource.CLOSED) this.again();
    });
  }

  private end(event: MessageEvent): void {
    this.stop();
    this.onEnd((JSON.parse(event.data as string) as { reason: string }).reason);
  }

  private changes(event: MessageEvent): void {
    for (const change of JSON.parse(event.data as string) as Change[]) {
      if (change.op === "put") this.rows.set(change.incident.key, row(change.incident));
      else this.vanish(change);
    }
    if (event.lastEventId) this.cursor = event.lastEventId;
    this.limit();
    this.changed();
  }

  private vanish(change: Change & { op: "gone" }): void {
    if (!this.rows.delete(change.key)) return;
    const { key, reason, at, replaced_by } = change;
    this.gone = [{ key, reason, at, replaced_by }, ...this.gone].slice(0, 50);
  }

  private limit(): void {
    if (this.rows.size <= MOST_ROWS) return;
    this.ordered = null;
    for (const { incident } of this.order().slice(MOST_ROWS * 0.9)) {
      if (!incident.imminent && this.rows.delete(incident.key)) this.dropped += 1;
    }
  }

  private beat(beat: Beat): void {
    this.heard = performance.now();
    const stands = beat.clock !== null && beat.clock === this.stood;
    this.stood = beat.clock;
    if (beat.clock) this.clock = beat.clock;
    if (beat.stale_since || stands) this.stale("", beat.stale_since ?? beat.clock);
    else if (beat.rebuilding !== null) this.say("rebuilding", `Rebuilding, ${Math.round(beat.rebuilding)} %: the picture is not complete`);
    else this.say("live", `Live ${utc(beat.clock).slice(11)}`);
  }

  /** Silence is staleness too: nothing here may look live because nobody said otherwise. */
  private watch(): void {
    const silent = performance.now() - this.heard;
    if (silent > SILENT_MS && this.freshness.state !== "connecting") this.stale("The server is silent.");
    if (silent > HUNG_MS && this.source && this.source.readyState !== EventSource.CLOSED) this.open();
  }

  private stale(why: string, since: string | null = this.clock): void {
    this.say("stale", `Stale since ${since ? utc(since) : "the page was opened"}: what you see is old. ${why}`.trim());
  }

  private say(state: Freshness["state"], text: string): void {
    if (this.freshness.state === state && this.freshness.text === text) return;
    this.freshness = { state, text };
    this.tell();
  }

  private changed(): void {
    this.ordered = null;
    this.tell();
  }

  /** All that came since the last frame is drawn once; a hidden page has no frames, so it gets a timer. */
  private tell(): void {
    if (this.frame) return;
    const draw = () => {
      this.frame = 0;
      for (const listener of this.listeners) listener();
    };
    this.frame = document.hidden ? window.setTimeout(draw, 500) : requestAnimationFrame(draw);
  }

  /** A frame that was asked for before the page was hidden would wait until it is shown again; alarms cannot. */
  private readonly hidden = () => {
    if (!document.hidden || !this.frame) return;
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.tell();
  };
}
