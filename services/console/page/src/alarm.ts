/** Imminent risk: a sound and a desktop notice until somebody acknowledges it by name. */
import type { Incident, Status } from "./types";
import type { Live } from "./live";

const EVERY_MS = 6000;
const TONES: Record<Status, number[]> = { Actual: [880, 660, 880], Exercise: [330], Test: [330] };

/** Unacknowledged incidents of imminent risk, real ones first, oldest first: an exercise may not hide what is real. */
export function pending(live: Live, home: Status): Incident[] {
  const all = live
    .order()
    .filter(({ incident }) => incident.imminent && !incident.acknowledged_by && incident.type !== "CANCEL")
    .map(({ incident }) => incident)
    .reverse();
  const real = all.filter(({ status }) => status === "Actual");
  return home === "Actual" ? real : [...real, ...all.filter(({ status }) => status === home)];
}

export class Alarm {
  private context: AudioContext | null = null;
  private known = new Set<string>();
  private timer = 0;
  private status: Status = "Actual";
  muted = false;

  /** Browsers let a page make sounds only after the user did something on it. */
  arm(): void {
    this.context ??= new AudioContext();
    void this.context.resume();
  }

  get isArmed(): boolean {
    return this.context?.state === "running";
  }

  update(incidents: Incident[]): void {
    const status = incidents[0]?.status ?? "Actual";
    if (incidents.some(({ key }) => !this.known.has(key))) this.notice(incidents.length, status);
    this.known = new Set(incidents.map(({ key }) => key));
    if (incidents.length === 0) this.silence();
    else if (!this.timer || status !== this.status) {
      this.silence();
      this.status = status;
      this.sound();
      this.timer = window.setInterval(() => this.sound(), EVERY_MS);
    }
  }

  silence(): void {
    clearInterval(this.timer);
    this.timer = 0;
  }

  /** No content: notices are shown on locked screens. */
  private notice(count: number, status: Status): void {
    if (!("Notification" in window) || Notification.permission !== "granted") return;
    const prefix = status === "Actual" ? "" : `${status.toUpperCase()} - `;
    new Notification(`${prefix}Imminent risk`, { body: `${count} to acknowledge in the console`, tag: "slt-imminent", requireInteraction: true });
  }

  private sound(): void {
    if (this.muted || !this.context) return;
    TONES[this.status].forEach((pitch, index) => this.tone(pitch, index * 0.25));
  }

  private tone(pitch: number, delay: number): void {
    const { context } = this;
    if (!context) return;
    const [tone, volume] = [context.createOscillator(), context.createGain()];
    const start = context.currentTime + delay;
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0.15, start);
    volume.gain.exponentialRampToValueAtTime(0.001, start + 0.2);
    tone.connect(volume).connect(context.destination);
    tone.start(start);
    tone.stop(start + 0.22);
  }
}
