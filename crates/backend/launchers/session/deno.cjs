// What is special about Deno in a session.
'use strict';

const { Deno, Error, Object, ReadableStream, Set, String, Symbol, SyntaxError } = globalThis;
const { URL, Uint8Array, process } = globalThis;
const fs = require('node:fs');
const nodeModule = require('node:module');
const path = require('node:path');
const { Readable } = require('node:stream');
const { pathToFileURL } = require('node:url');
const { ERROR, frame, marked, message, place } = require('./deno-errors.cjs');
const events = require('./deno-events.cjs');
const listeners = require('./listeners.cjs');
const { asModule, importedAt, keep, parts, script, sourceOf } = require('./program.cjs');

// Property of a syntax error: the text to print, unchanged.
const TEXT = Symbol('text');

let engine;
let load;

// No longer there to be found.
function forgetFiles() {
  for (const key of Object.keys(nodeModule._cache)) {
    if (key.includes('/.isol8/')) delete nodeModule._cache[key];
  }
}

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

exports.beginCall = () => {
  forgetFiles();
  listeners.restore();
};

exports.ending = (current) => {
  if (current.settled) return exports.exiting();
  const [at, ...more] = current.parts?.awaits ?? [];
  const where = at && !more.length ? waiting(current, at) : '';
  write(`${ERROR}: Top-level await promise never resolved\n${where}`);
  return exports.exiting(1);
};

function waiting({ name, source, directory }, { line, column }) {
  const at = frame(`    at <anonymous> (${name}:${line}:${column + 1})`, directory);
  return `${marked(source.split('\n')[line - 1] ?? '', column)}    ${at}\n`;
}

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
  call.directory = directory();
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

// The directory where a call begins, as a URL.
function directory() {
  try {
    return `${pathToFileURL(Deno.cwd()).href}/`;
  } catch {
    return '\0';
  }
}

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


function write(text) {
  fs.writeSync(2, text);
}

exports.describe = (error, call) => {
  if (error?.[TEXT]) return `${ERROR}: SyntaxError: ${error[TEXT]}\n`;
  const at = importedAt(error);
  if (at) return `${ERROR}: ${error.message}\n    at ${place(call.name, at.line, at.column + 1, '\0')}\n`;
  const promise = call.isRejection ? '(in promise) ' : '';
  const text = error instanceof Error ? message(error, call) : Deno.inspect(error);
  return `${ERROR}: Uncaught ${promise}${text}\n`;
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
