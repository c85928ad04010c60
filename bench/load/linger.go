//go:build linux

package load

import "context"

// Linger connects so many callers, who make one request each and then stay until
// leave is called.
func Linger(ctx context.Context, t Target, number int) (leave func(), err error) {
	c, err := connect(ctx, t, number)
	if err != nil {
		return nil, err
	}
	return c.close, nil
}
