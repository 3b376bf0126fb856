// The message about an error that nobody has caught, as V8's hosts write it.
'use strict';

const { Math, Number, Object, String, Symbol, process } = globalThis;

const fs = require('node:fs');
const { owner } = require('./sources.cjs');

// Property of an error that knows where it comes from.
const POSITION = Symbol('position');

// An error of the program's text and not of its run: it has a place and no stack.
exports.positioned = (error, { line, column, length = 1 }) => {
  error.stack = `${error.name}: ${error.message}`;
  return Object.defineProperty(error, POSITION, { value: { line, column, length } });
};

const OURS = /\/\.isol8\//;

exports.positionOf = (error) => error?.[POSITION];

// The place from which an error comes: `{ file, line, column }` of its first frame.
function origin(stack) {
  const [, file, line, column] = /^ +at .*?((?:file:\/\/|node:|\/)[^\s()]*?):(\d+):(\d+)\)?$/m.exec(stack) ?? [];
  return file && { file, line: Number(line), column: Number(column) - 1 };
}

// Where in the program the statement begins that has thrown.
function thrown(at, throws) {
  const holds = ({ start, end }) =>
    (start.line < at.line || (start.line === at.line && start.column <= at.column)) &&
    (end.line > at.line || (end.line === at.line && end.column >= at.column));
  return throws.find(holds)?.start;
}

const HINT = '\n(Use `node --trace-uncaught ...` to show where the exception was thrown)';

// Line of the file, a caret, and what `inspect` says without our own frames.
exports.describe = (error, call, { inspect, isError, end }) => {
  if (error?.[POSITION]) return `${header(call, error[POSITION])}${error.stack}${end}`;
  const isObject = typeof error === 'object' && error !== null;
  const shown = isObject || typeof error === 'function' ? inspect(error) : `${String(error)}${HINT}`;
  const text = shown.split('\n').filter((line) => !OURS.test(line)).join('\n');
  return `${arrow(error, call, isError)}${text}${end}`;
};

function header({ name, source = '' }, at) {
  const text = source.split('\n')[at.line - 1] ?? '';
  const caret = ' '.repeat(Math.min(at.column, text.length)) + '^'.repeat(at.length ?? 1);
  return `${name}:${at.line}\n${text}\n${caret}\n`;
}

function arrow(error, given, isError) {
  const call = isError ? owner(`${error.stack}`, given) : given;
  const throws = call.parts?.throws ?? [];
  if (!isError) {
    const [first, ...more] = throws.filter(({ value }) => value);
    return first && !more.length ? `\n${header(call, first.start)}` : '';
  }
  // Node has put it there itself.
  if (/^[^\n]*:\d+\n[^\n]*\n *\^/.test(error.stack)) return '';
  const at = origin(error.stack);
  if (!at) return '';
  if (at.file.startsWith('node:')) return nodeOwn(at);
  const name = at.file;
  if (name !== call.name && name !== call.program) {
    const source = fileText(name.replace(/^file:\/\//, ''));
    return source === null ? '' : `${header({ name, source }, throwIn(source, at))}\n`;
  }
  const column = Math.max(0, at.column - (at.line === 1 ? call.shift : 0));
  const thrownAt = call.fromPromise ? null : thrown({ ...at, column }, throws);
  return `${header({ ...call, name }, thrownAt ?? { ...at, column })}\n`;
}

// The text of Node's own files.
const { binding } = process;

// The line of Node's own source that has thrown: the error is made there, or a few lines before.
function nodeOwn(at) {
  const source = binding?.('natives')[at.file.slice('node:'.length)];
  const lines = source?.split('\n') ?? [];
  const made = lines[at.line - 1]?.slice(0, at.column);
  if (made === undefined) return '';
  if (/throw +$/.test(made)) return `${header({ name: at.file, source }, at)}\n`;
  const found = lines.slice(at.line, at.line + FEW).findIndex((line) => /^ *throw \w+;/.test(line));
  if (found < 0) return '';
  const line = at.line + 1 + found;
  return `${header({ name: at.file, source }, { line, column: lines[line - 1].indexOf('throw') })}\n`;
}

const FEW = 12;

// The place of `throw`, when it is right before what it throws.
function throwIn(source, at) {
  const before = (source.split('\n')[at.line - 1] ?? '').slice(0, at.column);
  const [word] = /throw +$/.exec(before) ?? [''];
  return { ...at, column: at.column - word.length };
}

function fileText(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}
