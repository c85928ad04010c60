package cli

const usageFootChinese = `
不写 -config 时，FILE 是 $WXPROXY_CONFIG，其次是当前目录的 config.toml，都没有则只读取环境变量：

  WXPROXY_APP_ID, WXPROXY_SECRET 或 WXPROXY_SECRET_FILE    没有文件时的一个账号
  WXPROXY_LISTEN, WXPROXY_PUSH_LISTEN, WXPROXY_ADMIN_LISTEN, WXPROXY_ADMIN_KEY,
  WXPROXY_STORE, WXPROXY_UPSTREAM_URL, WXPROXY_LOG_LEVEL   优先于文件中的设置

每个设置的说明见 config.zh-CN.toml 和 docs/configuration.zh-CN.md。wxproxy help COMMAND 进一步
说明某个命令。SIGHUP 重新读取文件，SIGTERM 在处理完进行中的请求后退出。
`

// detailsChinese are details in Chinese. A test compares both.
var detailsChinese = map[string]string{
	"serve": `用法：wxproxy [serve] [-config FILE]

运行代理，直到收到 SIGTERM 或 SIGINT。调用方访问 127.0.0.1:8080，运维访问 127.0.0.1:8081：
/readyz、/status、/metrics，浏览器页面在 /。

  -config FILE  配置文件；不写时读取什么，见 wxproxy help

收到 SIGHUP 时重新读取配置。收到 SIGTERM 或 SIGINT 后，/readyz 变为 503；过了 shutdown_delay
不再接收新请求，并在最多 drain_timeout 内处理完进行中的请求；再收到一次则立即退出。

退出码：因信号退出为 0；无法继续，或不得不中断请求为 1；配置有误为 2。
`,
	"demo": `用法：wxproxy demo [-wecom] [-accounts N] [-chaos] [-fail FAULT] [-listen ADDR] [-wechat ADDR]

在本机运行模拟的微信和它前面的代理，并打印可直接粘贴的 curl 命令。不需要账号、文件和网络。
在终端里还会显示模拟端收到的每个请求：调用了什么，加上了哪个 token（部分遮盖），拒绝了什么，
又如何恢复。

  -wecom        模拟企业微信而不是微信：一个企业，两个应用
  -accounts N   账号个数，1 到 1000
  -chaos        模拟端每隔几秒让一个 token 失效
  -fail FAULT   ip：拒绝本机地址。secret：secret 有误。down：一半时间无法访问。
                storm：程序不停调用，同时 token 每秒失效
  -listen ADDR  代理监听的地址；不写则用 127.0.0.1:8080，该端口被占用时取空闲端口
  -wechat ADDR  模拟端监听的地址，如 127.0.0.1:9000，用来试自己的配置：会打印所需的几行。
                此时演示用的代理取空闲端口
`,
	"init": `用法：wxproxy init [-config FILE] [-force] [-app-id APPID] [-secret-file FILE] [-upstream URL] [-proxy URL] [-unchecked]
      wxproxy init -wecom [-corp-id CORPID] [-agent-id N] [...]

询问 AppID 和 AppSecret（输入时不显示），并用它们向微信获取一次 token。微信拒绝时说明原因，例如
IP 白名单中缺少哪个地址，处理好后可以重试。然后写出只有您能读取的配置（权限 0600），并打印接下来
要运行的两行命令。

脚本可以按行输入：先 AppID，后 AppSecret；有 -app-id 时只需 AppSecret。此时不会重复询问，
微信拒绝时不写文件。

  -config FILE       要写的文件；默认为 $WXPROXY_CONFIG，否则为 config.toml
  -force             覆盖已有的普通文件；所有者不变，只有所属组能读取的，所属组也不变
  -app-id APPID      AppID
  -secret-file FILE  存放 secret 的文件；配置中写的是该文件
  -wecom             企业微信应用：企业 ID、AgentId 和 secret
  -corp-id CORPID    企业 ID
  -agent-id N        AgentId
  -upstream URL      微信或企业微信的其他地址，如 wxproxy demo -wechat 的地址
  -proxy URL         访问微信所经的代理，如 http://user:password@host:port，会写入配置；不写时由
                     HTTPS_PROXY 和 NO_PROXY 决定
  -unchecked         不询问微信就写文件，例如本机没有网络时

退出码：已写文件为 0，否则为 1，命令行有误为 2。
`,
	"check": `用法：wxproxy check [-config FILE] [-live]

说明一份配置的含义，或逐行列出其中的每个错误。不打开端口，也不改动任何东西，可以与正在
运行的代理同时使用。

  -config FILE  配置文件；不写时读取什么，见 wxproxy help
  -live         为每个账号向微信获取一次 token，并说明微信拒绝的原因。获取的是稳定版 token，
                正在使用的 token 不会失效。对设置了推送的账号，微信还会检测其服务器能否访问到它。
                对第三方平台，会请微信推送 ticket，它本来就会推送

退出码：一切正常为 0，否则为 1，命令行有误为 2。
`,
	"health": `用法：wxproxy health [-url URL]

询问本机的代理是否就绪：是否接收请求，且至少一个账号有 token。

  -url URL  询问的地址，如 http://127.0.0.1:8081 或 unix:/run/wxproxy/admin.sock；没有路径时
            加上 /readyz；/readyz?all=1 要求每个账号都有 token。不写 -url 时，询问运行 serve 所读
            配置的那个进程的管理端口，不论配置现在写的是什么

退出码：就绪为 0，否则为 1。
`,
	"reload": `用法：wxproxy reload [-config FILE] [-url URL]

让本机的代理重新读取配置，与 SIGHUP 相同，并打印增加、删除和改变了什么，哪些设置要到下次
启动才生效；或打印每个错误，此时继续使用之前的配置。它出示配置中的 admin.key_old（如果有，
进程已经认识它），否则出示 admin.key 或 WXPROXY_ADMIN_KEY。警告与 wxproxy check 的相同。

  -config FILE  该进程的配置文件；不写时是哪个，见 wxproxy help
  -url URL      询问的地址，如 http://127.0.0.1:8081 或 unix:/run/wxproxy/admin.sock；不写时与
                wxproxy health 一样，找到使用 FILE 的进程的管理端口

退出码：已重新读取为 0，否则为 1，命令行有误为 2。
`,
	"platform": `用法：wxproxy platform import [-config FILE] [-platform NAME] [-replace] FILE
      wxproxy platform export [-config FILE] [-platform NAME] FILE

把授权给 [[platform]] 的账号的 refresh token 导入配置所用的 token 存储，或从中导出。文件里
每个账号一行：

  authorizer_appid,refresh_token

空行、以 # 开头的行，以及首行的这两个词会跳过。文件只要有一处错误，就一行也不导入；错误会
指明行号，从不引用 token。同一文件再次导入不会改变任何东西。存储里的内容更新时（另一个
refresh token、已取消的授权、某个事件），相应的行会被拒绝。导出内容用 token.encryption_key
加密，可在该密钥或 encryption_key_old 相同之处导入。FILE 写 - 表示标准输入或输出。请用运行
serve 的用户执行。

  -config FILE    配置文件；不写时读取什么，见 wxproxy help
  -platform NAME  哪个 [[platform]]；只有一个时不用写
  -replace        导入时覆盖存储中已有的内容

退出码：全部完成为 0，否则为 1，命令行有误为 2。
`,
	"key": `用法：wxproxy key [NAME...]

打印 [[client]] 用的新密钥及其哈希。key 交给程序，key_sha256 写入配置。给出名称时，为每个
名称打印一个可粘贴到配置里的 [[client]]，随后是各个密钥，它们不会出现在别处：请给每个程序
各自的密钥。

退出码：0；名称不能用作 client 时为 2。
`,
	"explain": `用法：wxproxy explain [-wecom] CODE...

说明 errcode 的含义、如何处理，以及 wxproxy 遇到时会怎么做。CODE 可以是一个或几个数字，也可以
是任何含有 errcode 的内容：整个应答、其中的 errmsg、日志里的一行；写 - 则从标准输入读取。除 -1
和 -1000 外，负数是 wxproxy 自己的。LC_ALL、LC_MESSAGES 或 LANG 为中文时说中文。

  -wecom  在企业微信中的含义；应答中已写明企业微信时不用加

  wxproxy explain 40001
  wxproxy explain '{"errcode":61023,"errmsg":"refresh_token is invalid rid: 655d9278-1a2b3c4d-00"}'

退出码：全部认识为 0，否则为 1，命令行有误为 2。
`,
	"completion": `用法：wxproxy completion bash|zsh|fish

打印一段脚本，让该 shell 能补全命令和参数：

  bash  source <(wxproxy completion bash)
  zsh   source <(wxproxy completion zsh)     写在 ~/.zshrc 中 compinit 之后
  fish  wxproxy completion fish | source
`,
	"version": `用法：wxproxy version

打印版本、Go 的版本和提交。
`,
}
