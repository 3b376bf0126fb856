// What is special about Bun in a session.
'use strict';

const { Bun, Math, Object, Promise, URL, process, setTimeout } = globalThis;
const fs = require('node:fs');
const nodeModule = require('node:module');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const vm = require('node:vm');
const { isInterrupted } = require('./channel.cjs');
const { positionOf } = require('./describe.cjs');
const { owner } = require('./sources.cjs');
const listeners = require('./listeners.cjs');
const { asModule, parts, script, sourceOf } = require('./program.cjs');
const { openStreams, muteStreams } = require('./descriptors.cjs');

const runScript = vm.Script.prototype.runInThisContext;
let engine;
let main;

// No longer there to be found.
function forgetFiles() {
  for (const key of Object.keys(nodeModule._cache)) {
    if (key.includes('/.isol8/')) delete nodeModule._cache[key];
  }
}

exports.install = (given) => {
  engine = given;
  listeners.install(given, { errors: ['uncaughtException', 'unhandledRejection'] });
};

// Bun does not tell listeners of `removeListener` about this.
const emitter = Object.getPrototypeOf(process);
const { removeAllListeners } = process;
const standIn = {
  removeAllListeners(...events) {
    const removed = removeAllListeners.apply(this, events);
    if (this === process) process.nextTick(listeners.restore);
    return removed;
  },
};
Object.defineProperty(emitter, 'removeAllListeners', {
  value: standIn.removeAllListeners,
  writable: true,
  configurable: true,
});

exports.exiting = listeners.exiting;
exports.mute = muteStreams;
exports.beginCall = () => {
  openStreams();
  listeners.restore();
};

exports.ending = ({ settled }) => {
  if (!settled) fs.writeSync(2, 'Warning: Detected unsettled top-level await\n');
  return listeners.exiting(settled ? undefined : 13);
};

exports.endCall = () => {
  input?.destroy();
  input = undefined;
  listeners.endCall();
};

exports.run = (call, told) => {
  const { program } = call;
  process.argv[1] = Bun.main = program;
  call.source = sourceOf(program);
  if (!main) forgetFiles();
  main ??= makeMain(program);
  engine.helper.meta = main.meta;
  call.parts = parse(call.source);
  const made = asModule(call.parts, program, main.load);
  call.shift = made.shift;
  const failed = (error) => {
    told.settle();
    // Bun asks these when the main program fails.
    if (listeners.hasListener('uncaughtException')) process.emit('uncaughtException', error, 'unhandledRejection');
    else {
      listeners.exiting(1);
      told.fail(error);
    }
  };
  const run = () => interruptible(made.run, call);
  listeners.start({ ...made, run }, { inMicrotask: false }, told.settle, failed);
};

const whole = new vm.Script('$isol8.main()');
const INTERRUPTED = 130; // what a shell makes of SIGINT

// A program that sends the signal to itself is to end at once, and not to be interrupted: to listen and to
// stop again brings the default back.
const realKill = process.kill;
process.kill = { kill(pid, signal) {
  if (/^(2|SIGINT)$/.test(signal) && pid === process.pid && !listeners.hasListener('SIGINT')) {
    const nothing = () => {};
    process.on('SIGINT', nothing);
    process.removeListener('SIGINT', nothing);
  }
  return realKill.call(process, pid, signal);
} }.kill;

// Runs a program up to its first `await`, so that a signal ends its loops. A program that wants the signal
// itself is left alone.
function interruptible(run, call) {
  if (listeners.hasListener('SIGINT')) return run();
  engine.helper.main = run;
  try {
    return runScript.call(whole, { breakOnSigint: true });
  } catch (error) {
    if (error?.code !== 'ERR_SCRIPT_EXECUTION_INTERRUPTED') throw error;
    if (!isInterrupted()) process.kill(process.pid, 'SIGINT');
    engine.close(call, INTERRUPTED);
    return new Promise(() => {});
  }
}

