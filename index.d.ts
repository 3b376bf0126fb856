// What `import` gives is what `require` gives: the types are written once, in index.d.cts.

export * from "./index.cjs";
