// Country outlines for the map: Natural Earth 1:110m (public domain) from the package world-atlas, as rings of
// longitude and latitude with two decimals, cut at the antimeridian so that no ring crosses the whole map.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { feature } from "topojson-client";

const WORLD = 360;
const POLE = 90;
const round = (value) => Math.round(value * 100) / 100;

/** Longitudes without jumps: a step of more than 180 degrees goes the other way round. */
function unwrap(ring) {
  let turn = 0;
  return ring.map(([lon, lat], index) => {
    const step = index === 0 ? 0 : lon - ring[index - 1][0];
    if (step > WORLD / 2) turn -= WORLD;
    if (step < -WORLD / 2) turn += WORLD;
    return [lon + turn, lat];
  });
}

/** A ring once round a pole does not close when unwrapped: lead it along the pole's edge. */
function closeAtPole(ring) {
  const [first, last] = [ring[0], ring.at(-1)];
  if (Math.abs(last[0] - first[0]) < WORLD / 2) return ring;
  const pole = last[1] < 0 ? -POLE : POLE;
  return [...ring, [last[0], pole], [first[0], pole], first];
}

/** The part of a ring on one side of a meridian (Sutherland-Hodgman). */
function clip(ring, meridian, keepEast) {
  const inside = ([lon]) => (keepEast ? lon >= meridian : lon <= meridian);
  const out = [];
  ring.forEach((point, index) => {
    const before = ring[(index + ring.length - 1) % ring.length];
    if (inside(point) !== inside(before)) {
      const share = (meridian - before[0]) / (point[0] - before[0]);
      out.push([meridian, before[1] + share * (point[1] - before[1])]);
    }
    if (inside(point)) out.push(point);
  });
  return out;
}

/** The pieces of one ring, each within -180 to 180. */
function cut(ring) {
  const whole = closeAtPole(unwrap(ring));
  return [-WORLD, 0, WORLD]
    .map((turn) => whole.map(([lon, lat]) => [lon + turn, lat]))
    .map((moved) => clip(clip(moved, -WORLD / 2, true), WORLD / 2, false))
    .filter((piece) => piece.length > 2)
    .map((piece) => piece.map(([lon, lat]) => [round(lon), round(lat)]));
}

const box = (ring) => {
  const lons = ring.map(([lon]) => lon);
  const lats = ring.map(([, lat]) => lat);
  return [Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)];
};

/** Where the name goes: the middle of the widest piece, and how wide that is. */
function label(rings) {
  const widest = rings.map(box).reduce((best, next) => (next[2] - next[0] > best[2] - best[0] ? next : best));
  return [round((widest[0] + widest[2]) / 2), round((widest[1] + widest[3]) / 2), round(widest[2] - widest[0])];
}

function outline({ geometry, properties }) {
  const polygons = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
  const rings = polygons.flatMap((polygon) => polygon.flatMap(cut));
  return { name: properties.name, label: label(rings), rings };
}

const source = createRequire(import.meta.url).resolve("world-atlas/countries-110m.json");
const topology = JSON.parse(readFileSync(source, "utf-8"));
const countries = feature(topology, topology.objects.countries).features.map(outline);
const crossing = countries.filter(({ rings }) => rings.some((ring) => box(ring)[2] - box(ring)[0] > WORLD - 1));
if (crossing.some(({ name }) => name !== "Antarctica")) throw new Error(`not cut: ${crossing.map(({ name }) => name)}`);
mkdirSync(new URL("../public/", import.meta.url), { recursive: true });
writeFileSync(new URL("../public/basemap.json", import.meta.url), JSON.stringify(countries));
