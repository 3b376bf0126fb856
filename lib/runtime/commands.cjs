"use strict";
// What the built-in adapters share.

/** Makes a frozen adapter. To change a built-in one, a caller registers a changed copy under its name. */
function adapter({ name, fileExtension, ...rest }) {
  return Object.freeze({
    name,
    image: `isol8:${name}`,
    getFileExtension: () => fileExtension,
    ...rest,
  });
}

/** Quotes a text, so that a POSIX shell reads it as one word. */
function shellQuote(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

module.exports = { adapter, shellQuote };
