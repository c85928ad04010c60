package rawtest

var OwnHosts = []string{"api.weixin.qq.com", "api.weixin.qq.com:443"}
