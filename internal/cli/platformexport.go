package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"wxproxy/internal/language"
	"wxproxy/token"
)

// export writes what the store has, encrypted.
func (m *grantMove) export(ctx context.Context) error {
	if m.sealer == nil {
		return language.Phrase("an export is encrypted with token.encryption_key, and there is none; openssl rand -base64 32 makes one")
	}
	out, end, err := m.create()
	if err != nil {
		return err
	}
	written, unreadable, err := m.write(ctx, out)
	if err = errors.Join(err, end(err == nil)); err != nil {
		return language.Textf("exporting: %w", err)
	}
	m.terminal.sayf(m.terminal.err, "%s (%s): %d exported, encrypted with token.encryption_key\n", m.platform.Name, m.platform.AppID, written)
	if unreadable > 0 {
		return language.Textf("%d records could not be read", unreadable)
	}
	return nil
}

// create makes the file, which must not be there, and returns what ends it.
func (m *grantMove) create() (out io.Writer, end func(isGood bool) error, err error) {
	if m.file == "-" {
		return m.terminal.out, func(bool) error { return nil }, nil
	}
	file, err := os.OpenFile(m.file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, nil, err
	}
	return file, func(isGood bool) error {
		if isGood {
			return errors.Join(file.Sync(), file.Close())
		}
		return errors.Join(file.Close(), os.Remove(m.file))
	}, nil
}

// write writes a line for each account that has a refresh token, until ctx ends.
func (m *grantMove) write(ctx context.Context, to io.Writer) (written, unreadable int, err error) {
	out := bufio.NewWriter(to)
	fmt.Fprintf(out, "%s refresh tokens of the platform %s; wxproxy platform import reads them\n", grantComment, m.platform.AppID)
	seen := map[string]bool{}
	err = m.store.Each(m.platform.AppID, func(key token.Key, r token.Record, err error) error {
		switch {
		case ctx.Err() != nil:
			return errInterrupted
		case err != nil:
			unreadable++
		case r.State != token.Authorized || r.Refresh.Empty() || seen[key.AppID]:
		default:
			seen[key.AppID] = true
			written++
			_, err := fmt.Fprintf(out, "%s,%s%s\n", key.AppID, sealedGrant, m.sealer.Seal(grantName(m.platform.AppID, key.AppID), r.Refresh))
			return err
		}
		return nil
	})
	return written, unreadable, errors.Join(err, out.Flush())
}
