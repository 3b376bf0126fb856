// What is special about Node in a session.
'use strict';

const { JSON, Number, Object, Set, SyntaxError, URL, process } = globalThis;
const { clearImmediate, queueMicrotask, setImmediate } = globalThis;
const fs = require('node:fs');
const nodeModule = require('node:module');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const util = require('node:util');
const v8 = require('node:v8');
const vm = require('node:vm');
const { describe, positioned } = require('./describe.cjs');
const { asModule, parts, script, sourceOf } = require('./program.cjs');
const { muteStreams } = require('./descriptors.cjs');
const { streams } = require('./streams.cjs');

const { Module } = nodeModule;
const { getPrototypeOf, defineProperty } = Object;

// Its cache keeps the source of every program.
v8.setFlagsFromString('--no-compilation-cache');

// What a module in a script says: then Node takes a file for a module.
const IS_MODULE = /^(Cannot use (import statement|'import\.meta')|Unexpected token 'export'|await is only valid)/;

const PARAMETERS = ['exports', 'require', 'module', '__filename', '__dirname'];

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
const count = () => process.getActiveResourcesInfo().length;
exports.isBusy = () => {
  clearImmediate(round);
  const isBusy = process.getActiveResourcesInfo().some((kind) => !STREAMS.test(kind));
  goRoundAgain();
  return isBusy;
};

// Node calls `process.emit` when its event loop is empty, and `process._fatalException` with what
// nobody has caught. Neither is listed anywhere.
exports.install = (given) => {
  engine = given;
  processPrototype.emit = emit;
  process._fatalException = fatal;
};

function emit(event, ...values) {
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

exports.beginCall = () => streams.open();

exports.endCall = () => {
  process._exiting = undefined;
  process.exitCode = undefined;
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

// A package says what its files are, and else the syntax does.
function kinds(program) {
  for (let at = path.dirname(program); ; at = path.dirname(at)) {
    try {
      const { type } = JSON.parse(fs.readFileSync(path.join(at, 'package.json'), 'utf8'));
      if (type === 'module') return ['module'];
      return type === 'commonjs' ? ['script'] : ['script', 'module'];
    } catch {
      // None, or none that can be read: Node says so when it loads the program.
    }
    if (at === path.dirname(at)) return ['script', 'module'];
  }
}

// What the parser does not follow is one or the other by what Node has to say of it.
function looksLikeModule(source) {
  try {
    vm.compileFunction(source, PARAMETERS);
    return false;
  } catch (error) {
    return IS_MODULE.test(error.message);
  }
}

// Through Node's own loader, which is given the rewritten text in the place of the file's. It is
// called in the place of `process.emit`, because a bound function is on no stack.
function runScript(call, told) {
  const { program, parts } = call;
  delete Module._cache[program];
  call.start = () => {};
  const start = Module.runMain.bind(Module, program);
  const restore = () => {
    defineProperty(Module.prototype, '_compile', { value: realCompile, writable: true, configurable: true, enumerable: true });
    processPrototype.emit = emit;
    call.start = null;
    goRoundAgain();
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
  processPrototype.emit = start;
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
    const run = () => {
      made.prepare();
      made.run().then(told.settle, failed);
    };
    if (made.link) made.link().then(run).catch(failed);
    else queueMicrotask(run);
  };
}


// The engine's own words for what is wrong; where it is, the parser knows.
function newSyntax({ failure, source }, url) {
  const text = source.replace(/^\s*(import\b[^(.].*?['"][^'"]*['"]|export\b(\s+default\b)?)/gm, (all) => ' '.repeat(all.length));
  let message = failure.message;
  try {
    new vm.Script(`(async function(){'use strict';${text}\n})`);
  } catch (error) {
    message = error.message;
  }
  return positioned(new SyntaxError(message), failure);
}

function meta(program, url) {
  const require = nodeModule.createRequire(program);
  return Object.assign(Object.create(null), {
    dirname: path.dirname(program),
    filename: program,
    main: true,
    resolve(name) {
      if (/^\.{0,2}\//.test(name)) return new URL(name, url).href;
      const found = require.resolve(name);
      return path.isAbsolute(found) ? pathToFileURL(found).href : `node:${found.replace(/^node:/, '')}`;
    },
    url,
  });
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
