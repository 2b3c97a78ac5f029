/** Pieces of every view: headings that take the focus, tables, states, questions. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Loaded } from "./hooks";
import { utc } from "./time";
import type { Colour, Status } from "./types";

/** A view's heading takes the focus, so that keyboard and screen reader start there after a change of view. */
export function Heading({ children }: { children: ComponentChildren }) {
  const ref = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (document.activeElement === document.body || document.activeElement?.closest("nav")) ref.current?.focus();
  }, []);
  return (
    <h1 ref={ref} tabIndex={-1}>
      {children}
    </h1>
  );
}

export function Answer<T>({ of, children }: { of: Loaded<T>; children: (data: T) => ComponentChildren }) {
  if (!of.data) return of.error ? <p role="alert" class="note bad">{of.error}</p> : <p class="faint">Loading…</p>;
  return (
    <>
      {of.error && (
        <p role="alert" class="note bad">
          Not refreshed: {of.error} What follows is as of {utc(new Date(of.at).toISOString())}.
        </p>
      )}
      {children(of.data)}
    </>
  );
}

/** A table that scrolls sideways in itself at high zoom, reachable by keyboard. */
export function Table({ name, heads, children }: { name: string; heads: string[]; children: ComponentChildren }) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={name}>
      <table>
        <caption class="hidden">{name}</caption>
        <thead>
          <tr>
            {heads.map((head) => (
              <th scope="col" key={head}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

export function Nothing({ columns, text }: { columns: number; text: string }) {
  return (
    <tr>
      <td colSpan={columns} class="faint">
        {text}
      </td>
    </tr>
  );
}

const STATE_WORDS: Record<Colour, string> = { ok: "✓ well", warn: "! look", bad: "✕ act" };

/** Never colour alone: a sign and a word too. */
export function State({ of }: { of: Colour }) {
  return <span class={`state ${of}`}>{STATE_WORDS[of] ?? "? not known"}</span>;
}

/** The word that keeps an exercise from being taken for real; nothing where it is real. */
export function Mode({ status }: { status: Status }) {
  return status === "Actual" ? null : <strong class="exercise-word">{status === "Exercise" ? "EXERCISE" : "TEST"}</strong>;
}

/** Across the view where what it shows is not what the console's mode says. */
export function StatusBanner({ status, home }: { status: Status; home: Status }) {
  if (status === home) return null;
  const word = status === "Actual" ? "REAL" : status.toUpperCase();
  const meaning = status === "Actual" ? "this is real, no exercise" : "what follows is not real";
  return <div class={`mode-banner ${status === "Actual" ? "real" : ""}`}>{`${word} · ${meaning} · ${word}`}</div>;
}

export function Note({ note, failed }: { note: string; failed: boolean }) {
  return (
    <p role="status" class={note ? `note ${failed ? "bad" : "ok"}` : "hidden"}>
      {note}
    </p>
  );
}

/** A modal question; Escape and the second button answer no. */
export function Ask(props: { title: string; yes: string; isReady?: boolean; onYes: () => void; onNo: () => void; children: ComponentChildren }) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => ref.current?.showModal(), []);
  return (
    <dialog ref={ref} aria-label={props.title} onClose={props.onNo}>
      <h2>{props.title}</h2>
      {props.children}
      <div class="buttons">
        <button type="button" class="main" disabled={props.isReady === false} onClick={props.onYes}>
          {props.yes}
        </button>
        <button type="button" onClick={() => ref.current?.close()}>
          Back
        </button>
      </div>
    </dialog>
  );
}
