/** Small hooks that several views share. */
import { useCallback, useEffect, useReducer, useRef, useState } from "preact/hooks";
import { get, told } from "./api";
import type { Live } from "./live";

/** Draws the component again whenever the live picture changed, at most once a frame. */
export function useLive(live: Live): void {
  const [, again] = useReducer<number, void>((count) => count + 1, 0);
  useEffect(() => live.subscribe(() => again()), [live]);
}

export interface Loaded<T> {
  data: T | null;
  error: string;
  /** When `data` came, in milliseconds: old data with an error is shown as old. */
  at: number;
  reload: () => void;
}

/** Fetches and refetches; a failed refresh keeps the old data and says so. */
export function useResource<T>(path: string | null, everyMs = 0): Loaded<T> {
  const [state, setState] = useState<{ data: T | null; error: string; at: number; path: string | null }>({ data: null, error: "", at: 0, path });
  const latest = useRef(path);
  latest.current = path;
  const load = useCallback(
    (signal?: AbortSignal) => {
      if (!path) return;
      get<T>(path, signal).then(
        (data) => latest.current === path && setState({ data, error: "", at: Date.now(), path }),
        (error: unknown) => {
          if (latest.current !== path || signal?.aborted) return;
          setState((old) => ({ ...(old.path === path ? old : { data: null, at: 0 }), error: told(error), path }));
        },
      );
    },
    [path],
  );
  useEffect(() => {
    const abort = new AbortController();
    load(abort.signal);
    const timer = everyMs ? setInterval(() => load(abort.signal), everyMs) : 0;
    return () => {
      abort.abort();
      clearInterval(timer);
    };
  }, [load, everyMs]);
  const own = state.path === path;
  return { data: own ? state.data : null, error: own ? state.error : "", at: state.at, reload: () => load() };
}

/** A change on the server: busy while it runs, and what came of it. */
export function useAction(): { busy: boolean; note: string; failed: boolean; run: (action: () => Promise<string>) => void } {
  const [state, setState] = useState({ busy: false, note: "", failed: false });
  const run = (action: () => Promise<string>) => {
    setState({ busy: true, note: "", failed: false });
    action().then(
      (note) => setState({ busy: false, note, failed: false }),
      (error: unknown) => setState({ busy: false, note: told(error), failed: true }),
    );
  };
  return { ...state, run };
}

export function useHash(): string {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const change = () => setHash(location.hash);
    addEventListener("hashchange", change);
    return () => removeEventListener("hashchange", change);
  }, []);
  return hash;
}

/** A setting of this browser alone: theme, sound, shortcuts. */
export function usePreference(name: string, fallback: string): [string, (value: string) => void] {
  const key = `slt.${name}`;
  const [value, setValue] = useState(() => localStorage.getItem(key) ?? fallback);
  const set = (next: string) => {
    localStorage.setItem(key, next);
    setValue(next);
  };
  return [value, set];
}
