package cli

import (
	"cmp"
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"wxproxy/config"
	"wxproxy/internal/language"
	"wxproxy/internal/newconfig"
	"wxproxy/internal/secret"
	"wxproxy/internal/service"
)

// runInit asks for an account, and writes a configuration.
func runInit(o options, t terminal) error {
	kind := config.WeChat
	switch isWeCom := o.wecom || o.corpID != "" || o.agentID != ""; {
	case isWeCom && o.appID != "":
		return service.MistakeError{Err: language.Textf("wxproxy init: -app-id is for WeChat's accounts; an application of WeCom's has -corp-id and -agent-id")}
	case isWeCom:
		kind = config.WeCom
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	defer stop()
	return newconfig.Run(ctx, newconfig.Settings{
		File: cmp.Or(o.config, os.Getenv("WXPROXY_CONFIG"), "config.toml"), Replaces: o.force, Program: programName(),
		Kind: kind, ID: o.appID + o.corpID, AgentID: o.agentID, SecretFile: o.secretFile, Upstream: o.upstream, Proxy: secret.New(o.proxy), Unchecked: o.unchecked,
		In: os.Stdin, Out: t.out, Err: t.err, Language: t.language,
	})
}

// programName returns how this program is called: by a path, if it was, and by its name.
func programName() string {
	const name = "wxproxy"
	if called := os.Args[0]; strings.ContainsRune(called, filepath.Separator) && filepath.Base(called) == name {
		return called
	}
	return name
}
