package language

// operating is what the commands for a running proxy, for keys and for the demo say.
var operating = map[string]string{
	"ready\n": "就绪\n",
	"%v; name the address with -url, if it is another one":                           "%v；如果地址不同，请用 -url 指定",
	"the admin listener is turned off":                                               "管理端口已关闭",
	"%v; so it is not known where the admin listener is: name its address with -url": "%v；因此不知道管理端口在哪里：请用 -url 指定地址",
	"asking for readiness: %v":                                                       "询问是否就绪：%v",
	"not ready: HTTP status %d%s":                                                    "尚未就绪：HTTP 状态码 %d%s",
	"the callers' listener answers there; is the admin listener at that address? It is at admin.listen, by default http://127.0.0.1:8081": "该地址应答的是调用方的端口；管理端口在那里吗？它在 admin.listen，默认是 http://127.0.0.1:8081",
	`the address is "http://" with a host and a port, as http://127.0.0.1:8081, or "unix:" with the path of a socket`:                     `地址应为 "http://" 加主机和端口，例如 http://127.0.0.1:8081，或 "unix:" 加 socket 的路径`,

	`send the process SIGHUP instead (kill -HUP PID, systemctl reload wxproxy, docker kill -s HUP), or have it look for changes itself: watch = true under [proxy]`: `请改为向进程发送 SIGHUP（kill -HUP PID、systemctl reload wxproxy、docker kill -s HUP），或让它自己检查文件的变化：[proxy] 下的 watch = true`,
	"%v: %s": "%v：%s",
	"%v; is it running? If its admin listener is elsewhere, name the address with -url; if it has none, %s":           "%v；它在运行吗？如果管理端口在别处，请用 -url 指定地址；如果没有管理端口，%s",
	"the process wants its admin.key, and the configuration has none that can be read; WXPROXY_ADMIN_KEY may give it": "进程要求出示 admin.key，而配置中没有可以读取的；可用 WXPROXY_ADMIN_KEY 提供",
	"the process has another admin.key than the configuration; WXPROXY_ADMIN_KEY may give it":                         "进程的 admin.key 与配置中的不同；可用 WXPROXY_ADMIN_KEY 提供",
	"not reloaded; the configuration before goes on":                                                                  "没有重新加载；继续使用之前的配置",
	"asking for a reload: %v":                                                         "请求重新加载：%v",
	"not reloaded: HTTP status %d: %s":                                                "没有重新加载：HTTP 状态码 %d：%s",
	"not reloaded: HTTP status %d; is the admin listener at that address?":            "没有重新加载：HTTP 状态码 %d；管理端口在该地址吗？",
	"HTTP status %d, and not wxproxy's words; is the admin listener at that address?": "HTTP 状态码 %d，且不是 wxproxy 的应答；管理端口在该地址吗？",
	"reloaded\n":                          "已重新加载\n",
	"%v: %s\n":                            "%v：%s\n",
	"added":                               "新增",
	"removed":                             "移除",
	"changed":                             "变更",
	"takes effect only at the next start": "下次启动才生效",

	"wxproxy key: %q names no client: 1 to 64 letters, digits, '-' or '_' do": "wxproxy key：%q 不能作为客户端的名称：1 到 64 个字母、数字、'-' 或 '_'",
	"wxproxy key: %s is there twice; each client needs its own name":          "wxproxy key：%s 出现了两次；每个客户端要有自己的名称",
	"%sThe keys, for the programs alone:\n\n%s":                               "%s以下密钥只交给对应的程序：\n\n%s",
	"making a key: %v": "生成密钥：%v",

	"wxproxy demo: %v": "wxproxy demo：%v",
	"%s: the demo is for this machine alone; take an address such as 127.0.0.1:8080": "%s：演示只供本机使用；请用 127.0.0.1:8080 这样的地址",
	"%s: %q is no address with a port; take one such as 127.0.0.1:9000":              "%s：%q 不是带端口的地址；请用 127.0.0.1:9000 这样的地址",
	"%s: the demo listens on no Unix socket; take an address such as 127.0.0.1:9000": "%s：演示不监听 Unix socket；请用 127.0.0.1:9000 这样的地址",
	"%s: %s is in use; take another one, or leave %s out":                            "%s：%s 已被占用；请换一个地址，或去掉 %s",
	"-fail: unknown %q; take one of %s":                                              "-fail：没有 %q 这种故障；可选 %s",
	"-accounts: %q is no number from 1 to %d":                                        "-accounts：%q 不是 1 到 %d 之间的数",
}
