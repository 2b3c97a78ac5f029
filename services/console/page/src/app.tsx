/** Who is there, and in which mode: sign-in, or the console. */
import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { ApiError, get, send, told, useCsrf, whenSignedOut } from "./api";
import { Live } from "./live";
import { Shell } from "./shell";
import type { Me } from "./types";
import { SignIn } from "./views/signin";

function Session({ me, onEnd }: { me: Me; onEnd: (reason: string) => void }) {
  const live = useMemo(() => new Live(onEnd), [onEnd]);
  useEffect(() => {
    void live.start();
    return () => live.stop();
  }, [live]);
  const leave = () => {
    void send("POST", "/api/sign-out").catch(() => undefined);
    onEnd("You have signed out.");
  };
  return <Shell me={me} live={live} onSignOut={leave} />;
}

export function App() {
  const [me, setMe] = useState<Me | null>(null);
  const [reason, setReason] = useState("");
  const [known, setKnown] = useState(false);
  const enter = useCallback((who: Me) => {
    useCsrf(who.csrf);
    setReason("");
    setMe(who);
  }, []);
  const end = useCallback((why: string) => {
    setMe(null);
    setReason(why);
  }, []);
  useEffect(() => {
    get<Me>("/api/me")
      .then(enter, (error: unknown) => {
        if (!(error instanceof ApiError && error.status === 401)) setReason(told(error));
      })
      .finally(() => {
        whenSignedOut(() => end("Your session has ended. Sign in again."));
        setKnown(true);
      });
  }, [enter, end]);
  if (!known) return <p class="faint center">Loading…</p>;
  return me ? <Session me={me} onEnd={end} /> : <SignIn reason={reason} onSignIn={enter} />;
}
