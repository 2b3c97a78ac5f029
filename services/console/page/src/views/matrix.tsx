/** Who got it: recipient by report, with projection, reason and acknowledgement. */
import { useState } from "preact/hooks";
import { part } from "../api";
import { useResource } from "../hooks";
import { Answer } from "../parts";
import { Text } from "../text";
import { When } from "../time";
import type { Matrix, Told } from "../types";

const EFFECTS: Record<string, string> = { PERMIT: "✓ told", HOLD: "… held", DENY: "✕ not told" };
type Which = "all" | "told" | "not";

function byRecipient(rows: Told[]): Map<string, Told[]> {
  const found = new Map<string, Told[]>();
  for (const row of rows) found.set(row.recipient, [...(found.get(row.recipient) ?? []), row]);
  return found;
}

function wanted(rows: Told[], which: Which): boolean {
  const isTold = rows.some(({ effect }) => effect === "PERMIT");
  return which === "all" || isTold === (which === "told");
}

function Cell({ row }: { row: Told | undefined }) {
  if (!row) return <td class="faint">no decision</td>;
  return (
    <td class={`effect ${row.effect.toLowerCase()}`}>
      <strong>{EFFECTS[row.effect] ?? "? not known"}</strong> <Text value={row.projection} most={60} />
      <div>
        <Text value={row.text || row.primary} most={160} />
      </div>
      {row.effect === "PERMIT" && (
        <div class="faint">
          delivered <When at={row.delivered_at} /> · {row.acknowledged_at ? <>acknowledged <When at={row.acknowledged_at} /></> : "not acknowledged"}
        </div>
      )}
    </td>
  );
}

function Body({ matrix, which }: { matrix: Matrix; which: Which }) {
  const groups = [...byRecipient(matrix.rows)].filter(([, rows]) => wanted(rows, which));
  return (
    <div class="scroll tall" tabIndex={0} role="region" aria-label="Recipients by report">
      <table class="matrix">
        <thead>
          <tr>
            <th scope="col">Recipient</th>
            {matrix.series.map((series) => (
              <th scope="col" key={series}>
                <Text value={series} most={60} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {groups.map(([recipient, rows]) => (
            <tr key={recipient}>
              <th scope="row">
                <Text value={rows[0]?.name || recipient} most={60} />
              </th>
              {matrix.series.map((series) => (
                <Cell key={series} row={rows.find(({ series_id }) => series_id === series)} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function MatrixPart({ id, sequence }: { id: string; sequence: number }) {
  const loaded = useResource<Matrix>(`/api/incidents/${part(id)}/matrix?sequence=${sequence}`, 10_000);
  const [which, setWhich] = useState<Which>("all");
  return (
    <section aria-labelledby="matrix">
      <h2 id="matrix">Who got it</h2>
      <Answer of={loaded}>
        {(matrix) => (
          <>
            <p>
              {matrix.rows.filter(({ effect }) => effect === "PERMIT").length} told, {matrix.rows.filter(({ effect }) => effect !== "PERMIT").length} not, as of{" "}
              <When at={matrix.as_of} /> at policy epoch {matrix.epoch}.{" "}
              <label class="inline">
                Show
                <select value={which} onChange={(event) => setWhich(event.currentTarget.value as Which)}>
                  <option value="all">all recipients</option>
                  <option value="told">told</option>
                  <option value="not">not told</option>
                </select>
              </label>
            </p>
            <Body matrix={matrix} which={which} />
          </>
        )}
      </Answer>
    </section>
  );
}
