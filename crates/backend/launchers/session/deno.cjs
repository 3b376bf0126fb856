// What is special about Deno in a session.
'use strict';

const { Deno, Error, Object, ReadableStream, String, SyntaxError, URL, Uint8Array, process } = globalThis;
const nodeModule = require('node:module');
const path = require('node:path');
const { Readable } = require('node:stream');
const { pathToFileURL } = require('node:url');
const { NOWHERE, POSITION, snippet } = require('./describe.cjs');

exports.kinds = ['module', 'script'];
exports.typescript = true;
exports.rejectionsAreSeparate = false;
exports.unsettled = { code: 1, message: 'error: Top-level await promise never resolved\n' };

exports.scriptName = (program) => pathToFileURL(program).href;

// Types are taken away in place when they can be, and else by rewriting what has to be.
exports.prepare = (source) => {
  try {
    return nodeModule.stripTypeScriptTypes(source, { mode: 'strip' });
  } catch {
    return source;
  }
};

exports.stripTypes = (source) => {
  try {
    return nodeModule.stripTypeScriptTypes(useImports(source), { mode: 'transform' });
  } catch (error) {
    const message = String(error.message).replace(/^SyntaxError: /, '');
    throw Object.assign(new SyntaxError(message), { [POSITION]: NOWHERE });
  }
};

// Rewriting drops imports that are not used, and a later program may use them.
function useImports(source) {
  const names = [];
  for (const [, clause] of source.matchAll(/^\s*import\s+(?!type\b)([^'"();]+?)\s+from\s*['"]/gm)) {
    for (const part of clause.replace(/[{}]/g, ',').split(',')) {
      if (!/^\s*(type\s.*)?$/s.test(part)) names.push(part.trim().split(/\s/).at(-1));
    }
  }
  return names.length ? `${source}\n;void (() => [${names}])` : source;
}

exports.meta = ({ program, url }) => ({
  dirname: path.dirname(program),
  filename: program,
  main: true,
  resolve: (name) => (/^\.{0,2}\//.test(name) ? new URL(name, url).href : name),
  url,
});

exports.describe = (error, { program, source, inspect }) => {
  const text = inspect(error, (value) => Deno.inspect(value));
  const at = error instanceof Error && snippet(error, program, source);
  // Deno does not show its own frames.
  const [first, ...all] = text.split(/\n(?= {4}at )/);
  const frames = all.filter((frame) => !/\bext:/.test(frame));
  const shown = at ? [first, at.text, at.caret, ...frames] : [first, ...frames];
  return `error: Uncaught (in promise) ${shown.join('\n')}\n`;
};

exports.hasWork = () => false;

let input;
let web;

Object.defineProperty(process, 'stdin', {
  configurable: true,
  enumerable: true,
  get: () => (input ??= Object.assign(new Readable({ read }), { fd: 0 })),
});
Object.defineProperty(Deno.stdin, 'readable', {
  configurable: true,
  enumerable: true,
  get: () => (web ??= new ReadableStream({ pull, type: 'bytes' })),
});

async function next() {
  const buffer = new Uint8Array(65536);
  const count = await Deno.stdin.read(buffer);
  return count === null ? null : buffer.subarray(0, count);
}

function read() {
  next().then(
    (chunk) => this.push(chunk),
    (error) => this.destroy(error),
  );
}

async function pull(controller) {
  const chunk = await next();
  if (chunk) return controller.enqueue(chunk);
  controller.close();
  controller.byobRequest?.respond(0);
}

exports.newInput = () => {};
exports.endInput = () => {
  input?.destroy();
  input = web = undefined;
};

// What the launcher needed is open and loaded. The rights that are left are those of a program.
exports.dropRights = () => {
  for (const descriptor of [
    { name: 'read', path: '/.isol8' },
    { name: 'read', path: '/dev/fd' },
    { name: 'write', path: '/dev/fd' },
  ]) {
    Deno.permissions.revokeSync(descriptor);
  }
};
