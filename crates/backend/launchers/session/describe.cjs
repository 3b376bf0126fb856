// Where in a program an error comes from, for the message about it.
'use strict';

const { Number, RegExp, Symbol } = globalThis;

// Property of an error that knows where it comes from.
const POSITION = (exports.POSITION = Symbol('position'));

// For an error whose message says where it is.
exports.NOWHERE = { line: 0, column: 0 };

// The line and a caret below the column, or null when no frame of the program is known.
exports.snippet = (error, program, source) => {
  const found = error?.[POSITION] ?? position(error?.stack, program);
  if (!found) return null;
  const text = source.split('\n')[found.line - 1];
  if (text === undefined) return null;
  return { ...found, text, caret: ' '.repeat(Math.min(found.column, text.length)) + '^' };
};

function position(stack, program) {
  if (typeof stack !== 'string') return null;
  const escaped = program.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const [, line, column] = new RegExp(`${escaped}:(\\d+):(\\d+)`).exec(stack) ?? [];
  return line && { line: Number(line), column: Number(column) - 1 };
}
