// The events of Deno's global scope that belong to one program, or to the launcher.
'use strict';

const { Event, Object, dispatchEvent, process, removeEventListener } = globalThis;
const add = globalThis.addEventListener;

// What a program registers for these is for its own end.
const OF_A_CALL = /^(load|beforeunload|unload)$/;

let registered = [];
let last = [];

// Programs register what comes before the launcher's own listeners.
function addEventListener(...given) {
  const [type, listener, options] = given;
  if (OF_A_CALL.test(type)) registered.push([type, listener, options]);
  add.apply(this ?? globalThis, given);
  for (const [event, own] of last) {
    if (event !== type) continue;
    removeEventListener(event, own);
    add.call(globalThis, event, own);
  }
}

// Calls `fail(error, isRejection)` with what no program has handled.
exports.install = (fail) => {
  const unhandled = (name, value) => (event) => {
    if (event.defaultPrevented || process.listenerCount('uncaughtException') > 0) return;
    // Deno says so of an error in a worker, and then throws one that is the program's.
    if (event[value] === null && event.message && event.message !== 'Uncaught null') return;
    if (name === 'unhandledrejection' && process.listenerCount('unhandledRejection') > 0) return;
    event.preventDefault();
    fail(event[value], name === 'unhandledrejection');
  };
  last = [
    ['error', unhandled('error', 'error')],
    ['unhandledrejection', unhandled('unhandledrejection', 'reason')],
  ];
  for (const [event, own] of last) add.call(globalThis, event, own);
  Object.defineProperty(globalThis, 'addEventListener', { value: addEventListener, writable: true, configurable: true });
};

exports.dispatch = (type) => dispatchEvent(new Event(type));

exports.endCall = () => {
  for (const one of registered) removeEventListener(...one);
  registered = [];
};
