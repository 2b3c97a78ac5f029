/** The map: Leaflet without tiles, one canvas for the outlines and one for incidents, drawn once per change. */
import L from "leaflet";
import "leaflet/dist/leaflet.css";
import { useEffect, useRef } from "preact/hooks";
import type { Row } from "../live";
import { Incidents, LABELLED, type Outline } from "./maplayer";

let outlines: Promise<Outline[]> | null = null;

function basemap(): Promise<Outline[]> {
  outlines ??= fetch("/basemap.json").then((answer) => answer.json() as Promise<Outline[]>);
  return outlines;
}

function land(countries: Outline[]): L.Polygon[] {
  return countries.map(({ rings }) => {
    const corners = rings.map((ring) => [ring.map(([lon, lat]) => [lat, lon] as [number, number])]);
    return L.polygon(corners, { className: "land", interactive: false, weight: 0.8, color: "#7d8b99", fillColor: "#8aa08a", fillOpacity: 0.25 });
  });
}

function build(element: HTMLElement, onOpen: (key: string) => void): { map: L.Map; layer: Incidents } {
  const map = L.map(element, {
    preferCanvas: true,
    zoomControl: true,
    attributionControl: false,
    worldCopyJump: false,
    minZoom: 1,
    maxZoom: 13,
    zoomAnimation: false,
    fadeAnimation: false,
    maxBounds: [[-90, -200], [90, 200]],
  }).setView([15, 25], 2);
  const layer = new Incidents(onOpen);
  layer.addTo(map);
  L.control.scale({ imperial: false }).addTo(map);
  return { map, layer };
}

export function Map({ rows, onOpen }: { rows: readonly Row[]; onOpen: (key: string) => void }) {
  const element = useRef<HTMLDivElement>(null);
  const layer = useRef<Incidents | null>(null);
  const open = useRef(onOpen);
  open.current = onOpen;
  useEffect(() => {
    if (!element.current) return;
    const made = build(element.current, (key) => open.current(key));
    layer.current = made.layer;
    const observer = new ResizeObserver(() => made.map.invalidateSize({ animate: false }));
    observer.observe(element.current);
    void basemap().then((countries) => {
      if (layer.current !== made.layer) return;
      for (const shape of land(countries)) shape.addTo(made.map);
      made.layer.label(countries.filter(({ label }) => label[2] > LABELLED));
    });
    return () => {
      layer.current = null;
      observer.disconnect();
      made.map.remove();
    };
  }, []);
  useEffect(() => layer.current?.show(rows), [rows]);
  return (
    <section class="map-box" aria-label="Map of the incidents in the feed">
      <div ref={element} class="map" role="application" aria-label="Map: arrow keys move, plus and minus zoom. Every incident on it is in the feed." />
      <details class="legend">
        <summary>Legend</summary>
        <ul>
          <li>Disc with a dashed edge: somewhere in it. Its radius is that of the precision (town, district, region, country).</li>
          <li>Dot: known to within what a dot covers at this zoom.</li>
          <li>Number: so many incidents close together; select it to come closer.</li>
          <li>Ring: imminent risk. Colour: severity, darkest is extreme; cancelled ones are hollow.</li>
          <li>Outlines are Natural Earth's and no statement on the status of any territory.</li>
        </ul>
      </details>
    </section>
  );
}
