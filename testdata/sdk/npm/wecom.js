// Makes the calls that people make most with an npm SDK for WeCom, through the base URL in
// its first argument, and says how each went. It changes nothing of the SDK but its base
// URL, and gives it the secret it is told.
//
//	node wecom.js BASE CORPID SECRET AGENTID
'use strict';

const { Work } = require('node-easywechat');
const FormData = require('form-data');

const [base, corp, secret, agent] = process.argv.slice(2);
const app = new Work({ corp_id: corp, secret, token: 'token', aes_key: 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG', http: { baseURL: base + '/' } });
const client = app.getClient();
const file = Buffer.from('\x00\xff\x89-\n'.repeat(4 << 20), 'latin1'); // as large as an upload may be
let mediaID;

function expect(ok) {
  if (!ok) throw new Error("got another answer than WeCom's");
}

async function get(path, params, options) {
  return client.request('get', path, { params, ...options });
}

const calls = {
  'token': async () => expect(await app.getAccessToken().getToken()),
  'user': async () => expect((await get('cgi-bin/user/get', { userid: 'zhangsan' })).toObject().userid === 'zhangsan'),
  'message': async () => {
    const json = { touser: 'zhangsan', msgtype: 'text', agentid: Number(agent), text: { content: '你好' } };
    expect((await client.request('post', 'cgi-bin/message/send', { json })).toObject().errcode === 0);
  },
  'media upload': async () => {
    const form = new FormData();
    form.append('media', file, { filename: 'a.bin', contentType: 'application/octet-stream' });
    mediaID = (await client.request('post', 'cgi-bin/media/upload', { params: { type: 'file' }, data: form })).toObject().media_id;
    expect(mediaID);
  },
  'media download': async () =>
    expect(file.equals(Buffer.from((await get('cgi-bin/media/get', { media_id: mediaID }, { responseType: 'arraybuffer' })).getContent()))),
  "corp's ticket": async () => expect((await app.getUtils().buildJsSdkConfig('https://shop.example/')).signature),
  "application's ticket": async () => expect(await app.getTicket().getAgentTicket(agent)),
};

async function main() {
  for (const [name, call] of Object.entries(calls)) {
    try {
      await call();
      console.log(`${name}: ok`);
    } catch (err) {
      process.exitCode = 1;
      console.log(`${name}: ${err.message}`);
    }
  }
}

main();
