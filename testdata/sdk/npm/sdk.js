// Makes the calls that people make most with an npm SDK of others', through the
// base URL in its second argument, and says how each went. It changes nothing of
// the SDK but its base URL, and gives it the secret it is told.
//
//	node sdk.js co-wechat-api|easywechat BASE APPID SECRET
'use strict';

const [sdk, base, appID, secret] = process.argv.slice(2);
const picture = Buffer.from('\x89PNG\r\n\x1a\n\x00\xff'.repeat(10000), 'latin1');
const message = { touser: 'OPENID', template_id: 'T', data: { a: { value: '模板' } } };
const menu = { button: [{ type: 'click', name: '今日歌曲', key: 'K' }] };
const scene = { expire_seconds: 60, action_name: 'QR_STR_SCENE', action_info: { scene: { scene_str: 'test' } } };

function expect(ok) {
  if (!ok) throw new Error("got another answer than WeChat's");
}

function coWechatAPI() {
  const API = require('co-wechat-api');
  const api = new API(appID, secret);
  for (const k of Object.keys(api).filter(k => k.endsWith('refix'))) api[k] = api[k].replace(/^https?:\/\/api\.weixin\.qq\.com(?=\/)/, base);
  let mediaID;
  return {
    'user info': async () => expect((await api.getUser({ openid: 'OPENID', lang: 'zh_CN' })).openid === 'OPENID'),
    'users': async () => expect((await api.getFollowers()).total >= 0),
    'template message': async () => expect((await api.sendTemplate('OPENID', 'T', '', '', message.data)).errcode === 0),
    'customer-service message': async () => expect((await api.sendText('OPENID', '你好')).errcode === 0),
    'media upload': async () => {
      mediaID = (await api.uploadMedia(picture, 'image', 'a.png', 'image/png')).media_id;
      expect(mediaID);
    },
    'media download': async () => expect(picture.equals(await api.getMedia(mediaID))),
    'mini-program code': async () => expect((await api.getWXACodeUnlimit('a=b', 'pages/index')).length > 0),
    'QR code': async () => expect((await api.createTmpQRCode(1, 60)).ticket),
    'new menu': async () => expect((await api.createMenu(menu)).errcode === 0),
    'menu': async () => expect((await api.getMenu()).menu.button.length === 1),
    'jsapi ticket': async () => expect((await api.getJsConfig({ debug: false, jsApiList: [], url: 'https://shop.example/' })).signature),
    'callback IPs': async () => expect((await api.getIp()).ip_list.length > 0),
    'other hosts stay': async () => expect(api.showQRCodeURL('T') === 'https://mp.weixin.qq.com/cgi-bin/showqrcode?ticket=T'),
  };
}

function easywechat(stable) {
  const { OfficialAccount } = require('node-easywechat');
  const FormData = require('form-data');
  const app = new OfficialAccount({ app_id: appID, secret, use_stable_access_token: stable, http: { baseURL: base + '/' } });
  const client = app.getClient();
  const get = async (path, params, options) => client.request('get', path, { params, ...options });
  const post = async (path, json) => (await client.request('post', path, { json })).toObject();
  let mediaID;
  return {
    'user info': async () => expect((await get('cgi-bin/user/info', { openid: 'OPENID' })).toObject().openid === 'OPENID'),
    'users': async () => expect((await get('cgi-bin/user/get', {})).toObject().total >= 0),
    'template message': async () => expect((await post('cgi-bin/message/template/send', message)).errcode === 0),
    'customer-service message': async () =>
      expect((await post('cgi-bin/message/custom/send', { touser: 'OPENID', msgtype: 'text', text: { content: '你好' } })).errcode === 0),
    'media upload': async () => {
      const form = new FormData();
      form.append('media', picture, { filename: 'a.png', contentType: 'image/png' });
      mediaID = (await client.request('post', 'cgi-bin/media/upload', { params: { type: 'image' }, data: form })).toObject().media_id;
      expect(mediaID);
    },
    'media download': async () =>
      expect(picture.equals(Buffer.from((await get('cgi-bin/media/get', { media_id: mediaID }, { responseType: 'arraybuffer' })).getContent()))),
    'QR code': async () => expect((await post('cgi-bin/qrcode/create', scene)).ticket),
    'new menu': async () => expect((await post('cgi-bin/menu/create', menu)).errcode === 0),
    'menu': async () => expect((await get('cgi-bin/menu/get', {})).toObject().menu.button.length === 1),
    'jsapi ticket': async () => expect((await app.getUtils().buildJsSdkConfig('https://shop.example/')).signature),
    'callback IPs': async () => expect((await get('cgi-bin/getcallbackip', {})).toObject().ip_list.length > 0),
    'other hosts stay': async () => expect(app.getOAuth().redirect('https://shop.example/').startsWith('https://open.weixin.qq.com/')),
  };
}

async function main() {
  const calls = { 'co-wechat-api': coWechatAPI, 'easywechat': () => easywechat(false), 'easywechat-stable': () => easywechat(true) }[sdk]();
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
