// The resident Node, Bun or Deno of a session.
//
// Waits for commands on descriptor 250, runs each program in the one global scope and reports its
// exit code on descriptor 251. A call is over when the event loop has nothing left to do, which is
// when the program's own process would end; the next command is then read where nothing else can
// run. User code shares this process, so nothing here protects the session from its own programs.
'use strict';

// A program may declare variables of these names, and they would be found here, too.
const { Buffer, Error, Object, Promise, Set, SyntaxError, process, setTimeout, clearTimeout } = globalThis;
const { Deno, Bun } = globalThis;

const fs = require('node:fs');
const nodeModule = require('node:module');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const vm = require('node:vm');
const { transform } = require('./transform.cjs');
const { POSITION } = require('./describe.cjs');
const host = require(Deno ? './deno.cjs' : Bun ? './bun.cjs' : './node.cjs');

const COMMANDS = '/dev/fd/250';
const REPORTS = '/dev/fd/251';

// After an uncaught error, what the program has started may take so many pauses to be done. There is
// no other way to end a timer or a server of a program that has failed than to end the interpreter.
// Half a second, because Bun's own threads keep its event loop going that long when the CPU is scarce;
// and in pauses, so that time in which the whole process had none does not count.
const GRACE_PAUSES = 20;
const GRACE_PAUSE_MS = 25;

