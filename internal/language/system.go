package language

// system is what the operating system says.
var system = map[string]string{
	"no such file or directory":       "文件或目录不存在",
	"file does not exist":             "文件不存在",
	"permission denied":               "没有权限",
	"operation not permitted":         "没有权限",
	"is a directory":                  "是一个目录",
	"not a directory":                 "不是目录",
	"file exists":                     "文件已存在",
	"no space left on device":         "磁盘空间不足",
	"read-only file system":           "文件系统是只读的",
	"too many open files":             "打开的文件过多",
	"connection refused":              "连接被拒绝",
	"no such device or address":       "设备或地址不存在",
	"input/output error":              "输入输出错误",
	"address already in use":          "地址已被占用",
	"cannot assign requested address": "本机没有该地址",
}
