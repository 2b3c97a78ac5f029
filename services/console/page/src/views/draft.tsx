/** An alert by the SIOC itself: nothing is sent that was not previewed, and the preview says who will not get it and why. */
import { useState } from "preact/hooks";
import { send } from "../api";
import { SEVERITIES, STATUSES } from "../filters";
import { useAction } from "../hooks";
import { Ask, Heading, Nothing, Note, StatusBanner, Table } from "../parts";
import { Text, words } from "../text";
import type { Preview, Status } from "../types";
import type { ViewProps } from "./lazy";

interface Draft {
  status: Status;
  kind: string;
  event: string;
  severity: string;
  urgency: string;
  certainty: string;
  headline: string;
  description: string;
  advice: string;
  country: string;
  latitude: string;
  longitude: string;
  precision: string;
  expires: string;
}

const CHOICES: Partial<Record<keyof Draft, readonly string[]>> = {
  status: STATUSES,
  kind: ["SECURITY_ALERT", "INCIDENT_REPORT", "SITUATION_REPORT", "RISK_MITIGATION_MEASURE", "CONTINGENCY_MEASURE", "QUERY"],
  severity: SEVERITIES,
  urgency: ["Immediate", "Expected", "Future", "Past", "Unknown"],
  certainty: ["Observed", "Likely", "Possible", "Unlikely", "Unknown"],
  precision: ["EXACT", "TOWN", "ADMIN2", "ADMIN1", "COUNTRY", "UNKNOWN"],
};
const LONG = new Set<keyof Draft>(["description", "advice"]);
const HINTS: Partial<Record<keyof Draft, string>> = {
  event: "what happened, in a word of the scheme",
  advice: "advice, never an order",
  country: "ISO code or name",
  expires: "UTC, for example 2026-11-25T06:00Z",
  latitude: "degrees north",
  longitude: "degrees east",
  precision: "of the place",
};

function body(draft: Draft): object {
  const number = (text: string) => (text.trim() === "" ? null : Number(text));
  return { ...draft, latitude: number(draft.latitude), longitude: number(draft.longitude), expires: draft.expires || null };
}

function Field({ name, value, onInput }: { name: keyof Draft; value: string; onInput: (value: string) => void }) {
  const options = CHOICES[name];
  const common = { name, value };
  return (
    <label class={LONG.has(name) || name === "headline" ? "wide" : ""}>
      {HINTS[name] ? `${words(name)} (${HINTS[name]})` : words(name)}
      {options && (
        <select {...common} onChange={(event) => onInput(event.currentTarget.value)}>
          {options.map((option) => (
            <option key={option} value={option}>
              {words(option)}
            </option>
          ))}
        </select>
      )}
      {!options && LONG.has(name) && <textarea {...common} rows={4} dir="auto" onInput={(event) => onInput(event.currentTarget.value)} />}
      {!options && !LONG.has(name) && <input {...common} dir="auto" onInput={(event) => onInput(event.currentTarget.value)} />}
    </label>
  );
}

function Shown({ preview }: { preview: Preview }) {
  return (
    <section aria-label="Preview" class="columns">
      {preview.problems.length > 0 && (
        <ul role="alert" class="note bad">
          {preview.problems.map(({ field, detail }) => (
            <li key={field}>
              {words(field)}: <Text value={detail} />
            </li>
          ))}
        </ul>
      )}
      <Table name={`Would receive it: ${preview.would.length}`} heads={["Would receive it", "How much of it"]}>
        {preview.would.length === 0 && <Nothing columns={2} text="Nobody." />}
        {preview.would.map(({ recipient, name, projection }) => (
          <tr key={recipient}>
            <th scope="row">
              <Text value={name || recipient} most={60} />
            </th>
            <td>
              <Text value={projection} most={80} />
            </td>
          </tr>
        ))}
      </Table>
      <Table name={`Would not: ${preview.would_not.length}`} heads={["Would not receive it", "Why"]}>
        {preview.would_not.length === 0 && <Nothing columns={2} text="Nobody is left out." />}
        {preview.would_not.map(({ recipient, name, text, primary }) => (
          <tr key={recipient}>
            <th scope="row">
              <Text value={name || recipient} most={60} />
            </th>
            <td>
              <Text value={text || primary} />
            </td>
          </tr>
        ))}
      </Table>
    </section>
  );
}

function useDraft(home: Status) {
  const [draft, setDraft] = useState<Draft>({
    status: home, kind: "SECURITY_ALERT", event: "", severity: "Severe", urgency: "Immediate", certainty: "Likely",
    headline: "", description: "", advice: "", country: "", latitude: "", longitude: "", precision: "TOWN", expires: "",
  });
  const [preview, setPreview] = useState<Preview | null>(null);
  const change = (some: Partial<Draft>) => {
    setDraft({ ...draft, ...some });
    // A changed draft has no preview: what would be sent is always what was shown.
    setPreview(null);
  };
  return { draft, change, preview, setPreview };
}

export function DraftView({ me, home }: ViewProps) {
  const { draft, change, preview, setPreview } = useDraft(home);
  const [asking, setAsking] = useState(false);
  const { busy, note, failed, run } = useAction();
  const look = () =>
    run(async () => {
      setPreview(await send<Preview>("POST", "/api/drafts/preview", body(draft)));
      return "Previewed: nothing has been sent.";
    });
  const sendIt = () => {
    setAsking(false);
    run(async () => {
      const { series_id } = await send<{ series_id: string }>("POST", "/api/drafts/send", { ...body(draft), token: preview?.token, confirm: true });
      change({ headline: "", description: "", advice: "" });
      return `Sent as ${series_id}.`;
    });
  };
  if (!me.roles.some((role) => role === "operator" || role === "approver")) return <><Heading>Draft an alert</Heading><p>Drafting needs the role operator.</p></>;
  const isReady = preview !== null && preview.problems.length === 0 && preview.would.length > 0;
  return (
    <div class={draft.status === "Actual" ? "" : "not-real"}>
      <Heading>Draft an alert</Heading>
      <StatusBanner status={draft.status} home={home} />
      <form class="form grid" onSubmit={(event) => (event.preventDefault(), look())}>
        {(Object.keys(draft) as (keyof Draft)[]).map((name) => (
          <Field key={name} name={name} value={draft[name]} onInput={(value) => change({ [name]: value })} />
        ))}
        <div class="buttons wide">
          <button class="main" disabled={busy || draft.headline.trim() === ""}>
            Preview who would get it
          </button>
          <button type="button" disabled={busy || !isReady} onClick={() => setAsking(true)}>
            Send as the SIOC…
          </button>
        </div>
      </form>
      <Note note={note} failed={failed} />
      {preview && <Shown preview={preview} />}
      {asking && preview && (
        <Ask title={draft.status === "Actual" ? "Send a REAL alert" : `Send as ${draft.status.toUpperCase()}`} yes={`Send to ${preview.would.length}`} onYes={sendIt} onNo={() => setAsking(false)}>
          <p>
            <Text value={draft.headline} />
          </p>
          <p>
            {preview.would.length} organisations receive it at once, {preview.would_not.length} do not.
          </p>
        </Ask>
      )}
    </div>
  );
}
