// The call that server/benches/execute.rs makes, served by Fastify: the body and the answer have schemas, the stored
// config of the connector is AES-256-GCM. `kept` keeps the decrypted connector, `decrypts` decrypts it for every call.
// Nothing is recorded and no token is checked, which Floh does.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import Fastify from 'fastify';

const keepsInstances = process.argv[2] === 'kept';
const key = randomBytes(32);

const seal = (config) => {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  const sealed = Buffer.concat([cipher.update(JSON.stringify(config)), cipher.final()]);
  return Buffer.concat([nonce, sealed, cipher.getAuthTag()]);
};
const open = (stored) => {
  const decipher = createDecipheriv('aes-256-gcm', key, stored.subarray(0, 12));
  decipher.setAuthTag(stored.subarray(-16));
  return JSON.parse(decipher.update(stored.subarray(12, -16), undefined, 'utf8') + decipher.final('utf8'));
};

const quote = ({ apiKey }) => ({
  price({ symbol, quantity, note }) {
    if (apiKey === '' && note !== undefined) return { success: false, error: 'no key' };
    return { success: true, payload: { symbol, quantity, total: quantity * 12.25 } };
  },
});
const stored = new Map([['prices', seal({ apiKey: 'canary-0123456789' })]]);
const instances = new Map();
const instance = (id) => {
  if (!keepsInstances) return quote(open(stored.get(id)));
  let one = instances.get(id);
  if (one === undefined) instances.set(id, (one = quote(open(stored.get(id)))));
  return one;
};

const schema = {
  params: { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] },
  body: {
    type: 'object',
    additionalProperties: false,
    required: ['command', 'params'],
    properties: {
      command: { type: 'string', enum: ['price'] },
      params: {
        type: 'object',
        additionalProperties: false,
        required: ['symbol', 'quantity'],
        properties: {
          symbol: { type: 'string' },
          quantity: { type: 'integer', minimum: 1, maximum: 1000 },
          note: { type: 'string' },
        },
      },
    },
  },
  response: {
    200: {
      type: 'object',
      properties: {
        success: { type: 'boolean' },
        error: { type: 'string' },
        payload: {
          type: 'object',
          properties: { symbol: { type: 'string' }, quantity: { type: 'integer' }, total: { type: 'number' } },
        },
      },
    },
  },
};
const server = Fastify();
server.post('/api/connectors/:id/execute', { schema }, async ({ params, body }) => instance(params.id)[body.command](body.params));
await server.listen({ host: '127.0.0.1', port: 0 });
console.log(`listening on http://127.0.0.1:${server.server.address().port}`);
