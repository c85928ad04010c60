package service

import (
	"context"
	"time"
)

// remindOfCertificates has the log say every day which certificates should be renewed,
// as it did when the configuration was read, until ctx ends.
func (s *Service) remindOfCertificates(ctx context.Context) {
	daily := time.NewTicker(24 * time.Hour)
	defer daily.Stop()
	for {
		select {
		case now := <-daily.C:
			for _, c := range s.now.Load().cfg.Certificates {
				if remark := c.Remark(now); remark != "" {
					s.log.Warn("configuration", "warning", remark)
				}
			}
		case <-ctx.Done():
			return
		}
	}
}
