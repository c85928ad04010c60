// Opens an encrypted reply, which it reads from standard input, with @wecom/crypto, and
// prints what is in it and whom it is for. It fails if the signature does not fit.
//
//	node open.js TOKEN AESKEY
'use strict';

const { getSignature, decrypt } = require('@wecom/crypto');

const [token, aesKey] = process.argv.slice(2);
const text = require('fs').readFileSync(0, 'utf8');

function member(name) {
  if (text.startsWith('{')) return String(JSON.parse(text)[name]);
  return text.match(new RegExp(`<${name}>(?:<!\\[CDATA\\[(.*?)\\]\\]>|([^<]*))</${name}>`, 's')).slice(1).find(value => value !== undefined);
}

if (getSignature(token, member('TimeStamp'), member('Nonce'), member('Encrypt')) !== member('MsgSignature')) {
  throw new Error('MsgSignature does not fit');
}
const { message, id } = decrypt(aesKey, member('Encrypt'));
console.log(id);
console.log(message);