// Stack frames of the launcher; and, below the top level of a program, those of what called it. Which
// ones there are is a matter of timing.
const OURS = /\/\.isol8\//;
const OURS_OR_BELOW = /\/\.isol8\/|^ +at .*\((node:internal\/(process|timers)|native:|ext:)/;

// Opened anew, the descriptors are not inherited by what programs start.
const commands = fs.openSync(COMMANDS, 'r');
const reports = fs.openSync(REPORTS, 'w');
for (const descriptor of [250, 251]) {
  try {
    fs.closeSync(descriptor);
  } catch {
    // Deno lends out no descriptor that it has not opened.
  }
}

host.dropRights?.();

const declared = new Set();
let call = null;
let main = null;

function readCommand() {
  const chunks = [];
  const buffer = Buffer.alloc(65536);
  for (;;) {
    const count = fs.readSync(commands, buffer);
    if (count === 0) return null;
    chunks.push(Buffer.from(buffer.subarray(0, count)));
    const fields = Buffer.concat(chunks).toString('utf8').split('\0');
    fields.pop();
    if (fields.length >= 4 && fields.length >= 4 + 2 * Number(fields[3])) {
      const [number, program, cwd] = fields;
      const env = [];
      for (let i = 4; i < fields.length; i += 2) env.push([fields[i], fields[i + 1]]);
      return { number, program, cwd, env };
    }
  }
}

// What a program finds around it; made once, because its file is always the same.
function makeMain(program) {
  const main = new nodeModule.Module('.', null);
  main.filename = program;
  main.paths = nodeModule.Module._nodeModulePaths(path.dirname(program));
  process.argv[1] = program;
  process.mainModule = main;
  nodeModule.Module._cache[program] = main;
  let require = nodeModule.createRequire(program);
  if (require.main !== main) {
    const { cache, resolve } = require;
    const plain = require;
    require = Object.assign((name) => plain(name), { cache, main, resolve });
  }
  const scope = { require, module: main, exports: main.exports, __filename: program };
  scope.__dirname = path.dirname(program);
  for (const [name, value] of Object.entries(scope)) {
    const property = { value, writable: true, configurable: true, enumerable: false };
    Object.defineProperty(globalThis, name, property);
  }
  const url = pathToFileURL(program).href;
  const load = script('(name,options)=>options?import(name,options):import(name)', program, 0);
  const meta = host.meta({ program, url, require });
  return { program, load, helper: { import: (...from) => importNames(load, ...from), meta } };
}

function script(code, program, offset) {
  return vm.runInThisContext(code, {
    filename: host.scriptName(program),
    columnOffset: 0 - offset,
    importModuleDynamically: vm.constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
}

async function importNames(load, name, wanted, attributes) {
  const found = await load(name, Object.keys(attributes).length ? { with: attributes } : undefined);
  for (const item of wanted) {
    if (!(item in found) && !host.typescript) {
      const problem = `does not provide an export named '${item}'`;
      throw new SyntaxError(`The requested module '${name}' ${problem}`);
    }
  }
  return found;
}

// The program as a function that has all its effects.
function compile(source, program) {
  let parts;
  try {
    parts = transform(host.prepare(source), host.kinds);
  } catch (error) {
    parts = host.typescript
      ? transform(host.stripTypes(source), host.kinds)
      : newSyntax(source, error);
  }
  for (const name of parts.names) {
    if (declared.has(name)) continue;
    declared.add(name);
    try {
      vm.runInThisContext(`let ${name};`);
    } catch {
      // It is a variable of the global object, and assigning to it is all there is to do.
    }
  }
  const body = script(parts.body.code, program, parts.body.offset);
  const { functions } = parts;
  if (functions) script(functions.code, program, functions.offset)(main.helper);
  call.offset = parts.body.offset;
  return body;
}

// What the parser does not know may be newer than it is. Then nothing of it persists.
function newSyntax(source, error) {
  const open = '(async function($isol8){';
  const body = { code: `${open}${source}\n})`, offset: open.length };
  try {
    new vm.Script(body.code);
  } catch (failure) {
    // The engine's own words; where it is, the parser knows.
    throw Object.assign(new SyntaxError(failure.message), { [POSITION]: error.loc });
  }
  return { names: [], functions: null, body };
}

function begin(command) {
  call = { ...command, settled: false, failed: false, undo: [], offset: 0 };
  fs.writeSync(reports, `${call.number}\n`);
  main ??= makeMain(command.program);
  host.newInput();
  for (const [name, value] of call.env) {
    const before = process.env[name];
    process.env[name] = value;
    call.undo.push(() => {
      if (process.env[name] !== value) return;
      if (before === undefined) delete process.env[name];
      else process.env[name] = before;
    });
  }
  if (call.cwd) {
    const before = process.cwd();
    process.chdir(call.cwd);
    const here = process.cwd();
    call.undo.push(() => process.cwd() === here && process.chdir(before));
  }
  let run;
  try {
    const source = fs.readFileSync(call.program, 'utf8');
    const body = compile(source, call.program);
    const own = body.bind(process.mainModule.exports, main.helper);
    // From a microtask, so that no frame of ours is below the program's.
    run = Promise.resolve().then(own);
  } catch (error) {
    run = Promise.reject(error);
  }
  const current = call;
  run.then(
    () => {
      current.settled = true;
    },
    (error) => {
      current.atTop = true;
      fail(error, current);
    },
  );
}

function fail(error, current = call) {
  if (current !== call || current?.failed) return;
  if (!current) {
    // Between two calls nothing runs but the launcher.
    fs.writeSync(2, `${error?.stack}\n`);
    process.exit(1);
  }
  current.settled = current.failed = true;
  let source = '';
  try {
    source = fs.readFileSync(current.program, 'utf8');
  } catch {
    // The program may have removed its own file.
  }
  const hidden = current.atTop ? OURS_OR_BELOW : OURS;
  const inspect = (failure, render) => withoutFrames(failure, render, hidden);
  fs.writeSync(2, host.describe(error, { ...current, source, inspect }));
  endAfter(GRACE_PAUSES, current);
}

function endAfter(pauses, current) {
  const next = () => (pauses > 1 ? endAfter(pauses - 1, current) : process.exit(1));
  current.end = setTimeout(next, GRACE_PAUSE_MS).unref();
}

function withoutFrames(error, render, hidden) {
  if (error?.[POSITION]) return `${error.name}: ${error.message}`;
  if (!(error instanceof Error) && typeof error?.stack !== 'string') return render(error);
  return render(error)
    .split('\n')
    .filter((line) => !hidden.test(line))
    .join('\n');
}

// Ends the call that runs, and waits for the next command.
function turn() {
  if (call) {
    if (host.hasWork()) return;
    let code = call.failed ? 1 : Number(process.exitCode ?? 0);
    if (!call.settled) {
      fs.writeSync(2, host.unsettled.message);
      code = host.unsettled.code;
    }
    process.exitCode = undefined;
    if (process.exitCode !== undefined) process.exitCode = 0; // Bun does not forget it
    clearTimeout(call.end);
    host.endInput();
    for (const undo of call.undo) {
      try {
        undo();
      } catch {
        // A directory that is gone.
      }
    }
    fs.writeSync(reports, `${call.number} ${code}\n`);
    call = null;
  }
  const command = readCommand();
  if (!command) return;
  // What is scheduled here keeps the event loop going.
  setTimeout(() => begin(command), 0);
}

// Last of the listeners, so that the program's own come before.
process.on('beforeExit', turn);
process.on('newListener', (event, listener) => {
  if (event !== 'beforeExit' || listener === turn) return;
  process.nextTick(() => {
    process.removeListener('beforeExit', turn);
    process.on('beforeExit', turn);
  });
});
function caught(event) {
  const own = (error) => {
    // A program that handles such errors has the last word, as in a process of its own.
    if (process.listenerCount(event) === 1) fail(error);
  };
  process.on(event, own);
}
caught('uncaughtException');
if (host.rejectionsAreSeparate) caught('unhandledRejection');
