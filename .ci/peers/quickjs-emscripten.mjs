// A script in quickjs-emscripten: a new context for every run, as its README shows. No limit of time or memory is set,
// which would cost more. The result comes out as JSON that the script's engine writes; with `dump` as the value that the
// package reads from it, property by property, which is then written.
import { readFileSync } from 'node:fs';
import { getQuickJS } from 'quickjs-emscripten';
import { serve } from './rounds.mjs';

const [script, command, limit, variant] = process.argv.slice(2);
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
  const dumps = variant === 'dump';
  const result = context.unwrapResult(context.evalCode(dumps ? `${command}()` : `JSON.stringify(${command}())`));
  const json = dumps ? JSON.stringify(context.dump(result)) : context.getString(result);
  result.dispose();
  context.dispose();
  return json;
};
await serve(run);
