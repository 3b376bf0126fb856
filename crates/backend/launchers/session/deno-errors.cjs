// The message about an error that nobody has caught, as Deno writes it.
'use strict';

const { Deno, Error, Math } = globalThis;
const { positionOf } = require('./describe.cjs');
const { owner } = require('./sources.cjs');

const isPlain = Deno.noColor;
const RED = [31];
const CYAN = [36];
const YELLOW = [33];
const GRAY = [2, '38;5;245'];
const NAME = [1, 3];

function paint(text, ...codes) {
  if (isPlain || text === '') return text;
  return `\x1b[0m${codes.map((code) => `\x1b[${code}m`).join('')}${text}\x1b[0m`;
}

exports.ERROR = paint('error', 1, 31);

// A place in a file: a part of its name is the directory where the call began.
function place(file, line, column, directory) {
  const position = line === undefined ? '' : `:${paint(line, ...YELLOW)}:${paint(column, ...YELLOW)}`;
  const isBelow = file.startsWith(directory);
  const [head, tail] = isBelow ? [directory, file.slice(directory.length)] : ['', file];
  return `${paint(head, ...GRAY)}${paint(tail, ...CYAN)}${position}`;
}
exports.place = place;

// The parts of one line of a stack: `at`, `async`, `new`, the function, the file, the line, the column.
function parts(line) {
  const [, isAsync, isNew, name, inside, alone] = /^ *at (async )?(new )?(?:(.+) \(([^()]*)\)|(.*))$/.exec(line) ?? [];
  const [, file, row, column] = /^(.*):(\d+):(\d+)$/.exec(inside ?? alone ?? '') ?? [null, inside ?? alone ?? ''];
  return { isAsync, isNew, name, file, row, column };
}

function frame(line, directory) {
  const { isAsync, isNew, name, file, row, column } = parts(line);
  const verb = `${isAsync ?? ''}${isNew ?? ''}`;
  if (/^ext:/.test(file)) {
    const pieces = [`at ${verb}`, ...(name ? [name, ' ('] : []), file, ':', row, ':', column, ...(name ? [')'] : [])];
    return pieces.map((piece) => paint(piece, ...GRAY)).join('');
  }
  const where = place(file, row, column, directory);
  return name ? `at ${verb}${paint(name, ...NAME)} (${where})` : `at ${verb}${where}`;
}
exports.frame = frame;

// Frames that nobody sees: the launcher's, and those that Deno leaves out itself.
const HIDDEN = /\/\.isol8\/|at __node_internal_/;

// The first line of what Deno shows, and the visible lines of the stack.
function shown(error, { name, number }) {
  const text = Deno.inspect(error).replaceAll(`${name}?${number}`, name);
  const isFrame = /^ {4}at /;
  const [head, ...lines] = text.split(/\n(?= {4}at )/);
  const stack = `${error.stack}`.replaceAll(`${name}?${number}`, name);
  const all = lines.length > 0 ? stack.split('\n').filter((line) => isFrame.test(line)) : [];
  return { head, frames: all.filter((line) => !HIDDEN.test(line)) };
}

// The line from which an error comes, and a caret below its column.
function source(error, frames, call) {
  const at = positionOf(error);
  if (at) return marked(call.source.split('\n')[at.line - 1] ?? '', at.column);
  for (const line of frames) {
    const { file, row, column } = parts(line);
    if (/^ext:/.test(file)) continue;
    const of = file === call.name ? owner(`${error.stack}`, call) : null;
    const text = (of?.source ?? read(file)).split('\n')[row - 1];
    if (text === undefined) return '';
    const shift = of && row === '1' ? (of.shift ?? 0) : 0;
    return marked(text, column - 1 - shift);
  }
  return '';
}

function marked(text, column) {
  const caret = `${' '.repeat(Math.max(0, Math.min(column, text.length)))}^`;
  return text === '' ? '' : `${text}\n${paint(caret, ...RED)}\n`;
}
exports.marked = marked;

function read(file) {
  try {
    return Deno.readTextFileSync(file.replace(/^file:\/\//, ''));
  } catch {
    return '';
  }
}

function listed(frames, directory, indent) {
  return frames.map((line) => `\n${indent}${frame(line, directory)}`).join('');
}

// All of it, without the word `error`.
exports.message = (error, call) => {
  const { directory } = call;
  const { head, frames } = shown(error, call);
  const first = error.cause === undefined && !error.errors ? head : head.split('\n')[0];
  let text = first;
  for (const one of error.errors ?? []) {
    if (!(one instanceof Error)) continue;
    const inner = shown(one, call);
    text += `\n    ${inner.head}${listed(inner.frames, directory, '        ')}`;
  }
  text += `\n${source(error, frames, call)}`.trimEnd();
  text += listed(frames, directory, '    ');
  let { cause } = error;
  for (let depth = 0; cause instanceof Error && depth < 8; depth++) {
    const inner = shown(cause, call);
    text += `\nCaused by: ${inner.head.split('\n')[0]}${listed(inner.frames, directory, '    ')}`;
    ({ cause } = cause);
  }
  return text;
};
