// A mail server on a free port of loopback: tells its port, then each mail that it gets, as lines of JSON.
// Arguments: how it is encrypted (starttls, tls or none), the files of its certificate and key.
const fs = require('node:fs');
const { SMTPServer } = require('smtp-server');

const [security, certificate, key] = process.argv.slice(2);
const tell = (what) => console.log(JSON.stringify(what));
const refused = (code, text) => Object.assign(new Error(text), { responseCode: code });

const server = new SMTPServer({
  secure: security === 'tls',
  disabledCommands: security === 'none' ? ['STARTTLS'] : [],
  authOptional: true,
  authMethods: ['PLAIN', 'LOGIN', 'XOAUTH2'],
  cert: fs.readFileSync(certificate),
  key: fs.readFileSync(key),
  onAuth(auth, session, done) {
    const known = auth.method === 'XOAUTH2'
      ? auth.accessToken === 'token-number-1'
      : auth.username === 'ada' && auth.password === 'canary-password';
    return known ? done(null, { user: auth.username }) : done(refused(535, '5.7.8 not accepted'));
  },
  onRcptTo({ address }, session, done) {
    if (address.startsWith('no')) return done(refused(550, '5.1.1 no such user'));
    if (address.startsWith('later')) return done(refused(451, '4.3.0 come back'));
    return done();
  },
  onData(stream, session, done) {
    const chunks = [];
    stream.on('data', (chunk) => chunks.push(chunk));
    stream.on('end', () => {
      const content = Buffer.concat(chunks);
      if (content.includes('Subject: refuse me')) return done(refused(554, '5.7.1 not this one'));
      const { mailFrom, rcptTo } = session.envelope;
      tell({
        sender: mailFrom.address,
        recipients: rcptTo.map(({ address }) => address),
        utf8: Boolean(mailFrom.args && mailFrom.args.SMTPUTF8),
        content: content.toString('base64'),
      });
      return done(null, '2.0.0 queued as 1');
    });
  },
});
server.on('error', () => {});
server.listen(0, '127.0.0.1', () => tell({ port: server.server.address().port }));
