// Takes pushes with code of others' on a free port, until it is killed. It prints its
// address, and then what each message says. A message is answered with its own words, but
// "nothing" with nothing; what "slow" says takes a second and a half.
//
//	node receiver.js easywechat|easywechat-work|wecom-crypto APPID TOKEN AESKEY
//
// "easywechat" is node-easywechat's official-account server; without AESKEY it takes
// pushes in the clear. "easywechat-work" is its server for WeCom. "wecom-crypto" knows WeChat's encryption alone, from @wecom/crypto:
// it checks all that is in a push, and encrypts its answers.
'use strict';

const http = require('http');

const [sdk, appID, token, aesKey] = process.argv.slice(2);
const library = require({ 'easywechat': 'node-easywechat', 'easywechat-work': 'node-easywechat', 'wecom-crypto': '@wecom/crypto' }[sdk]);

async function reply(type, content) {
  console.log(`${type} ${content}`);
  if (content === 'slow') await new Promise(done => setTimeout(done, 1500));
  return content === '' || content === 'nothing' ? null : 'you said: ' + content;
}

async function easywechat(req, res) {
  const { OfficialAccount, Work, ServerRequest } = library;
  const app = sdk === 'easywechat'
    ? new OfficialAccount({ app_id: appID, secret: 'none', token, aes_key: aesKey })
    : new Work({ corp_id: appID, secret: 'none', token, aes_key: aesKey });
  app.setRequest(await ServerRequest.createFromIncomingMessage(req));
  const server = app.getServer();
  server.withHandler(async message => reply(message.MsgType + (message.Event || ''), message.Content || ''));
  const response = await server.serve();
  res.writeHead(response.getStatusCode(), response.getHeaders());
  res.end(response.getBody().toString());
}

// member returns what stands in a member of a push in XML or JSON.
function member(text, name) {
  if (text.startsWith('{')) return String(JSON.parse(text)[name] ?? '');
  const found = text.match(new RegExp(`<${name}>(?:<!\\[CDATA\\[(.*?)\\]\\]>|([^<]*))</${name}>`, 's'));
  return found ? found[1] ?? found[2] : '';
}

async function wecomCrypto(req, res) {
  const { getSignature, decrypt, encrypt } = library;
  let body = '';
  for await (const chunk of req) body += chunk;
  const query = new URL(req.url, 'http://localhost').searchParams;
  const sealed = member(body, 'Encrypt');
  if (query.get('encrypt_type') !== 'aes' || getSignature(token, query.get('timestamp'), query.get('nonce'), sealed) !== query.get('msg_signature')) {
    throw new Error('msg_signature does not fit');
  }
  const { message, id } = decrypt(aesKey, sealed);
  if (id !== appID) throw new Error('the push is for ' + id);
  if (member(body, 'ToUserName') !== member(message, 'ToUserName')) throw new Error('the envelope has another ToUserName than the message');
  const words = await reply(member(message, 'MsgType') + member(message, 'Event'), member(message, 'Content'));
  if (!words) return res.end('success');
  const text = body.startsWith('{') ? JSON.stringify({ MsgType: 'text', Content: words }) : `<xml><MsgType>text</MsgType><Content><![CDATA[${words}]]></Content></xml>`;
  const answer = { Encrypt: encrypt(aesKey, text, appID), TimeStamp: Math.floor(Date.now() / 1000), Nonce: '1372623149' };
  answer.MsgSignature = getSignature(token, answer.TimeStamp, answer.Nonce, answer.Encrypt);
  res.end(body.startsWith('{') ? JSON.stringify(answer) : '<xml>' + Object.entries(answer).map(([name, value]) => `<${name}>${value}</${name}>`).join('') + '</xml>');
}

const receive = { 'easywechat': easywechat, 'easywechat-work': easywechat, 'wecom-crypto': wecomCrypto }[sdk];
const server = http.createServer((req, res) => receive(req, res).catch(err => {
  console.log('refused: ' + err.message);
  res.writeHead(403);
  res.end();
}));
server.listen(0, '127.0.0.1', () => console.log('http://127.0.0.1:' + server.address().port));
