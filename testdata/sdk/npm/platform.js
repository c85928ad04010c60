// Manages the tokens of a third-party platform with node-easywechat, as its manual says,
// through the base URL in its first argument, and says how each call went. Without a code
// an earlier run has shown it, and left its caches in the working directory.
//
//	node platform.js BASE COMPONENT SECRET TICKET APPID CODE
'use strict';

const fs = require('fs');
const { OpenPlatform } = require('node-easywechat');

const [base, component, secret, ticket, appID, code] = process.argv.slice(2);
const saas = new OpenPlatform({ app_id: component, secret, token: 'token', aes_key: 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG', http: { baseURL: base + '/' } });
let refresh;

function expect(ok) {
  if (!ok) throw new Error("got another answer than WeChat's");
}

async function shop() {
  return saas.getOfficialAccountWithRefreshToken(appID, refresh);
}

const calls = {
  'ticket': async () => saas.getVerifyTicket().setTicket(ticket),
  'component token': async () => expect(await saas.getComponentAccessToken().getToken()),
  'pre-authorization code': async () => expect((await saas.createPreAuthorizationCode()).pre_auth_code),
  'authorization page': async () => expect((await saas.createPreAuthorizationUrl('https://saas.example/back')).includes('pre_auth_code=')),
  'authorization code': async () => {
    if (!code) {
      refresh = fs.readFileSync('refresh-token', 'utf8');
      return;
    }
    const got = await saas.getAuthorization(code);
    refresh = got.getRefreshToken();
    expect(got.getAppId() === appID && refresh);
    fs.writeFileSync('refresh-token', refresh);
  },
  'refresh': async () => expect((await saas.refreshAuthorizerToken(appID, refresh)).authorizer_refresh_token),
  'list': async () => {
    const json = { component_appid: component, offset: 0, count: 100 };
    const got = (await saas.getClient().request('post', 'cgi-bin/component/api_get_authorizer_list', { json })).toObject();
    expect(got.total_count === 1 && got.list[0].authorizer_appid === appID);
  },
  'user info': async () =>
    expect((await (await shop()).getClient().request('get', 'cgi-bin/user/info', { params: { openid: 'OPENID' } })).toObject().openid === 'OPENID'),
  'customer-service message': async () => {
    const json = { touser: 'OPENID', msgtype: 'text', text: { content: '你好' } };
    expect((await (await shop()).getClient().request('post', 'cgi-bin/message/custom/send', { json })).toObject().errcode === 0);
  },
  'callback IPs': async () =>
    expect((await (await shop()).getClient().request('get', 'cgi-bin/getcallbackip', {})).toObject().ip_list.length > 0),
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
