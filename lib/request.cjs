"use strict";
// Prepares a request for the native engine: JSON for the plain fields, texts or Buffers for the program, its input and the
// files, and apart from them the command line of a registered adapter, which no field of a request can set.

const { errorCodes } = require("./constants.json");
const { errorFrom, shown } = require("./errors.cjs");
const { objectOf, toJson, wellFormed } = require("./json.cjs");
const { customAdapter } = require("./runtime/registry.cjs");

const isBlank = (text) => text === undefined || text === null || shown(text).trim() === "";

/** Returns what the engine needs to run a registered adapter, or undefined for a built-in runtime. */
function adapterFields(request) {
  // The native side reports a missing runtime, and checks the sources before it does.
  if (isBlank(request.runtime)) return undefined;
  const sources = [request.code, request.codeUrl, request.cmd].filter((source) => !isBlank(source));
  if (sources.length !== 1) return undefined;

  const adapter = customAdapter(request.runtime);
  if (adapter === undefined) return undefined;
  const fileExtension = dotted(request.fileExtension || adapter.getFileExtension());
  const filePath = `/sandbox/main${fileExtension}`;
  // Code from a URL is fetched later. The program is in the file in both cases.
  const code = request.code ?? "";
  const command = adapter.getCommandWithOptions
    ? adapter.getCommandWithOptions(code, { filePath, agentFlags: request.agentFlags })
    : adapter.getCommand(code, filePath);
  return { name: adapter.name, image: adapter.image, command, fileExtension };
}

/** Returns a file extension with its dot. */
const dotted = (extension) => (shown(extension).startsWith(".") ? extension : `.${extension}`);

/** Returns the bytes of a file. Text becomes UTF-8. */
function bytes(path, content) {
  if (typeof content === "string") return Buffer.from(content, "utf8");
  if (Buffer.isBuffer(content)) return content;
  if (ArrayBuffer.isView(content)) {
    return Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  }
  if (content instanceof ArrayBuffer) return Buffer.from(content);
  const message = `The content of file "${path}" must be a string, a Buffer or another view of bytes.`;
  throw errorFrom({ code: errorCodes.invalidRequest, message });
}

/** Returns the content of a file as the native engine copies it once: a text stays one. */
const content = (path, given) =>
  typeof given === "string" ? wellFormed(given) : bytes(path, given);

/** Returns the files of a request by path. Throws when they are no object. */
const filesOf = ({ files }) => objectOf(files ?? {}, "files", errorCodes.invalidRequest);

/** Returns a record of texts. A number or a boolean becomes its text, as in `env: { PORT: 3000 }`. */
function texts(record) {
  if (typeof record !== "object" || record === null || Array.isArray(record)) return record;
  const text = (value) => (/^(number|boolean)$/.test(typeof value) ? String(value) : value);
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, text(value)]));
}

/** Returns a request whose variables and metadata are texts. Throws when it is no object. */
function requestOf(request) {
  const { env, metadata } = objectOf(request, "request", errorCodes.invalidRequest);
  return { ...request, env: texts(env), metadata: texts(metadata) };
}

/**
 * Splits a request into JSON and what may be large: program, standard input and files. JSON would be a second copy of
 * those, and more.
 *
 * @returns {{json: string, code: string | undefined, stdin: string | undefined,
 *   files: {path: string, data: string | Buffer}[], adapter: string | undefined}}
 */
function toNative(request) {
  const { files: _, ...fields } = requestOf(request);
  const taken = (name) => {
    const given = fields[name];
    // What is no text stays in the JSON, whose reader reports it.
    if (typeof given !== "string") return undefined;
    delete fields[name];
    return wellFormed(given);
  };
  const [code, stdin] = [taken("code"), taken("stdin")];
  const { name, ...adapter } = adapterFields(request) ?? {};
  if (name !== undefined) fields.runtime = name;
  const list = Object.entries(filesOf(request)).map(([path, given]) => ({
    path,
    data: content(path, given),
  }));
  return {
    json: toJson(fields, errorCodes.invalidRequest),
    code,
    stdin,
    files: list,
    adapter: name === undefined ? undefined : toJson(adapter, errorCodes.invalidRequest),
  };
}

module.exports = { bytes, content, filesOf, requestOf, toNative };
