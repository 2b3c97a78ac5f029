/** Incidents on a canvas of their own: clusters by grid cell, precision as a circle of its real radius. */
import L from "leaflet";
import type { Row } from "../live";
import { harmless } from "../text";
import type { Incident } from "../types";

export interface Outline {
  name: string;
  label: [number, number, number];
  rings: [number, number][][];
}

/** Degrees of width from which a country is named at the lowest zoom that names any. */
export const LABELLED = 0.5;
const CELL = 44;
const CLUSTERS_UP_TO = 9;
const DOT = 5;
const METRES_PER_DEGREE = 111_320;
/** Where the server names no radius: what a name of that level usually spans. */
const USUAL_RADIUS: Record<string, number> = { EXACT: 100, TOWN: 5_000, ADMIN2: 30_000, ADMIN1: 100_000, COUNTRY: 300_000, UNKNOWN: 300_000 };
const COLOURS: Record<string, string> = { Extreme: "#8b0020", Severe: "#c2410c", Moderate: "#b7860b", Minor: "#2b6cb0", Unknown: "#5b6570" };
const RANK = ["Unknown", "Minor", "Moderate", "Severe", "Extreme"];

interface Spot {
  x: number;
  y: number;
  radius: number;
  members: Incident[];
  worst: number;
}

function metres(incident: Incident): number {
  return incident.place?.radius_m ?? USUAL_RADIUS[incident.place?.precision ?? "UNKNOWN"] ?? 300_000;
}

export class Incidents extends L.Layer {
  private canvas: HTMLCanvasElement | null = null;
  private rows: readonly Row[] = [];
  private labels: Outline[] = [];
  private spots: Spot[] = [];
  private frame = 0;

  constructor(private readonly onOpen: (key: string) => void) {
    super();
  }

  override onAdd(map: L.Map): this {
    this.canvas = L.DomUtil.create("canvas", "incidents", map.getPanes().markerPane);
    this.canvas.setAttribute("aria-hidden", "true");
    map.on("move zoomend resize viewreset", this.soon, this).on("click", this.click, this);
    this.soon();
    return this;
  }

  override onRemove(map: L.Map): this {
    cancelAnimationFrame(this.frame);
    map.off("move zoomend resize viewreset", this.soon, this).off("click", this.click, this);
    this.canvas?.remove();
    return this;
  }

  show(rows: readonly Row[]): void {
    this.rows = rows;
    this.soon();
  }

  label(countries: Outline[]): void {
    this.labels = countries;
    this.soon();
  }

