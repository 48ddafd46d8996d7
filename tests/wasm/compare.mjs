// Runs every golden scenario in wasm32 and compares its digest with the recorded one.
import { readFile } from 'node:fs/promises';

const module = await WebAssembly.instantiate(await readFile(process.argv[2]), {});
const { golden_count, golden_recorded, golden_here } = module.instance.exports;
const hex = (digest) => BigInt.asUintN(64, digest).toString(16).padStart(16, '0');
const count = golden_count();
let wrong = 0;
for (let place = 0; place < count; place += 1) {
  const [recorded, here] = [hex(golden_recorded(place)), hex(golden_here(place))];
  if (recorded !== here) {
    wrong += 1;
    console.error(`golden run ${place}: recorded ${recorded}, on wasm32 ${here}`);
  }
}
console.log(`wasm32: ${count - wrong} of ${count} golden digests are the same`);
process.exit(wrong === 0 && count > 0 ? 0 : 1);
