"use strict";
// Small pieces that the built-in adapters share.

/** Freezes an adapter: a changed copy is registered under its name instead. */
function adapter({ name, fileExtension, ...rest }) {
  return Object.freeze({
    name,
    image: `isol8:${name}`,
    getFileExtension: () => fileExtension,
    ...rest,
  });
}

/** A word that a POSIX shell reads back as exactly this text. */
function shellQuote(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

module.exports = { adapter, shellQuote };
