/** Text from reports: always text, never markup; isolated in its direction, clamped, control characters made visible. */
import { useState } from "preact/hooks";

const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/gu;
const PILED_MARKS = /(\p{M}{4})\p{M}+/gu;
const MOST_SHOWN = 300;

function named(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code < 0x20 ? String.fromCodePoint(0x2400 + code) : `[U+${code.toString(16).toUpperCase().padStart(4, "0")}]`;
}

/** What is safe to show of any string: no invisible or direction-changing characters, no towers of accents. */
export function harmless(value: string): string {
  return value.replace(CONTROLS, named).replace(PILED_MARKS, "$1");
}

/** The first `most` characters (code points: no half emoji) and an ellipsis. */
export function clamp(value: string, most: number): string {
  if (value.length <= most) return value;
  const points = Array.from(value.slice(0, most * 2));
  return points.length <= most && value.length <= most * 2 ? value : `${points.slice(0, most).join("")}…`;
}

export function Text({ value, most = MOST_SHOWN }: { value: unknown; most?: number }) {
  const text = value === null || value === undefined ? "" : String(value);
  return <bdi dir="auto">{harmless(clamp(text, most))}</bdi>;
}

/** A long text with its rest on demand. */
export function LongText({ value }: { value: string }) {
  const [whole, setWhole] = useState(false);
  const isLong = value.length > 600;
  return (
    <>
      <p class="long" dir="auto">
        {harmless(whole ? value : clamp(value, 600))}
      </p>
      {isLong && (
        <button type="button" class="quiet" aria-expanded={whole} onClick={() => setWhole(!whole)}>
          {whole ? "Show less" : `Show all ${value.length} characters`}
        </button>
      )}
    </>
  );
}

/** SECURITY_ALERT -> Security alert; a code comes from outside too, so it is made harmless like any text. */
export function words(code: string): string {
  const plain = harmless(clamp(code, 60)).replaceAll("_", " ").toLowerCase();
  return plain.charAt(0).toUpperCase() + plain.slice(1);
}
