/** The one door to the server: same origin, session cookie, the CSRF token on every change. */

export class ApiError extends Error {
  constructor(
    readonly status: number,
    detail: string,
  ) {
    super(detail);
  }
}

let csrf = "";
let onSignedOut: () => void = () => undefined;

export function useCsrf(token: string): void {
  csrf = token;
}

/** What to do when the server says that there is no session any more. */
export function whenSignedOut(action: () => void): void {
  onSignedOut = action;
}

async function detailOf(response: Response): Promise<string> {
  const body: unknown = await response.json().catch(() => null);
  if (body && typeof body === "object" && "detail" in body && typeof body.detail === "string") return body.detail;
  return `The server answered ${response.status}.`;
}

async function request(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, { ...init, credentials: "same-origin", cache: "no-store" });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "The server does not answer.");
  }
}

async function answer<T>(path: string, init: RequestInit): Promise<T> {
  const response = await request(path, init);
  if (!response.ok) {
    const error = new ApiError(response.status, await detailOf(response));
    if (response.status === 401 && path !== "/api/sign-in") onSignedOut();
    throw error;
  }
  return (response.status === 204 ? null : await response.json()) as T;
}

export function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return answer<T>(path, signal ? { signal } : {});
}

export function send<T>(method: "POST" | "DELETE", path: string, body: unknown = {}): Promise<T> {
  const headers = { "Content-Type": "application/json", "X-SLT-CSRF": csrf };
  return answer<T>(path, { method, headers, body: JSON.stringify(body) });
}

export const part = encodeURIComponent;

export function told(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
