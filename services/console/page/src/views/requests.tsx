/** Imminent requests: two persons must confirm before consent is overridden; both names are kept. */
import { useState } from "preact/hooks";
import { part, send } from "../api";
import { useAction, useResource } from "../hooks";
import { Answer, Ask, Heading, Mode, Note } from "../parts";
import { Text, words } from "../text";
import { Countdown, When } from "../time";
import type { ConsentRequest, Me } from "../types";
import type { ViewProps } from "./lazy";

const OPEN = new Set(["waiting", "approved_once"]);

function Confirm({ request, me, onDone, onNo }: { request: ConsentRequest; me: Me; onDone: () => void; onNo: () => void }) {
  const [reason, setReason] = useState("");
  const { busy, note, failed, run } = useAction();
  const yes = () =>
    run(async () => {
      await send("POST", `/api/requests/${part(request.id)}/approve`, { reason });
      onDone();
      return "";
    });
  const isLast = request.approvals.length + 1 >= request.needed;
  return (
    <Ask title={`${request.status === "Actual" ? "" : `${request.status.toUpperCase()}: `}Break glass`} yes={`Confirm as ${me.name}`} isReady={!busy && reason.trim().length > 9} onYes={yes} onNo={onNo}>
      <p>
        The report <Text value={request.series_id} /> goes to <Text value={request.audience} /> without its originator's answer.{" "}
        {isLast ? "Yours is the last confirmation: it is released at once." : "A second person has to confirm as well."}
      </p>
      <label>
        Why life is in danger (at least ten characters, goes to the originator)
        <textarea rows={3} value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
      </label>
      <Note note={note} failed={failed} />
    </Ask>
  );
}

function Request({ request, me, onAsk }: { request: ConsentRequest; me: Me; onAsk: () => void }) {
  const isMine = request.approvals.some(({ name }) => name === me.name);
  return (
    <li class="card">
      <h2>
        <Mode status={request.status} /> <Text value={request.reason} most={160} />
      </h2>
      <p>
        <span class="tag">{words(request.state)}</span> <Text value={request.series_id} /> of <Text value={request.originator} /> for <Text value={request.audience} /> · asked{" "}
        <When at={request.asked_at} /> · <Countdown to={request.expires_at} />
      </p>
      <p>
        Confirmed {request.approvals.length} of {request.needed}
        {request.approvals.map(({ name, at }) => (
          <span key={name}>
            {" "}
            · <Text value={name} most={60} /> <When at={at} />
          </span>
        ))}
      </p>
      {OPEN.has(request.state) && me.roles.includes("approver") && (
        <button type="button" class="main" disabled={isMine} onClick={onAsk}>
          {isMine ? "You have confirmed; another person has to" : "Confirm…"}
        </button>
      )}
      {request.incident_key && <a href={`#/incident/${part(request.incident_key)}`}>Open incident</a>}
    </li>
  );
}

export function RequestsView({ me }: ViewProps) {
  const loaded = useResource<{ items: ConsentRequest[] }>("/api/requests", 3000);
  const [asked, setAsked] = useState<string | null>(null);
  return (
    <>
      <Heading>Imminent requests</Heading>
      <p>Where life is in danger and the originator does not answer, two approvers may release a report. Everybody involved is told.</p>
      <Answer of={loaded}>
        {({ items }) => (
          <ul class="plain">
            {items.length === 0 && <li class="faint">No request is waiting.</li>}
            {items.map((request) => (
              <Request key={request.id} request={request} me={me} onAsk={() => setAsked(request.id)} />
            ))}
            {items
              .filter(({ id }) => id === asked)
              .map((request) => (
                <Confirm key={request.id} request={request} me={me} onNo={() => setAsked(null)} onDone={() => (setAsked(null), loaded.reload())} />
              ))}
          </ul>
        )}
      </Answer>
    </>
  );
}
