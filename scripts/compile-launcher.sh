#!/usr/bin/env bash
# Compiles the Python launcher for the Python of our own image. Run it after a change of either. An interpreter that
# compiles nothing at its start starts and ends faster. Another Python compiles the source itself.
set -euo pipefail
cd "$(dirname "$0")/../crates/backend/launchers/python"
mkdir -p __pycache__
docker run --rm --network none --volume "$PWD:/.isol8/python:ro" --entrypoint python3 isol8:python -c '
import importlib.util, sys
from importlib._bootstrap_external import _code_to_hash_pyc

path = "/.isol8/python/sitecustomize.py"
source = open(path, "rb").read()
code = compile(source, path, "exec", dont_inherit=True)
sys.stdout.buffer.write(_code_to_hash_pyc(code, importlib.util.source_hash(source), False))
' >compiled.tmp
mv compiled.tmp __pycache__/sitecustomize.cpython-311.pyc
