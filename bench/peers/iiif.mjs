// iiif-processor behind a minimal server that remembers the photos' dimensions, as iiif-processor's documentation
// advises: iiif.mjs FOLDER PORT
import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Processor } from "iiif-processor";

const sharp = createRequire(import.meta.resolve("iiif-processor"))("sharp"); // iiif-processor's own copy
sharp.concurrency(1);
sharp.cache(false);
const [folder, port] = process.argv.slice(2);
const path = (id) => join(folder, decodeURIComponent(id));
const known = new Map();

async function dimensionFunction({ id }) {
  if (!known.has(id)) {
    const { width, height } = await sharp(path(id)).metadata();
    known.set(id, { width, height });
  }
  return known.get(id);
}

createServer(async (request, response) => {
  try {
    const url = `http://${request.headers.host}${request.url}`;
    const processor = new Processor(url, async ({ id }) => createReadStream(path(id)), { dimensionFunction });
    const result = await processor.execute();
    response.writeHead(200, { "content-type": result.contentType, "content-length": Buffer.byteLength(result.body) });
    response.end(result.body);
  } catch (error) {
    response.writeHead(error.statusCode ?? 500, { "content-type": "text/plain" });
    response.end(String(error));
  }
}).listen(Number(port), "127.0.0.1");
