/** One incident: what each originator says, side by side; the clocks; what is linked and why; who got it. */
import { useEffect, useState } from "preact/hooks";
import { part, send } from "../api";
import { useAction, useLive, useResource } from "../hooks";
import { Answer, Ask, Heading, Mode, Note, StatusBanner } from "../parts";
import { harmless, LongText, Text, words } from "../text";
import { When } from "../time";
import type { Account, IncidentPage, Me, Relation } from "../types";
import type { ViewProps } from "./lazy";
import { MatrixPart } from "./matrix";

const LONG = new Set(["description", "advice"]);
const TIMES = new Set(["occurred_from", "occurred_to", "reported_at", "received_at", "expires"]);
/** Shown first and in this order; what else an account has comes after. */
const FIRST = ["headline", "kind", "event", "severity", "urgency", "certainty", "occurred_from", "occurred_to", "place", "country", "area", "harm", "description", "advice"];
const NOT_ROWS = new Set(["originator", "series_id", "version", "message", "time_precision", "source", "decided_at", "delivered_at"]);
/** A contradiction is named by its meaning: the rows that it is seen in. */
const SEEN_IN: Record<string, string> = { occurred: "occurred_from", "place.country": "country" };

function flat(value: object): string {
  return Object.entries(value)
    .filter(([, inner]) => inner !== null && inner !== "" && !(Array.isArray(inner) && inner.length === 0))
    .map(([name, inner]) => `${words(name)}: ${typeof inner === "object" ? JSON.stringify(inner) : String(inner)}`)
    .join(" · ");
}

function Cell({ account, field }: { account: Account; field: string }) {
  const value = account[field];
  if (value === null || value === undefined || value === "") return <span class="faint">not given</span>;
  if (TIMES.has(field)) return <When at={String(value)} precision={field.startsWith("occurred") ? String(account.time_precision) : null} />;
  if (field === "kind") return <Text value={words(String(value))} />;
  if (LONG.has(field)) return <LongText value={String(value)} />;
  if (typeof value !== "object") return <Text value={value} />;
  return <Text value={(Array.isArray(value) ? value.map(String).join(", ") : flat(value)) || "not given"} />;
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined || value === "") return true;
  return typeof value === "object" && (Array.isArray(value) ? value.length === 0 : flat(value) === "");
}

function fieldsOf(accounts: Account[]): string[] {
  const all = new Set([...FIRST, ...accounts.flatMap((account) => Object.keys(account))]);
  return [...all].filter((field) => !NOT_ROWS.has(field) && accounts.some((account) => !isEmpty(account[field])));
}

