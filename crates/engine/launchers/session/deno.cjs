// What is special about Deno in a session.
'use strict';

const { Deno, Error, Object, ReadableStream, Uint8Array, process } = globalThis;
const nodeModule = require('node:module');
const path = require('node:path');
const { Readable } = require('node:stream');
const { pathToFileURL } = require('node:url');
const { snippet } = require('./describe.cjs');

exports.kinds = ['module', 'script'];
exports.typescript = true;
exports.rejectionsAreSeparate = false;
exports.unsettled = { code: 1, message: 'error: Top-level await promise never resolved\n' };

exports.scriptName = (program) => pathToFileURL(program).href;

exports.stripTypes = (source) => nodeModule.stripTypeScriptTypes(source, { mode: 'transform' });

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
  const [first, ...frames] = text.split(/\n(?= {4}at )/);
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
