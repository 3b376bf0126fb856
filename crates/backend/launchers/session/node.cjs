// What is special about Node in a session.
'use strict';

const { Error, Number, Object, Promise, Set, process } = globalThis;
const { clearImmediate, queueMicrotask, setImmediate } = globalThis;
const fs = require('node:fs');
const nodeModule = require('node:module');
const { pathToFileURL } = require('node:url');
const util = require('node:util');
const v8 = require('node:v8');
const vm = require('node:vm');
const { describe } = require('./describe.cjs');
const { kinds, looksLikeModule, meta, newSyntax } = require('./node-files.cjs');
const { asModule, parts, script, sourceOf } = require('./program.cjs');
const { muteStreams } = require('./descriptors.cjs');
const interruption = require('./interruption.cjs');
const { streams } = require('./streams.cjs');

const { Module } = nodeModule;
const { getPrototypeOf, defineProperty } = Object;

// Its cache keeps the source of every program.
v8.setFlagsFromString('--no-compilation-cache');

// Holds the event loop up, but is nothing that a program has started.
const STREAMS = /^(Pipe|TTY)Wrap$/;

const realCompile = Module.prototype._compile;
const processPrototype = getPrototypeOf(process);
const realEmit = process.emit;
const realFatal = process._fatalException;
const ownListeners = new Set(process.listeners('exit'));
let engine;
let load;

// No longer there to be found.
for (const cache of [Module._cache, Module._pathCache]) {
  for (const key of Object.keys(cache)) if (key.includes('/.isol8/')) delete cache[key];
}

// Asked only when nothing is left.
exports.hasWork = () => false;
const count = () => process.getActiveResourcesInfo().filter((kind) => !STREAMS.test(kind)).length;
exports.isBusy = () => {
  clearImmediate(round);
  leave();
  const isBusy = count() > 0;
  goRoundAgain();
  return isBusy;
};

// Node calls `process.emit` when its event loop is empty, and `process._fatalException` with what
// nobody has caught. Neither is listed anywhere.
exports.install = (given) => {
  engine = given;
  processPrototype.emit = emit;
  process._fatalException = fatal;
  interruption.install(given);
};

// Where Node's first file calls the loader: the last line of a whole stack.
const { stackTraceLimit } = Error;
Error.stackTraceLimit = 100;
const first = /\(?(node:[^()]*):(\d+):(\d+)\)?$/.exec(new Error().stack) ?? [null, __filename, 1, 1];
Error.stackTraceLimit = stackTraceLimit;
const scripts = interruption.interruptible({ filename: first[1], line: Number(first[2]), column: Number(first[3]) });
const modules = interruption.interruptible({ filename: 'node:internal/modules/esm/module_job', line: 1, column: 1 });

function emit(event, ...values) {
  if (event === 'SIGINT' && this === process && interruption.signalled()) return true;
  if (event !== 'beforeExit' || this !== process) return realEmit.call(this, event, ...values);
  const current = engine.current();
  if (current?.start) {
    const { start } = current;
    current.start = null;
    start();
    return true;
  }
  const before = count();
  if (current && !current.over && !isQuiet && realEmit.call(this, event, ...values)) {
    // What the listeners have started may go on from promises: seen when these are done.
    round = setImmediate(() => {
      isQuiet = count() <= before;
    });
    return true;
  }
  isQuiet = false;
  engine.turn();
  return true;
}

// Whether the listeners of `beforeExit` have been called and have started nothing.
let isQuiet = false;

// As Node does with a program that dies, down to the listeners of `exit`; but it lives.
function fatal(error, fromPromise) {
  if (isInterruptible) {
    leave();
    if (interruption.isInterruption(error)) {
      if (!interruption.signalled()) interruption.interrupt(engine.current());
      goRoundAgain();
      return true;
    }
  }
  const last = (cause) => {
    const current = engine.current();
    if (current && !current.over) {
      current.fromPromise = fromPromise;
      if (!process._exiting) {
        process._exiting = true;
        process.exitCode = 1;
        emitExit(1);
      }
    }
    engine.fail(cause, current, Number(process.exitCode ?? 1));
  };
  const isHandled = process.listenerCount('uncaughtException') > 0;
  if (!isHandled) process.on('uncaughtException', last);
  try {
    return realFatal.call(process, error, fromPromise);
  } finally {
    process.removeListener('uncaughtException', last);
  }
}

function emitExit(code) {
  try {
    realEmit.call(process, 'exit', code);
  } catch {
    // Node itself says nothing of it either.
  }
}

// `process.exit(code)` up to the point where the process would be gone. Returns the code.
exports.exiting = (code) => {
  if (code !== undefined) process.exitCode = code;
  if (!process._exiting) {
    process._exiting = true;
    realEmit.call(process, 'exit', process.exitCode || 0);
  }
  return Number(process.exitCode || 0);
};

