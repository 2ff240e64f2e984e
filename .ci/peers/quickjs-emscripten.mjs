// A script in quickjs-emscripten: a new context for every run, as its README shows. No limit of time or memory is set,
// which would cost more.
import { readFileSync } from 'node:fs';
import { getQuickJS } from 'quickjs-emscripten';
import { serve } from './rounds.mjs';

const [script, command, limit] = process.argv.slice(2);
const source = readFileSync(script, 'utf8');
const engine = await getQuickJS();

const run = () => {
  const context = engine.newContext();
  const set = (object, name, value) => {
    context.setProp(object, name, value);
    value.dispose();
    return object;
  };
  const params = context.newObject();
  set(params, 'command', context.newString(command));
  set(params, 'limit', context.newNumber(Number(limit)));
  const log = set(context.newObject(), 'debug', context.newFunction('debug', (line) => void context.getString(line)));
  const floh = set(set(context.newObject(), 'params', params), 'log', log);
  set(context.global, 'floh', floh);
  context.unwrapResult(context.evalCode(source)).dispose();
  const result = context.unwrapResult(context.evalCode(`JSON.stringify(${command}())`));
  const json = context.getString(result);
  result.dispose();
  context.dispose();
  return json;
};
await serve(run);
