#!/bin/sh
# Makes sure that the tools that build isol8 are there: Rust, Node.js, the npm packages, and with --test the tools that
# only the tests need.
# usage: scripts/ensure-toolchain.sh [--test]
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

NODE_MAJOR=20
CARGO_DENY_VERSION=0.20.2

# Whether version $1 (1.95.0) is at least $2.
at_least() {
    [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]
}

with_tests=
case ${1:-} in
    '') ;;
    --test) with_tests=yes ;;
    *) die "unknown argument: $1 (usage: scripts/ensure-toolchain.sh [--test])" ;;
esac

have node || die "Node.js is missing. Install Node.js $NODE_MAJOR or newer: https://nodejs.org/en/download"
node_version=$(node -p process.versions.node)
at_least "$node_version" "$NODE_MAJOR" ||
    die "Node.js $node_version is too old to build isol8. Install $NODE_MAJOR or newer: https://nodejs.org/en/download"
have npm || die "npm is missing. It comes with Node.js: https://nodejs.org/en/download"
ok "Node.js $node_version"

rust_needed=$(sed -n 's/^rust-version *= *"\(.*\)"/\1/p' Cargo.toml | head -n 1)
if ! have cargo && [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ]; then
    die "Rust is installed but not in PATH. Run: . \"${CARGO_HOME:-$HOME/.cargo}/env\""
fi
{ have cargo && have rustc; } ||
    die "Rust is missing. Install ${rust_needed:-a current version} or newer: https://rustup.rs"
rust_version=$(rustc --version | cut -d ' ' -f 2) && [ -n "$rust_version" ] ||
    die "Rust does not start. rust-toolchain.toml asks rustup for the stable toolchain; RUSTUP_TOOLCHAIN names another."
at_least "$rust_version" "${rust_needed:-0}" ||
    die "Rust $rust_version is too old, isol8 needs $rust_needed. Run: rustup update stable"
# Static linking of the guest needs libc.a.
have cc || apt_install "linking Rust programs" gcc libc6-dev
ok "Rust $rust_version"

# npm writes node_modules/.package-lock.json last. So a newer lock file means that the installation is out of date.
installed=node_modules/.package-lock.json
if [ -e "$installed" ] && [ -z "$(find package-lock.json -newer "$installed")" ]; then
    ok "npm packages"
else
    note "installing npm packages"
    npm ci --no-audit --no-fund >&2 || die "npm ci failed"
    touch "$installed"
    ok "npm packages"
fi

if [ -n "$with_tests" ]; then
    have c++ || apt_install "libFuzzer" g++
    if ! have cargo-deny && ! [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo-deny" ]; then
        note "building cargo-deny $CARGO_DENY_VERSION; this takes some minutes"
        cargo install cargo-deny --locked --version "$CARGO_DENY_VERSION" >&2 ||
            die "cargo-deny could not be installed"
    fi
    ok "$(cargo deny --version)"
fi
