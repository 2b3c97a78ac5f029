/** Which view an address means. */
import { lazy, type ViewProps } from "./lazy";
import { LiveView } from "./live";

const Incident = lazy(() => import("./incident").then((module) => module.IncidentView));
const Draft = lazy(() => import("./draft").then((module) => module.DraftView));
const Health = lazy(() => import("./health").then((module) => module.HealthView));
const Lists = {
  recalls: lazy(() => import("./lists").then((module) => module.RecallsView)),
  requests: lazy(() => import("./requests").then((module) => module.RequestsView)),
  cases: lazy(() => import("./lists").then((module) => module.CasesView)),
  partners: lazy(() => import("./lists").then((module) => module.PartnersView)),
  situation: lazy(() => import("./lists").then((module) => module.SituationView)),
  audit: lazy(() => import("./audit").then((module) => module.AuditView)),
  tokens: lazy(() => import("./tokens").then((module) => module.TokensView)),
  draft: Draft,
  health: Health,
};

export function view(hash: string, props: Omit<ViewProps, "id">) {
  const [, name = "live", id = ""] = hash.split("/");
  if (name === "incident") return <Incident key={id} {...props} id={decoded(id)} />;
  const List = Lists[name as keyof typeof Lists];
  return List ? <List key={name} {...props} id="" /> : <LiveView {...props} id="" />;
}

function decoded(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}