// Most programs are JavaScript, which keeps its lines when it is left alone. But a call with type
// arguments can be read as comparisons, so what looks like one is TypeScript.
function parse(source) {
  if (!/[\w$]\s*<[^;{}()]*>\s*[(`]/.test(source)) {
    try {
      return parts(source, KINDS);
    } catch {
      // Then it is TypeScript, or wrong.
    }
  }
  return parts(transpiler.transformSync(source), KINDS);
}

const KINDS = ['module', 'sloppy'];

// What a program finds around it; made once, because its file is always the same.
function makeMain(program) {
  const main = new nodeModule.Module('.', null);
  main.filename = program;
  main.paths = nodeModule.Module._nodeModulePaths(path.dirname(program));
  process.mainModule = main;
  nodeModule.Module._cache[program] = main;
  const plain = nodeModule.createRequire(program);
  const { cache, resolve } = plain;
  const require = Object.assign((name) => plain(name), { cache, main, resolve });
  const scope = { require, module: main, exports: main.exports, __filename: program };
  scope.__dirname = path.dirname(program);
  for (const [name, value] of Object.entries(scope)) {
    const property = { value, writable: true, configurable: true, enumerable: false };
    Object.defineProperty(globalThis, name, property);
  }
  const url = pathToFileURL(program).href;
  const load = script('(name,options)=>options?import(name,options):import(name)', program);
  return { load, meta: meta({ program, url, require }) };
}

const end = `Bun v${Bun.version} (Linux ${process.arch})\n`;

const transpiler = new Bun.Transpiler({
  loader: 'ts',
  target: 'bun',
  trimUnusedImports: false,
  deadCodeElimination: false,
});

const meta = ({ program, url, require }) => ({
  dir: path.dirname(program),
  dirname: path.dirname(program),
  env: process.env,
  file: path.basename(program),
  filename: program,
  main: true,
  path: program,
  require,
  resolve: (name) => (/^\.{0,2}\//.test(name) ? new URL(name, url).href : `file://${Bun.resolveSync(name, path.dirname(program))}`),
  url,
});

exports.describe = (error, call) => {
  const place = positionOf(error);
  if (place) return atPlace(error, place, call);
  const isOwn = (line) => !/\/\.isol8\//.test(line);
  const text = typeof error === 'string' ? `error: ${error}\n${error}` : inOwnWords(Bun.inspect(error));
  const lines = text.trimEnd().split('\n').filter(isOwn);
  return `${withSource(lines, owner(text, call)).join('\n')}\n\n${end}`;
};

// Bun says what kind a value is that is no error.
function inOwnWords(text) {
  return /^[{"[]/.test(text) ? `error\n${text}` : text;
}

// Bun shows lines of what it has been given to run. Puts those of the program in their place, and counts
// the columns of the first as the program does.
function withSource(lines, { shift = 0, program, source = '' }) {
  const texts = source.split('\n');
  let moved = 0;
  return lines.map((line) => {
    const [, number] = /^ *(\d+) \| /.exec(line) ?? [];
    if (number) {
      moved = number === '1' ? shift : 0;
      const head = line.slice(0, line.indexOf('|') + 2);
      return texts[number - 1] === undefined ? line : `${head}${texts[number - 1]}`;
    }
    if (/^ +\^$/.test(line)) return line.slice(Math.min(moved, line.length - 1));
    return line
      .replace('at input.ts:', `at ${program}:`)
      .replace(`${program}:1:`, `${program}:1:\0`)
      .replace(/\0(\d+)/, (_, column) => Math.max(1, column - shift));
  });
}

// An error of the program's text.
function atPlace(error, { line, column }, { program, source }) {
  const head = `${line} | `;
  const caret = `${' '.repeat(head.length + column)}^`;
  const at = `    at ${program}:${line}:${column + 1}`;
  return `${head}${source.split('\n')[line - 1]}\n${caret}\n${error.stack}\n${at}\n\n${end}`;
}

// Bun reports a rejection that nobody handles one turn after the event loop seems to be empty.
let turned = false;
exports.hasWork = () => {
  if (listeners.hasListener('beforeExit')) return false;
  turned = !turned;
  if (turned) setTimeout(() => {}, 0);
  return turned;
};

let input;

Object.defineProperty(process, 'stdin', {
  configurable: true,
  enumerable: true,
  get: () => (input ??= fs.createReadStream(null, { fd: 0, autoClose: false })),
});
