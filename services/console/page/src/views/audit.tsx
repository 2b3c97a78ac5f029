/** The whole decision table without content, for auditors alone. */
import { useState } from "preact/hooks";
import { part } from "../api";
import { useResource } from "../hooks";
import { Answer, Heading, Nothing, Table } from "../parts";
import { Text } from "../text";
import { When } from "../time";
import type { Verdict } from "../types";

export function AuditView() {
  const [series, setSeries] = useState("");
  const [recipient, setRecipient] = useState("");
  const [before, setBefore] = useState("");
  const loaded = useResource<{ items: Verdict[]; next: string | null }>(`/api/audit/decisions?series=${part(series)}&recipient=${part(recipient)}&before=${part(before)}`);
  const narrow = (set: (value: string) => void) => (event: { currentTarget: HTMLInputElement }) => (set(event.currentTarget.value), setBefore(""));
  return (
    <>
      <Heading>Decisions</Heading>
      <form class="filters" role="search" aria-label="Filters" onSubmit={(event) => event.preventDefault()}>
        <label>
          Report (originator/series)
          <input value={series} onChange={narrow(setSeries)} />
        </label>
        <label>
          Recipient
          <input value={recipient} onChange={narrow(setRecipient)} />
        </label>
      </form>
      <Answer of={loaded}>
        {({ items, next }) => (
          <>
            <Table name="Decisions" heads={["As of", "Report", "Version", "Recipient", "Effect", "Target", "Reason", "Epoch"]}>
              {items.length === 0 && <Nothing columns={8} text="No decision matches." />}
              {items.map((item, index) => (
                <tr key={index}>
                  <td>
                    <When at={item.as_of} />
                  </td>
                  <th scope="row">
                    <Text value={item.series_id} most={80} />
                  </th>
                  <td>{item.version}</td>
                  <td>
                    <Text value={item.recipient} most={60} />
                  </td>
                  <td><Text value={item.effect} most={20} /></td>
                  <td><Text value={item.target} most={20} /></td>
                  <td><Text value={item.primary} most={60} /></td>
                  <td>{item.epoch}</td>
                </tr>
              ))}
            </Table>
            <button type="button" disabled={!next} onClick={() => next && setBefore(next)}>
              Older
            </button>
          </>
        )}
      </Answer>
    </>
  );
}
