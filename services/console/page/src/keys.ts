/** Single-key shortcuts; they can be switched off (WCAG 2.1.4) and never act while text is typed. */
import { useEffect, useRef } from "preact/hooks";

export const KEYS: [string, string][] = [
  ["?", "this list"],
  ["/", "search in the feed"],
  ["f", "to the feed; arrows or j and k move, Enter opens"],
  ["a", "acknowledge the oldest imminent risk"],
  ["m", "sound off or on"],
  ["t", "light or dark"],
  ["g l", "live picture"],
  ["g d", "draft an alert"],
  ["g r", "recalls"],
  ["g i", "imminent requests"],
  ["g c", "queries and cases"],
  ["g p", "partners"],
  ["g h", "pipeline health"],
  ["g s", "situation"],
  ["Esc", "back, or close"],
];

export const PLACES: Record<string, string> = { l: "#/live", d: "#/draft", r: "#/recalls", i: "#/requests", c: "#/cases", p: "#/partners", h: "#/health", s: "#/situation" };

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName));
}

/** Calls `actions[key]`, or `actions["g x"]` for two keys in a row. */
export function useKeys(isOn: boolean, actions: Record<string, () => void>): void {
  // Kept across redraws: a live page redraws between the two keys of "g h".
  const before = useRef("");
  const latest = useRef({ isOn, actions });
  latest.current = { isOn, actions };
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (document.querySelector("dialog[open]") || (!latest.current.isOn && event.key !== "Escape")) return;
      const action = latest.current.actions[before.current === "g" ? `g ${event.key}` : event.key];
      before.current = event.key;
      if (!action) return;
      event.preventDefault();
      action();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
}
