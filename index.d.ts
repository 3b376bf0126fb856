// Types for `import`. They are written once, in index.d.cts.

export * from "./index.cjs";
