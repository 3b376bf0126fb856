// Walks over the tree of a parsed program.
'use strict';

const isFunction = (node) => /Function/.test(node.type);

function* children(node) {
  for (const key of Object.keys(node)) {
    const value = node[key];
    for (const child of Array.isArray(value) ? value : [value]) {
      if (child && typeof child.type === 'string') yield child;
    }
  }
}

// The nodes that are `import.meta`.
function metas(node) {
  if (node.type === 'MetaProperty' && node.meta.name === 'import') return [node];
  return [...children(node)].flatMap(metas);
}

// The statements that throw: from where to where, and whether what they throw has no stack.
function* throwing(node) {
  if (node.type === 'ThrowStatement') {
    const value = !/^(New|Call|Await)Expression|^Identifier|^Member/.test(node.argument.type);
    yield { start: node.start, end: node.end, value };
  }
  for (const child of children(node)) yield* throwing(child);
}

// The places where the top level waits.
function* awaiting(node) {
  if (isFunction(node)) return;
  if (node.type === 'AwaitExpression' || (node.type === 'ForOfStatement' && node.await)) yield node.start;
  for (const child of children(node)) yield* awaiting(child);
}

Object.assign(exports, { awaiting, children, isFunction, metas, throwing });
