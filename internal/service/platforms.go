package service

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"wxproxy/config"
	"wxproxy/internal/language"
	"wxproxy/internal/platforms"
	"wxproxy/platform"
	"wxproxy/proxy"
	"wxproxy/token"
)

// addPlatforms gives next its platforms: those that run, or new ones. Whoever does not use
// next drops them.
func (s *Service) addPlatforms(next *setup) error {
	if len(next.cfg.Platforms) == 0 {
		return nil
	}
	store, ok := s.store.(token.PlatformStore)
	if !ok {
		return Mistake(next.cfg, "token.store", language.Phrase("cannot keep what a [[platform]] is granted"))
	}
	for _, p := range next.cfg.Platforms {
		next.platforms = append(next.platforms, s.platforms.Take(s.platformOptions(next, p, store)))
	}
	return nil
}

// platformOptions tells a platform, in its own words, what the configuration says.
func (s *Service) platformOptions(of *setup, p config.Platform, store token.PlatformStore) platform.Options {
	o := platform.Options{
		Name:          p.Name,
		AppID:         p.AppID,
		HTTP:          &http.Client{Transport: platforms.Transport(s.askAsPresent)},
		URL:           of.cfg.Upstream.URL,
		Store:         store,
		ReadsList:     strings.HasPrefix(s.atStart.Token.Store.Reveal(), "memory:"),
		Queue:         s.background,
		RefreshBefore: of.cfg.Token.RefreshBefore,
		Lent:          of.handsOutTokens(),
		PublishCheck:  true, // Events says whether it is answered
		Forward:       func(ctx context.Context, e platform.Push) error { return s.forwardEvent(ctx, p.AppID, e) },
		Log:           s.log,
	}
	if s.redis != nil {
		o.Shared = s.redis
	}
	return o
}

// Reasons why an event of a platform cannot be forwarded now.
var (
	errNoPushes   = errors.New("push.listen is not set, so that nothing is forwarded")
	errNoPlatform = errors.New("the platform is configured no more")
)

// forwardEvent has programs get an event that the platform of an app id has acted upon, by the
// name that it has now.
func (s *Service) forwardEvent(ctx context.Context, appID string, e platform.Push) error {
	if s.pushes == nil {
		return errNoPushes
	}
	for _, p := range s.now.Load().cfg.Platforms {
		if p.AppID == appID {
			return s.pushes.receiver.ForwardEvent(ctx, p.Name, e)
		}
	}
	return errNoPlatform
}

// askAsPresent sends a request of a platform, which outlives setups, to the hosts of the
// present one.
func (s *Service) askAsPresent(req *http.Request) (*http.Response, error) {
	now := s.now.Load()
	ctx, cancel := context.WithTimeout(req.Context(), now.cfg.Upstream.FetchTime())
	resp, err := failover{now.hosts[config.WeChat]}.RoundTrip(req.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	resp.Body = &timedBody{resp.Body, cancel}
	return resp, nil
}

// A timedBody is a body that is read in the time of its request.
type timedBody struct {
	io.ReadCloser
	cancel context.CancelFunc
}

// Close closes the body, and ends the time.
func (b *timedBody) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}

// startPlatforms starts those that do not run yet. The others obey the settings of next, and
// read their AppSecret from where it has it.
func (s *Service) startPlatforms(next *setup) {
	for i, r := range next.platforms {
		p := next.cfg.Platforms[i]
		r.ReadSecretWith(s.secrets.reading(p.AppID, p.Source))
		r.Adjust(platform.Settings{Name: p.Name, RefreshBefore: next.cfg.Token.RefreshBefore, Lent: next.handsOutTokens()})
		r.Start()
	}
}

// retryPlatforms has those asked for again that failed before a reload: an operator who
// reloads has repaired something. They ask the hosts of the present setup.
func (s *Service) retryPlatforms(before *setup) {
	for _, r := range s.now.Load().platforms {
		if slices.Contains(before.platforms, r) {
			r.Retry()
		}
	}
}

// proxyPlatforms tells the proxy of the platforms, whose accounts are of this kind.
func (s *Service) proxyPlatforms(of *setup, kind *proxy.Kind) (all []proxy.Platform) {
	for i, r := range of.platforms {
		p, own := of.cfg.Platforms[i], r.Component()
		appSecret := newAccountSecret(s.secrets.reading(p.AppID, p.Source))
		all = append(all, r.ForProxy(proxy.Account{
			Name: p.Name, Kind: kind, Secret: appSecret.reveal, Known: s.credentials(own, p.AppID), SecretAccepted: own.SecretAccepted,
			SecretRefused: func(errcode int, errmsg string) {
				appSecret.refused(errcode)
				own.SecretRefused(errcode, errmsg)
			},
		}))
	}
	return all
}
