/** Recalls, cases, partners, situation: one list each. */
import { part } from "../api";
import { useResource } from "../hooks";
import { Answer, Heading, Mode, Nothing, Table } from "../parts";
import { Text, words } from "../text";
import { Countdown, When } from "../time";
import type { Case, Partner, Recall, Window } from "../types";

function OpenIncident({ id }: { id: string | null }) {
  return id ? <a href={`#/incident/${part(id)}`}>open incident</a> : <span class="faint">no longer shown</span>;
}

export function RecallsView() {
  const loaded = useResource<{ items: Recall[] }>("/api/recalls", 5000);
  return (
    <>
      <Heading>Recalls</Heading>
      <Answer of={loaded}>
        {({ items }) => (
          <Table name="Recalls" heads={["Recipient", "State", "Time left", "Reason", "Started", "Acknowledged", "Incident"]}>
            {items.length === 0 && <Nothing columns={7} text="No recall is open." />}
            {items.map((recall) => (
              <tr key={recall.id}>
                <th scope="row">
                  <Mode status={recall.status} /> <Text value={recall.name || recall.recipient} most={60} />
                </th>
                <td>{words(recall.state)}</td>
                <td>{recall.state === "acknowledged" ? "" : <Countdown to={recall.due_at} />}</td>
                <td>
                  <Text value={recall.reason} />
                </td>
                <td>
                  <When at={recall.started_at} />
                </td>
                <td>{recall.acknowledged_at ? <When at={recall.acknowledged_at} /> : "not yet"}</td>
                <td>
                  <OpenIncident id={recall.incident_key} />
                </td>
              </tr>
            ))}
          </Table>
        )}
      </Answer>
    </>
  );
}

export function CasesView() {
  const loaded = useResource<{ items: Case[] }>("/api/cases", 15_000);
  return (
    <>
      <Heading>Queries and cases</Heading>
      <Answer of={loaded}>
        {({ items }) => (
          <Table name="Queries and cases" heads={["Title", "Kind", "State", "Opened", "By", "Incident"]}>
            {items.length === 0 && <Nothing columns={6} text="No query or case is open." />}
            {items.map((item) => (
              <tr key={item.id}>
                <th scope="row">
                  <Text value={item.title} />
                </th>
                <td>{words(item.kind)}</td>
                <td>{words(item.state)}</td>
                <td>
                  <When at={item.opened_at} />
                </td>
                <td>
                  <Text value={item.by} most={60} />
                </td>
                <td>
                  <OpenIncident id={item.incident_key} />
                </td>
              </tr>
            ))}
          </Table>
        )}
      </Answer>
    </>
  );
}

export function PartnersView() {
  const loaded = useResource<{ items: Partner[] }>("/api/partners", 5000);
  return (
    <>
      <Heading>Partners</Heading>
      <Answer of={loaded}>
        {({ items }) => (
          <Table name="Partners" heads={["Partner", "State", "Outlet", "Lag", "Last heartbeat", "Last delivery", "Last report"]}>
            {items.length === 0 && <Nothing columns={7} text="No partner is admitted." />}
            {items.map((partner) => (
              <tr key={partner.recipient}>
                <th scope="row">
                  <Text value={partner.name || partner.recipient} most={60} />
                </th>
                <td>
                  {words(partner.state)} {partner.silent && <strong class="tag warn">! silent</strong>}
                </td>
                <td>{partner.outlet === "parked" ? <strong class="tag bad">✕ parked</strong> : words(partner.outlet)}</td>
                <td>{partner.lag ?? "not known"}</td>
                <td>
                  <When at={partner.last_heartbeat} />
                </td>
                <td>
                  <When at={partner.last_delivery} />
                </td>
                <td>
                  <When at={partner.last_submission} />
                </td>
              </tr>
            ))}
          </Table>
        )}
      </Answer>
    </>
  );
}

export function SituationView() {
  const loaded = useResource<{ as_of: string | null; windows: Window[] }>("/api/situation", 30_000);
  return (
    <>
      <Heading>Situation</Heading>
      <Answer of={loaded}>
        {({ as_of, windows }) => (
          <>
            <p>
              Counts as of <When at={as_of} />. A count that may be seen is not a rate of violence: it says what was reported and shared.
            </p>
            <Table name="Incidents by area and kind" heads={["Area", "Kind", "Window", "Count", "Usual", "Spike", "Evidence"]}>
              {windows.length === 0 && <Nothing columns={7} text="Nothing was counted yet." />}
              {windows.map((window, index) => (
                <tr key={index}>
                  <th scope="row">
                    <Text value={[window.area, window.country].filter(Boolean).join(", ")} most={80} />
                  </th>
                  <td>{words(window.kind)}</td>
                  <td>
                    <When at={window.from} /> to <When at={window.to} />
                  </td>
                  <td>{window.count}</td>
                  <td>{window.baseline ?? "not known"}</td>
                  <td>{window.spike ? <strong class="tag bad">▲ spike</strong> : "no"}</td>
                  <td>
                    <Text value={window.evidence} />
                  </td>
                </tr>
              ))}
            </Table>
          </>
        )}
      </Answer>
    </>
  );
}
