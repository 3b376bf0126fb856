// The resident Node, Bun or Deno of a session.
//
// Waits for commands, runs each program in the one global scope and reports its exit code. A call is over when the event loop has nothing left to do, which is
// when the program's own process would end; the next command is then read where nothing else can
// run. User code shares this process, so nothing here protects the session from its own programs.
'use strict';

// A program may declare variables of these names, and they would be found here, too.
const { Promise, process, clearTimeout, setImmediate, setTimeout } = globalThis;
const { Deno, Bun } = globalThis;
const { keys } = globalThis.Object;

const fs = require('node:fs');
const path = require('node:path');
const { readCommand, report } = require('./channel.cjs');
const { provide } = require('./program.cjs');
const { remember } = require('./sources.cjs');
const host = require(Deno ? './deno.cjs' : Bun ? './bun.cjs' : './node.cjs');

// After an uncaught error or an exit, what the program has started may take so many pauses to be
// done. There is no other way to end a timer or a server than to end the interpreter. Half a second,
// because Bun's own threads keep its event loop going that long when the CPU is scarce; and in
// pauses, so that time in which the whole process had none does not count.
const GRACE_PAUSES = 20;
const GRACE_PAUSE_MS = 25;

host.dropRights?.();

const nativeExit = process.exit;
let call = null;

// Changes the environment and the directory. Returns what changes them back, unless the program has
// changed them itself.
function enter({ env, cwd, program }) {
  const undo = [];
  let isNew = false;
  for (const [name, value] of env) {
    const before = process.env[name];
    process.env[name] = value;
    isNew ||= before === undefined;
    undo.push(() => {
      if (process.env[name] !== value) return;
      if (before === undefined) delete process.env[name];
      else process.env[name] = before;
    });
  }
  if (isNew) sortEnvironment();
  if (cwd) {
    const before = whereabouts() ?? path.dirname(program);
    process.chdir(cwd);
    const here = whereabouts();
    undo.push(() => whereabouts() === here && process.chdir(before));
  }
  return undo;
}

// Puts the variables into the order in which a process gets them.
function sortEnvironment() {
  for (const name of keys(process.env).sort()) {
    const value = process.env[name];
    delete process.env[name];
    process.env[name] = value;
  }
}

// The working directory, which may be gone.
function whereabouts() {
  try {
    return process.cwd();
  } catch {
    return null;
  }
}

// Gets a program going. Returns nothing that waits for it.
function begin(command) {
  call = { ...command, settled: false, failed: false, over: false, undo: [], parts: null };
  const current = call;
  host.beginCall(current);
  report(call.number); // its streams are in place
  try {
    call.undo = enter(call);
    host.run(call, {
      settle: () => {
        current.settled = true;
      },
      fail: (error) => fail(error, current),
    });
  } catch (error) {
    fail(error, current);
    setImmediate(() => {}); // or the event loop would be left
  }
}

// The message about an error that nobody has caught, and the end of its call.
function fail(error, current = call, code = 1) {
  if (current !== call || current?.over) return;
  if (!current) {
    // Between two calls nothing runs but the launcher.
    fs.writeSync(2, `${error?.stack}\n`);
    process.exit(1);
  }
  current.failed = true;
  write(2, host.describe(error, current));
  close(current, code);
}

// Ends a call before its event loop is empty.
function close(current, code) {
  current.over = current.settled = true;
  current.code = code;
  host.mute?.();
  endAfter(GRACE_PAUSES, current);
  if (host.isBusy) setImmediate(setImmediate, endIfBusy, current);
}

// To be called when the timer is over that has called `close`, and Node's own work after an error is.
function endIfBusy(current) {
  if (call === current && host.isBusy()) process.reallyExit(current.code);
}

function endAfter(pauses, current) {
  const next = () => (pauses > 1 ? endAfter(pauses - 1, current) : process.reallyExit(current.code));
  current.end = setTimeout(next, GRACE_PAUSE_MS).unref();
}

function write(descriptor, text) {
  try {
    fs.writeSync(descriptor, text);
  } catch {
    // The program has closed it.
  }
}

// What stands in for `process.exit` where a program can be left: nothing is destroyed, and what
// called it never goes on.
function exit(code) {
  if (!call || call.over || process.exit !== nativeExit) return process.exit(code);
  call.code = host.exiting(code);
  close(call, call.code);
  return new Promise(() => {});
}

// Ends the call that runs, and waits for the next command.
function turn() {
  if (call) {
    if (!call.over && host.hasWork()) return;
    finish(call);
    call = null;
  }
  const command = readCommand();
  if (command) begin(command);
}

function finish(current) {
  clearTimeout(current.end);
  if (!current.over) {
    current.code = host.ending(current);
  }
  host.endCall(current);
  remember(current);
  for (const undo of current.undo) {
    try {
      undo();
    } catch {
      // A directory that is gone.
    }
  }
  // What cannot be made good again ends with the interpreter, and its end is the report.
  if (host.isBroken?.()) process.reallyExit(current.code);
  report(`${current.number} ${current.code}`);
}

const helper = { exit };
host.install({ turn, fail, close, helper, current: () => call, mute: () => host.mute?.() });
provide(helper);
