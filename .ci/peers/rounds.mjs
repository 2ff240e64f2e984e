// What a sandbox measured by server/benches/script tells it: `ready`, and after each line with a number of runs, which
// it then makes, the length of the last result. The bench reads its CPU time from outside.
import { createInterface } from 'node:readline';

export const serve = async (run) => {
  console.log('ready');
  for await (const line of createInterface({ input: process.stdin })) {
    let json = '';
    for (let left = Number(line); left > 0; left--) json = run();
    console.log(Buffer.byteLength(json));
  }
};
