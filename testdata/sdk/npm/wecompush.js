// Pushes as WeCom does, with @wecom/crypto: the URL check, then the text "hello", and prints
// what the application replied. It fails if anything but WeCom's format comes back.
//
//	node wecompush.js URL CORPID AGENTID TOKEN AESKEY
'use strict';

const assert = require('assert');
const { getSignature, encrypt, decrypt } = require('@wecom/crypto');

const [url, corpID, agentID, token, aesKey] = process.argv.slice(2);

// signed returns the URL with what proves sealed.
function signed(sealed) {
  const timestamp = Math.floor(Date.now() / 1000), nonce = '1597212914';
  return `${url}?msg_signature=${getSignature(token, timestamp, nonce, sealed)}&timestamp=${timestamp}&nonce=${nonce}`;
}

async function main() {
  const echo = encrypt(aesKey, '1616140317555161061', corpID);
  const checked = await fetch(signed(echo) + '&echostr=' + encodeURIComponent(echo));
  assert.strictEqual(checked.status, 200);
  assert.deepStrictEqual(Buffer.from(await checked.arrayBuffer()), Buffer.from('1616140317555161061'));

  const message = `<xml><ToUserName><![CDATA[${corpID}]]></ToUserName><FromUserName><![CDATA[zhangsan]]></FromUserName>` +
    `<CreateTime>1348831860</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[hello]]></Content><MsgId>1234567890123456</MsgId><AgentID>${agentID}</AgentID></xml>`;
  const sealed = encrypt(aesKey, message, corpID);
  const pushed = await fetch(signed(sealed), {
    method: 'POST',
    headers: { 'Content-Type': 'text/xml' },
    body: `<xml><ToUserName><![CDATA[${corpID}]]></ToUserName><AgentID><![CDATA[${agentID}]]></AgentID><Encrypt><![CDATA[${sealed}]]></Encrypt></xml>`,
  });
  const answer = await pushed.text();
  assert.strictEqual(pushed.status, 200, answer);
  const member = name => answer.match(new RegExp(`<${name}>(?:<!\\[CDATA\\[(.*?)\\]\\]>|([^<]*))</${name}>`, 's')).slice(1).find(value => value !== undefined);
  assert.strictEqual(member('MsgSignature'), getSignature(token, member('TimeStamp'), member('Nonce'), member('Encrypt')));
  const reply = decrypt(aesKey, member('Encrypt'));
  assert.strictEqual(reply.id, corpID);
  console.log(reply.message);
}

main().catch(err => {
  console.error(err.message);
  process.exit(1);
});