  private readonly soon = (): void => {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      if (this._map) this.draw(this._map);
    });
  };

  private draw(map: L.Map): void {
    const pen = this.prepare(map);
    if (!pen) return;
    this.spots = this.cluster(map);
    for (const spot of this.spots) if (spot.members.length === 1) this.disc(pen, spot);
    this.names(pen, map);
    for (const spot of this.spots) if (spot.members.length > 1) this.number(pen, spot);
  }

  private prepare(map: L.Map): CanvasRenderingContext2D | null {
    const { canvas } = this;
    const pen = canvas?.getContext("2d");
    if (!canvas || !pen) return null;
    const size = map.getSize();
    const ratio = devicePixelRatio;
    if (canvas.width !== Math.round(size.x * ratio) || canvas.height !== Math.round(size.y * ratio)) {
      canvas.width = Math.round(size.x * ratio);
      canvas.height = Math.round(size.y * ratio);
      canvas.style.width = `${size.x}px`;
      canvas.style.height = `${size.y}px`;
    }
    L.DomUtil.setPosition(canvas, map.containerPointToLayerPoint([0, 0]));
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, size.x, size.y);
    return pen;
  }

  /** Spots in sight; those in one cell of the grid become one, until the zoom at which nothing is hidden. */
  private cluster(map: L.Map): Spot[] {
    const size = map.getSize();
    const zoom = map.getZoom();
    const cells = new globalThis.Map<string, Spot>();
    const scale = 256 * 2 ** zoom;
    for (const { incident } of this.rows) {
      const { latitude, longitude } = incident.place ?? { latitude: null, longitude: null };
      if (latitude === null || longitude === null || Math.abs(latitude) > 90 || Math.abs(longitude) > 180) continue;
      const point = map.latLngToContainerPoint([Math.max(-85, Math.min(85, latitude)), longitude]);
      const stretch = Math.max(0.05, Math.cos((latitude * Math.PI) / 180));
      const radius = (metres(incident) / METRES_PER_DEGREE / 360) * (scale / stretch);
      if (point.x < -radius - CELL || point.y < -radius - CELL || point.x > size.x + radius + CELL || point.y > size.y + radius + CELL) continue;
      const worst = RANK.indexOf(incident.severity);
      const cell = zoom < CLUSTERS_UP_TO ? `${Math.floor(point.x / CELL)}/${Math.floor(point.y / CELL)}` : incident.key;
      const spot = cells.get(cell);
      if (!spot) cells.set(cell, { x: point.x, y: point.y, radius, members: [incident], worst });
      else {
        spot.members.push(incident);
        spot.worst = Math.max(spot.worst, worst);
      }
    }
    return [...cells.values()];
  }

  private disc(pen: CanvasRenderingContext2D, { x, y, radius, members, worst }: Spot): void {
    const [incident] = members;
    const colour = COLOURS[RANK[worst] ?? "Unknown"] ?? "#5b6570";
    const isDot = radius <= DOT;
    pen.beginPath();
    pen.arc(x, y, Math.max(DOT, radius), 0, 2 * Math.PI);
    pen.globalAlpha = isDot ? 0.95 : 0.18;
    pen.fillStyle = colour;
    if (incident?.type !== "CANCEL") pen.fill();
    pen.globalAlpha = 1;
    pen.strokeStyle = isDot ? "#ffffff" : colour;
    pen.lineWidth = 1.5;
    pen.setLineDash(isDot ? [] : [6, 4]);
    pen.stroke();
    pen.setLineDash([]);
    if (incident?.imminent) this.ring(pen, x, y, Math.max(DOT, Math.min(radius, 40)) + 4);
  }

  private ring(pen: CanvasRenderingContext2D, x: number, y: number, radius: number): void {
    pen.beginPath();
    pen.arc(x, y, radius, 0, 2 * Math.PI);
    pen.lineWidth = 3;
    pen.strokeStyle = "#d00030";
    pen.stroke();
  }

  private number(pen: CanvasRenderingContext2D, { x, y, members, worst }: Spot): void {
    const size = 11 + 3 * Math.log10(members.length);
    pen.beginPath();
    pen.arc(x, y, size, 0, 2 * Math.PI);
    pen.fillStyle = COLOURS[RANK[worst] ?? "Unknown"] ?? "#5b6570";
    pen.fill();
    if (members.some(({ imminent }) => imminent)) this.ring(pen, x, y, size + 3);
    pen.fillStyle = "#ffffff";
    pen.font = "bold 11px system-ui, sans-serif";
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.fillText(String(members.length), x, y);
  }

  private names(pen: CanvasRenderingContext2D, map: L.Map): void {
    const zoom = map.getZoom();
    const size = map.getSize();
    pen.font = "12px system-ui, sans-serif";
    pen.textAlign = "center";
    pen.fillStyle = getComputedStyle(map.getContainer()).color;
    for (const { name, label } of this.labels) {
      if (label[2] * 2 ** zoom < 90) continue;
      const point = map.latLngToContainerPoint([label[1], label[0]]);
      if (point.x > 0 && point.y > 0 && point.x < size.x && point.y < size.y) pen.fillText(harmless(name), point.x, point.y);
    }
  }

  private click(event: L.LeafletMouseEvent): void {
    const { x, y } = event.containerPoint;
    const reach = ({ radius, members }: Spot) => (members.length > 1 ? 16 : Math.max(DOT + 3, radius));
    const hit = this.spots
      .filter((spot) => Math.hypot(spot.x - x, spot.y - y) <= reach(spot))
      .sort((a, b) => reach(a) - reach(b))[0];
    if (!hit) return;
    const [only, ...others] = hit.members;
    if (others.length > 0) this._map.setView(this._map.containerPointToLatLng([hit.x, hit.y]), this._map.getZoom() + 2);
    else if (only) this.onOpen(only.key);
  }
}
