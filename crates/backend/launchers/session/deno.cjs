// What is special about Deno in a session.
'use strict';

const { Deno, Error, Object, ReadableStream, Set, String, Symbol, SyntaxError } = globalThis;
const { URL, Uint8Array, process } = globalThis;
const fs = require('node:fs');
const nodeModule = require('node:module');
const path = require('node:path');
const { Readable } = require('node:stream');
const { pathToFileURL } = require('node:url');
const { snippet } = require('./describe.cjs');
const events = require('./deno-events.cjs');
const listeners = require('./listeners.cjs');
const { asModule, keep, parts, script, sourceOf } = require('./program.cjs');

// Property of a syntax error: the text to print, unchanged.
const TEXT = Symbol('text');

let engine;
let load;

exports.install = (given) => {
  engine = given;
  listeners.install(given, { errors: [] });
  events.install((error, isRejection) => {
    const current = engine.current();
    if (current) current.isRejection = isRejection;
    if (current && !current.over) exports.exiting(1);
    engine.fail(error, current);
  });
};

// What Deno does in `exit`. `process.exitCode` and `Deno.exitCode` are one variable.
exports.exiting = (code) => {
  if (code !== undefined) Deno.exitCode = code;
  events.dispatch('unload');
  process.emit('exit', Deno.exitCode);
  return Deno.exitCode;
};

const outputs = [Deno.stdout, Deno.stderr];
const nothing = new Uint8Array(0);

// A descriptor that a program has closed cannot be opened again.
exports.isBroken = () => {
  try {
    for (const stream of outputs) stream.writeSync(nothing);
    for (const descriptor of [0, 1, 2]) fs.fstatSync(descriptor);
    return false;
  } catch {
    return true;
  }
};

exports.beginCall = listeners.beginCall;

exports.ending = (current) => {
  if (current.settled) return exports.exiting();
  const [at, ...more] = current.parts?.awaits ?? [];
  const where = at && !more.length ? frame(current, at, '<anonymous>') : '';
  write(`${paint('error', 1, 31)}: Top-level await promise never resolved\n${where}`);
  return exports.exiting(1);
};

exports.endCall = () => {
  input?.destroy();
  input = web = undefined;
  listeners.endCall();
  events.endCall();
  Deno.exitCode = 0;
};

exports.run = (call, told) => {
  const { program } = call;
  const url = pathToFileURL(program).href;
  process.argv[1] = program;
  call.name = url;
  call.source = sourceOf(program);
  Object.defineProperty(Deno, 'mainModule', { value: url, configurable: true, enumerable: true });
  load ??= script('(name,options)=>options?import(name,options):import(name)', url);
  engine.helper.meta ??= meta({ program, url });
  call.parts = parse(call.source, url);
  call.shift = 0;
  engine.helper.keep = keep;
  const own = () => ({ link: null, prepare() {}, run: () => loadNatively(call, url) });
  const made = call.parts ? asModule(call.parts, url, load) : own();
  // Deno itself asks whoever wants to know of it, and then us.
  const loaded = () => {
    told.settle();
    events.dispatch('load');
  };
  listeners.start(made, { inMicrotask: true }, loaded, (error) => {
    told.settle();
    throw error;
  });
};

const KINDS = ['module'];

// Types are taken away in place when they can be, and else by rewriting what has to be. Null when Deno
// understands the program and the parser does not: decorators, for example.
function parse(source, url) {
  const plain = strip(source, 'strip');
  try {
    if (plain.text !== null) return parts(plain.text, KINDS);
  } catch {
    // What Deno itself makes of it may be simpler.
  }
  const made = strip(useImports(source), 'transform');
  if (made.text === null) {
    const text = made.message.replaceAll('file:///stripTypeScriptTypes.ts', url);
    throw Object.assign(new SyntaxError(text), { [TEXT]: text });
  }
  try {
    return parts(made.text, KINDS);
  } catch {
    return null;
  }
}

function strip(source, mode) {
  try {
    return { text: nodeModule.stripTypeScriptTypes(source, { mode }) };
  } catch (error) {
    return { text: null, message: String(error.message).replace(/^SyntaxError: /, '') };
  }
}

// Declarations that begin a line.
const DECLARATION =
  /^(?:@[\w.$]+(?:\([^)\n]*\))? +)*(?:export +)?(?:default +)?(?:abstract +)?(?:async +)?(?:function\*?|class|const|let|var|enum) +([\p{ID_Start}$_][\p{ID_Continue}$]*)/gmu;

// Lets Deno load the program itself, with a last line that hands over what it has declared. A query
// makes it another module each time.
async function loadNatively({ number, program, source }, url) {
  const names = [...new Set([...source.matchAll(DECLARATION)].map(([, name]) => name))];
  fs.writeFileSync(program, `${source}\n;$isol8.keep({${names}});`);
  try {
    await load(`${url}?${number}`);
  } finally {
    fs.writeFileSync(program, source);
  }
}

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

const meta = ({ program, url }) => ({
  dirname: path.dirname(program),
  filename: program,
  main: true,
  resolve: (name) => (/^\.{0,2}\//.test(name) ? new URL(name, url).href : name),
  url,
});


const isPlain = Deno.noColor;

function paint(text, ...codes) {
  if (isPlain) return text;
  return `\x1b[0m${codes.map((code) => `\x1b[${code}m`).join('')}${text}\x1b[0m`;
}

function write(text) {
  fs.writeSync(2, text);
}

function frame({ name, source }, at, what) {
  const text = source.split('\n')[at.line - 1] ?? '';
  return `${text}\n${paint(`${' '.repeat(at.column)}^`, 31)}\n    at ${what} (${name}:${at.line}:${at.column + 1})\n`;
}

exports.describe = (error, call) => {
  if (error?.[TEXT]) return `${paint('error', 1, 31)}: SyntaxError: ${error[TEXT]}\n`;
  const shown = Deno.inspect(error).replaceAll(`${call.name}?${call.number}`, call.name);
  const isError = error instanceof Error;
  const [first, ...all] = isError ? shown.split(/\n(?= {4}at )/) : [shown];
  // Deno does not show its own frames.
  const frames = all.filter((line) => !/\bext:|\/\.isol8\//.test(line));
  const at = isError && snippet(error, call);
  const lines = at ? [first, at.text, paint(at.caret, 31), ...frames] : [first, ...frames];
  const promise = call.isRejection ? '(in promise) ' : '';
  return `${paint('error', 1, 31)}: Uncaught ${promise}${lines.join('\n')}\n`;
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
