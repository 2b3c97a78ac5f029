import { defineConfig } from "vite";

export default defineConfig({
  base: "/",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../../../build/console",
    emptyOutDir: true,
    // The content security policy allows files of this server only: nothing is inlined as a data address.
    assetsInlineLimit: 0,
    target: "es2022",
  },
});
