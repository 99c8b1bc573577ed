// ipx as its documentation shows, over a folder: ipx.mjs FOLDER PORT
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { createIPX, createIPXNodeServer, ipxFSStorage } from "ipx";

const sharp = createRequire(import.meta.resolve("ipx"))("sharp"); // ipx's own copy
sharp.concurrency(1);
sharp.cache(false);
const [folder, port] = process.argv.slice(2);
const ipx = createIPX({ storage: ipxFSStorage({ dir: folder }) });
createServer(createIPXNodeServer(ipx)).listen(Number(port), "127.0.0.1");