function Accounts({ page }: { page: IncidentPage }) {
  const { accounts } = page;
  const differing = new Set(page.conflicts.flatMap((name) => [name, SEEN_IN[name] ?? name, name.split(".")[0] ?? name]));
  return (
    <section aria-labelledby="accounts">
      <h2 id="accounts">
        Accounts side by side ({accounts.length}, sources <Text value={page.incident.sources} most={10} />)
      </h2>
      <div class="scroll" tabIndex={0} role="region" aria-label="Accounts side by side">
        <table class="accounts">
          <thead>
            <tr>
              <th scope="col">Field</th>
              {accounts.map((account) => (
                <th scope="col" key={account.series_id}>
                  <Text value={account.originator ?? "originator not shown"} most={60} />
                  <div class="faint">
                    <Text value={account.series_id} most={60} /> version {account.version}
                  </div>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {fieldsOf(accounts).map((field) => (
              <tr key={field} class={differing.has(field) ? "conflict" : ""}>
                <th scope="row">
                  <Text value={words(field)} most={40} />
                  {differing.has(field) && <strong class="tag warn">≠ differ</strong>}
                </th>
                {accounts.map((account) => (
                  <td key={account.series_id}>
                    <Cell account={account} field={field} />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Timeline({ page }: { page: IncidentPage }) {
  const moments = [...page.timeline].sort((a, b) => (a.at ?? "").localeCompare(b.at ?? ""));
  return (
    <section aria-labelledby="timeline">
      <h2 id="timeline">Timeline</h2>
      <ol class="timeline">
        {moments.map(({ at, clock, who, what, precision }, index) => (
          <li key={index} class={clock}>
            <When at={at} precision={precision} /> <strong>{words(clock)}</strong> <Text value={who ?? ""} most={60} /> <Text value={what} most={200} />
          </li>
        ))}
      </ol>
    </section>
  );
}

type Word = "confirm" | "reject" | "split" | "merge";
interface Question {
  action: Word;
  left: string;
  right: string;
}

const MEANING: Record<Word, string> = {
  confirm: "Both reports are about the same event. They stay linked whatever the rules say.",
  reject: "The reports are about different events. They are no longer linked.",
  split: "The report leaves this incident. Recipients that hold both get an update, no recall.",
  merge: "The other report joins this incident. Recipients that may see both get an update.",
};

function AskLink({ question, incident, onDone, onNo }: { question: Question; incident: string; onDone: (note: string) => void; onNo: () => void }) {
  const [right, setRight] = useState(question.right);
  const [reason, setReason] = useState("");
  const { busy, note, failed, run } = useAction();
  const yes = () =>
    run(async () => {
      const done = await send<{ detail: string }>("POST", "/api/links", { ...question, right, reason, incident_key: incident });
      onDone(done.detail);
      return done.detail;
    });
  return (
    <Ask title={words(question.action)} yes={words(question.action)} isReady={!busy && reason.trim() !== "" && right !== ""} onYes={yes} onNo={onNo}>
      <p>{MEANING[question.action]}</p>
      <p>
        <Text value={question.left} />
      </p>
      <label>
        {question.action === "merge" ? "Report that joins (originator/series)" : "With"}
        <input value={right} readOnly={question.action !== "merge"} onInput={(event) => setRight(event.currentTarget.value)} />
      </label>
      <label>
        Reason, kept in the audit
        <input value={reason} required onInput={(event) => setReason(event.currentTarget.value)} />
      </label>
      <Note note={note} failed={failed} />
    </Ask>
  );
}

function RelationLine({ relation, canAct, onAsk }: { relation: Relation; canAct: boolean; onAsk: (question: Question) => void }) {
  const ask = (action: Word) => onAsk({ action, left: relation.left, right: relation.right });
  return (
    <li class="card">
      <p>
        <strong>{words(relation.relation)}</strong> <span class="tag">{words(relation.state)}</span> <Text value={relation.left} most={80} /> and <Text value={relation.right} most={80} />
        {relation.score !== null && ` · score ${relation.score.toFixed(2)}`}
      </p>
      <dl class="evidence">
        {relation.evidence.map(({ name, value }) => (
          <div key={name}>
            <dt>{harmless(words(name))}</dt>
            <dd>
              <Text value={value} most={120} />
            </dd>
          </div>
        ))}
      </dl>
      {canAct && (
        <div class="buttons">
          {(["confirm", "reject", "split"] as const).map((action) => (
            <button type="button" key={action} onClick={() => ask(action)}>
              {words(action)}
            </button>
          ))}
        </div>
      )}
    </li>
  );
}

function Relations({ page, me, onChanged }: { page: IncidentPage; me: Me; onChanged: () => void }) {
  const [question, setQuestion] = useState<Question | null>(null);
  const [note, setNote] = useState("");
  const canAct = me.roles.some((role) => role === "operator" || role === "approver");
  const first = page.accounts[0]?.series_id ?? "";
  const done = (text: string) => {
    setQuestion(null);
    setNote(text);
    onChanged();
  };
  return (
    <section aria-labelledby="relations">
      <h2 id="relations">Relations and their evidence</h2>
      {page.relations.length === 0 && <p class="faint">No relation to another report that you may see.</p>}
      <ul class="plain">
        {page.relations.map((relation) => (
          <RelationLine key={relation.id} relation={relation} canAct={canAct} onAsk={setQuestion} />
        ))}
      </ul>
      {canAct && (
        <button type="button" onClick={() => setQuestion({ action: "merge", left: first, right: "" })}>
          Merge another report into this incident
        </button>
      )}
      <Note note={note} failed={false} />
      {question && <AskLink question={question} incident={page.incident.key} onDone={done} onNo={() => setQuestion(null)} />}
    </section>
  );
}

function Gone({ live, id }: { live: ViewProps["live"]; id: string }) {
  const trace = live.gone.find(({ key }) => key === id);
  if (!trace) return null;
  return (
    <div role="alert" class="note bad">
      {words(trace.reason)} at <When at={trace.at} />: this incident may no longer be shown.{" "}
      {trace.replaced_by ? <a href={`#/incident/${part(trace.replaced_by)}`}>Go to the incident that it is part of now</a> : <a href="#/recalls">See recalls</a>}
    </div>
  );
}

export function IncidentView({ me, live, home, id }: ViewProps) {
  useLive(live);
  const page = useResource<IncidentPage>(`/api/incidents/${part(id)}`);
  const row = live.rows.get(id);
  const isGone = live.gone.some(({ key }) => key === id) && !row;
  const sequence = row?.incident.sequence;
  useEffect(() => {
    if (sequence !== undefined && page.data && page.data.incident.sequence !== sequence) page.reload();
  }, [sequence]);
  if (isGone) return <Gone live={live} id={id} />;
  return (
    <Answer of={page}>
      {(data) => (
        <article class={data.incident.status === "Actual" ? "" : "not-real"}>
          <StatusBanner status={data.incident.status} home={home} />
          <p>
            <a href="#/live">Back to the live picture</a>
          </p>
          <Heading>
            <Mode status={data.incident.status} /> <Text value={data.incident.headline || words(data.incident.kind)} />
          </Heading>
          <p>
            <span class="tag">{words(data.incident.severity)}</span> <span class="tag">{words(data.incident.type)}</span>{" "}
            {data.incident.imminent && <strong class="tag bad">IMMINENT RISK</strong>}{" "}
            {data.incident.acknowledged_by && (
              <>
                acknowledged by <Text value={data.incident.acknowledged_by} most={60} /> <When at={data.incident.acknowledged_at} />
              </>
            )}
          </p>
          <p class="faint">
            <Text value={data.notice} most={600} />
          </p>
          <Accounts page={data} />
          <MatrixPart id={id} sequence={data.incident.sequence} />
          <div class="columns">
            <Timeline page={data} />
            <Relations page={data} me={me} onChanged={page.reload} />
          </div>
        </article>
      )}
    </Answer>
  );
}

