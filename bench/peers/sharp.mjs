// A photo to three renditions with sharp: sharp.mjs PHOTO webp|jpeg COUNT each|once. Prints CPU seconds a photo.
// each: one pipeline a size, as sharp's documentation shows; once: decode to the largest,
// and make each smaller size from the one before.
import { readFileSync } from "node:fs";
import sharp from "sharp";

const [path, kind, count, recipe] = process.argv.slice(2);
const options = kind === "webp" ? { quality: 80, effort: 4 } : { quality: 80 };
const inside = (edge) => ({ width: edge, height: edge, fit: "inside", withoutEnlargement: true });
sharp.cache(false);
sharp.concurrency(1);

async function each(data) {
  for (const edge of [1600, 800, 320]) await sharp(data).autoOrient().resize(inside(edge))[kind](options).toBuffer();
}

async function once(data) {
  let { data: raw, info } = await sharp(data).autoOrient().resize(inside(1600)).raw().toBuffer({ resolveWithObject: true });
  const input = (info) => ({ raw: { width: info.width, height: info.height, channels: info.channels } });
  await sharp(raw, input(info))[kind](options).toBuffer();
  for (const edge of [800, 320]) {
    ({ data: raw, info } = await sharp(raw, input(info)).resize(inside(edge)).raw().toBuffer({ resolveWithObject: true }));
    await sharp(raw, input(info))[kind](options).toBuffer();
  }
}

let started;
for (let number = 0; number <= Number(count); number += 1) {
  if (number === 1) started = process.cpuUsage();
  await (recipe === "each" ? each : once)(readFileSync(path));
}
const used = started ? process.cpuUsage(started) : { user: 0, system: 0 };
console.log((used.user + used.system) / 1e6 / Math.max(Number(count), 1));
