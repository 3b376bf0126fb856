// Calls that end a process, in places where a program can be left and not only be killed.
//
// `process.exit()` never returns. In an async function the same comes of waiting for ever, and on the
// top level of a script, of returning. In other functions the call stays what it is.
'use strict';

const { children, isFunction } = require('./tree.cjs');

const EXIT = /^(process|Deno)\.exit$/;

// Methods that ignore what a callback returns, or take a promise for it.
const CALLERS =
  /^(then|catch|finally|on|once|addListener|close|end|setTimeout|setImmediate|nextTick|queueMicrotask)$/;

// What replaces a call: `{ start, end, text }` for each. `inModule` says that the top level may wait.
exports.exits = function exits(tree, source, inModule) {
  const edits = [];

  function replace(callee, open, end, close) {
    edits.push({ start: callee.start, end: callee.end, text: `${open}$isol8.exit` });
    if (close) edits.push({ start: end, end, text: close });
  }

  function isExit(node) {
    return node?.type === 'CallExpression' && !node.optional && EXIT.test(source.slice(node.callee.start, node.callee.end));
  }

  // `place` is what the innermost function allows: 'wait', 'return', or nothing.
  function visit(node, place) {
    if (isFunction(node)) return visitFunction(node, null);
    if (/^Class/.test(node.type)) return visitAll(node, null);
    if (place === 'return') {
      const left = node.type === 'ExpressionStatement' && node.expression;
      if (isExit(left)) replace(left.callee, 'return ');
      if (left?.type === 'LogicalExpression' && left.operator !== '??' && isExit(left.right)) {
        const not = left.operator === '||' ? '!' : '';
        edits.push({ start: left.start, end: left.start, text: `if(${not}(` });
        edits.push({ start: left.left.end, end: left.right.start, text: '))return ' });
        replace(left.right.callee, '');
      }
      if (node.type === 'TryStatement' && node.finalizer) place = null;
    } else if (place === 'wait' && isExit(node)) {
      replace(node.callee, '(await ', node.end, ')');
    }
    if (node.type === 'CallExpression') return visitCall(node, place);
    visitAll(node, place);
  }

  function visitCall(node, place) {
    visit(node.callee, place);
    const name = node.callee.property?.name ?? node.callee.name;
    for (const argument of node.arguments) {
      if (isFunction(argument)) visitFunction(argument, CALLERS.test(name) ? argument : null);
      else visit(argument, place);
    }
  }

  function visitFunction(node, callback) {
    for (const parameter of node.params) visit(parameter, null);
    if (node.async) return visit(node.body, 'wait');
    const before = edits.length;
    visit(node.body, callback && !node.generator ? 'wait' : null);
    if (edits.length > before && callback && !node.generator && hasOwn(node, before)) {
      edits.push({ start: node.start, end: node.start, text: 'async ' });
    }
  }

  // Whether one of the edits since `before` is not in a function further in.
  function hasOwn(node, before) {
    const inner = [];
    const collect = (child) => {
      for (const next of children(child)) isFunction(next) ? inner.push(next) : collect(next);
    };
    collect(node.body);
    return edits
      .slice(before)
      .some(({ start, text }) => /exit$/.test(text) && !inner.some((fn) => fn.start <= start && start < fn.end));
  }

  function visitAll(node, place) {
    for (const child of children(node)) visit(child, place);
  }

  if (source.includes('.exit')) for (const node of tree.body) visit(node, inModule ? 'wait' : 'return');
  return edits;
};
