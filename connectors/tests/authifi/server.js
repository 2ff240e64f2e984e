// A tenant: tokens by oidc-provider, users by LoopBack's own REST server, filter parser and memory tables, below one port.
// It ends with the process that started it.
'use strict';
const {Provider} = require('oidc-provider');
const {RestApplication, RestBindings} = require('@loopback/rest');
const {DefaultCrudRepository, Entity, ModelDefinition, juggler} = require('@loopback/repository');
const http = require('http');

const ISSUER_PATH = '/auth/acme';
const RESOURCE = 'https://api.example.com';
const state = {tokens: 0, calls: 0, life: 3600, revokeAt: 0, revoked: new Set()};

class User extends Entity {}
User.definition = new ModelDefinition({
  name: 'User',
  properties: {
    id: {type: 'number', id: true, generated: true},
    email: {type: 'string', required: true},
    identityIssuerId: {type: 'number'},
    name: {type: 'string'},
  },
  settings: {strict: true},
});

async function main() {
  const repository = new DefaultCrudRepository(User, new juggler.DataSource({name: 'db', connector: 'memory'}));
  for (let n = 0; n < 1050; n++) await repository.create({email: `u${n}@example.org`, identityIssuerId: 1, name: `N${n}`});
  await repository.create({email: 'q@example.org', identityIssuerId: 1, name: `O'B"% .*^$`});

  const app = new RestApplication({rest: {port: 0, host: '127.0.0.1', openApiSpec: {disabled: true}, apiExplorer: {disabled: true}}});
  const filter = {name: 'filter', in: 'query', content: {'application/json': {schema: {type: 'object', additionalProperties: true}}}};
  const spec = extra => ({responses: {200: {description: 'ok'}}, ...extra});
  app.route('get', '/users', spec({parameters: [filter]}), f => repository.find(f));
  const id = {name: 'id', in: 'path', required: true, schema: {type: 'number'}};
  app.route('get', '/users/{id}', spec({parameters: [id]}), n => repository.findById(n));
  app.route('delete', '/users/{id}', spec({parameters: [id]}), n => repository.deleteById(n));
  app.bind(RestBindings.SequenceActions.LOG_ERROR).to(() => {});
  await app.start();
  const loopback = app.restServer.requestHandler;

  const server = http.createServer();
  await new Promise(done => server.listen(0, '127.0.0.1', done));
  const base = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(base + ISSUER_PATH, {
    clients: [{client_id: 'floh', client_secret: 's3cret-client', grant_types: ['client_credentials'], redirect_uris: [], response_types: []}],
    scopes: ['users:read', 'groups:read'],
    routes: {token: '/oidc/token'},
    features: {
      clientCredentials: {enabled: true},
      devInteractions: {enabled: false},
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_, resource) => {
          if (resource !== RESOURCE) throw new (require('oidc-provider').errors.InvalidTarget)();
          return {scope: 'users:read groups:read', audience: RESOURCE, accessTokenFormat: 'jwt', accessTokenTTL: state.life, jwt: {sign: {alg: 'RS256'}}};
        },
      },
    },
  });
  const oidc = provider.callback();
  const refuse = (res, statusCode, name, message) => {
    res.writeHead(statusCode, {'content-type': 'application/json'});
    res.end(JSON.stringify({error: {statusCode, name, message}}));
  };
  server.on('request', (req, res) => {
    if (req.url.startsWith('/_control')) {
      const said = Object.fromEntries(new URL(req.url, base).searchParams);
      for (const [name, value] of Object.entries(said)) state[name] = Number(value);
      res.writeHead(200, {'content-type': 'application/json'});
      return res.end(JSON.stringify(state));
    }
    if (req.url.startsWith(ISSUER_PATH + '/')) {
      state.tokens += 1;
      req.originalUrl = req.url;
      req.url = req.url.slice(ISSUER_PATH.length);
      return oidc(req, res);
    }
    const token = (req.headers.authorization || '').replace(/^Bearer /, '');
    state.calls += 1;
    if (state.revokeAt && state.calls >= state.revokeAt) {
      state.revokeAt = 0;
      state.revoked.add(token);
    }
    if (token.split('.').length !== 3 || state.revoked.has(token) || state.rejectAll) return refuse(res, 401, 'UnauthorizedError', 'token');
    const claims = JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
    if (!(claims.scope || '').split(' ').includes('users:read')) return refuse(res, 403, 'ForbiddenError', 'Access denied');
    req.url = req.url.replace('/auth/admin/tenants/7', '');
    loopback(req, res);
  });
  const parent = process.ppid;
  setInterval(() => process.ppid === parent || process.exit(0), 200);
  console.log(server.address().port);
}
// Warnings of the libraries go to standard error, so that the first line is the port.
console.info = console.warn = console.error;
main().catch(error => { console.error(error); process.exit(1); });
