/** Is the system well: what to act on first, then the figures. */
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { part, send } from "../api";
import { useAction, useResource } from "../hooks";
import { Answer, Heading, Note, Nothing, State, Table } from "../parts";
import { clamp, harmless, Text, words } from "../text";
import { When } from "../time";
import type { Health, Me } from "../types";
import type { ViewProps } from "./lazy";

function Rates({ rates }: { rates: Health["rates"] }) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const colour = getComputedStyle(element).color;
    const axis = { stroke: colour, grid: { stroke: "#8884" } };
    const clock = (at: number) => new Date(at * 1000).toISOString().slice(11, 19);
    const times = { ...axis, space: 90, values: (_: uPlot, at: number[]) => at.map(clock) };
    const line = { width: 2, points: { show: false } };
    const series = [
      { label: "UTC", value: (_: uPlot, at: number | null) => (at === null ? "" : clock(at)) },
      { ...line, label: "accepted /s", stroke: "#2b6cb0" },
      { ...line, label: "delivered /s", stroke: "#c2410c", dash: [6, 3] },
    ];
    const size = { width: element.clientWidth, height: 180 };
    plot.current = new uPlot({ ...size, series, axes: [times, axis] }, [[], [], []], element);
    const observer = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: 180 }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.current?.destroy();
    };
  }, []);
  useEffect(() => plot.current?.setData([rates.times, rates.accepted, rates.delivered]), [rates]);
  const last = (values: number[]) => values.at(-1)?.toFixed(1) ?? "not known";
  return (
    <figure>
      <div ref={box} aria-hidden="true" />
      <figcaption>
        Newest: accepted {last(rates.accepted)} per second, delivered {last(rates.delivered)} per second.
      </figcaption>
    </figure>
  );
}

function milliseconds(value: number | null): string {
  return value === null ? "not known" : `${value.toFixed(0)} ms`;
}

function Checks({ health }: { health: Health }) {
  return (
    <Table name="Checks" heads={["Check", "State", "What it says", "Since"]}>
      {health.checks.map(({ name, state, text, since }) => (
        <tr key={name}>
          <th scope="row">
            <Text value={words(name)} />
          </th>
          <td>
            <State of={state} />
          </td>
          <td>
            <Text value={text} />
          </td>
          <td>
            <When at={since} />
          </td>
        </tr>
      ))}
    </Table>
  );
}

function Stages({ health }: { health: Health }) {
  return (
    <Table name="Stages" heads={["Stage", "Partition", "Records/s", "Lag", "p50", "p99"]}>
      {health.stages.map(({ stage, partition, rate, lag, p50_ms, p99_ms }) => (
        <tr key={`${stage}/${partition}`}>
          <th scope="row"><Text value={stage} most={60} /></th>
          <td>{partition ?? "all"}</td>
          <td>{rate.toFixed(1)}</td>
          <td>{lag}</td>
          <td>{milliseconds(p50_ms)}</td>
          <td>{milliseconds(p99_ms)}</td>
        </tr>
      ))}
    </Table>
  );
}

function DeadLetters({ health, me, onDone }: { health: Health; me: Me; onDone: () => void }) {
  const { busy, note, failed, run } = useAction();
  const replay = (id: string) =>
    run(async () => {
      const { detail } = await send<{ detail: string }>("POST", `/api/dead/${part(id)}/replay`);
      onDone();
      return detail;
    });
  return (
    <>
      <Note note={note} failed={failed} />
      <Table name="Dead letters" heads={["When", "Stage", "Reason", "Record", "Bytes", "Replay"]}>
        {health.dead.length === 0 && <Nothing columns={6} text="No record was refused." />}
        {health.dead.map((dead) => (
          <tr key={dead.id}>
            <td>
              <When at={dead.at} />
            </td>
            <td><Text value={dead.stage} most={60} /></td>
            <td>
              <Text value={words(dead.reason)} />
            </td>
            <td>
              <Text value={`${dead.topic}/${dead.partition}@${dead.offset}`} />
            </td>
            <td>{dead.length}</td>
            <td>
              {dead.replayed_at && (
                <>
                  replayed <When at={dead.replayed_at} />
                </>
              )}
              {dead.replayable && !dead.replayed_at && me.roles.includes("administrator") && (
                <button type="button" disabled={busy} onClick={() => replay(dead.id)}>
                  Replay after repair
                  <span class="hidden"> {harmless(clamp(`${dead.topic} ${dead.offset}`, 80))}</span>
                </button>
              )}
              {!dead.replayable && "cannot be replayed"}
            </td>
          </tr>
        ))}
      </Table>
    </>
  );
}

function Parked({ health }: { health: Health }) {
  return (
    <Table name="Parked outlets" heads={["Recipient", "Since", "Reason", "Keys not confirmed"]}>
      {health.parked.length === 0 && <Nothing columns={4} text="Every outlet is open." />}
      {health.parked.map(({ recipient, since, reason, keys }) => (
        <tr key={recipient}>
          <th scope="row">
            <Text value={recipient} />
          </th>
          <td>
            <When at={since} />
          </td>
          <td>
            <Text value={reason} />
          </td>
          <td>{keys ?? "not known"}</td>
        </tr>
      ))}
    </Table>
  );
}

function Accounts({ health }: { health: Health }) {
  const gap = health.accounts.gap ?? 0;
  return (
    <>
      <p>
        End to end p50 {milliseconds(health.latency.p50_ms)}, p99 {milliseconds(health.latency.p99_ms)}. {gap === 0 ? "The accounts balance." : `Conservation gap: ${gap} accepted reports have no outcome yet.`}
      </p>
      <dl class="figures">
        {Object.entries(health.accounts).map(([name, value]) => (
          <div key={name}>
            <dt>{words(name)}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

export function HealthView({ me }: ViewProps) {
  const loaded = useResource<Health>("/api/health", 5000);
  return (
    <>
      <Heading>Pipeline health</Heading>
      <Answer of={loaded}>
        {(health) => (
          <>
            <p>
              All in all: <State of={health.state} />
            </p>
            <Checks health={health} />
            <Accounts health={health} />
            <Rates rates={health.rates} />
            <h2>Parked outlets</h2>
            <Parked health={health} />
            <h2>Dead letters</h2>
            <DeadLetters health={health} me={me} onDone={loaded.reload} />
            <h2>Stages</h2>
            <Stages health={health} />
          </>
        )}
      </Answer>
    </>
  );
}
