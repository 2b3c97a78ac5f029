/** Views other than the live picture are fetched when first opened. */
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Live } from "../live";
import type { Me, Status } from "../types";

export interface ViewProps {
  me: Me;
  live: Live;
  /** The status that the console's mode is about. */
  home: Status;
  id: string;
}

export function lazy(load: () => Promise<ComponentType<ViewProps>>): ComponentType<ViewProps> {
  let found: ComponentType<ViewProps> | null = null;
  return function Lazy(props: ViewProps) {
    const [, draw] = useState(0);
    const [error, setError] = useState("");
    useEffect(() => {
      if (found) return;
      load().then(
        (component) => {
          found = component;
          draw(1);
        },
        () => setError("This part of the page could not be fetched: the server does not answer. Try again."),
      );
    }, []);
    const View = found;
    return View ? <View {...props} /> : <p role={error ? "alert" : "status"}>{error || "Loading…"}</p>;
  };
}
