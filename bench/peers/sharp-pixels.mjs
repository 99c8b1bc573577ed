// sharp's pixels for each size, one pipeline a size: sharp-pixels.mjs PHOTO FOLDER. Prints [[edge, width, height]].
import { writeFileSync } from "node:fs";
import sharp from "sharp";

const [path, folder] = process.argv.slice(2);
const made = [];
for (const edge of [1600, 800, 320]) {
  const size = { width: edge, height: edge, fit: "inside", withoutEnlargement: true };
  const { data, info } = await sharp(path).autoOrient().resize(size).raw().toBuffer({ resolveWithObject: true });
  writeFileSync(`${folder}/${edge}.raw`, data);
  made.push([edge, info.width, info.height]);
}
console.log(JSON.stringify(made));