// The end of a call whose event loop is empty. Returns its exit code.
exports.ending = (current) => {
  if (!current.settled) process.exitCode ??= 13;
  process._exiting = true;
  realEmit.call(process, 'exit', process.exitCode || 0);
  if (!current.settled && process.exitCode === 13) fs.writeSync(2, unsettled(current));
  return Number(process.exitCode || 0);
};

function unsettled({ program, source, parts }) {
  const [at, ...more] = parts.awaits;
  const head = 'Warning: Detected unsettled top-level await at';
  if (!at || more.length) return `${head} ${pathToFileURL(program)}\n`;
  const text = source.split('\n')[at.line - 1];
  return `${head} ${pathToFileURL(program)}:${at.line}\n${text}\n${' '.repeat(at.column)}^\n\n\n`;
}

exports.beginCall = () => {
  interruption.beginCall();
  streams.open();
};

exports.endCall = (current) => {
  process._exiting = undefined;
  process.exitCode = undefined;
  interruption.endCall(current);
  process.removeAllListeners('beforeExit');
  for (const listener of process.listeners('exit')) {
    if (!ownListeners.has(listener)) process.removeListener('exit', listener);
  }
  streams.close();
};

exports.mute = muteStreams;

exports.run = (call, told) => {
  const { program } = call;
  call.name = program;
  // When the event loop has gone round once more, nothing is below the program.
  goRoundAgain();
  process.argv[1] = program;
  call.source = sourceOf(program);
  try {
    call.parts = parts(call.source, kinds(program));
  } catch (failure) {
    call.failure = failure;
  }
  const isModule = call.parts ? call.parts.kind === 'module' : looksLikeModule(call.source);
  if (isModule) runModule(call, told);
  else runScript(call, told);
};

// Node leaves its event loop when it is empty after `beforeExit`.
let round;
function goRoundAgain() {
  round = setImmediate(() => {});
}

// Through Node's own loader, which is given the rewritten text in the place of the file's. It is
// called in the place of `process.emit`, because a bound function is on no stack.
function runScript(call, told) {
  const { program, parts } = call;
  delete Module._cache[program];
  call.start = () => {};
  engine.helper.main = Module.runMain.bind(Module, program);
  engine.helper.after = leaveLater;
  const restore = () => {
    defineProperty(Module.prototype, '_compile', { value: realCompile, writable: true, configurable: true, enumerable: true });
    processPrototype.emit = emit;
    call.start = null;
    told.settle();
  };
  defineProperty(Module.prototype, '_compile', {
    configurable: true,
    get() {
      restore();
      if (!parts) return realCompile;
      if (parts.functions) realCompile.call(this, parts.functions, program, 'commonjs');
      return realCompile.bind(this, parts.body, program, 'commonjs');
    },
    set: undefined,
  });
  call.name = program;
  call.shift = 0;
  processPrototype.emit = enter(scripts);
}

// Whether a signal ends what runs.
let isInterruptible = false;

// What runs `main` of the helper, and ends it when there is a signal that the program does not want itself.
function enter({ run, runAlone }) {
  isInterruptible = interruption.pause();
  return isInterruptible ? run : runAlone;
}

// To be called when `main` is over: goes round once more.
function leaveLater() {
  round = setImmediate(leave);
}

function leave() {
  if (!isInterruptible) return;
  isInterruptible = false;
  interruption.resume();
}

function runModule(call, told) {
  const { program, parts } = call;
  const url = pathToFileURL(program).href;
  load ??= script('(name,options)=>options?import(name,options):import(name)', url);
  engine.helper.meta ??= meta(program, url);
  process.mainModule = undefined;
  call.name = url;
  if (!parts) throw newSyntax(call, url);
  const made = asModule(parts, url, load);
  call.shift = 0;
  // As Node's own loader does with the error of a main module.
  const failed = (error) => {
    told.settle();
    fatal(error, true);
  };
  call.start = () => {
    goRoundAgain();
    engine.helper.main = made.run;
    engine.helper.after = leaveLater;
    const run = () => {
      made.prepare();
      // Called by the microtask itself, so that nothing of ours is below the program.
      Promise.resolve().then(enter(modules)).then(told.settle, failed);
    };
    if (made.link) made.link().then(run).catch(failed);
    else queueMicrotask(run);
  };
}

exports.describe = (error, call) => describe(error, call, {
  inspect: (value) => util.inspect(value),
  isError: util.types.isNativeError(error),
  end: `\n\nNode.js ${process.version}\n`,
});

// The first import from a script warns that it is experimental. It is ours and not the program's.
const { emitWarning } = process;
process.emitWarning = () => {};
try {
  const importModuleDynamically = vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;
  vm.runInThisContext('import("node:fs")', { importModuleDynamically, filename: __filename });
} finally {
  process.emitWarning = emitWarning;
}
