//go:build linux

package peer

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"wxproxy/internal/wechattest"
)

// What is configured of a platform.
const (
	componentAppID = "wxc0c0c0c0c0c0c0c0"
	pushToken      = "bench-push-token"
	pushAESKey     = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
	adminKey       = "bench-admin-key-0123456789abcdef0123456789"
	encryptionKey  = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
)

// AuthorizerAppID returns the app_id of the authorizer n, counted from 0.
func AuthorizerAppID(n int) string { return fmt.Sprintf("wx%016x", 1<<40+n) }

// pushFile is the file into which the address of the listener for pushes is written.
func pushFile(dir string) string { return filepath.Join(dir, "push") }

// platformTOML is the part of the configuration that a platform needs.
func platformTOML(dir string) (string, error) {
	addr, err := freeAddr()
	if err != nil {
		return "", err
	}
	toml := fmt.Sprintf("[push]\nlisten = %q\n[[platform]]\nname = \"saas\"\napp_id = %q\nsecret = %q\npush_token = %q\npush_aes_key = %q\n",
		addr, componentAppID, AppSecret, pushToken, pushAESKey)
	return toml, os.WriteFile(pushFile(dir), []byte(addr), 0o600)
}

// PushTicket pushes a component_verify_ticket, as WeChat does every ten minutes.
func (p *Process) PushTicket(ctx context.Context) error {
	addr, err := os.ReadFile(pushFile(p.command.Dir))
	if err != nil {
		return err
	}
	callback := wechattest.Callback{
		AppID: componentAppID, URL: "http://" + string(addr) + "/push/saas", Token: pushToken, AESKey: pushAESKey,
		Mode: wechattest.Safe, AllEvents: true,
	}
	event := fmt.Sprintf("<xml><AppId>%s</AppId><CreateTime>%d</CreateTime><InfoType>component_verify_ticket</InfoType>"+
		"<ComponentVerifyTicket>ticket@@@bench</ComponentVerifyTicket></xml>", componentAppID, time.Now().Unix())
	if fault := callback.Push(ctx, wechattest.Pushed{Content: []byte(event)}).Fault; fault != "" {
		return fmt.Errorf("pushing a ticket to %s: %s", p.Name, fault)
	}
	return nil
}

// Heap returns what lives on the heap of a wxproxy, in bytes.
func (p *Process) Heap() (int64, error) {
	profile, err := p.readAdmin("/debug/pprof/heap?gc=1&debug=1")
	if err != nil {
		return 0, fmt.Errorf("asking %s for its heap: %w", p.Name, err)
	}
	_, after, found := bytes.Cut(profile, []byte("\n# HeapAlloc = "))
	number, _, _ := bytes.Cut(after, []byte("\n"))
	if !found {
		return 0, fmt.Errorf("asking %s for its heap: there is no HeapAlloc", p.Name)
	}
	return strconv.ParseInt(string(number), 10, 64)
}

// Import has the program at path store refresh tokens of so many authorizers, and returns how
// long that took, and its memory at most.
func Import(ctx context.Context, path string, s Site, authorizers int) (took time.Duration, memory int64, err error) {
	if s.Dir, err = os.MkdirTemp(s.Dir, "import-"); err != nil {
		return 0, 0, fmt.Errorf("importing: %w", err)
	}
	toml, err := platformTOML(s.Dir)
	if err != nil {
		return 0, 0, err
	}
	config, err := s.write("config.toml", wxproxyTOML(s, Shape{Accounts: 1, Clients: 1, Authorizers: authorizers}, "127.0.0.1:0", "127.0.0.1:0")+toml)
	if err != nil {
		return 0, 0, err
	}
	var lines bytes.Buffer
	for n := range authorizers {
		fmt.Fprintf(&lines, "%s,refreshtoken@@@%043d\n", AuthorizerAppID(n), n)
	}
	file, err := s.write("grants.csv", lines.String())
	if err != nil {
		return 0, 0, err
	}
	command := exec.CommandContext(ctx, path, "platform", "import", "-config", config, file)
	command.Env = withoutSettings(os.Environ())
	began := time.Now()
	if said, err := command.CombinedOutput(); err != nil {
		return 0, 0, fmt.Errorf("importing: %w: %s", err, said)
	}
	took = time.Since(began)
	if used, ok := command.ProcessState.SysUsage().(*syscall.Rusage); ok {
		memory = used.Maxrss << 10
	}
	return took, memory, nil
}
