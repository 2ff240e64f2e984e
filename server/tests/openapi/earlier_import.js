// A connector made of an OpenAPI document. `operations`, below, says what each command sends; `api` sends it.
// An operation may be changed by hand: a command is the function of its name.

var api = (function () {
  'use strict';

  function given(value) {
    return value !== undefined && value !== null;
  }

  function isObject(value) {
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  }

  function text(value) {
    if (!given(value)) return '';
    return typeof value === 'object' ? JSON.stringify(value) : String(value);
  }

  function pairs(object) {
    return Object.keys(object)
      .filter(function (name) { return given(object[name]); })
      .map(function (name) { return [name, object[name]]; });
  }

  // Percent-encodes; with `reserved`, what a URL may hold stays as it is.
  function encode(value, reserved) {
    var encoded = encodeURIComponent(text(value).toWellFormed()).replace(/[!'()*]/g, function (one) {
      return '%' + one.charCodeAt(0).toString(16).toUpperCase();
    });
    return reserved ? encoded.replace(/%(?:21|24|27|28|29|2A|2C|2F|3A|3B|3D|3F|40)/g, decodeURIComponent) : encoded;
  }

  // Lists and objects in a path or a header: the styles simple, label and matrix.
  function expand(param, value, write) {
    if (param.json) return write(JSON.stringify(value));
    var name = encode(param.name);
    var exploded = param.explode === true;
    var parts = Array.isArray(value)
      ? value.map(write)
      : isObject(value)
        ? pairs(value).reduce(function (all, pair) {
            return all.concat(exploded ? [write(pair[0]) + '=' + write(pair[1])] : [write(pair[0]), write(pair[1])]);
          }, [])
        : [write(value)];
    if (param.style === 'label') return '.' + parts.join(exploded ? '.' : ',');
    if (param.style === 'matrix') {
      if (exploded && isObject(value)) return parts.map(function (part) { return ';' + part; }).join('');
      if (exploded && Array.isArray(value)) return parts.map(function (part) { return ';' + name + '=' + part; }).join('');
      var joined = parts.join(',');
      return ';' + name + (joined === '' ? '' : '=' + joined);
    }
    return parts.join(',');
  }

  function nested(name, value) {
    if (!given(value)) return [];
    if (typeof value !== 'object') return [encode(name) + '=' + encode(value)];
    return pairs(value).reduce(function (all, pair) {
      return all.concat(nested(name + '[' + pair[0] + ']', pair[1]));
    }, []);
  }

  // A value in the query or in a form, as a list of `name=value`.
  function spread(param, value) {
    var name = encode(param.name);
    var write = function (one) { return encode(one, param.reserved); };
    var pair = function (one) { return name + '=' + write(one); };
    if (param.json) return [pair(JSON.stringify(value))];
    if (param.style === 'deepObject') return nested(param.name, value);
    if (typeof value !== 'object') return [pair(value)];
    if (param.explode) {
      if (Array.isArray(value)) return value.map(pair);
      return pairs(value).map(function (one) { return encode(one[0]) + '=' + write(one[1]); });
    }
    var separator = { spaceDelimited: '%20', pipeDelimited: '%7C' }[param.style] || ',';
    var parts = Array.isArray(value) ? value : pairs(value).reduce(function (all, one) { return all.concat(one); }, []);
    return parts.length === 0 ? [] : [name + '=' + parts.map(write).join(separator)];
  }

  // One value that is the query: JSON, a form, or a text.
  function wholeQuery(param, value) {
    if (param.style !== 'form' || !isObject(value)) return [encode(param.json ? JSON.stringify(value) : value)];
    return pairs(value).reduce(function (all, pair) {
      return all.concat(spread({ name: pair[0], explode: Array.isArray(pair[1]), json: isObject(pair[1]) }, pair[1]));
    }, []);
  }

  function baseUrl() {
    var config = floh.config;
    return String(config.baseUrl || '').replace(/\{([^{}]*)\}/g, function (whole, name) {
      var known = server.find(function (variable) { return variable.name === name; });
      return known && given(config[known.field]) ? String(config[known.field]) : whole;
    });
  }

  function base(operation) {
    var url = baseUrl();
    var own = operation.server;
    if (own === undefined) return url.replace(/\/+$/, '');
    if (own.startsWith('//')) return (url.match(/^[a-z]+:/i) || ['https:'])[0] + own.replace(/\/+$/, '');
    if (own.includes('://')) return own.replace(/\/+$/, '');
    var origin = (url.match(/^[a-z]+:\/\/[^/?#]*/i) || [''])[0];
    return (own.startsWith('/') ? origin + own : url.replace(/\/+$/, '') + '/' + own).replace(/\/+$/, '');
  }

  function path(operation) {
    var template = operation.path.split('#')[0];
    var filled = template.replace(/\{([^{}]*)\}/g, function (whole, name) {
      var param = operation.params.find(function (one) { return one.in === 'path' && one.name === name; });
      var value = param && floh.params[param.key];
      if (!given(value) || value === '') throw new Error('the path needs a value for ' + (param ? param.key : name));
      return expand(param, value, function (one) { return encode(one, param.reserved); });
    });
    // A URL is cleaned of such steps, and would lead to another operation.
    var steps = filled.split('?')[0].split('/');
    if (steps.some(function (step) { return /^(?:\.|%2e){1,2}$/i.test(step); })) {
      throw new Error('a path parameter may not be . or ..');
    }
    return filled.startsWith('/') ? filled : '/' + filled;
  }

  function origin(url) {
    var parts = url.match(/^([a-z]+):\/\/([^/?#\\]*)/i);
    if (!parts) return '';
    var scheme = parts[1].toLowerCase();
    return scheme + '://' + parts[2].toLowerCase().replace(scheme === 'https' ? /:443$/ : /:80$/, '');
  }

  // Whether an operation is served elsewhere than the API: credentials go to the API alone.
  function isForeign(operation) {
    return operation.server !== undefined && origin(base(operation)) !== origin(baseUrl());
  }

  // The access token of a client, which the server fetches, keeps and renews for all calls.
  var tokens = new Map();
  function token(need, scheme, renew) {
    if (!renew && tokens.has(need)) return tokens.get(need);
    var config = floh.config;
    var asked = { clientId: config.clientId, clientSecret: config.clientSecret, scopes: need.scopes };
    var place = scheme.kind === 'openIdConnect' ? 'openIdConnectUrl' : 'tokenUrl';
    if (!config[place]) throw new Error(place + ' is not set');
    asked[place] = config[place];
    var answer = floh.auth.token(asked, renew);
    tokens.set(need, answer);
    return answer;
  }

  function isSet(need) {
    var config = floh.config;
    var scheme = schemes[need.scheme];
    if (scheme.kind === 'apiKey') return !!config[scheme.field];
    if (scheme.kind === 'bearer') return !!config.bearerToken;
    if (scheme.kind === 'basic') return !!config.username;
    return !!config.clientId && !!config.clientSecret;
  }

  // The first alternative whose credentials are filled in, or the one that the connection chooses.
  function credentials(operation) {
    var alternatives = operation.auth || [];
    var chosen = floh.config.authMethod;
    var name = function (needs) { return needs.map(function (need) { return need.scheme; }).join('+'); };
    var found = alternatives.find(function (needs) { return given(chosen) && name(needs) === chosen; })
      || alternatives.find(function (needs) { return needs.length > 0 && needs.every(isSet); })
      || alternatives.find(function (needs) { return needs.length === 0; });
    if (found === undefined && alternatives.length > 0) {
      throw new Error('no credentials are filled in for ' + alternatives.map(name).join(' or '));
    }
    return found || [];
  }

  function authorize(request, needs, renew) {
    var config = floh.config;
    needs.forEach(function (need) {
      var scheme = schemes[need.scheme];
      if (scheme.kind === 'bearer') request.headers.Authorization = 'Bearer ' + config.bearerToken;
      else if (scheme.kind === 'basic') {
        request.headers.Authorization = 'Basic ' + floh.util.base64.encode(text(config.username) + ':' + text(config.password));
      } else if (scheme.kind !== 'apiKey') request.headers.Authorization = 'Bearer ' + token(need, scheme, renew);
      else if (scheme.in === 'header') request.headers[scheme.name] = text(config[scheme.field]);
      else if (scheme.in === 'query') request.query.push(encode(scheme.name) + '=' + encode(config[scheme.field]));
      else request.cookies.push(scheme.name + '=' + encode(config[scheme.field]));
    });
  }

  // Quotes what stands in a part's header.
  function quoted(name) {
    return '"' + String(name).replace(/\r/g, '%0D').replace(/\n/g, '%0A').replace(/"/g, '%22') + '"';
  }

  function multipart(fields, boundary) {
    var chunks = [];
    fields.forEach(function (field) {
      (Array.isArray(field.value) ? field.value : [field.value]).forEach(function (value) {
        var type = field.type || (field.file ? 'application/octet-stream' : typeof value === 'object' ? 'application/json' : '');
        chunks.push('--' + boundary + '\r\nContent-Disposition: form-data; name=' + quoted(field.name)
          + (field.file ? '; filename=' + quoted(field.name) : '') + (type ? '\r\nContent-Type: ' + type : '') + '\r\n\r\n');
        chunks.push(field.file ? { base64: text(value) } : text(value), '\r\n');
      });
    });
    chunks.push('--' + boundary + '--\r\n');
    return chunks;
  }

  function writeBody(request, operation) {
    var body = operation.body;
    if (body === undefined) return;
    var params = floh.params;
    var fields;
    var value;
    if (body.key !== undefined) {
      value = params[body.key];
      if (!given(value) && !body.required) return;
      fields = isObject(value) ? pairs(value).map(function (pair) {
        return { name: pair[0], value: pair[1], explode: Array.isArray(pair[1]), json: isObject(pair[1]) };
      }) : [];
    } else {
      fields = (body.fields || []).filter(function (field) { return given(params[field.key]); })
        .map(function (field) { return Object.assign({}, field, { value: params[field.key] }); });
      if (fields.length === 0 && !body.required) return;
      value = { __proto__: null };
      fields.forEach(function (field) { value[field.name] = field.value; });
    }
    request.headers['Content-Type'] = body.type;
    if (body.kind === 'json') request.body = JSON.stringify(given(value) ? value : null);
    else if (body.kind === 'text') request.body = text(value);
    else if (body.kind === 'bytes') request.parts = [{ base64: text(value) }];
    else if (body.kind === 'form') {
      request.body = fields.reduce(function (all, field) { return all.concat(spread(field, field.value)); }, [])
        .join('&').replace(/%20/g, '+');
    } else {
      var boundary = 'floh-' + floh.util.uuid();
      request.headers['Content-Type'] = body.type + '; boundary=' + boundary;
      request.parts = multipart(fields, boundary);
    }
  }

  function build(operation, override) {
    var request = { method: operation.method, headers: { Accept: operation.accept || 'application/json' }, query: [], cookies: [] };
    (operation.params || []).forEach(function (param) {
      var value = override && override.key === param.key ? override.value : floh.params[param.key];
      if (!given(value) || param.in === 'path') return;
      if (param.in === 'query') request.query = request.query.concat(spread(param, value));
      else if (param.in === 'querystring') request.query = request.query.concat(wholeQuery(param, value));
      else if (param.in === 'header') request.headers[param.name] = expand(param, value, text);
      else if (Array.isArray(value) && param.explode && !param.json) {
        value.forEach(function (one) { request.cookies.push(param.name + '=' + encode(one)); });
      } else request.cookies.push(param.name + '=' + expand({ name: param.name, json: param.json }, value, encode));
    });
    writeBody(request, operation);
    return request;
  }

  // The names in a URL's query, as they stand there.
  function names(url) {
    return url.split('#')[0].split('?').slice(1).join('?').split('&').map(function (pair) { return pair.split('=')[0]; });
  }

  function send(operation, override, url) {
    var needs = isForeign(operation) ? [] : credentials(operation);
    var go = function (renew) {
      var request = build(operation, override);
      var own = request.query.length;
      authorize(request, needs, renew);
      var target = url || base(operation) + path(operation);
      // A link to the next page has its query already, but seldom the key.
      var query = (url ? request.query.slice(own).filter(function (pair) { return !names(url).includes(pair.split('=')[0]); }) : request.query).join('&');
      if (query) target += (target.includes('?') ? '&' : '?') + query;
      if (request.cookies.length > 0) request.headers.Cookie = request.cookies.join('; ');
      return floh.http.request({ method: request.method, url: target, headers: request.headers, body: request.body, parts: request.parts });
    };
    var answer = go(false);
    var renewable = needs.some(function (need) { return /^o/.test(schemes[need.scheme].kind); });
    // A token may be withdrawn before its time.
    return answer.status === 401 && renewable ? go(true) : answer;
  }

  function isSuccess(answer) {
    return answer.status >= 200 && answer.status < 300;
  }

  function failure(operation, answer) {
    var body = answer.body;
    var said = isObject(body) ? [body.message, body.detail, body.error_description, body.title, body.error].find(function (one) {
      return typeof one === 'string' && one !== '';
    }) : undefined;
    // Never a part of it: the server masks secrets, and would not know half of one.
    var told = said && (said.length > 500 ? 'a message of ' + said.length + ' characters, see responseBody' : said);
    return {
      success: false,
      error: operation.method + ' ' + operation.path + ' answered ' + answer.status + (told ? ': ' + told : ''),
      diagnostics: { statusCode: answer.status, responseBody: body },
    };
  }

  function itemsOf(pages, body) {
    var items = pages.items === undefined ? body : isObject(body) ? body[pages.items] : undefined;
    return Array.isArray(items) ? items : [];
  }

  function nextLink(answer, current) {
    var link = String(answer.headers.link || '').match(/<([^>]*)>\s*;[^,]*\brel="?next"?/i);
    if (!link) return undefined;
    var origin = current.match(/^[a-z]+:\/\/[^/?#]*/i)[0];
    var next = link[1].startsWith('/') ? origin + link[1] : link[1];
    // Credentials go to the API alone.
    return next.startsWith(origin + '/') ? next : undefined;
  }

  // Turns pages until there are no more. More than one command may fetch is a failure: half a list would look whole.
  function all(operation) {
    var pages = operation.pages;
    var items = [];
    var override = { key: pages.key, value: pages.key === undefined ? undefined : floh.params[pages.key] };
    if (!given(override.value) && pages.by !== 'cursor') override.value = pages.by === 'page' ? pages.first : 0;
    var url;
    for (var page = 0; ; page++) {
      if (page === 45) {
        return { success: false, error: 'there are more than 45 pages; ask for more at a time, or for fewer items', diagnostics: { items: items.length } };
      }
      var answer = send(operation, override, url);
      if (!isSuccess(answer)) return failure(operation, answer);
      var found = itemsOf(pages, answer.body);
      items = items.concat(found);
      if (pages.by === 'cursor') override.value = isObject(answer.body) ? answer.body[pages.next] : undefined;
      else if (pages.by === 'page') override.value += 1;
      else if (pages.by === 'offset') override.value += found.length;
      else url = nextLink(answer, url || base(operation) + '/');
      var more = pages.by === 'cursor' ? given(override.value) && override.value !== '' : pages.by === 'link' ? url !== undefined : found.length > 0;
      if (!more) break;
    }
    var payload = items;
    if (pages.items !== undefined) {
      payload = { __proto__: null };
      payload[pages.items] = items;
    }
    return { success: true, payload: payload };
  }

  function call(operation) {
    if (operation.refused !== undefined) {
      return { success: false, error: 'this operation cannot be called: ' + operation.refused.join('; '), diagnostics: { reasons: operation.refused } };
    }
    if (operation.pages !== undefined && floh.params.allPages === true) return all(operation);
    var answer = send(operation);
    if (!isSuccess(answer)) return failure(operation, answer);
    if (answer.base64 !== undefined && (typeof answer.body !== 'object' || answer.body === null)) {
      return { success: true, payload: { contentType: answer.headers['content-type'] || 'application/octet-stream', base64: answer.base64 } };
    }
    return answer.text === '' ? { success: true } : { success: true, payload: answer.body };
  }

  return { call: call };
})();
