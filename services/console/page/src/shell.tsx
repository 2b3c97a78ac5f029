/** What frames every view: mode, freshness, alarm, ways to go. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { part, send } from "./api";
import { Alarm, pending } from "./alarm";
import { useAction, useHash, useLive, usePreference, useResource } from "./hooks";
import { KEYS, PLACES, useKeys } from "./keys";
import type { Live } from "./live";
import { Ask, State } from "./parts";
import { Text } from "./text";
import type { ConsentRequest, Health, Incident, Me, Recall, Status } from "./types";
import { view } from "./views";

const LINKS: [string, string][] = [
  ["#/live", "Live"],
  ["#/draft", "Draft"],
  ["#/recalls", "Recalls"],
  ["#/requests", "Requests"],
  ["#/cases", "Cases"],
  ["#/partners", "Partners"],
  ["#/health", "Health"],
  ["#/situation", "Situation"],
  ["#/audit", "Audit"],
];

function go(hash: string): void {
  location.hash = hash;
}

function Freshness({ live }: { live: Live }) {
  useLive(live);
  const { state, text } = live.freshness;
  const isOld = state === "stale" || state === "rebuilding";
  return (
    <>
      {!isOld && <span class={`fresh ${state}`}>{text}</span>}
      <div role="alert" class={isOld ? `strip ${state}` : "hidden"}>
        {isOld ? text : ""}
      </div>
    </>
  );
}

/** Is the pipeline well, who still has to act: on every view, refreshed while it is open. */
function Glance({ views }: { views: string[] }) {
  const health = useResource<Health>("/api/health", 5000);
  const recalls = useResource<{ items: Recall[] }>("/api/recalls", 10_000);
  const requests = useResource<{ items: ConsentRequest[] }>(views.includes("requests") ? "/api/requests" : null, 10_000);
  const open = recalls.data?.items.filter(({ state }) => state !== "acknowledged").length;
  const waiting = requests.data?.items.filter(({ state }) => ["waiting", "approved_once"].includes(state)).length;
  return (
    <p class="glance">
      <a href="#/health">
        Pipeline {health.error || !health.data ? <span class="state bad">? not known</span> : <State of={health.data.state} />}
      </a>
      <a href="#/recalls">Open recalls {recalls.error ? "?" : (open ?? "…")}</a>
      {views.includes("requests") && <a href="#/requests">Requests waiting {requests.error ? "?" : (waiting ?? "…")}</a>}
    </p>
  );
}

function AlarmStrip({ incidents, me, live, alarm }: { incidents: Incident[]; me: Me; live: Live; alarm: Alarm }) {
  const { busy, note, run } = useAction();
  const [first] = incidents;
  if (!first) return <div role="alert" class="hidden" />;
  const acknowledge = () =>
    run(async () => {
      const done = await send<Pick<Incident, "acknowledged_by" | "acknowledged_at">>("POST", `/api/incidents/${part(first.key)}/acknowledge`);
      live.put({ ...first, ...done });
      return "";
    });
  return (
    <div role="alert" class="strip imminent">
      <strong>
        {first.status === "Actual" ? "" : `${first.status.toUpperCase()}: `}
        {first.status === "Actual" && me.mode === "EXERCISE" ? "REAL, no exercise: " : ""}Imminent risk{incidents.length > 1 && ` (${incidents.length} to acknowledge)`}
      </strong>
      <a href={`#/incident/${part(first.key)}`}>
        <Text value={first.headline || "Open the incident"} most={120} />
      </a>
      {me.roles.some((role) => role === "operator" || role === "approver") && (
        <button type="button" id="acknowledge" class="main" disabled={busy} onClick={acknowledge}>
          Acknowledge as {me.name}
        </button>
      )}
      {!alarm.isArmed && <span>Sound needs a click on this page first.</span>}
      {note && <span>{note}</span>}
    </div>
  );
}

