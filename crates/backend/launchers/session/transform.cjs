// Turns a program into scripts whose top-level names live on in the interpreter.
//
// Each top-level name becomes a variable of the global scope, declared once (`let`), and each
// declaration an assignment to it: so a later program finds it, may declare it again, and functions
// of earlier programs see the new value. Function declarations run first, in a script of their own.
// Lines stay what they are, and columns nearly so: text is overwritten in place.
'use strict';

const { parse } = require('./acorn/acorn.cjs');

const { Array, JSON, Object, Set } = globalThis;

// Parameter of both scripts: what they need of the launcher.
const HELPER = '$isol8';

const OPTIONS = {
  ecmaVersion: 'latest',
  allowAwaitOutsideFunction: true,
  allowReturnOutsideFunction: true,
  allowHashBang: true,
};

// `{ names, functions, body }`, or throws acorn's SyntaxError. `functions` and `body` are function
// expressions that begin in the program's first line, after `offset` columns of ours.
exports.transform = function transform(source, kinds) {
  source = source.replace(/^#!/, '//');
  const { tree, sourceType } = parseAs(source, kinds);
  const strict = sourceType === 'module' || startsStrict(tree);
  const program = new Program(source);
  for (const statement of tree.body) program.topLevel(statement);
  if (source.includes('import.meta')) program.replaceMeta(tree);
  return program.finish(strict);
};

function parseAs(source, kinds) {
  let failure;
  for (const sourceType of kinds) {
    try {
      return { tree: parse(source, { ...OPTIONS, sourceType }), sourceType };
    } catch (error) {
      // What is further on has understood more.
      if (!failure || error.pos > failure.pos) failure = error;
    }
  }
  throw failure;
}

function startsStrict(tree) {
  return tree.body.some((statement) => statement.directive === 'use strict');
}

const blank = (text) => text.replace(/[^\n\r\u2028\u2029]/g, ' ');

const isFunction = (node) => /Function/.test(node.type);

function* children(node) {
  for (const key of Object.keys(node)) {
    const value = node[key];
    for (const child of Array.isArray(value) ? value : [value]) {
      if (child && typeof child.type === 'string') yield child;
    }
  }
}

class Program {
  constructor(source) {
    this.source = source;
    this.names = new Set();
    this.imports = '';
    this.edits = []; // of the body
    this.functions = []; // declarations, hoisted
    this.functionEdits = [];
  }

  overwrite(start, end, text) {
    this.edits.push({ start, end, text: text.padEnd(end - start) });
  }

  append(position, text) {
    this.edits.push({ start: position, end: position, text });
  }

  // A statement that leaves nothing behind. What surrounds it must not become one statement.
  remove(node) {
    const text = blank(this.source.slice(node.start, node.end));
    this.edits.push({ start: node.start, end: node.end, text: ';' + text.slice(1) });
  }

  topLevel(node) {
    switch (node.type) {
      case 'ImportDeclaration':
        return this.importDeclaration(node);
      case 'ExportAllDeclaration':
        return this.importFrom(node, '');
      case 'ExportNamedDeclaration':
        if (node.declaration) return this.declaration(node.declaration, node.start);
        if (node.source) return this.importFrom(node, '');
        return this.remove(node);
      case 'ExportDefaultDeclaration':
        if (/Declaration/.test(node.declaration.type) && node.declaration.id) {
          return this.declaration(node.declaration, node.start);
        }
        this.overwrite(node.start, node.declaration.start, ';(');
        return this.append(node.declaration.end, ');');
      default:
        return this.declaration(node, node.start);
    }
  }

  // A declaration that persists, or any other statement. `start` is where its `export` begins.
  declaration(node, start) {
    if (node.type === 'FunctionDeclaration') {
      this.names.add(node.id.name);
      this.functions.push(node);
      this.remove({ start, end: node.end });
    } else if (node.type === 'ClassDeclaration') {
      const name = node.id.name;
      this.names.add(name);
      this.overwrite(start, node.id.end, `${name}=class`);
      this.append(node.end, ';');
    } else if (node.type === 'VariableDeclaration' && /^(var|let|const)$/.test(node.kind)) {
      this.variables(node, start, ';');
    } else {
      this.statement(node);
    }
  }

  // Finds `var` wherever it may stand outside of functions.
  statement(node) {
    if (isFunction(node) || /^Class|Expression$/.test(node.type)) return;
    const isList = /^(BlockStatement|SwitchCase)$/.test(node.type);
    for (const child of children(node)) {
      if (child.type !== 'VariableDeclaration') this.statement(child);
      else if (child.kind === 'var') {
        const isHead = /^For/.test(node.type) && child !== node.body;
        this.variables(child, child.start, isList ? ';' : '', isHead);
      }
    }
  }

  variables(node, start, before, isHead = false) {
    const [first] = node.declarations;
    const isLoop = isHead && node.declarations.length === 1 && !first.init;
    const needsBrackets = !isHead && first.id.type === 'ObjectPattern';
    this.overwrite(start, first.start, needsBrackets ? `${before}(` : before);
    for (const declarator of node.declarations) {
      this.pattern(declarator.id);
      // `for (var x of …)` assigns to the name; a `var` without a value leaves the old one.
      if (declarator.init || (isLoop && !this.isPlainFor(node))) continue;
      if (node.kind === 'var') this.overwrite(declarator.start, declarator.end, '0');
      else this.append(declarator.end, '=void 0');
    }
    const { end } = node.declarations.at(-1);
    if (needsBrackets) this.append(end, ')');
  }

  // Whether a declaration without a value is in `for (…;…;…)`: there a semicolon follows.
  isPlainFor(node) {
    return /^\s*;/.test(this.source.slice(node.end));
  }

  pattern(node) {
    switch (node?.type) {
      case 'Identifier':
        return this.names.add(node.name);
      case 'ObjectPattern':
        return node.properties.forEach((property) => this.pattern(property.value ?? property));
      case 'ArrayPattern':
        return node.elements.forEach((element) => this.pattern(element));
      case 'AssignmentPattern':
        return this.pattern(node.left);
      case 'RestElement':
        return this.pattern(node.argument);
    }
  }

  importDeclaration(node) {
    const wanted = [];
    let assignments = '';
    for (const { type, local, imported } of node.specifiers) {
      this.names.add(local.name);
      if (type === 'ImportNamespaceSpecifier') {
        assignments += `${local.name}=m;`;
        continue;
      }
      const name = type === 'ImportDefaultSpecifier' ? 'default' : imported.name ?? imported.value;
      wanted.push(name);
      assignments += `${local.name}=m[${JSON.stringify(name)}];`;
    }
    this.importFrom(node, assignments, wanted);
  }

  importFrom(node, assignments, wanted = []) {
    const attributes = {};
    for (const { key, value } of node.attributes ?? []) attributes[key.name ?? key.value] = value.value;
    const call = [node.source.value, wanted, attributes].map((part) => JSON.stringify(part)).join();
    this.imports += `{const m=await ${HELPER}.import(${call});${assignments}}`;
    this.remove(node);
  }

  replaceMeta(node) {
    for (const child of children(node)) {
      if (child.type === 'MetaProperty' && child.meta.name === 'import') {
        // Within a hoisted function the edit is the function's.
        const inside = this.functions.some(({ start, end }) => start <= child.start && child.end <= end);
        const edit = { start: child.start, end: child.end, text: `${HELPER}.meta`.padEnd(child.end - child.start) };
        (inside ? this.functionEdits : this.edits).push(edit);
      } else {
        this.replaceMeta(child);
      }
    }
  }

  finish(strict) {
    const mode = strict ? "'use strict';" : '';
    const open = `(async function(${HELPER}){${mode}${this.imports}`;
    return {
      names: [...this.names],
      functions: this.functions.length ? this.hoisted(`(function(${HELPER}){${mode}`) : null,
      body: { code: `${open}${splice(this.source, this.edits)}\n})`, offset: open.length },
    };
  }

  hoisted(open) {
    let end = 0;
    let text = '';
    const edits = [...this.functionEdits];
    for (const node of this.functions) {
      const head = `${node.id.name}=${node.async ? 'async ' : ''}function${node.generator ? '*' : ''}`;
      edits.push({ start: node.start, end: node.id.end, text: head.padEnd(node.id.end - node.start) });
    }
    for (const node of this.functions) {
      text += blank(this.source.slice(end, node.start)) + splice(this.source, edits, node.start, node.end) + ';';
      end = node.end;
    }
    return { code: `${open}${text}\n})`, offset: open.length };
  }
}

// `source` from `from` to `to` with the edits in there applied.
function splice(source, edits, from = 0, to = source.length) {
  let result = '';
  let position = from;
  const inside = edits.filter(({ start, end }) => start >= from && end <= to);
  for (const { start, end, text } of inside.sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (start < position) continue; // within something removed
    result += source.slice(position, start) + text;
    position = end;
  }
  return result + source.slice(position, to);
}
