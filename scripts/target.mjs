// The targets that Rust code is compiled for.

/** The target of each platform and machine. `napi build` names it to cargo, also when it is this machine. */
export const TARGETS = {
  "linux-x64": "x86_64-unknown-linux-gnu",
  "linux-arm64": "aarch64-unknown-linux-gnu",
  "darwin-x64": "x86_64-apple-darwin",
  "darwin-arm64": "aarch64-apple-darwin",
};

/** Returns the target of this machine, or undefined when isol8 has none for it. */
export function hostTarget() {
  return TARGETS[`${process.platform}-${process.arch}`];
}
