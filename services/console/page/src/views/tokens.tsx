/** Tokens for other tools: shown once, scoped, with an end. */
import { useState } from "preact/hooks";
import { part, send } from "../api";
import { useAction, useResource } from "../hooks";
import { Answer, Heading, Note, Nothing, Table } from "../parts";
import { clamp, harmless, Text } from "../text";
import { When } from "../time";
import type { Token } from "../types";

export function TokensView() {
  const loaded = useResource<{ items: Token[] }>("/api/tokens");
  const [name, setName] = useState("");
  const [made, setMade] = useState("");
  const { busy, note, failed, run } = useAction();
  const make = () =>
    run(async () => {
      const token = await send<Token>("POST", "/api/tokens", { name, scopes: ["read"], days: 30 });
      setMade(token.token ?? "");
      setName("");
      loaded.reload();
      return "Made. It is shown only now.";
    });
  const end = (id: string) =>
    run(async () => {
      await send("DELETE", `/api/tokens/${part(id)}`);
      loaded.reload();
      return "Ended.";
    });
  return (
    <>
      <Heading>Tokens for other tools</Heading>
      <form class="filters" onSubmit={(event) => (event.preventDefault(), make())}>
        <label>
          What it is for
          <input required value={name} onInput={(event) => setName(event.currentTarget.value)} />
        </label>
        <button class="main" disabled={busy}>
          Make a read token for 30 days
        </button>
      </form>
      <Note note={note} failed={failed} />
      {made && <code class="secret">{made}</code>}
      <Answer of={loaded}>
        {({ items }) => (
          <Table name="Tokens" heads={["Name", "Scopes", "Ends", "Last used", "End it"]}>
            {items.length === 0 && <Nothing columns={5} text="You have no token." />}
            {items.map((token) => (
              <tr key={token.id}>
                <th scope="row">
                  <Text value={token.name} most={60} />
                </th>
                <td>
                    <Text value={token.scopes.join(", ")} most={80} />
                  </td>
                <td>
                  <When at={token.expires_at} />
                </td>
                <td>
                  <When at={token.last_used_at} />
                </td>
                <td>
                  <button type="button" disabled={busy} onClick={() => end(token.id)}>
                    End now
                    <span class="hidden">: {harmless(clamp(token.name, 60))}</span>
                  </button>
                </td>
              </tr>
            ))}
          </Table>
        )}
      </Answer>
    </>
  );
}
