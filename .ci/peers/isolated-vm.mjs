// A script in isolated-vm: one isolate, which keeps the compiled script, and a new context in it for every run. No limit
// of time is set, which would cost more.
import { readFileSync } from 'node:fs';
import ivm from 'isolated-vm';
import { serve } from './rounds.mjs';

const [script, command, limit] = process.argv.slice(2);
const isolate = new ivm.Isolate();
const compiled = isolate.compileScriptSync(readFileSync(script, 'utf8'));
const prelude = isolate.compileScriptSync('globalThis.floh = { params: $params, log: { debug: $debug } };');
const call = isolate.compileScriptSync(`JSON.stringify(${command}())`);
const params = { command, limit: Number(limit) };
const debug = new ivm.Callback((line) => void line, { ignored: true });

const run = () => {
  const context = isolate.createContextSync();
  const { global } = context;
  global.setSync('$params', params, { copy: true });
  global.setSync('$debug', debug);
  prelude.runSync(context);
  compiled.runSync(context);
  const json = call.runSync(context);
  context.release();
  return json;
};
await serve(run);