function Help({ on, onSwitch, onClose }: { on: boolean; onSwitch: () => void; onClose: () => void }) {
  return (
    <Ask title="Keys" yes={on ? "Switch single keys off" : "Switch single keys on"} onYes={onSwitch} onNo={onClose}>
      <dl class="keys">
        {KEYS.map(([key, meaning]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </Ask>
  );
}

function useTheme(): () => void {
  const [theme, setTheme] = usePreference("theme", "");
  useEffect(() => {
    if (theme) document.documentElement.dataset.theme = theme;
  }, [theme]);
  return () => {
    const isDark = theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    setTheme(isDark ? "light" : "dark");
  };
}

function useAlarm(incidents: Incident[]): [Alarm, () => void] {
  const alarm = useMemo(() => new Alarm(), []);
  const [, draw] = useState(0);
  useEffect(() => {
    const arm = () => {
      alarm.arm();
      draw((count) => count + 1);
    };
    if (navigator.userActivation?.hasBeenActive) arm();
    addEventListener("pointerdown", arm, { once: true });
    addEventListener("keydown", arm, { once: true });
    return () => alarm.silence();
  }, [alarm]);
  const keys = incidents.map(({ key }) => key).join(" ");
  useEffect(() => alarm.update(incidents), [alarm, keys]);
  const mute = () => {
    alarm.muted = !alarm.muted;
    draw((count) => count + 1);
  };
  return [alarm, mute];
}

function askForNotices(): void {
  if ("Notification" in window && Notification.permission === "default") void Notification.requestPermission();
}

export function Shell({ me, live, onSignOut }: { me: Me; live: Live; onSignOut: () => void }) {
  useLive(live);
  const hash = useHash() || "#/live";
  const home: Status = me.mode === "EXERCISE" ? "Exercise" : "Actual";
  const incidents = pending(live, home);
  const [alarm, mute] = useAlarm(incidents);
  const [help, setHelp] = useState(false);
  const [keys, setKeys] = usePreference("keys", "on");
  const turn = useTheme();
  useKeys(keys === "on", {
    "?": () => setHelp(true),
    "/": () => document.getElementById("search")?.focus(),
    f: () => document.getElementById("feed")?.focus(),
    a: () => document.getElementById("acknowledge")?.click(),
    m: mute,
    t: turn,
    Escape: () => hash !== "#/live" && history.back(),
    ...Object.fromEntries(
      Object.entries(PLACES)
        .filter(([, place]) => me.views.includes(place.slice(2)))
        .map(([key, place]) => [`g ${key}`, () => go(place)]),
    ),
  });
  useEffect(() => {
    document.title = `${incidents.length ? `(${incidents.length}) ` : ""}${me.mode === "EXERCISE" ? "EXERCISE - " : ""}SLT Relay console`;
  }, [incidents.length, me.mode]);
  const links = LINKS.filter(([hash]) => me.views.includes(hash.slice(2)));
  return (
    <div class={`shell ${me.mode === "EXERCISE" ? "exercise" : ""} ${live.freshness.state}`}>
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), document.getElementById("main")?.focus())}>
        Skip to the content
      </a>
      {me.mode === "EXERCISE" && <div class="mode-banner">EXERCISE · what is real says REAL · EXERCISE</div>}
      <header>
        <nav aria-label="Views">
          {links.map(([to, name]) => (
            <a key={to} href={to} {...(hash.startsWith(to) ? { "aria-current": "page" } : {})}>
              {name}
            </a>
          ))}
        </nav>
        <Glance views={me.views} />
        <div class="tools">
          <Freshness live={live} />
          <button type="button" aria-pressed={alarm.muted} onClick={() => (mute(), askForNotices())}>
            {alarm.muted ? "Sound off" : "Sound on"}
          </button>
          <button type="button" onClick={askForNotices}>
            Desktop notices
          </button>
          <button type="button" onClick={turn}>
            Light or dark
          </button>
          <button type="button" onClick={() => setHelp(true)}>
            Keys
          </button>
          <span>
            <Text value={me.name} most={40} />
          </span>
          <a href="#/tokens">Tokens</a>
          <button type="button" onClick={onSignOut}>
            Sign out
          </button>
        </div>
      </header>
      <AlarmStrip key={incidents[0]?.key ?? ""} incidents={incidents} me={me} live={live} alarm={alarm} />
      <main id="main" tabIndex={-1}>
        {view(hash, { me, live, home })}
      </main>
      {help && <Help on={keys === "on"} onSwitch={() => setKeys(keys === "on" ? "off" : "on")} onClose={() => setHelp(false)} />}
    </div>
  );
}
