// Types for `import`. They are written once, in remote.d.cts.

export * from "./remote.cjs";
