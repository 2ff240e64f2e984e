// `floh.util`, run when a script names it first. It reaches the worker by the functions that it is given; what things mean is
// decided in Rust.
(function (util, lazy, milliseconds, sleep, freeze) {
  'use strict';
  const coder = (name) => {
    const encode = (data) => util(name + '.encode', data);
    encode.encode = encode;
    encode.decode = (text, form) => util(name + '.decode', text, form);
    return freeze(encode);
  };
  return freeze({
    base64: coder('base64'),
    base64url: coder('base64url'),
    hex: coder('hex'),
    sha1: (data, encoding) => util('sha1', data, encoding),
    sha256: (data, encoding) => util('sha256', data, encoding),
    sha384: (data, encoding) => util('sha384', data, encoding),
    sha512: (data, encoding) => util('sha512', data, encoding),
    hmacSha1: (key, data, encoding) => util('hmacSha1', key, data, encoding),
    hmacSha256: (key, data, encoding) => util('hmacSha256', key, data, encoding),
    hmacSha384: (key, data, encoding) => util('hmacSha384', key, data, encoding),
    hmacSha512: (key, data, encoding) => util('hmacSha512', key, data, encoding),
    sign: (algorithm, key, data, encoding) => util('sign', algorithm, key, data, encoding),
    verify: (algorithm, key, data, signature, encoding) => util('verify', algorithm, key, data, signature, encoding),
    randomBytes: (count, encoding) => util('randomBytes', count, encoding),
    uuid: () => util('uuid'),
    sleep: (ms) => sleep(milliseconds('the time of floh.util.sleep', ms === undefined ? -1 : ms)),
    date: freeze({
      format: (value, options) => lazy().format(value, options),
      iso: (value, timeZone) => util('date.iso', lazy().moment(value), timeZone),
    }),
  });
})
