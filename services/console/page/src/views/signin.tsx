import { useState } from "preact/hooks";
import { send } from "../api";
import { useAction } from "../hooks";
import type { Me } from "../types";

export function SignIn({ reason, onSignIn }: { reason: string; onSignIn: (me: Me) => void }) {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const { busy, note, run } = useAction();
  const submit = (event: Event) => {
    event.preventDefault();
    run(async () => {
      await send("POST", "/api/sign-in", { name, password });
      // The session's own answer, so that both ways in (password, single sign-on) end in the same place.
      onSignIn(await (await fetch("/api/me", { cache: "no-store" })).json());
      return "";
    });
  };
  return (
    <main class="center">
      <h1>SLT Relay console</h1>
      <form class="card form" onSubmit={submit}>
        <p role="status">{reason}</p>
        <label>
          Name
          <input name="name" autoComplete="username" required value={name} onInput={(event) => setName(event.currentTarget.value)} />
        </label>
        <label>
          Password
          <input name="password" type="password" autoComplete="current-password" required value={password} onInput={(event) => setPassword(event.currentTarget.value)} />
        </label>
        <p role="alert" class={note ? "note bad" : "hidden"}>
          {note}
        </p>
        <button class="main" disabled={busy}>
          Sign in
        </button>
      </form>
    </main>
  );
}
