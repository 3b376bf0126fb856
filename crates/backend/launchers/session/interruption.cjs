// Ends a program of Node that is interrupted, so that its interpreter survives.
'use strict';

const { Atomics, Int32Array, Object, Reflect, Set, SharedArrayBuffer, process } = globalThis;
const { clearImmediate, clearTimeout, setImmediate, setTimeout } = globalThis;
const vm = require('node:vm');
const channel = require('./channel.cjs');

const SIGNAL = 'SIGINT';
const INTERRUPT = 2; // its number
const INTERRUPTED = 130; // what a shell makes of SIGINT
const PAUSE_MS = 5;
const SETTLE_MS = 20;
const MAX_NOTED = 4;

const { runInContext } = Object.getPrototypeOf(vm.Script.prototype);

// More lists of timers than these are nobody's but the end of the interpreter's.
const MAX_DURATIONS = 10_000;

// Node's own listeners, which make a signal an event. Called directly, they leave no listener behind.
const named = (event, name) => process.listeners(event).find((listener) => listener.name === name) ?? (() => {});
const startListening = named('newListener', 'startListeningIfSignal');
const stopListening = named('removeListener', 'stopListeningIfSignal');

const Timeout = Object.getPrototypeOf(probeTimer());
const durations = new Set();
let engine;

// Node has a list of timers for each duration, and one member leads to all the others.
const property = { enumerable: true, configurable: true, writable: true };
Object.defineProperty(Timeout, '_onTimeout', {
  configurable: true,
  set(value) {
    if (durations.size < MAX_DURATIONS) durations.add(this._idleTimeout);
    Object.defineProperty(this, '_onTimeout', { ...property, value });
  },
});

function probeTimer(duration = 1) {
  const timer = setTimeout(() => {}, duration);
  clearTimeout(timer);
  return timer;
}

const { _kill } = process;

exports.install = (given) => {
  engine = given;
  startListening(SIGNAL);
  process._kill = kill;
};

// A program that sends the signal to itself is to end at once. While the watchdog waits for it, it could be
// lost: starting to listen and stopping again brings the default back.
function kill(pid, signal) {
  if (signal === INTERRUPT && pid === process.pid && process.listenerCount(SIGNAL) === 0) {
    startListening(SIGNAL);
    stopListening(SIGNAL);
  }
  return _kill.call(process, pid, signal);
}

// Whether a call was interrupted since signals that came late were last forgotten.
let mayHaveLate = false;

// A program may have removed its last listener, and Node's with it.
exports.beginCall = () => {
  if (mayHaveLate) forgetLate();
  startListening(SIGNAL);
};

// Forgets the durations of the program: its timers are over.
exports.endCall = (current) => {
  clearTimeout(drainer);
  durations.clear();
  mayHaveLate ||= current.interrupted;
};

// The guest may have sent its second signal when the interrupted call was over already. It sends none once the next
// call has begun. So this is the place to forget it: what Node's listener has not passed on yet goes with it.
function forgetLate() {
  mayHaveLate = false;
  stopListening(SIGNAL);
  startListening(SIGNAL);
  settleWatchdog();
}

// A signal that came when a script was over is still noted, and would end the next one.
const wait = Atomics.wait.bind(Atomics, new Int32Array(new SharedArrayBuffer(4)), 0, 0, SETTLE_MS);
const waiting = interruptible({ filename: __filename, line: 1, column: 1 });

function settleWatchdog() {
  Object.assign(engine.helper, { main: wait, after() {} });
  for (let turn = 0; turn < MAX_NOTED; turn++) {
    const isListening = pause();
    try {
      if (isListening) waiting.run();
      return;
    } catch {
      // That was one.
    } finally {
      if (isListening) resume();
    }
  }
}

let drainer;

// What `process.emit` of the signal comes to. Returns whether it was dealt with.
exports.signalled = () => {
  const current = engine.current();
  if (current?.interrupted || channel.isInterrupted()) {
    if (current) interrupt(current);
    return true;
  }
  if (process.listenerCount(SIGNAL) > 0) return false;
  stopListening(SIGNAL);
  process.kill(process.pid, SIGNAL);
  return true;
};

// Whether an error is what a loop was ended with.
exports.isInterruption = (error) => error?.code === 'ERR_SCRIPT_EXECUTION_INTERRUPTED';

// Functions that are on no stack and call `main` of the helper: `run`, which a signal ends, and `runAlone`.
// The script's own frame has this place, so that it can be one of Node's.
function interruptible({ filename, line, column }) {
  const text = 'try{$isol8.main()}finally{$isol8.after()}';
  const at = text.indexOf('main');
  const script = new vm.Script(text, { filename, lineOffset: line - 1, columnOffset: column - 1 - at });
  const run = (breakOnSigint) => Reflect.apply.bind(null, runInContext, script, [null, -1, false, breakOnSigint, false]);
  return { run: run(true), runAlone: run(false) };
}
exports.interruptible = interruptible;

// The watchdog of a running script and Node's own listener are in each other's way.
function pause() {
  if (process.listenerCount(SIGNAL) > 0) return false;
  stopListening(SIGNAL);
  return true;
}
exports.pause = pause;

function resume() {
  const { _events } = process;
  const kept = _events[SIGNAL];
  delete _events[SIGNAL];
  stopListening(SIGNAL);
  if (kept) _events[SIGNAL] = kept;
  startListening(SIGNAL);
}
exports.resume = resume;

function interrupt(current) {
  if (current.interrupted) return;
  current.interrupted = current.over = current.settled = true;
  current.code = INTERRUPTED;
  engine.mute();
  drain();
}
exports.interrupt = interrupt;

// Ends what the program has started, and what that starts until it is done. The guest waits only so long.
function drain() {
  for (const handle of process._getActiveHandles()) end(handle);
  for (const duration of durations) clearList(setTimeout(() => {}, duration), Timeout, clearTimeout);
  const immediate = setImmediate(() => {});
  clearList(immediate, Object.getPrototypeOf(immediate), clearImmediate);
  drainer = setTimeout(drain, PAUSE_MS).unref();
}

// Clears what is in a list together with `probe`.
function clearList(probe, prototype, clear) {
  const members = [];
  for (const next of ['_idleNext', '_idlePrev']) {
    for (let node = probe[next]; node && node !== probe; node = node[next]) {
      if (Object.getPrototypeOf(node) === prototype) members.push(node);
    }
  }
  for (const member of members) clear(member);
  clear(probe);
}

function end(handle) {
  try {
    if (handle.fd === 1 || handle.fd === 2) return;
    if (typeof handle.kill === 'function') handle.kill('SIGKILL');
    handle.closeAllConnections?.();
    if (typeof handle.destroy === 'function') handle.destroy();
    else handle.close?.();
  } catch {
    // It is closed already.
  }
}
