"use strict";
// Bodies of responses. A server may be hostile or broken, so that nothing of unlimited length is kept.

/** Yields the chunks of a body. Leaving the loop ends the connection. */
async function* chunksOf(body) {
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** Returns the text of a response. Throws when it has more than `limit` bytes. */
async function bodyText(response, limit) {
  if (!response.body) return "";
  const chunks = [];
  let length = 0;
  for await (const chunk of chunksOf(response.body)) {
    length += chunk.byteLength;
    if (length > limit) throw new Error(`the server's answer has more than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length).toString("utf8");
}

module.exports = { bodyText, chunksOf };
